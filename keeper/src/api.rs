//! The read-only JSON API of a keeper, for `keeper status`, the swarm and anything on the same machine.
//!
//! | route | answer |
//! |---|---|
//! | `GET /v1/status` | the [`View`] without jobs and runs |
//! | `GET /v1/jobs` | `{"schema":1,"jobs":[...]}` |
//! | `GET /v1/runs` | `{"schema":1,"runs":[...]}`, newest first |
//! | `GET /v1/peers` | `{"schema":1,"peers":[...]}`: each [`p2p::PeerSummary`], with score, topics and round trip |
//! | `GET /ready`, `GET /health` | as on the metrics address |
//!
//! Meant for loopback. The Host header must be an IP address or `localhost`: a web page that points its own domain
//! name at 127.0.0.1 (DNS rebinding) gets nothing.

mod listener;

pub use listener::{BindError, bind, serve};

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::metrics::{Liveness, healthiness, readiness};
use crate::view::View;

/// Version of the shape of every document.
pub const SCHEMA: u32 = 1;

/// Everything the routes read.
#[derive(Clone)]
struct Sources {
    view: watch::Receiver<Arc<View>>,
    liveness: Liveness,
    mesh: p2p::Handle,
}

/// The routes of the API.
pub fn router(view: watch::Receiver<Arc<View>>, liveness: Liveness, mesh: p2p::Handle) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/jobs", get(jobs))
        .route("/v1/runs", get(runs))
        .route("/v1/peers", get(peers))
        .route("/ready", get(ready))
        .route("/health", get(health))
        .fallback(unknown)
        .layer(middleware::from_fn(check_host))
        .with_state(Sources { view, liveness, mesh })
}

/// The document of `/v1/status`.
#[must_use]
pub fn status_document(view: &View) -> Value {
    let mut document = json!(view);
    if let Some(fields) = document.as_object_mut() {
        fields.remove("jobs");
        fields.remove("runs");
        fields.insert("schema".to_owned(), json!(SCHEMA));
    }
    document
}

async fn status(State(sources): State<Sources>) -> Json<Value> {
    let view = sources.view.borrow().clone();
    Json(status_document(&view))
}

async fn jobs(State(sources): State<Sources>) -> Json<Value> {
    let view = sources.view.borrow().clone();
    Json(json!({"schema": SCHEMA, "jobs": view.jobs}))
}

async fn runs(State(sources): State<Sources>) -> Json<Value> {
    let view = sources.view.borrow().clone();
    Json(json!({"schema": SCHEMA, "runs": view.runs}))
}

async fn peers(State(sources): State<Sources>) -> Json<Value> {
    Json(json!({"schema": SCHEMA, "peers": sources.mesh.peers().await}))
}

async fn ready(State(sources): State<Sources>) -> Response {
    let view = sources.view.borrow().clone();
    readiness(&view)
}

async fn health(State(sources): State<Sources>) -> Response {
    healthiness(&sources.liveness)
}

async fn unknown() -> Response {
    refuse(
        StatusCode::NOT_FOUND,
        "no such route; there are /v1/status, /v1/jobs, /v1/runs, /v1/peers, /ready and /health",
    )
}

async fn check_host(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    if host.is_some_and(names_no_domain) {
        next.run(request).await
    } else {
        refuse(StatusCode::FORBIDDEN, "the Host header must be an IP address or localhost")
    }
}

/// Whether a Host header is `localhost` or an IP address, with or without a port.
fn names_no_domain(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"schema": SCHEMA, "error": {"message": message}}))).into_response()
}

#[cfg(test)]
mod tests;

//! The read-only JSON API of a keeper and its page, for `keeper status`, the swarm, browsers and anything on the same machine.
//!
//! | route | answer |
//! |---|---|
//! | `GET /` | the page (`keeper/web/`), embedded |
//! | `GET /api/v1/...` | what the page reads: [`v1`], described in `/api/v1/openapi.json` |
//! | `GET /v1/status` | the [`View`] without jobs and runs |
//! | `GET /v1/jobs` | `{"schema":1,"jobs":[...]}` |
//! | `GET /v1/runs` | `{"schema":1,"runs":[...]}`, newest first |
//! | `GET /v1/peers` | `{"schema":1,"peers":[...]}`: each [`p2p::PeerSummary`], with score, topics and round trip |
//! | `GET /api/v1/mesh` | [`crate::heartbeat::MeshView`]: every registered keeper, as its heartbeats show it |
//! | `GET /ready` (`/readyz`), `GET /health` (`/livez`) | as on the metrics address |
//!
//! Meant for loopback. Nothing here writes, so nothing asks for a token; [`guard`] sees to it that only this machine's own
//! pages and programs read it.

mod documents;
mod events;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod guard;
mod listener;
mod page;
mod purse;
mod v1;

pub use listener::{BindError, bind, serve};
pub use purse::Purse;

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::metrics::{Liveness, healthiness, readiness};
use crate::scene::Scene;
use crate::view::View;

/// Version of the shape of every document.
pub const SCHEMA: u32 = 1;

/// Everything the routes read.
#[derive(Clone, Debug)]
pub struct Sources {
    /// How the keeper stands.
    pub view: watch::Receiver<Arc<View>>,
    /// Whether its loop turns.
    pub liveness: Liveness,
    /// The mesh, for its connections.
    pub mesh: p2p::Handle,
    /// What was seen of the mesh at work.
    pub scene: Scene,
    /// The record of runs on disk.
    pub archive: PathBuf,
    /// What is set aside for jobs.
    pub purse: Purse,
}

impl Sources {
    fn view(&self) -> Arc<View> {
        self.view.borrow().clone()
    }
}

/// The routes of the API and the page.
pub fn router(sources: Sources) -> Router {
    let routes = Router::new()
        .route("/v1/status", get(status))
        .route("/v1/jobs", get(jobs))
        .route("/v1/runs", get(runs))
        .route("/v1/peers", get(peers))
        .route("/ready", get(ready))
        .route("/readyz", get(ready))
        .route("/health", get(health))
        .route("/livez", get(health))
        .nest("/api/v1", v1::router())
        .fallback(page::file)
        .with_state(sources);
    guarded(routes)
}

/// Routes behind the door of this API ([`guard`]): they only read, and answer to this machine's own pages and programs.
pub fn guarded(routes: Router) -> Router {
    routes.layer(middleware::from_fn(guard::check))
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
    Json(status_document(&sources.view()))
}

async fn jobs(State(sources): State<Sources>) -> Json<Value> {
    Json(json!({"schema": SCHEMA, "jobs": sources.view().jobs}))
}

async fn runs(State(sources): State<Sources>) -> Json<Value> {
    Json(json!({"schema": SCHEMA, "runs": sources.view().runs}))
}

async fn peers(State(sources): State<Sources>) -> Json<Value> {
    Json(json!({"schema": SCHEMA, "peers": sources.mesh.peers().await}))
}

async fn ready(State(sources): State<Sources>) -> Response {
    readiness(&sources.view())
}

async fn health(State(sources): State<Sources>) -> Response {
    healthiness(&sources.liveness)
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"schema": SCHEMA, "error": {"message": message}}))).into_response()
}

#[cfg(test)]
mod tests;

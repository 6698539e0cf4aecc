//! What the metrics address answers: `/metrics`, `/health` (`/livez`), `/ready` (`/readyz`). Read-only and safe to expose to a scraper.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::sync::watch;

use super::text;
use crate::view::View;

/// A driver loop that has not ticked for this long counts as hung.
const STALL: Duration = Duration::from_secs(10);

/// Sign of life of the driver loop: it ticks, `/health` looks.
#[derive(Debug, Clone)]
pub struct Liveness {
    started: Instant,
    last_tick_ms: Arc<AtomicU64>,
}

impl Liveness {
    /// Counts from now.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now(), last_tick_ms: Arc::default() }
    }

    /// As if started a while ago, with no tick since.
    #[cfg(test)]
    pub(crate) fn started_ago(ago: Duration) -> Self {
        Self { started: Instant::now() - ago, last_tick_ms: Arc::default() }
    }

    /// The loop went round once more. To be called at least every few seconds.
    pub fn tick(&self) {
        self.last_tick_ms.store(self.elapsed_ms(), Ordering::Relaxed);
    }

    /// Time since the last tick.
    #[must_use]
    pub fn stalled_for(&self) -> Duration {
        Duration::from_millis(self.elapsed_ms().saturating_sub(self.last_tick_ms.load(Ordering::Relaxed)))
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Default for Liveness {
    fn default() -> Self {
        Self::new()
    }
}

/// Everything the routes read.
#[derive(Clone)]
struct Sources {
    registry: Arc<Registry>,
    view: watch::Receiver<Arc<View>>,
    liveness: Liveness,
}

/// The routes of the metrics address.
pub fn router(registry: Arc<Registry>, view: watch::Receiver<Arc<View>>, liveness: Liveness) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/health", get(health))
        .route("/livez", get(health))
        .route("/ready", get(ready))
        .route("/readyz", get(ready))
        .with_state(Sources { registry, view, liveness })
}

/// OpenMetrics for those who ask for it (Prometheus does), text 0.0.4 for everybody else.
async fn metrics(State(sources): State<Sources>, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (kind, body) = if accept.contains("application/openmetrics-text") {
        (text::OPENMETRICS_TYPE, text::openmetrics(&sources.registry))
    } else {
        (text::PLAIN_TYPE, text::plain(&sources.registry))
    };
    match body {
        Ok(body) => ([(header::CONTENT_TYPE, kind)], body).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "a series could not be written\n").into_response(),
    }
}

async fn health(State(sources): State<Sources>) -> Response {
    healthiness(&sources.liveness)
}

async fn ready(State(sources): State<Sources>) -> Response {
    let view = sources.view.borrow().clone();
    readiness(&view)
}

/// 200 and the checks while `view` is ready, 503 and the checks while it is not; each check as [`crate::view::Check`].
pub(crate) fn readiness(view: &View) -> Response {
    let status = if view.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"ready": view.ready, "checks": view.checks}))).into_response()
}

/// 200 while the driver loop goes round, 503 when it is stuck.
pub(crate) fn healthiness(liveness: &Liveness) -> Response {
    let stalled = liveness.stalled_for();
    let status = if stalled < STALL { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let stalled_ms = u64::try_from(stalled.as_millis()).unwrap_or(u64::MAX);
    (status, Json(json!({"healthy": status == StatusCode::OK, "stalled_ms": stalled_ms}))).into_response()
}

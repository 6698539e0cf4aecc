//! What the page reads. Every document is an object with `schema`; numbers that may be larger than a browser's are decimal
//! strings. The shapes are in `keeper/web/openapi.json`, which a test holds against these routes.

use alloy::primitives::Address;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use consensus::task::JobId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{SCHEMA, Sources, documents, events, page, refuse};
use crate::archive::{Error, Reader};
use crate::scene;

/// Runs of a job in one answer.
const RUNS_MAX: u32 = 500;

/// The routes below `/api/v1`.
pub(super) fn router() -> Router<Sources> {
    Router::new()
        .route("/openapi.json", get(page::openapi))
        .route("/node", get(node))
        .route("/network", get(network))
        .route("/jobs", get(jobs))
        .route("/jobs/{id}", get(job))
        .route("/jobs/{id}/runs", get(runs_of_job))
        .route("/runs", get(runs))
        .route("/runs/{key}", get(run))
        .route("/certificates/{key}", get(certificate))
        .route("/leaders", get(leaders))
        .route("/operators", get(operators))
        .route("/events", get(events::events))
}

async fn node(State(sources): State<Sources>) -> Json<Value> {
    let (readers, dropped) = sources.scene.readers();
    let mut document = super::status_document(&sources.view());
    document["version"] = json!(env!("CARGO_PKG_VERSION"));
    document["page"] = json!({ "readers": readers, "readers_max": scene::READERS_MAX, "readers_dropped": dropped });
    Json(document)
}

async fn network(State(sources): State<Sources>) -> Json<Value> {
    let peers = sources.mesh.peers().await;
    Json(documents::network(&sources.view(), &peers))
}

async fn jobs(State(sources): State<Sources>) -> Json<Value> {
    let view = sources.view();
    Json(json!({ "schema": SCHEMA, "head": view.head, "jobs": view.jobs }))
}

async fn job(State(sources): State<Sources>, Path(id): Path<u64>) -> Response {
    let view = sources.view();
    match view.jobs.iter().find(|job| job.id == id) {
        Some(job) => {
            let money = sources.purse.of(id).await;
            Json(json!({ "schema": SCHEMA, "head": view.head, "job": job, "money": money })).into_response()
        }
        None => refuse(StatusCode::NOT_FOUND, "this keeper knows no such job"),
    }
}

/// Which runs of a job.
#[derive(Debug, Deserialize)]
struct Which {
    /// Only those due before this moment, in Unix seconds.
    before: Option<u64>,
    /// Only those that come after this run, by its name; more than fit into an answer may be due in one second.
    after: Option<String>,
    /// How many at most.
    limit: Option<u32>,
}

async fn runs_of_job(State(sources): State<Sources>, Path(id): Path<u64>, Query(which): Query<Which>) -> Response {
    let most = which.limit.unwrap_or(100).clamp(1, RUNS_MAX);
    let after = match which.after.as_deref().map(scene::task) {
        Some(None) => return no_key(),
        Some(Some(task)) if task.job != JobId(id) => {
            return refuse(StatusCode::BAD_REQUEST, "that run is of another job");
        }
        Some(task) => task,
        None => None,
    };
    let found = read(&sources, move |reader| match (after, which.before) {
        (Some(task), _) => reader.following(&task, most),
        (None, Some(moment)) => reader.due_before(JobId(id), moment, most),
        (None, None) => reader.newest(JobId(id), most, false),
    });
    match found.await {
        Ok((operator, found)) => {
            let now = documents::now(&sources.view());
            let runs: Vec<Value> = found.iter().map(|found| documents::recorded(found, now, operator)).collect();
            Json(json!({ "schema": SCHEMA, "job": id, "runs": runs })).into_response()
        }
        Err((status, why)) => refuse(status, &why),
    }
}

async fn runs(State(sources): State<Sources>) -> Json<Value> {
    let view = sources.view();
    Json(json!({ "schema": SCHEMA, "runs": view.runs, "missed": view.missed }))
}

async fn run(State(sources): State<Sources>, Path(key): Path<String>) -> Response {
    let Some(task) = scene::task(&key) else { return no_key() };
    let record = read(&sources, move |reader| reader.one(&task)).await;
    // What was seen is shown as well where nothing is recorded, or cannot be read.
    let (operator, found) = record.unwrap_or_default();
    let now = documents::now(&sources.view());
    let document = sources.scene.look(|memory| documents::run(&task, (found.as_ref(), operator), memory, now));
    document.map_or_else(
        || refuse(StatusCode::NOT_FOUND, "this keeper knows no such task"),
        |run| Json(run).into_response(),
    )
}

async fn certificate(State(sources): State<Sources>, Path(key): Path<String>) -> Response {
    let Some(task) = scene::task(&key) else { return no_key() };
    let domain = sources.scene.domain;
    match sources.scene.look(|memory| documents::certificate(&task, memory, &domain)) {
        Some(document) => Json(document).into_response(),
        None => refuse(
            StatusCode::NOT_FOUND,
            "this keeper has no certificate of that task at hand: it keeps the newest ones, since its start",
        ),
    }
}

async fn leaders(State(sources): State<Sources>) -> Json<Value> {
    let view = sources.view();
    Json(sources.scene.look(|memory| documents::leaders(&view, memory)))
}

async fn operators(State(sources): State<Sources>) -> Json<Value> {
    let view = sources.view();
    let members = view.members.iter().filter_map(|member| member.operator.parse().ok()).collect();
    let earned = sources.purse.earned(members, view.epoch.number).await;
    Json(sources.scene.look(|memory| documents::operators(&view, memory, &earned)))
}

fn no_key() -> Response {
    refuse(StatusCode::BAD_REQUEST, "a task is named by job, version and run with dots between, as in 3.1.42")
}

/// Why the record was not read, for whoever asked.
type Unread = (StatusCode, String);

/// Reads the record, off the threads that answer; gives whose it is besides.
async fn read<T: Send + 'static>(
    sources: &Sources,
    ask: impl FnOnce(&Reader) -> Result<T, Error> + Send + 'static,
) -> Result<(Address, T), Unread> {
    let path = sources.archive.clone();
    let asked = tokio::task::spawn_blocking(move || {
        let reader = Reader::open(&path)?;
        Ok((reader.operator, ask(&reader)?))
    });
    match asked.await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error @ Error::Missing { .. })) => Err((StatusCode::NOT_FOUND, error.to_string())),
        Ok(Err(error)) => Err((StatusCode::SERVICE_UNAVAILABLE, error.to_string())),
        Err(_) => Err((StatusCode::SERVICE_UNAVAILABLE, "the record could not be read".to_owned())),
    }
}

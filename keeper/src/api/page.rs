//! The page: the files of `keeper/web/`, which are part of the program.

use std::sync::LazyLock;

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::refuse;

/// One file of the page.
struct File {
    name: &'static str,
    bytes: &'static [u8],
    /// Names its content: a browser asks each time whether it is still the same, so that it never shows another release's page.
    tag: String,
}

/// The files by name, as they were when the keeper was built.
macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
            let files: [(&str, &[u8]); [$($name),+].len()] =
                [$(($name, include_bytes!(concat!("../../web/", $name)))),+];
            files.into_iter().map(|(name, bytes)| File { name, bytes, tag: tag(bytes) }).collect()
        });
    };
}

files! {
    "index.html",
    "openapi.json",
    "icon.svg",
    "style.css",
    "views.css",
    "main.js",
    "data.js",
    "dom.js",
    "words.js",
    "graph.js",
    "happenings.js",
    "history.js",
    "leadership.js",
    "verify.js",
    "abi.js",
    "outcome.js",
    "proof.js",
    "settled.js",
    "view-mesh.js",
    "view-tasks.js",
    "view-task.js",
    "view-jobs.js",
    "view-create.js",
    "view-leaders.js",
    "view-operators.js",
    "view-node.js",
    "vendor/d3-force.js",
    "vendor/noble.js",
}

fn tag(bytes: &[u8]) -> String {
    format!("\"{}\"", alloy::hex::encode(&Sha256::digest(bytes)[..12]))
}

fn find(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name)
}

/// Answers with a file, or says that there is none.
pub(super) async fn file(request: Request) -> Response {
    let name = match request.uri().path().trim_start_matches('/') {
        "" => "index.html",
        name => name,
    };
    match find(name) {
        Some(file) => answer(file, request.headers()),
        None => refuse(
            StatusCode::NOT_FOUND,
            "no such route; there are / (the page), /api/v1/openapi.json (what it reads), /v1/status, /v1/jobs, /v1/runs, \
             /v1/peers, /ready and /health",
        ),
    }
}

/// The description of what the page reads.
pub(super) async fn openapi(headers: HeaderMap) -> Response {
    find("openapi.json")
        .map_or_else(|| refuse(StatusCode::NOT_FOUND, "there is no description"), |file| answer(file, &headers))
}

fn answer(file: &'static File, headers: &HeaderMap) -> Response {
    let cached = [(header::CACHE_CONTROL, "no-cache"), (header::ETAG, file.tag.as_str())];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == file.tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, cached).into_response();
    }
    (cached, [(header::CONTENT_TYPE, kind(file.name))], file.bytes).into_response()
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

/// The names of all files.
#[cfg(test)]
pub(super) fn names() -> Vec<&'static str> {
    FILES.iter().map(|file| file.name).collect()
}

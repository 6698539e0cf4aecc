//! The job creator's web server: hands out job code on loopback.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, RwLock};

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

type Files = Arc<RwLock<BTreeMap<String, Vec<u8>>>>;

/// A running web server; dropping it stops it.
#[derive(Debug)]
pub struct CodeServer {
    address: SocketAddr,
    files: Files,
    task: JoinHandle<()>,
}

impl CodeServer {
    /// Starts one on a free loopback port, with nothing to serve yet.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> Result<Self> {
        let files = Files::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no free port for the code server")?;
        let address = listener.local_addr()?;
        let router = Router::new().route("/{name}", get(file)).with_state(Arc::clone(&files));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the code server stopped");
            }
        });
        Ok(Self { address, files, task })
    }

    /// Serves `bytes` under a name; returns the URL.
    #[must_use]
    pub fn serve(&self, name: &str, bytes: Vec<u8>) -> String {
        self.files.write().unwrap_or_else(std::sync::PoisonError::into_inner).insert(name.to_owned(), bytes);
        self.url(name)
    }

    /// The URL of a name, served or not.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }
}

impl Drop for CodeServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn file(State(files): State<Files>, Path(name): Path<String>) -> Result<Vec<u8>, StatusCode> {
    let files = files.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    files.get(&name).cloned().ok_or(StatusCode::NOT_FOUND)
}

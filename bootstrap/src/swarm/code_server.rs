//! The job creator's web server: hands out job code, and prices that no two who ask see alike.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What requests are answered from, and how many there were.
#[derive(Debug, Default)]
struct Shop {
    files: RwLock<BTreeMap<String, Vec<u8>>>,
    asked: AtomicUsize,
    /// How often a price was asked for.
    quoted: AtomicU64,
}

/// A running web server; dropping it stops it.
#[derive(Debug)]
pub struct CodeServer {
    address: SocketAddr,
    shop: Arc<Shop>,
    task: JoinHandle<()>,
}

impl CodeServer {
    /// Starts one on a free port of `host`, with nothing to serve yet.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(host: IpAddr) -> Result<Self> {
        let shop = Arc::<Shop>::default();
        let listener = TcpListener::bind((host, 0)).await.context("no free port for the code server")?;
        let address = listener.local_addr()?;
        let router = Router::new().route("/{name}", get(file)).with_state(Arc::clone(&shop));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the code server stopped");
            }
        });
        Ok(Self { address, shop, task })
    }

    /// Serves `bytes` under a name; returns the URL.
    #[must_use]
    pub fn serve(&self, name: &str, bytes: Vec<u8>) -> String {
        self.shop.files.write().unwrap_or_else(std::sync::PoisonError::into_inner).insert(name.to_owned(), bytes);
        self.url(name)
    }

    /// Stops it: from now on nobody listens there.
    pub async fn close(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    /// How often it was asked for something so far.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.shop.asked.load(Ordering::Relaxed)
    }

    /// Its host, as it stands on the allow-list of a job.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
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

async fn file(State(shop): State<Arc<Shop>>, Path(name): Path<String>) -> Result<Vec<u8>, StatusCode> {
    if let Some(source) = name.strip_prefix("price-").and_then(|number| number.parse::<u64>().ok()) {
        let cents = (shop.quoted.fetch_add(1, Ordering::Relaxed) + source) % 100;
        return Ok(format!(r#"{{"price":"3000.{cents:02}"}}"#).into_bytes());
    }
    shop.asked.fetch_add(1, Ordering::Relaxed);
    let files = shop.files.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    files.get(&name).cloned().ok_or(StatusCode::NOT_FOUND)
}

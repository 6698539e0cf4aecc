//! What the keepers say of themselves: `node.json` in their data directories and their API on loopback.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A keeper that does not answer within this is not there.
const PATIENCE: Duration = Duration::from_secs(3);

/// `node.json`: how to reach a running keeper.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "the keys are documented where keepers write them")]
pub struct Node {
    pub pid: u32,
    pub peer_id: String,
    pub operator: String,
    pub listen: Vec<String>,
    pub api_addr: String,
    pub metrics_addr: String,
}

/// The part of `GET /v1/status` that matters here.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the keys are documented in keeper/src/view.rs")]
pub struct Status {
    pub ready: bool,
    pub checks: std::collections::BTreeMap<String, Check>,
    pub peers: usize,
    pub epoch: Epoch,
    pub window: u64,
    pub leader: String,
    pub next_leader: String,
}

/// A readiness check.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the keys are documented in keeper/src/view.rs")]
pub struct Check {
    pub ok: bool,
    pub message: String,
}

/// The epoch a keeper signs for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the keys are documented in keeper/src/view.rs")]
pub struct Epoch {
    pub number: u32,
    pub size: usize,
    pub index: Option<u16>,
}

/// One job of `GET /v1/jobs`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the keys are documented in keeper/src/view.rs")]
pub struct Job {
    pub id: u64,
    pub status: String,
    pub last_result: String,
    pub ready: bool,
    pub reason: String,
}

/// One run of `GET /v1/runs`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the keys are documented in keeper/src/view.rs")]
pub struct Run {
    pub task_id: String,
    pub job_id: u64,
    pub run: u64,
    pub due: u64,
    pub state: String,
    pub reason: String,
    pub certified_ms: Option<u64>,
    pub submitter: String,
}

/// Reads a keeper's `node.json`.
///
/// # Errors
/// While the keeper has not written it.
pub fn node(datadir: &Path) -> Result<Node> {
    let path = datadir.join("node.json");
    let text = std::fs::read(&path).with_context(|| format!("{} is not there", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is malformed", path.display()))
}

/// Asks a keeper's API, for instance for `/v1/jobs`. Lists come bare or under the route's last word.
///
/// # Errors
/// When nobody answers, or not with 200 and the expected JSON.
pub async fn get<T: DeserializeOwned>(client: &reqwest::Client, datadir: &Path, route: &str) -> Result<T> {
    let url = format!("http://{}{route}", node(datadir)?.api_addr);
    let answer = client.get(&url).timeout(PATIENCE).send().await.with_context(|| format!("{url} does not answer"))?;
    if !answer.status().is_success() {
        bail!("{url} answers {}", answer.status());
    }
    let mut document: serde_json::Value = answer.json().await.with_context(|| format!("{url} answers no JSON"))?;
    let word = route.rsplit('/').next().unwrap_or_default();
    if let Some(inner) = document.get_mut(word).filter(|inner| inner.is_array()) {
        document = inner.take();
    }
    serde_json::from_value(document).with_context(|| format!("{url} answers something unexpected"))
}

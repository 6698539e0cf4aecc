//! The way to the RPC nodes: several HTTP endpoints behind one alloy provider.
//!
//! An endpoint is used only after it answered with the right chain id, asked again after every failure. A failure moves
//! on to the next endpoint. Answers are capped in size and time.

mod broadcast;

use super::{ChainConfig, ChainError};
use alloy::network::Ethereum;
use alloy::providers::RootProvider;
use alloy::rpc::client::RpcClient;
use alloy::transports::{TransportError, TransportErrorKind, TransportFut};
use alloy_json_rpc::{RequestPacket, ResponsePacket};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use url::{Host, Url};

/// Longest wait for one answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(8);
/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Largest answer read; 2,000 blocks full of our logs stay far below it.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;
/// Most endpoints used.
const MAX_ENDPOINTS: usize = 16;

/// The provider all reads and writes of the keeper go through.
pub type ChainProvider = RootProvider<Ethereum>;

/// A cheap handle on the endpoints; clones share them.
#[derive(Clone, Debug)]
pub struct Rpc {
    endpoints: Arc<Endpoints>,
}

#[derive(Debug)]
struct Endpoints {
    list: Vec<Endpoint>,
    /// Place of the endpoint in use.
    current: AtomicUsize,
    chain_id: u64,
    network_file: PathBuf,
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

#[derive(Debug)]
struct Endpoint {
    url: Url,
    http: reqwest::Client,
    /// Whether its chain id was checked since its last failure.
    verified: AtomicBool,
}

/// Why one endpoint gave no usable answer. Only the URL's origin is shown: paths and queries hold keys.
#[derive(Debug, thiserror::Error)]
enum EndpointError {
    #[error("{origin}: {why}")]
    NoAnswer { origin: String, why: String },
    #[error("{origin}: the answer is larger than {MAX_ANSWER_BYTES} bytes")]
    TooLarge { origin: String },
    #[error("{origin}: not a JSON-RPC answer (HTTP status {status}): {why}")]
    NotJsonRpc { origin: String, status: u16, why: String },
    #[error("{origin}: asked to slow down: {why}")]
    Limited { origin: String, why: String },
    #[error(
        "{origin}: wrong chain id: the node serves chain {found}, {file} says {expected}; correct rpc_urls or chain_id there"
    )]
    WrongChainId { origin: String, found: String, expected: u64, file: String },
}

impl EndpointError {
    fn reason(&self) -> &'static str {
        match self {
            Self::NoAnswer { .. } => "no_answer",
            Self::TooLarge { .. } => "answer_too_large",
            Self::NotJsonRpc { .. } => "not_json_rpc",
            Self::Limited { .. } => "limited",
            Self::WrongChainId { .. } => "wrong_chain_id",
        }
    }
}

impl Rpc {
    /// Prepares the endpoints of a network; nothing is sent yet.
    ///
    /// # Errors
    /// A URL that is not http or https, none at all, or more than 16.
    pub fn new(config: &ChainConfig) -> Result<Self, ChainError> {
        let invalid =
            |position, why: String| ChainError::InvalidUrl { position, why, network_file: config.network_file.clone() };
        if config.network.rpc_urls.is_empty() || config.network.rpc_urls.len() > MAX_ENDPOINTS {
            let why = format!("rpc_urls holds {} URLs, 1 to {MAX_ENDPOINTS} are needed", config.network.rpc_urls.len());
            return Err(invalid(config.network.rpc_urls.len(), why));
        }
        let mut list = Vec::new();
        for (index, text) in config.network.rpc_urls.iter().enumerate() {
            let url = Url::parse(text).map_err(|error| invalid(index + 1, error.to_string()))?;
            if !matches!(url.scheme(), "http" | "https") {
                return Err(invalid(index + 1, format!("scheme {} is not http or https", url.scheme())));
            }
            let mut http = reqwest::Client::builder()
                .timeout(REQUEST_TIMEOUT)
                .connect_timeout(CONNECT_TIMEOUT)
                .redirect(reqwest::redirect::Policy::none());
            if is_loopback(&url) {
                http = http.no_proxy();
            }
            let http = http.build().map_err(|error| invalid(index + 1, error.to_string()))?;
            list.push(Endpoint { url, http, verified: AtomicBool::new(false) });
        }
        let endpoints = Endpoints {
            list,
            current: AtomicUsize::new(0),
            chain_id: config.network.chain_id,
            network_file: config.network_file.clone(),
            counts: Mutex::default(),
        };
        Ok(Self { endpoints: Arc::new(endpoints) })
    }

    /// A provider over these endpoints.
    #[must_use]
    pub fn provider(&self) -> ChainProvider {
        RootProvider::new(RpcClient::new(self.clone(), false))
    }

    /// Leaves the endpoint in use for the next one, because its answer was not believable or is out of date.
    pub fn distrust(&self, reason: &'static str) {
        self.count(reason);
        self.endpoints.leave(self.endpoints.current.load(Ordering::Relaxed));
    }

    /// Counts something worth a metric; `reason` is its label.
    pub fn count(&self, reason: &'static str) {
        let mut counts = self.endpoints.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(reason).or_default() += 1;
    }

    /// How often each reason was counted.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.endpoints.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn send(self, request: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let count = self.endpoints.list.len();
        let first = self.endpoints.current.load(Ordering::Relaxed);
        let mut failures = Vec::new();
        for place in (first..first + count).map(|place| place % count) {
            match self.endpoints.ask(place, &request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    self.count(error.reason());
                    self.endpoints.leave(place);
                    failures.push(error.to_string());
                }
            }
        }
        Err(TransportErrorKind::custom_str(&failures.join("; ")))
    }
}

impl Endpoints {
    /// Marks an endpoint as failed and moves on, unless somebody moved on already.
    fn leave(&self, place: usize) {
        self.list[place].verified.store(false, Ordering::Relaxed);
        let next = (place + 1) % self.list.len();
        let _ = self.current.compare_exchange(place, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    async fn ask(&self, place: usize, request: &RequestPacket) -> Result<ResponsePacket, EndpointError> {
        let endpoint = &self.list[place];
        if !endpoint.verified.load(Ordering::Relaxed) {
            self.check_chain_id(endpoint).await?;
            endpoint.verified.store(true, Ordering::Relaxed);
        }
        let body = serde_json::to_vec(request)
            .map_err(|error| EndpointError::NoAnswer { origin: endpoint.origin(), why: error.to_string() })?;
        let answer: ResponsePacket = endpoint.post(body).await?;
        match answer.as_error() {
            Some(error) if error.is_retry_err() => {
                Err(EndpointError::Limited { origin: endpoint.origin(), why: error.to_string() })
            }
            _ => Ok(answer),
        }
    }

    async fn check_chain_id(&self, endpoint: &Endpoint) -> Result<(), EndpointError> {
        #[derive(serde::Deserialize)]
        struct Answer {
            result: Option<alloy::primitives::U64>,
        }
        let question = br#"{"jsonrpc":"2.0","id":0,"method":"eth_chainId","params":[]}"#;
        let answer: Answer = endpoint.post(question.to_vec()).await?;
        let found = answer.result.map(|id| id.to::<u64>());
        if found == Some(self.chain_id) {
            return Ok(());
        }
        Err(EndpointError::WrongChainId {
            origin: endpoint.origin(),
            found: found.map_or_else(|| "unknown".to_owned(), |id| id.to_string()),
            expected: self.chain_id,
            file: self.network_file.display().to_string(),
        })
    }
}

impl Endpoint {
    fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    async fn post<T: serde::de::DeserializeOwned>(&self, body: Vec<u8>) -> Result<T, EndpointError> {
        let no_answer =
            |error: reqwest::Error| EndpointError::NoAnswer { origin: self.origin(), why: root_cause(error) };
        let request = self.http.post(self.url.clone()).header("content-type", "application/json").body(body);
        let mut response = request.send().await.map_err(no_answer)?;
        let status = response.status().as_u16();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
            if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(EndpointError::TooLarge { origin: self.origin() });
            }
            bytes.extend_from_slice(&chunk);
        }
        // Nodes send JSON-RPC errors with other HTTP statuses than 200, so the body decides.
        serde_json::from_slice(&bytes).map_err(|error| EndpointError::NotJsonRpc {
            origin: self.origin(),
            status,
            why: error.to_string(),
        })
    }
}

/// The innermost cause: "connection refused" helps, "error sending request" does not.
fn root_cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if error.is_timeout() { format!("timed out ({cause})") } else { cause.to_string() }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl tower_service::Service<RequestPacket> for Rpc {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}

#[cfg(test)]
mod tests;

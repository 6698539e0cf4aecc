//! One HTTP exchange with a node: capped in size and time, its status and `Retry-After` kept.

use super::secrets::Secrets;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::time::{Duration, SystemTime};
use url::{Host, Url};

/// Longest wait for one whole answer: an endless one is cut off here.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(8);
/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Largest answer read of all; 2,000 blocks full of our logs stay far below it.
pub(super) const MAX_ANSWER_BYTES: usize = 32 * MIB;
/// Largest of an answer that has one value, or a page of words in its place.
const SMALL_ANSWER_BYTES: usize = MIB / 4;
/// An answer of which less than this has come when the time is over is late, and not large.
const LARGE_BYTES: usize = MIB;
const MIB: usize = 1024 * 1024;

/// Largest answer to a method. Headers are asked for sixteen at a time, so that what one may take is taken by all of them.
pub(super) fn most_bytes(method: &str) -> usize {
    match method {
        "eth_getLogs" => MAX_ANSWER_BYTES,
        // What a call returns is bounded by its gas: 2.3 MB at 10 million. A revert's data is there twice, as hexadecimal and as a reason in
        // the message, of which each byte may take six.
        "eth_call" => 20 * MIB,
        // So is what callbacks log: 16 million for a transaction.
        "eth_estimateGas" | "eth_getTransactionReceipt" | "eth_getTransactionByHash" => 16 * MIB,
        // What a call would change, for its author alone: a slot takes some 300 bytes, before and after.
        "debug_traceCall" => 8 * MIB,
        // With a block come the hashes of its transactions, 69 bytes each.
        "eth_getBlockByNumber" | "eth_getBlockByHash" | "eth_getCode" => 4 * MIB,
        _ => SMALL_ANSWER_BYTES,
    }
}

/// A node's URL and a client for it.
pub(super) struct Wire {
    url: Url,
    http: reqwest::Client,
    /// Scheme, host and port: all of the URL that is ever shown, as paths and queries hold keys.
    pub(super) origin: String,
    /// The rest of it, which the node's own words may repeat.
    pub(super) secrets: Secrets,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Wire").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// What came back, whatever it is.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

/// Why nothing usable came back.
#[derive(Debug)]
pub(super) enum Silence {
    /// The connection failed or broke off.
    NoAnswer(String),
    TimedOut(String),
    /// It was still coming when the time was over, after so many bytes.
    CutOff(usize),
    /// The answer is larger than so many bytes.
    TooLarge(usize),
}

impl Wire {
    /// # Errors
    /// Words for what is wrong with the URL; they do not repeat it.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("scheme {} is not http or https", url.scheme()));
        }
        let mut http = reqwest::Client::builder()
            .timeout(REQUEST_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none());
        if is_loopback(&url) {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| error.without_url().to_string())?;
        let (origin, secrets) = (url.origin().ascii_serialization(), Secrets::of(&url));
        Ok(Self { url, http, origin, secrets })
    }

    /// Sends a question; of the answer no more than `most` bytes are read.
    pub(super) async fn post(&self, body: Vec<u8>, most: usize) -> Result<Reply, Silence> {
        let request = self.http.post(self.url.clone()).header("content-type", "application/json").body(body);
        let mut response = request.send().await.map_err(silence)?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers(), SystemTime::now());
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(None) => break,
                Ok(Some(chunk)) if body.len() + chunk.len() > most => return Err(Silence::TooLarge(most)),
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Err(error) if error.is_timeout() && body.len() >= LARGE_BYTES => {
                    return Err(Silence::CutOff(body.len()));
                }
                Err(error) => return Err(silence(error)),
            }
        }
        Ok(Reply { status, retry_after, body })
    }
}

/// `Retry-After` in either form: seconds, or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    // A date in the past means that it may be asked again now.
    Some(httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default())
}

/// The innermost cause: "connection refused" helps, "error sending request" does not.
fn silence(error: reqwest::Error) -> Silence {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if error.is_timeout() { Silence::TimedOut(cause.to_string()) } else { Silence::NoAnswer(cause.to_string()) }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests;

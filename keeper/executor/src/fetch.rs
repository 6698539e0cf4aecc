//! Fetches a job's code from the URL its creator registered, and lets through only what has the registered hash.

mod address;
mod hosts;

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::hex;
use base64::Engine as _;
use reqwest::header::LOCATION;
use reqwest::{Client, redirect};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use url::{Host, Url};

use crate::turns::{Bounds, Customer, Turns};
use crate::{Abstain, Code, MAX_CODE_BYTES};
pub(crate) use address::PublicResolver;
use hosts::Hosts;

/// Time for one fetch, from the first byte asked to the last one received; that of redirects is added up, waiting is not.
const DEADLINE: Duration = Duration::from_secs(10);
/// Requests at one time, those that slow owners may have of them, and those of one owner.
const FETCHES: [usize; 3] = [8, 6, 4];
/// A fetch that takes so long, with its redirects, makes its owner slow.
const SLOW: Duration = Duration::from_secs(1);
/// Fetches that may wait, of all owners and of one.
const MAX_WAITING: [usize; 2] = [4096, 256];
/// Redirects followed.
const MAX_REDIRECTS: usize = 3;
/// Longest URL of any kind but `data:`.
const MAX_URL_BYTES: usize = 2048;
/// Public gateways for `ipfs:` URLs, tried in order. What they serve is checked like anything else.
const IPFS_GATEWAYS: [&str; 3] =
    ["https://ipfs.io/ipfs/", "https://dweb.link/ipfs/", "https://gateway.pinata.cloud/ipfs/"];

/// Fetches code.
#[derive(Debug)]
pub(crate) struct Fetcher {
    client: Client,
    allow_private: bool,
    deadline: Duration,
    turns: Arc<Turns>,
    hosts: Arc<Hosts>,
    gateways: &'static [&'static str],
}

/// Why there is no code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotFetched {
    pub(crate) reason: Abstain,
    /// Whether this URL will never have it.
    pub(crate) is_final: bool,
}

impl From<Abstain> for NotFetched {
    fn from(reason: Abstain) -> Self {
        Self { reason, is_final: false }
    }
}

impl Fetcher {
    /// An HTTP client that goes only where [`address`] allows.
    pub(crate) fn new(allow_private: bool) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .user_agent("keeper-mesh")
            .dns_resolver(address::PublicResolver { allow_private })
            .redirect(redirect::Policy::none())
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .referer(false)
            .connect_timeout(DEADLINE / 2)
            .pool_max_idle_per_host(0)
            .build()?;
        let [places, slow_places, places_each] = FETCHES;
        let [waiting, waiting_each] = MAX_WAITING;
        let bounds = Bounds { places, slow_places, places_each, slow: SLOW, waiting, waiting_each };
        let (turns, hosts) = (Turns::new(bounds), Arc::default());
        Ok(Self { client, allow_private, deadline: DEADLINE, turns, hosts, gateways: &IPFS_GATEWAYS })
    }

    /// The component's bytes, with the hash that was asked for.
    pub(crate) async fn fetch(&self, code: &Code, owner: Customer) -> Result<Vec<u8>, NotFetched> {
        let scheme = code.url.split_once(':').map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
        match scheme.as_str() {
            // What such a URL has, it has for ever.
            "data" => from_data_url(&code.url)
                .and_then(|bytes| check(&code.hash, bytes))
                .map_err(|reason| NotFetched { reason, is_final: true }),
            "ipfs" => Ok(self.ipfs(code, owner).await?),
            "file" => Ok(check(&code.hash, self.file(&code.url).await?)?),
            "http" | "https" => Ok(check(&code.hash, self.web(&code.url, owner).await?)?),
            _ => {
                let reason = unavailable(&code.url, "use an https:, ipfs: or data: URL");
                Err(NotFetched { reason, is_final: true })
            }
        }
    }

    async fn ipfs(&self, code: &Code, owner: Customer) -> Result<Vec<u8>, Abstain> {
        let (scheme, path) = code.url.split_at_checked("ipfs://".len()).unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
        let is_whole = scheme.ends_with("://") && !path.is_empty() && path.len() <= MAX_URL_BYTES;
        if !is_whole || path.starts_with('/') || path.contains("..") || !path.bytes().all(plain) {
            return Err(unavailable(&code.url, "an ipfs: URL is ipfs://<CID>, optionally with a path"));
        }
        let mut last = unavailable(&code.url, "no gateway is configured");
        for gateway in self.gateways {
            match self.web(&format!("{gateway}{path}"), owner).await.and_then(|bytes| check(&code.hash, bytes)) {
                Ok(bytes) => return Ok(bytes),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn file(&self, url: &str) -> Result<Vec<u8>, Abstain> {
        use tokio::io::AsyncReadExt;
        if !self.allow_private {
            return Err(unavailable(url, "file: URLs work on a local network (chain id 31337) only"));
        }
        let path = Url::parse(url).ok().and_then(|url| url.to_file_path().ok());
        let path = path.ok_or_else(|| unavailable(url, "not the path of a file"))?;
        let mut bytes = Vec::new();
        let read = async {
            // A pipe or a device would never end.
            if !tokio::fs::metadata(&path).await?.is_file() {
                return Err(std::io::Error::other("not a regular file"));
            }
            tokio::fs::File::open(&path).await?.take(MAX_CODE_BYTES as u64 + 1).read_to_end(&mut bytes).await
        };
        read.await.map_err(|error| unavailable(url, &error.to_string()))?;
        Ok(bytes)
    }

    /// Every hop of a fetch has a place of its own, at the host it goes to and among all fetches, and keeps none while it waits
    /// for the next: who is sent from host to host holds up nobody at the hosts it has been to.
    async fn web(&self, url: &str, owner: Customer) -> Result<Vec<u8>, Abstain> {
        let mut url = allowed(url, self.allow_private).map_err(|why| unavailable(url, &why))?;
        let mut spent = Duration::ZERO;
        for _ in 0..=MAX_REDIRECTS {
            // In this order: who waits for a host takes no place.
            let _visit = self.hosts.visit(counted_as(&url), owner).await.ok_or(Abstain::Busy)?;
            let mut turn = self.turns.take(owner).await.ok_or(Abstain::Busy)?;
            // A hop that leads on does not show that its owner is quick.
            turn.begin();
            let begun = Instant::now();
            let left = self.deadline.saturating_sub(spent);
            let late = |_| Err(unavailable(url.as_str(), &format!("not complete after {} s", self.deadline.as_secs())));
            let hop = tokio::time::timeout(left, self.hop(&url)).await.unwrap_or_else(late);
            spent += begun.elapsed();
            match hop {
                Ok(Hop::Elsewhere(next)) => url = next,
                Ok(Hop::Code(bytes)) => {
                    turn.took(spent);
                    return Ok(bytes);
                }
                Err(error) => {
                    turn.took(spent);
                    return Err(error);
                }
            }
        }
        Err(unavailable(url.as_str(), &format!("redirects more than {MAX_REDIRECTS} times")))
    }

    async fn hop(&self, url: &Url) -> Result<Hop, Abstain> {
        let failed = |why: &str| unavailable(url.as_str(), why);
        let response = self.client.get(url.clone()).send().await.map_err(|error| failed(&chain(&error)))?;
        if !response.status().is_redirection() {
            return body(url, response).await.map(Hop::Code);
        }
        let target = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let next = url.join(target).map_err(|_| failed("redirects to something that is no URL"))?;
        let next = allowed(next.as_str(), self.allow_private);
        next.map(Hop::Elsewhere).map_err(|why| failed(&format!("redirects elsewhere: {why}")))
    }
}

/// What one request comes to.
enum Hop {
    Code(Vec<u8>),
    Elsewhere(Url),
}

/// The host that a request is counted against. A gateway is one host, though it has a name for each thing that it serves.
fn counted_as(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let gateways = IPFS_GATEWAYS.iter().filter_map(|gateway| gateway.split('/').nth(2));
    let is_of = |gateway: &str| host.strip_suffix(gateway).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    gateways.into_iter().find(|gateway| is_of(gateway)).unwrap_or(host).to_owned()
}

/// Reads a response, stopping as soon as it is longer than a component may be.
async fn body(url: &Url, mut response: reqwest::Response) -> Result<Vec<u8>, Abstain> {
    if response.status() != reqwest::StatusCode::OK {
        return Err(unavailable(url.as_str(), &format!("the server answered {}", response.status())));
    }
    if response.content_length().is_some_and(|length| length > MAX_CODE_BYTES as u64) {
        return Err(Abstain::CodeTooLarge);
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unavailable(url.as_str(), &chain(&error)))? {
        if bytes.len() + chunk.len() > MAX_CODE_BYTES {
            return Err(Abstain::CodeTooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Checks everything about a web URL that can be checked before its name is resolved.
pub(crate) fn allowed(text: &str, allow_private: bool) -> Result<Url, String> {
    if text.len() > MAX_URL_BYTES {
        return Err(format!("longer than {MAX_URL_BYTES} bytes"));
    }
    let url = Url::parse(text).map_err(|error| format!("not a URL: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a URL must not hold a user name or password".to_owned());
    }
    let public = match url.host() {
        None => return Err("it names no host".to_owned()),
        Some(Host::Ipv4(address)) => address::is_public(address.into()),
        Some(Host::Ipv6(address)) => address::is_public(address.into()),
        Some(Host::Domain(_)) => true,
    };
    if allow_private && matches!(url.scheme(), "http" | "https") {
        return Ok(url);
    }
    if url.scheme() != "https" || url.port().is_some() {
        return Err("only https: on its own port is fetched".to_owned());
    }
    if !public {
        return Err("its address is not on the public internet".to_owned());
    }
    Ok(url)
}

/// `data:application/wasm;base64,...`
pub(crate) fn from_data_url(url: &str) -> Result<Vec<u8>, Abstain> {
    let (kind, data) = url.split_once(',').unwrap_or((url, ""));
    if !kind.to_ascii_lowercase().ends_with(";base64") {
        return Err(unavailable(url, "a data: URL must be data:application/wasm;base64,<data>"));
    }
    if data.len() > MAX_CODE_BYTES.div_ceil(3) * 4 {
        return Err(Abstain::CodeTooLarge);
    }
    base64::engine::general_purpose::STANDARD.decode(data).map_err(|error| unavailable(url, &error.to_string()))
}

/// Whether a URL is of a server, which may be busy, down, or gone for good.
pub(crate) fn is_far(url: &str) -> bool {
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    ["http", "https", "ipfs"].iter().any(|far| scheme.eq_ignore_ascii_case(far))
}

/// Lets through what has the hash.
pub(crate) fn check(hash: &[u8; 32], bytes: Vec<u8>) -> Result<Vec<u8>, Abstain> {
    if bytes.len() > MAX_CODE_BYTES {
        return Err(Abstain::CodeTooLarge);
    }
    let found: [u8; 32] = Sha256::digest(&bytes).into();
    if found != *hash {
        tracing::debug!(found = hex::encode(found), expected = hex::encode(hash), "code with another hash");
        return Err(Abstain::CodeHashMismatch);
    }
    Ok(bytes)
}

fn unavailable(url: &str, why: &str) -> Abstain {
    // A URL is a stranger's text: keep what is shown and logged of it short and on one line.
    let shown: String = url.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect();
    Abstain::CodeUnavailable(format!("{shown}: {why}"))
}

/// An error with its causes: the last one is usually the one that helps.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
pub(crate) mod tests;

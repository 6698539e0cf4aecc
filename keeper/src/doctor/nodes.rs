//! The RPC nodes, each by itself: whether it answers, of which chain, how old its newest block is, and whether it has the
//! contracts; then whether one is behind the others.

use std::time::Instant;

use contracts::network::Network;
use serde_json::{Value, json};
use url::Url;

use super::{Finding, PATIENCE, Subject};

/// Largest answer that is read: a contract's code, twice as long as can be.
const ANSWER_MAX: usize = 256 * 1024;
/// Nodes that are asked.
const URLS_MAX: usize = 16;
/// Blocks, or seconds' worth of blocks, that a node may be behind the others without a word.
const FEW_BLOCKS: u64 = 5;
const FEW_BLOCKS_SECONDS: u64 = 10;
/// Blocks and seconds after which a newest block is old.
const OLD_BLOCKS: u64 = 10;
const OLD_SECONDS_MIN: u64 = 30;
/// A newest block dated so far ahead of this clock means that the clock is behind, in seconds.
const AHEAD_SECONDS: u64 = 15;

pub(super) async fn look(subject: &Subject) -> Vec<Finding> {
    let Some((file, network)) = &subject.network else { return Vec::new() };
    let urls: Vec<Url> = match subject.settings.rpc_urls.as_slice() {
        [] => network.rpc_urls.iter().filter_map(|text| text.parse().ok()).collect(),
        given => given.to_vec(),
    };
    if urls.is_empty() {
        let found = format!("neither --rpc-url nor `rpc_urls` in {} names a node", file.display());
        return vec![Finding::fail("rpc", found, "pass --rpc-url URL")];
    }
    let client = match reqwest::Client::builder().timeout(PATIENCE).no_proxy().build() {
        Ok(client) => client,
        Err(error) => {
            return vec![Finding::fail("rpc", format!("no HTTP client: {error}"), "look at the system's certificates")];
        }
    };
    let asked = urls.iter().take(URLS_MAX).map(|url| node(&client, url, network, subject.now_ms));
    let looks = futures_util::future::join_all(asked).await;
    let newest = looks.iter().filter_map(|look| look.head).max().unwrap_or_default();
    let few = FEW_BLOCKS.max(network.blocks_in(FEW_BLOCKS_SECONDS));
    let mut findings: Vec<Finding> =
        looks.into_iter().map(|look| behind(&look, newest, few).unwrap_or(look.finding)).collect();
    if urls.len() == 1 {
        findings.push(Finding::warn(
            "rpc_count",
            "one RPC node alone has the last word",
            "add another URL to rpc_urls",
        ));
    }
    findings
}

/// One node by itself.
struct Look {
    /// What it is called: the rest of its URL may hold a key.
    named: String,
    /// Its newest block, where nothing is wrong with it.
    head: Option<u64>,
    finding: Finding,
}

/// A node that is fine by itself may still be behind the others.
fn behind(look: &Look, newest: u64, few: u64) -> Option<Finding> {
    let (head, named) = (look.head?, &look.named);
    let lag = newest.saturating_sub(head);
    (lag > few).then(|| {
        let found = format!("{named}: its newest block {head} is {lag} blocks behind the newest one of the others");
        Finding::fail("rpc_lag", found, "look whether it is in sync (eth_syncing), or put another URL in its place")
    })
}

async fn node(client: &reqwest::Client, url: &Url, network: &Network, now_ms: u64) -> Look {
    let named = url.origin().ascii_serialization();
    let begun = Instant::now();
    let (head, finding) = match examine(client, url, network).await {
        Ok((number, timestamp)) => match age(&named, (number, timestamp), network.block_seconds, now_ms) {
            Some(finding) => (None, finding),
            None => {
                let took = begun.elapsed().as_millis();
                (Some(number), Finding::ok("rpc", format!("{named}: block {number}, answers in {took} ms")))
            }
        },
        Err(wrong) => (None, Finding { found: format!("{named}: {}", wrong.found), ..wrong }),
    };
    Look { named, head, finding }
}

/// Number and time of its newest block, once all else is found to be right.
async fn examine(client: &reqwest::Client, url: &Url, network: &Network) -> Result<(u64, u64), Finding> {
    let fail = |check, found: String, fix: &str| Err(Finding::fail(check, found, fix));
    let chain = match ask(client, url, "eth_chainId", json!([])).await {
        Ok(answer) => quantity(&answer),
        Err(why) => return fail("rpc", why.to_string(), why.mend()),
    };
    match chain {
        Some(id) if id == network.chain_id => {}
        Some(id) => {
            let found = format!("it is of chain {id}, the network of chain {}", network.chain_id);
            return fail("rpc_chain", found, "pass the URL of a node of the right chain, or the right --network");
        }
        None => {
            return fail(
                "rpc",
                "it does not tell its chain's id".to_owned(),
                "it is no Ethereum node: pass another URL",
            );
        }
    }
    let block = match ask(client, url, "eth_getBlockByNumber", json!(["latest", false])).await {
        Ok(block) => block,
        Err(Unanswered::Empty(why)) => {
            return fail("rpc_head", why, "the node has no block yet: wait, or add another URL to rpc_urls");
        }
        Err(why) => return fail("rpc_head", why.to_string(), why.mend()),
    };
    let (number, timestamp) = (quantity(&block["number"]), quantity(&block["timestamp"]));
    let (Some(number), Some(timestamp)) = (number, timestamp) else {
        return fail("rpc_head", "its newest block cannot be read".to_owned(), "add another URL to rpc_urls");
    };
    for (name, contract) in network.contracts.named().into_iter().filter(|(name, _)| *name != "strategy") {
        let code = match ask(client, url, "eth_getCode", json!([contract, "latest"])).await {
            Ok(code) => code,
            Err(why) => return fail("rpc", why.to_string(), why.mend()),
        };
        if code.as_str().is_none_or(|code| code.len() <= 2) {
            let found = format!("there is no code at {contract} ({name})");
            return fail(
                "rpc_contracts",
                found,
                "the node is behind the deployment or of another chain, or network.toml is old",
            );
        }
    }
    Ok((number, timestamp))
}

/// What is wrong with the newest block's time, or with this clock.
pub(super) fn age(named: &str, (number, timestamp): (u64, u64), block_seconds: u64, now_ms: u64) -> Option<Finding> {
    let now = now_ms / 1_000;
    if timestamp > now.saturating_add(AHEAD_SECONDS) {
        let found = format!("{named}: block {number} is dated {} s ahead of this machine's clock", timestamp - now);
        return Some(Finding::fail("clock", found, "set the clock by NTP: timedatectl set-ntp true"));
    }
    let (age, old) = (now - timestamp.min(now), (block_seconds * OLD_BLOCKS).max(OLD_SECONDS_MIN));
    (age > old).then(|| {
        let found = format!("{named}: its newest block {number} is {age} s old, or this machine's clock is ahead");
        Finding::fail(
            "rpc_head",
            found,
            "look whether the node is in sync and the clock right; add another URL to rpc_urls",
        )
    })
}

/// Why a question got no answer: each kind has a mend of its own. The words are the node's, cut.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    /// Nobody is there, or not in time.
    #[error("{0}")]
    Silent(String),
    /// It has had enough questions for now.
    #[error("it has had too many questions ({0})")]
    Limited(String),
    /// It does not know who asks.
    #[error("it does not let this keeper ask ({0})")]
    Forbidden(String),
    /// What answers is no node.
    #[error("{0}")]
    NoNode(String),
    /// It is a node, and refuses.
    #[error("{0}")]
    Refused(String),
    /// It has nothing to say of that.
    #[error("{0}")]
    Empty(String),
}

impl Unanswered {
    const fn mend(&self) -> &'static str {
        match self {
            Self::Silent(_) => "look whether the node runs and the URL is right; add another URL to rpc_urls",
            Self::Limited(_) => {
                "get a plan with more requests a second, or add the URL of another provider to rpc_urls"
            }
            Self::Forbidden(_) => "the key in the URL is wrong or has expired: get the right URL from the provider",
            Self::NoNode(_) => "no node answers there, but something else (a gateway, a web page): pass another URL",
            Self::Refused(_) => "look at the node's own log; add another URL to rpc_urls",
            Self::Empty(_) => "the node is not in sync yet: wait, or add another URL to rpc_urls",
        }
    }
}

/// A question to one node; what it answers, or why there is no answer.
async fn ask(client: &reqwest::Client, url: &Url, method: &str, params: Value) -> Result<Value, Unanswered> {
    let question = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let sent = client.post(url.clone()).json(&question).send().await;
    let mut answer = sent.map_err(|error| Unanswered::Silent(cause(&error.without_url())))?;
    let status = answer.status();
    match status.as_u16() {
        200..=299 => {}
        429 => return Err(Unanswered::Limited(status.to_string())),
        401 | 403 => return Err(Unanswered::Forbidden(status.to_string())),
        _ => return Err(Unanswered::NoNode(format!("it answers {status}"))),
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| Unanswered::Silent(cause(&error.without_url())))? {
        if body.len() + chunk.len() > ANSWER_MAX {
            return Err(Unanswered::NoNode("its answer is too long".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    let no_json = |_| Unanswered::NoNode("it does not answer with JSON".to_owned());
    let answer: Value = serde_json::from_slice(&body).map_err(no_json)?;
    match (answer.get("result"), answer.get("error")) {
        (_, Some(error)) if !error.is_null() => Err(refused(method, error)),
        (Some(result), _) if !result.is_null() => Ok(result.clone()),
        _ => Err(Unanswered::Empty(format!("it has no answer to {method}"))),
    }
}

/// An error object; -32005 is what providers say to whoever asks too much (EIP-1474).
fn refused(method: &str, error: &Value) -> Unanswered {
    let words: String = error["message"].to_string().chars().take(120).collect();
    match error["code"].as_i64() {
        Some(-32_005) => Unanswered::Limited(words),
        _ => Unanswered::Refused(format!("it refuses {method}: {words}")),
    }
}

fn cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn quantity(value: &Value) -> Option<u64> {
    u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}

//! The RPC nodes, each by itself: whether it answers, of which chain, how old its newest block is, and whether it has the
//! contracts.

use std::time::Instant;

use serde_json::{Value, json};
use url::Url;

use super::{Finding, PATIENCE, Subject};

/// Largest answer that is read: a contract's code, twice as long as can be.
const ANSWER_MAX: usize = 256 * 1024;
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
    let mut findings = Vec::new();
    for url in urls.iter().take(16) {
        findings.push(node(&client, url, network, subject.now_ms).await);
    }
    if urls.len() == 1 {
        findings.push(Finding::warn(
            "rpc_count",
            "one RPC node alone has the last word",
            "add another URL to rpc_urls",
        ));
    }
    findings
}

async fn node(client: &reqwest::Client, url: &Url, network: &contracts::network::Network, now_ms: u64) -> Finding {
    // The rest of it may hold a key.
    let named = url.origin().ascii_serialization();
    let fail = |check, found: String, fix: &str| Finding::fail(check, format!("{named}: {found}"), fix);
    let begun = Instant::now();
    let chain = match ask(client, url, "eth_chainId", json!([])).await {
        Ok(answer) => quantity(&answer),
        Err(why) => {
            return fail("rpc", why, "look whether the node runs and the URL is right; add another URL to rpc_urls");
        }
    };
    let took = begun.elapsed().as_millis();
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
        Err(why) => return fail("rpc_head", why, "the node has no block yet: wait, or add another URL to rpc_urls"),
    };
    let (number, timestamp) = (quantity(&block["number"]), quantity(&block["timestamp"]));
    let (Some(number), Some(timestamp)) = (number, timestamp) else {
        return fail("rpc_head", "its newest block cannot be read".to_owned(), "add another URL to rpc_urls");
    };
    for (name, contract) in network.contracts.named().into_iter().filter(|(name, _)| *name != "strategy") {
        let code = ask(client, url, "eth_getCode", json!([contract, "latest"])).await;
        if !code.as_ref().is_ok_and(|code| code.as_str().is_some_and(|code| code.len() > 2)) {
            let found = format!("there is no code at {contract} ({name})");
            return fail(
                "rpc_contracts",
                found,
                "the node is behind the deployment or of another chain, or network.toml is old",
            );
        }
    }
    age(&named, (number, timestamp), network.block_seconds, now_ms)
        .unwrap_or_else(|| Finding::ok("rpc", format!("{named}: block {number}, answers in {took} ms")))
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

/// A question to one node; what it answers, or why there is no answer. Its words are cut.
async fn ask(client: &reqwest::Client, url: &Url, method: &str, params: Value) -> Result<Value, String> {
    let question = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let sent = client.post(url.clone()).json(&question).send().await;
    let mut answer = sent.map_err(|error| cause(&error.without_url()))?;
    if !answer.status().is_success() {
        return Err(format!("it answers {}", answer.status()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| cause(&error.without_url()))? {
        if body.len() + chunk.len() > ANSWER_MAX {
            return Err("its answer is too long".to_owned());
        }
        body.extend_from_slice(&chunk);
    }
    let answer: Value = serde_json::from_slice(&body).map_err(|_| "it does not answer with JSON".to_owned())?;
    match (answer.get("result"), answer.get("error")) {
        (_, Some(error)) if !error.is_null() => {
            Err(format!("it refuses {method}: {}", error["message"].to_string().chars().take(120).collect::<String>()))
        }
        (Some(result), _) if !result.is_null() => Ok(result.clone()),
        _ => Err(format!("it has no answer to {method}")),
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

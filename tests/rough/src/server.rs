//! The proxy as an HTTP server, and its handle.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::answer::{Fate, Http, change, choose};
use crate::dice::Dice;
use crate::lag::{Seen, header_not_found, hide, see};
use crate::script::{Does, Script};

/// Longest request: several times the longest transaction a node takes.
const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;
/// A node that says nothing for so long is not there.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running proxy; dropping it stops it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    client: reqwest::Client,
    state: Mutex<Behaviour>,
}

#[derive(Debug)]
struct Behaviour {
    script: Script,
    /// How often each rule of the script has struck.
    used: Vec<u64>,
    dice: Dice,
    counts: BTreeMap<String, u64>,
}

impl Proxy {
    /// Starts one in front of the node at a URL, on a free loopback port.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(upstream: &str, script: Script, seed: u64) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no free port for the proxy")?;
        let address = listener.local_addr()?;
        let used = vec![0; script.rules.len()];
        let state = Mutex::new(Behaviour { script, used, dice: Dice::new(seed), counts: BTreeMap::new() });
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let shared = Arc::new(Shared { upstream: upstream.to_owned(), client, state });
        let router = Router::new()
            .route("/", post(rpc))
            .route("/script", get(script_now).put(new_script))
            .route("/counts", get(counts))
            .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
            .with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the proxy at {address} stopped: {error}");
            }
        });
        Ok(Self { address, shared, task })
    }

    /// Its JSON-RPC address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Behaves in another way from now on.
    pub fn set_script(&self, script: Script) {
        self.shared.set_script(script);
    }

    /// How often each method was asked for (by its name) and each thing was done wrong (as it is called in a script).
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.shared.state().counts.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, Behaviour> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_script(&self, script: Script) {
        let mut state = self.state();
        state.used = vec![0; script.rules.len()];
        state.script = script;
    }

    /// Asks the node.
    async fn ask(&self, call: &Value) -> Result<Value> {
        Ok(self.client.post(&self.upstream).json(call).send().await?.json().await?)
    }

    /// The chain's newest block.
    async fn head(&self) -> Result<u64> {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []});
        let answer = self.ask(&call).await?;
        let text = answer["result"].as_str().and_then(|text| text.strip_prefix("0x"));
        u64::from_str_radix(text.unwrap_or_default(), 16).map_err(|_| anyhow!("the node's head is {answer}"))
    }

    /// Asks the node as one that has seen blocks up to `top` would answer.
    async fn ask_behind(&self, call: &Value, top: u64) -> Result<Value> {
        let said = |what: &str, value: Value| Ok(json!({"jsonrpc": "2.0", "id": call["id"], what: value}));
        let asked = match see(call, top) {
            Seen::Ask(asked) => asked,
            Seen::Result(result) => return said("result", result),
            Seen::Unknown => return said("error", header_not_found()),
            Seen::AskIfKnown(hash, asked) => {
                let block = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByHash", "params": [hash, false]});
                let mut block = self.ask(&block).await?;
                hide("eth_getBlockByHash", &mut block["result"], top);
                if block["result"].is_null() {
                    return said("error", header_not_found());
                }
                asked
            }
        };
        let mut answer = self.ask(&asked).await?;
        if let Some(result) = answer.get_mut("result") {
            hide(call["method"].as_str().unwrap_or_default(), result, top);
        }
        Ok(answer)
    }

    /// Answers one call.
    async fn answer(&self, call: &Value, fate: Fate, head: u64, lag: u64) -> Result<Value> {
        if let Fate::Said(what, value) = fate {
            return Ok(json!({"jsonrpc": "2.0", "id": call["id"], what: value}));
        }
        let mut answer = match lag {
            0 => self.ask(call).await?,
            lag => self.ask_behind(call, head.saturating_sub(lag)).await?,
        };
        if let Fate::Changed(does) = fate {
            change(&does, call, &mut answer, head);
        }
        Ok(answer)
    }
}

async fn script_now(State(shared): State<Arc<Shared>>) -> Json<Script> {
    Json(shared.state().script.clone())
}

async fn new_script(State(shared): State<Arc<Shared>>, Json(script): Json<Script>) -> StatusCode {
    shared.set_script(script);
    StatusCode::NO_CONTENT
}

async fn counts(State(shared): State<Arc<Shared>>) -> Json<BTreeMap<String, u64>> {
    Json(shared.state().counts.clone())
}

async fn rpc(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match answered(&shared, &body).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, format!("the node behind the proxy: {error:#}")).into_response(),
    }
}

async fn answered(shared: &Shared, body: &[u8]) -> Result<Response> {
    let Ok(asked) = serde_json::from_slice::<Value>(body) else {
        let error = json!({"code": -32700, "message": "parse error"});
        return Ok(Json(json!({"jsonrpc": "2.0", "id": null, "error": error})).into_response());
    };
    let is_batch = asked.is_array();
    let calls = if let Value::Array(calls) = asked { calls } else { vec![asked] };
    let head = if needs_head(shared, &calls) { shared.head().await? } else { 0 };
    let (fates, delay, lag) = decide(shared, &calls, head);
    tokio::time::sleep(Duration::from_millis(delay)).await;
    let broken = fates.iter().find_map(|fate| if let Fate::Http(http) = fate { Some(http.clone()) } else { None });
    match broken {
        Some(Http::Truncated) | None => {}
        Some(http) => return Ok(misbehave(&http).await),
    }
    let mut answers = Vec::new();
    for (call, fate) in calls.iter().zip(fates) {
        answers.push(shared.answer(call, fate, head, lag).await?);
    }
    let answer = if is_batch { Value::Array(answers) } else { answers.into_iter().next().unwrap_or_default() };
    Ok(if broken.is_some() { half(&answer) } else { Json(answer).into_response() })
}

/// Whether anything depends on what the chain's newest block is.
fn needs_head(shared: &Shared, calls: &[Value]) -> bool {
    let script = &shared.state().script;
    let about_logs = script.rules.iter().any(|rule| matches!(rule.does, Does::CapRange { .. } | Does::CapLogs { .. }));
    script.lag > 0 || (about_logs && calls.iter().any(|call| call["method"] == "eth_getLogs"))
}

/// What becomes of each call, after how many milliseconds, and how far behind the node is.
fn decide(shared: &Shared, calls: &[Value], head: u64) -> (Vec<Fate>, u64, u64) {
    let mut state = shared.state();
    let Behaviour { script, used, dice, counts } = &mut *state;
    let mut fates = Vec::new();
    for call in calls {
        let method = call["method"].as_str().unwrap_or("?").to_owned();
        *counts.entry(method).or_default() += 1;
        let before = used.clone();
        fates.push(choose(call, script, used, dice, head.saturating_sub(script.lag)));
        let struck = used.iter().zip(before).position(|(now, before)| *now > before);
        if let Some(rule) = struck.and_then(|struck| script.rules.get(struck)) {
            *counts.entry(rule.does.name()).or_default() += 1;
        }
    }
    (fates, dice.within(script.delay_ms), script.lag)
}

/// An HTTP answer that is none.
async fn misbehave(http: &Http) -> Response {
    match http {
        Http::TooManyRequests(seconds) => {
            let error = json!({"code": 429, "message": "Too Many Requests"});
            let body = Json(json!({"jsonrpc": "2.0", "id": null, "error": error}));
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds.to_string())], body).into_response()
        }
        Http::Html => {
            let page = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body></body></html>\n";
            (StatusCode::BAD_GATEWAY, [(header::CONTENT_TYPE, "text/html")], page).into_response()
        }
        Http::Endless => {
            let begin = stream::iter([Ok(Bytes::from_static(br#"{"jsonrpc":"2.0","id":1,"result":""#))]);
            let more = stream::repeat_with(|| std::io::Result::Ok(Bytes::from_static(&[b'0'; 16 * 1024])));
            json_stream(Body::from_stream(begin.chain(more)))
        }
        Http::Silence => std::future::pending().await,
        // The headers still wait to be sent when the body fails: nothing leaves.
        Http::Hangup | Http::Truncated => json_stream(Body::from_stream(stream::iter([cut()]))),
    }
}

/// The first half of an answer, and the end of the connection.
fn half(answer: &Value) -> Response {
    let mut text = answer.to_string().into_bytes();
    text.truncate(text.len() / 2);
    let end = stream::once(async {
        // The server sends what it has while its body has nothing to say.
        tokio::task::yield_now().await;
        cut()
    });
    json_stream(Body::from_stream(stream::iter([Ok(Bytes::from(text))]).chain(end)))
}

fn cut() -> std::io::Result<Bytes> {
    Err(std::io::Error::new(std::io::ErrorKind::ConnectionAborted, "cut off by the script"))
}

fn json_stream(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

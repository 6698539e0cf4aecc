//! A JSON-RPC node for tests that serves a small chain and tells the lies it is told to tell.

use super::ChainConfig;
use alloy::primitives::{Address, B256, Bloom, BloomInput, Bytes, LogData, U64, keccak256};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use contracts::network::{Contracts, Network};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) const CHAIN_ID: u64 = 31337;

pub(crate) fn contracts() -> Contracts {
    Contracts {
        keeper_registry: Address::repeat_byte(1),
        job_manager: Address::repeat_byte(2),
        task_manager: Address::repeat_byte(3),
        service_manager: Address::repeat_byte(4),
        challenger: Address::repeat_byte(7),
        allocation_manager: Address::repeat_byte(5),
        strategy: Address::repeat_byte(6),
    }
}

pub(crate) fn config(urls: &[&str], confirmations: u64) -> ChainConfig {
    let network = Network {
        chain_id: CHAIN_ID,
        rpc_urls: urls.iter().map(|url| (*url).to_owned()).collect(),
        deploy_block: 1,
        bootnodes: Vec::new(),
        confirmations,
        block_seconds: 1,
        block_milliseconds: None,
        epoch_seconds: 10,
        contracts: contracts(),
    };
    ChainConfig { network, network_file: PathBuf::from("network.toml") }
}

/// Changes an answer on its way out: method, parameters, answer (`{"result":…}` or `{"error":…}`).
pub(crate) type Lie = Box<dyn FnMut(&str, &Value, &mut Value) + Send>;

/// Answers a request in place of the node: anything that HTTP can carry. `None` leaves it to the node.
pub(crate) type Raw = Box<dyn FnMut(&Value) -> Option<Response> + Send>;

pub(crate) struct Chain {
    pub(crate) chain_id: u64,
    /// Block 0 first. Each: hash and timestamp.
    blocks: Vec<(B256, u64)>,
    /// The next block comes a second after this moment, if that is later than the one before it.
    leap: u64,
    /// Block number, emitter, topics and data.
    logs: Vec<(u64, Address, LogData)>,
    pub(crate) code: bool,
    /// Answers every request with this HTTP status.
    pub(crate) status: Option<StatusCode>,
    pub(crate) lie: Option<Lie>,
    pub(crate) raw: Option<Raw>,
    /// Answers never.
    pub(crate) hangs: bool,
    /// Logs of these blocks are not shown, though they are in the filters.
    pub(crate) hidden: Vec<u64>,
    /// Logs of these blocks are shown, though they are not in the filters.
    pub(crate) unpromised: Vec<u64>,
    /// Transactions that were sent to it.
    pub(crate) sent: Vec<String>,
    /// How often each method was asked.
    pub(crate) asked: BTreeMap<String, u64>,
    /// Answer to every eth_call.
    pub(crate) call_result: Bytes,
    pub(crate) requests: u64,
}

impl Chain {
    /// Adds blocks; `fork` makes them differ from others of the same number.
    pub(crate) fn grow(&mut self, count: u64, fork: u8) {
        for _ in 0..count {
            let number = self.blocks.len() as u64;
            let (parent, time) = self.blocks.last().copied().unwrap_or((B256::ZERO, 1_000));
            let hash = keccak256([parent.as_slice(), &number.to_be_bytes(), &[fork]].concat());
            self.blocks.push((hash, time.max(self.leap) + 1));
        }
    }

    /// Blocks come after this moment from now on, in Unix seconds.
    pub(crate) fn leap(&mut self, time: u64) {
        self.leap = time;
    }

    /// Takes off all blocks above `number`, with their logs.
    pub(crate) fn drop_above(&mut self, number: u64) {
        self.blocks.truncate(usize::try_from(number).expect("small") + 1);
        self.logs.retain(|(block, ..)| *block <= number);
    }

    pub(crate) fn log(&mut self, block: u64, emitter: Address, data: LogData) {
        self.logs.push((block, emitter, data));
    }

    pub(crate) fn tip(&self) -> u64 {
        self.blocks.len() as u64 - 1
    }

    pub(crate) fn hash(&self, number: u64) -> B256 {
        self.blocks[usize::try_from(number).expect("small")].0
    }

    fn header(&self, number: u64) -> Value {
        let Some((hash, timestamp)) = usize::try_from(number).ok().and_then(|number| self.blocks.get(number)) else {
            return Value::Null;
        };
        let parent = number.checked_sub(1).map_or(B256::ZERO, |parent| self.hash(parent));
        let mut bloom = Bloom::default();
        for (_, emitter, data) in
            self.logs.iter().filter(|(block, ..)| *block == number && !self.unpromised.contains(block))
        {
            bloom.accrue(BloomInput::Raw(emitter.as_slice()));
            data.topics().iter().for_each(|topic| bloom.accrue(BloomInput::Raw(topic.as_slice())));
        }
        json!({"number": U64::from(number), "hash": hash, "parentHash": parent, "timestamp": U64::from(*timestamp),
            "baseFeePerGas": "0x1", "gasLimit": "0x1c9c380", "logsBloom": bloom, "extraFieldOfSomeChain": {"a": [1]}})
    }

    fn logs(&self, filter: &Value) -> Value {
        let number = |key: &str| -> Option<u64> {
            let text = filter.get(key)?.as_str()?;
            u64::from_str_radix(text.trim_start_matches("0x"), 16).ok()
        };
        let hash = filter.get("blockHash").and_then(Value::as_str).map(|hash| hash.parse::<B256>().expect("a hash"));
        if hash.is_some_and(|hash| !self.blocks.iter().any(|(known, _)| *known == hash)) {
            return json!({"error": {"code": -32000, "message": "unknown block"}});
        }
        let wanted = |block: u64| match hash {
            Some(hash) => self.hash(block) == hash,
            None => {
                number("fromBlock").is_some_and(|from| from <= block) && number("toBlock").is_some_and(|to| block <= to)
            }
        };
        let shown = |block: &u64| !self.hidden.contains(block) && wanted(*block);
        let found = self.logs.iter().enumerate().filter(|(_, (block, ..))| shown(block));
        let found = found.map(|(index, (block, emitter, data))| {
            json!({"address": emitter, "topics": data.topics(), "data": data.data, "blockNumber": U64::from(*block),
                "blockHash": self.hash(*block), "transactionHash": B256::with_last_byte(7),
                "transactionIndex": "0x0", "logIndex": U64::from(index as u64), "removed": false})
        });
        json!({"result": found.collect::<Vec<_>>()})
    }

    fn answer(&mut self, method: &str, params: &Value) -> Value {
        self.requests += 1;
        *self.asked.entry(method.to_owned()).or_default() += 1;
        let mut answer = match method {
            "eth_chainId" => json!({"result": U64::from(self.chain_id)}),
            "eth_getCode" => json!({"result": if self.code { "0x00" } else { "0x" }}),
            "eth_getBlockByNumber" => {
                let text = params[0].as_str().unwrap_or_default();
                let number = if text == "latest" {
                    Some(self.tip())
                } else {
                    u64::from_str_radix(text.trim_start_matches("0x"), 16).ok()
                };
                json!({"result": number.map(|number| self.header(number))})
            }
            "eth_getBlockByHash" => {
                let named = |(hash, _): &(B256, u64)| params[0] == json!(hash);
                let number = self.blocks.iter().position(named);
                json!({"result": number.map(|number| self.header(number as u64))})
            }
            "eth_getLogs" => self.logs(&params[0]),
            "eth_blockNumber" => json!({"result": U64::from(self.tip())}),
            "eth_syncing" => json!({"result": false}),
            "eth_sendRawTransaction" => {
                let raw = params[0].as_str().unwrap_or_default();
                self.sent.push(raw.to_owned());
                json!({"result": keccak256(raw)})
            }
            "eth_call" => json!({"result": self.call_result}),
            _ => json!({"error": {"code": -32601, "message": format!("no method {method}")}}),
        };
        if let Some(lie) = &mut self.lie {
            lie(method, params, &mut answer);
        }
        answer
    }
}

pub(crate) struct FakeNode {
    pub(crate) url: String,
    chain: Arc<Mutex<Chain>>,
    server: JoinHandle<()>,
}

impl FakeNode {
    /// Serves a chain of `blocks` blocks after block 0.
    pub(crate) async fn start(blocks: u64) -> Self {
        let mut chain = Chain {
            chain_id: CHAIN_ID,
            blocks: Vec::new(),
            leap: 0,
            logs: Vec::new(),
            code: true,
            status: None,
            lie: None,
            raw: None,
            hangs: false,
            hidden: Vec::new(),
            unpromised: Vec::new(),
            sent: Vec::new(),
            asked: BTreeMap::new(),
            call_result: Bytes::new(),
            requests: 0,
        };
        chain.grow(blocks + 1, 0);
        let chain = Arc::new(Mutex::new(chain));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("the listener has an address"));
        let router = Router::new().route("/{*path}", routing::post(serve)).route("/", routing::post(serve));
        let router = router.with_state(chain.clone());
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { url, chain, server }
    }

    pub(crate) fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().expect("no test panics while it holds the chain")
    }

    pub(crate) fn raw(&self, raw: impl FnMut(&Value) -> Option<Response> + Send + 'static) {
        self.chain().raw = Some(Box::new(raw));
    }

    pub(crate) fn asked(&self, method: &str) -> u64 {
        self.chain().asked.get(method).copied().unwrap_or_default()
    }

    pub(crate) fn lie(&self, lie: impl FnMut(&str, &Value, &mut Value) + Send + 'static) {
        self.chain().lie = Some(Box::new(lie));
    }
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(State(chain): State<Arc<Mutex<Chain>>>, Json(request): Json<Value>) -> Response {
    if chain.lock().expect("no test panics while it holds the chain").hangs {
        std::future::pending::<()>().await;
    }
    let mut chain = chain.lock().expect("no test panics while it holds the chain");
    if let Some(status) = chain.status {
        return (status, "out of order").into_response();
    }
    if let Some(response) = chain.raw.as_mut().and_then(|raw| raw(&request)) {
        return response;
    }
    let mut answer = chain.answer(request["method"].as_str().unwrap_or_default(), &request["params"]);
    // A lie may replace the whole answer by a text that is no JSON-RPC.
    if answer.is_object() {
        answer["jsonrpc"] = json!("2.0");
        if answer.get("id").is_none() {
            answer["id"] = request["id"].clone();
        }
    }
    Json(answer).into_response()
}

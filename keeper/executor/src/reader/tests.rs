mod anvil;

use std::sync::{Arc, Mutex};

use alloy::primitives::U256;
use alloy::providers::ProviderBuilder;
use axum::extract::State;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::*;

type Handler = fn(&str, &Value) -> Result<Value, Value>;
type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// A node that answers as told and remembers what it was asked.
struct FakeNode {
    reader: RpcReader,
    asked: Asked,
}

impl FakeNode {
    async fn start(handler: Handler) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let app = Router::new().fallback(answer).with_state((handler, Arc::clone(&asked)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { reader: reader(&format!("http://{address}")), asked }
    }

    async fn read(&self, request: &ChainRequest) -> Result<ChainAnswer, RpcFailure> {
        self.reader.read(&reference(), request).await
    }

    fn asked(&self) -> Vec<(String, Value)> {
        self.asked.lock().expect("no panic while locked").clone()
    }
}

async fn answer(State((handler, asked)): State<(Handler, Asked)>, Json(call): Json<Value>) -> Json<Value> {
    let method = call["method"].as_str().unwrap_or_default().to_owned();
    let body = match handler(&method, &call["params"]) {
        Ok(result) => json!({"jsonrpc": "2.0", "id": call["id"], "result": result}),
        Err(error) => json!({"jsonrpc": "2.0", "id": call["id"], "error": error}),
    };
    asked.lock().expect("no panic while locked").push((method, call["params"].clone()));
    Json(body)
}

fn reader(url: &str) -> RpcReader {
    let provider = ProviderBuilder::new().disable_recommended_fillers().connect_http(url.parse().expect("a URL"));
    RpcReader::new(provider.erased())
}

const ANCHOR: [u8; 32] = [0xaa; 32];

fn reference() -> BlockReference {
    BlockReference { chain_id: 31337, number: 7, hash: ANCHOR, timestamp: 1 }
}

fn call() -> ChainRequest {
    ChainRequest::Call { to: Address::repeat_byte(1), data: vec![1, 2, 3, 4].into() }
}

fn anchor() -> Value {
    json!({"blockHash": B256::from(ANCHOR), "requireCanonical": true})
}

#[tokio::test]
async fn a_call_is_pinned_to_the_anchor_and_its_fields_are_the_protocols() {
    let node = FakeNode::start(|_, _| Ok(json!("0x0102"))).await;
    assert_eq!(node.read(&call()).await, Ok(ChainAnswer::Data(vec![1, 2].into())));
    let expected = json!([
        {"from": Address::ZERO, "to": Address::repeat_byte(1), "gas": "0x989680", "input": "0x01020304", "data": "0x01020304"},
        anchor(),
    ]);
    assert_eq!(node.asked(), [("eth_call".to_owned(), expected)]);
}

#[tokio::test]
async fn other_reads_are_pinned_too() {
    let node =
        FakeNode::start(|method, _| Ok(if method == "eth_getCode" { json!("0x6001") } else { json!("0x5") })).await;
    let account = Address::repeat_byte(2);
    let slot = B256::with_last_byte(9);
    assert_eq!(node.read(&ChainRequest::Balance(account)).await, Ok(ChainAnswer::word(U256::from(5))));
    assert_eq!(node.read(&ChainRequest::StorageAt { account, slot }).await, Ok(ChainAnswer::word(U256::from(5))));
    let code_hash = ChainAnswer::Data(keccak256([0x60, 1]).into());
    assert_eq!(node.read(&ChainRequest::CodeHash(account)).await, Ok(code_hash));
    let asked = node.asked();
    assert_eq!(asked.len(), 3);
    for (method, params) in asked {
        assert_eq!(params.as_array().and_then(|params| params.last()), Some(&anchor()), "{method}");
    }
}

#[tokio::test]
async fn a_revert_is_an_answer_as_each_client_words_it() {
    let errors: [(Handler, &[u8]); 4] = [
        (|_, _| Err(json!({"code": 3, "message": "execution reverted: no", "data": "0x0102"})), &[1, 2]),
        (|_, _| Err(json!({"code": 3, "message": "execution reverted", "data": "0x"})), &[]),
        (|_, _| Err(json!({"code": -32015, "message": "VM execution error: revert", "data": "0x0102"})), &[1, 2]),
        (|_, _| Err(json!({"code": -32000, "message": "Execution reverted", "data": "0x0102"})), &[1, 2]),
    ];
    for (handler, data) in errors {
        let node = FakeNode::start(handler).await;
        assert_eq!(node.read(&call()).await, Ok(ChainAnswer::Reverted(data.to_vec().into())));
    }
}

#[tokio::test]
async fn every_other_error_is_the_nodes() {
    let errors: [(Handler, bool); 8] = [
        (|_, _| Err(json!({"code": -32000, "message": "header not found"})), false),
        (|_, _| Err(json!({"code": -32000, "message": "hash is not currently canonical"})), false),
        (|_, _| Err(json!({"code": -32005, "message": "rate limit exceeded"})), false),
        (|_, _| Err(json!({"code": -32603, "message": "Internal error"})), false),
        (|_, _| Ok(json!({"not": "bytes"})), false),
        // The call failed; but another node would have told what these leave out.
        (|_, _| Err(json!({"code": -32000, "message": "out of gas"})), true),
        (|_, _| Err(json!({"code": 3, "message": "execution reverted"})), true),
        (|_, _| Err(json!({"code": -32015, "message": "VM execution error.", "data": "revert"})), true),
    ];
    for (handler, has_failed) in errors {
        let node = FakeNode::start(handler).await;
        let failure = node.read(&call()).await.expect_err("no answer");
        assert_eq!(matches!(failure, RpcFailure::Untold(_)), has_failed, "{failure}");
        assert!(failure.to_string().starts_with("eth_call at block 7: "), "{failure}");
    }
    let nobody = reader("http://127.0.0.1:1");
    assert!(nobody.read(&reference(), &call()).await.is_err());
}

fn log(number: u64, index: u64) -> Value {
    json!({
        "address": Address::repeat_byte(3), "topics": [B256::repeat_byte(9), B256::repeat_byte(4)], "data": "0x05", "blockNumber": format!("{number:#x}"),
        "blockHash": B256::repeat_byte(6), "transactionHash": B256::repeat_byte(7), "transactionIndex": "0x0",
        "logIndex": format!("{index:#x}"), "removed": false,
    })
}

/// A block with this hash, as a node gives it.
fn block(hash: B256) -> Value {
    let header = alloy::rpc::types::Header {
        hash,
        inner: alloy::consensus::Header::default(),
        total_difficulty: None,
        size: None,
    };
    serde_json::to_value(alloy::rpc::types::Block::<B256>::empty(header)).expect("serialises")
}

fn logs_request() -> ChainRequest {
    ChainRequest::Logs {
        address: Address::repeat_byte(3),
        topics: vec![None, Some(B256::repeat_byte(4))],
        from_block: 2,
        to_block: 7,
    }
}

/// A way to several nodes that picks this one.
#[derive(Debug)]
struct Picks(DynProvider);

impl OneNode for Picks {
    fn one_node(&self) -> Pin<Box<dyn Future<Output = Result<DynProvider, String>> + Send + '_>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

#[tokio::test]
async fn all_questions_about_logs_go_to_one_node() {
    let handler: Handler = |method, _| match method {
        "eth_getLogs" => Ok(json!([log(5, 1)])),
        _ => Ok(block(ANCHOR.into())),
    };
    let (any, one) = (FakeNode::start(handler).await, FakeNode::start(handler).await);
    let reader = RpcReader::over(any.reader.provider.clone(), Arc::new(Picks(one.reader.provider.clone())));
    assert!(matches!(reader.read(&reference(), &logs_request()).await, Ok(ChainAnswer::Logs(logs)) if logs.len() == 1));
    assert_eq!((any.asked().len(), one.asked().len()), (0, 3));
    reader.read(&reference(), &call()).await.unwrap_err();
    assert_eq!((any.asked().len(), one.asked().len()), (1, 3), "one question is anybody's");
}

#[tokio::test]
async fn logs_come_in_order_and_only_while_the_anchor_is_canonical() {
    let node = FakeNode::start(|method, _| match method {
        "eth_getLogs" => Ok(json!([log(5, 1), log(4, 2), log(5, 0)])),
        _ => Ok(block(ANCHOR.into())),
    })
    .await;
    let Ok(ChainAnswer::Logs(logs)) = node.read(&logs_request()).await else { panic!("logs") };
    let order: Vec<_> = logs.iter().map(|log| (log.block_number, log.log_index)).collect();
    assert_eq!(order, [(4, 2), (5, 0), (5, 1)]);
    let asked = node.asked();
    let methods: Vec<_> = asked.iter().map(|(method, _)| method.as_str()).collect();
    assert_eq!(methods, ["eth_getBlockByNumber", "eth_getLogs", "eth_getBlockByNumber"]);
    let filter = &asked[1].1[0];
    assert_eq!((&filter["fromBlock"], &filter["toBlock"]), (&json!("0x2"), &json!("0x7")));
    assert_eq!(filter["topics"], json!([null, B256::repeat_byte(4)]));

    let other_branch = FakeNode::start(|method, _| match method {
        "eth_getLogs" => Ok(json!([])),
        _ => Ok(block(B256::repeat_byte(1))),
    })
    .await;
    assert!(other_branch.read(&logs_request()).await.is_err());
    let behind = FakeNode::start(|method, _| Ok(if method == "eth_getLogs" { json!([]) } else { Value::Null })).await;
    assert!(behind.read(&logs_request()).await.is_err());
}

/// What a node answers with that was not asked for is no answer, or it would decide what this keeper signs.
#[tokio::test]
async fn logs_that_were_not_asked_for_are_no_answer() {
    let with = |field: &str, value: Value| {
        let mut log = log(5, 1);
        log[field] = value;
        log
    };
    let at_the_anchor = |hash: B256| {
        let mut log = log(7, 0);
        log["blockHash"] = json!(hash);
        log
    };
    let five = [B256::repeat_byte(9), B256::repeat_byte(4), B256::ZERO, B256::ZERO, B256::ZERO];
    let table = [
        ("as asked", json!([log(5, 1), log(5, 0), at_the_anchor(ANCHOR.into())]), None),
        ("another contract's", json!([with("address", json!(Address::repeat_byte(5)))]), Some("not asked for")),
        ("another second topic", json!([with("topics", json!([B256::ZERO, B256::ZERO]))]), Some("not asked for")),
        ("too few topics", json!([with("topics", json!([B256::repeat_byte(4)]))]), Some("not asked for")),
        ("more topics than there are", json!([with("topics", json!(five))]), Some("not asked for")),
        ("a block before the range", json!([log(1, 0)]), Some("of a block that was not asked for")),
        ("a block above the range", json!([log(8, 0)]), Some("of a block that was not asked for")),
        ("another block at the anchor", json!([at_the_anchor(B256::ZERO)]), Some("than the anchor")),
        ("a log twice", json!([log(5, 1), log(5, 1)]), Some("twice")),
        ("two blocks of one number", json!([log(5, 0), with("blockHash", json!(B256::ZERO))]), Some("one number")),
        ("a log taken back", json!([with("removed", json!(true))]), Some("without its block")),
    ];
    let ChainRequest::Logs { address, topics, from_block, to_block } = logs_request() else { panic!("logs") };
    for (name, answer, expected) in table {
        let logs: Vec<Log> = serde_json::from_value(answer).expect(name);
        let mut logs = logs.into_iter().map(entry).collect::<Option<Vec<_>>>();
        let why = match &mut logs {
            None => Some("a log without its block, transaction or index"),
            Some(logs) => {
                logs.sort_by_key(|entry| (entry.block_number, entry.log_index));
                let anchor = &reference();
                Wanted { address: &address, topics: &topics, blocks: from_block..=to_block, anchor }.broken(logs)
            }
        };
        match (why, expected) {
            (None, None) => {}
            (Some(why), Some(words)) if why.contains(words) => {}
            (why, _) => panic!("{name}: {why:?}"),
        }
    }
    let node = FakeNode::start(|method, _| match method {
        "eth_getLogs" => Ok(json!([log(8, 0)])),
        _ => Ok(block(ANCHOR.into())),
    })
    .await;
    let failure = node.read(&logs_request()).await.expect_err("not asked for");
    assert!(failure.to_string().contains("a block that was not asked for"), "{failure}");
}

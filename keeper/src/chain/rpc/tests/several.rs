//! Several nodes, used as several.

use super::rpc;
use crate::chain::fake_node::FakeNode;
use crate::chain::heads;
use alloy::primitives::{B256, keccak256};
use alloy::providers::Provider;
use axum::body::Body;
use axum::http::{Response as Answer, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use std::time::{Duration, Instant, SystemTime};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

/// What a node makes of a request.
type Fault = fn(&Value) -> Option<Response>;

fn text(status: u16, headers: &[(&str, String)], body: impl Into<Body>) -> Option<Response> {
    let mut answer = Answer::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, value);
    }
    Some(answer.body(body.into()).expect("an answer"))
}

fn result(request: &Value, key: &str, value: &Value) -> Option<Response> {
    text(200, &[], json!({"jsonrpc": "2.0", "id": request["id"], key: value}).to_string())
}

fn error(request: &Value, code: i64, message: &str) -> Option<Response> {
    result(request, "error", &json!({"code": code, "message": message}))
}

/// Everything a node can do wrong with a question for the newest block, after it gave its chain id.
const FAULTS: [(&str, Fault); 19] = [
    ("a web page", |_| text(200, &[], "<html>Bad gateway</html>")),
    ("a web page with status 502", |_| text(502, &[], "<html>Bad gateway</html>")),
    ("an empty body", |_| text(200, &[], "")),
    ("status 401", |_| text(401, &[], r#"{"message":"no key"}"#)),
    ("status 429 without a word", |_| text(429, &[], "")),
    ("status 429 with JSON-RPC", |r| {
        let body = json!({"jsonrpc": "2.0", "id": r["id"], "error": {"code": -32000, "message": "slow down"}});
        text(429, &[("retry-after", "2".to_owned())], body.to_string())
    }),
    ("status 503 with Retry-After", |_| text(503, &[("retry-after", "1".to_owned())], "busy")),
    ("a redirect", |_| text(302, &[("location", "http://127.0.0.1:1/".to_owned())], "")),
    ("cut JSON", |r| text(200, &[], format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{"numb"#, r["id"]))),
    ("another id", |_| text(200, &[], r#"{"jsonrpc":"2.0","id":77777,"result":{}}"#)),
    ("no id", |_| text(200, &[], r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"what?"}}"#)),
    ("no result", |r| text(200, &[], json!({"jsonrpc": "2.0", "id": r["id"]}).to_string())),
    ("bytes that are no text", |_| text(200, &[], vec![0xff, 0xfe, 0x00, 0x9f])),
    ("a deep nest", |_| text(200, &[], "[".repeat(100_000))),
    ("an internal error", |r| error(r, -32603, "Internal error")),
    ("no such method", |r| error(r, -32601, "the method eth_getBlockByNumber does not exist")),
    ("a rate limit", |r| error(r, -32005, "project ID request rate exceeded")),
    ("no backend", |r| error(r, -32011, "no backend is currently healthy to serve traffic")),
    ("an error without a message", |r| result(r, "error", &json!({"code": -1, "message": ""}))),
];

#[tokio::test]
async fn reads_go_on_elsewhere_at_once_whatever_a_node_does() {
    for (name, fault) in FAULTS {
        let (odd, good) = (FakeNode::start(9).await, FakeNode::start(4).await);
        odd.raw(move |request| if request["method"] == "eth_chainId" { None } else { fault(request) });
        let rpc = rpc(&[&odd.url, &good.url]);
        let start = Instant::now();
        let head = heads::latest(&rpc.provider()).await.unwrap_or_else(|error| panic!("{name}: {error}")).head;
        assert_eq!(head.number, 4, "{name}");
        assert!(start.elapsed() < Duration::from_secs(5), "{name}: not after a timeout");
        let view = rpc.nodes().remove(0);
        assert!(view.last_error.is_some() && view.failures == 1, "{name}: {view:?}");
    }
}

#[tokio::test]
async fn a_node_that_hangs_gets_company_and_is_not_asked_first_again() {
    let (odd, good) = (FakeNode::start(9).await, FakeNode::start(4).await);
    let rpc = rpc(&[&odd.url, &good.url]);
    heads::latest(&rpc.provider()).await.expect("the first node answers");
    odd.chain().hangs = true;
    let start = Instant::now();
    assert_eq!(heads::latest(&rpc.provider()).await.expect("the second one does").head.number, 4);
    assert!(start.elapsed() < Duration::from_secs(4), "not the 8 s of a timeout");
    let start = Instant::now();
    assert_eq!(heads::latest(&rpc.provider()).await.expect("and again").head.number, 4);
    assert!(start.elapsed() < Duration::from_secs(1), "without waiting for the first one");
}

/// A server whose answers never end, or end before they should.
async fn broken(endless: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it has an address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let length = if endless { "" } else { "content-length: 400\r\n" };
                let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\n{length}\r\n[").as_bytes()).await;
                while endless && stream.write_all(&[b' '; 64 * 1024]).await.is_ok() {}
            });
        }
    });
    url
}

#[tokio::test]
async fn endless_answers_end_and_broken_ones_are_none() {
    for endless in [true, false] {
        let (odd, good) = (broken(endless).await, FakeNode::start(4).await);
        let rpc = rpc(&[&odd, &good.url]);
        assert_eq!(heads::latest(&rpc.provider()).await.expect("the good node answers").head.number, 4);
        assert!(heads::latest(&super::rpc(&[&odd]).provider()).await.is_err(), "endless: {endless}");
    }
}

#[tokio::test]
async fn a_limited_node_is_left_alone_for_as_long_as_it_says() {
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(31));
    for (name, retry_after, least, most) in [
        ("seconds", "30".to_owned(), 25, 30),
        ("a date", date, 25, 31),
        ("a day, which is too long", "86400".to_owned(), 290, 300),
        ("nonsense", "soon".to_owned(), 0, 1),
    ] {
        let (odd, good) = (FakeNode::start(9).await, FakeNode::start(4).await);
        odd.raw(move |_| text(429, &[("retry-after", retry_after.clone())], "slow down"));
        let rpc = rpc(&[&odd.url, &good.url]);
        for _ in 0..5 {
            heads::latest(&rpc.provider()).await.expect("the good node answers");
        }
        assert_eq!(rpc.counts()["limited"], 1, "{name}: asked once");
        assert_eq!(rpc.nodes()[0].state, "limited", "{name}");
        let pause = rpc.board().pause(Instant::now()).unwrap_or_default().as_secs();
        assert!((least..=most).contains(&pause), "{name}: {pause} s");
    }
}

#[tokio::test]
async fn when_all_want_to_be_left_alone_nothing_is_sent_and_the_error_says_so() {
    let node = FakeNode::start(9).await;
    node.raw(|_| text(429, &[("retry-after", "60".to_owned())], "slow down"));
    let rpc = rpc(&[&node.url]);
    for _ in 0..3 {
        let error = heads::latest(&rpc.provider()).await.expect_err("limited").to_string();
        assert!(error.contains("slow down") && error.contains(&node.url), "{error}");
    }
    assert_eq!(rpc.counts()["limited"], 1, "asked once");
    node.raw(|_| text(429, &[("retry-after", "1".to_owned())], "slow down"));
}

#[tokio::test]
async fn a_short_limit_is_waited_for() {
    let node = FakeNode::start(9).await;
    let mut first = true;
    node.raw(move |_| {
        std::mem::take(&mut first).then(|| text(429, &[("retry-after", "1".to_owned())], "slow")).flatten()
    });
    let rpc = rpc(&[&node.url]);
    assert_eq!(heads::latest(&rpc.provider()).await.expect("a second later").head.number, 9);
    assert_eq!(rpc.counts()["limited"], 1);
}

/// However often it asks for a moment: a lone node is asked again for as long as a step can wait, by whoever asks it.
#[tokio::test]
async fn many_short_limits_in_a_row_are_waited_for() {
    let node = FakeNode::start(9).await;
    let mut asked = 0;
    node.raw(move |_| {
        asked += 1;
        (asked % 8 != 0).then(|| text(429, &[("retry-after", "0".to_owned())], "slow")).flatten()
    });
    let rpc = rpc(&[&node.url]);
    assert_eq!(heads::latest(&rpc.provider()).await.expect("the eighth time").head.number, 9);
    let alone = rpc.node().await.expect("there is one").provider();
    assert_eq!(heads::latest(&alone).await.expect("the eighth time").head.number, 9);
    // The chain id is asked once more than the two blocks: seven refusals each.
    assert_eq!(rpc.counts()["limited"], 21);
}

/// The one that lags cannot answer; the one that can wants a moment.
#[tokio::test]
async fn a_node_that_can_answer_is_waited_for() {
    let (lags, knows) = (FakeNode::start(3).await, FakeNode::start(9).await);
    lags.lie(|method, _, answer| {
        if method == "eth_call" {
            *answer = json!({"error": {"code": -32000, "message": "header not found"}});
        }
    });
    let rpc = rpc(&[&knows.url, &lags.url]);
    heads::latest(&rpc.provider()).await.expect("the first node");
    let mut first = true;
    knows.raw(move |_| {
        std::mem::take(&mut first).then(|| text(429, &[("retry-after", "1".to_owned())], "slow")).flatten()
    });
    let call = alloy::rpc::types::TransactionRequest::default();
    rpc.provider().call(call).await.expect("the first node, a second later");
}

#[tokio::test]
async fn a_node_that_limits_has_not_taken_a_transaction() {
    let node = FakeNode::start(9).await;
    let rpc = rpc(&[&node.url]);
    heads::latest(&rpc.provider()).await.expect("the right chain");
    node.raw(|_| text(429, &[], "slow down"));
    let words = rpc.broadcast(&[1]).await;
    let Err(why) = &words[0] else { panic!("{words:?}") };
    assert!(why.contains("429") && !why.starts_with("no answer: "), "{why}");
}

#[tokio::test]
async fn transactions_go_to_every_node_and_each_says_what_it_thinks() {
    let nodes =
        [FakeNode::start(1).await, FakeNode::start(1).await, FakeNode::start(1).await, FakeNode::start(1).await];
    nodes[1].lie(|method, _, answer| {
        if method == "eth_sendRawTransaction" {
            *answer = json!({"error": {"code": -32000, "message": "nonce too low"}});
        }
    });
    nodes[2].chain().status = Some(StatusCode::BAD_GATEWAY);
    nodes[3].chain().chain_id = 5;
    let rpc = rpc(&nodes.each_ref().map(|node| node.url.as_str()));
    let words = rpc.broadcast(&[0xab, 0xcd]).await;
    assert_eq!(words[0], Ok(keccak256("0xabcd")));
    assert_eq!(words[1], Err(format!("nonce too low [{}]", nodes[1].url)));
    assert!(
        words[2].as_ref().is_err_and(|why| why.starts_with("no answer: ") && why.contains(&nodes[2].url)),
        "{words:?}"
    );
    assert!(words[3].as_ref().is_err_and(|why| why.starts_with("no answer: ") && why.contains("chain 5")), "{words:?}");
    assert_eq!(nodes[0].chain().sent, ["0xabcd"]);
    assert!(nodes[3].chain().sent.is_empty(), "nothing goes to another chain");
    // Through a provider: one that takes it is enough, and the words of the one that refuses are kept.
    let sent = rpc.provider().send_raw_transaction(&[1]).await.expect("the first node takes it");
    assert_eq!(*sent.tx_hash(), keccak256("0x01"));
    let alone = super::rpc(&[&nodes[2].url, &nodes[1].url]);
    let error = alone.provider().send_raw_transaction(&[1]).await.expect_err("one is down, one refuses");
    assert!(error.as_error_resp().is_some_and(|error| error.message.starts_with("nonce too low")), "{error}");
}

#[tokio::test]
async fn a_hanging_node_does_not_hold_up_a_transaction() {
    let (odd, good) = (FakeNode::start(1).await, FakeNode::start(1).await);
    odd.chain().hangs = true;
    let rpc = rpc(&[&odd.url, &good.url]);
    let start = Instant::now();
    let words = rpc.broadcast(&[1]).await;
    assert!(words[0].is_err() && words[1].is_ok(), "{words:?}");
    assert!(start.elapsed() < Duration::from_secs(5));
    let start = Instant::now();
    let _sent = rpc.provider().send_raw_transaction(&[1]).await.expect("the good node takes it");
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_node_that_lags_or_contradicts_is_left_and_named() {
    let nodes = [FakeNode::start(20).await, FakeNode::start(60).await, FakeNode::start(61).await];
    let rpc = rpc(&nodes.each_ref().map(|node| node.url.as_str()));
    let states = || rpc.nodes().iter().map(|node| node.state).collect::<Vec<_>>();
    rpc.survey().await;
    assert_eq!(states(), ["lagging", "good", "good"], "at the start too");
    assert_eq!(rpc.nodes()[0].lag, Some(41));
    assert!(heads::latest(&rpc.provider()).await.expect("a good node answers").head.number >= 60);
    nodes[0].chain().grow(40, 0);
    rpc.survey().await;
    assert_eq!(states(), ["good", "good", "good"]);
    {
        let mut chain = nodes[0].chain();
        chain.drop_above(50);
        chain.grow(10, 7);
    }
    rpc.survey().await;
    assert_eq!(states(), ["good", "good", "good"], "it may only be the first to reorganise");
    rpc.survey().await;
    assert_eq!(states(), ["contradicting", "good", "good"]);
    for _ in 0..3 {
        assert!(heads::latest(&rpc.provider()).await.expect("a good node answers").head.number <= 61);
    }
    // The others follow it after all: nobody contradicts anybody.
    for node in &nodes[1..] {
        let mut chain = node.chain();
        chain.drop_above(50);
        chain.grow(10, 7);
    }
    rpc.survey().await;
    assert_eq!(states(), ["good", "good", "good"]);
}

#[tokio::test]
async fn a_survey_notes_who_is_silent_and_who_is_back() {
    let (odd, good) = (FakeNode::start(20).await, FakeNode::start(20).await);
    let rpc = rpc(&[&odd.url, &good.url]);
    odd.chain().hangs = true;
    rpc.survey().await;
    assert_eq!(rpc.nodes().iter().map(|node| node.state).collect::<Vec<_>>(), ["failing", "good"]);
    odd.chain().hangs = false;
    rpc.survey().await;
    assert_eq!(rpc.nodes().iter().map(|node| node.state).collect::<Vec<_>>(), ["good", "good"]);
}

#[tokio::test]
async fn two_nodes_that_differ_are_both_kept_and_the_difference_is_counted() {
    let (first, second) = (FakeNode::start(60).await, FakeNode::start(50).await);
    second.chain().grow(10, 3);
    let rpc = rpc(&[&first.url, &second.url]);
    rpc.survey().await;
    rpc.survey().await;
    assert_eq!(rpc.counts()["nodes_disagree"], 2);
    assert_eq!(rpc.nodes().iter().map(|node| node.state).collect::<Vec<_>>(), ["good", "good"]);
    assert_ne!(first.chain().hash(60), B256::ZERO);
}

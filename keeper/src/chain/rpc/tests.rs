use super::Rpc;
use crate::chain::fake_node::{FakeNode, config};
use crate::chain::heads;
use alloy::providers::Provider;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::json;

mod logs;
mod several;

fn rpc(urls: &[&str]) -> Rpc {
    Rpc::new(&config(urls, 0)).expect("valid URLs")
}

#[test]
fn unusable_urls_are_named_by_place_and_file() {
    for (urls, words) in [
        (vec![], "rpc_urls holds 0 URLs"),
        (vec!["http://ok", "::secret::"], "#2"),
        (vec!["ws://node/secret"], "scheme ws is not http or https"),
    ] {
        let error = Rpc::new(&config(&urls, 0)).expect_err("not usable").to_string();
        assert!(error.contains(words) && error.contains("network.toml"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn the_next_node_answers_when_one_fails() {
    let (broken, good) = (FakeNode::start(3).await, FakeNode::start(4).await);
    broken.chain().status = Some(StatusCode::SERVICE_UNAVAILABLE);
    let rpc = rpc(&[&broken.url, &good.url]);
    for _ in 0..3 {
        assert_eq!(heads::latest(&rpc.provider()).await.expect("the good node answers").head.number, 4);
    }
    assert_eq!(rpc.counts()["not_json_rpc"], 1, "the broken node was left");
    assert_eq!(rpc.nodes().iter().map(|node| node.state).collect::<Vec<_>>(), ["failing", "good"]);
    good.chain().status = Some(StatusCode::SERVICE_UNAVAILABLE);
    broken.chain().status = None;
    assert_eq!(heads::latest(&rpc.provider()).await.expect("the other node is back").head.number, 3);
}

#[tokio::test]
async fn a_node_that_limits_is_left() {
    let (limited, good) = (FakeNode::start(3).await, FakeNode::start(4).await);
    limited.lie(|method, _, answer| {
        if method != "eth_chainId" {
            *answer = json!({"error": {"code": 429, "message": "rate limit exceeded"}});
        }
    });
    let rpc = rpc(&[&limited.url, &good.url]);
    assert_eq!(heads::latest(&rpc.provider()).await.expect("the good node answers").head.number, 4);
    assert_eq!(rpc.counts()["limited"], 1);
}

#[tokio::test]
async fn nodes_of_other_chains_are_never_asked_anything() {
    let (other, good) = (FakeNode::start(3).await, FakeNode::start(4).await);
    other.chain().chain_id = 5;
    let both = rpc(&[&other.url, &good.url]);
    assert_eq!(heads::latest(&both.provider()).await.expect("the good node answers").head.number, 4);
    let error = heads::latest(&rpc(&[&other.url]).provider()).await.expect_err("another chain").to_string();
    assert!(error.contains("wrong chain id: the node serves chain 5, network.toml says 31337"), "{error}");
    assert_eq!(other.chain().requests, 2, "nothing but the two chain ids was asked");
}

#[tokio::test]
async fn the_chain_id_is_asked_again_after_an_outage() {
    let node = FakeNode::start(3).await;
    let rpc = rpc(&[&node.url]);
    heads::latest(&rpc.provider()).await.expect("the node answers");
    node.chain().status = Some(StatusCode::BAD_GATEWAY);
    heads::latest(&rpc.provider()).await.expect_err("the node is down");
    node.chain().status = None;
    node.chain().chain_id = 1;
    let error = heads::latest(&rpc.provider()).await.expect_err("another chain came back").to_string();
    assert!(error.contains("wrong chain id"), "{error}");
}

#[tokio::test]
async fn keys_in_urls_are_not_shown() {
    let node = FakeNode::start(3).await;
    node.chain().status = Some(StatusCode::FORBIDDEN);
    let rpc = rpc(&[&format!("{}/secret?key=secret", node.url), &format!("{}/other-secret", node.url)]);
    let error = heads::latest(&rpc.provider()).await.expect_err("forbidden").to_string();
    assert!(error.contains("403") && error.contains(&node.url) && !error.contains("secret"), "{error}");
    rpc.survey().await;
    let words = format!("{:?} {:?}", rpc.nodes(), rpc.broadcast(&[1]).await);
    assert!(words.contains("403") && words.contains(&node.url) && !words.contains("secret"), "{words}");
    drop(node);
    let error = heads::latest(&rpc.provider()).await.expect_err("gone").to_string();
    assert!(!error.contains("secret"), "{error}");
}

/// Nodes repeat the path they were asked at, in every place an answer has for words.
#[tokio::test]
async fn keys_in_urls_are_not_shown_in_the_nodes_own_words() {
    const PATH: &str = "no route /v3/0123456789abcdef?project=deadbeef00";
    let cut_off = format!("{} /v3/0123456789abcdef", "x".repeat(68));
    for (name, status, body) in [
        ("a page", StatusCode::NOT_FOUND, PATH.to_owned()),
        ("a page that is cut off", StatusCode::NOT_FOUND, cut_off),
        ("a limit", StatusCode::TOO_MANY_REQUESTS, PATH.to_owned()),
        ("other JSON", StatusCode::OK, json!({ "message": PATH }).to_string()),
        ("an error", StatusCode::OK, json!({"id": "ID", "error": {"code": -32000, "message": PATH}}).to_string()),
        (
            "an error without an id",
            StatusCode::OK,
            json!({"id": null, "error": {"code": 1, "message": PATH}}).to_string(),
        ),
        (
            "data",
            StatusCode::OK,
            json!({"id": "ID", "error": {"code": 1, "message": "no", "data": [PATH]}}).to_string(),
        ),
    ] {
        let node = FakeNode::start(3).await;
        let rpc = rpc(&[&format!("{}/v3/0123456789abcdef?project=deadbeef00", node.url)]);
        node.raw(move |request| {
            let body = body.replace("\"ID\"", &request["id"].to_string());
            (request["method"] != "eth_chainId").then(|| (status, body).into_response())
        });
        let lone = rpc.node().await.expect("a node").waiting(false).provider();
        let error = crate::chain::ChainError::from(lone.get_gas_price().await.expect_err(name));
        let words = format!("{error} {error:?} {:?} {rpc:?}", rpc.nodes());
        let hidden = ["0123", "deadbeef", "/v3"].iter().all(|part| !words.contains(part));
        assert!(hidden && words.contains("***"), "{name}: {words}");
    }
}

#[tokio::test]
async fn a_refusal_names_the_node() {
    let node = FakeNode::start(3).await;
    node.lie(|method, _, answer| {
        if method == "eth_call" {
            *answer = json!({"error": {"code": -32000, "message": "missing trie node"}});
        }
    });
    let error = rpc(&[&node.url]).provider().call(Default::default()).await.expect_err("refused").to_string();
    assert!(error.contains("missing trie node") && error.contains(&node.url), "{error}");
}

#[tokio::test]
async fn answers_are_capped_and_checked() {
    let node = FakeNode::start(3).await;
    let rpc = rpc(&[&node.url]);
    // So large an answer is fine for logs only.
    node.raw(|request| {
        (request["method"] != "eth_chainId").then(|| {
            let answer = json!({"id": request["id"], "result": ["x".repeat(5 << 20)]});
            axum::Json(answer).into_response()
        })
    });
    let error = heads::latest(&rpc.provider()).await.expect_err("too large").to_string();
    assert!(error.contains("larger than 4194304 bytes"), "{error}");
    let error = rpc.provider().get_gas_price().await.expect_err("too large").to_string();
    assert!(error.contains("larger than 262144 bytes"), "{error}");
    let filter = alloy::rpc::types::Filter::new().from_block(1).to_block(3);
    let error = rpc.provider().get_logs(&filter).await.expect_err("these are no logs").to_string();
    assert!(!error.contains("larger than"), "{}", &error[..200]);
    node.chain().raw = None;
    for lie in
        [json!(null), json!([]), json!({"result": 5}), json!({"result": null}), json!({"result": {"number": "x"}})]
    {
        let text = lie.to_string();
        node.lie(move |method, _, answer| {
            if method != "eth_chainId" {
                *answer = lie.clone();
            }
        });
        heads::latest(&rpc.provider()).await.expect_err(&text);
    }
}

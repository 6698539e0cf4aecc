use super::{Vote, floor, highest, newest, reach, verdict, was_registered};
use crate::chain::fake_node::{FakeNode, config};
use crate::chain::{ChainError, Head, Rpc, snapshot};
use alloy::primitives::{Address, B256};
use alloy::sol_types::{SolCall, SolValue};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use contracts::{IKeeperRegistry, JobManager, TaskManager};
use serde_json::json;

/// Name, votes, nodes, the time, and the verdict if there is one.
type Case<'a> = (&'a str, &'a [Vote], usize, Option<u64>, Option<bool>);

fn vote(known: bool, number: u64, timestamp: u64) -> Vote {
    let hash = B256::left_padding_from(&number.to_be_bytes());
    Vote { known, number, hash, timestamp, syncing: false }
}

#[test]
fn that_nobody_knows_an_operator_takes_most_nodes_and_the_newest_block() {
    let (fresh, old) = (|number| vote(false, number, 1_000), |number| vote(false, number, 100));
    let syncing = Vote { syncing: true, ..fresh(90) };
    let far = |vote| Vote { number: u64::MAX, ..vote };
    let cases: [Case; 18] = [
        ("one knows", &[vote(true, 5, 0)], 1, Some(1_000), Some(true)),
        ("a lagging one knows", &[fresh(90), fresh(90), vote(true, 5, 0)], 3, Some(1_000), Some(true)),
        ("one fresh node", &[fresh(90)], 1, Some(1_010), Some(false)),
        ("nobody answers", &[], 1, Some(1_000), None),
        ("one of two answers", &[fresh(90)], 2, Some(1_000), None),
        ("two of three answer", &[fresh(90), fresh(88)], 3, Some(1_000), Some(false)),
        ("one of three lags", &[fresh(90), fresh(88), old(40)], 3, Some(1_000), Some(false)),
        ("two of three lag", &[fresh(90), old(40), old(40)], 3, Some(1_000), None),
        ("one of two lags", &[fresh(90), old(40)], 2, Some(1_000), None),
        ("a syncing node", &[syncing], 1, Some(1_000), None),
        ("a lone node with an old block", &[old(90)], 1, Some(1_000), None),
        ("the same old block twice", &[old(90), old(90)], 2, Some(1_000), Some(false)),
        ("old blocks that differ", &[old(90), old(91)], 2, Some(1_000), None),
        ("a chain whose age says nothing", &[old(90)], 1, None, Some(false)),
        ("one of three far ahead", &[far(fresh(0)), fresh(90), fresh(91)], 3, Some(1_000), Some(false)),
        ("one of three far ahead of old blocks", &[far(fresh(0)), old(90), old(90)], 3, Some(1_000), None),
        ("one of two far ahead", &[far(fresh(0)), fresh(90)], 2, Some(1_000), None),
        ("one of three far ahead where age says nothing", &[far(fresh(0)), old(90), old(90)], 3, None, None),
    ];
    for (name, votes, nodes, now, wanted) in cases {
        assert_eq!(verdict(votes, nodes, now, 1).ok(), wanted, "{name}");
    }
    assert_eq!(verdict(&[old(90)], 1, Some(1_000), 60).ok(), Some(false), "slow blocks are old for longer");
}

#[test]
fn an_empty_journal_begins_above_what_most_nodes_have() {
    let head = |number, timestamp| Head { number, hash: B256::repeat_byte(1), parent: B256::ZERO, timestamp };
    let (fresh, old) = (|number| head(number, 1_000), |number| head(number, 100));
    for (name, heads, nodes, now, wanted) in [
        ("a lone node", &[old(90)][..], 1, Some(1_000), Some(90)),
        ("the highest of those that are level", &[fresh(90), fresh(92), fresh(88)], 3, Some(1_000), Some(92)),
        ("one lags", &[fresh(90), fresh(91), old(40)], 3, Some(1_000), Some(91)),
        ("one far ahead", &[fresh(u64::MAX), fresh(91), fresh(90)], 3, Some(1_000), Some(91)),
        ("one far ahead, the others may lag", &[fresh(900), old(91), old(90)], 3, Some(1_000), None),
        ("one far ahead, and no clock to tell by", &[fresh(900), fresh(91), fresh(90)], 3, None, None),
        ("one far ahead of one", &[fresh(900), fresh(91)], 2, Some(1_000), None),
        ("one of two answers", &[fresh(91)], 2, Some(1_000), None),
        ("none answers", &[], 1, Some(1_000), None),
    ] {
        assert_eq!(floor(heads, nodes, now, 1).ok(), wanted, "{name}");
    }
}

#[tokio::test]
async fn a_newest_block_that_a_node_does_not_have_is_no_floor() {
    let node = FakeNode::start(90).await;
    node.lie(|method, params, answer| {
        if method == "eth_getBlockByNumber" && params[0] == "latest" {
            answer["result"]["number"] = json!("0x384");
        }
    });
    let config = config(&[&node.url], 0);
    let rpc = Rpc::new(&config).expect("a valid URL");
    let error = highest(&rpc, &config, 0).await.expect_err("nobody has block 900");
    assert!(matches!(error, ChainError::Unconfirmed(_)) && error.to_string().contains("no block 900"), "{error}");
    let error = newest(&rpc).await.expect_err("nor is it where a search begins");
    assert!(error.to_string().contains("no block 900"), "{error}");
    node.chain().lie = None;
    assert_eq!(newest(&rpc).await.expect("it has its newest block"), 90);
    assert_eq!(highest(&rpc, &config, 0).await.expect("it has its newest block"), 90);
}

/// `operatorInfo` of an operator that is registered, or of nobody.
fn info(known: bool) -> Vec<u8> {
    let info = IKeeperRegistry::Operator {
        index: 3,
        registered: known,
        known,
        movedAt: 1,
        peerKey: B256::repeat_byte(2),
        keyHash: B256::repeat_byte(3),
    };
    info.abi_encode()
}

#[tokio::test]
async fn a_lagging_node_does_not_make_a_known_operator_a_new_one() {
    let (behind, right) = (FakeNode::start(10).await, FakeNode::start(90).await);
    behind.chain().call_result = info(false).into();
    right.chain().call_result = info(true).into();
    let operator = Address::repeat_byte(9);
    let both = config(&[&behind.url, &right.url], 0);
    let rpc = Rpc::new(&both).expect("valid URLs");
    assert!(was_registered(&rpc, &both, operator, 0).await.expect("one knows it"));
    right.chain().call_result = info(false).into();
    let error = was_registered(&rpc, &both, operator, 0).await.expect_err("one of two lags");
    assert!(matches!(error, ChainError::Undecided(_)), "{error}");
    behind.chain().grow(80, 0);
    assert!(!was_registered(&rpc, &both, operator, 0).await.expect("both are up to date"));
}

/// The node shows contracts of this domain, whose anchors may be so many blocks old, and which give back so much.
fn deployed_with(node: &FakeNode, domain: B256, anchor_age: u64, tip: u128) {
    let age_call = alloy::hex::encode(TaskManager::maxAnchorAgeCall::SELECTOR);
    let tip_call = alloy::hex::encode(JobManager::tipCall::SELECTOR);
    node.chain().call_result = domain.to_vec().into();
    node.lie(move |method, params, answer| {
        let call = params[0].to_string();
        if method == "eth_call" && call.contains(&age_call) {
            answer["result"] = json!(B256::left_padding_from(&anchor_age.to_be_bytes()));
        } else if method == "eth_call" && call.contains(&tip_call) {
            answer["result"] = json!(B256::left_padding_from(&tip.to_be_bytes()));
        }
    });
}

/// The tip is offered at least, since the contract gives it back: who alone answers at the start must not name any.
#[tokio::test]
async fn no_tip_beyond_reason_is_believed() {
    for (tip, wanted) in [
        (0, Ok(0)),
        (30_000_000_000, Ok(30_000_000_000)),
        (100_000_000_000, Ok(100_000_000_000)),
        (100_000_000_001, Err("wrong_constants")),
        (u128::MAX, Err("wrong_constants")),
    ] {
        let node = FakeNode::start(3).await;
        let config = config(&[&node.url], 0);
        deployed_with(&node, config.network.domain_separator(), 100, tip);
        let found = reach(&Rpc::new(&config).expect("valid URLs"), &config).await;
        assert_eq!(found.as_ref().map(|constants| constants.tip).map_err(ChainError::reason), wanted, "{tip}");
    }
}

/// What the contracts were deployed with is asked once: a node that makes it up would have every settlement refused here.
#[tokio::test]
async fn constants_are_believed_of_most_good_nodes_and_only_where_the_contract_would_take_them() {
    let cases: [(&str, &[u64], Result<u64, &str>); 8] = [
        ("one node", &[100], Ok(100)),
        ("two that agree", &[256, 256], Ok(256)),
        ("the first of three lies", &[1, 100, 100], Ok(100)),
        ("the last of three lies", &[100, 100, 99], Ok(100)),
        ("one of two lies", &[1, 100], Err("disagreeing")),
        ("nobody agrees", &[1, 2, 3], Err("disagreeing")),
        ("none at all", &[0], Err("wrong_constants")),
        ("more than there are hashes, and one that is right", &[257, 100], Ok(100)),
    ];
    for (name, ages, wanted) in cases {
        let mut nodes = Vec::new();
        for _ in ages {
            nodes.push(FakeNode::start(3).await);
        }
        let urls: Vec<&str> = nodes.iter().map(|node| node.url.as_str()).collect();
        let config = config(&urls, 0);
        nodes.iter().zip(ages).for_each(|(node, age)| deployed_with(node, config.network.domain_separator(), *age, 0));
        let rpc = Rpc::new(&config).expect("valid URLs");
        let found = reach(&rpc, &config).await;
        let found = found.as_ref().map(|constants| constants.anchor_age).map_err(ChainError::reason);
        assert_eq!(found, wanted, "{name}");
    }
}

#[tokio::test]
async fn the_first_answer_is_no_verdict_on_the_chain_unless_it_is_one() {
    let answers = [
        ("an error", json!({"error": {"code": -32000, "message": "project is over its limit"}})),
        ("a limit", json!({"error": {"code": 429, "message": "slow down", "data": null}})),
        ("null", json!({"result": null})),
        ("nothing", json!({})),
        ("a text", json!("<html>maintenance</html>")),
        ("a word", json!({"result": "mainnet"})),
        ("a list", json!({"result": []})),
        ("a number too large", json!({"result": "0x10000000000000000"})),
    ];
    for (name, answer) in answers {
        let (odd, good) = (FakeNode::start(3).await, FakeNode::start(3).await);
        let told = answer.clone();
        odd.lie(move |method, _, answer| {
            if method == "eth_chainId" {
                *answer = told.clone();
            }
        });
        let alone = config(&[&odd.url], 0);
        let rpc = Rpc::new(&alone).expect("valid URLs");
        let error = reach(&rpc, &alone).await.expect_err(name);
        assert!(matches!(error, ChainError::Unreachable(_)), "{name}: {error}");
        assert!(!rpc.is_other_chain() && !error.to_string().contains("wrong chain"), "{name}: {error}");
        assert!(error.to_string().contains(&odd.url), "{name}: {error}");
        let both = config(&[&odd.url, &good.url], 0);
        deployed_with(&good, both.network.domain_separator(), 100, 0);
        let rpc = Rpc::new(&both).expect("valid URLs");
        reach(&rpc, &both).await.unwrap_or_else(|error| panic!("{name}: the good node was not asked: {error}"));
    }
}

#[tokio::test]
async fn another_chain_or_none_of_our_contracts_is_final_only_if_all_nodes_show_it() {
    let (other, second) = (FakeNode::start(3).await, FakeNode::start(3).await);
    other.chain().chain_id = 5;
    second.chain().chain_id = 6;
    let both = config(&[&other.url, &second.url], 0);
    let error = reach(&Rpc::new(&both).expect("valid URLs"), &both).await.expect_err("other chains");
    assert!(matches!(error, ChainError::WrongChainId(_)), "{error}");
    second.chain().status = Some(axum::http::StatusCode::BAD_GATEWAY);
    let error = reach(&Rpc::new(&both).expect("valid URLs"), &both).await.expect_err("one may be right");
    assert!(matches!(error, ChainError::Unreachable(_)), "{error}");
    let empty = FakeNode::start(3).await;
    empty.chain().code = false;
    let alone = config(&[&empty.url], 0);
    let error = reach(&Rpc::new(&alone).expect("valid URLs"), &alone).await.expect_err("no contracts");
    assert!(matches!(error, ChainError::MissingContract { .. }), "{error}");
    let mut early = config(&[&empty.url], 0);
    early.network.deploy_block = 9;
    let error = reach(&Rpc::new(&early).expect("valid URLs"), &early).await.expect_err("a node that still syncs");
    assert_eq!(error.reason(), "node_before_deployment", "{error}");
}

/// A list of questions to one node comes to its end though the node limits every third one.
#[tokio::test]
async fn a_node_that_limits_is_asked_to_the_end() {
    let node = FakeNode::start(3).await;
    let mut asked = 0;
    node.raw(move |_| {
        asked += 1;
        (asked % 3 == 0).then(|| (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")], "slow down").into_response())
    });
    let config = config(&[&node.url], 0);
    let rpc = Rpc::new(&config).expect("a valid URL");
    assert_eq!(highest(&rpc, &config, 0).await.expect("asked again"), 3);
    let contracts = snapshot::check_contracts(&rpc.node().await.expect("a node").provider(), &config).await;
    contracts.expect("asked again");
    assert!(rpc.counts()["limited"] >= 2);
}

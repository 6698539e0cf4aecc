use std::collections::BTreeSet;

use alloy::primitives::{B256, hex};
use serde_json::{Value, json};

use super::*;
use crate::chain::Rpc;
use crate::chain::fake_node::{FakeNode, config};
use crate::chain::real_node::Anvil;

/// Contracts by what they answer to any call.
const YES: &str = "600160005260206000f3"; // mstore(0, 1) return(0, 32)
const NO: &str = "600060005260206000f3";
const SHORT: &str = "600160005260026000f3"; // two bytes
const REVERTS: &str = "60006000fd";
const BURNS: &str = "5b600056"; // jumps to where it is
const BOMBS: &str = "62ffffff6000f3"; // sixteen million bytes
const TOO_LONG: &str = "6001600052621000006000f3"; // a yes, and a mebibyte behind it
/// calldataload(0) == 0x01020304…
const ECHOES: &str = "60003560005260206000f3";

fn address(number: usize) -> Address {
    Address::from_word(B256::with_last_byte(0x80 + number as u8))
}

async fn place(anvil: &Anvil, codes: &[&str]) {
    for (number, code) in codes.iter().enumerate() {
        let code = format!("0x{code}");
        anvil.provider.raw_request::<_, ()>("anvil_setCode".into(), (address(number), code)).await.unwrap();
    }
}

async fn newest(anvil: &Anvil) -> BlockRef {
    let head = crate::chain::latest(&anvil.provider).await.unwrap().head;
    BlockRef { number: head.number, hash: head.hash, timestamp: head.timestamp }
}

fn question(job: u64, target: Address, call: &'static [u8]) -> Question {
    Question { job, target, call: Bytes::from_static(call) }
}

#[tokio::test]
async fn what_holds_is_told_from_what_does_not_fails_burns_and_bombs() {
    let anvil = Anvil::start(0, &[]).await;
    // gas() > 300_000 ? 1 : revert
    let needs_more = "620493e05a11600e5760006000fd5b600160005260206000f3";
    place(&anvil, &[YES, NO, SHORT, REVERTS, BURNS, BOMBS, needs_more, ECHOES, TOO_LONG]).await;
    let word: &'static [u8] = &[0, 0, 0, 1];
    let mut questions: Vec<Question> = (0..8).map(|number| question(number, address(number as usize), &[])).collect();
    questions.push(question(8, address(7), word));
    // An account without code answers nothing.
    questions.push(question(9, address(99), word));
    // What is longer than a question may bring nobody verifies.
    questions.push(question(10, address(8), &[]));
    let Probed { holding, idle, failing } = probe(&anvil.provider, &newest(&anvil).await, &questions).await.unwrap();
    let set = |jobs: &[u64]| jobs.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!((set(&holding), set(&idle)), ([0, 6, 8].into(), [1, 2, 7, 9].into()));
    let fails = "the call fails with 10000000 gas: ";
    let expected = [(3, fails), (4, fails), (5, fails), (10, "it answers 1048576 bytes")];
    assert_eq!(failing.keys().copied().collect::<Vec<_>>(), expected.map(|(job, _)| job));
    for (job, words) in expected {
        assert!(failing[&job].starts_with(words), "{job}: {}", failing[&job]);
    }
}

/// One request for each 200, whatever they do, and a few for those that need more gas.
#[tokio::test]
async fn ten_thousand_conditions_are_fifty_questions() {
    let anvil = Anvil::start(0, &[]).await;
    place(&anvil, &[YES, NO]).await;
    let call: &'static [u8] = &[7; 36];
    let questions: Vec<Question> =
        (0..10_000).map(|number| question(number, address(usize::from(number % 100 != 0)), call)).collect();
    assert_eq!(cut(&questions).len(), 50);
    let Probed { holding, failing, .. } = probe(&anvil.provider, &newest(&anvil).await, &questions).await.unwrap();
    assert!(failing.is_empty());
    assert_eq!(holding, (0..10_000).step_by(100).collect::<Vec<u64>>());
}

/// What a node answers, by the contract that is asked; `None`: the code that asks many of them.
async fn node_that(answer: impl Fn(Option<&str>, &Value) -> Value + Send + 'static) -> (FakeNode, ChainProvider) {
    let node = FakeNode::start(3).await;
    node.lie(move |method, params, shown| {
        if method == "eth_call" {
            *shown = answer(params[0]["to"].as_str(), &params[0]["input"]);
        }
    });
    let provider = Rpc::new(&config(&[&node.url], 0)).unwrap().provider();
    (node, provider)
}

const AT: BlockRef = BlockRef { number: 3, hash: B256::ZERO, timestamp: 1 };

/// One condition for which a node breaks off once voided all others of its block.
#[tokio::test]
async fn a_question_that_gets_no_answer_is_no_word_on_the_others() {
    let breaks_off = format!("{:?}", address(1));
    let (_node, provider) = node_that(move |to, _| match to {
        None => json!({"result": "0x03000001"}),
        // No answer at all.
        Some(to) if to.eq_ignore_ascii_case(&breaks_off) => json!("overloaded"),
        Some(_) => json!({"result": B256::with_last_byte(1)}),
    })
    .await;
    let questions: Vec<Question> = (0..4).map(|job| question(job, address(job as usize), &[])).collect();
    let mut probed = probe(&provider, &AT, &questions).await.unwrap();
    probed.holding.sort_unstable();
    assert_eq!((&probed.holding[..], &probed.idle[..]), (&[0, 2][..], &[3][..]));
    assert_eq!(probed.failing.keys().copied().collect::<Vec<_>>(), [1]);
    assert!(probed.failing[&1].starts_with("no answer: "), "{probed:?}");
}

#[tokio::test]
async fn a_group_that_gets_no_answer_is_no_word_on_the_others_and_none_is_an_error() {
    let questions: Vec<Question> = (0..=TOGETHER as u64).map(|job| question(job, address(0), &[])).collect();
    let last = code(&questions[TOGETHER..]).to_string();
    let fails = || json!({"error": {"code": -32000, "message": "missing trie node"}});
    let (_node, provider) = node_that(move |_, input| match input == &json!(last) {
        true => json!({"result": "0x03"}),
        false => fails(),
    })
    .await;
    let probed = probe(&provider, &AT, &questions).await.unwrap();
    assert_eq!(probed, Probed { holding: vec![TOGETHER as u64], ..Probed::default() });
    assert!(probe(&provider, &AT, &questions[..TOGETHER]).await.is_err());
}

#[test]
fn long_calls_are_fewer_together_and_the_code_fits() {
    let long: &'static [u8] = &[1; 4_096];
    let questions: Vec<Question> = (0..100).map(|number| question(number, address(0), long)).collect();
    let parts = cut(&questions);
    assert_eq!(parts.iter().map(|part| part.len()).sum::<usize>(), 100);
    assert!(parts.iter().all(|part| code(part).len() <= CODE_MAX) && parts.len() <= 10);
    let short: Vec<Question> = (0..200).map(|number| question(number, address(0), &[])).collect();
    let made = code(&short);
    assert!(made.len() <= CODE_MAX && made.len() <= 200 * QUESTION_CODE, "{}", hex::encode(&made[..80]));
}

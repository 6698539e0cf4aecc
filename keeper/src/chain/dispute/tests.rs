use super::*;
use crate::chain::fake_node::{FakeNode, config};
use alloy::primitives::{Bytes, U256, hex};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// A node at which the contract refuses every call of this kind with these bytes.
async fn node(selector: [u8; 4], refuses: Option<Vec<u8>>) -> FakeNode {
    let node = FakeNode::start(3).await;
    let refusal = refuses
        .map(|data| json!({"error": {"code": 3, "message": "execution reverted", "data": hex::encode_prefixed(data)}}));
    let selector = hex::encode_prefixed(selector);
    node.lie(move |method, params: &Value, answer| {
        let input = params[0]["input"].as_str().unwrap_or_default();
        if matches!(method, "eth_call" | "eth_estimateGas") && input.starts_with(&selector) {
            *answer = refusal.clone().unwrap_or_else(|| json!({"result": "0x10000"}));
        }
    });
    node
}

fn submitter(nodes: &[FakeNode], folder: &std::path::Path, stop: &CancellationToken) -> (Rpc, Submitter) {
    let urls: Vec<&str> = nodes.iter().map(|node| node.url.as_str()).collect();
    let config = config(&urls, 0);
    let rpc = Rpc::new(&config).expect("valid URLs");
    let signer = PrivateKeySigner::from_bytes(&B256::repeat_byte(0x42)).expect("a key");
    let submitter = Submitter::new(&rpc, signer, &config, folder, 10_000_000, stop.clone()).expect("the ledger opens");
    (rpc, submitter)
}

#[tokio::test]
async fn that_nobody_is_left_takes_the_word_of_two_nodes() {
    let nobody = || Some(Challenger::NobodyGuilty {}.abi_encode());
    let other = || Some(Challenger::WrongDisputeStatus { status: 1 }.abi_encode());
    let cases = [
        ("a lone node says so", vec![nobody()], "all_punished"),
        ("both say so", vec![nobody(), nobody()], "all_punished"),
        ("one of two says so", vec![nobody(), None], "failed"),
        ("it is not ruled there yet", vec![other()], "refused"),
    ];
    for (name, shows, wanted) in cases {
        let mut nodes = Vec::new();
        for refuses in shows {
            nodes.push(node(Challenger::enforceCall::SELECTOR, refuses).await);
        }
        let (folder, stop) = (tempfile::tempdir().expect("a folder"), CancellationToken::new());
        let (rpc, submitter) = submitter(&nodes, folder.path(), &stop);
        let result = submitter.enforce(&rpc, 1).await;
        assert_eq!(result.name(), wanted, "{name}: {result:?}");
        stop.cancel();
    }
}

#[tokio::test]
async fn a_ruling_that_came_second_is_refused_in_the_contracts_words() {
    let refusal = Challenger::WrongDisputeStatus { status: 2 }.abi_encode();
    let nodes = [node(Challenger::ruleCall::SELECTOR, Some(refusal)).await];
    let (folder, stop) = (tempfile::tempdir().expect("a folder"), CancellationToken::new());
    let (_, submitter) = submitter(&nodes, folder.path(), &stop);
    let ruling = RulingCall {
        dispute: 1,
        status: 0,
        outcome_hash: B256::ZERO,
        epoch: 1,
        signature: Bytes::new(),
        signers: vec![U256::from(1)],
    };
    let BroughtResult::Refused { reason } = submitter.rule(ruling).await else { panic!("it was not refused") };
    assert!(reason.contains("WrongDisputeStatus"), "{reason}");
    stop.cancel();
}

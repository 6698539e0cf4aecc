use super::{Accusation, AccusationResult};
use crate::chain::fake_node::{FakeNode, config, contracts};
use crate::chain::{Rpc, Submitter};
use alloy::primitives::{B256, Bytes, U256, hex};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::{SolCall, SolError};
use contracts::{Challenger, IChallenger, ReportLib};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

fn accusation() -> Accusation {
    let statement = IChallenger::Statement {
        report: ReportLib::Report::default(),
        proof: Vec::new(),
        signers: vec![U256::from(4)],
        signature: Bytes::new(),
    };
    let (first, second) = (statement.clone(), statement);
    Accusation { key: B256::repeat_byte(1), epoch: 1, first, second, task_id: B256::ZERO, guilty: vec![2] }
}

/// What one node shows: whether the guilty are convicted, and the error by which the contract refuses a proof.
type Shows = (bool, Option<Vec<u8>>);

async fn node((convicted, refuses): &Shows) -> FakeNode {
    let node = FakeNode::start(3).await;
    node.chain().call_result = B256::with_last_byte(u8::from(*convicted)).to_vec().into();
    let refusal = refuses
        .as_ref()
        .map(|data| json!({"error": {"code": 3, "message": "execution reverted", "data": hex::encode_prefixed(data)}}));
    let proves = hex::encode_prefixed(Challenger::proveEquivocationCall::SELECTOR);
    node.lie(move |method, params: &Value, answer| {
        let input = params[0]["input"].as_str().unwrap_or_default();
        if matches!(method, "eth_call" | "eth_estimateGas") && input.starts_with(&proves) {
            *answer = refusal.clone().unwrap_or_else(|| json!({"result": "0x10000"}));
        }
    });
    node
}

#[tokio::test]
async fn a_proof_is_let_go_only_on_the_word_of_two_nodes() {
    let proven = || Some(Challenger::AlreadyProven {}.abi_encode());
    let late = || Some(Challenger::TooLate { deadline: U256::from(5) }.abi_encode());
    let refused = || Some(Challenger::NoConflict {}.abi_encode());
    let cases: [(&str, Vec<Shows>, &str); 9] = [
        ("a lone node says convicted", vec![(true, None)], "proven"),
        ("two say convicted", vec![(true, None), (true, None)], "proven"),
        ("one of two says convicted", vec![(true, proven()), (false, None)], "failed"),
        ("the other says convicted", vec![(false, proven()), (true, None)], "failed"),
        ("both contracts say proven", vec![(false, proven()), (false, proven())], "proven"),
        ("one says too late", vec![(false, late()), (false, None)], "failed"),
        ("both say too late", vec![(false, late()), (false, late())], "too_late"),
        ("a lone node says too late", vec![(false, late())], "too_late"),
        ("one refuses", vec![(false, refused()), (false, None)], "refused"),
    ];
    for (name, shows, wanted) in cases {
        let mut nodes = Vec::new();
        for shows in &shows {
            nodes.push(node(shows).await);
        }
        let urls: Vec<&str> = nodes.iter().map(|node| node.url.as_str()).collect();
        let config = config(&urls, 0);
        assert_eq!(config.network.contracts.challenger, contracts().challenger);
        let rpc = Rpc::new(&config).expect("valid URLs");
        let folder = tempfile::tempdir().expect("a folder");
        let signer = PrivateKeySigner::from_bytes(&B256::repeat_byte(0x42)).expect("a key");
        let stop = CancellationToken::new();
        let submitter =
            Submitter::new(&rpc, signer, &config, folder.path(), 10_000_000, stop.clone()).expect("the ledger opens");
        let result = submitter.accuse(&rpc, &accusation()).await;
        assert_eq!(result.name(), wanted, "{name}: {result:?}");
        assert!(!matches!(result, AccusationResult::Mined { .. }), "{name}");
        stop.cancel();
    }
}

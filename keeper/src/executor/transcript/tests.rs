use std::time::Duration;

use alloy::primitives::{Address, U256};

use super::*;
use crate::executor::RpcFailure;
use crate::executor::tests::PreparedChain;

fn transcript(answers: impl IntoIterator<Item = Result<ChainAnswer, RpcFailure>>, runtime: &Handle) -> Transcript {
    let reference = BlockReference { chain_id: 1, number: 5000, hash: [1; 32], timestamp: 1 };
    let deadline = Instant::now() + Duration::from_secs(60);
    Transcript::new(PreparedChain::new(answers), reference, runtime.clone(), deadline)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().expect("a runtime")
}

/// Runs a test outside of async code, where guests run.
fn on_a_runtime(test: impl FnOnce(&Handle)) {
    let runtime = runtime();
    let _inside = runtime.enter();
    test(runtime.handle());
}

fn balance() -> Vec<u8> {
    ChainRequest::Balance(Address::ZERO).encode()
}

fn logs(from_block: u64, to_block: u64, topics: usize) -> Vec<u8> {
    ChainRequest::Logs { address: Address::ZERO, topics: vec![None; topics], from_block, to_block }.encode()
}

fn ask(transcript: &mut Transcript, request: &[u8]) -> ChainAnswer {
    ChainAnswer::decode(&transcript.chain(request).expect("answered")).expect("canonical")
}

#[test]
fn the_root_is_the_documented_chain_of_hashes() {
    on_a_runtime(|runtime| {
        let answers = [ChainAnswer::word(U256::from(1)), ChainAnswer::Reverted(vec![2].into())];
        let mut transcript = transcript(answers.clone().map(Ok), runtime);
        assert_eq!(transcript.root(), B256::ZERO);
        let mut root = B256::ZERO;
        for answer in answers {
            assert_eq!(ask(&mut transcript, &balance()), answer);
            let bytes =
                [root.as_slice(), keccak256(balance()).as_slice(), keccak256(answer.encode()).as_slice()].concat();
            root = keccak256(bytes);
            assert_eq!(transcript.root(), root);
        }
    });
}

#[test]
fn a_run_has_64_reads() {
    on_a_runtime(|runtime| {
        let mut transcript = transcript([Ok(ChainAnswer::word(U256::ZERO))], runtime);
        for _ in 0..MAX_CHAIN_READS {
            assert!(matches!(ask(&mut transcript, &balance()), ChainAnswer::Data(_)));
        }
        let before = transcript.root();
        assert!(matches!(ask(&mut transcript, &balance()), ChainAnswer::Limit(_)));
        assert_ne!(transcript.root(), before, "what the caps refuse is part of the transcript");
    });
}

#[test]
fn requests_and_answers_share_one_cap_on_bytes() {
    on_a_runtime(|runtime| {
        let mut transcript = transcript([Ok(ChainAnswer::Data(vec![0; 100 << 10].into()))], runtime);
        assert!(matches!(ask(&mut transcript, &balance()), ChainAnswer::Data(_)));
        assert!(matches!(ask(&mut transcript, &balance()), ChainAnswer::Data(_)));
        assert!(matches!(ask(&mut transcript, &balance()), ChainAnswer::Limit(_)), "the third answer is over 256 KiB");
        let long = ChainRequest::Call { to: Address::ZERO, data: vec![0; 60 << 10].into() }.encode();
        assert!(matches!(ask(&mut transcript, &long), ChainAnswer::Limit(_)), "a request counts too");
    });
}

#[test]
fn reads_of_logs_are_bounded_and_end_at_the_anchor() {
    on_a_runtime(|runtime| {
        // The chain has no logs at all: whatever comes back as such was asked of it.
        let mut transcript = transcript([Ok(ChainAnswer::Logs(vec![]))], runtime);
        assert_eq!(ask(&mut transcript, &logs(5000 - 1023, 5000, 4)), ChainAnswer::Logs(vec![]));
        assert!(matches!(ask(&mut transcript, &logs(5000 - 1024, 5000, 0)), ChainAnswer::Limit(_)));
        assert!(matches!(ask(&mut transcript, &logs(0, u64::MAX, 0)), ChainAnswer::Invalid(_)));
        assert!(matches!(ask(&mut transcript, &logs(5000, 5001, 0)), ChainAnswer::Invalid(_)));
        assert!(matches!(ask(&mut transcript, &logs(10, 9, 0)), ChainAnswer::Invalid(_)));
        assert!(matches!(ask(&mut transcript, &logs(9, 10, 5)), ChainAnswer::Invalid(_)));
    });
}

#[test]
fn too_many_logs_are_a_limit_and_not_a_failure() {
    on_a_runtime(|runtime| {
        let entry = crate::executor::LogEntry {
            address: Address::ZERO,
            topics: vec![],
            data: vec![].into(),
            block_number: 10,
            block_hash: B256::ZERO,
            transaction_hash: B256::ZERO,
            log_index: 0,
        };
        let (most, more) = (vec![entry.clone(); MAX_LOGS], vec![entry; MAX_LOGS + 1]);
        let mut transcript = transcript([Ok(ChainAnswer::Logs(most)), Ok(ChainAnswer::Logs(more))], runtime);
        assert!(matches!(ask(&mut transcript, &logs(10, 10, 0)), ChainAnswer::Logs(_)));
        assert!(matches!(ask(&mut transcript, &logs(10, 10, 0)), ChainAnswer::Limit(_)));
    });
}

#[test]
fn a_failing_node_leaves_no_answer() {
    on_a_runtime(|runtime| {
        let mut transcript = transcript([Err(RpcFailure("down".into()))], runtime);
        assert_eq!(transcript.chain(&balance()), Err(HostFailure::Rpc("down".into())));
        assert_eq!(transcript.root(), B256::ZERO);
    });
}

#[test]
fn bytes_that_are_no_request_are_told_so() {
    on_a_runtime(|runtime| {
        let mut transcript = transcript([], runtime);
        assert!(matches!(ask(&mut transcript, b"garbage"), ChainAnswer::Invalid(_)));
    });
}

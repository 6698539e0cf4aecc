use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use alloy::primitives::{Address, U256};

use super::*;
use crate::RpcFailure;
use crate::reader::Reading;

/// A chain that gives prepared answers, the last one for ever.
#[derive(Debug)]
struct PreparedChain(Mutex<VecDeque<Result<ChainAnswer, RpcFailure>>>);

impl ChainReader for PreparedChain {
    fn read<'a>(&'a self, _: &'a BlockReference, _: &'a ChainRequest) -> Reading<'a> {
        let mut answers = self.0.lock().expect("no test panics while it holds the lock");
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move { answer.expect("a test that reads prepares an answer") })
    }
}

/// A chain that never answers.
#[derive(Debug)]
struct SilentChain;

impl ChainReader for SilentChain {
    fn read<'a>(&'a self, _: &'a BlockReference, _: &'a ChainRequest) -> Reading<'a> {
        Box::pin(std::future::pending())
    }
}

fn on(chain: impl ChainReader + 'static) -> Transcript {
    Transcript::new(Arc::new(chain), BlockReference { chain_id: 1, number: 5000, hash: [1; 32], timestamp: 1 })
}

fn transcript(answers: impl IntoIterator<Item = Result<ChainAnswer, RpcFailure>>) -> Transcript {
    on(PreparedChain(Mutex::new(answers.into_iter().collect())))
}

async fn read(transcript: &mut Transcript, request: &[u8]) -> Option<Vec<u8>> {
    transcript.read(&ChainRead::Request(request.to_vec()), Instant::now() + Duration::from_secs(60)).await
}

fn balance() -> Vec<u8> {
    ChainRequest::Balance(Address::ZERO).encode()
}

fn logs(from_block: u64, to_block: u64, topics: usize) -> Vec<u8> {
    ChainRequest::Logs { address: Address::ZERO, topics: vec![None; topics], from_block, to_block }.encode()
}

async fn ask(transcript: &mut Transcript, request: &[u8]) -> ChainAnswer {
    ChainAnswer::decode(&read(transcript, request).await.expect("answered")).expect("canonical")
}

#[tokio::test]
async fn the_root_is_the_documented_chain_of_hashes() {
    let answers = [ChainAnswer::word(U256::from(1)), ChainAnswer::Reverted(vec![2].into())];
    let mut transcript = transcript(answers.clone().map(Ok));
    assert_eq!(transcript.root(), B256::ZERO);
    let mut root = B256::ZERO;
    for answer in answers {
        assert_eq!(ask(&mut transcript, &balance()).await, answer);
        let bytes = [root.as_slice(), keccak256(balance()).as_slice(), keccak256(answer.encode()).as_slice()].concat();
        root = keccak256(bytes);
        assert_eq!(transcript.root(), root);
    }
}

#[tokio::test]
async fn a_run_has_64_reads() {
    let mut transcript = transcript([Ok(ChainAnswer::word(U256::ZERO))]);
    for _ in 0..MAX_CHAIN_READS {
        assert!(matches!(ask(&mut transcript, &balance()).await, ChainAnswer::Data(_)));
    }
    let before = transcript.root();
    assert!(matches!(ask(&mut transcript, &balance()).await, ChainAnswer::Limit(_)));
    assert_ne!(transcript.root(), before, "what the caps refuse is part of the transcript");
}

#[tokio::test]
async fn requests_and_answers_share_one_cap_on_bytes() {
    let mut transcript = transcript([Ok(ChainAnswer::Data(vec![0; 100 << 10].into()))]);
    assert!(matches!(ask(&mut transcript, &balance()).await, ChainAnswer::Data(_)));
    assert!(matches!(ask(&mut transcript, &balance()).await, ChainAnswer::Data(_)));
    assert!(
        matches!(ask(&mut transcript, &balance()).await, ChainAnswer::Limit(_)),
        "the third answer is over 256 KiB"
    );
    let long = ChainRequest::Call { to: Address::ZERO, data: vec![0; 60 << 10].into() }.encode();
    assert!(matches!(ask(&mut transcript, &long).await, ChainAnswer::Limit(_)), "a request counts too");
}

#[tokio::test]
async fn reads_of_logs_are_bounded_and_end_at_the_anchor() {
    // The chain has no logs at all: whatever comes back as such was asked of it.
    let mut transcript = transcript([Ok(ChainAnswer::Logs(vec![]))]);
    assert_eq!(ask(&mut transcript, &logs(5000 - 1023, 5000, 4)).await, ChainAnswer::Logs(vec![]));
    assert!(matches!(ask(&mut transcript, &logs(5000 - 1024, 5000, 0)).await, ChainAnswer::Limit(_)));
    assert!(matches!(ask(&mut transcript, &logs(0, u64::MAX, 0)).await, ChainAnswer::Invalid(_)));
    assert!(matches!(ask(&mut transcript, &logs(5000, 5001, 0)).await, ChainAnswer::Invalid(_)));
    assert!(matches!(ask(&mut transcript, &logs(10, 9, 0)).await, ChainAnswer::Invalid(_)));
    assert!(matches!(ask(&mut transcript, &logs(9, 10, 5)).await, ChainAnswer::Invalid(_)));
}

#[tokio::test]
async fn too_many_logs_are_a_limit_and_not_a_failure() {
    let entry = crate::LogEntry {
        address: Address::ZERO,
        topics: vec![],
        data: vec![].into(),
        block_number: 10,
        block_hash: B256::ZERO,
        transaction_hash: B256::ZERO,
        log_index: 0,
    };
    let (most, more) = (vec![entry.clone(); MAX_LOGS], vec![entry; MAX_LOGS + 1]);
    let mut transcript = transcript([Ok(ChainAnswer::Logs(most)), Ok(ChainAnswer::Logs(more))]);
    assert!(matches!(ask(&mut transcript, &logs(10, 10, 0)).await, ChainAnswer::Logs(_)));
    assert!(matches!(ask(&mut transcript, &logs(10, 10, 0)).await, ChainAnswer::Limit(_)));
}

#[tokio::test]
async fn a_failing_node_leaves_no_answer() {
    let mut transcript = transcript([Err(RpcFailure::NoAnswer("down".into()))]);
    assert_eq!(read(&mut transcript, &balance()).await, None);
    assert_eq!(transcript.failure(), Some(&Abstain::RpcFailure("down".into())));
    assert_eq!(transcript.root(), B256::ZERO);
}

#[tokio::test]
async fn a_silent_node_leaves_none_either_when_time_is_over() {
    let mut transcript = on(SilentChain);
    let soon = Instant::now() + Duration::from_millis(50);
    assert_eq!(transcript.read(&ChainRead::Request(balance()), soon).await, None);
    assert_eq!(transcript.failure(), Some(&Abstain::Timeout));
}

#[tokio::test]
async fn a_request_too_long_to_be_told_is_refused_as_it_was_when_told() {
    let request = ChainRequest::Call { to: Address::ZERO, data: vec![0; MAX_CHAIN_BYTES].into() }.encode();
    let (mut told, mut hashed) = (transcript([]), transcript([]));
    let answer = ask(&mut told, &request).await;
    let read = hashed.read(&ChainRead::TooLong(keccak256(&request).0), Instant::now()).await;
    assert_eq!(read, Some(answer.encode()));
    assert_eq!(told.root(), hashed.root());
    assert_eq!(told.reads_left, hashed.reads_left);
}

#[tokio::test]
async fn bytes_that_are_no_request_are_told_so() {
    let mut transcript = transcript([]);
    assert!(matches!(ask(&mut transcript, b"garbage").await, ChainAnswer::Invalid(_)));
}

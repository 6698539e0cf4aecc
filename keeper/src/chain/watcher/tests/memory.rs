//! What is remembered over a restart.

use super::{Watched, Watcher, funded, job_events};
use crate::chain::digest::Kept;
use crate::chain::fake_node::{FakeNode, config, contracts};
use crate::chain::real_node::job_params_for;
use crate::chain::{ChainEvent, JobEvent, Rpc};
use alloy::primitives::{Address, B256, LogData};
use alloy::rpc::types::Log;
use alloy::sol_types::SolEvent;
use contracts::{JobManager, KeeperRegistry};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::time::timeout;

const FILE: &str = "chain-digest.json";

/// Keeps the watcher going until it has written down what it knows.
async fn until_written(watched: &mut Watched, folder: &Path) {
    while !folder.join(FILE).exists() {
        let told = timeout(Duration::from_millis(20), watched.next()).await;
        assert!(matches!(told, Err(_) | Ok(ChainEvent::Connection { .. })), "{told:?}");
    }
}

/// Watches what ranges of logs a node is asked for; gives back the lowest block.
fn lowest_asked(node: &FakeNode) -> Arc<AtomicU64> {
    let lowest = Arc::new(AtomicU64::new(u64::MAX));
    let seen = lowest.clone();
    node.lie(move |method, params, _| {
        if method == "eth_getLogs"
            && let Some(from) = params[0]["fromBlock"].as_str()
        {
            seen.fetch_min(u64::from_str_radix(&from[2..], 16).expect("hex"), Ordering::Relaxed);
        }
    });
    lowest
}

/// What counts is what is left of the logs, not how many there were.
#[tokio::test]
async fn a_long_history_of_few_jobs_is_written_down() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = FakeNode::start(20_000).await;
    for block in 1..1_500 {
        node.chain().log(block * 10, contracts().job_manager, funded(block % 3));
    }
    let config = config(&[&node.url], 0);
    let mut watched = Watched::remembering(config.clone(), folder.path());
    assert_eq!(job_events(&watched.until_head(20_000).await).len(), 1_499);
    until_written(&mut watched, folder.path()).await;
    assert_eq!(watched.count("digest_not_written"), 0);
    watched.finish().await;
    let mut watched = Watched::remembering(config, folder.path());
    let told = watched.until_head(20_000).await;
    let blocks: Vec<u64> = job_events(&told).iter().map(|(block, _)| *block).collect();
    let newest = (1_257..1_500).map(|block| block * 10).collect::<Vec<_>>();
    assert_eq!(blocks, newest, "of what is older than two hours and an eighth of them, the newest of each job");
    watched.finish().await;
}

#[tokio::test]
async fn a_start_reads_what_is_new_and_tells_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = FakeNode::start(9_000).await;
    let registered = KeeperRegistry::OperatorRegistered {
        operator: Address::repeat_byte(0xa),
        index: 0,
        blsKey: vec![0; 192].into(),
        peerKey: B256::repeat_byte(1),
    };
    node.chain().log(3, contracts().keeper_registry, registered.encode_log_data());
    // Each old job twice: the newest word about it is what counts.
    for (block, job) in [(10, 1), (20, 2), (30, 1), (8_000, 3), (8_990, 4)] {
        node.chain().log(block, contracts().job_manager, funded(job));
    }
    let config = config(&[&node.url], 0);
    let mut watched = Watched::remembering(config.clone(), folder.path());
    let told = watched.until_head(9_000).await;
    assert_eq!(job_events(&told).len(), 5);
    until_written(&mut watched, folder.path()).await;
    watched.finish().await;

    node.chain().grow(50, 0);
    let lowest = lowest_asked(&node);
    let mut watched = Watched::remembering(config.clone(), folder.path());
    let told = watched.until_head(9_050).await;
    let funded = |job| JobEvent::Covered { job_id: job, covered: true };
    let wanted = [(20, funded(2)), (30, funded(1)), (8_000, funded(3)), (8_990, funded(4))];
    assert_eq!(job_events(&told), wanted, "in the order of the chain");
    assert!(matches!(&told[0], ChainEvent::Operator { block: 3, peer_key: Some(_), .. }), "{:?}", told[0]);
    assert_eq!(watched.heads.len(), 300);
    assert_eq!(lowest.load(Ordering::Relaxed), 9_000 - 7_200 + 1, "what is older is not read again");
    watched.finish().await;

    std::fs::remove_file(folder.path().join(FILE)).expect("deletable at any time");
    let mut watched = Watched::remembering(config, folder.path());
    assert_eq!(job_events(&watched.until_head(9_050).await).len(), 5);
    watched.finish().await;
}

#[tokio::test]
async fn what_was_written_of_another_chain_is_not_believed() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = FakeNode::start(8_000).await;
    node.chain().log(10, contracts().job_manager, funded(1));
    let config = config(&[&node.url], 0);
    let mut watched = Watched::remembering(config.clone(), folder.path());
    watched.until_head(8_000).await;
    until_written(&mut watched, folder.path()).await;
    watched.finish().await;
    for blocks in [8_000, 100] {
        {
            let mut chain = node.chain();
            chain.drop_above(5);
            chain.grow(blocks - 5, 9);
            chain.log(20, contracts().job_manager, funded(2));
        }
        let mut watched = Watched::remembering(config.clone(), folder.path());
        let told = watched.until_head(blocks).await;
        assert_eq!(job_events(&told), [(20, JobEvent::Covered { job_id: 2, covered: true })], "{blocks} blocks");
        assert_eq!(watched.count("digest_refuted"), 1);
        watched.finish().await;
        // The shorter chain has written nothing yet: the file is still that of the first one, or of the second.
        assert!(folder.path().join(FILE).exists());
    }
}

/// It is said for as long as it is so.
#[tokio::test]
async fn a_history_that_comes_to_too_much_is_given_up_and_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = FakeNode::start(10).await;
    let config = config(&[&node.url], 0);
    let mut watcher = Watcher::new(Rpc::new(&config).expect("valid URLs"), config).remembering(folder.path());
    let trouble = watcher.memory_trouble();
    let mut params = job_params_for(Address::repeat_byte(3), B256::with_last_byte(1));
    params.triggerData = vec![0; 1 << 20].into();
    let (owner, forwarder) = (Address::repeat_byte(1), Address::repeat_byte(2));
    let event = JobManager::JobCreated { jobId: 1, owner, forwarder, activeFrom: 0, params };
    let log = Log {
        inner: alloy::primitives::Log { address: contracts().job_manager, data: event.encode_log_data() },
        block_number: Some(7),
        log_index: Some(0),
        ..Log::default()
    };
    for job in 0..60 {
        watcher.digest.push(Kept::of(&of_job(&log, job)).expect("a log of a block"), &contracts());
    }
    watcher.write_down(10).await.expect("nothing is asked");
    assert_eq!(*trouble.borrow(), None);
    for job in 60..70 {
        watcher.digest.push(Kept::of(&of_job(&log, job)).expect("a log of a block"), &contracts());
    }
    watcher.write_down(10).await.expect("nothing is asked");
    assert!(trouble.borrow().as_ref().is_some_and(|why| why.contains("64 MiB")), "{trouble:?}");
    assert_eq!(watcher.rpc.counts()["digest_not_written"], 1);
    watcher.drop_digest();
    assert_eq!(*trouble.borrow(), None, "all is read anew");
}

/// The same log about another job.
fn of_job(log: &Log, job: u64) -> Log {
    let mut topics = log.topics().to_vec();
    topics[1] = B256::from(alloy::primitives::U256::from(job));
    let data = LogData::new_unchecked(topics, log.inner.data.data.clone());
    Log { inner: alloy::primitives::Log { address: log.address(), data }, ..log.clone() }
}

#[tokio::test]
async fn a_start_on_a_hundred_thousand_blocks_takes_few_questions() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = FakeNode::start(100_000).await;
    for job in 1..=1_000 {
        let event = JobManager::JobCreated {
            jobId: job,
            owner: Address::repeat_byte(1),
            forwarder: Address::repeat_byte(2),
            params: job_params_for(Address::repeat_byte(3), B256::with_last_byte(1)),
            activeFrom: 4_000_000_000,
        };
        node.chain().log(job * 90, contracts().job_manager, event.encode_log_data());
    }
    let config = config(&[&node.url], 0);
    let mut took = Vec::new();
    for start in ["the first", "the second"] {
        let (before, begin) = (node.chain().requests, Instant::now());
        let mut watched = Watched::remembering(config.clone(), folder.path());
        let told = watched.until_head(100_000).await;
        assert_eq!(job_events(&told).len(), 1_000, "{start} start");
        took.push((begin.elapsed(), node.chain().requests - before));
        until_written(&mut watched, folder.path()).await;
        watched.finish().await;
    }
    assert!(took[1].1 < 400, "questions of the second start: {took:?}");
}

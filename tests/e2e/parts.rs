//! A certified batch that no transaction can carry settles in several, on the real contracts.

use std::collections::BTreeSet;
use std::time::Duration;

use alloy::primitives::{B256, Bytes, U64};
use alloy::providers::Provider;
use alloy::sol_types::{SolCall, SolEvent};
use bootstrap::swarm::{JobRequest, RHYTHM, Swarm, code_hash, ledger::unix_ms};
use contracts::TaskManager;
use contracts::terms::{ActionTerms, TriggerTerms, WasmTerms};
use tests::hostile::{LARGE, component};
use tests::{keepers, settled};

const PATIENCE: Duration = Duration::from_secs(90);
/// Due in one second: eight times 64 KiB, where common nodes carry 128 KiB at a time.
const JOBS: usize = 8;
const EVERY: u32 = 20;
const RUNS: u64 = 2;
/// Room for two such outcomes a block.
const BLOCK_GAS: u64 = 7_000_000;
/// What common nodes carry.
const TRANSACTION_BYTES: usize = 128 * 1024;

#[tokio::test]
#[ignore = "takes two minutes"]
async fn a_batch_too_large_for_any_transaction_settles_in_parts() {
    let _alone = tests::alone().await;
    let mut swarm = Swarm::start(keepers(4)).await.unwrap();
    let code = component(LARGE);
    let code_hash = code_hash(&code);
    let code_url = swarm.code_server().serve("large.wasm", code);
    let start = (unix_ms() / 1000 + 10).next_multiple_of(RHYTHM);
    let request = |number: usize| JobRequest {
        name: format!("large {number}"),
        trigger: TriggerTerms::Interval { start, interval: EVERY },
        action: ActionTerms::Wasm(WasmTerms { code_url: code_url.clone(), code_hash, params: Bytes::new() }),
        target: swarm.target(),
        creator: None,
    };
    let requests: Vec<JobRequest> = (1..=JOBS).map(request).collect();
    let jobs = swarm.list(&requests).await.unwrap();
    let provider = swarm.anvil().provider().clone();
    let _: bool = provider.raw_request("evm_setBlockGasLimit".into(), [U64::from(BLOCK_GAS)]).await.unwrap();
    settled(&mut swarm, "every large outcome, twice", PATIENCE, |tasks| {
        jobs.iter().all(|job| (0..RUNS).all(|run| tasks.iter().any(|each| (each.job_id, each.run) == (job.id, run))))
    })
    .await
    .unwrap();
    let ledger = swarm.follower().ledger();
    assert!(ledger.settlements.iter().all(|each| each.delivered), "{:#?}", ledger.settlements);
    let distinct: BTreeSet<B256> = ledger.settlements.iter().map(|each| each.task_id).collect();
    assert_eq!(distinct.len(), ledger.settlements.len(), "settled twice: {:#?}", ledger.settlements);
    let (mut roots, mut parts) = (BTreeSet::new(), 0);
    for transaction in ledger.transactions.iter().filter(|each| each.settled > 0) {
        let sent = provider.get_transaction_by_hash(transaction.hash).await.unwrap().unwrap();
        let input = alloy::consensus::Transaction::input(&sent);
        assert!(input.len() < TRANSACTION_BYTES, "{} bytes of calldata", input.len());
        assert!(input.starts_with(&TaskManager::settleCall::SELECTOR));
        let receipt = provider.get_transaction_receipt(transaction.hash).await.unwrap().unwrap();
        for log in receipt.logs() {
            if let Ok(event) = TaskManager::BatchSettled::decode_log(&log.inner) {
                roots.insert(event.root);
                parts += 1;
            }
        }
    }
    assert!(parts >= 2 * roots.len(), "{parts} parts of {} batches", roots.len());
    swarm.check_alive().unwrap();
    swarm.stop().await;
}

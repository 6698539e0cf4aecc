use super::{Done, LEDGER_FILE, QUEUE, SnapshotResult, Submitter, Sum, settle_call};
use crate::chain::parts::split;
use crate::chain::real_node::{Anvil, config, rpc};
use crate::chain::{Anchor, Batch, Certificate, ChainConfig, Settlement, SettlementResult};
use alloy::primitives::{B256, Bytes, U256};
use alloy::providers::Provider;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolError;
use contracts::ITaskManager::{Delivery, Entry};
use contracts::{Run, TaskManager};
use serde_json::{Value, json};
use std::path::Path;
use tokio_util::sync::CancellationToken;

mod looking;
mod refused;
mod sending;

async fn submitter(anvil: &Anvil, config: &ChainConfig, folder: &Path, stop: &CancellationToken) -> Submitter {
    let signer = PrivateKeySigner::from_bytes(&B256::repeat_byte(0x42)).expect("a key");
    let params = json!([signer.address(), U256::from(10_u64.pow(18))]);
    anvil.ask::<Value>("anvil_setBalance", params).await;
    Submitter::new(&rpc(config), signer, config, folder, 10_000_000, stop.clone()).expect("the ledger opens")
}

fn settlement(instance: u8) -> Settlement {
    Settlement {
        certificate: Certificate { epoch: 1, signature: Bytes::from(vec![1; 96]), signers: vec![U256::from(31)] },
        batch: Batch {
            anchors: vec![Anchor { number: 1, hash: B256::repeat_byte(1) }],
            entries: vec![Entry {
                run: Run { job_id: 1, job_version: 1, anchor: 0, status: contracts::terms::ended::CALL }.word(),
                instanceKey: B256::with_last_byte(instance),
                inputHash: B256::ZERO,
                outcomeHash: B256::ZERO,
            }],
            deliveries: vec![Delivery {
                codeHash: B256::ZERO,
                stateAfterRoot: B256::ZERO,
                transcriptRoot: B256::ZERO,
                outcome: Bytes::new(),
            }],
            leaves: vec![],
        },
        callback_gas: vec![100_000],
        leaves: vec![B256::with_last_byte(instance)],
        unpaid: vec![],
        takeover: false,
    }
}

/// Key and call of a batch that one transaction carries.
fn only_call(settlement: &Settlement) -> (B256, crate::chain::lane::Call) {
    let mut parts = split(settlement, 100);
    assert_eq!(parts.len(), 1);
    settle_call(&crate::chain::fake_node::contracts(), parts.remove(0))
}

#[tokio::test]
async fn refusals_are_named() {
    let anvil = Anvil::start(0, &[]).await;
    let deployment = anvil.deploy().await;
    let config = config(&deployment, &[&anvil.url]);
    let folder = tempfile::tempdir().expect("a folder");
    let stop = CancellationToken::new();
    let submitter = submitter(&anvil, &config, folder.path(), &stop).await;
    let result = submitter.submit(settlement(0)).await;
    assert!(
        matches!(&result, SettlementResult::Reverted { reason } if reason.starts_with("UnknownEpoch") || reason.starts_with("EpochNotActive")),
        "{result:?}"
    );
    let mut empty = settlement(0);
    empty.batch.entries.clear();
    assert_eq!(submitter.submit(empty).await, SettlementResult::Reverted { reason: "EmptyBatch".to_owned() });
    let result = submitter.submit_snapshot().await;
    assert_eq!(result, SnapshotResult::Reverted { reason: "NoStake".to_owned() });
    let sent = anvil.provider.get_transaction_count(submitter.account()).await.expect("anvil answers");
    assert_eq!(sent, 0, "nothing was sent in vain");
    stop.cancel();
}

#[test]
fn the_key_of_a_batch_does_not_depend_on_who_signed() {
    let (key, call) = only_call(&settlement(1));
    let mut other = settlement(1);
    other.certificate.signers = vec![U256::from(15)];
    let (same, different) = only_call(&other);
    assert_eq!(key, same);
    assert_ne!(call.input, different.input);
    assert_ne!(key, only_call(&settlement(2)).0);
    let mut other = settlement(1);
    other.certificate.epoch = 2;
    assert_ne!(key, only_call(&other).0);
    assert!(call.gas_floor > 600_000, "{}", call.gas_floor);
    let absurd = Settlement { callback_gas: vec![u64::MAX], ..settlement(1) };
    assert_eq!(only_call(&absurd).1.gas_floor, u64::MAX);
}

#[test]
fn the_parts_of_a_batch_add_up() {
    let mined = |tx: u8| Done::Mined { tx: B256::repeat_byte(tx), gas_used: 10, settled: 2 };
    let settled = Done::Reverted(TaskManager::NothingToSettle::SELECTOR.to_vec().into());
    let sum = |parts: &[&Done]| {
        let mut sum = Sum::default();
        (1..).zip(parts).for_each(|(job, part)| sum.add([job, 9].into(), part));
        sum.result()
    };
    let all = SettlementResult::Mined { tx: B256::repeat_byte(2), gas_used: 20, settled: 4 };
    assert_eq!(sum(&[&mined(1), &settled, &mined(2)]), all);
    assert_eq!(sum(&[&settled, &settled]), SettlementResult::AlreadySettled);
    let failed = Done::Failed("no".to_owned());
    assert_eq!(
        sum(&[&mined(1), &failed]),
        SettlementResult::Failed { why: "no".to_owned() },
        "the rest is tried again"
    );
    let useless = SettlementResult::Useless { jobs: vec![2, 3, 9] };
    assert_eq!(sum(&[&mined(1), &Done::Useless, &Done::Useless]), useless, "of some of it nothing would settle");
    assert_eq!(split(&settlement(1), 100)[0].jobs(), [1].into());
}

#[tokio::test]
async fn the_queue_is_bounded_and_a_batch_stands_in_it_once() {
    let anvil = Anvil::start(0, &[]).await;
    let deployment = anvil.deploy().await;
    // Nobody listens there: what is wanted waits.
    let config = config(&deployment, &["http://127.0.0.1:1"]);
    let folder = tempfile::tempdir().expect("a folder");
    let stop = CancellationToken::new();
    let submitter = submitter(&anvil, &config, folder.path(), &stop).await;
    let mut waiting: Vec<_> = (0..100_u8)
        .map(|number| {
            let submitter = submitter.clone();
            tokio::spawn(async move { submitter.submit(settlement(number % 10)).await })
        })
        .collect();
    while super::lock(&submitter.pending).len() < 10 {
        tokio::task::yield_now().await;
    }
    let mut refused = 0;
    for number in 10..=30 + u8::try_from(QUEUE).expect("small") {
        let mut parts = split(&settlement(number), 100);
        let key = settle_call(&submitter.contracts, parts.remove(0)).0;
        let (other, pending) = (submitter.clone(), submitter.pending.clone());
        let mut one = tokio::spawn(async move { other.submit(settlement(number)).await });
        // Either it is refused at once, or it stands in the queue and waits.
        let queued = async {
            while !super::lock(&pending).contains_key(&key) {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            result = &mut one => {
                let result = result.expect("no panic");
                assert!(matches!(&result, SettlementResult::Failed { why } if why.contains("wait already")), "{result:?}");
                refused += 1;
            }
            () = queued => waiting.push(one),
        }
    }
    assert!(refused > 0, "the queue has an end");
    assert!(super::lock(&submitter.pending).len() <= QUEUE);
    stop.cancel();
    for one in waiting {
        let result = one.await.expect("no panic");
        assert!(matches!(&result, SettlementResult::Failed { why } if why.contains("stopping")), "{result:?}");
    }
}

#[tokio::test]
async fn a_damaged_ledger_stops_the_start() {
    let anvil = Anvil::start(0, &[]).await;
    let config = config(&anvil.deploy().await, &[&anvil.url]);
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(LEDGER_FILE), b"{}").expect("writable");
    let signer = PrivateKeySigner::from_bytes(&B256::repeat_byte(0x42)).expect("a key");
    let error = Submitter::new(&rpc(&config), signer, &config, folder.path(), 0, CancellationToken::new());
    let error = error.expect_err("damaged").to_string();
    assert!(error.contains(LEDGER_FILE) && error.contains("damaged"), "{error}");
}

use alloy::primitives::{Address, B256, LogData, U256, keccak256};
use alloy::rpc::types::TransactionReceipt;
use alloy::sol_types::SolEvent;
use contracts::Ringer::Rang;
use contracts::TaskManager::{BatchSettled, TaskSettled};
use serde_json::json;

use super::{Drained, Ledger, Watched};
use crate::swarm::stirred::Stirred;

const TASK_MANAGER: Address = Address::repeat_byte(1);
const WATCHED: Watched = Watched { task_manager: TASK_MANAGER, stirred: None };
const SUBMITTER: Address = Address::repeat_byte(2);

fn settled(run: u64) -> LogData {
    TaskSettled {
        jobId: 1,
        submitter: SUBMITTER,
        fact: U256::from(1) << 192 | U256::from(1) << 160 | U256::from(5) << 96 | U256::from(256),
        instanceKey: B256::from(U256::from(run)),
        outcomeHash: B256::ZERO,
    }
    .encode_log_data()
}

fn batch(tasks: u64) -> LogData {
    BatchSettled {
        root: B256::ZERO,
        epoch: 1,
        submitter: SUBMITTER,
        signedStake: U256::from(4),
        settled: U256::from(tasks),
    }
    .encode_log_data()
}

/// A receipt of a transaction to `to` whose logs all come from `from`.
fn receipt(to: Address, from: Address, logs: &[LogData]) -> TransactionReceipt {
    let logs: Vec<_> = logs
        .iter()
        .map(|log| {
            json!({
                "address": from, "topics": log.topics(), "data": log.data, "blockHash": B256::ZERO, "blockNumber": "0x7",
                "transactionHash": B256::repeat_byte(9), "transactionIndex": "0x0", "logIndex": "0x0", "removed": false,
            })
        })
        .collect();
    serde_json::from_value(json!({
        "type": "0x2", "status": "0x1", "cumulativeGasUsed": "0x64", "gasUsed": "0x64", "effectiveGasPrice": "0x1",
        "logs": logs, "logsBloom": format!("0x{}", "00".repeat(256)), "transactionHash": B256::repeat_byte(9),
        "transactionIndex": "0x0", "blockHash": B256::ZERO, "blockNumber": "0x7", "from": SUBMITTER, "to": to,
    }))
    .unwrap()
}

fn entered(receipt: &TransactionReceipt) -> Ledger {
    let mut ledger = Ledger::default();
    ledger.enter(receipt, &WATCHED, 1234).unwrap();
    ledger
}

#[test]
fn a_batch_of_two_is_one_transaction_and_two_settlements() {
    let ledger = entered(&receipt(TASK_MANAGER, TASK_MANAGER, &[settled(3), settled(4), batch(2)]));
    assert_eq!(ledger.settlements.iter().map(|each| each.run).collect::<Vec<_>>(), [3, 4]);
    assert_eq!((ledger.settlements[0].submitter, ledger.settlements[0].seen_ms), (SUBMITTER, 1234));
    assert_eq!(ledger.batches, [2]);
    assert_eq!((ledger.transactions.len(), ledger.transactions[0].settled), (1, 2));
}

#[test]
fn a_transaction_without_settlement_is_wasted() {
    let wasted = entered(&receipt(TASK_MANAGER, TASK_MANAGER, &[]));
    assert_eq!((wasted.transactions.len(), wasted.transactions[0].settled), (1, 0));
}

#[test]
fn logs_and_transactions_of_other_contracts_do_not_count() {
    let other = Address::repeat_byte(7);
    assert_eq!(entered(&receipt(other, other, &[settled(3), batch(1)])), Ledger::default());
}

#[test]
fn a_settlement_by_way_of_another_contract_counts_but_is_no_transaction_of_ours() {
    let ledger = entered(&receipt(Address::repeat_byte(7), TASK_MANAGER, &[settled(3), batch(1)]));
    assert_eq!((ledger.settlements.len(), ledger.transactions.len()), (1, 0));
}

#[test]
fn an_instance_key_that_is_a_hash_is_kept_whole() {
    let mut log = settled(3);
    let mut data = log.data.to_vec();
    data[32..64].fill(0xff);
    log.data = data.into();
    let ledger = entered(&receipt(TASK_MANAGER, TASK_MANAGER, &[log]));
    assert_eq!((ledger.settlements[0].key, ledger.settlements[0].run), (B256::repeat_byte(0xff), u64::MAX));
}

#[test]
fn rings_and_drains_are_entered_with_their_places() {
    let stirred = Stirred {
        ringer: Address::repeat_byte(3),
        tank: Address::repeat_byte(4),
        upkept: Address::ZERO,
        resolved: Address::ZERO,
    };
    let watched = Watched { task_manager: TASK_MANAGER, stirred: Some(stirred) };
    let log = Rang { number: U256::from(1), by: SUBMITTER }.encode_log_data();
    let mut ledger = Ledger::default();
    let ringing = receipt(stirred.ringer, stirred.ringer, std::slice::from_ref(&log));
    ledger.enter(&ringing, &watched, 0).unwrap();
    ledger.enter(&receipt(stirred.tank, stirred.tank, &[]), &watched, 0).unwrap();
    let key = keccak256([B256::ZERO.as_slice(), B256::repeat_byte(9).as_slice(), &[0; 4]].concat());
    assert_eq!((ledger.rings[0].key, ledger.rings[0].block), (key, 7));
    assert_eq!(ledger.rings[0].topics, log.topics());
    assert_eq!(ledger.drains, [Drained { tank: stirred.tank, block: 7, place: 0 }]);
    assert_eq!((ledger.rings.len(), ledger.transactions.len()), (1, 0));
}

#[test]
fn what_was_in_blocks_that_are_gone_is_forgotten() {
    let mut ledger = entered(&receipt(TASK_MANAGER, TASK_MANAGER, &[settled(3), batch(1)]));
    (ledger.block, ledger.timestamp) = (7, 70);
    let (mark, before) = (ledger.mark(None), ledger.clone());
    let mut news = entered(&receipt(TASK_MANAGER, TASK_MANAGER, &[settled(4), settled(5), batch(2)]));
    (news.block, news.timestamp) = (8, 80);
    ledger.append(news);
    assert_eq!((ledger.settlements.len(), ledger.batches.len(), ledger.block), (3, 2, 8));
    ledger.return_to(&mark);
    assert_eq!(ledger, before);
}

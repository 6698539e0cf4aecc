//! Known answers shared with the contracts' tests: `tests/vectors/certificate.json` at the root of the repository.
//! `UPDATE_VECTORS=1 cargo test -p consensus vectors` writes the file anew; without it, the test compares.

use std::path::Path;

use alloy_primitives::{Address, B256, Bytes, hex, keccak256};
use consensus::bls::{SecretKey, aggregate_keys, aggregate_signatures};
use consensus::certificate::batch_root;
use consensus::committee::{Committee, Member, PeerKey};
use consensus::dispute::Answer;
use consensus::leader::{self, Window};
use consensus::merkle;
use consensus::report::{Anchor, Domain, Report, possession_digest};
use consensus::task::{InstanceKey, JobId, Outcome, Status, Task};
use serde_json::{Value, json};

const CHAIN_ID: u64 = 31337;
const KEEPERS: u8 = 5;

fn text(bytes: impl AsRef<[u8]>) -> String {
    hex::encode_prefixed(bytes)
}

fn secret(keeper: u8) -> SecretKey {
    SecretKey::generate(&[keeper + 1; 32])
}

fn keys(registry: Address) -> Vec<Value> {
    (0..KEEPERS)
        .map(|keeper| {
            let operator = Address::repeat_byte(0xa0 + keeper);
            let key = secret(keeper).public_key();
            let peer_key = [0xe0 + keeper; 32];
            let digest = possession_digest(CHAIN_ID, registry, operator, &key.to_chain_bytes(), peer_key);
            json!({
                "operator": text(operator),
                "blsKey": text(key.to_chain_bytes()),
                "peerKey": text(peer_key),
                "possessionDigest": text(digest),
                "proofOfPossession": text(secret(keeper).prove_possession(digest.as_slice()).to_chain_bytes()),
            })
        })
        .collect()
}

fn reports(count: u8) -> Vec<(Report, Outcome, B256)> {
    (0..count)
        .map(|n| {
            let task =
                Task { job: JobId(u64::from(n) + 1), version: 1, instance: InstanceKey::from_run(40 + u64::from(n)) };
            let status = [Status::Call, Status::Skip, Status::JobError][usize::from(n % 3)];
            let data = Bytes::from(format!("outcome {n}").into_bytes());
            let transcript = if n % 2 == 0 { B256::ZERO } else { keccak256([n]) };
            let outcome = Outcome { status, data, state_after: B256::ZERO, transcript };
            let code_hash = B256::repeat_byte(0xc0 + n);
            let anchor = Anchor { number: 1000 + u64::from(n), hash: keccak256([n, 1]) };
            let outcome_hash = outcome.hash(code_hash);
            (Report { task, anchor, input_set: B256::ZERO, status, outcome_hash }, outcome, code_hash)
        })
        .collect()
}

fn report_json((report, outcome, code_hash): &(Report, Outcome, B256)) -> Value {
    json!({
        "jobId": report.task.job.0, "jobVersion": report.task.version, "instanceKey": text(report.task.instance.0),
        "anchorNumber": report.anchor.number, "anchorHash": text(report.anchor.hash),
        "inputHash": text(report.input_set), "status": report.status as u8,
        "outcome": text(&outcome.data), "codeHash": text(code_hash),
        "stateAfterRoot": text(outcome.state_after), "transcriptRoot": text(outcome.transcript),
        "outcomeHash": text(report.outcome_hash), "taskId": text(report.task.id().0), "leaf": text(report.leaf()),
    })
}

fn batch(domain: &Domain, epoch: u32, count: u8, signers: &[u8]) -> Value {
    let reports = reports(count);
    let plain: Vec<Report> = reports.iter().map(|(report, ..)| *report).collect();
    let leaves: Vec<B256> = plain.iter().map(Report::leaf).collect();
    let root = batch_root(&plain);
    let digest = domain.batch_digest(epoch, root);
    let partials: Vec<_> = signers.iter().map(|&keeper| secret(keeper).sign(digest.as_slice())).collect();
    let keys: Vec<_> = signers.iter().map(|&keeper| secret(keeper).public_key()).collect();
    let bitmap = signers.iter().fold(0u32, |bits, keeper| bits | 1 << keeper);
    json!({
        "epoch": epoch, "reports": reports.iter().map(report_json).collect::<Vec<_>>(),
        "root": text(root), "digest": text(digest), "signers": signers, "bitmap": bitmap,
        "partials": partials.iter().map(|partial| text(partial.to_chain_bytes())).collect::<Vec<_>>(),
        "signature": text(aggregate_signatures(&partials).unwrap().to_chain_bytes()),
        "aggregateKey": text(aggregate_keys(&keys).unwrap().to_chain_bytes()),
        "proofOfFirst": merkle::proof(&leaves, 0).unwrap().iter().map(text).collect::<Vec<_>>(),
    })
}

/// A line of leaders, and what it is drawn from.
fn line(domain: &Domain, stakes: &[u128], window: u64) -> Value {
    let members = (0u8..)
        .zip(stakes)
        .map(|(keeper, &stake)| Member {
            operator: Address::repeat_byte(keeper + 1),
            stake,
            peer_key: PeerKey([keeper + 1; 32]),
            key: secret(keeper).public_key(),
        })
        .collect();
    let (table_root, block) = (keccak256(window.to_be_bytes()), keccak256([1]));
    let committee = Committee::new(1, 10, table_root, members).unwrap();
    let seed = leader::seed(domain.separator(), table_root, Window(window), block);
    json!({
        "stakes": stakes.iter().map(u128::to_string).collect::<Vec<_>>(), "tableRoot": text(table_root),
        "window": window, "blockHash": text(block), "seed": text(seed),
        "order": leader::order(seed, &committee).iter().map(|index| index.0).collect::<Vec<_>>(),
    })
}

fn lines(domain: &Domain) -> Vec<Value> {
    let whales: Vec<u128> = (0..70u128).map(|row| if row % 7 == 0 { 0 } else { 1 << row }).collect();
    vec![
        line(domain, &[1], 0),
        line(domain, &[100; 5], 1),
        line(domain, &[5, 0, 1, 9, 2], 2),
        line(domain, &[(1 << 88) - 1; 64], 3),
        line(domain, &whales, u64::MAX),
    ]
}

fn ruling(domain: &Domain) -> Value {
    let (epoch, dispute, leaf) = (4, 77, keccak256([5]));
    let answer = Answer { status: Status::Skip, outcome_hash: keccak256([6]) };
    json!({
        "epoch": epoch, "disputeId": dispute, "leaf": text(leaf), "status": answer.status as u8,
        "outcomeHash": text(answer.outcome_hash), "digest": text(domain.ruling_digest(epoch, dispute, leaf, answer)),
    })
}

#[test]
fn vectors_are_those_on_file() {
    let registry = Address::repeat_byte(0x22);
    let domain = Domain { chain_id: CHAIN_ID, task_manager: Address::repeat_byte(0x11) };
    let vectors = json!({
        "chainId": CHAIN_ID, "registry": text(registry), "taskManager": text(domain.task_manager),
        "domainSeparator": text(domain.separator()), "domainName": domain.name(), "keys": keys(registry),
        "batches": [
            batch(&domain, 1, 1, &[0, 1, 2, 3, 4]),
            batch(&domain, 1, 1, &[0, 1, 3, 4]),
            batch(&domain, 2, 3, &[0, 1, 2, 3, 4]),
            batch(&domain, 2, 7, &[1, 2, 3, 4]),
            batch(&domain, 3, 2, &[0, 1, 2]),
        ],
        "leaders": lines(&domain),
        "ruling": ruling(&domain),
    });
    let path = Path::new("../tests/vectors/certificate.json");
    let made = format!("{}\n", serde_json::to_string_pretty(&vectors).unwrap());
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let filed = std::fs::read_to_string(path).unwrap();
    assert_eq!(made, filed, "the protocol's bytes changed; if that is meant, run with UPDATE_VECTORS=1");
}

use std::collections::BTreeSet;
use std::sync::Arc;

use alloy::primitives::{U256, keccak256};
use alloy::sol_types::SolValue;
use consensus::anchor::BlockRef;
use consensus::bls::{SecretKey, aggregate_signatures};
use consensus::merkle;
use contracts::terms::{ActionTerms, Limits, Terms, TriggerTerms, WasmTerms};
use serde_json::{Value, json};

use super::*;
use crate::jobs::tape::Ending;
use crate::jobs::trial::Trial;
use crate::jobs::trigger::Run;

mod tampered;

const CODE: B256 = B256::repeat_byte(0xcc);

fn terms() -> Terms {
    Terms {
        trigger: TriggerTerms::Interval { start: 1_000, interval: 60 },
        action: ActionTerms::Wasm(WasmTerms {
            code_url: "https://example.org/job.wasm".to_owned(),
            code_hash: CODE,
            params: Bytes::from_static(b"params"),
        }),
        target: Address::repeat_byte(2),
        callback_gas: 100_000,
        token: Address::ZERO,
        fee: U256::from(1).to(),
        quorum_bps: 6667,
        punctual_seconds: 0,
        limits: Limits::default(),
    }
}

fn secrets() -> Vec<SecretKey> {
    (1..=5).map(|seed| SecretKey::generate(&[seed; 32])).collect()
}

/// The table of five operators; the fourth has no stake.
fn committee_part() -> CommitteePart {
    let rows = secrets();
    let members = rows.iter().zip(1u8..).map(|(secret, seed)| MemberPart {
        operator: Address::repeat_byte(seed),
        stake: if seed == 4 { 0 } else { 100 },
        bls_key: secret.public_key().to_chain_bytes().to_vec().into(),
    });
    let mut part = CommitteePart {
        active_from: 40,
        table_root: B256::ZERO,
        total_stake: 400,
        key_chunks: vec![Address::repeat_byte(0x77)],
        members: members.collect(),
    };
    part.table_root = table::root(&committee(&part), &part.key_chunks).unwrap();
    part
}

fn committee(part: &CommitteePart) -> consensus::committee::Committee {
    use consensus::bls::PublicKey;
    use consensus::committee::{Committee, Member, PeerKey};
    let members = part.members.iter().map(|row| Member {
        operator: row.operator,
        stake: row.stake,
        peer_key: PeerKey([0; 32]),
        key: PublicKey::from_chain_bytes(&row.bls_key).unwrap(),
    });
    Committee::new(9, part.active_from, part.table_root, members.collect()).unwrap()
}

fn tape(report: &Report, outcome: &Outcome) -> Tape {
    let anchor = BlockRef { number: report.anchor.number, hash: report.anchor.hash, timestamp: 1_299 };
    let trial = Trial {
        job: (report.task.job, report.task.version),
        terms: Arc::new(terms()),
        chain_id: 1,
        run: Run::by_time(report.task.instance, 1_300),
        anchor,
        sighting: None,
        inputs: None,
    };
    let ended = Ending {
        outcome: status_name(outcome.status).to_owned(),
        data: outcome.data.to_vec(),
        transcript: outcome.transcript.0,
        fuel: 123,
        memory_bytes: 65_536,
        logs: vec!["info: well".to_owned()],
    };
    Tape { trial, reads: Vec::new(), ended }
}

/// A receipt that holds: of the third of five reports, signed by three of the four with stake.
pub(crate) fn receipt(status: Status) -> Receipt {
    let outcome = Outcome {
        status,
        data: Bytes::from_static(b"outcome"),
        state_after: B256::ZERO,
        transcript: B256::repeat_byte(3),
    };
    let task = Task { job: JobId(6), version: 2, instance: InstanceKey::from_run(5) };
    let report = Report {
        task,
        anchor: Anchor { number: 50, hash: B256::repeat_byte(4) },
        input_set: B256::ZERO,
        status,
        outcome_hash: outcome.hash(CODE),
    };
    let mut leaves: Vec<B256> = (0..5u8).map(|number| keccak256([number])).collect();
    leaves[2] = report.leaf();
    let root = merkle::root(&leaves);
    let domain = Domain { chain_id: 1, task_manager: Address::repeat_byte(0x11) };
    let digest = domain.batch_digest(9, root);
    let signatures: Vec<Signature> = [0, 2, 4].map(|row| secrets()[row].sign(digest.as_slice())).to_vec();
    Receipt {
        schema: SCHEMA,
        chain_id: domain.chain_id,
        task_manager: domain.task_manager,
        task: TaskPart { id: task.id().0, job: 6, version: 2, instance: task.instance.0, run: Some(5) },
        anchor: AnchorPart { number: report.anchor.number, hash: report.anchor.hash },
        input_hash: B256::ZERO,
        outcome: OutcomePart {
            status: status_name(status).to_owned(),
            hash: report.outcome_hash,
            data: Some(outcome.data.clone()),
            code_hash: CODE,
            state_after_root: Some(outcome.state_after),
            transcript_root: Some(outcome.transcript),
        },
        terms: terms().params().abi_encode().into(),
        report: report.leaf(),
        batch: BatchPart { epoch: 9, root, proof: merkle::proof(&leaves, 2).unwrap(), digest },
        certificate: CertificatePart {
            signers: vec![0b1_0101].into(),
            signature: aggregate_signatures(&signatures).unwrap().to_bytes().to_vec().into(),
            signed_stake: 300,
        },
        committee: committee_part(),
        settlement: SettlementPart {
            transaction: B256::repeat_byte(8),
            block: 53,
            submitter: Address::repeat_byte(1),
            delivered: true,
            late_seconds: 2,
        },
        run: Some(tape(&report, &outcome)),
    }
}

#[test]
fn a_receipt_holds_and_says_who_signed() {
    for status in [Status::Call, Status::Skip, Status::JobError] {
        let receipt = receipt(status);
        let proven = check(&receipt).unwrap();
        assert_eq!(proven.signers, [1, 3, 5].map(Address::repeat_byte));
        assert_eq!((proven.signed_bps, proven.terms), (7_500, terms()));
    }
    // Of what is no call the chain has the hash alone.
    let mut bare = receipt(Status::Skip);
    (bare.run, bare.outcome.data) = (None, None);
    (bare.outcome.state_after_root, bare.outcome.transcript_root) = (None, None);
    assert!(check(&bare).is_ok());
    bare.outcome.status = "call".to_owned();
    assert!(check(&bare).unwrap_err().iter().any(|refusal| refusal.field == "outcome.data"));
}

#[test]
fn it_is_the_same_after_it_was_written() {
    let receipt = receipt(Status::Call);
    assert_eq!(Receipt::read(&receipt.text()).unwrap(), receipt);
}

#[test]
fn what_is_no_receipt_is_refused_with_a_reason() {
    let good = receipt(Status::Call);
    let refused = |text: &str| Receipt::read(text).unwrap_err().to_string();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut document: Value = serde_json::from_str(&good.text()).unwrap();
        change(&mut document);
        refused(&document.to_string())
    };
    assert!(refused("").contains("no receipt"));
    assert!(refused("{\"schema\": 2}").contains("version 2"));
    assert!(with(&|it| it["more"] = json!(1)).contains("more"));
    assert!(with(&|it| it["committee"]["members"][0]["stake"] = json!("0100")).contains("written oddly"));
    assert!(with(&|it| it["committee"]["members"][0]["stake"] = json!("-1")).contains("no number of wei"));
    let row = serde_json::to_value(&good.committee.members[0]).unwrap();
    assert!(with(&|it| it["committee"]["members"] = json!(vec![&row; 257])).contains("more than 256"));
    assert!(with(&|it| it["batch"]["proof"] = json!(vec![B256::ZERO; 9])).contains("more than 8"));
    assert!(with(&|it| it["run"]["tape"] = json!(9)).contains("version 9"));
    assert!(refused(&"[".repeat(100_000)).contains("no receipt"));
}

/// The bytes that the contract hashes, laid out by hand once more: see EpochTable.sol.
#[test]
fn chunks_are_where_the_table_has_them() {
    for rows in [1_usize, 63, 64, 65, 128, 200, 256] {
        let chunks: Vec<Address> = (0..rows.div_ceil(64)).map(|at| Address::repeat_byte(0xa0 + at as u8)).collect();
        let mut code = vec![0xee; 1 + 302];
        for (at, chunk) in chunks.iter().enumerate() {
            code.extend(chunk.as_slice());
            code.extend(vec![0xee; 12 * (rows - 64 * at).min(64)]);
        }
        assert_eq!(chunks_of(&code, rows), Some(chunks));
        assert_eq!(chunks_of(&code[..code.len() - 1], rows), None);
        assert_eq!(chunks_of(&[&code[..], &[0]].concat(), rows), None);
    }
    assert_eq!(chunks_of(&[], 1), None);
}

#[test]
fn signatures_are_compressed_whichever_point_of_the_two_it_is() {
    let mut flags = BTreeSet::new();
    for seed in 0..20 {
        let signature = SecretKey::generate(&[seed; 32]).sign(b"something");
        let found = compressed(&signature.to_chain_bytes()).unwrap();
        assert_eq!(found, signature.to_bytes());
        flags.insert(found[0] & 0x20);
    }
    assert_eq!(flags.len(), 2, "both were among them");
    assert_eq!(compressed(&[0; 96]), None);
    assert_eq!(compressed(&[0xff; 96]), None);
    assert_eq!(compressed(&[1; 95]), None);
}

#[test]
fn bitmaps_of_the_chain_have_no_bits_beyond_the_committee() {
    assert_eq!(bitmap(&[U256::from(0b1_0101)], 5), Some(vec![0b1_0101]));
    assert_eq!(bitmap(&[U256::from(0b10_0000)], 5), None);
    assert_eq!(bitmap(&[U256::from(1) << 200], 5), None);
    assert_eq!(bitmap(&[U256::from(1), U256::from(1)], 5), None);
    assert_eq!(bitmap(&[], 5), None);
    assert_eq!(bitmap(&[U256::MAX], 256).map(|bytes| bytes.len()), Some(32));
}

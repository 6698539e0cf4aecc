//! Every field of the file, changed by itself: what names the refusal, or who else looks at it.

use super::*;

/// Fields that nothing in the file proves: the chain is asked for them (`tests/e2e/receipts.rs`).
const OF_THE_CHAIN: &[&str] = &[
    "/settlement/transaction",
    "/settlement/block",
    "/settlement/submitter",
    "/settlement/delivered",
    "/settlement/late_seconds",
    "/committee/members/0/operator",
    "/committee/active_from",
    "/run/anchor/timestamp",
    "/run/due",
    "/run/rests_on",
    "/run/rank",
    "/run/seen",
];
/// Fields that only another run shows: `keeper replay` is for them.
const OF_THE_RUN: &[&str] = &["/run/reads", "/run/end/fuel", "/run/end/memory_bytes", "/run/end/logs/0"];

/// Every place in a document that holds no others; one row stands for all of a table.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (format!("{at}/{name}"), value)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(place, value)| (format!("{at}/{place}"), value)).collect(),
        _ => Vec::new(),
    };
    if inner.is_empty() {
        found.push(at.to_owned());
    }
    let is_row = |path: &str| path.starts_with("/committee/members/") && !path.starts_with("/committee/members/0");
    inner.iter().filter(|(path, _)| !is_row(path)).for_each(|(path, value)| leaves(value, path, found));
}

/// Another value of the same kind.
fn changed(value: &Value) -> Value {
    match value {
        Value::Bool(is) => json!(!is),
        Value::Number(number) => json!(number.as_u64().unwrap() + 1),
        // A digit in the middle of what is hexadecimal, so that lengths and flags stay; decimals and words at their end.
        Value::String(text) if text.starts_with("0x") && text.len() > 2 => {
            let at = 2 + (text.len() - 2) / 2;
            let other = if &text[at..=at] == "0" { "1" } else { "0" };
            json!([&text[..at], other, &text[at + 1..]].concat())
        }
        Value::String(text) => json!(format!("{text}1")),
        Value::Null => json!(7),
        Value::Array(_) => json!([{"request": "0x02", "no_answer": "x"}]),
        Value::Object(_) => panic!("no place of an empty object"),
    }
}

/// Which field a refusal may name where this place was changed.
fn named_by(place: &str) -> &'static [&'static str] {
    match place {
        "/chain_id" | "/task_manager" | "/batch/epoch" | "/batch/digest" => &["batch.digest"],
        "/task/id" => &["task.id"],
        "/task/job" | "/task/version" | "/task/instance" => &["task.id"],
        "/task/run" => &["task.run"],
        "/anchor/number" | "/anchor/hash" | "/input_hash" | "/report" => &["report"],
        "/outcome/status" => &["outcome.status"],
        "/outcome/hash" | "/outcome/data" | "/outcome/state_after_root" | "/outcome/transcript_root" => {
            &["outcome.hash"]
        }
        "/outcome/code_hash" => &["outcome.code_hash"],
        "/terms" => &["terms", "outcome.code_hash", "run.job"],
        "/batch/root" => &["batch.proof"],
        "/certificate/signers" => &["certificate.signers", "certificate.signed_stake"],
        "/certificate/signature" => &["certificate.signature"],
        "/certificate/signed_stake" => &["certificate.signed_stake"],
        "/committee/table_root" | "/committee/key_chunks/0" => &["committee.table_root"],
        "/committee/total_stake" => &["committee.total_stake"],
        "/committee/members/0/stake" => &["committee.total_stake"],
        "/committee/members/0/bls_key" => &["committee.members.0.bls_key"],
        "/run/chain_id" => &["run.chain_id"],
        "/run/job" => &["run.job"],
        "/run/listed/job" | "/run/listed/version" | "/run/instance" => &["run.instance"],
        "/run/anchor/number" | "/run/anchor/hash" => &["run.anchor"],
        "/run/end/outcome" => &["run.end.outcome"],
        "/run/end/data" => &["run.end.data"],
        "/run/end/transcript" => &["run.end.transcript"],
        proof if proof.starts_with("/batch/proof/") => &["batch.proof"],
        _ => &[],
    }
}

#[test]
fn every_field_that_is_changed_is_refused_by_name() {
    let good = receipt(Status::Call);
    let document: Value = serde_json::from_str(&good.text()).unwrap();
    let mut places = Vec::new();
    leaves(&document, "", &mut places);
    assert!(places.len() > 45, "{places:?}");
    for place in places.iter().map(String::as_str) {
        let mut other = document.clone();
        let slot = other.pointer_mut(place).unwrap();
        *slot = changed(slot);
        let read = Receipt::read(&other.to_string());
        if OF_THE_CHAIN.contains(&place) || OF_THE_RUN.contains(&place) {
            // Some are no receipt any more.
            assert!(read.is_err() || check(&read.unwrap()).is_ok(), "{place} is proven: take it off its list");
            continue;
        }
        let Ok(other) = read else {
            // What cannot be read any more is refused by where it is in the file.
            assert!(
                named_by(place).is_empty() || place == "/run/job" || place == "/run/end/data",
                "{place} is unreadable"
            );
            continue;
        };
        let refused = check(&other).expect_err(place);
        let fields: Vec<&str> = refused.iter().map(|refusal| refusal.field.as_str()).collect();
        let may = named_by(place);
        assert!(fields.iter().any(|field| may.contains(field)), "{place}: {fields:?}, not one of {may:?}");
    }
}

/// Whoever changes one field may well change those that follow from it.
#[test]
fn a_consistent_lie_ends_at_the_signature() {
    let mut lie = receipt(Status::Call);
    lie.outcome.data = Some(Bytes::from_static(b"another outcome"));
    lie.run = None;
    lie.outcome.hash = lie.outcome().unwrap().hash(CODE);
    lie.report = lie.report().unwrap().leaf();
    lie.batch.proof = Vec::new();
    lie.batch.root = lie.report;
    lie.batch.digest = lie.domain().batch_digest(lie.batch.epoch, lie.batch.root);
    let fields: Vec<String> = check(&lie).unwrap_err().into_iter().map(|refusal| refusal.field).collect();
    assert_eq!(fields, ["certificate.signature"]);
}

#[test]
fn too_little_stake_is_no_quorum_and_a_row_without_stake_signs_nothing() {
    let resigned = |rows: &[usize], bits: u8, stake: u128| {
        let mut receipt = receipt(Status::Call);
        let signatures: Vec<Signature> =
            rows.iter().map(|row| secrets()[*row].sign(receipt.batch.digest.as_slice())).collect();
        receipt.certificate = CertificatePart {
            signers: vec![bits].into(),
            signature: aggregate_signatures(&signatures).unwrap().to_bytes().to_vec().into(),
            signed_stake: stake,
        };
        check(&receipt).map_err(|refused| refused.into_iter().map(|refusal| refusal.field).collect::<Vec<_>>())
    };
    assert!(resigned(&[0, 1, 2, 4], 0b1_0111, 400).is_ok());
    assert_eq!(resigned(&[0, 1], 0b11, 200).unwrap_err(), ["certificate.signers"]);
    assert_eq!(resigned(&[0, 1, 2, 3], 0b1111, 300).unwrap_err(), ["certificate.signers"]);
    assert_eq!(resigned(&[0, 1], 0b111, 300).unwrap_err(), ["certificate.signature"]);
}

#[test]
fn a_table_that_was_not_in_force_at_the_anchor_is_refused() {
    let mut late = receipt(Status::Call);
    late.committee.active_from = late.anchor.number;
    assert!(check(&late).is_ok());
    late.committee.active_from += 1;
    let fields: Vec<String> = check(&late).unwrap_err().into_iter().map(|refusal| refusal.field).collect();
    assert_eq!(fields, ["committee.active_from"]);
}

/// Two keys that are changed so that their sum stays: the table's hash is the same, and the signature tells.
#[test]
fn keys_that_changed_places_are_noticed() {
    let mut lie = receipt(Status::Call);
    let first = lie.committee.members[0].bls_key.clone();
    lie.committee.members[0].bls_key = std::mem::replace(&mut lie.committee.members[1].bls_key, first);
    let fields: Vec<String> = check(&lie).unwrap_err().into_iter().map(|refusal| refusal.field).collect();
    assert_eq!(fields, ["certificate.signature"]);
}

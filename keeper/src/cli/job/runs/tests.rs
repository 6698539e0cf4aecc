use consensus::task::{InstanceKey, Status};

use super::*;
use crate::archive::{Change, Entry};
use crate::text::is_harmful;

const DUE: u64 = 1_800_000_000;
const ME: Address = Address::repeat_byte(0xaa);

fn found(changes: Vec<Change>) -> Found {
    let task = Task { job: JobId(7), version: 1, instance: InstanceKey::from_run(12) };
    let mut run = Run::default();
    for change in changes {
        run.apply(&Entry { task, at: Time(DUE * 1_000 + 410), change });
    }
    Found { task, run, changed: 1, due: Some("2027-01-15T08:00:00Z".to_owned()) }
}

fn settled(submitter: Address, status: u8, delivered: bool) -> Change {
    let (tx, block, timestamp) = (B256::repeat_byte(7), 9, DUE + 2);
    Change::Settled(Settlement { block, timestamp, seconds_late: 2, anchor: 5, tx, submitter, status, delivered })
}

fn ran(status: Status, reason: &str) -> Change {
    Change::Ran { result: Ok(status), reason: reason.to_owned() }
}

#[test]
fn a_run_is_a_row_of_words() {
    let started = Change::Started { attempt: 0, anchor: 5, leader: Some(Address::repeat_byte(0xbb)) };
    let life = [Change::Due { due: DUE }, started, ran(Status::Call, ""), Change::Signed];
    let own = [life.to_vec(), vec![Change::Paid { gas: 61_204 }, settled(ME, ended::CALL, true)]].concat();
    let cells = cells(&found(own), ME, DUE);
    assert_eq!(
        cells,
        ["2027-01-15T08:00:00Z", "12", "settled", "2 s", "0xbBbB…BBbB", "+0.41 s", "this keeper", "61204", "yes"]
    );
    let text = table(&[cells]);
    let [head, row] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    assert_eq!(head.find("run"), row.find("12"), "{text}");
    assert!(head.ends_with("gas    delivered"), "{text}");
}

#[test]
fn why_a_run_was_not_delivered_is_said() {
    let words = |changes: Vec<Change>| cells(&found(changes), ME, DUE)[8].clone();
    let due = Change::Due { due: DUE };
    assert_eq!(words(vec![due.clone()]), "-");
    assert_eq!(words(vec![settled(ME, ended::CALL, false)]), "no: the target did not take it");
    let why = Change::Undelivered { why: "the target has no code".to_owned() };
    assert_eq!(words(vec![settled(ME, ended::CALL, false), why]), "no: the target has no code");
    let skipped = vec![ran(Status::Skip, "price is fine"), settled(ME, ended::SKIP, false)];
    assert_eq!(words(skipped), "nothing to deliver: price is fine");
    assert_eq!(words(vec![settled(ME, ended::JOB_ERROR, false)]), "no: the job failed");
    assert_eq!(words(vec![due.clone(), Change::Expired]), "missed: no quorum agreed, or nobody could send it");
    let busy = Change::Ran { result: Err(consensus::task::Abstention::Busy), reason: String::new() };
    assert_eq!(words(vec![due.clone(), busy, Change::Expired]), "missed: busy");
    let reason = "gas_too_dear: at the anchor a gas costs 9 wei".to_owned();
    let dear = Change::Ran { result: Err(consensus::task::Abstention::JobInactive), reason: reason.clone() };
    assert_eq!(words(vec![due, dear, Change::Expired]), reason, "nobody has missed it");
}

#[test]
fn gas_is_shown_where_this_keeper_paid_it() {
    let other = vec![Change::Paid { gas: 5 }, settled(Address::repeat_byte(1), ended::CALL, true)];
    assert_eq!(cells(&found(other.clone()), ME, DUE)[7], "-");
    let document = document(&found(other), ME, DUE);
    assert_eq!((&document["gas"], &document["submitted_by_this_keeper"]), (&Value::Null, &false.into()));
}

/// The shape of the document is a promise.
#[test]
fn a_run_is_a_document_with_all_its_keys() {
    let document = document(&found(vec![Change::Due { due: DUE }, Change::Signed]), ME, DUE);
    let keys: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys.join(" "), KEYS);
    assert_eq!((&document["run"], &document["signed_ms"]), (&12.into(), &410.into()));
    assert_eq!((&document["state"], &document["leader"]), (&"signed".into(), &Value::Null));
}

const KEYS: &str = "anchor attempts block certified_ms delivered due expired_ms first_started_ms gas instance job_id \
                    last_started_ms late_seconds leader led_by_this_keeper missed reason reopened result run sent_ms settled \
                    signed_ms state submitted_by_this_keeper submitter task_id transaction undelivered version";

#[test]
fn words_of_jobs_and_targets_forge_no_rows() {
    let hostile = "x\n2027-01-15T08:00:00Z  13  settled\u{1b}[2J\u{202e}\0";
    let found = found(vec![ran(Status::Skip, hostile), settled(ME, ended::SKIP, false)]);
    let text = table(&[cells(&found, ME, DUE)]);
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(!text.chars().any(|letter| letter != '\n' && is_harmful(letter)), "{text:?}");
}

#[test]
fn a_run_without_a_number_is_named_by_its_key() {
    let task = Task { job: JobId(7), version: 1, instance: InstanceKey(B256::repeat_byte(0xcd)) };
    assert_eq!(named(&task), "0xcdcd…cdcd");
}

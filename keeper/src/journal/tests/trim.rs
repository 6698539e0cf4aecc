//! A journal that runs for long stays small.

use super::*;

/// Bytes of a file that holds reports of one per group: header, watermark, and per report its entry and group.
const MOST_PER_REPORT: u64 = 144 + 24;

#[test]
fn a_journal_in_use_for_long_keeps_a_bound_and_what_matters() {
    const PER_ANCHOR: u8 = 3;
    let (_directory, path, mut journal) = fresh();
    let bound = 96 + MOST_PER_REPORT * (1 + u64::from(PER_ANCHOR) * (KEPT_ANCHORS + TRIM_STEP + 1));
    let (mut largest, mut rewritten, mut before) = (0, 0, 0);
    for anchor in 1..=3_000 {
        for task in 0..PER_ANCHOR {
            assert_eq!(journal.record(&[record(task, anchor, 1)]).unwrap(), Answer::Recorded);
        }
        journal.trim().unwrap();
        let size = std::fs::metadata(&path).unwrap().len();
        rewritten += u64::from(size < before);
        largest = largest.max(size);
        before = size;
    }
    eprintln!("9000 reports: at most {largest} bytes (bound {bound}), rewritten {rewritten} times");
    assert!(largest <= bound, "{largest} bytes, {bound} expected at most");
    assert_eq!(rewritten, (3_000 - KEPT_ANCHORS) / TRIM_STEP, "rewritten once per step");
    assert!(journal.watermark() + KEPT_ANCHORS <= 3_000, "trimmed too close to the newest anchor");
    drop(journal);
    let mut journal = Journal::open(&path, identity(), Missing::Refuse).unwrap();
    for anchor in 1..=3_000 {
        // Whatever was signed stays signed: remembered, or too old.
        refused(journal.record(&[record(0, anchor, 9)]).unwrap());
    }
}

#[test]
fn a_young_or_idle_journal_is_not_rewritten() {
    let (_directory, path, mut journal) = fresh();
    for anchor in [0, 1, KEPT_ANCHORS, KEPT_ANCHORS + TRIM_STEP - 1] {
        journal.record(&[record(1, anchor, 1)]).unwrap();
        journal.trim().unwrap();
    }
    assert_eq!((journal.watermark(), journal.len()), (0, 4));
    journal.record(&[record(1, KEPT_ANCHORS + TRIM_STEP, 1)]).unwrap();
    journal.trim().unwrap();
    assert_eq!(journal.watermark(), TRIM_STEP);
    let size = std::fs::metadata(&path).unwrap().len();
    (0..10).for_each(|_| journal.trim().unwrap());
    assert_eq!(std::fs::metadata(&path).unwrap().len(), size);
    // Numbers at their limit do no harm but to later reports.
    let last = Record { anchor_number: u64::MAX, ..record(1, 7_000, 1) };
    for record in [last, Record { task_id: B256::ZERO, ..last }] {
        assert_eq!(journal.record(&[record]).unwrap(), Answer::Recorded);
        journal.trim().unwrap();
    }
    assert_eq!(journal.watermark(), u64::MAX - KEPT_ANCHORS);
}

mod faults;
mod files;
mod handle;
mod interchange;
mod trim;

use super::*;

/// A record that differs from others in every field the caller varies.
fn record(task: u8, anchor: u64, digest: u8) -> Record {
    Record {
        task_id: B256::repeat_byte(task),
        anchor_number: anchor,
        anchor_hash: B256::from(alloy::primitives::U256::from(anchor + 1000)),
        input_hash: B256::ZERO,
        digest: B256::repeat_byte(digest),
    }
}

fn identity() -> Identity {
    Identity::new(&[7; 96], B256::repeat_byte(9))
}

/// A journal in a fresh directory, which the caller keeps alive.
fn fresh() -> (tempfile::TempDir, PathBuf, Journal) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.bin");
    let journal = Journal::open(&path, identity(), Missing::Create).unwrap();
    (directory, path, journal)
}

fn refused(outcome: Answer) -> Vec<Refusal> {
    match outcome {
        Answer::Refused(refusals) => refusals,
        Answer::Recorded => panic!("the group was recorded"),
    }
}

#[test]
fn the_same_report_again_is_fine_and_another_one_is_refused() {
    let (_directory, _path, mut journal) = fresh();
    assert_eq!(journal.record(&[record(1, 5, 1)]).unwrap(), Answer::Recorded);
    assert_eq!(journal.record(&[record(1, 5, 1)]).unwrap(), Answer::Recorded);
    let refusals = refused(journal.record(&[record(1, 5, 2)]).unwrap());
    let reason = RefusalReason::Conflict { recorded: B256::repeat_byte(1) };
    assert_eq!(refusals, [Refusal { position: 0, reason }]);
    // Another anchor or another input set is another place.
    assert_eq!(journal.record(&[record(1, 6, 2)]).unwrap(), Answer::Recorded);
    let observed = Record { input_hash: B256::repeat_byte(3), ..record(1, 5, 2) };
    assert_eq!(journal.record(&[observed]).unwrap(), Answer::Recorded);
    assert_eq!(journal.len(), 3);
}

#[test]
fn one_hash_with_two_anchor_numbers_is_a_conflict() {
    let (_directory, _path, mut journal) = fresh();
    journal.record(&[record(1, 5, 1)]).unwrap();
    let renumbered = Record { anchor_number: 6, ..record(1, 5, 1) };
    assert_eq!(refused(journal.record(&[renumbered]).unwrap()).len(), 1);
}

#[test]
fn a_group_is_recorded_whole_or_not_at_all() {
    let (_directory, path, mut journal) = fresh();
    journal.record(&[record(1, 5, 1)]).unwrap();
    let refusals = refused(journal.record(&[record(2, 5, 1), record(1, 5, 9), record(3, 5, 1)]).unwrap());
    assert_eq!(refusals.iter().map(|refusal| refusal.position).collect::<Vec<_>>(), [1]);
    // What stood beside the refused one is free.
    assert_eq!(journal.record(&[record(2, 5, 7), record(3, 5, 7)]).unwrap(), Answer::Recorded);
    drop(journal);
    let mut journal = Journal::open(&path, identity(), Missing::Refuse).unwrap();
    assert_eq!(journal.record(&[record(2, 5, 7), record(3, 5, 7), record(1, 5, 1)]).unwrap(), Answer::Recorded);
    assert_eq!(journal.len(), 3);
}

#[test]
fn a_group_that_contradicts_itself_is_refused() {
    let (_directory, _path, mut journal) = fresh();
    let refusals = refused(journal.record(&[record(1, 5, 1), record(1, 5, 2)]).unwrap());
    assert_eq!(refusals[0].position, 1);
    assert!(journal.is_empty());
    assert_eq!(journal.record(&[record(1, 5, 1), record(1, 5, 1)]).unwrap(), Answer::Recorded);
    assert_eq!(journal.len(), 1);
}

#[test]
fn groups_recorded_together_see_each_other() {
    let (_directory, _path, mut journal) = fresh();
    let groups = [&[record(1, 5, 1)][..], &[record(1, 5, 2)], &[record(1, 5, 1), record(2, 5, 2)]];
    let outcomes = journal.record_all(&groups).unwrap();
    assert_eq!(outcomes[0], Answer::Recorded);
    assert_eq!(refused(outcomes[1].clone()).len(), 1);
    assert_eq!(outcomes[2], Answer::Recorded);
}

#[test]
fn reports_survive_a_restart() {
    let (_directory, path, mut journal) = fresh();
    for anchor in 0..50 {
        journal.record(&[record(1, anchor, 1), record(2, anchor, 1)]).unwrap();
    }
    drop(journal);
    let mut journal = Journal::open(&path, identity(), Missing::Refuse).unwrap();
    assert_eq!((journal.len(), journal.highest_anchor()), (100, 49));
    for anchor in 0..50 {
        refused(journal.record(&[record(1, anchor, 2)]).unwrap());
        let asked = record(2, anchor, 1);
        assert_eq!(journal.find(asked.task_id, asked.anchor_hash, asked.input_hash), Some(asked.digest));
    }
}

#[test]
fn pruning_forgets_below_the_watermark_and_refuses_there() {
    let (_directory, path, mut journal) = fresh();
    for anchor in 0..10 {
        journal.record(&[record(1, anchor, 1)]).unwrap();
    }
    let before = std::fs::metadata(&path).unwrap().len();
    journal.prune(8).unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() < before);
    for reopened in [false, true] {
        if reopened {
            drop(journal);
            journal = Journal::open(&path, identity(), Missing::Refuse).unwrap();
        }
        assert_eq!((journal.len(), journal.watermark(), journal.highest_anchor()), (2, 8, 9));
        let refusals = refused(journal.record(&[record(1, 7, 1)]).unwrap());
        assert_eq!(refusals[0].reason, RefusalReason::BelowWatermark { watermark: 8 });
        refused(journal.record(&[record(1, 8, 2)]).unwrap());
    }
    journal.prune(3).unwrap();
    assert_eq!(journal.watermark(), 8, "a watermark never goes down");
    assert_eq!(journal.record(&[record(4, 8, 1)]).unwrap(), Answer::Recorded);
    drop(journal);
    assert_eq!(Journal::open(&path, identity(), Missing::Refuse).unwrap().len(), 3);
}

#[test]
fn the_watermark_alone_counts_as_the_highest_anchor() {
    let (_directory, path, mut journal) = fresh();
    journal.prune(40).unwrap();
    drop(journal);
    assert_eq!(Journal::open(&path, identity(), Missing::Refuse).unwrap().highest_anchor(), 40);
}

#[test]
fn too_large_a_group_is_an_error_and_does_no_harm() {
    let (_directory, _path, mut journal) = fresh();
    let group: Vec<_> = (0..=MAX_GROUP as u64).map(|anchor| record(1, anchor, 1)).collect();
    assert_eq!(journal.record(&group).unwrap_err(), Error::GroupTooLarge { len: MAX_GROUP + 1 });
    assert_eq!(journal.record(&group[1..]).unwrap(), Answer::Recorded);
}

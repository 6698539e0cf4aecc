//! How much is kept, and what is found of it.

use std::time::Duration;

use consensus::task::{Abstention, Status};

use super::*;
use crate::archive::{BATCH_MAX, PAGE_BYTES};
use crate::jobs::action::TOO_DEAR;

#[test]
fn runs_are_found_by_job_the_last_due_first_and_the_missed_ones_by_themselves() {
    let (_directory, path) = place();
    let mut archive = open(&path);
    let mut entries: Vec<Entry> = (0..10).map(|run| due(task(1, run), run * 2)).collect();
    entries.push(due(task(2, 0), 5));
    entries.push(entry(task(1, 3), 3_606, Change::Expired));
    entries.push(entry(task(1, 4), 3_608, Change::Expired));
    // Not made, as its creator wants it where gas is dear; a job may say the same and is not believed.
    let dear = format!("{TOO_DEAR}9 wei");
    entries.push(entry(task(1, 5), 12, Change::Ran { result: Err(Abstention::JobInactive), reason: dear.clone() }));
    entries.push(entry(task(1, 5), 3_610, Change::Expired));
    entries.push(entry(task(1, 6), 13, Change::Ran { result: Ok(Status::Skip), reason: dear }));
    entries.push(entry(task(1, 6), 3_612, Change::Expired));
    entries.push(entry(task(1, 4), 3_609, Change::Settled(settlement(3_609, OWNER.operator))));
    archive.write(&entries).unwrap();
    assert_eq!(runs_in(&path, 1), [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.operator, OWNER.operator);
    let found = reader.newest(JobId(1), 2, false).unwrap();
    assert_eq!(found[0].due.as_deref(), Some("2027-01-15T08:00:18Z"));
    assert_eq!(found.len(), 2);
    let missed = reader.newest(JobId(1), 100, true).unwrap();
    assert_eq!(missed.iter().map(|found| found.task).collect::<Vec<_>>(), [task(1, 6), task(1, 3)]);
    let all = reader.newest(JobId(1), 100, false).unwrap();
    assert!(all.iter().all(|found| found.run.is_missed() == missed.contains(found)), "asked either way");
    assert!(reader.newest(JobId(3), 100, false).unwrap().is_empty());
}

#[test]
fn pages_of_a_record_follow_each_other_though_many_runs_are_due_in_one_second() {
    let (_folder, path) = place();
    let mut archive = open(&path);
    let entries: Vec<Entry> = (0..50).map(|run| due(task(1, run), 1_000 + run / 20)).collect();
    archive.write(&entries).unwrap();
    // Nobody said when these were due.
    let signed: Vec<Entry> = (50..55).map(|run| entry(task(1, run), 9, Change::Signed)).collect();
    archive.write(&signed).unwrap();
    let reader = Reader::open(&path).unwrap();
    let mut found = reader.newest(JobId(1), 7, false).unwrap();
    while let Some(last) = found.last().map(|found| found.task) {
        let more = reader.following(&last, 7).unwrap();
        if more.is_empty() {
            break;
        }
        found.extend(more);
    }
    let runs: Vec<u64> = found.iter().filter_map(|found| found.task.instance.run()).collect();
    assert_eq!(runs, (0..50).rev().chain((50..55).rev()).collect::<Vec<u64>>());
    assert!(reader.following(&task(1, 99), 7).unwrap().is_empty(), "nothing is known of it");
}

#[test]
fn whoever_follows_a_job_sees_every_change_once_and_nothing_that_is_none() {
    let (_directory, path) = place();
    let mut archive = open(&path);
    archive.write(&[due(task(1, 0), 0), due(task(2, 0), 0)]).unwrap();
    let reader = Reader::open(&path).unwrap();
    let mut last = reader.last_change().unwrap();
    let mut changed = |archive: &mut Archive, entries: &[Entry]| {
        archive.write(entries).unwrap();
        let found = reader.changed_since(JobId(1), last, 100).unwrap();
        last = found.iter().fold(last, |last, found| last.max(found.changed));
        found.iter().map(|found| found.task.instance.run().unwrap()).collect::<Vec<_>>()
    };
    assert!(changed(&mut archive, &[]).is_empty());
    assert_eq!(changed(&mut archive, &[due(task(1, 1), 2), due(task(2, 1), 2), due(task(1, 2), 4)]), [1, 2]);
    assert!(changed(&mut archive, &[due(task(1, 1), 2)]).is_empty(), "told again");
    // A clock that was set back: what happens is later all the same.
    assert_eq!(changed(&mut archive, &[entry(task(1, 0), 0, Change::Signed)]), [0]);
    drop(archive);
    assert_eq!(changed(&mut open(&path), &[entry(task(1, 0), 1, Change::Certified)]), [0]);
}

#[test]
fn what_is_long_over_goes() {
    let (_directory, path) = place();
    let bounds = Bounds { age: Duration::from_secs(100), ..Bounds::default() };
    let mut archive = Archive::open(&path, OWNER, bounds).unwrap();
    // Two of which the due moments were left out, and one that settled late.
    archive.write(&[entry(task(2, 0), 10, Change::Signed), entry(task(2, 1), 30, Change::Signed)]).unwrap();
    archive.write(&(0..50).map(|run| due(task(1, run), run)).collect::<Vec<_>>()).unwrap();
    archive.write(&[entry(task(1, 3), 40, Change::Settled(settlement(40, OWNER.operator)))]).unwrap();
    archive.write(&[due(task(1, 50), 120)]).unwrap();
    assert_eq!(runs_in(&path, 1).len(), 51, "only the chain says how late it is");
    archive.write(&[entry(task(1, 50), 120, Change::Settled(settlement(120, OWNER.operator)))]).unwrap();
    assert_eq!(runs_in(&path, 1), [50].into_iter().chain((20..50).rev()).chain([3]).collect::<Vec<_>>());
    assert_eq!(runs_in(&path, 2), [1]);
}

/// Nothing makes up for a history that has gone, once the clock is right again.
#[test]
fn a_clock_that_is_a_month_ahead_takes_nothing_with_it() {
    const MONTHS: u64 = 70 * 24 * 3_600;
    let (_directory, path) = place();
    let mut archive = open(&path);
    let entries = (0..100).flat_map(|run| {
        [due(task(1, run), run), entry(task(1, run), run, Change::Settled(settlement(run, OWNER.operator)))]
    });
    archive.write(&entries.collect::<Vec<_>>()).unwrap();
    drop(archive);
    let ahead = |archive: &mut Archive, run: u64, clock: u64| {
        archive.write(&[entry(task(1, run), clock + run, Change::Due { due: START + run })]).unwrap();
        let settled = Change::Settled(settlement(run, OWNER.operator));
        archive.write(&[entry(task(1, run), clock + run, settled)]).unwrap();
        runs_in(&path, 1).len()
    };
    let mut archive = open(&path);
    assert_eq!(ahead(&mut archive, 100, MONTHS), 101);
    drop(archive);
    let mut archive = open(&path);
    assert_eq!(ahead(&mut archive, 101, 0), 102, "what is written after it has been set right");
    let settled = Change::Settled(settlement(MONTHS, OWNER.operator));
    archive.write(&[due(task(1, 102), 102), entry(task(1, 102), 102, settled)]).unwrap();
    assert_eq!(runs_in(&path, 1).len(), 103, "a block that is dated ahead does no more");
    assert_eq!(ahead(&mut archive, MONTHS, 0), 2, "the chain has come so far: all but these is old");
}

/// With as many words as a run may have, and keys that are hashes, which lie all over the file.
#[test]
fn the_file_grows_no_larger_than_it_may_and_the_oldest_runs_go() {
    let (_directory, path) = place();
    let bounds = Bounds { pages: 4_096, ..Bounds::default() };
    let mut archive = Archive::open(&path, OWNER, bounds).unwrap();
    let named = |number: u64| {
        let instance = InstanceKey(alloy::primitives::keccak256(number.to_be_bytes()));
        Task { job: JobId(1), version: 1, instance }
    };
    let reason = "\u{10ffff}".repeat(1_000);
    let (rounds, each) = (60, 512);
    for round in 0..rounds {
        let entries: Vec<Entry> = (0..each)
            .flat_map(|number| {
                let (task, second) = (named(round * each + number), round);
                let ineligible = Change::Ineligible { reason: reason.clone() };
                [due(task, second), entry(task, second, ineligible)]
            })
            .collect();
        archive.write(&entries).unwrap();
        let length = std::fs::metadata(&path).unwrap().len();
        assert!(length <= bounds.pages * PAGE_BYTES, "{length} bytes after {round} rounds");
    }
    let kept = Reader::open(&path).unwrap().newest(JobId(1), 100_000, false).unwrap();
    assert!(kept.len() > 4_000, "{} runs", kept.len());
    assert!(kept.len() < (rounds * each) as usize, "{} runs", kept.len());
    let newest: Vec<u64> = kept.iter().filter_map(|found| found.run.due).collect();
    assert_eq!(
        newest.iter().filter(|due| **due == START + rounds - 1).count(),
        each as usize,
        "the newest are all there"
    );
    assert!(newest.iter().all(|due| *due > START + 10), "the oldest are gone");
}

/// What [`BATCH_MAX`] promises.
#[test]
fn one_transaction_never_takes_more_than_is_kept_free_for_it() {
    let (_directory, path) = place();
    let mut archive = open(&path);
    archive.write(&[]).unwrap();
    let used = |archive: &Archive| {
        archive.connection().query_row("PRAGMA page_count", (), |row| row.get::<_, i64>(0)).unwrap().cast_unsigned()
    };
    let before = used(&archive);
    let change = Change::Ineligible { reason: "\u{10ffff}".repeat(1_000) };
    let entries: Vec<Entry> = (0..BATCH_MAX as u64).map(|run| entry(task(run, run), run, change.clone())).collect();
    archive.write(&entries).unwrap();
    let grown = used(&archive) - before;
    assert!(grown < Bounds::default().pages / 16, "{grown} pages");
}

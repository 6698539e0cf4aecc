use alloy::primitives::{Address, B256};
use consensus::anchor::BlockRef;
use consensus::task::{AnchorRule, InstanceKey};
use executor::LogEntry;

use super::*;
use crate::jobs::trigger::SeenLog;

fn task(job: u64, number: u64) -> Task {
    let instance = InstanceKey(B256::left_padding_from(&number.to_be_bytes()));
    Task { job: JobId(job), version: 1, instance }
}

fn log(bytes: usize) -> Sighting {
    let entry = LogEntry {
        address: Address::ZERO,
        topics: vec![],
        data: vec![0; bytes].into(),
        block_number: 7,
        block_hash: B256::ZERO,
        transaction_hash: B256::ZERO,
        log_index: 0,
    };
    Sighting::Log(Arc::new(SeenLog { entry, timestamp: 1 }))
}

fn block(number: u64) -> Sighting {
    Sighting::Block(BlockRef { number, hash: B256::ZERO, timestamp: 1 })
}

/// How many of a job's logs of so many bytes find room, each one a log of its own.
fn fill(sightings: &mut Sightings, job: u64, bytes: usize) -> u64 {
    (0..100_000).take_while(|number| sightings.remember(task(job, *number), log(bytes))).count() as u64
}

#[test]
fn a_job_gets_a_share_of_the_bytes_and_leaves_room_for_others() {
    let mut sightings = Sightings::default();
    assert_eq!(fill(&mut sightings, 1, 32 << 10), 98, "three of 32 MiB");
    for job in 2..40 {
        assert!(fill(&mut sightings, job, 4 << 10) > 4, "job {job}");
    }
    for job in 40..500 {
        assert!(fill(&mut sightings, job, 4 << 10) > 0, "job {job}");
    }
    assert!(sightings.shares.taken < BYTES_MAX - BYTES_MAX / PER_RESERVE / 2, "half of the reserve is untouched");
    assert!(sightings.remember(task(500, 0), log(4 << 10)), "whoever comes last is heard");
    assert!((0..16).all(|number| sightings.remember(task(501, number), block(number))), "blocks are counted by all");
    sightings.retain(|task| task.job.0 >= 500);
    assert_eq!(sightings.tasks.len(), 17);
    assert_eq!(sightings.shares.taken, 17 * SIGHTING_BYTES + (4 << 10), "what is over is free again");
}

#[test]
fn a_log_that_many_jobs_wait_for_is_there_once() {
    let mut sightings = Sightings::default();
    let shared = log(32 << 10);
    assert!((0..1_000).all(|job| sightings.remember(task(job, 0), shared.clone())));
    assert_eq!(sightings.shares.taken, 1_000 * SIGHTING_BYTES + (32 << 10));
    sightings.retain(|task| task.job.0 == 999);
    assert_eq!(sightings.shares.taken, SIGHTING_BYTES + (32 << 10), "it stays with the last one");
    assert!(sightings.remember(task(999, 0), block(7)), "one in place of another frees its room");
    assert_eq!(sightings.shares.taken, SIGHTING_BYTES);
    sightings.retain(|_| false);
    assert_eq!((sightings.shares.taken, sightings.logs.len(), sightings.shares.of_job.len()), (0, 0, 0));
}

#[test]
fn what_is_told_again_needs_no_more_room() {
    let mut sightings = Sightings::default();
    let many = fill(&mut sightings, 1, 4 << 10);
    assert!((2..100).all(|job| fill(&mut sightings, job, 4 << 10) > 0), "the first job has more than its share by now");
    assert!((0..many).all(|number| sightings.remember(task(1, number), block(number))));
}

fn due(job: u64, number: u64) -> DueTask {
    let (code_hash, quorum_bps, callback_gas) = (B256::ZERO, 6_667, 100_000);
    let (task, anchor) = (task(job, number), AnchorRule::AtBlock(number));
    DueTask { task, due: 1, deadline: 2, anchor, rank: 0, code_hash, quorum_bps, callback_gas, observes: false }
}

#[test]
fn no_job_takes_all_the_places_of_those_that_wait() {
    let mut waiting = Waiting::default();
    let fill = |waiting: &mut Waiting, job| (0..100_000).take_while(|number| waiting.put(due(job, *number))).count();
    let first = fill(&mut waiting, 100);
    assert_eq!(first, 3_185, "a ninth of what is not in reserve: an hour of blocks of two seconds, and more");
    assert!((0..28).all(|job| fill(&mut waiting, job) > 100), "each of the next");
    assert!((28..100).all(|job| fill(&mut waiting, job) >= WAITING_LEAST), "each of a hundred jobs");
    let all = waiting.take();
    assert!(waiting.shares.of_job.is_empty());
    let count = all.len();
    // Those of the lower numbers come first now, and would get the larger share.
    all.into_iter().for_each(|due| waiting.put_back(due));
    assert_eq!(waiting.tasks.len(), count, "whoever has waited keeps its place");
    assert!(waiting.put(due(100, 0)) && !waiting.put(due(100, 99_999)));
    waiting.retain(|due| due.task.job.0 < 100);
    assert_eq!(waiting.shares.taken, count - first);
    assert!(waiting.put(due(100, 0)));
}

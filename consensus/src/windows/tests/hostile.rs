//! A leader that puts tasks where they cannot succeed costs what a silent one does: a stage.

use alloy_primitives::Bytes;

use super::*;
use crate::facts::tests::signing;
use crate::message::{Finding, MessageTag, Partial, PlannedBatch, Source};
use crate::start::Signing;
use crate::task::{Abstention, Outcome, Status};
use serde_bytes::{ByteArray, ByteBuf};

/// When the second stage may assign what is due.
const SECOND: u64 = 1_001_400;

pub(super) fn plan(attempt: u8, jobs: &[u64]) -> PlannedBatch {
    PlannedBatch { inputs: Vec::new(), attempt, tasks: jobs.iter().map(|&job| task(job).into()).collect() }
}

impl Bench {
    /// The leader of a stage assigns these batches.
    pub(super) fn hears(&mut self, stage: u8, number: u8, batches: Vec<PlannedBatch>, now: u64) -> Vec<BatchKey> {
        let leader = self.facts.leaders(WINDOW).unwrap().0[usize::from(stage)];
        let place = (Window(WINDOW), Stage(stage), number);
        let domain = *self.facts.domain();
        let assignment = Assignment::signed(&domain, &signing(leader.0), place, leader, batches);
        self.open(&assignment, now)
    }

    /// What this keeper does with a batch at a moment.
    fn at_batch(&mut self, key: BatchKey, now: u64) -> Vec<String> {
        self.batches.look(key, &mut self.facts, &mut self.sessions, (Signing::Anything, Time(now)), &mut self.outbox);
        texts(&mut self.outbox)
    }

    /// A task runs, to its end if there is one.
    pub(super) fn run(&mut self, job: u64, attempt: u8, now: u64, result: Option<Result<Outcome, Abstention>>) {
        let session = |bench: &mut Self, event| {
            bench.sessions.handle(task(job), event, &bench.facts, Time(now), &mut bench.outbox);
            bench.outbox.take();
        };
        session(self, Event::Look);
        if let Some(result) = result {
            let at = self.facts.anchor(&due(job, DUE), attempt).unwrap().hash;
            session(self, Event::Executed(attempt, at, result));
        }
    }

    /// Three keepers abstain from the tasks of a batch, so that it fails.
    pub(super) fn fails(&mut self, key: BatchKey, now: u64) {
        self.at_batch(key, now);
        let tasks = self.batches.get(&key).unwrap().tasks().len();
        for place in 2..5 {
            let keeper = self.facts.leaders(WINDOW).unwrap().0[place].0;
            let mut partial = Partial {
                assignment: ByteArray::new(key.assignment.0),
                batch: key.batch,
                keeper,
                root: ByteArray::new([0; 32]),
                findings: vec![Finding::abstained(Abstention::Timeout as u8); tasks],
                execution_tag: ByteArray::new([0; 32]),
                signature: ByteBuf::new(),
            };
            let hash = partial.abstention_hash(self.facts.domain());
            partial.signature = ByteBuf::from(crate::bls::sign(&signing(keeper), hash).to_vec());
            let (bytes, source) = (codec::encode(&partial), Source::Gossip(MessageTag(place as u64)));
            let (facts, sessions, outbox) = (&mut self.facts, &self.sessions, &mut self.outbox);
            self.batches.get_mut(&key).unwrap().take((&partial, &bytes), source, facts, sessions, Time(now), outbox);
        }
        self.at_batch(key, now);
        assert!(self.batches.get(&key).unwrap().failed().is_some());
    }
}

pub(super) fn done() -> Option<Result<Outcome, Abstention>> {
    let data = Bytes::from_static(b"done");
    Some(Ok(Outcome { status: Status::Call, data, state_after: Default::default(), transcript: Default::default() }))
}

#[test]
fn junk_beside_a_task_costs_a_stage_and_no_tries() {
    for attempt in [0, 1] {
        let mut bench = bench(1, &tasks(1));
        bench.hears(0, 0, vec![plan(attempt, &[1, 98]), plan(attempt, &[1, 99])], 998_000);
        assert_eq!(bench.assigned(SECOND), [[1]], "the task alone is known");
    }
}

#[test]
fn a_task_that_becomes_known_makes_its_batch_hold_those_beside_it() {
    let mut bench = bench(1, &tasks(1));
    bench.hears(0, 0, vec![plan(0, &[1, 2])], 998_000);
    bench.learn(due(2, DUE), 998_500);
    assert!(bench.assigned(SECOND).is_empty(), "the leader knew it first");
}

#[test]
fn what_is_not_due_together_in_the_window_neither_holds_nor_is_spoken_in() {
    let others = [due(2, DUE - 1), due(3, DUE + 2), DueTask { quorum_bps: 10_000, ..due(4, DUE) }];
    for other in others {
        let mut bench = bench(1, &tasks(1));
        let (known, late) = (other.task.job.0, due(5, DUE + 8));
        bench.learn(other, 990_000);
        bench.learn(late, 990_000);
        let keys = bench.hears(0, 0, vec![plan(0, &[1, known]), plan(0, &[5, 1]), plan(1, &[1])], 998_000);
        assert!(keys.iter().all(|key| bench.batches.get(key).unwrap().is_refused()), "{other:?}");
        assert!(bench.sessions.get(&task(1)).unwrap().batches().next().is_none());
        assert!(bench.assigned(SECOND).iter().any(|jobs| jobs.contains(&1)));
    }
    // It may turn out only when the other one becomes known.
    let mut bench = bench(1, &tasks(1));
    let keys = bench.hears(0, 0, vec![plan(0, &[1, 2])], 998_000);
    bench.learn(due(2, DUE - 1), 998_500);
    assert!(bench.batches.get(&keys[0]).unwrap().is_refused());
    assert!(bench.sessions.get(&task(1)).unwrap().batches().next().is_none());
}

#[test]
fn a_task_that_is_not_tried_again_holds_nothing_that_is() {
    let mut bench = bench(1, &tasks(2));
    (1_011..1_040).for_each(|second| bench.facts.push(crate::facts::tests::block(second)));
    let (again, start) = (DUE + 8, (DUE + 8) * 1000);
    let window = again / 2;
    bench.sessions.handle(task(2), Event::Settled(1_003), &bench.facts, Time(1_003_000), &mut bench.outbox);
    bench.run(1, 1, start, None);
    let (line, domain) = (bench.facts.leaders(window).unwrap().0, *bench.facts.domain());
    let second = line.iter().position(|&index| index == bench.mine()).unwrap();
    let leader = line[usize::from(second == 0)];
    let place = (Window(window), Stage(u8::from(second == 0)), 0);
    let assignment = Assignment::signed(&domain, &signing(leader.0), place, leader, vec![plan(1, &[1, 2])]);
    bench.open(&assignment, start);
    bench.windows.list(window, (task(1), 1), (&bench.facts.pace(), &bench.sessions), Time(start), &mut bench.outbox);
    let Bench { facts, sessions, batches, plans, windows, outbox } = &mut bench;
    let board = Board { facts, sessions, batches, plans };
    windows.look(window, true, board, Time(start + 400 * second as u64), outbox);
    assert!(texts(outbox).contains(&"send assignment".to_owned()));
}

#[test]
fn a_stage_that_speaks_before_its_time_is_not_waited_for() {
    for (came, holds) in [(998_000, false), (1_002_199, false), (1_002_200, true)] {
        let mut bench = bench(1, &tasks(1));
        bench.hears(3, 0, vec![plan(0, &[1])], came);
        assert_eq!(bench.assigned(came.max(SECOND)).is_empty(), holds, "it came at {came}");
        let mut last = super::bench(4, &tasks(1));
        last.hears(3, 0, vec![plan(0, &[1])], came);
        assert!(last.assigned(1_002_600).is_empty(), "its time comes before that of the next");
    }
}

#[test]
fn keepers_speak_when_the_time_of_the_stage_has_come_and_not_in_what_is_certified() {
    let mut bench = bench(1, &tasks(1));
    let key = bench.hears(3, 0, vec![plan(0, &[1])], 998_000)[0];
    bench.run(1, 0, 1_001_000, done());
    assert!(bench.at_batch(key, 1_002_199).contains(&"at 1002200 batch".to_owned()));
    assert!(bench.at_batch(key, 1_002_200).contains(&"persist 1 as 1".to_owned()));
    let mut certified = super::bench(1, &tasks(1));
    let key = certified.hears(3, 0, vec![plan(0, &[1])], 998_000)[0];
    certified.run(1, 0, 1_001_000, done());
    certified.sessions.handle(task(1), Event::Certified, &certified.facts, Time(1_001_500), &mut certified.outbox);
    certified.outbox.take();
    assert!(!certified.at_batch(key, 1_002_200).iter().any(|text| text.starts_with("persist")));
}

#[test]
fn a_keeper_speaks_of_a_task_in_two_batches_of_each_leader_and_no_more() {
    let mut bench = bench(1, &tasks(1));
    let hostile: Vec<BatchKey> =
        (0..8).flat_map(|number| bench.hears(0, number, vec![plan(0, &[1]); BATCHES_MAX], 998_000)).collect();
    let honest = bench.hears(2, 0, vec![plan(0, &[1])], 1_001_800)[0];
    bench.run(1, 0, 1_001_000, done());
    let spoken = |bench: &mut Bench, keys: &[BatchKey]| {
        let said: Vec<String> = keys.iter().flat_map(|&key| bench.at_batch(key, 1_001_900)).collect();
        said.iter().filter(|text| text.starts_with("persist")).count()
    };
    assert_eq!(spoken(&mut bench, &hostile), TRIES_MAX);
    assert_eq!(spoken(&mut bench, &[honest]), 1, "another leader has tries of its own");
    assert_eq!(bench.batches.iter().filter(|batch| batch.is_sound()).count(), TRIES_MAX + 1, "and so much is paid for");
}

/// The leader puts a task beside one that fails it, as often as it likes.
#[test]
fn batches_that_others_made_fail_cost_a_leader_no_tries() {
    let mut bench = bench(1, &tasks(3));
    let keys = bench.hears(0, 0, vec![plan(0, &[1, 2]), plan(0, &[1, 3])], 998_000);
    (1..=3).for_each(|job| bench.run(job, 0, 1_001_000, done()));
    keys.iter().for_each(|&key| bench.fails(key, 1_001_600));
    assert!(bench.assigned(1_001_900).is_empty(), "a stage is counted from the failure");
    assert_eq!(bench.assigned(1_002_000), [[1], [2], [3]]);
}

#[test]
fn what_has_failed_alone_waits_for_its_next_attempt_whoever_assigned_it() {
    let mut bench = bench(1, &tasks(1));
    let key = bench.hears(0, 0, vec![plan(0, &[1])], 998_000)[0];
    bench.run(1, 0, 1_001_000, done());
    bench.fails(key, 1_001_600);
    assert!(bench.assignments(1_003_900).is_empty());
}

#[test]
fn a_leader_has_two_tries_and_no_more() {
    let mut bench = bench(0, &tasks(2));
    assert_eq!(bench.assigned(998_000), [[1, 2]]);
    (1..=2).for_each(|job| bench.run(job, 0, 1_001_000, done()));
    let first = bench.batches.iter().next().unwrap().key();
    bench.fails(first, 1_001_500);
    assert_eq!(bench.assigned(1_001_500), [[1], [2]]);
    let again: Vec<BatchKey> = bench.batches.iter().map(Batch::key).filter(|key| *key != first).collect();
    again.into_iter().for_each(|key| bench.fails(key, 1_001_600));
    assert!(bench.assignments(1_003_000).is_empty());
}

/// What the chain alone makes due is known with its block, which comes later than its timestamp says: without patience from then
/// on all stages would assign it at once, and all would bring it on chain.
#[test]
fn what_becomes_known_late_is_the_first_stage_s_as_long_as_what_is_known_early() {
    let late = 1_001_700;
    let mut second = bench(1, &[]);
    second.learn(due(1, DUE), late);
    assert_eq!(second.texts(late), [format!("at {} window 500", late + 400)]);
    second.run(1, 0, late, done());
    assert_eq!(second.assigned(late + 400), [[1]]);

    let mut first = bench(0, &[]);
    first.learn(due(1, DUE), late);
    first.hears(1, 0, vec![plan(0, &[1])], late + 100);
    first.run(1, 0, late, done());
    assert_eq!(first.assigned(late + 150), [[1]], "the second stage had no patience");

    let mut last = bench(0, &[]);
    last.hears(1, 0, vec![plan(0, &[1])], late - 100);
    last.learn(due(1, DUE), late);
    last.run(1, 0, late, done());
    assert!(last.assigned(late).is_empty(), "others knew earlier");
}

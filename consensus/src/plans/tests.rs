use super::*;
use crate::codec;
use crate::facts::tests::{DOMAIN, facts, signing, task};
use crate::leader::{Stage, Window};
use crate::message::PlannedBatch;
use crate::outbox::tests::texts;

/// The window of second 1,000.
const WINDOW: u64 = 500;
const NOW: Time = Time(1_000_000);
const NOTHING: &[&str] = &[];

struct Bench {
    plans: Plans,
    facts: Facts,
    /// The window's leaders by stage.
    line: Vec<KeeperIndex>,
}

impl Bench {
    fn new() -> Self {
        let mut facts = facts(0, 1_200);
        let line = facts.leaders(WINDOW).unwrap().0;
        Self { plans: Plans::default(), facts, line }
    }

    /// What the leader of a stage assigns under a number: these jobs, together.
    fn plan(&self, stage: u8, number: u8, jobs: &[u64]) -> Assignment {
        let leader = self.line[usize::from(stage)];
        let batches = vec![PlannedBatch {
            inputs: Vec::new(),
            attempt: 0,
            tasks: jobs.iter().map(|&job| task(job).into()).collect(),
        }];
        Assignment::signed(&DOMAIN, &signing(leader.0), (Window(WINDOW), Stage(stage), number), leader, batches)
    }

    fn consider(&mut self, assignment: &Assignment) -> (Fate, Vec<String>) {
        let (bytes, mut outbox) = (codec::encode(assignment), Outbox::default());
        let fate = self.plans.consider((assignment, &bytes), &mut self.facts, NOW, &mut outbox);
        (fate, texts(&mut outbox))
    }
}

fn ignored(reason: Reason) -> Fate {
    Fate::Judged(Verdict::Ignore(reason))
}

fn rejected(reason: Reason) -> Fate {
    Fate::Judged(Verdict::Reject(reason))
}

#[test]
fn a_leaders_plan_is_taken_up_once() {
    let mut bench = Bench::new();
    let plan = bench.plan(0, 0, &[1, 2]);
    let (fate, told) = bench.consider(&plan);
    assert_eq!((fate, told.as_slice()), (Fate::Judged(Verdict::Accept), &["assigned".to_owned()][..]));
    assert_eq!(bench.plans.get(&plan.hash(&DOMAIN)), Some(codec::encode(&plan).as_slice()), "as it came");
    let (fate, told) = bench.consider(&plan);
    assert_eq!((fate, told.len()), (ignored(Reason::Duplicate), 0));
    let mut resigned = plan;
    resigned.signature[0] ^= 1;
    assert_eq!(bench.consider(&resigned).0, ignored(Reason::Duplicate), "its hash does not cover the signature");
    assert_eq!(bench.plans.len(), 1);
}

#[test]
fn what_no_leader_says_is_turned_away_by_name_and_leaves_nothing() {
    let mut bench = Bench::new();
    let good = bench.plan(0, 0, &[1]);
    let (outsider, oldest) = (bench.line[4].0, WINDOW - RETENTION_WINDOWS);
    let cases = [
        (rejected(Reason::OutOfBounds), Assignment { number: ASSIGNMENTS_MAX, ..good.clone() }),
        (ignored(Reason::OutOfWindow), Assignment { window: oldest - 1, ..good.clone() }),
        (ignored(Reason::OutOfWindow), Assignment { window: WINDOW + WINDOWS_AHEAD + 1, ..good.clone() }),
        (ignored(Reason::NotLeader), Assignment { leader: outsider, ..good.clone() }),
        (ignored(Reason::NotLeader), Assignment { stage: 15, ..good.clone() }),
        (rejected(Reason::InvalidPeerSignature), Assignment { number: 1, ..good.clone() }),
    ];
    for (expected, assignment) in cases {
        let (fate, told) = bench.consider(&assignment);
        assert_eq!((fate, told.as_slice()), (expected, &[][..]), "{assignment:?}");
    }
    assert_eq!(bench.plans.len(), 0);
    assert_eq!(bench.consider(&good).0, Fate::Judged(Verdict::Accept), "and does not stand in its way");
}

#[test]
fn a_plan_whose_line_is_not_drawn_yet_is_early() {
    let mut bench = Bench::new();
    let plan = bench.plan(0, 0, &[1]);
    let later = std::mem::replace(&mut bench.facts, facts(0, 990));
    let (fate, told) = bench.consider(&plan);
    assert_eq!((fate, told.len(), bench.plans.len()), (Fate::Early(Awaits::Line), 0, 0));
    bench.facts = later;
    assert_eq!(bench.consider(&plan).0, Fate::Judged(Verdict::Accept));
}

#[test]
fn a_leader_that_gives_one_number_twice_is_blamed_and_its_first_word_counts() {
    let mut bench = Bench::new();
    let (first, second) = (bench.plan(0, 0, &[1]), bench.plan(0, 0, &[2]));
    bench.consider(&first);
    let (fate, told) = bench.consider(&second);
    assert_eq!(fate, ignored(Reason::Conflicting));
    assert_eq!(told, [format!("blame {:?}", Fault::ConflictingAssignment(bench.line[0]))]);
    assert!(bench.plans.contains(&first.hash(&DOMAIN)) && !bench.plans.contains(&second.hash(&DOMAIN)));
    let next = bench.plan(0, 1, &[2]);
    assert_eq!(bench.consider(&next).0, Fate::Judged(Verdict::Accept), "under the next number it is right");
}

#[test]
fn numbers_are_used_up_by_leader_and_stage_and_are_free_again_when_a_plan_is_forgotten() {
    let mut bench = Bench::new();
    let (first, second) = (bench.line[0], bench.line[1]);
    let plans: Vec<Assignment> = (0..ASSIGNMENTS_MAX).map(|number| bench.plan(0, number, &[1])).collect();
    for (number, plan) in (0..).zip(&plans) {
        assert_eq!(bench.plans.free_number(WINDOW, 0, first), Some(number));
        bench.consider(plan);
    }
    assert_eq!(bench.plans.free_number(WINDOW, 0, first), None);
    assert_eq!(bench.plans.free_number(WINDOW, 1, second), Some(0));
    assert_eq!(bench.plans.free_number(WINDOW + 1, 0, first), Some(0));
    bench.plans.forget(&plans[3].hash(&DOMAIN));
    assert_eq!(bench.plans.free_number(WINDOW, 0, first), Some(3));
    assert_eq!(bench.plans.get(&plans[3].hash(&DOMAIN)), None);
    assert_eq!(bench.plans.len(), plans.len() - 1);
}

#[test]
fn the_plans_remembered_are_bounded() {
    let mut bench = Bench::new();
    let plan = bench.plan(0, 0, &[1]);
    for window in 0..ASSIGNMENTS_HELD_MAX as u64 {
        let (hash, other) = (B256::left_padding_from(&window.to_be_bytes()), Assignment { window, ..plan.clone() });
        if window != WINDOW {
            bench.plans.adopt((hash, &other), Vec::new(), &mut Outbox::default());
        }
    }
    assert_eq!(bench.consider(&plan).0, Fate::Judged(Verdict::Accept), "the last one that fits");
    let next = bench.plan(0, 1, &[2]);
    let (fate, told) = bench.consider(&next);
    assert_eq!(
        (fate, told.iter().map(String::as_str).collect::<Vec<_>>().as_slice()),
        (ignored(Reason::OverLimit), NOTHING)
    );
    bench.plans.forget(&plan.hash(&DOMAIN));
    let other = bench.plan(0, 1, &[3]);
    assert_eq!(bench.consider(&other).0, Fate::Judged(Verdict::Accept), "what found no room has left nothing behind");
}

use super::*;
use crate::committee::KeeperIndex;
use crate::facts::tests::{due, facts, task};
use crate::message::{ASSIGNMENT_LIMIT, Assignment, BATCHES_MAX, BatchKey};
use crate::outbox::Item;
use crate::outbox::tests::texts;
use crate::session::Event;
use crate::task::{Abstention, DueTask, InstanceKey};

mod hostile;
mod late;

/// The window of the tasks, which are due in its last second.
const WINDOW: u64 = 500;
const DUE: u64 = 1_001;

struct Bench {
    facts: Facts,
    sessions: Sessions,
    batches: Batches,
    plans: Plans,
    windows: Windows,
    outbox: Outbox,
}

/// The keeper at this place in the line, with these tasks listed.
fn bench(place: usize, tasks: &[DueTask]) -> Bench {
    let line = facts(0, 1_010).leaders(WINDOW).unwrap().0;
    let mut bench = Bench {
        facts: facts(line[place].0, 1_010),
        sessions: Sessions::default(),
        batches: Batches::default(),
        plans: Plans::default(),
        windows: Windows::default(),
        outbox: Outbox::default(),
    };
    for &due in tasks {
        assert!(bench.sessions.learn(due, &bench.facts, Time(990_000), &mut bench.outbox));
        bench.windows.list(
            WINDOW,
            (due.task, 0),
            (&bench.facts.pace(), &bench.sessions),
            Time(990_000),
            &mut bench.outbox,
        );
    }
    bench.outbox.take();
    bench
}

fn tasks(count: u64) -> Vec<DueTask> {
    (1..=count).map(|job| due(job, DUE)).collect()
}

impl Bench {
    fn mine(&self) -> KeeperIndex {
        self.facts.my_index(&self.facts.committee_at(1_000).unwrap()).unwrap()
    }

    fn look(&mut self, now: u64) {
        self.look_if(true, now);
    }

    fn look_if(&mut self, may_lead: bool, now: u64) {
        let Self { facts, sessions, batches, plans, .. } = self;
        let board = Board { facts, sessions, batches, plans };
        self.windows.look(WINDOW, may_lead, board, Time(now), &mut self.outbox);
    }

    fn texts(&mut self, now: u64) -> Vec<String> {
        self.look(now);
        texts(&mut self.outbox)
    }

    /// The jobs of each batch that it assigns at a moment.
    fn assigned(&mut self, now: u64) -> Vec<Vec<u64>> {
        let batches = self.assignments(now).into_iter().flat_map(|assignment| assignment.batches);
        batches.map(|batch| batch.tasks.iter().map(|task| task.job).collect()).collect()
    }

    /// What it assigns at a moment, as it goes out; its batches are open after it.
    fn assignments(&mut self, now: u64) -> Vec<Assignment> {
        self.look(now);
        let assignments = self.sent();
        assignments.iter().for_each(|assignment| drop(self.open(assignment, now)));
        assignments
    }

    /// The assignments that have gone out.
    fn sent(&mut self) -> Vec<Assignment> {
        let sent = self.outbox.take().into_iter().filter_map(|item| match item {
            Item::Effect(Effect::Broadcast { channel: Channel::Assignments, bytes }) => Some(bytes),
            _ => None,
        });
        sent.map(|bytes| codec::decode(&bytes, ASSIGNMENT_LIMIT).unwrap()).collect()
    }

    /// Opens the batches of an assignment, and gives their names.
    fn open(&mut self, assignment: &Assignment, now: u64) -> Vec<BatchKey> {
        let hash = assignment.hash(self.facts.domain());
        self.batches.open((hash, assignment), &self.facts, &mut self.sessions, Time(now), &mut self.outbox);
        self.outbox.take();
        (0..).zip(&assignment.batches).map(|(batch, _)| BatchKey { assignment: hash, batch }).collect()
    }

    /// The jobs of each batch that it assigns of later attempts at tasks, whichever its stage is.
    fn again(&mut self, all: &[DueTask], attempt: u8) -> Vec<Vec<u64>> {
        let pace = self.facts.pace();
        let again = pace.attempt_due(DUE, attempt);
        (1_011..again + 10).for_each(|second| self.facts.push(crate::facts::tests::block(second)));
        let (window, now) = (pace.window_of(again), pace.moment(again));
        for due in all {
            assert_eq!(pace.window_of(pace.attempt_due(due.due, attempt)), window);
            self.sessions.handle(due.task, Event::Look, &self.facts, now, &mut self.outbox);
            self.windows.list(window, (due.task, attempt), (&pace, &self.sessions), Time(990_000), &mut self.outbox);
        }
        self.outbox.take();
        let line = self.facts.leaders(window).unwrap().0;
        let stage = line.iter().position(|&index| index == self.mine()).unwrap() as u32;
        let Self { facts, sessions, batches, plans, windows, outbox } = self;
        windows.look(window, true, Board { facts, sessions, batches, plans }, now.plus(SILENCE * stage), outbox);
        let batches = self.sent().into_iter().flat_map(|assignment| assignment.batches);
        let jobs = batches.map(|batch| {
            assert_eq!(batch.attempt, attempt);
            batch.tasks.iter().map(|task| task.job).collect()
        });
        jobs.collect()
    }

    /// A task becomes known, in the window's last second.
    fn learn(&mut self, due: DueTask, now: u64) {
        assert!(self.sessions.learn(due, &self.facts, Time(now), &mut self.outbox));
        self.batches.learn(due.task, &self.facts, &mut self.sessions, Time(now), &mut self.outbox);
        self.windows.list(WINDOW, (due.task, 0), (&self.facts.pace(), &self.sessions), Time(now), &mut self.outbox);
        self.outbox.take();
    }
}

#[test]
fn the_leader_assigns_one_window_ahead_and_once() {
    let mut early = bench(0, &tasks(2));
    assert_eq!(early.texts(997_000), ["at 998000 window 500"], "its line may still change");
    let sent = ["assigned 500 at 0", "send assignment", "assigned"];
    assert_eq!(early.texts(998_000), sent);
    let mut again = bench(0, &tasks(2));
    assert_eq!(again.assigned(998_000), [[1, 2]]);
    assert_eq!(again.texts(998_100), ["with next block window 500"], "what stands in a batch is not open");
    assert!(again.texts(1_004_000).is_empty(), "the window is over");
}

#[test]
fn each_further_stage_waits_for_more_silence() {
    for (place, opens) in [(1, 1_001_400), (3, 1_002_200)] {
        let mut bench = bench(place, &tasks(1));
        assert_eq!(bench.texts(998_000), [format!("at {opens} window 500")]);
        assert_eq!(bench.texts(opens)[0], format!("assigned 500 at {place}"));
    }
}

#[test]
fn who_leads_no_stage_or_may_not_lead_assigns_nothing() {
    let mut bench = bench(0, &tasks(1));
    bench.look_if(false, 998_000);
    assert!(texts(&mut bench.outbox).is_empty());
    bench.facts = facts(9, 1_010);
    assert!(bench.texts(998_000).is_empty(), "it is no member");
    bench.facts = facts(0, 990);
    assert_eq!(bench.texts(998_000), ["with next block window 500"], "the seed block is not certain");
}

#[test]
fn tasks_are_batched_by_moment_quorum_size_and_gas() {
    let mut other_quorum = due(3, DUE);
    other_quorum.quorum_bps = 8_000;
    let heavy = |job: u64| DueTask { callback_gas: 7_000_000, ..due(job, DUE) };
    let all = [due(1, DUE), due(2, DUE - 1), other_quorum, heavy(4), heavy(5), due(6, DUE)];
    let mut mixed = bench(0, &all);
    assert_eq!(mixed.assigned(998_000), [vec![2], vec![1, 4], vec![5, 6], vec![3]]);
    let light: Vec<DueTask> = (1..=300).map(|job| DueTask { callback_gas: 1_000, ..due(job, DUE) }).collect();
    let mut many = bench(0, &light);
    many.windows.note_trouble(JobId(6), true);
    many.windows.note_trouble(JobId(6), false);
    assert_eq!(many.assigned(998_000).iter().map(Vec::len).collect::<Vec<_>>(), [256, 44]);
}

#[test]
fn what_a_leader_cannot_run_it_leaves_to_one_who_can() {
    let mut first = bench(0, &tasks(2));
    first.windows.note_trouble(JobId(2), true);
    assert_eq!(first.assigned(998_000), [[1]]);
    first.run(2, 0, 1_001_000, Some(Err(Abstention::CodeUnavailable)));
    assert!(first.assigned(1_001_100).is_empty());
    let mut second = bench(1, &tasks(2));
    second.hears(0, 0, vec![hostile::plan(0, &[1])], 998_000);
    second.run(2, 0, 1_001_000, hostile::done());
    assert_eq!(second.assigned(1_001_400), [[2]]);
    // A run that went well here is worth more than one that did not before, but whatever stands beside it shall not wait.
    let mut again = bench(1, &tasks(2));
    again.windows.note_trouble(JobId(2), true);
    (1..=2).for_each(|job| again.run(job, 0, 1_001_000, hostile::done()));
    assert_eq!(again.assigned(1_001_400), [[2], [1]]);
    // One that has not ended yet tells nothing, what has been before does.
    let mut early = bench(0, &tasks(1));
    early.windows.note_trouble(JobId(1), true);
    assert_eq!(early.texts(998_000), ["with next block window 500"]);
    early.windows.note_trouble(JobId(1), false);
    assert_eq!(early.assigned(999_000), [[1]]);
}

/// After a stall everything is late at once: it costs as many batches as it would have on time.
#[test]
fn late_attempts_are_batched_by_moment_too_and_what_failed_alone_before_stays_alone() {
    let all = [due(1, DUE), due(2, DUE), due(3, DUE), due(4, DUE - 1), due(5, DUE)];
    let mut bench = bench(0, &all);
    let key = bench.hears(1, 0, vec![hostile::plan(0, &[3])], 1_001_400)[0];
    (1..=5).for_each(|job| bench.run(job, 0, 1_001_500, hostile::done()));
    bench.fails(key, 1_001_600);
    assert_eq!(bench.again(&all, 1), [vec![3], vec![4], vec![1, 2, 5]]);
}

/// A batch waits for the slowest of its tasks, so what never ends must not be in one with what does.
#[test]
fn jobs_that_are_quick_here_are_batched_apart_from_others() {
    let mut bench = bench(0, &tasks(6));
    let quick = Duration::from_millis(250);
    for (job, has_said, took) in [(1, true, quick), (2, true, quick), (3, true, quick * 2), (4, false, quick / 2)] {
        bench.windows.note_run(task(job), has_said.then_some(false), took);
    }
    assert_eq!(bench.assigned(998_000), [vec![1, 2], vec![3, 4, 5, 6]]);
    let mut bench = self::bench(0, &tasks(2));
    bench.windows.note_run(task(1), Some(false), quick);
    bench.windows.note_run(task(1), Some(false), quick * 2);
    assert_eq!(bench.assigned(998_000), [[1, 2]], "the last run counts");
}

/// What is heavy goes on chain in parts, over some blocks.
#[test]
fn jobs_whose_outcomes_are_light_are_batched_apart_from_heavy_ones() {
    let mut bench = bench(0, &tasks(6));
    let said = [(1, Some(true)), (2, Some(false)), (3, Some(true)), (4, Some(false)), (5, None)];
    for (job, said_heavy) in said {
        bench.windows.note_run(task(job), said_heavy, Duration::ZERO);
    }
    assert_eq!(bench.assigned(998_000), [vec![2, 4], vec![1, 3], vec![5, 6]]);
    let mut bench = self::bench(0, &tasks(2));
    for (job, said_heavy) in [(1, Some(true)), (1, Some(false)), (2, Some(false))] {
        bench.windows.note_run(task(job), said_heavy, Duration::ZERO);
    }
    assert_eq!(bench.assigned(998_000), [[1, 2]], "the last outcome counts");
}

#[test]
fn what_is_not_quick_is_fewer_together_at_each_attempt() {
    let sizes = |all: &[DueTask], attempt: u8, quick: bool| {
        let mut bench = bench(0, all);
        for due in all.iter().filter(|_| quick) {
            bench.windows.note_run(due.task, Some(false), Duration::ZERO);
        }
        bench.again(all, attempt).iter().map(Vec::len).collect::<Vec<_>>()
    };
    let all: Vec<DueTask> = (1..=100).map(|job| DueTask { callback_gas: 1_000, ..due(job, DUE) }).collect();
    assert_eq!(sizes(&all, 1, true), [100]);
    assert_eq!(sizes(&all, 1, false), [64, 36]);
    assert_eq!(sizes(&all, 2, false), [16, 16, 16, 16, 16, 16, 4]);
    assert_eq!(sizes(&all[..17], 3, false), [16, 1], "and never alone");
}

/// What never ends is many batches when it is late: quick ones go out before it, and keep numbers for those that come later.
#[test]
fn what_is_late_and_not_quick_comes_last_and_leaves_numbers() {
    let endless: Vec<DueTask> = (1..=9_000).map(|job| DueTask { callback_gas: 1_000, ..due(job, DUE) }).collect();
    let quick = due(9_001, DUE);
    let mut bench = bench(0, &endless);
    bench.learn(quick, 998_000);
    bench.windows.note_run(quick.task, Some(false), Duration::ZERO);
    let all = [endless, vec![quick]].concat();
    let batches = bench.again(&all, 2);
    assert_eq!(batches[0], [9_001]);
    let window = bench.facts.pace().window_of(bench.facts.pace().attempt_due(DUE, 2));
    let stage = bench.facts.leaders(window).unwrap().0.iter().position(|&index| index == bench.mine()).unwrap() as u8;
    assert_eq!(bench.plans.free_number(window, stage, bench.mine()), Some(ASSIGNMENTS_MAX - NUMBERS_KEPT));
    assert!(batches[1..].iter().all(|batch| batch.len() <= 16) && batches.len() > 300, "{}", batches.len());
}

#[test]
fn what_has_ended_is_not_open_and_what_is_forgotten_not_listed() {
    let mut bench = bench(0, &tasks(3));
    bench.sessions.handle(task(1), Event::Settled(990), &bench.facts, Time(990_000), &mut bench.outbox);
    bench.windows.forget(task(2), DUE, &bench.facts.pace());
    bench.outbox.take();
    assert_eq!(bench.assigned(998_000), [[3]]);
}

/// Everything that `now` holds is let out in one go; what comes later waits, and longer each time.
#[test]
fn what_comes_one_by_one_is_gathered_so_that_the_numbers_last_for_a_window() {
    let mut bench = bench(0, &[]);
    let mut sent = Vec::new();
    for job in 1..=1_500 {
        let now = 998_000 + 2 * job;
        bench.learn(due(job, DUE), now);
        let jobs: usize = bench.assigned(now).iter().map(Vec::len).sum();
        sent.extend((jobs > 0).then_some((now, jobs)));
    }
    assert_eq!(sent.len(), usize::from(ASSIGNMENTS_MAX), "{sent:?}");
    assert!(sent[7].0 - sent[0].0 > 1_950, "they are there for as long as a window: {sent:?}");
    let all: usize = sent.iter().map(|(_, jobs)| jobs).sum();
    assert!(all > 975, "and leave nothing out that was known before the last: {sent:?}");
}

#[test]
fn a_leader_that_has_used_its_numbers_leaves_the_rest_to_the_next_stage() {
    let mut bench = bench(0, &tasks(1));
    for job in 2..20 {
        bench.assignments(998_000 + job * 2_000 / 20);
        bench.windows.assigned.clear();
        bench.learn(due(job, DUE), 998_000);
    }
    assert!(bench.plans.free_number(WINDOW, 0, bench.mine()).is_none());
    assert!(bench.assignments(1_001_500).is_empty());
}

#[test]
fn an_assignment_is_cut_to_what_may_be_sent() {
    let far = |job: u64| Task { instance: InstanceKey::from_run(u64::MAX), ..task(u64::MAX - job) };
    let light = |job: u64| DueTask { task: far(job), callback_gas: 1_000, ..due(job, DUE) };
    let mut bench = bench(0, &(1..=4_000).map(light).collect::<Vec<_>>());
    let assignments = bench.assignments(998_000);
    assert_eq!(assignments.iter().map(|assignment| assignment.number).collect::<Vec<_>>(), [0, 1, 2, 3]);
    for assignment in &assignments {
        let bytes = codec::encode(assignment).len();
        assert!(bytes <= ASSIGNMENT_LIMIT, "{bytes}");
    }
    let listed = assignments.iter().flat_map(|assignment| &assignment.batches).map(|batch| batch.tasks.len());
    assert_eq!(listed.sum::<usize>(), 4_000);
    assert!(bench.assignments(998_500).is_empty(), "nothing is left");
}

/// One creator with many quorums, in the first second of the window.
#[test]
fn more_batches_than_an_assignment_holds_go_into_further_ones() {
    let of_quorum = |job: u64| DueTask { quorum_bps: 7_000 + job as u16, ..due(job, DUE - 1) };
    let mut all: Vec<DueTask> = (1..=BATCHES_MAX as u64).map(of_quorum).collect();
    all.push(due(900, DUE));
    let mut bench = bench(0, &all);
    let assignments = bench.assignments(998_000);
    assert_eq!(assignments.iter().map(|assignment| assignment.batches.len()).collect::<Vec<_>>(), [64, 1]);
    assert_eq!(assignments[1].batches[0].tasks[0].job, 900);
}

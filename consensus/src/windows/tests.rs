use super::*;
use crate::facts::tests::{due, facts, task};
use crate::message::{ASSIGNMENT_LIMIT, Assignment};
use crate::outbox::Item;
use crate::outbox::tests::texts;
use crate::session::Event;
use crate::task::DueTask;

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
        bench.windows.list(WINDOW, due.task, 0, Time(990_000), &mut bench.outbox);
    }
    bench.outbox.take();
    bench
}

fn tasks(count: u64) -> Vec<DueTask> {
    (1..=count).map(|job| due(job, DUE)).collect()
}

impl Bench {
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
        self.look(now);
        let sent = self.outbox.take().into_iter().find_map(|item| match item {
            Item::Effect(Effect::Broadcast { channel: Channel::Assignments, bytes }) => Some(bytes),
            _ => None,
        });
        let assignment: Assignment = codec::decode(&sent.unwrap(), ASSIGNMENT_LIMIT).unwrap();
        let hash = assignment.hash(self.facts.domain());
        self.batches.open((hash, &assignment), &self.facts, &mut self.sessions, Time(now), &mut self.outbox);
        self.outbox.take();
        assignment.batches.iter().map(|batch| batch.tasks.iter().map(|task| task.job).collect()).collect()
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
    assert!(again.texts(998_100).is_empty(), "what stands in a batch is not open");
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
fn tasks_are_batched_by_moment_quorum_size_and_gas_and_the_troubled_alone() {
    let mut other_quorum = due(3, DUE);
    other_quorum.quorum_bps = 8_000;
    let heavy = |job: u64| DueTask { callback_gas: 7_000_000, ..due(job, DUE) };
    let all = [due(1, DUE), due(2, DUE - 1), other_quorum, heavy(4), heavy(5), due(6, DUE)];
    let mut mixed = bench(0, &all);
    mixed.windows.note_trouble(JobId(6), true);
    assert_eq!(mixed.assigned(998_000), [vec![2], vec![1, 4], vec![5], vec![3], vec![6]]);
    let light: Vec<DueTask> = (1..=300).map(|job| DueTask { callback_gas: 1_000, ..due(job, DUE) }).collect();
    let mut many = bench(0, &light);
    many.windows.note_trouble(JobId(6), true);
    many.windows.note_trouble(JobId(6), false);
    assert_eq!(many.assigned(998_000).iter().map(Vec::len).collect::<Vec<_>>(), [256, 44]);
}

#[test]
fn what_has_ended_is_not_open_and_what_is_forgotten_not_listed() {
    let mut bench = bench(0, &tasks(3));
    bench.sessions.handle(task(1), Event::Settled(990), &bench.facts, Time(990_000), &mut bench.outbox);
    bench.windows.forget(task(2));
    bench.outbox.take();
    assert_eq!(bench.assigned(998_000), [[3]]);
}

#[test]
fn a_leader_numbers_its_assignments_and_stops_at_the_limit() {
    let mut bench = bench(0, &tasks(1));
    for job in 2..20 {
        bench.look(998_000);
        let next = due(job, DUE);
        bench.sessions.learn(next, &bench.facts, Time(990_000), &mut bench.outbox);
        bench.windows.list(WINDOW, next.task, 0, Time(990_000), &mut bench.outbox);
    }
    let sent = texts(&mut bench.outbox).iter().filter(|text| *text == "send assignment").count();
    assert_eq!(sent, usize::from(crate::message::ASSIGNMENTS_MAX));
}

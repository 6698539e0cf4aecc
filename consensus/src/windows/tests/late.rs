//! What is late is assigned at moments that all tasks have in common, in the order in which it was due.

use super::*;
use crate::outbox::Notice;

/// The window in which it is caught up with, and when that begins.
const CATCH_UP: u64 = 496;
const BEGINS: u64 = 992_000;

fn run(job: u64, number: u64, due: u64) -> DueTask {
    let task = Task { instance: InstanceKey::from_run(number), ..task(job) };
    DueTask { task, deadline: due + 3_600, ..self::due(job, due) }
}

/// The keeper that leads the window, and knows of these tasks since a moment before it.
fn leader(tasks: &[DueTask]) -> Bench {
    let line = facts(0, 1_010).leaders(CATCH_UP).unwrap().0;
    let mut bench = Bench { facts: facts(line[0].0, 1_010), ..bench(0, &[]) };
    for &due in tasks {
        let (facts, now, outbox) = (&bench.facts, Time(BEGINS - 2_000), &mut bench.outbox);
        assert!(bench.sessions.learn(due, facts, now, outbox));
        bench.sessions.handle(due.task, Event::Look, facts, now, outbox);
        for item in outbox.take() {
            if let Item::Notice(Notice::Opened { window, task, attempt }) = item {
                bench.windows.list(window, (task, attempt), (&facts.pace(), &bench.sessions), now, outbox);
            }
        }
    }
    bench.outbox.take();
    bench
}

impl Bench {
    /// The runs of each batch that is assigned in a window: job and number.
    fn runs(&mut self, window: u64, now: u64) -> Vec<Vec<(u64, u64)>> {
        let Self { facts, sessions, batches, plans, windows, outbox } = self;
        windows.look(window, true, Board { facts, sessions, batches, plans }, Time(now), outbox);
        windows.assigned.clear();
        let assignments = self.sent();
        assignments.iter().for_each(|assignment| drop(self.open(assignment, now)));
        let number = |task: Task| (task.job.0, task.instance.run().unwrap());
        let batches = assignments.iter().flat_map(|assignment| &assignment.batches);
        batches.map(|batch| batch.tasks.iter().map(|&task| number(task.into())).collect()).collect()
    }

    fn settle(&mut self, due: &DueTask) {
        for event in [Event::Certified, Event::Settled(992)] {
            self.sessions.handle(due.task, event, &self.facts, Time(BEGINS), &mut self.outbox);
        }
        self.outbox.take();
    }
}

#[test]
fn what_is_late_comes_in_order_with_what_came_after_it() {
    let all = [run(1, 5, 989), run(1, 2, 910), run(2, 7, 907), run(1, 1, 905), run(3, 1, 989)];
    let mut bench = leader(&all);
    let assigned = bench.runs(CATCH_UP, BEGINS - 2_000);
    assert_eq!(assigned, [[(1, 1), (2, 7), (1, 2), (1, 5)]], "but not of a job of which nothing is late");
    assert!(bench.runs(CATCH_UP, BEGINS).is_empty(), "once");
}

#[test]
fn one_batch_comes_after_the_other_is_on_chain() {
    let all: Vec<DueTask> =
        (0..20).map(|number| DueTask { callback_gas: 1_000, ..run(1, number, 901 + number) }).collect();
    let mut bench = leader(&all);
    let numbers = |from: u64, to: u64| (from..to).map(|number| (1, number)).collect::<Vec<_>>();
    assert_eq!(bench.runs(CATCH_UP, BEGINS - 2_000), [numbers(0, 16)], "what is not known to be quick is few together");
    assert!(bench.runs(CATCH_UP, BEGINS).is_empty());
    all[..16].iter().for_each(|due| bench.settle(due));
    assert_eq!(bench.runs(CATCH_UP, BEGINS + 100), [numbers(16, 20)]);
}

#[test]
fn later_runs_wait_for_what_is_late_and_not_for_what_has_split_a_batch() {
    let (late, next, other) = (run(1, 1, 905), run(1, 9, 993), run(2, 9, 993));
    let mut bench = leader(&[late, next, other]);
    assert_eq!(bench.runs(CATCH_UP, BEGINS - 2_000), [vec![(2, 9)], vec![(1, 1)]]);
    assert!(bench.runs(CATCH_UP, BEGINS + 1_000).is_empty());
    bench.settle(&late);
    assert_eq!(bench.runs(CATCH_UP, BEGINS + 1_100), [[(1, 9)]]);

    let mut bench = leader(&[late, next, other]);
    bench.sessions.handle(late.task, Event::Split, &bench.facts, Time(BEGINS - 2_000), &mut bench.outbox);
    assert_eq!(bench.runs(CATCH_UP, BEGINS - 2_000), [[(1, 9), (2, 9)]]);
}

use super::*;
use crate::facts::tests::{facts, task};
use crate::task::InstanceKey;

/// A keeper's tasks, taken up as they come.
struct Bench {
    sessions: Sessions,
    facts: Facts,
}

impl Bench {
    fn new() -> Self {
        Self { sessions: Sessions::default(), facts: facts(0, 1_200) }
    }

    fn learn(&mut self, job: u64, run: u64) -> bool {
        let mut due = crate::facts::tests::due(1, 1_000);
        due.task = Task { job: JobId(job), version: 1, instance: InstanceKey::from_run(run) };
        self.sessions.learn(due, &self.facts, Time::from_seconds(1_000), &mut Outbox::default())
    }

    /// How many of a job's tasks find room.
    fn fill(&mut self, job: u64) -> usize {
        (0..).take_while(|&run| self.learn(job, run)).count()
    }
}

/// Numbers of jobs are given out in the order of the chain, and a reorganisation may swap two.
#[test]
fn a_task_that_is_told_otherwise_than_before_takes_the_place_of_the_one_it_was() {
    let mut bench = Bench::new();
    assert!(bench.learn(1, 0) && !bench.learn(1, 0));
    let mut due = crate::facts::tests::due(1, 1_000);
    due.task = Task { job: JobId(1), version: 1, instance: InstanceKey::from_run(0) };
    assert!(bench.sessions.is_told(&due));
    let other = DueTask { due: due.due + 5, deadline: due.deadline + 5, code_hash: [9; 32].into(), ..due };
    assert!(!bench.sessions.is_told(&other));
    assert!(bench.sessions.learn(other, &bench.facts, Time::from_seconds(1_000), &mut Outbox::default()));
    assert!(bench.sessions.is_told(&other) && !bench.sessions.is_told(&due));
    assert_eq!((bench.sessions.len(), bench.sessions.of_job[&JobId(1)]), (1, 1));
}

/// A log that an orphaned block held is none; a moment stays what it was.
#[test]
fn what_was_seen_in_an_orphaned_block_is_void() {
    let mut bench = Bench::new();
    assert!(bench.learn(1, 0));
    let seen = |job: u64, block: u64| DueTask {
        anchor: crate::task::AnchorRule::AtBlock(block),
        ..crate::facts::tests::due(job, 1_000)
    };
    for (job, block) in [(2, 990), (3, 991)] {
        assert!(bench.sessions.learn(
            seen(job, block),
            &bench.facts,
            Time::from_seconds(1_000),
            &mut Outbox::default()
        ));
    }
    let mut outbox = Outbox::default();
    bench.sessions.rewound(990, &bench.facts, Time::from_seconds(1_000), &mut outbox);
    let voided: Vec<Task> = outbox
        .take()
        .into_iter()
        .filter_map(|item| match item {
            crate::outbox::Item::Notice(Notice::TaskEnded(task)) => Some(task),
            _ => None,
        })
        .collect();
    assert_eq!(voided, [task(3)]);
}

#[test]
fn one_job_cannot_take_all_places() {
    let mut bench = Bench::new();
    let greedy = bench.fill(1);
    assert_eq!(greedy, (SESSIONS_MAX - RESERVE) / 9);
    assert!((0..100).all(|run| bench.learn(2, run)), "others hardly notice");
    assert!(!bench.learn(1, 100_000));
}

#[test]
fn no_number_of_greedy_jobs_takes_the_last_places() {
    let mut bench = Bench::new();
    for job in 0..1_000 {
        bench.fill(job);
    }
    assert!(bench.sessions.len() <= SESSIONS_MAX - RESERVE / 2, "{}", bench.sessions.len());
    assert!(bench.learn(1_000, 0) && bench.learn(1_000, 1), "an honest job is served");
}

/// Ten thousand honest jobs that come due at one moment.
#[test]
fn many_jobs_with_one_task_each_find_room() {
    let mut bench = Bench::new();
    assert!((0..SESSIONS_MAX as u64).all(|job| bench.learn(job, 0)));
    assert!(!bench.learn(SESSIONS_MAX as u64, 0), "all places are taken");
}

#[test]
fn a_place_is_free_again_when_its_task_is_forgotten() {
    let mut bench = Bench::new();
    let greedy = bench.fill(task(1).job.0);
    let first = *bench.sessions.tasks.keys().next().unwrap();
    bench.sessions.forget(&first);
    bench.sessions.forget(&first);
    assert!(bench.learn(first.job.0, 500_000));
    assert!(!bench.learn(first.job.0, 500_001));
    assert_eq!(bench.sessions.len(), greedy);
    let all: Vec<Task> = bench.sessions.tasks.keys().copied().collect();
    all.iter().for_each(|task| bench.sessions.forget(task));
    assert!(bench.sessions.of_job.is_empty());
}

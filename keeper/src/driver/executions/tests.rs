use consensus::task::{InstanceKey, JobId};

use super::*;

fn task(run: u64) -> Task {
    Task { job: JobId(1), version: 1, instance: InstanceKey::from_run(run) }
}

#[test]
fn an_answer_counts_for_the_very_run_it_names_and_once() {
    let (here, there) = (B256::repeat_byte(1), B256::repeat_byte(2));
    let mut executions = Executions::default();
    executions.begin(task(1), 0, here, Time(5));
    assert_eq!(executions.end(task(2), 0, here), None, "another task");
    assert_eq!(executions.end(task(1), 1, here), None, "another try");
    assert_eq!(executions.end(task(1), 0, there), None, "another block");
    assert_eq!(executions.end(task(1), 0, here), Some(Time(5)));
    assert_eq!(executions.end(task(1), 0, here), None, "a second answer");
}

#[test]
fn lost_answers_do_not_pile_up() {
    let mut executions = Executions::default();
    for run in 0..EXECUTIONS_MAX as u64 + 3 {
        executions.begin(task(run), 0, B256::ZERO, Time(run));
    }
    assert_eq!(executions.under_way.len(), EXECUTIONS_MAX);
    assert_eq!(executions.end(task(2), 0, B256::ZERO), None, "the oldest went");
    assert!(executions.end(task(3), 0, B256::ZERO).is_some());
}

#[test]
fn runs_of_tries_that_are_over_are_abandoned() {
    let (here, there) = (B256::repeat_byte(1), B256::repeat_byte(0xff));
    let mut executions = Executions::default();
    for (run, attempt, anchor) in [(1, 0, here), (1, 0, there), (1, 1, here), (1, 2, here), (2, 0, here)] {
        executions.begin(task(run), attempt, anchor, Time(5));
    }
    assert_eq!(executions.abandon(task(1), Some(0)), [(0, here), (0, there)], "this try begins at another block");
    assert_eq!(executions.abandon(task(1), Some(1)), [(1, here)]);
    assert_eq!(executions.end(task(1), 1, here), None, "its answer is left alone");
    assert_eq!(executions.abandon(task(1), None), [(2, here)]);
    assert!(executions.end(task(2), 0, here).is_some(), "another task goes on");
}

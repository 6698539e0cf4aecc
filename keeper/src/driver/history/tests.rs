use alloy::primitives::B256;
use consensus::anchor::BlockRef;
use consensus::task::{Abstention, AnchorRule, InstanceKey, JobId};

use super::*;

const LEADER: Address = Address::repeat_byte(1);
const OTHER: Address = Address::repeat_byte(2);

fn task(job: u64, run: u64) -> Task {
    Task { job: JobId(job), version: 1, instance: InstanceKey::from_run(run) }
}

fn due(task: Task, due: u64) -> DueTask {
    let anchor = AnchorRule::ByTime;
    DueTask {
        task,
        due,
        deadline: due + 40,
        anchor,
        rank: 0,
        code_hash: B256::ZERO,
        quorum_bps: 0,
        callback_gas: 0,
        observes: false,
    }
}

fn settled(task: &Task, status: u8, submitter: Address) -> Settled {
    Settled {
        block: 9,
        timestamp: 100,
        tx: B256::ZERO,
        task_id: task.id().0,
        job_id: task.job.0,
        job_version: 1,
        instance_key: task.instance.0,
        status,
        seconds_late: 2,
        anchor_number: 7,
        outcome_hash: B256::ZERO,
        delivered: true,
        submitter,
    }
}

fn started(attempt: u8, number: u64) -> Step {
    Step::Started { attempt, anchor: BlockRef { number, hash: B256::ZERO, timestamp: number } }
}

#[test]
fn a_run_is_shown_as_it_goes_on() {
    let mut history = History::default();
    let task = task(3, 5);
    assert_eq!(history.note_step(&task, started(0, 7), Time(0)), None);
    assert!(history.views(100).is_empty(), "unknown tasks are not shown");
    history.learn(&due(task, 100), 90);
    assert_eq!(history.views(90)[0].state, "waiting");
    assert_eq!(history.last_result(3), None);
    history.note_step(&task, started(0, 7), Time(100_000));
    history.note_leader(100, 102, LEADER);
    history.note_leader(100, 102, OTHER);
    assert!(history.was_led_by(&task, LEADER, 7) && !history.was_led_by(&task, OTHER, 7));
    assert!(!history.was_led_by(&task, LEADER, 8), "a later try");
    history.note_step(&task, Step::Certified, Time(100_300));
    history.note_settled(&task, &settled(&task, 1, OTHER), Time(102_000));
    assert_eq!(history.note_step(&task, Step::Settled, Time(102_500)), Some(2_500));
    let view = history.views(103).remove(0);
    assert_eq!((view.state.as_str(), view.run, view.job_id, view.due), ("skipped", 5, 3, 100));
    assert_eq!((view.certified_ms, view.settled_ms, view.block), (Some(300), Some(2_000), Some(9)));
    assert!(view.takeover && view.delivered == Some(true));
    assert_eq!(history.last_result(3), Some("skipped"));
    history.note_step(&task, Step::Reopened, Time(103_000));
    let view = history.views(103).remove(0);
    assert_eq!((view.state.as_str(), view.block, view.settled_ms), ("reopened", None, None));
}

#[test]
fn reasons_are_kept_with_the_run_they_are_about() {
    let mut history = History::default();
    let runs: Vec<Task> = (0..3).map(|run| task(1, run)).collect();
    runs.iter().zip([10, 20, 30]).for_each(|(task, at)| history.learn(&due(*task, at), 30));
    history.note_settled(&runs[2], &settled(&runs[2], 0, LEADER), Time(40_000));
    assert_eq!(history.note_ineligible(1, runs[1].id().0, "Escrow"), Some(runs[1]));
    assert_eq!(history.note_ineligible(1, runs[2].id().0, "Settled"), None, "it is settled");
    assert_eq!(history.note_ineligible(2, runs[0].id().0, "Escrow"), None, "of another job");
    history.note_reason(&runs[0], "not found");
    history.note_step(&runs[0], Step::Abstained(Abstention::CodeUnavailable), Time(11_000));
    let views = history.views(30);
    assert_eq!(views.iter().map(|run| run.due).collect::<Vec<_>>(), [30, 20, 10], "the newest first");
    assert_eq!((views[1].reason.as_str(), views[2].reason.as_str()), ("the contract skipped it: Escrow", "not found"));
    assert_eq!(history.last_result(1), Some("abstained"));
}

#[test]
fn the_oldest_run_goes_first_once_it_is_a_minute_old() {
    let mut history = History::default();
    let count = MAX_RUNS as u64;
    for run in 0..count + 5 {
        history.learn(&due(task(1, run), run), 0);
        history.learn(&due(task(1, run), run), 0);
    }
    assert_eq!((history.runs.len(), history.by_due.len()), (MAX_RUNS + 5, MAX_RUNS + 5), "none is over");
    let newer = |history: &History| history.by_due.first().map(|(due, _)| *due);
    history.learn(&due(task(1, count + 5), count + 5), FRESH_SECONDS + 3);
    assert_eq!((newer(&history), history.runs.len()), (Some(3), MAX_RUNS + 3), "the first three are");
    history.learn(&due(task(1, count + 6), count + 6), 10 * count);
    assert_eq!((newer(&history), history.runs.len()), (Some(7), MAX_RUNS));
    for run in 0..2 * KEPT_MAX as u64 {
        history.learn(&due(task(2, run), count + run), 0);
    }
    assert_eq!((history.runs.len(), history.by_due.len()), (KEPT_MAX, KEPT_MAX), "in the end there is a limit");
}

/// 96 tasks a second, and those of three windows of twelve seconds ahead: far more than are shown.
#[test]
fn a_busy_network_is_shown_as_it_works_and_not_only_what_is_to_come() {
    let mut history = History::default();
    let (now, rate, ahead) = (1_000, 96, 36);
    for second in now - 120..=now + ahead {
        for job in 0..rate {
            history.learn(&due(task(job, second), second), second.saturating_sub(ahead));
        }
    }
    for job in 0..rate {
        let task = task(job, now - 2);
        assert_eq!(history.note_step(&task, Step::Certified, Time(now * 1_000)), Some(2_000), "not forgotten");
    }
    let views = history.views(now);
    assert_eq!(views.len(), MAX_RUNS);
    assert_eq!(views.iter().filter(|run| run.due > now).count(), AHEAD_SHOWN);
    assert_eq!(views.iter().map(|run| run.due).max(), Some(now + 2), "the soonest");
    assert_eq!(views.iter().filter(|run| run.state == "certified").count(), rate as usize);
    assert_eq!(history.last_result(5), Some("certified"));
}

#[test]
fn a_missed_run_that_is_forgotten_is_told_by_its_name() {
    let mut history = History::default();
    history.note_step(&task(4, 9), Step::Expired, Time(0));
    let missed = history.missed();
    assert_eq!((missed.count, missed.newest.as_str()), (1, "job 4, run 9, forgotten since"));
}

/// An hour later most runs are shown no more, and why they were not made is to be known all the same.
#[test]
fn a_run_that_was_too_dear_is_not_missed_though_it_is_forgotten() {
    let mut history = History::default();
    for run in [1, 2] {
        history.note_too_dear(&task(4, run), true);
    }
    history.note_too_dear(&task(4, 2), false);
    assert_eq!([1, 2, 3].map(|run| history.expires_as(&task(4, run))), ["skipped", "expired", "expired"]);
    for run in [1, 2, 3] {
        history.note_step(&task(4, run), Step::Expired, Time(0));
    }
    assert_eq!((history.missed().count, history.too_dear.len()), (2, 0));
    for run in 0..2 * KEPT_MAX as u64 {
        history.note_too_dear(&task(5, run), true);
    }
    assert_eq!(history.too_dear.len(), KEPT_MAX, "there is a limit");
}

#[test]
fn the_last_result_of_a_job_goes_with_its_run() {
    let mut history = History::default();
    history.learn(&due(task(7, 0), 1), 0);
    history.note_step(&task(7, 0), Step::Expired, Time(2_000));
    assert_eq!(history.last_result(7), Some("expired"));
    for run in 0..MAX_RUNS as u64 {
        history.learn(&due(task(8, run), 500 + run), 500);
    }
    assert_eq!((history.last_result(7), history.last.len()), (None, 0));
}

use alloy::primitives::B256;
use consensus::task::{AnchorRule, InstanceKey, JobId, Task};

use super::*;

fn due() -> DueTask {
    DueTask {
        task: Task { job: JobId(1), version: 2, instance: InstanceKey::from_run(0) },
        due: 100,
        deadline: 200,
        anchor: AnchorRule::ByTime,
        rank: 0,
        code_hash: B256::ZERO,
        quorum_bps: 6_667,
        callback_gas: 1,
        observes: false,
    }
}

fn job(status: JobStatus, inactive_from: u64) -> Job {
    Job { version: 2, status: status as u8, inactiveFrom: inactive_from, covered: true, ..Job::default() }
}

#[test]
fn an_active_job_runs_and_one_that_ends_does_up_to_its_end() {
    assert_eq!(judge(&due(), &job(JobStatus::Active, 0)), Ok(()));
    for status in [JobStatus::Paused, JobStatus::Cancelled] {
        assert_eq!(judge(&due(), &job(status, 100)), Ok(()));
        assert!(judge(&due(), &job(status, 99)).unwrap_err().contains("not active"));
    }
}

#[test]
fn another_version_no_job_and_too_little_money_are_named() {
    let why = |job: Job| judge(&due(), &job).unwrap_err();
    assert!(why(Job { version: 3, ..job(JobStatus::Active, 0) }).contains("version 3, not 2"));
    assert!(why(job(JobStatus::None, u64::MAX)).contains("not active"));
    assert!(why(Job { covered: false, ..job(JobStatus::Active, 0) }).contains("cannot pay"));
}

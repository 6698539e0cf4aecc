use super::*;
use crate::task::{InstanceKey, JobId};

fn saying(answer: Answer) -> Report {
    let task = Task { job: JobId(1), version: 1, instance: InstanceKey(B256::repeat_byte(3)) };
    let anchor = Anchor { number: 5, hash: B256::repeat_byte(5) };
    let Answer { status, outcome_hash } = answer;
    Report { task, anchor, input_set: B256::ZERO, status, outcome_hash }
}

/// Else a quorum would certify just what is ruled of tasks that never were, and be right.
#[test]
fn no_report_of_a_task_that_was_not_due_is_right() {
    let outcome_hash = keccak256("Keeper Mesh: the task was not due");
    let fixed = Answer { status: Status::JobError, outcome_hash };
    let of_a_run = Answer { status: Status::Call, outcome_hash: B256::repeat_byte(1) };
    assert_eq!(saying(of_a_run).not_due(), fixed);
    for status in [Status::Call, Status::Skip, Status::JobError] {
        let said = Answer { status, outcome_hash };
        assert_ne!(saying(said).not_due(), said, "{status:?}");
    }
    assert_eq!(saying(fixed).not_due(), Answer { status: Status::Skip, outcome_hash });
}

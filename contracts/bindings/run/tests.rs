use super::*;
use crate::terms::ended;

#[test]
fn a_word_reads_back() {
    let run = Run { job_id: u64::MAX - 1, job_version: u32::MAX - 2, anchor: 255, status: ended::JOB_ERROR };
    assert_eq!(Run::from_word(run.word()), run);
    let run = Run { job_id: 7, job_version: 2, anchor: 1, status: ended::CALL };
    assert_eq!(run.word(), U256::from(7) << 192 | U256::from(2) << 160 | U256::from(1) << 96);
}

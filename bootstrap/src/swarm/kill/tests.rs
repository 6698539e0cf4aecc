use alloy::primitives::Address;

use super::next_due;
use crate::swarm::proof::JobSpec;

fn job(start: u64, every: u64) -> JobSpec {
    JobSpec { id: 1, name: "job".to_owned(), forwarder: Address::ZERO, start, every, until: None }
}

#[test]
fn the_next_due_moment_of_all_jobs() {
    let jobs = [job(100, 2), job(100, 5)];
    assert_eq!(next_due(&jobs, 50), Some(100));
    assert_eq!(next_due(&jobs, 101), Some(102));
    assert_eq!(next_due(&jobs, 105), Some(105));
    assert_eq!(next_due(&jobs, 110), Some(110));
    assert_eq!(next_due(&[], 110), None);
}

use alloy::primitives::Address;
use contracts::terms::TriggerTerms;

use super::next_due;
use crate::swarm::proof::JobSpec;

fn job(start: u64, interval: u32) -> JobSpec {
    let trigger = TriggerTerms::Interval { start, interval };
    JobSpec {
        id: 1,
        name: "job".to_owned(),
        creator: Address::ZERO,
        forwarder: Address::ZERO,
        trigger,
        action: "wasm",
        since: 0,
        until: None,
    }
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

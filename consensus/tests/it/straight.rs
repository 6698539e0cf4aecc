//! A mesh of more than eight: partials go straight to the leaders (rule 21).

use consensus::fault::{Fault, Reason, Verdict};
use consensus::task::JobId;

use super::network::{Faults, Network};

const TWELVE: [u128; 12] = [100; 12];

#[test]
fn twelve_keepers_settle_every_task_and_gossip_no_partial() {
    let mut network = Network::new(1, &TWELVE, Faults::default());
    network.job(1, 6, 2, 10);
    network.job(2, 6, 2, 10);
    network.run_until(40, |network| network.all_settled());
    assert_eq!((network.wasted, network.fallen_back), (0, 0), "one submitter at a time while nothing fails");
    assert!(network.rejected.is_empty() && network.leaders().len() >= 3);
    // Per window: one assignment and one certificate to all, and three leaders that hear of eleven others each.
    assert!(network.broadcasts <= 10 * 2, "{} messages to all for 10 batches", network.broadcasts);
    assert_eq!(network.straight, 10 * 3 * 11);
}

/// Whoever is seen to be gone is sent nothing; one leader alone is not enough, and then all hear of it at once.
#[test]
fn with_a_quarter_gone_nothing_is_late() {
    for seed in 0..6 {
        let mut network = Network::new(seed, &TWELVE, Faults { delay: 60, ..Faults::default() });
        network.job(1, 6, 2, 10);
        (0..3).for_each(|keeper| network.crash(keeper));
        network.run_until(40, |network| network.all_settled());
        assert!(network.straight > 0 && network.rejected.is_empty());
    }
}

/// Keepers of an older version gossip theirs, and take nothing straight.
#[test]
fn leaders_that_take_nothing_straight_are_gossiped_to() {
    for seed in 0..4 {
        let mut network = Network::new(seed, &TWELVE, Faults { refuses: |k| k % 2 == 0, ..Faults::default() });
        network.job(1, 6, 2, 10);
        network.run_until(40, |network| network.all_settled());
        assert!(network.fallen_back > 0 && network.rejected.is_empty(), "{:?}", network.rejected);
    }
}

#[test]
fn a_split_is_seen_by_those_who_lead_and_holds_up_nothing() {
    fn run(k: usize, job: JobId) -> Option<Result<&'static str, consensus::task::Abstention>> {
        const ANSWERS: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
        (job == JobId(2)).then(|| Ok(ANSWERS[k]))
    }
    let mut network = Network::new(3, &TWELVE, Faults { run, ..Faults::default() });
    network.job(2, 6, 2, 3);
    network.job(1, 6, 2, 8);
    network.run_until(60, |network| network.settled.keys().filter(|task| task.job == JobId(1)).count() == 8);
    assert!(network.rejected.is_empty() && network.faults_seen.is_empty());
}

/// Bytes of every sort by a stream of its own: each has a verdict, and nobody is blamed for what another one sends.
#[test]
fn what_is_no_partial_is_named() {
    let mut network = Network::new(5, &TWELVE, Faults::default());
    network.inject_straight(0, 1, vec![0xff; 40]);
    network.inject_straight(0, 1, Vec::new());
    network.inject_straight(0, 1, vec![0; 13 * 1024]);
    let named = [Reason::Malformed, Reason::Malformed, Reason::TooLarge].map(Verdict::Reject);
    assert_eq!(network.rejected, named);
    assert_eq!(network.faults_seen, Vec::<Fault>::new());
}

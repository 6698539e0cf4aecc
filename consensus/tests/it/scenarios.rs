//! The protocol at work, in good days and bad ones.

use consensus::committee::KeeperIndex;
use consensus::fault::{Fault, Reason, Verdict};
use consensus::message::Channel;
use consensus::task::{Abstention, JobId};

use super::network::{Faults, Network};

const FIVE: [u128; 5] = [100; 5];

#[test]
fn five_keepers_settle_every_task_once_and_take_turns() {
    let mut network = Network::new(1, &FIVE, Faults::default());
    network.job(1, 6, 2, 20);
    network.job(2, 6, 2, 20);
    network.run_until(60, |network| network.all_settled());
    assert_eq!(network.settled.len(), 40);
    assert_eq!(network.wasted, 0, "one submitter at a time while nothing fails");
    assert!(network.leaders().len() >= 3, "leaders: {:?}", network.leaders());
    assert!(network.rejected.is_empty(), "{:?}", network.rejected);
    // Per window: one assignment, five partials, one certificate for two tasks due together.
    assert!(network.broadcasts <= 20 * 7, "{} messages for 20 batches", network.broadcasts);
}

#[test]
fn a_fifth_of_all_messages_lost_costs_no_task() {
    for seed in 0..8 {
        let faults = Faults { loss: 20, delay: 80, ..Faults::default() };
        let mut network = Network::new(seed, &FIVE, faults);
        network.job(1, 6, 2, 10);
        network.job(2, 7, 3, 6);
        network.run_until(120, |network| network.all_settled());
    }
}

#[test]
fn a_silent_leader_does_not_stall_its_window() {
    let mut network = Network::new(4, &FIVE, Faults::default());
    network.crash(2);
    network.job(1, 6, 2, 15);
    network.run_until(60, |network| network.all_settled());
    assert!(!network.leaders().contains(&2));
}

#[test]
fn nothing_settles_without_more_than_two_thirds_of_the_stake_and_all_of_it_after() {
    let mut network = Network::new(5, &FIVE, Faults::default());
    network.crash(0);
    network.crash(1);
    network.job(1, 6, 2, 3);
    network.run_until(30, |network| network.now.0 >= (super::network::START + 20) * 1000);
    assert!(network.settled.is_empty(), "{:?}", network.settled);
    network.start(0);
    network.run_until(120, |network| network.all_settled());
}

#[test]
fn stake_counts_and_not_heads() {
    // The first two keepers hold 70 % together: enough without the other three.
    let mut network = Network::new(6, &[400, 300, 100, 100, 100], Faults::default());
    (2..5).for_each(|keeper| network.crash(keeper));
    network.job(1, 6, 2, 4);
    network.run_until(60, |network| network.all_settled());
}

#[test]
fn a_job_that_runs_differently_everywhere_holds_up_no_other() {
    let run = |keeper: usize, job: JobId| {
        let differing = ["a", "b", "c", "d", "e"][keeper];
        (job == JobId(9)).then_some(Ok(differing))
    };
    let mut network = Network::new(7, &FIVE, Faults { run, ..Faults::default() });
    network.job(9, 6, 60, 1);
    network.job(1, 6, 2, 5);
    network.job(2, 6, 2, 5);
    let others = |network: &Network| network.settled.keys().filter(|task| task.job != JobId(9)).count();
    network.run_until(40, |network| others(network) == 10);
    assert!(network.settled.keys().all(|task| task.job != JobId(9)), "no quorum ever agreed on it");
    assert!(network.faults_seen.is_empty(), "differing is not equivocating: {:?}", network.faults_seen);
}

#[test]
fn one_keeper_that_differs_is_outvoted() {
    let run = |keeper: usize, _: JobId| (keeper == 3).then_some(Ok("wrong"));
    let mut network = Network::new(8, &FIVE, Faults { run, ..Faults::default() });
    network.job(1, 6, 2, 10);
    network.run_until(60, |network| network.all_settled());
    assert!(!network.leaders().contains(&3), "a keeper cannot submit what it did not come to itself");
}

#[test]
fn a_job_nobody_can_fetch_holds_up_no_other() {
    let run = |_: usize, job: JobId| (job == JobId(9)).then_some(Err(Abstention::CodeUnavailable));
    let mut network = Network::new(9, &FIVE, Faults { run, ..Faults::default() });
    network.job(9, 6, 2, 5);
    network.job(1, 6, 2, 5);
    let others = |network: &Network| network.settled.keys().filter(|task| task.job != JobId(9)).count();
    network.run_until(40, |network| others(network) == 5);
}

#[test]
fn a_job_that_only_some_can_run_settles_at_a_later_attempt_if_need_be() {
    // Two of five cannot run it, so no quorum is there; the others go on.
    let run = |keeper: usize, job: JobId| (job == JobId(9) && keeper < 2).then_some(Err(Abstention::ChainReadFailed));
    let mut network = Network::new(10, &FIVE, Faults { run, ..Faults::default() });
    network.job(9, 6, 60, 1);
    network.job(1, 6, 2, 5);
    network.run_until(40, |network| network.settled.len() == 5);
}

#[test]
fn garbage_is_rejected_by_name_and_changes_nothing() {
    let mut network = Network::new(11, &FIVE, Faults::default());
    network.job(1, 6, 2, 3);
    for channel in [Channel::Assignments, Channel::Partials, Channel::Certificates] {
        network.inject(0, 1, channel, vec![]);
        network.inject(0, 1, channel, vec![0xff; 100]);
        network.inject(0, 1, channel, vec![0; 70_000]);
    }
    let reasons = &network.rejected;
    assert_eq!(reasons.iter().filter(|verdict| **verdict == Verdict::Reject(Reason::TooLarge)).count(), 3);
    assert_eq!(reasons.iter().filter(|verdict| **verdict == Verdict::Reject(Reason::Malformed)).count(), 6);
    network.run_until(60, |network| network.all_settled());
    let nobody: Vec<Fault> = vec![Fault::Equivocation(KeeperIndex(0))];
    assert!(!network.faults_seen.iter().any(|fault| nobody.contains(fault)));
}

#[test]
fn equal_seeds_give_equal_runs() {
    let run = |seed: u64| {
        let mut network = Network::new(seed, &FIVE, Faults { loss: 10, delay: 60, ..Faults::default() });
        network.job(1, 6, 2, 8);
        network.run_until(120, |network| network.all_settled());
        (network.settled, network.broadcasts, network.now)
    };
    assert_eq!(run(42), run(42));
    assert_ne!(run(42).0, run(43).0);
}

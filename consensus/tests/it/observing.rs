//! Jobs that look outside: what keepers saw is agreed before it is decided on.

use consensus::codec;
use consensus::committee::KeeperIndex;
use consensus::fault::{Fault, Reason, Verdict};
use consensus::leader::{Stage, Window};
use consensus::message::{Assignment, Channel, Listed, Observation, PlannedBatch};
use consensus::report::{Anchor, Domain};
use consensus::task::{InstanceKey, JobId, Task};
use serde_bytes::ByteArray;

use super::bench;
use super::network::{Faults, Network, START};

const FIVE: [u128; 5] = [100; 5];
const DOMAIN: Domain = Domain { chain_id: 31337, task_manager: alloy_primitives::Address::repeat_byte(0x11) };

#[test]
fn what_keepers_saw_is_agreed_and_decided_on_once() {
    let mut network = Network::new(1, &FIVE, Faults::default());
    network.looking_job(1, 6, 3, 10);
    network.job(2, 6, 2, 10);
    network.run_until(60, |network| network.all_settled());
    assert_eq!((network.settled.len(), network.wasted), (20, 0));
    assert!(network.rejected.is_empty() && network.faults_seen.is_empty(), "{:?}", network.rejected);
    assert!(network.sets.iter().all(|set| set.len() >= 4), "more than two thirds are heard: {:?}", network.sets);
    assert!(network.sets.contains(&vec![0, 1, 2, 3, 4]), "and all are, where they are in time");
}

#[test]
fn who_sees_nothing_and_lost_messages_cost_no_task() {
    for seed in 0..4 {
        let look = |k: usize| (k != 3).then_some(7);
        let mut network = Network::new(seed, &FIVE, Faults { loss: 15, delay: 80, look, ..Faults::default() });
        network.looking_job(1, 6, 3, 6);
        network.run_until(150, |network| network.all_settled());
        assert!(network.sets.iter().all(|set| !set.contains(&3)), "{:?}", network.sets);
    }
}

#[test]
fn nothing_is_decided_on_what_fewer_saw() {
    let look = |k: usize| (k < 3).then_some(7);
    let mut network = Network::new(5, &FIVE, Faults { look, ..Faults::default() });
    network.looking_job(1, 6, 3, 3);
    network.run_until(40, |network| network.now.0 >= (START + 30) * 1000);
    assert!(network.settled.is_empty() && network.sets.is_empty(), "{:?}", network.sets);
}

#[test]
fn a_silent_leader_is_stepped_over() {
    let mut network = Network::new(4, &FIVE, Faults::default());
    network.crash(2);
    network.looking_job(1, 6, 2, 8);
    network.run_until(60, |network| network.all_settled());
    assert!(!network.leaders().contains(&2));
}

/// What one keeper saw is listed by a leader: nobody decides on it, everybody names the leader, and the next one is right.
#[test]
fn a_list_of_too_few_is_its_leaders_fault_and_costs_no_task() {
    let mut network = Network::new(3, &FIVE, Faults::default());
    network.looking_job(1, 6, 2, 1);
    let window = (START + 6) / 2;
    let task = Task { job: JobId(1), version: 1, instance: InstanceKey::from_run(0) };
    network.run_until(20, |network| network.now.0 >= (START + 5) * 1000);
    for leader in 0..5_u16 {
        let listed = Listed { keeper: 1, digest: ByteArray::new([7; 32]) };
        let batch = PlannedBatch { attempt: 0, tasks: vec![task.into()], inputs: vec![listed] };
        let place = (Window(window), Stage(0), 7);
        let forged = Assignment::signed(&DOMAIN, &bench::peer(leader), place, KeeperIndex(leader), vec![batch]);
        // Of these one is by the leader of that window.
        (0..5).for_each(|to| network.inject(to, leader.into(), Channel::Assignments, codec::encode(&forged)));
    }
    network.run_until(60, |network| network.all_settled());
    let unfit = |fault: &Fault| matches!(fault, Fault::UnfitInputs(_));
    assert!(network.faults_seen.iter().any(unfit), "{:?}", network.faults_seen);
    assert!(network.sets.iter().all(|set| set.len() >= 4), "{:?}", network.sets);
}

#[test]
fn what_is_said_in_anothers_name_is_rejected() {
    let mut network = Network::new(3, &FIVE, Faults { look: |_| None, ..Faults::default() });
    network.looking_job(1, 6, 2, 1);
    network.run_until(20, |network| network.now.0 >= (START + 7) * 1000);
    let task = Task { job: JobId(1), version: 1, instance: InstanceKey::from_run(0) };
    let anchor = network.block(START + 4);
    let place = (task, 0, Anchor { number: anchor.number, hash: anchor.hash });
    let by = |keeper: u16, key: u16| {
        let signer = (1, KeeperIndex(keeper));
        codec::encode(&Observation::signed(&DOMAIN, &bench::peer(key), place, signer, vec![1]))
    };
    for bytes in [by(1, 2), by(9, 2), by(1, 1), by(2, 2)] {
        network.inject(0, 2, Channel::Observations, bytes);
    }
    let rejected = [Reason::InvalidPeerSignature, Reason::NotMember].map(Verdict::Reject);
    assert_eq!(network.rejected, rejected, "a false signature, nobody; what is signed by its keeper is taken");
}

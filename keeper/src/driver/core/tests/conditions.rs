//! Conditions that leaders have seen to hold: which of their runs a keeper takes up, and when it drops them.

use consensus::effect::Step;
use consensus::leader::{Stage, Window};
use consensus::message::{Assignment, PlannedBatch};

use super::lookout::{condition, hash, run, triggered};
use super::*;

const JOB: u64 = 2;

/// One of four keepers, with a job that waits for a condition and rests three blocks, at block 11.
fn watching() -> Core {
    let mut core = running(4);
    core.on(triggered(JOB, condition()), at(START + 10));
    let event = JobEvent::Covered { job_id: JOB, covered: true };
    core.on(Event::Chain(ChainEvent::Job { block: 10, event }), at(START + 10));
    core.on(head(11), at(START + 11));
    core
}

fn seen_at(block: u64) -> Task {
    Task { job: JobId(JOB), version: 1, instance: InstanceKey(hash(block)) }
}

/// Another keeper that leads has seen it hold at a block, and assigns the run at an attempt, which is due at `second`.
fn assigned(core: &Core, block: u64, attempt: u8, second: u64) -> Event {
    let view = core.engine().window(at(second), 0).unwrap();
    let (stage, leader) = (0..).zip(&view.order).find(|(_, leader)| leader.0 != 0).unwrap();
    let batch = PlannedBatch { inputs: Vec::new(), attempt, tasks: vec![seen_at(block).into()] };
    let number = u8::try_from(block % 4).unwrap();
    let place = (Window(view.window), Stage(stage), number);
    let signing = signing(u8::try_from(leader.0).unwrap());
    let assignment = Assignment::signed(&DOMAIN, &signing, place, *leader, vec![batch]);
    let bytes = consensus::codec::encode(&assignment);
    let (message, from) = (MessageTag(100 + block), peer(u8::try_from(leader.0).unwrap()));
    Event::Message { message, from, channel: Channel::Assignments, bytes }
}

fn take(core: &mut Core, block: u64, attempt: u8, second: u64) -> Vec<Order> {
    let event = assigned(core, block, attempt, second);
    core.on(event, at(second))
}

fn anchors(orders: &[Order]) -> Vec<u64> {
    run(orders).into_iter().map(|(_, _, anchor, _)| anchor).collect()
}

#[test]
fn a_run_that_was_assigned_before_its_block_came_is_taken_up_with_it() {
    let mut core = watching();
    assert_eq!(anchors(&take(&mut core, 12, 0, START + 12)), [0_u64; 0]);
    assert_eq!(anchors(&core.on(head(12), at(START + 12))), [12]);
}

/// Else some keepers would be left with one run and some with the other, each without a quorum, again and again.
#[test]
fn a_run_is_taken_up_beside_another_one_and_the_settlement_of_either_ends_both() {
    let mut core = watching();
    core.on(head(12), at(START + 12));
    core.on(head(13), at(START + 13));
    assert_eq!(anchors(&take(&mut core, 12, 0, START + 13)), [12]);
    assert_eq!(anchors(&take(&mut core, 13, 0, START + 13)), [13]);
    let Event::Chain(ChainEvent::Settled(settled)) = settled(0, 15, 12, operator(1)) else { panic!() };
    let task = seen_at(12);
    let settled = Settled { job_id: JOB, task_id: task.id().0, instance_key: task.instance.0, ..settled };
    let orders = core.on(Event::Chain(ChainEvent::Settled(settled)), at(START + 15));
    assert_eq!(steps(&orders), [Step::Settled, Step::Void]);
    assert!(!core.engine().knows(&seen_at(13)));
    core.on(head(14), at(START + 15));
    assert_eq!(anchors(&take(&mut core, 14, 0, START + 15)), [0_u64; 0], "it rests");
}

#[test]
fn no_more_than_four_runs_of_a_condition_are_open() {
    let mut core = watching();
    (12..=17).for_each(|number| drop(core.on(head(number), at(START + number))));
    let taken = |block: u64| anchors(&take(&mut core, block, 0, START + block + block % 2)).len();
    assert_eq!((12..=17).map(taken).sum::<usize>(), 4);
}

/// A leader's word is nobody's reason to run a job: who has asked at the block itself, and heard that it does not hold, is done.
#[test]
fn what_did_not_hold_is_no_task() {
    let mut core = watching();
    core.on(head(12), at(START + 12));
    assert_eq!(anchors(&take(&mut core, 12, 0, START + 12)), [12]);
    let (task, result) = (seen_at(12), Err(Abstention::UnknownTask));
    let took = Duration::from_millis(1);
    let reason = "it does not hold".to_owned();
    let executed = Event::Executed { task, attempt: 0, anchor: hash(12), result, reason, took };
    let orders = core.on(executed, at(START + 12));
    assert!(steps(&orders).contains(&Step::Void), "{orders:?}");
    assert!(!core.engine().knows(&task));
}

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, Bytes, U256};
use contracts::terms::{ConditionTerms, LogTerms, TriggerTerms, ended};

use super::{asked_of, due_of, due_until};
use crate::swarm::ledger::{Drained, Ledger, Rang, Settlement};
use crate::swarm::proof::JobSpec;

const RINGER: Address = Address::repeat_byte(7);
const TANK: Address = Address::repeat_byte(8);
const TOPIC: B256 = B256::repeat_byte(0x70);

fn job(trigger: TriggerTerms) -> JobSpec {
    JobSpec {
        id: 1,
        name: "job".to_owned(),
        creator: Address::ZERO,
        forwarder: Address::ZERO,
        trigger,
        action: "call",
        since: 130,
        until: None,
    }
}

/// Blocks 100 to 120 with a second each, from 1100 on.
fn ledger() -> Ledger {
    Ledger { moments: (100..=120).map(|number| (number, 1_000 + number)).collect(), ..Ledger::default() }
}

fn settled(key: B256, status: u8, (block, place): (u64, u64)) -> Settlement {
    Settlement {
        task_id: key,
        job_id: 1,
        key,
        run: U256::from_be_bytes(key.0).wrapping_to(),
        status,
        delivered: status == ended::CALL,
        submitter: Address::ZERO,
        block,
        place,
        seen_ms: 0,
    }
}

#[test]
fn minutes_are_counted_from_the_one_after_the_listing() {
    let cron = job(TriggerTerms::Cron { pattern: "* * * * *".to_owned() });
    let due = |moment| due_until(&cron, &Ledger::default(), moment);
    assert_eq!([due(130), due(179), due(180), due(239), due(240), due(600)], [0, 0, 1, 1, 2, 8]);
    assert_eq!(
        [cron.due(2), cron.due(3), cron.due(4)],
        [None, Some(180), Some(240)],
        "its runs have the minute's number"
    );
    assert_eq!([cron.next_due(1), cron.next_due(180), cron.next_due(181)], [Some(180), Some(180), Some(240)]);
    let paused = JobSpec { until: Some(250), ..cron.clone() };
    assert_eq!((paused.last_due(), due_until(&paused, &Ledger::default(), u64::MAX)), (Some(240), 2));
    let soon = JobSpec { until: Some(170), ..cron.clone() };
    assert_eq!((soon.last_due(), due_until(&soon, &Ledger::default(), u64::MAX)), (None, 0));
    let exact = JobSpec { since: 180, ..cron };
    assert_eq!(exact.due(3), None, "the minute in which it is listed has begun");
}

#[test]
fn blocks_count_as_far_as_there_are_any() {
    let blocks = job(TriggerTerms::Blocks { first: 104, every: 5 });
    let ledger = ledger();
    let due = |moment| due_until(&blocks, &ledger, moment);
    assert_eq!([due(1_103), due(1_104), due(1_108), due(1_109), due(u64::MAX)], [0, 1, 1, 2, 4]);
    let run = |number: u64| due_of(&blocks, &ledger, &settled(B256::from(U256::from(number)), ended::CALL, (1, 0)));
    assert_eq!([run(0), run(3), run(4)], [Some(1_104), Some(1_119), None], "block 124 is not there");
    assert_eq!(run(u64::MAX), None);
    let paused = JobSpec { until: Some(1_112), ..blocks };
    assert_eq!((due_until(&paused, &ledger, u64::MAX), paused.last_due()), (2, Some(1_112)));
    assert_eq!((paused.next_due(1), paused.runs_until(u64::MAX)), (None, 0), "no clock tells");
}

fn rang(number: u8, block: u64) -> Rang {
    let topics = vec![TOPIC, B256::with_last_byte(number), B256::ZERO];
    Rang { emitter: RINGER, topics, block, key: B256::repeat_byte(number) }
}

fn log(confirmations: u16, most_per_block: u16) -> JobSpec {
    let topics = [TOPIC, B256::ZERO, B256::ZERO, B256::ZERO];
    job(TriggerTerms::Log(LogTerms { emitter: RINGER, filter: 1, topics, confirmations, most_per_block }))
}

#[test]
fn every_ring_is_due_in_its_block_and_even_ones_are_called_for() {
    let other = Rang { topics: vec![B256::ZERO], ..rang(9, 101) };
    let foreign = Rang { emitter: TANK, ..rang(8, 101) };
    let ledger = Ledger { rings: vec![rang(1, 101), rang(2, 101), rang(3, 105), other, foreign], ..ledger() };
    let job = log(0, 16);
    let due = |job: &JobSpec, moment| due_until(job, &ledger, moment);
    assert_eq!([due(&job, 1_100), due(&job, 1_101), due(&job, 1_105)], [0, 2, 3]);
    let of = |number: u8| {
        let settlement = settled(B256::repeat_byte(number), ended::CALL, (106, 0));
        (due_of(&job, &ledger, &settlement), asked_of(&job, &ledger, &settlement))
    };
    assert_eq!([of(1), of(2)], [(Some(1_101), Some(ended::SKIP)), (Some(1_101), Some(ended::CALL))]);
    assert_eq!([of(8), of(9), of(77)], [(None, None); 3], "nobody asked for these");
    assert_eq!(due(&log(4, 16), 1_107), 2, "four blocks on top of block 101, and not yet of block 105");
    assert_eq!(due(&log(100, 16), u64::MAX), 0, "what is never confirmed is never due");
    assert_eq!(due(&log(0, 1), u64::MAX), 2, "one of each block");
    assert_eq!(due(&JobSpec { until: Some(1_104), ..job.clone() }, u64::MAX), 2);
}

fn condition() -> JobSpec {
    let (target, call) = (TANK, Bytes::new());
    job(TriggerTerms::Condition(ConditionTerms { target, call, cooldown: 1 }))
}

fn drained(block: u64, place: u64) -> Drained {
    Drained { tank: TANK, block, place }
}

#[test]
fn a_tank_that_is_drained_while_it_is_low_is_due_once() {
    let fill = |block, place| settled(B256::with_last_byte(block as u8), ended::CALL, (block, place));
    let job = condition();
    let drains = vec![drained(101, 0), drained(103, 0), drained(105, 1), drained(110, 0)];
    let settlements = vec![fill(104, 2), fill(107, 0)];
    let ledger = Ledger { drains, settlements, ..ledger() };
    let due = |moment| due_until(&job, &ledger, moment);
    assert_eq!([due(1_100), due(1_101), due(1_104), due(1_105), due(1_110)], [0, 1, 1, 2, 3]);
    let of = |place: usize| due_of(&job, &ledger, &ledger.settlements[place]);
    assert_eq!([of(0), of(1)], [Some(1_101), Some(1_105)]);
}

#[test]
fn of_a_drain_and_a_fill_in_one_block_the_order_counts() {
    let fill = settled(B256::ZERO, ended::CALL, (104, 1));
    let with = |place| Ledger {
        drains: vec![drained(101, 0), drained(104, place)],
        settlements: vec![fill.clone()],
        ..ledger()
    };
    let due = |ledger: &Ledger| due_until(&condition(), ledger, u64::MAX);
    assert_eq!((due(&with(0)), due(&with(2))), (1, 2));
}

#[test]
fn what_held_no_more_when_it_was_looked_at_again_is_due_and_skipped() {
    let call = settled(B256::with_last_byte(1), ended::CALL, (104, 0));
    let skip = settled(B256::with_last_byte(2), ended::SKIP, (108, 0));
    let mut ledger = Ledger { drains: vec![drained(101, 0)], settlements: vec![call.clone(), skip], ..ledger() };
    assert_eq!(due_until(&condition(), &ledger, u64::MAX), 2);
    ledger.settlements.remove(0);
    assert_eq!(due_until(&condition(), &ledger, u64::MAX), 2, "a skip fills no tank: a call is still due");
    let refused = Settlement { delivered: false, ..call };
    ledger.settlements = vec![refused];
    ledger.drains.push(drained(110, 0));
    assert_eq!(due_until(&condition(), &ledger, u64::MAX), 1, "nor does a call that was refused");
    assert_eq!(due_until(&condition(), &Ledger { moments: BTreeMap::new(), ..ledger }, 1_200), 0);
}

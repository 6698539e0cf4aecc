use std::time::Duration;

use alloy::primitives::{Bytes, Uint};
use consensus::task::InstanceKey;
use consensus::time::EXPIRY_SECONDS;
use contracts::terms::{ActionTerms, CallTerms, LogTerms};

use super::*;

const SECONDS: Pace = Pace::of(Duration::from_secs(1), 0);
const DUE: u64 = 1_000_000;

fn plan(trigger: TriggerTerms, limits: Limits) -> Plan {
    let terms = Terms {
        trigger,
        action: ActionTerms::Call(CallTerms { calldata: Bytes::new() }),
        target: Address::ZERO,
        callback_gas: 0,
        token: Address::ZERO,
        fee: Uint::from(1),
        quorum_bps: 0,
        punctual_seconds: 0,
        limits,
    };
    Plan::new(Arc::new(terms), Address::ZERO, 0).unwrap()
}

/// How many seconds after it was due a run of this number is given up.
fn patience(trigger: TriggerTerms, limits: Limits, number: u64, pace: &Pace) -> u64 {
    let plan = plan(trigger, limits);
    let run = match plan.trigger.watch() {
        Watch::Time => plan.trigger.runs(0, u64::MAX).nth(usize::try_from(number).unwrap()).unwrap(),
        Watch::Blocks(blocks) => blocks.at(blocks.number(number).unwrap(), DUE).unwrap(),
        _ => Run::at_block(InstanceKey(B256::repeat_byte(3)), DUE, 7, 0),
    };
    plan.deadline(&run, pace) - run.due
}

const fn every(interval: u32) -> TriggerTerms {
    TriggerTerms::Interval { start: DUE, interval }
}

const fn blocks(every: u32) -> TriggerTerms {
    TriggerTerms::Blocks { first: 50, every }
}

fn of(missed: Missed) -> Limits {
    Limits { missed, ..Limits::default() }
}

#[test]
fn a_run_is_given_up_as_its_job_has_it_with_missed_ones() {
    let minutes = |pattern: &str| TriggerTerms::Cron { pattern: pattern.to_owned() };
    for (name, trigger, number, once) in [
        ("seconds", every(5), 3, GRACE_SECONDS),
        ("minutes", every(300), 3, 300),
        ("hours", every(7_200), 3, EXPIRY_SECONDS),
        ("a calendar", minutes("*/5 * * * *"), 3, 300),
        ("a moment, after which there is no other", TriggerTerms::Once { moment: DUE }, 0, EXPIRY_SECONDS),
        ("a few blocks", blocks(5), 3, GRACE_SECONDS),
        ("many blocks", blocks(300), 3, 300),
        ("more blocks than an hour has", blocks(7_200), 3, EXPIRY_SECONDS),
    ] {
        let patience = |missed| patience(trigger.clone(), of(missed), number, &SECONDS);
        assert_eq!(patience(Missed::All), EXPIRY_SECONDS, "{name}");
        assert_eq!(patience(Missed::Once), once, "{name}");
        assert_eq!(patience(Missed::Skip), GRACE_SECONDS, "{name}");
    }
}

#[test]
fn the_next_run_by_blocks_is_reckoned_by_the_time_that_blocks_take() {
    let once = |block: Duration, number| patience(blocks(1_000), of(Missed::Once), number, &Pace::of(block, 2));
    assert_eq!(once(Duration::from_millis(250), 0), 250);
    assert_eq!(once(Duration::from_secs(2), 0), 2_000);
    assert_eq!(once(Duration::from_secs(12), 0), EXPIRY_SECONDS);
}

/// Nothing comes after it that could stand for it.
#[test]
fn the_last_run_of_all_is_made_up_for() {
    for trigger in [every(300), blocks(300)] {
        let limits = Limits { most_runs: 3, ..of(Missed::Once) };
        let patience = |number| patience(trigger.clone(), limits, number, &SECONDS);
        assert_eq!((patience(1), patience(2)), (300, EXPIRY_SECONDS), "{trigger:?}");
    }
    let limits = Limits { until: DUE + 599, ..of(Missed::Once) };
    assert_eq!(patience(every(300), limits, 1, &SECONDS), EXPIRY_SECONDS);
}

/// Jobs that were listed by other means than the command line may ask for it all the same.
#[test]
fn logs_have_no_newest_that_stands_for_the_others() {
    let log = LogTerms {
        emitter: Address::repeat_byte(1),
        filter: 0,
        topics: [B256::ZERO; 4],
        confirmations: 0,
        most_per_block: 1,
    };
    assert_eq!(patience(TriggerTerms::Log(log), of(Missed::Once), 0, &SECONDS), EXPIRY_SECONDS);
}

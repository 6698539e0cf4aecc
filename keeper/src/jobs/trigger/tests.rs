use std::sync::Arc;

use clap::Parser;
use consensus::anchor::BlockRef;
use consensus::task::AnchorRule;
use contracts::terms::LogTerms;
use proptest::prelude::*;

use super::*;
use crate::executor;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    trigger: TriggerFlags,
}

/// What a creator asks for at `now`.
fn asked(line: &[&str], now: u64) -> Result<TriggerTerms> {
    let flags = Line::try_parse_from([&["job"], line].concat()).unwrap().trigger;
    flags.fit()?;
    flags.terms(now, NEWEST)
}

/// The chain's newest block.
const NEWEST: u64 = 40;

fn refuses(line: &[&str], says: &[&str]) {
    let error = format!("{:#}", asked(line, 99).unwrap_err());
    assert!(says.iter().all(|part| error.contains(part)), "{line:?}: {error}");
}

fn runs(terms: TriggerTerms, from: u64, to: u64) -> Vec<(u64, u64)> {
    let trigger = Trigger::new(&terms).unwrap();
    trigger.runs(from, to).take(100).map(|run| (run.instance.run().unwrap(), run.due)).collect()
}

const fn interval(start: u64, interval: u32) -> TriggerTerms {
    TriggerTerms::Interval { start, interval }
}

#[test]
fn an_interval_is_due_at_its_start_and_every_interval_after() {
    assert_eq!(runs(interval(100, 7), 0, 114), [(0, 100), (1, 107), (2, 114)]);
    assert_eq!(runs(interval(100, 7), 101, 113), [(1, 107)]);
    assert_eq!(runs(interval(100, 7), 0, 99), []);
    assert_eq!(runs(interval(u64::MAX - 1, 7), 0, u64::MAX), [(0, u64::MAX - 1)]);
    assert_eq!(runs(interval(0, 1), u64::MAX, u64::MAX), [(u64::MAX, u64::MAX)]);
}

#[test]
fn an_interval_of_nothing_is_none() {
    assert!(Trigger::new(&interval(5, 0)).is_err());
}

#[test]
fn an_interval_needs_its_length_and_begins_ahead() {
    assert_eq!(asked(&["--every", "2s"], 90).unwrap(), interval(150, 2));
    assert_eq!(asked(&["--trigger", "interval", "--every", "1m", "--start", "100"], 99).unwrap(), interval(100, 60));
    refuses(&[], &["--every is missing"]);
    refuses(&["--every", "2s", "--start", "99"], &["--start is 99", "past"]);
}

const fn once(moment: u64) -> TriggerTerms {
    TriggerTerms::Once { moment }
}

#[test]
fn a_moment_has_one_run() {
    for moment in [0, 100, u64::MAX] {
        assert_eq!(runs(once(moment), 0, u64::MAX), [(0, moment)]);
        assert_eq!(runs(once(moment), moment, moment), [(0, moment)]);
    }
    assert_eq!(runs(once(100), 101, u64::MAX), []);
    assert_eq!(runs(once(100), 0, 99), []);
    let trigger = Trigger::new(&once(100)).unwrap();
    assert_eq!(trigger.due(&InstanceKey::from_run(0)), Some(100));
    assert_eq!(trigger.due(&InstanceKey::from_run(1)), None);
    assert_eq!(trigger.restarted(500), Some(once(500)));
    assert_eq!(trigger.to_string(), "once at 100");
}

#[test]
fn a_single_run_needs_its_moment() {
    assert_eq!(asked(&["--trigger", "once", "--at", "1970-01-01T00:01:40Z"], 99).unwrap(), once(100));
    assert_eq!(asked(&["--trigger", "once", "--at", "now+5s"], 99).unwrap(), once(104));
    refuses(&["--trigger", "once"], &["--at is missing"]);
    refuses(&["--trigger", "once", "--at", "99"], &["--at is 99", "past", "99"]);
    refuses(&["--trigger", "once", "--every", "2s"], &["--every goes with --trigger interval"]);
    refuses(&["--at", "200"], &["--at goes with --trigger once"]);
}

#[test]
fn what_is_not_a_run_number_is_never_due() {
    let trigger = Trigger::new(&interval(100, 7)).unwrap();
    assert_eq!(trigger.due(&InstanceKey::from_run(2)), Some(114));
    assert_eq!(trigger.due(&InstanceKey::from_run(u64::MAX)), None);
    assert_eq!(trigger.due(&InstanceKey(alloy::primitives::B256::repeat_byte(0xee))), None);
}

#[test]
fn code_is_told_which_run_it_is_and_when_it_was_due() {
    let told = |terms: TriggerTerms, number| {
        let trigger = Trigger::new(&terms).unwrap();
        let run = trigger.runs(0, u64::MAX).nth(number).unwrap();
        (trigger.told(&run, None), run.anchor)
    };
    let time = |sequence, due| (Told { sequence, trigger: executor::Trigger::Time(due) }, AnchorRule::ByTime);
    assert_eq!(told(interval(100, 7), 2), time(2, 114));
    assert_eq!(told(once(100), 0), time(0, 100));
}

#[test]
fn a_restart_keeps_the_rhythm() {
    let trigger = Trigger::new(&interval(100, 7)).unwrap();
    assert_eq!(trigger.restarted(500), Some(interval(500, 7)));
}

#[test]
fn triggers_read_as_words() {
    assert_eq!(Trigger::new(&interval(100, 7)).unwrap().to_string(), "every 7s from 100");
}

/// Numbers of all sizes, and those at the ends.
fn numbers() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), 0_u64..4_000_000_000, u64::MAX - 5..=u64::MAX, 0_u64..5]
}

fn kinds() -> impl Strategy<Value = TriggerTerms> {
    prop_oneof![(numbers(), any::<u32>()).prop_map(|(start, every)| interval(start, every)), numbers().prop_map(once)]
}

fn cron(pattern: &str) -> TriggerTerms {
    TriggerTerms::Cron { pattern: pattern.to_owned() }
}

/// The first due moments of a pattern from a moment on, both as RFC 3339.
fn fires(pattern: &str, from: &str) -> Vec<String> {
    let from = chrono::DateTime::parse_from_rfc3339(from).unwrap().timestamp().unsigned_abs();
    let trigger = Trigger::new(&cron(pattern)).unwrap();
    let runs = trigger.runs(from, u64::MAX).take(3);
    let moment = |run: Run| {
        assert_eq!((run.instance.run(), trigger.due(&run.instance)), (Some(run.due / 60), Some(run.due)));
        let moment = chrono::DateTime::from_timestamp(i64::try_from(run.due).unwrap(), 0).unwrap();
        format!("{moment:?}").chars().take(16).collect()
    };
    runs.map(moment).collect()
}

/// Known answers: what another version of the parser reads otherwise parts keepers.
#[test]
fn patterns_fire_at_the_minutes_they_name() {
    let table: [(&str, &str, [&str; 3]); 12] = [
        ("* * * * *", "2026-11-30T12:00:01Z", ["2026-11-30T12:01", "2026-11-30T12:02", "2026-11-30T12:03"]),
        ("*/15 * * * *", "2026-11-30T23:50:00Z", ["2026-12-01T00:00", "2026-12-01T00:15", "2026-12-01T00:30"]),
        ("0 9 * * 1-5", "2026-11-27T09:00:01Z", ["2026-11-30T09:00", "2026-12-01T09:00", "2026-12-02T09:00"]),
        ("0 9 * * MON-FRI", "2026-11-27T09:00:01Z", ["2026-11-30T09:00", "2026-12-01T09:00", "2026-12-02T09:00"]),
        ("30 4 1,15 * *", "2026-11-30T00:00:00Z", ["2026-12-01T04:30", "2026-12-15T04:30", "2027-01-01T04:30"]),
        // Either day field, as Vixie's cron has it.
        ("0 0 13 * 5", "2026-11-01T00:00:01Z", ["2026-11-06T00:00", "2026-11-13T00:00", "2026-11-20T00:00"]),
        ("0 0 29 2 *", "2026-03-01T00:00:00Z", ["2028-02-29T00:00", "2032-02-29T00:00", "2036-02-29T00:00"]),
        // No leap day in 2100.
        ("0 0 29 2 *", "2096-03-01T00:00:00Z", ["2104-02-29T00:00", "2108-02-29T00:00", "2112-02-29T00:00"]),
        ("0 0 31 * *", "2026-11-30T00:00:00Z", ["2026-12-31T00:00", "2027-01-31T00:00", "2027-03-31T00:00"]),
        ("59 23 31 DEC *", "2026-12-31T23:59:00Z", ["2026-12-31T23:59", "2027-12-31T23:59", "2028-12-31T23:59"]),
        ("0 0 * * 0", "2026-11-30T00:00:00Z", ["2026-12-06T00:00", "2026-12-13T00:00", "2026-12-20T00:00"]),
        ("5-59/20 2,3 * * *", "2026-11-30T00:00:00Z", ["2026-11-30T02:05", "2026-11-30T02:25", "2026-11-30T02:45"]),
    ];
    for (pattern, from, expected) in table {
        assert_eq!(fires(pattern, from), expected, "{pattern}");
    }
}

#[test]
fn patterns_that_are_none_or_never_fire_are_refused() {
    let table = [
        ("", "five fields"),
        ("* * * *", "five fields"),
        ("* * * * * *", "five fields"),
        ("*  * * * *", "five fields"),
        ("60 * * * *", "no cron pattern"),
        ("* 24 * * *", "no cron pattern"),
        ("* * 0 * *", "no cron pattern"),
        ("* * * 13 *", "no cron pattern"),
        ("*/0 * * * *", "no cron pattern"),
        ("5-1 * * * *", "no cron pattern"),
        ("* * L * *", "names no month"),
        ("* * * * 5#2", "numbers, names and the signs"),
        ("0 0 ? * *", "numbers, names and the signs"),
        ("@daily", "numbers, names and the signs"),
        ("0 0 31 2 *", "never fires"),
        ("0 0 30 2 *", "never fires"),
        ("0 0 31 4,6,9,11 *", "never fires"),
    ];
    for (pattern, why) in table {
        refuses(&["--trigger", "cron", "--cron", pattern], &[why]);
        assert!(Trigger::new(&cron(pattern)).is_err(), "{pattern}");
    }
    refuses(&["--trigger", "cron", "--cron", &"1,".repeat(80)], &["more than 120 characters"]);
}

#[test]
fn a_pattern_has_no_rhythm_of_its_own_and_ends_with_time() {
    let trigger = Trigger::new(&cron("* * * * *")).unwrap();
    assert_eq!((trigger.first(1_000_000_021).unwrap().due, trigger.first(u64::MAX)), (1_000_000_080, None));
    assert_eq!((trigger.restarted(5), trigger.period()), (None, Some(60)));
    assert_eq!(asked(&["--trigger", "cron", "--cron", "0 9 * * 1-5"], 90).unwrap(), cron("0 9 * * 1-5"));
    refuses(
        &["--trigger", "cron", "--cron", "* * * * *", "--start", "now+1s"],
        &["--start goes with --trigger interval"],
    );
}

fn block(number: u64) -> BlockRef {
    BlockRef { number, hash: alloy::primitives::B256::with_last_byte(number as u8), timestamp: 1_000 + number }
}

#[test]
fn every_so_many_blocks_has_a_run_at_each() {
    let terms = TriggerTerms::Blocks { first: 50, every: 7 };
    let trigger = Trigger::new(&terms).unwrap();
    let Watch::Blocks(blocks) = trigger.watch() else { panic!("not by blocks") };
    let runs: Vec<_> = (0..72).filter_map(|number| blocks.at(number, 5).map(|run| (number, run))).collect();
    let run = |number, k| (number, Run::at_block(InstanceKey::from_run(k), 5, number, 0));
    assert_eq!(runs, [run(50, 0), run(57, 1), run(64, 2), run(71, 3)]);
    assert_eq!((blocks.number(3), blocks.number(u64::MAX)), (Some(71), None));
    assert_eq!((trigger.first(0), trigger.due(&InstanceKey::from_run(1)), trigger.period()), (None, None, None));
    let told = trigger.told(&runs[1].1, Some(&Sighting::Block(block(57))));
    let expected = executor::Trigger::Block { number: 57, hash: block(57).hash.0, timestamp: 1_057 };
    assert_eq!(told, Told { sequence: 1, trigger: expected });
    assert!(Trigger::new(&TriggerTerms::Blocks { first: 50, every: 0 }).is_err());
    assert_eq!(
        asked(&["--trigger", "blocks", "--every-blocks", "7"], 9).unwrap(),
        TriggerTerms::Blocks { first: 50, every: 7 }
    );
    refuses(&["--trigger", "blocks", "--every-blocks", "0"], &["--every-blocks is 0"]);
    refuses(&["--trigger", "blocks", "--every-blocks", "2", "--first-block", "40"], &["--first-block is 40", "past"]);
    refuses(
        &["--trigger", "blocks", "--every-blocks", "2", "--start", "now+1s"],
        &["--start goes with --trigger interval"],
    );
}

const EMITTER: &str = "0x00000000000000000000000000000000000000aa";
const TOPIC: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";

fn log_terms(line: &[&str]) -> LogTerms {
    let line = [&["--trigger", "log", "--emitter", EMITTER], line].concat();
    let TriggerTerms::Log(terms) = asked(&line, 90).unwrap() else { panic!("not a log") };
    terms
}

fn seen(index: u32, topics: &[u8]) -> SeenLog {
    let entry = executor::LogEntry {
        address: EMITTER.parse().unwrap(),
        topics: topics.iter().map(|byte| alloy::primitives::B256::repeat_byte(*byte)).collect(),
        data: Default::default(),
        block_number: 7,
        block_hash: alloy::primitives::B256::repeat_byte(7),
        transaction_hash: alloy::primitives::B256::repeat_byte(8),
        log_index: index,
    };
    SeenLog { entry, timestamp: 100 }
}

#[test]
fn a_log_fits_by_its_emitter_and_the_topics_asked_for() {
    let terms = log_terms(&["--topics", &format!("any,{TOPIC}")]);
    assert_eq!((terms.filter, terms.confirmations, terms.most_per_block), (0b10, 0, 16));
    let trigger = Trigger::new(&TriggerTerms::Log(terms)).unwrap();
    let Watch::Logs(filter) = trigger.watch() else { panic!("not by logs") };
    let takes = |topics: &[u8]| {
        let log = seen(0, topics);
        filter.takes(log.entry.address, &log.entry.topics)
    };
    assert!(takes(&[9, 0x11]) && takes(&[0x11, 0x11, 5, 6]));
    assert!(!takes(&[0x11]) && !takes(&[]) && !takes(&[0x11, 9]));
    assert!(!filter.takes(alloy::primitives::Address::ZERO, &[]));
    let runs: Vec<Run> = [3, 4].iter().map(|&index| filter.run(&seen(index, &[9, 0x11]), 55)).collect();
    assert_ne!(runs[0].instance, runs[1].instance);
    assert_eq!((runs[0].due, runs[0].rank, runs[0].anchor), (55, 3, AnchorRule::AtBlock(7)));
    let told = trigger.told(&runs[0], Some(&Sighting::Log(Arc::new(seen(3, &[9, 0x11])))));
    assert_eq!(told.trigger, executor::Trigger::Log(Box::new(seen(3, &[9, 0x11]).entry)));
}

#[test]
fn log_terms_that_make_no_sense_are_refused() {
    let good = log_terms(&["--topics", TOPIC]);
    let mut bad = vec![
        LogTerms { emitter: alloy::primitives::Address::ZERO, ..good.clone() },
        LogTerms { filter: 16, ..good.clone() },
        LogTerms { confirmations: 65, ..good.clone() },
        LogTerms { most_per_block: 0, ..good.clone() },
        LogTerms { most_per_block: 257, ..good.clone() },
        LogTerms { filter: 0, ..good.clone() },
    ];
    bad.retain(|terms| Trigger::new(&TriggerTerms::Log(terms.clone())).is_ok());
    assert!(bad.is_empty(), "{bad:?}");
    let log = |line: &[&'static str]| [&["--trigger", "log"], line].concat();
    refuses(&log(&[]), &["--emitter is missing"]);
    refuses(&log(&["--emitter", EMITTER, "--log-confirmations", "65"]), &["--log-confirmations is 65", "64"]);
    refuses(&log(&["--emitter", EMITTER, "--most-per-block", "0"]), &["--most-per-block is 0"]);
    refuses(&log(&["--emitter", EMITTER, "--every", "2s"]), &["--every goes with --trigger interval"]);
}

#[test]
fn a_condition_is_due_at_the_block_at_which_it_holds() {
    let line = ["--trigger", "condition", "--condition", EMITTER, "--condition-call", "0x01020304", "--cooldown", "3"];
    let terms = asked(&line, 90).unwrap();
    let trigger = Trigger::new(&terms).unwrap();
    let Watch::Condition(condition) = trigger.watch() else { panic!("not a condition") };
    assert_eq!((condition.cooldown(), condition.call().len()), (3, 4));
    let run = condition.run(&block(7), 55);
    assert_eq!((run.instance.0, run.due, run.anchor), (block(7).hash, 55, AnchorRule::AtBlock(7)));
    let word = |last: u8| [vec![0; 31], vec![last]].concat();
    assert!(holds(&word(1)) && holds(&[word(1), word(0)].concat()) && holds(&[1; 32]));
    assert!(!holds(&word(0)) && !holds(&[1; 31]) && !holds(&[]) && !holds(&[word(0), word(1)].concat()));
    refuses(&["--trigger", "condition", "--condition-call", "0x"], &["--condition is missing"]);
    refuses(&["--trigger", "condition", "--condition", EMITTER], &["--condition-call is missing"]);
    refuses(&[&line[..6], &["--cooldown", "0"]].concat(), &["--cooldown is 0"]);
}

proptest! {
    /// Whatever a chain says: no panic, runs in order and within what was asked for, each at the moment it says itself.
    #[test]
    fn hostile_terms_give_runs_in_order_or_none(terms in kinds(), from in numbers(), to in numbers(), start in numbers()) {
        let Ok(trigger) = Trigger::new(&terms) else { return Ok(()) };
        let runs: Vec<Run> = trigger.runs(from, to).take(50).collect();
        prop_assert!(runs.windows(2).all(|pair| pair[0].due <= pair[1].due && pair[0].instance < pair[1].instance));
        for run in &runs {
            prop_assert!((from..=to).contains(&run.due));
            prop_assert_eq!(trigger.due(&run.instance), Some(run.due));
        }
        let again = Trigger::new(&trigger.restarted(start).unwrap()).ok();
        prop_assert!(again.is_some_and(|again| again.due(&InstanceKey::from_run(0)) == Some(start)));
    }

    /// Asked piece by piece, a trigger names each run once: that is how the schedule is told.
    #[test]
    fn stretches_add_up(terms in kinds(), from in 0_u64..4_000_000_000, cut in 0_u64..200, to in 0_u64..200) {
        let Ok(trigger) = Trigger::new(&terms) else { return Ok(()) };
        let (cut, to) = (from + cut, from + cut + to);
        let whole: Vec<Run> = trigger.runs(from, to).collect();
        let parts: Vec<Run> = trigger.runs(from, cut).chain(trigger.runs(cut + 1, to)).collect();
        prop_assert_eq!(whole, parts);
    }
}

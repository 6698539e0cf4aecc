use clap::Parser;
use proptest::prelude::*;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    trigger: TriggerFlags,
}

/// What a creator asks for at `now`.
fn asked(line: &[&str], now: u64) -> Result<TriggerTerms> {
    let flags = Line::try_parse_from([&["job"], line].concat()).unwrap().trigger;
    flags.fit()?;
    flags.terms(now)
}

fn refuses(line: &[&str], says: &[&str]) {
    let error = asked(line, 99).unwrap_err().to_string();
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
    assert_eq!(Trigger::new(&interval(5, 0)), None);
}

#[test]
fn an_interval_needs_its_length_and_begins_ahead() {
    assert_eq!(asked(&["--every", "2s"], 90).unwrap(), interval(100, 2));
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
    assert_eq!(trigger.restarted(500), once(500));
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
        (trigger.told(&run), trigger.anchor())
    };
    let time = |sequence, due| (Told { sequence, trigger: executor::Trigger::Time(due) }, AnchorRule::ByTime);
    assert_eq!(told(interval(100, 7), 2), time(2, 114));
    assert_eq!(told(once(100), 0), time(0, 100));
}

#[test]
fn a_restart_keeps_the_rhythm() {
    let trigger = Trigger::new(&interval(100, 7)).unwrap();
    assert_eq!(trigger.restarted(500), interval(500, 7));
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

proptest! {
    /// Whatever a chain says: no panic, runs in order and within what was asked for, each at the moment it says itself.
    #[test]
    fn hostile_terms_give_runs_in_order_or_none(terms in kinds(), from in numbers(), to in numbers(), start in numbers()) {
        let Some(trigger) = Trigger::new(&terms) else { return Ok(()) };
        let runs: Vec<Run> = trigger.runs(from, to).take(50).collect();
        prop_assert!(runs.windows(2).all(|pair| pair[0].due <= pair[1].due && pair[0].instance < pair[1].instance));
        for run in &runs {
            prop_assert!((from..=to).contains(&run.due));
            prop_assert_eq!(trigger.due(&run.instance), Some(run.due));
        }
        let again = Trigger::new(&trigger.restarted(start));
        prop_assert!(again.is_some_and(|again| again.due(&InstanceKey::from_run(0)) == Some(start)));
    }

    /// Asked piece by piece, a trigger names each run once: that is how the schedule is told.
    #[test]
    fn stretches_add_up(terms in kinds(), from in 0_u64..4_000_000_000, cut in 0_u64..200, to in 0_u64..200) {
        let Some(trigger) = Trigger::new(&terms) else { return Ok(()) };
        let (cut, to) = (from + cut, from + cut + to);
        let whole: Vec<Run> = trigger.runs(from, to).collect();
        let parts: Vec<Run> = trigger.runs(from, cut).chain(trigger.runs(cut + 1, to)).collect();
        prop_assert_eq!(whole, parts);
    }
}

use alloy::primitives::Bytes;
use clap::{Command, Parser, ValueHint};
use contracts::terms::{CallTerms, ConditionTerms, LogTerms, ObservingTerms, ResolverTerms, UpkeepTerms, WasmTerms};
use proptest::prelude::*;

use super::*;
use crate::cli::filed::Filed;

const NOW: Now = Now { time: 1_000, block: 10 };

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    flags: Filed<TermsFlags>,
}

/// The terms that a line asks for, over others.
fn asked(line: &[&str], below: Option<&Terms>) -> Result<Terms> {
    let asked = Line::try_parse_from([&["job"], line].concat())?.flags.read(&[])?;
    let below = below.map(|terms| Spelt::of(terms, &Currency::Coin).below(&asked)).unwrap_or_default();
    let flags = asked.over(below)?;
    flags.terms((flags.trigger(NOW)?, flags.check()?), &Currency::Coin, (NOW, NOW.next()))
}

const CALL: [&str; 8] = ["--action", "call", "--calldata", "0x01", "--target", TARGET, "--fee", "1gwei"];
const TARGET: &str = "0x00000000000000000000000000000000000000aa";

#[test]
fn limits_are_none_until_they_are_asked_for() {
    let every = [&CALL[..], &["--every", "5m"]].concat();
    assert_eq!(asked(&every, None).unwrap().limits, Limits::default());
    let limited = ["--until", "now+1d", "--most-runs", "7", "--most-gas-price", "30gwei", "--missed", "skip"];
    let limits = asked(&[&every[..], &limited].concat(), None).unwrap().limits;
    assert_eq!((limits.until, limits.most_runs, limits.most_gas_price), (87_400, 7, 30_000_000_000));
    assert_eq!(limits.missed, Missed::Skip);
    for (wrong, says) in
        [(["--until", "999"], "--until is 999"), (["--most-gas-price", "100ether"], "--most-gas-price")]
    {
        let error = asked(&[&every[..], &wrong].concat(), None).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    let dear = [&CALL[..6], &["--every", "5m", "--fee", "99999999999999ether"]].concat();
    assert!(asked(&dear, None).unwrap_err().to_string().contains("--fee does not fit"));
}

#[test]
fn runs_by_the_calendar_are_counted_to_their_end() {
    let cron = [&CALL[..], &["--trigger", "cron", "--cron", "*/5 * * * *", "--most-runs", "3"]].concat();
    let limits = |extra: &[&str]| asked(&[&cron[..], extra].concat(), None).unwrap().limits;
    // The first minute that fits after second 1,000 is at 1,200.
    assert_eq!((limits(&[]).until, limits(&[]).most_runs), (1_800, 0));
    assert_eq!(limits(&["--until", "1500"]).until, 1_500);
    let many = [&CALL[..], &["--trigger", "cron", "--cron", "*/5 * * * *", "--most-runs", "4000000000"]].concat();
    assert!(asked(&many, None).unwrap_err().to_string().contains("--until"));
}

/// What means nothing there is not listed as if it meant something.
#[test]
fn the_newest_alone_is_made_up_for_where_there_is_one() {
    let log = ["--trigger", "log", "--emitter", TARGET];
    let condition = ["--trigger", "condition", "--condition", TARGET, "--condition-call", "0x01"];
    let missed = |trigger: &[&str], policy| {
        let terms = asked(&[&CALL[..], trigger, &["--missed", policy]].concat(), None);
        terms.map(|terms| terms.limits.missed).map_err(|error| format!("{error:#}"))
    };
    for (trigger, why) in [(&log[..], "no log stands for those before it"), (&condition, "seen again")] {
        let error = missed(trigger, "once").unwrap_err();
        assert!(error.contains("--missed is once") && error.contains(why) && error.contains("`all`"), "{error}");
        assert_eq!((missed(trigger, "all"), missed(trigger, "skip")), (Ok(Missed::All), Ok(Missed::Skip)));
    }
    assert_eq!(missed(&["--trigger", "blocks", "--every-blocks", "5"], "once"), Ok(Missed::Once));
}

#[test]
fn an_update_changes_what_is_given_alone() {
    let present =
        asked(&[&CALL[..], &["--every", "5m", "--start", "2000", "--missed", "once"]].concat(), None).unwrap();
    let fee = asked(&["--fee", "2gwei"], Some(&present)).unwrap();
    assert_eq!(fee, Terms { fee: U96::from(2_000_000_000_u64), ..present.clone() });
    let slower = asked(&["--every", "1h"], Some(&present)).unwrap();
    assert_eq!(slower.trigger, TriggerTerms::Interval { start: 2_000, interval: 3_600 });
    let hash = "0x1111111111111111111111111111111111111111111111111111111111111111";
    let code = ["--action", "wasm", "--code-url", "https://a.example/x", "--code-hash", hash];
    let code = asked(&code, Some(&present)).unwrap();
    assert_eq!((code.action.name(), &code.trigger), ("wasm", &present.trigger));
    let params = asked(&["--params", "0x02"], Some(&code)).unwrap();
    let ActionTerms::Wasm(WasmTerms { code_url, params, .. }) = params.action else { panic!("not code") };
    assert_eq!((code_url.as_str(), params.as_ref()), ("https://a.example/x", &[2][..]));
    assert!(asked(&["--calldata", "0x02"], Some(&code)).unwrap_err().to_string().contains("--calldata goes with"));
}

#[test]
fn what_is_behind_begins_anew_in_its_rhythm() {
    let terms = |trigger| Terms { trigger, ..asked(&[&CALL[..], &["--every", "5m"]].concat(), None).unwrap() };
    let earliest = Earliest { moment: 1_000, block: 0 };
    let every = ahead(terms(TriggerTerms::Interval { start: 30, interval: 300 }), earliest);
    assert_eq!(every.trigger, TriggerTerms::Interval { start: 1_230, interval: 300 });
    let later = TriggerTerms::Once { moment: 5_000 };
    assert_eq!(ahead(terms(later.clone()), earliest).trigger, later);
    let over = TriggerTerms::Once { moment: 500 };
    assert_eq!(ahead(terms(over.clone()), earliest).trigger, over, "it has no other");
    let blocks = ahead(terms(TriggerTerms::Blocks { first: 7, every: 10 }), Earliest { moment: 0, block: 28 });
    assert_eq!(blocks.trigger, TriggerTerms::Blocks { first: 37, every: 10 });
    let cron = TriggerTerms::Cron { pattern: "0 9 * * *".to_owned() };
    assert_eq!(ahead(terms(cron.clone()), earliest).trigger, cron);
}

/// Whoever reads bytes or a file says so where a job.toml is read, too.
#[test]
fn flags_that_take_a_file_say_so() {
    let flags = CreateFlags::augment_args(Command::new("job"));
    for flag in flags.get_arguments() {
        let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
        let is_bytes = flag.get_value_hint() == ValueHint::FilePath;
        assert_eq!(help.contains("@FILE"), is_bytes, "{}: value_hint = ValueHint::FilePath", flag.get_id());
        assert!(flag.get_long().is_some(), "{} has no long name, and no key", flag.get_id());
    }
}

fn terms() -> impl Strategy<Value = Terms> {
    let call = |(target, call, cooldown): ([u8; 20], Vec<u8>, u32)| {
        TriggerTerms::Condition(ConditionTerms { target: target.into(), call: call.into(), cooldown })
    };
    let log = |(emitter, topics, confirmations, most_per_block): ([u8; 20], [Option<[u8; 32]>; 4], u16, u16)| {
        let filter = (0..4).filter(|place| topics[*place].is_some()).fold(0, |filter, place| filter | 1 << place);
        let topics = topics.map(|topic| topic.unwrap_or_default().into());
        TriggerTerms::Log(LogTerms { emitter: emitter.into(), filter, topics, confirmations, most_per_block })
    };
    let address = || any::<[u8; 20]>().prop_filter("an address", |bytes| *bytes != [0; 20]);
    let trigger = prop_oneof![
        (1_001..u64::from(u32::MAX), 1_u32..).prop_map(|(start, interval)| TriggerTerms::Interval { start, interval }),
        (1_001_u64..).prop_map(|moment| TriggerTerms::Once { moment }),
        (11_u64.., 1_u32..).prop_map(|(first, every)| TriggerTerms::Blocks { first, every }),
        "[0-9] [0-9] [1-9] \\* MON-FRI".prop_map(|pattern| TriggerTerms::Cron { pattern }),
        (address(), proptest::collection::vec(any::<u8>(), 0..40), 1_u32..).prop_map(call),
        (address(), any::<[Option<[u8; 32]>; 4]>(), 0..=64_u16, 1..=256_u16).prop_map(log),
    ];
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from);
    let wasm = (bytes(), any::<[u8; 32]>());
    let wasm = wasm.prop_map(|(params, hash)| {
        ActionTerms::Wasm(WasmTerms { code_url: "https://a.example/x?y".to_owned(), code_hash: hash.into(), params })
    });
    let observing = (bytes(), proptest::collection::btree_set("[a-z]{1,9}\\.example", 1..5));
    let observing = observing.prop_map(|(params, hosts)| {
        let code = WasmTerms { code_url: "https://a.example/x".to_owned(), code_hash: [7; 32].into(), params };
        ActionTerms::Observing(ObservingTerms { code, hosts: hosts.into_iter().collect() })
    });
    let resolver = (address(), bytes());
    let resolver = resolver
        .prop_map(|(resolver, calldata)| ActionTerms::Resolver(ResolverTerms { resolver: resolver.into(), calldata }));
    let action = prop_oneof![
        bytes().prop_map(|calldata| ActionTerms::Call(CallTerms { calldata })),
        bytes().prop_map(|check_data| ActionTerms::Upkeep(UpkeepTerms { check_data })),
        resolver,
        observing,
        wasm
    ];
    let limits = (prop_oneof![Just(0), 1_001_u64..], any::<u32>(), any::<u64>(), 0_u8..3);
    let rest = (any::<[u8; 20]>(), any::<u32>(), 0..=u128::MAX >> 32, any::<[u16; 2]>());
    (trigger, action, limits, rest).prop_map(|(trigger, action, limits, rest)| {
        let (until, most_runs, most_gas_price, missed) = limits;
        let missed = Missed::from_number(missed).expect("one of three");
        let (target, callback_gas, fee, [quorum_bps, punctual_seconds]) = rest;
        Terms {
            trigger,
            action,
            target: target.into(),
            callback_gas,
            token: Address::ZERO,
            fee: U96::from(fee),
            quorum_bps,
            punctual_seconds,
            limits: Limits { until, most_runs, most_gas_price, missed },
        }
    })
}

proptest! {
    /// So that an update changes nothing but what is given.
    #[test]
    fn terms_as_flags_ask_for_the_same_terms(mut terms in terms()) {
        match terms.trigger.name() {
            // Its runs are not counted, but its end is given.
            "cron" => terms.limits.most_runs = 0,
            "log" | "condition" if terms.limits.missed == Missed::Once => terms.limits.missed = Missed::All,
            _ => {}
        }
        prop_assert_eq!(asked(&[], Some(&terms)).unwrap(), terms);
    }
}

const EXAMPLE: &str = include_str!("../../../../../docs/job.toml");

/// The example's lines that hold as they stand, and those paragraphs that are there to be chosen from.
fn example() -> (String, Vec<String>) {
    let paragraphs = EXAMPLE.split("\n\n");
    let mut choices = Vec::new();
    for paragraph in paragraphs {
        let keys = paragraph.lines().filter_map(|line| line.strip_prefix("# ")).filter(|line| {
            line.split_once(" = ")
                .is_some_and(|(key, _)| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
        });
        choices.extend(Some(keys.map(|line| format!("{line}\n")).collect::<String>()).filter(|keys| !keys.is_empty()));
    }
    let held = EXAMPLE.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    (held, choices)
}

fn flags_of(text: &str) -> Result<CreateFlags> {
    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        flags: Filed<CreateFlags>,
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("job.toml");
    std::fs::write(&file, text)?;
    let line = Line::try_parse_from(["job", "--file", file.to_str().context("a path")?])?;
    line.flags.read(&[])?.over(Vec::new())
}

#[test]
fn the_example_has_every_kind_and_every_key() {
    let (held, choices) = example();
    let of = |key: &str| choices.iter().filter(|keys| keys.starts_with(&format!("{key} = "))).collect::<Vec<_>>();
    let [tokens, rest] = [of("token"), of("until")].map(|found| found[0]);
    let (triggers, actions) = (of("trigger"), of("action"));
    for trigger in &triggers {
        for action in &actions {
            for money in [&held, &format!("target = \"{TARGET}\"\n{tokens}")] {
                let flags = flags_of(&format!("{money}{trigger}{action}{rest}"));
                let flags = flags.unwrap_or_else(|error| panic!("{trigger}{action}: {error:#}")).terms;
                let (due, does) = (flags.trigger(NOW).unwrap(), flags.check().unwrap());
                assert!(trigger.contains(&format!("\"{}\"", due.name())), "{trigger}");
                assert!(action.contains(&format!("\"{}\"", does.name())), "{action}");
            }
        }
    }
    let known = CreateFlags::augment_args(Command::new("job"));
    for flag in known.get_arguments() {
        let key = flag.get_long().unwrap().replace('-', "_");
        assert!(EXAMPLE.contains(&format!("{key} = ")), "{key} is missing in docs/job.toml");
        let kinds = flag.get_possible_values();
        let shown = match key.as_str() {
            "trigger" => &triggers,
            "action" => &actions,
            _ => continue,
        };
        assert_eq!(shown.len(), kinds.len(), "kinds of {key} in docs/job.toml");
    }
}

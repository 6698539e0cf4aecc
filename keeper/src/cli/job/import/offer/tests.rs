use alloy::primitives::{B256, Bytes};
use alloy::sol_types::{SolCall, SolValue};
use clap::Parser;
use contracts::terms::{
    ActionTerms, CallTerms, ConditionTerms, Limits, LogTerms, ResolverTerms, TriggerTerms, UpkeepTerms,
};

use super::super::proposal::{Deed, Due};
use super::super::tests::answers;
use super::*;
use crate::chain::Rpc;
use crate::chain::fake_node::{FakeNode, config};
use crate::cli::filed::Filed;

const NOW: Now = Now { time: 1_000_000, block: 500 };
const LEAST: u64 = 7_000;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    flags: Filed<CreateFlags>,
}

fn asked(line: &[&str]) -> Asked<CreateFlags> {
    Line::try_parse_from([&["job"], line].concat()).unwrap().flags.read(&[]).unwrap()
}

fn address(byte: u8) -> Address {
    Address::repeat_byte(byte)
}

fn proposal(due: Due, deed: Deed) -> Proposal {
    Proposal {
        source: "an entry".to_owned(),
        due,
        deed,
        target: address(2),
        callback_gas: 134_015,
        limits: Limits { most_gas_price: 2_000_000_000, ..Limits::default() },
        caller: address(3),
        setters: vec!["setForwarderAddress(address)"],
        notes: Vec::new(),
    }
}

fn upkeep() -> Proposal {
    let call = Bytes::from_static(&[1, 2, 3, 4]);
    proposal(Due::Condition { target: address(2), call }, Deed::Upkeep { check_data: Bytes::from_static(&[9]) })
}

/// The job that a line asks for on top of an entry.
fn job(proposal: &Proposal, line: &[&str]) -> Result<Terms> {
    let flags = over(proposal, asked(line), NOW, (&Currency::Coin, U96::from(LEAST)))?;
    terms(&flags, &Currency::Coin, NOW)
}

#[test]
fn every_kind_of_entry_becomes_the_job_that_is_like_it() {
    let call = Bytes::from_static(&[1, 2, 3, 4]);
    let topics = [B256::repeat_byte(1), B256::ZERO, B256::repeat_byte(3), B256::ZERO];
    let log = Due::Log { emitter: address(4), filter: 0b101, topics, confirmations: 3 };
    let kinds = [
        (Due::Interval { start: 0, interval: 300 }, TriggerTerms::Interval { start: 1_000_060, interval: 300 }),
        // In the rhythm of a start that is past, from a minute ahead on; and from a start that is to come.
        (Due::Interval { start: 100, interval: 300 }, TriggerTerms::Interval { start: 1_000_300, interval: 300 }),
        (Due::Interval { start: 2_000_000, interval: 9 }, TriggerTerms::Interval { start: 2_000_000, interval: 9 }),
        (Due::Cron { pattern: "0 9 * * 1-5".into() }, TriggerTerms::Cron { pattern: "0 9 * * 1-5".into() }),
        (Due::Once, TriggerTerms::Once { moment: 1_000_060 }),
        (Due::Blocks { every: 1 }, TriggerTerms::Blocks { first: 510, every: 1 }),
        (
            log,
            TriggerTerms::Log(LogTerms {
                emitter: address(4),
                filter: 0b101,
                topics,
                confirmations: 3,
                most_per_block: 16,
            }),
        ),
        (
            Due::Condition { target: address(5), call: call.clone() },
            TriggerTerms::Condition(ConditionTerms { target: address(5), call: call.clone(), cooldown: 1 }),
        ),
    ];
    for (due, trigger) in kinds {
        let made = job(&proposal(due, Deed::Call { calldata: call.clone() }), &[]).unwrap();
        assert_eq!(made.trigger, trigger);
        assert_eq!((made.target, made.callback_gas, made.fee), (address(2), 134_015, U96::from(LEAST)));
        assert_eq!((made.limits.most_gas_price, made.quorum_bps), (2_000_000_000, 6667));
    }
    let deeds = [
        (Deed::Upkeep { check_data: Bytes::new() }, ActionTerms::Upkeep(UpkeepTerms { check_data: Bytes::new() })),
        (
            Deed::Resolver { resolver: address(6), call: call.clone() },
            ActionTerms::Resolver(ResolverTerms { resolver: address(6), calldata: call.clone() }),
        ),
        (Deed::Call { calldata: call.clone() }, ActionTerms::Call(CallTerms { calldata: call })),
    ];
    for (deed, action) in deeds {
        assert_eq!(job(&proposal(Due::Once, deed), &[]).unwrap().action, action);
    }
}

#[test]
fn what_is_asked_for_stands_above_the_entry() {
    let line = [
        "--callback-gas",
        "300000",
        "--cooldown",
        "9",
        "--most-runs",
        "3",
        "--most-gas-price",
        "1gwei",
        "--fee",
        "1gwei",
    ];
    let made = job(&upkeep(), &line).unwrap();
    let TriggerTerms::Condition(condition) = &made.trigger else { panic!("{made:?}") };
    assert_eq!((condition.cooldown, condition.target), (9, address(2)));
    assert_eq!((made.callback_gas, made.fee), (300_000, U96::from(1_000_000_000)));
    assert_eq!((made.limits.most_runs, made.limits.most_gas_price), (3, 1_000_000_000));
    let hourly = job(&upkeep(), &["--trigger", "interval", "--every", "1h", "--start", "now+1h"]).unwrap();
    assert_eq!(hourly.trigger, TriggerTerms::Interval { start: 1_003_600, interval: 3_600 });
    assert_eq!(hourly.action, job(&upkeep(), &[]).unwrap().action, "it is still an upkeep");
}

#[test]
fn what_is_never_due_is_refused_by_name() {
    let never = [
        Due::Cron { pattern: "0 0 30 2 *".to_owned() },
        Due::Cron { pattern: "a b c d e".to_owned() },
        Due::Interval { start: 0, interval: 0 },
        Due::Log { emitter: Address::ZERO, filter: 1, topics: [B256::ZERO; 4], confirmations: 0 },
    ];
    for due in never {
        let error = job(&proposal(due.clone(), Deed::Call { calldata: Bytes::new() }), &[]).unwrap_err();
        assert!(error.to_string().contains("(SenselessTrigger)"), "{due:?}: {error}");
        assert_eq!(Exit::of(&error), Exit::Usage);
    }
}

/// A network in which a run costs at least `LEAST`, and 500,000 gas besides its callback at 3 wei each.
async fn network() -> (FakeNode, Chain) {
    let node = FakeNode::start(3).await;
    let cost = [U256::ZERO, U256::from(1_500_000_u64)].map(|cost| cost.abi_encode()).concat();
    answers(
        &node,
        vec![
            (JobManager::leastFeeCall::SELECTOR, Some(U256::from(LEAST).abi_encode())),
            (JobManager::tipCall::SELECTOR, Some(U256::from(2).abi_encode())),
            (JobManager::mostCostCall::SELECTOR, Some(cost)),
        ],
    );
    let config = config(&[&node.url], 0);
    let chain = Chain::over(Rpc::new(&config).unwrap(), config);
    (node, chain)
}

#[tokio::test]
async fn a_price_is_proposed_where_none_is_named() {
    let (_node, chain) = network().await;
    let (made, price) = wanted(&chain, upkeep(), asked(&[])).await.unwrap();
    let of_ten = (price.fee + price.most_gas) * U256::from(10);
    assert_eq!((made.terms.fee, made.payment.amount), (U96::from(LEAST), of_ten));
    assert_eq!(price.paid(made.payment.amount, made.payment.gas), U256::from(10));
    assert!(price.most_gas > U256::from(1_500_000), "its callback's gas is in it: {}", price.most_gas);
    let says = format!("{:?}", made.origin.as_ref().unwrap().notes(Some(address(8))));
    assert!(says.contains("--fee") && says.contains("--fund") && says.contains(&address(8).to_string()), "{says}");

    let line =
        ["--fee", "1gwei", "--fund", "1ether", "--salt", &B256::repeat_byte(4).to_string(), "--callback-gas", "250000"];
    let (made, _) = wanted(&chain, upkeep(), asked(&line)).await.unwrap();
    assert_eq!(made.payment.amount, U256::from(10).pow(U256::from(18)));
    assert_eq!((made.salt, made.terms.fee), (B256::repeat_byte(4), U96::from(1_000_000_000)));
    let origin = made.origin.unwrap();
    assert_eq!((origin.notes.len(), origin.callback_gas), (0, 250_000), "{:?}", origin.notes);
}

#[tokio::test]
async fn a_job_that_pays_in_a_token_has_coin_for_its_gas() {
    let (_node, chain) = network().await;
    let (made, price) = wanted(&chain, upkeep(), asked(&["--token", &address(5).to_string()])).await.unwrap();
    assert_eq!(made.terms.token, address(5));
    assert_eq!((made.payment.amount, made.payment.gas), (U256::from(10 * LEAST), price.most_gas * U256::from(10)));
    let line = ["--token", &address(5).to_string(), "--gas-fund", "1gwei", "--fund", "70"];
    let (made, _) = wanted(&chain, upkeep(), asked(&line)).await.unwrap();
    assert_eq!((made.payment.amount, made.payment.gas), (U256::from(70), U256::from(1_000_000_000)));
    let error = wanted(&chain, upkeep(), asked(&["--gas-fund", "1gwei"])).await.err().unwrap().to_string();
    assert!(error.contains("--gas-fund"), "{error}");
}

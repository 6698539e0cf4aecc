use serde_json::{Value, json};

use super::{Fate, Http, change, choose};
use crate::dice::Dice;
use crate::refusal::{RangeWords, SendWords};
use crate::script::{Does, Rule, Script};

fn call(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

fn logs(first: u64, last: u64) -> Value {
    call("eth_getLogs", json!([{"fromBlock": format!("0x{first:x}"), "toBlock": format!("0x{last:x}")}]))
}

fn script(rules: &[Rule]) -> Script {
    Script { rules: rules.to_vec(), ..Script::default() }
}

fn once(rules: &[Rule], call: &Value) -> Fate {
    choose(call, &script(rules), &mut vec![0; rules.len()], &mut Dice::new(1), 100)
}

#[test]
fn a_range_is_refused_above_its_limit_in_each_providers_words() {
    for words in RangeWords::ALL {
        let rules = [Rule::to("eth_getLogs", Does::CapRange { blocks: 10, words })];
        assert_eq!(once(&rules, &logs(5, 14)), Fate::Asked, "ten blocks");
        let Fate::Said("error", error) = once(&rules, &logs(5, 15)) else { panic!("eleven blocks: {words:?}") };
        assert!(error["code"].is_i64() && !error["message"].as_str().unwrap().is_empty(), "{error}");
        assert_ne!(once(&rules, &call("eth_getLogs", json!([{"fromBlock": "0x0"}]))), Fate::Asked, "up to the head");
        assert_eq!(once(&rules, &call("eth_getLogs", json!([{"blockHash": "0xaa"}]))), Fate::Asked);
    }
}

#[test]
fn the_first_rule_that_fits_decides() {
    let rules = [
        Rule::to("eth_sendRawTransaction", Does::Refuse(SendWords::PoolFull)),
        Rule::one_in(1, Does::TooManyRequests { retry_after: 7 }),
        Rule::one_in(1, Does::Html),
    ];
    assert!(matches!(once(&rules, &call("eth_sendRawTransaction", json!(["0x"]))), Fate::Said("error", _)));
    assert_eq!(once(&rules, &call("eth_call", json!([]))), Fate::Http(Http::TooManyRequests(7)));
}

#[test]
fn rules_about_logs_and_transactions_leave_other_calls_alone() {
    let rules = [Does::Swallow, Does::Refuse(SendWords::PoolFull), Does::LoseLogs, Does::CapLogs { logs: 0 }]
        .map(|does| Rule::one_in(1, does));
    assert_eq!(once(&rules, &call("eth_call", json!([]))), Fate::Asked);
}

#[test]
fn one_in_n_is_about_one_in_n_and_follows_from_the_seed() {
    let script = script(&[Rule::one_in(20, Does::Hangup)]);
    let fates = |seed| {
        let (mut used, mut dice) = (vec![0], Dice::new(seed));
        let choose = |_| choose(&call("eth_call", json!([])), &script, &mut used, &mut dice, 0) != Fate::Asked;
        (0..2000).map(choose).collect::<Vec<bool>>()
    };
    let struck = fates(1).iter().filter(|struck| **struck).count();
    assert!((60..140).contains(&struck), "{struck} of 2000");
    assert_eq!(fates(1), fates(1));
    assert_ne!(fates(1), fates(2));
}

#[test]
fn what_happens_a_few_times_is_over_then() {
    let script = script(&[Rule::one_in(1, Does::Null).times(2)]);
    let (mut used, mut dice) = (vec![0], Dice::new(1));
    let struck = (0..5).map(|_| choose(&call("eth_call", json!([])), &script, &mut used, &mut dice, 0) != Fate::Asked);
    assert_eq!(struck.collect::<Vec<bool>>(), [true, true, false, false, false]);
}

/// The transaction of EIP-155's example.
#[test]
fn a_swallowed_transaction_gets_its_hash() {
    let raw = "0xf86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195\
               fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83";
    let hash = "0x33469b22e9f636356c4160a87eb19df52b7412e8eac32a4a55ffe88ea8350788";
    let fate = once(&[Rule::one_in(1, Does::Swallow)], &call("eth_sendRawTransaction", json!([raw])));
    assert_eq!(fate, Fate::Said("result", json!(hash)));
}

#[test]
fn answers_lose_and_gain_fields_and_logs_are_capped() {
    let answer = json!({"jsonrpc": "2.0", "id": 1, "result": {"hash": "0x1", "number": "0x2"}});
    let changed = |does: Does| {
        let mut answer = answer.clone();
        change(&does, &call("eth_getBlockByNumber", json!([])), &mut answer, 9);
        answer
    };
    assert_eq!(changed(Does::Nothing), json!({"jsonrpc": "2.0", "id": 1}));
    assert_eq!(changed(Does::Without { field: "hash".into() })["result"], json!({"number": "0x2"}));
    assert!(changed(Does::Extra)["result"]["unheardOf"].is_array());
    for (does, code) in [(Does::CapLogs { logs: 2 }, -32005), (Does::CapBytes { bytes: 15 }, -32602)] {
        let three = json!({"id": 1, "result": ["0x11", "0x22", "0x33"]});
        let (mut many, mut few) = (three.clone(), json!({"id": 1, "result": ["0x11"]}));
        change(&does, &logs(4, 8), &mut many, 9);
        change(&does, &logs(4, 8), &mut few, 9);
        assert!(many["error"]["code"] == code && many.get("result").is_none(), "{many}");
        assert!(many["error"]["message"].as_str().unwrap().contains("[0x4, 0x6]"), "{many}");
        assert_eq!(few["result"], json!(["0x11"]));
    }
}

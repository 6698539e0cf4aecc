//! Jobs of every kind by the command line: tried, listed, shown and changed.

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, U256, hex};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolValue;
use contracts::{Resolved, Upkept};
use serde_json::Value;

use crate::job_terms::Stage;

/// Every kind that contracts of others need, tried before it is listed and after its contract has changed its mind.
#[tokio::test(flavor = "multi_thread")]
async fn contracts_that_decide_themselves_are_asked_before_a_job_is_listed() {
    let stage = Stage::start().await;
    let deployed = async |code: &Bytes| {
        let request = TransactionRequest::default().with_from(stage.anvil.account).with_deploy_code(code.clone());
        let sent = stage.anvil.provider.send_transaction(request).await.unwrap();
        sent.get_receipt().await.unwrap().contract_address.unwrap()
    };
    let (upkept, resolved) = (deployed(&Upkept::BYTECODE).await, deployed(&Resolved::BYTECODE).await);
    let create = |target: Address, flags: &[&str]| {
        let target = target.to_string();
        let base = ["job", "create", "--fee", "1gwei", "--fund", "1ether", "--target", &target];
        stage.document(&[&base[..], flags].concat())["first_run"].clone()
    };
    let word = |number: u64| hex::encode_prefixed(number.abi_encode());
    let upkeep = |seconds: u64, flags: &[&str]| {
        create(upkept, &[&["--action", "upkeep", "--check-data", &word(seconds)], flags].concat())
    };
    let cron = ["--trigger", "cron", "--cron", "0 9 * * 1-5"];
    assert_eq!(upkeep(0, &cron)["outcome"], "taken");
    let idle = upkeep(u64::MAX / 2, &cron);
    assert_eq!((&idle["outcome"], &idle["says"]), (&"idle".into(), &"nothing to do at present: not needed".into()));
    let emitter = upkept.to_string();
    let log = upkeep(0, &["--trigger", "log", "--emitter", &emitter]);
    assert!(log["outcome"] == "untried" && log["says"].as_str().unwrap().contains("checkLog"), "{log}");
    let at = resolved.to_string();
    let resolver = ["--action", "resolver", "--resolver", &at];
    let blocks = [&resolver[..], &["--trigger", "blocks", "--every-blocks", "5"]].concat();
    assert_eq!(create(resolved, &blocks)["outcome"], "taken");
    stage.own(resolved, Resolved::execCall { number: U256::from(1) }).await;
    let early = create(resolved, &blocks);
    assert!(early["says"].as_str().unwrap().contains("too early"), "{early}");
    // A target that is not the resolver's: what it says is tried all the same.
    assert_eq!(create(upkept, &[&blocks[..], &["--checker-data", "0x12345678"]].concat())["outcome"], "idle");
    let condition = ["--trigger", "condition", "--condition", &at, "--condition-call", "0xcf5303cf", "--cooldown", "3"];
    assert_eq!(
        create(resolved, &[&condition[..], &["--action", "call", "--calldata", "0x"]].concat())["outcome"],
        "refused"
    );
}

/// A job of each kind of trigger is shown as it was asked for, and given another price with nothing else changed.
#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_every_trigger_are_shown_and_updated() {
    let stage = Stage::start().await;
    let target = stage.target();
    let base = ["job", "create", "--action", "call", "--calldata", "0xd09de08a", "--fund", "0.1ether", "--broadcast"];
    let base = [&base[..], &["--fee", "1gwei", "--target", &target]].concat();
    let topic = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
    let kinds: [(&[&str], &str); 5] = [
        (&["--trigger", "interval", "--every", "1h"], "every 3600s from "),
        (&["--trigger", "cron", "--cron", "0 9 * * 1-5", "--most-runs", "5"], "at \"0 9 * * 1-5\" UTC"),
        (&["--trigger", "blocks", "--every-blocks", "7"], "every 7 blocks from block "),
        (
            &["--trigger", "log", "--emitter", &target, "--topics", "any", topic, "--most-per-block", "9"],
            "topics any, 0xddf252ad",
        ),
        (&["--trigger", "condition", "--condition", &target, "--condition-call", "0x01"], "with yes, 1 blocks apart"),
    ];
    let mut shown = Vec::new();
    for (number, (kind, words)) in kinds.iter().enumerate() {
        let id = (number + 1).to_string();
        let line = [&base[..], kind].concat();
        assert_eq!(stage.document(&line)["id"].to_string(), id);
        let job = stage.document(&["job", "show", &id]);
        assert!(job["trigger"].as_str().unwrap().contains(words), "{job}");
        // What it may cost is the same before and after.
        let gas = |cost: Value| {
            let [most, price] =
                ["most_gas_wei", "gas_price_wei"].map(|key| cost[key].as_str().unwrap().parse::<f64>().unwrap());
            (most / price).round()
        };
        let cost =
            [&["job", "cost", "--action", "call", "--calldata", "0x", "--fee", "1gwei", "--target", &target], *kind]
                .concat();
        assert!((gas(stage.document(&cost)) - gas(stage.document(&["job", "cost", &id]))).abs() <= 1.0, "{kind:?}");
        stage.document(&["job", "pause", &id, "--broadcast"]);
        shown.push(job);
    }
    assert_eq!(shown[1]["most_runs"], 0, "its end stands in their place");
    assert!(shown[1]["until"].as_u64().unwrap() > 0);
    stage.pass(3_700).await;
    for (number, before) in shown.iter().enumerate() {
        let id = (number + 1).to_string();
        stage.document(&["job", "update", &id, "--fee", "2gwei", "--broadcast"]);
        let after = stage.document(&["job", "show", &id]);
        let has_rhythm = ["interval", "blocks"].contains(&kinds[number].0[1]);
        let same = ["trigger", "trigger_data"].iter().all(|key| after[key] == before[key]);
        assert!(same != has_rhythm && after["fee"] == "2000000000", "{before} {after}");
        assert!(
            ["until", "most_runs", "params", "interval"].iter().all(|key| after[key] == before[key]),
            "{before} {after}"
        );
    }
    let logs = stage.document(&["job", "list", "--trigger", "log"]);
    assert_eq!((logs["jobs"].as_array().unwrap().len(), &logs["jobs"][0]["id"]), (1, &4.into()));
}

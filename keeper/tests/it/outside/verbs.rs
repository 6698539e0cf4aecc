//! What people type, behind RPC nodes as they are: the answer is that of a good node, or the error says what is wrong.

use serde_json::json;

use super::nodes::{Then, behind, row};
use crate::keeper_process::{Home, Said};
use crate::on_chain::{Anvil, operator};

/// Rows of `nodes.rs`.
const ROWS: [&str; 8] = [
    "every third call is asked to come again after a second",
    "the first question of all is answered by a web page",
    "all answers are web pages",
    "two of three nodes answer with web pages",
    "all calls are errors",
    "logs of ten blocks at a time, in words with a range",
    "at most two logs in an answer",
    "a gateway gives up on more than fifty blocks of logs",
];
const VERBS: [&[&str]; 3] = [&["job", "list"], &["job", "show", "1"], &["operator", "status"]];

#[tokio::test(flavor = "multi_thread")]
async fn behind_every_node_a_verb_answers_or_says_why_not() {
    let anvil = Anvil::start().await;
    let home = Home::with_keys();
    let file = home.path("network.toml");
    let mut network = anvil.deployment.network.clone();
    network.save(&file).unwrap();
    anvil.give(operator(&home), 10).await;
    let target = anvil.deployment.examples.as_ref().unwrap().counter.to_string();
    let create = ["job", "create", "--network", file.to_str().unwrap(), "--target", &target, "--broadcast"];
    let call = ["--action", "call", "--calldata", "0xd09de08a", "--trigger", "once", "--at", "2100-01-01T00:00:00Z"];
    for _ in 0..5 {
        home.keeper(&[&create[..], &call, &["--fee", "1gwei", "--fund", "1ether"]].concat()).succeeded();
    }
    // More blocks than fit into one question of a row.
    anvil.ask("anvil_mine", json!(["0x80"])).await;
    let good = network.rpc_urls[0].clone();
    let said = |verb: &[&str]| home.keeper(&[verb, &["--json", "--network", file.to_str().unwrap()][..]].concat());
    let wanted = VERBS.map(said);

    let mut failures = Vec::new();
    for (number, name) in ROWS.into_iter().enumerate() {
        let (script, beside, then) = row(name);
        let (_proxies, urls) = behind(&good, script, beside, number as u64).await;
        network.rpc_urls = urls;
        network.save(&file).unwrap();
        for (verb, wanted) in VERBS.iter().zip(&wanted) {
            let said = said(verb);
            if !is_as(&said, then, wanted) {
                failures.push(format!("{name}: {verb:?}: {said:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

fn is_as(said: &Said, then: Then, wanted: &Said) -> bool {
    match then {
        Then::GoesOn => said.code == wanted.code && said.json() == wanted.json(),
        Then::Red(words) => said.code == 6 && said.stderr.contains(words),
    }
}

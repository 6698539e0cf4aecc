//! RPC nodes as they are: a watcher behind each goes on with the chain, without losing a log, or says why not.

use std::time::Duration;

use alloy::providers::Provider;
use keeper::chain::{ChainConfig, ChainEvent, JobEvent, Rpc, Watcher};
use rough::{Does, Proxy, RangeWords, Rule, Script};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::keeper_process::Home;
use crate::on_chain::{Anvil, operator};

/// What becomes of a watcher.
#[derive(Clone, Copy, Debug)]
pub(super) enum Then {
    /// It tells the job that was listed, and the blocks that come.
    GoesOn,
    /// It says red, in these words.
    Red(&'static str),
}
use Then::{GoesOn, Red};

/// Whom it can ask.
#[derive(Clone, Copy, Debug)]
pub(super) enum Beside {
    /// The node of the row alone.
    Alone,
    /// The same, for all blocks since the deployment, of which there are thousands.
    AloneForAll,
    /// That one first, and a good one.
    AGoodOne,
    /// That one twice, and a good one: most nodes are bad.
    Outnumbering,
    /// That one, and a good one that is 40 blocks behind.
    OneBehind,
}
use Beside::{AGoodOne, Alone, AloneForAll, OneBehind, Outnumbering};

/// Longest wait for a row: a node that never answers is given up after 8 s, and asked twice.
const PATIENCE: Duration = Duration::from_secs(90);

fn always(does: Does) -> Script {
    Script { rules: vec![Rule::one_in(1, does)], ..Script::default() }
}

fn often(does: Does) -> Script {
    Script { rules: vec![Rule::one_in(3, does)], ..Script::default() }
}

fn to(method: &str, does: Does) -> Script {
    Script { rules: vec![Rule::to(method, does)], ..Script::default() }
}

fn without(field: &str) -> Does {
    Does::Without { field: field.to_owned() }
}

fn error(message: &str) -> Does {
    Does::Error { code: -32_000, message: message.to_owned() }
}

fn cap(blocks: u64, words: RangeWords) -> Script {
    to("eth_getLogs", Does::CapRange { blocks, words })
}

/// (fault, the node's script, whom else there is to ask, what becomes of it)
#[rustfmt::skip]
fn table() -> Vec<(&'static str, Script, Beside, Then)> {
    let first = |does| Script { rules: vec![Rule::one_in(1, does).times(1)], ..Script::default() };
    vec![
        ("every third call is asked to come again after a second", often(Does::TooManyRequests { retry_after: 1 }), Alone, GoesOn),
        ("every call is asked to come again later", always(Does::TooManyRequests { retry_after: 120 }), Alone, Red("Too Many Requests")),
        ("one node asks to come again later, another answers", always(Does::TooManyRequests { retry_after: 120 }), AGoodOne, GoesOn),
        ("the first question of all is answered by a web page", first(Does::Html), Alone, GoesOn),
        ("every third answer is a web page", often(Does::Html), Alone, GoesOn),
        ("all answers are web pages", always(Does::Html), Alone, Red("not a JSON-RPC answer")),
        ("two of three nodes answer with web pages", always(Does::Html), Outnumbering, GoesOn),
        ("every third answer breaks off", often(Does::Truncated), Alone, GoesOn),
        ("answers never end, another node's do", always(Does::Endless), AGoodOne, GoesOn),
        ("a node never answers", always(Does::Silence), Alone, Red("timed out")),
        ("a node never answers, another one does", always(Does::Silence), AGoodOne, GoesOn),
        ("every third connection is closed", often(Does::Hangup), Alone, GoesOn),
        ("every third call is an error", often(error("internal error")), Alone, GoesOn),
        ("all calls are errors", always(error("daily quota exhausted")), Alone, Red("daily quota exhausted")),
        ("the newest block is null now and then", Script { rules: vec![Rule { one_in: 3, ..Rule::to("eth_getBlockByNumber", Does::Null) }], ..Script::default() }, Alone, GoesOn),
        ("every third answer has neither result nor error", often(Does::Nothing), Alone, GoesOn),
        ("answers have fields nobody knows", always(Does::Extra), Alone, GoesOn),
        ("blocks have no base fee", to("eth_getBlockByNumber", without("baseFeePerGas")), Alone, GoesOn),
        ("blocks have no filter of their logs", to("eth_getBlockByNumber", without("logsBloom")), Alone, GoesOn),
        ("blocks have no timestamp", to("eth_getBlockByNumber", without("timestamp")), Alone, Red("timestamp")),
        ("logs of one block at a time, in no words", cap(1, RangeWords::Bare), Alone, GoesOn),
        ("logs of ten blocks at a time, in words with a range", cap(10, RangeWords::Alchemy), Alone, GoesOn),
        ("at most two logs in an answer", to("eth_getLogs", Does::CapLogs { logs: 2 }), Alone, GoesOn),
        ("at most 4,000 bytes of logs in an answer", to("eth_getLogs", Does::CapBytes { bytes: 4_000 }), Alone, GoesOn),
        ("logs of ten blocks at a time, and every twentieth call is asked to come again", Script { rules: vec![Rule::to("eth_getLogs", Does::CapRange { blocks: 10, words: RangeWords::Bare }), Rule::one_in(20, Does::TooManyRequests { retry_after: 1 })], ..Script::default() }, AloneForAll, GoesOn),
        ("a gateway gives up on more than fifty blocks of logs", to("eth_getLogs", Does::CapRangePage { blocks: 50 }), AloneForAll, GoesOn),
        ("one node has no logs and is ahead, the one that has them is behind", to("eth_getLogs", error("the method eth_getLogs is not supported")), OneBehind, GoesOn),
        ("logs come later than their block", Script { rules: vec![Rule::to("eth_getLogs", Does::LoseLogs).times(3)], ..Script::default() }, AGoodOne, GoesOn),
        ("a node is always 40 blocks behind, another one is not", Script { lag: 40, ..Script::default() }, AGoodOne, GoesOn),
        ("all answers take 200 to 400 ms", Script { delay_ms: [200, 400], ..Script::default() }, Alone, GoesOn),
        ("another chain's id", always(Does::Extra), Alone, Red("wrong chain id")),
    ]
}

pub(super) fn names() -> Vec<&'static str> {
    table().into_iter().map(|(name, ..)| name).collect()
}

/// A row of the table.
pub(super) fn row(name: &str) -> (Script, Beside, Then) {
    let mut rows = table().into_iter();
    let (_, script, beside, then) = rows.find(|(of, ..)| *of == name).unwrap_or_else(|| panic!("no row {name}"));
    (script, beside, then)
}

/// The proxies of a row before a good node, and whom there is to ask.
pub(super) async fn behind(good: &str, script: Script, beside: Beside, seed: u64) -> (Vec<Proxy>, Vec<String>) {
    let mut proxies = vec![Proxy::start(good, script, seed).await.unwrap()];
    let url = proxies[0].url();
    let urls = match beside {
        Alone | AloneForAll => vec![url],
        AGoodOne => vec![url, good.to_owned()],
        Outnumbering => vec![url.clone(), url, good.to_owned()],
        OneBehind => {
            let behind = Script { lag: 40, ..Script::default() };
            proxies.push(Proxy::start(good, behind, seed).await.unwrap());
            vec![url, proxies[1].url()]
        }
    };
    (proxies, urls)
}

/// Follows the chain until it is clear what becomes of it; gives back what is wrong with that, if anything.
async fn follow(config: ChainConfig, then: Then, from: u64) -> Result<(), String> {
    let rpc = Rpc::new(&config).map_err(|error| error.to_string())?;
    let (sender, mut events) = mpsc::channel(1_024);
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    tokio::spawn(Watcher::new(rpc, config).run(sender, stop));
    let (mut job_told, mut last) = (false, String::new());
    let ended = tokio::time::timeout(PATIENCE, async {
        while let Some(event) = events.recv().await {
            match (event, then) {
                (ChainEvent::Job { event: JobEvent::Created { job_id: 1, .. }, .. }, _) => job_told = true,
                (ChainEvent::Head(head), GoesOn) if head.number >= from + 4 && job_told => return Ok(()),
                (ChainEvent::Head(head), Red(_)) if head.number >= from + 20 => return Err("it goes on".to_owned()),
                (ChainEvent::Connection { ok: false, why }, Red(words)) if why.contains(words) => return Ok(()),
                (ChainEvent::Connection { ok: false, why }, _) => last = why,
                _ => {}
            }
        }
        Err("the watcher is gone".to_owned())
    });
    ended.await.unwrap_or_else(|_| Err(format!("nothing came of it; job told: {job_told}; said last: {last:?}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_every_node_a_keeper_goes_on_or_says_why_not() {
    let anvil = Anvil::start().await;
    let home = Home::with_keys();
    let file = home.path("network.toml");
    anvil.deployment.network.save(&file).unwrap();
    anvil.give(operator(&home), 10).await;
    let target = anvil.deployment.examples.unwrap().counter.to_string();
    let (network, good) = (file.to_str().unwrap(), anvil.deployment.network.rpc_urls[0].clone());
    let create = ["job", "create", "--network", network, "--target", &target, "--fee", "1gwei", "--fund", "1ether"];
    let call = ["--action", "call", "--calldata", "0xd09de08a", "--trigger", "once", "--at", "2100-01-01T00:00:00Z"];
    anvil.ask("anvil_mine", json!(["0xbb8"])).await;
    let lately = anvil.provider.get_block_number().await.unwrap();
    home.keeper(&[&create[..], &call, &["--broadcast"]].concat()).succeeded();
    anvil.ask("anvil_mine", json!(["0x20"])).await;
    let from = anvil.provider.get_block_number().await.unwrap();

    let (mut rows, mut proxies) = (JoinSet::new(), Vec::new());
    for (number, (name, script, beside, then)) in table().into_iter().enumerate() {
        let (started, urls) = behind(&good, script, beside, number as u64).await;
        proxies.extend(started);
        let mut network = anvil.deployment.network.clone();
        network.rpc_urls = urls;
        if !matches!(beside, AloneForAll) {
            network.deploy_block = lately;
        }
        if name == "another chain's id" {
            network.chain_id += 1;
        }
        let config = ChainConfig { network, network_file: file.clone() };
        rows.spawn(async move { (name, follow(config, then, from).await) });
    }
    let mut failures = Vec::new();
    let mut blocks = tokio::time::interval(Duration::from_millis(700));
    loop {
        tokio::select! {
            row = rows.join_next() => match row {
                Some(row) => if let (name, Err(why)) = row.unwrap() { failures.push(format!("{name}: {why}")) },
                None => break,
            },
            _ = blocks.tick() => anvil.ask("evm_mine", json!([])).await,
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

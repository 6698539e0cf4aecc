//! `keeper job test` and its kin: runs as keepers make them, against a real anvil and in real workers.

mod hostile;
mod observing;
mod templates;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use alloy::sol_types::SolValue;
use serde_json::{Value, json};

use crate::keeper_process::{Home, Said};
use crate::on_chain::Anvil;

/// A node and an author's folder.
pub(crate) struct Desk {
    pub(crate) anvil: Anvil,
    pub(crate) home: Home,
    pub(crate) url: String,
}

impl Desk {
    pub(crate) async fn start() -> Self {
        let anvil = Anvil::start().await;
        let url = anvil.deployment.network.rpc_urls[0].clone();
        Self { anvil, home: Home::new(), url }
    }

    /// Runs a verb on the node alone.
    pub(crate) fn by_url(&self, line: &[&str]) -> Said {
        self.home.keeper(&[line, &["--rpc", &self.url, "--json"]].concat())
    }

    /// Runs it on the network.
    fn on_network(&self, line: &[&str]) -> Said {
        let file = self.home.path("network.toml");
        if !file.exists() {
            self.anvil.deployment.network.save(&file).unwrap();
        }
        self.home.keeper(&[line, &["--network", file.to_str().unwrap(), "--json"]].concat())
    }

    fn counter(&self) -> String {
        self.anvil.deployment.examples.unwrap().counter.to_string()
    }

    /// A component of the world whose `run` has this body.
    pub(crate) fn component(&self, name: &str, body: &str) -> PathBuf {
        let text = include_str!("../fixtures/job.wat").replace("(; body ;)", body);
        let file = self.home.path(name);
        std::fs::write(&file, wat::parse_str(text).unwrap()).unwrap();
        file
    }
}

fn path(file: &std::path::Path) -> &str {
    file.to_str().unwrap()
}

/// Reads the balance of the zero address, and calls with it.
const READER: &str = "(call $balance) (call $call (i32.load (i32.const 68)) (i32.load (i32.const 72)))";

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_tried_with_what_it_would_change_and_cost() {
    let desk = Desk::start().await;
    let text = format!(
        "target = \"{}\"\nfee = \"0.001ether\"\nfund = \"1ether\"\nevery = \"1h\"\naction = \"call\"\ncalldata = \"0xd09de08a\"\n",
        desk.counter()
    );
    desk.home.write("job/job.toml", &text);
    let folder = desk.home.path("job");
    let test = ["job", "test", path(&folder)];
    let tried = desk.on_network(&test).succeeded().json();
    assert_eq!((&tried["outcome"], &tried["calldata"]), (&"call".into(), &"0xd09de08a".into()));
    let delivery = &tried["delivery"];
    assert_eq!((&delivery["outcome"], &delivery["is_stand_in"]), (&"taken".into(), &true.into()), "{tried}");
    let slots = delivery["changes"]["list"].as_array().unwrap();
    assert!(slots.iter().any(|change| change["what"] == "storage" && change["after"] == "0x1"), "{tried}");
    let price = &tried["price"];
    assert_eq!((&price["runs_in_30_days"], &price["runs_in_year"]), (&720.into(), &8_760.into()));
    assert_eq!((&price["fee"], price["most_gas_wei"].is_string()), (&"1000000000000000".into(), true));

    let bare = desk.by_url(&test).succeeded().json();
    assert_eq!((&bare["outcome"], bare["price"]["most_gas_wei"].is_null()), (&"call".into(), true), "{bare}");
    // The job's own address, by owner and salt; and another one.
    let salt = format!("0x{}", "11".repeat(32));
    let owner = desk.anvil.account.to_string();
    let own = desk.on_network(&[&test[..], &["--owner", &owner, "--salt", &salt]].concat()).succeeded().json();
    assert_eq!(own["delivery"]["is_stand_in"], false);
    let named = desk.on_network(&[&test[..], &["--called-from", &owner]].concat()).succeeded().json();
    assert_eq!(named["delivery"]["called_from"].as_str().unwrap().to_lowercase(), owner.to_lowercase());

    let refused = desk.by_url(&[&test[..], &["--calldata", "0x12345678"]].concat());
    assert_eq!((refused.code, &refused.json()["delivery"]["outcome"]), (1, &"refused".into()));
    let other = desk.by_url(&[&test[..], &["--expect", "skip"]].concat());
    assert_eq!((other.code, &other.json()["expected"], &other.json()["outcome"]), (1, &"skip".into(), &"call".into()));
    desk.by_url(&[&test[..], &["--expect", "call", "--calldata", "0x12345678"]].concat()).succeeded();
    let people = desk.home.keeper(&[&test[..], &["--rpc", &desk.url]].concat()).succeeded().stdout;
    for word in ["outcome", "call 0xd09de08a (4 bytes)", "changes", "in a year", "a guess"] {
        assert!(people.contains(word), "no {word:?} in {people}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_run_is_made_again_without_a_chain() {
    let desk = Desk::start().await;
    let file = desk.component("reader.wasm", READER);
    let tape = desk.home.path("run.json");
    let test = ["job", "test", path(&file)];
    let first = desk.by_url(&[&test[..], &["--record", path(&tape)]].concat()).succeeded().json();
    assert_eq!((&first["outcome"], &first["reads"]), (&"call".into(), &1.into()), "{first}");
    assert!(first["fuel"].as_u64().unwrap() > 100_000 && first["memory_bytes"].as_u64() == Some(4 << 16), "{first}");
    // The chain has changed meanwhile, and is gone.
    desk.anvil.ask("anvil_setBalance", json!([Address::ZERO, "0x5"])).await;
    let home = desk.home;
    drop(desk.anvil);
    let replay = |file: &std::path::Path, tape: &std::path::Path| {
        home.keeper(&["job", "test", path(file), "--replay", path(tape), "--json"])
    };
    let again = replay(&file, &tape).succeeded().json();
    assert_eq!(again["differences"], json!([]), "{again}");
    for key in ["outcome", "calldata", "fuel", "memory_bytes", "transcript_root", "task", "block"] {
        assert_eq!(again[key], first[key], "{key}");
    }
    // Another code reads something else, or the same twice.
    let other = home.path("other.wasm");
    let text = include_str!("../fixtures/job.wat").replace("(; body ;)", &format!("(call $balance) {READER}"));
    std::fs::write(&other, wat::parse_str(text).unwrap()).unwrap();
    let said = replay(&other, &tape);
    let differences = said.json()["differences"].to_string();
    assert_eq!(said.code, 1);
    for word in ["the code was", "read 2 was none, and is balance", "the outcome was call"] {
        assert!(differences.contains(word), "no {word:?} in {differences}");
    }
    home.write("no.json", "{\"tape\": 7}");
    replay(&file, &home.path("no.json")).failed(2, &["version 7", "record the run again"]);
    replay(&file, &home.path("nowhere.json")).failed(4, &["nowhere.json"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_that_of_its_block_and_trigger() {
    let desk = Desk::start().await;
    let file = desk.component("reader.wasm", READER);
    let test = ["job", "test", path(&file)];
    let balance = |said: &Value| U256::from_str_radix(&said["calldata"].as_str().unwrap()[2..], 16).unwrap();
    let before = desk.anvil.provider.get_block_number().await.unwrap();
    desk.anvil.ask("anvil_setBalance", json!([Address::ZERO, "0x7"])).await;
    desk.anvil.ask("evm_mine", json!([])).await;
    let now = desk.by_url(&test).succeeded().json();
    let then = desk.by_url(&[&test[..], &["--block", &(before - 1).to_string()]].concat()).succeeded().json();
    assert_eq!((balance(&now), &then["block"]["number"]), (U256::from(7), &(before - 1).into()));
    assert_ne!(balance(&then), balance(&now));
    desk.by_url(&[&test[..], &["--block", "999999"]].concat()).failed(6, &["999999"]);

    // A log that is made up, one that is not there, and one that fits no trigger.
    let emitter = desk.counter();
    let topic = format!("0x{}", "ab".repeat(32));
    let log = [&test[..], &["--trigger", "log", "--emitter", &emitter, "--topics", &topic]].concat();
    desk.by_url(&log).failed(4, &["no log fits", "--log-data"]);
    let data = alloy::primitives::hex::encode_prefixed(5_u64.abi_encode());
    let made_up = desk.by_url(&[&log[..], &["--log-data", &data]].concat()).succeeded().json();
    assert_eq!((&made_up["trigger"], &made_up["outcome"]), (&"log".into(), &"call".into()));
    let other = format!("0x{}", "cd".repeat(32));
    desk.by_url(&[&log[..], &["--log-topics", &other]].concat()).failed(2, &["--log-topics"]);
    desk.by_url(&[&test[..], &["--log-data", "0x"]].concat()).failed(2, &["--trigger log"]);

    // A condition that does not hold, and blocks.
    let condition = ["--trigger", "condition", "--condition", &emitter, "--condition-call", "0x12345678"];
    let idle = desk.by_url(&[&test[..], &condition].concat()).succeeded().json();
    assert_eq!(idle["outcome"], "not_due", "{idle}");
    let blocks = desk.by_url(&[&test[..], &["--trigger", "blocks", "--every-blocks", "3"]].concat()).succeeded().json();
    assert_eq!((&blocks["trigger"], &blocks["outcome"]), (&"blocks".into(), &"call".into()));
    let due = ["--every", "1h", "--start", "1000", "--due", "2100-01-01T00:00:00Z"];
    let late = desk.by_url(&[&test[..], &due].concat()).succeeded().json();
    assert_eq!(late["due"].as_u64().unwrap() % 3_600, 1_000, "a start that is past is as good: {late}");
    assert!(late["due"].as_u64().unwrap() >= 4_102_444_800);
}

/// A change makes a run, and so does a block; what is wrong in between is told, and mended by the next change.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_run_again_on_every_change_and_block() {
    let desk = Desk::start().await;
    let write = |calldata: &str| {
        desk.home.write("job/job.toml", &format!("every = \"1h\"\naction = \"call\"\ncalldata = \"{calldata}\"\n"))
    };
    write("0x01");
    let mut dev = Command::new(env!("CARGO_BIN_EXE_keeper"))
        .args(["job", "dev", "--runs", "3", "--json", "--rpc", &desk.url, "--datadir"])
        .args([desk.home.data(), desk.home.path("job")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(dev.stdout.take().unwrap()).lines();
    let mut told = BufReader::new(dev.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    let first = next();
    assert_eq!(first["calldata"], "0x01");
    write("what is no calldata");
    // What is wrong is told by the run: a change before that would take this one's place.
    assert!(told.by_ref().any(|line| line.contains("changed: ")), "the change is told");
    let wrong = told.by_ref().find(|line| line.starts_with("error[")).expect("and what is wrong with it");
    assert!(wrong.contains("--calldata"), "{wrong}");
    write("0x02");
    let second = next();
    assert_eq!((&second["calldata"], &second["block"]), (&"0x02".into(), &first["block"]));
    desk.anvil.ask("evm_mine", json!([])).await;
    let third = next();
    assert_eq!(third["calldata"], "0x02");
    assert_ne!(third["block"], second["block"]);
    // To its end: a full pipe would hold it up.
    let rest: Vec<String> = told.collect();
    assert!(dev.wait().unwrap().success(), "{rest:#?}");
}

#[test]
fn what_cannot_be_tried_says_why() {
    let home = Home::new();
    let nothing = home.path("nothing");
    home.keeper(&["job", "test", path(&nothing)]).failed(4, &["neither a folder nor a component"]);
    std::fs::create_dir(&nothing).unwrap();
    home.keeper(&["job", "test", path(&nothing)]).failed(4, &["job.toml", "keeper job new"]);
    home.keeper(&["job", "build", path(&nothing)]).failed(4, &["job.toml"]);
    let text = "every = \"1h\"\ncode = \"job.wasm\"\n";
    home.write("job/job.toml", text);
    let folder = home.path("job");
    home.keeper(&["job", "test", path(&folder)]).failed(2, &["--network", "--rpc-url"]);
    home.keeper(&["job", "test", path(&folder), "--rpc", "http://127.0.0.1:1"]).failed(6, &["--rpc-url"]);
    home.keeper(&["job", "build", path(&folder)]).failed(4, &["neither Cargo.toml nor package.json"]);
    home.write("job/job.toml", "evry = \"1h\"\n");
    home.keeper(&["job", "test", path(&folder)]).failed(2, &["evry", "line 1"]);
}

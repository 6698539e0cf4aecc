//! Faults of a keeper that does not run.

use std::fs;

use alloy::primitives::B256;
use keeper::journal::{Identity, Journal, Missing};
use rough::{Does, Rule, Script};
use serde_json::{Value, json};

use super::ground::{Case, Ground, set_mode};
use crate::keeper_process::Home;
use crate::on_chain::operator;

/// How a fault is made.
enum Plant {
    /// By hand, in the files of the case.
    Hand(fn(&mut Case)),
    /// By a line of shell before the program.
    Shell(&'static str),
    /// The first of two nodes is like this.
    Node(Script),
    /// The only bootnode is of this network and so many versions of the wire away.
    Bootnode(Option<&'static str>, u16),
    /// The keys are somebody's who never registered, and has coin.
    Stranger,
    /// The first of two nodes follows this chain.
    OtherChain(u64),
    /// The operator is ejected.
    Ejected,
    /// Its wallet holds so many wei.
    Wallet(u64),
    /// The chain is dated so many seconds ahead of this machine's clock, which is as good as a clock that is behind.
    Ahead(u64),
}
use Plant::{Ahead, Bootnode, Ejected, Hand, Node, OtherChain, Shell, Stranger, Wallet};

/// Which check, whether it is as bad as can be, and words of what is found and of the mend.
struct Told(&'static str, &'static str, &'static str, &'static str);

fn fail(check: &'static str, found: &'static str, mend: &'static str) -> Told {
    Told(check, "fail", found, mend)
}

fn warn(check: &'static str, found: &'static str, mend: &'static str) -> Told {
    Told(check, "warn", found, mend)
}

fn always(does: Does) -> Plant {
    Node(Script { rules: vec![Rule::one_in(1, does)], ..Script::default() })
}

fn lagging(blocks: u64) -> Plant {
    Node(Script { lag: blocks, ..Script::default() })
}

fn quota() -> Does {
    Does::Error { code: -32_005, message: "daily request count exceeded".to_owned() }
}

/// Another key's journal in the place of this one's.
fn anothers(case: &mut Case) {
    let path = case.data().join("journal.bin");
    fs::remove_file(&path).unwrap();
    let other = Identity::new(&[1; 96], B256::repeat_byte(1));
    drop(Journal::open(&path, other, Missing::Create).unwrap());
}

fn flip(case: &mut Case) {
    let path = case.data().join("journal.bin");
    let mut bytes = fs::read(&path).unwrap();
    bytes[30] ^= 1;
    fs::write(&path, bytes).unwrap();
}

fn secrets(case: &mut Case, mode: u32) {
    let path = case.data().join("keystores/secrets.json");
    fs::write(&path, "{\"version\": 1").unwrap();
    set_mode(&path, mode);
}

fn port(case: &mut Case, line: fn(u16) -> String) {
    let port = case.take_port();
    let free = "api_addr = \"127.0.0.1:0\"\n";
    case.home.write("data/config.toml", &format!("{free}{}", line(port)));
}

const FULL: &str =
    "cp -a $DATA $DATA.copy && mount -t tmpfs -o size=4m,mode=700 none $DATA && cp -a $DATA.copy/. $DATA";
const READ_ONLY: &str = "mount --bind $DATA $DATA && mount -o remount,bind,ro $DATA";

#[rustfmt::skip]
fn table() -> Vec<(&'static str, Plant, Told)> {
    vec![
        ("the data directory is gone", Hand(|case| fs::rename(case.data(), case.home.path("moved")).unwrap()), fail("datadir", "cannot be looked at", "keeper init")),
        ("others may write in the data directory", Hand(|case| set_mode(&case.data(), 0o777)), fail("datadir", "mode 777", "chmod 700")),
        ("the disk is full", Shell(FULL), fail("disk", "MiB free", "free space")),
        ("the disk is read-only", Shell(READ_ONLY), fail("datadir", "read-only disk", "remount,rw")),
        ("a keeper hangs", Hand(Case::hang), fail("lock", "no keeper answers", "start the keeper again")),
        ("a bit of the journal has flipped", Hand(flip), fail("journal", "damaged at byte 0", "backup")),
        ("the journal is another key's", Hand(anothers), fail("journal", "belongs to another BLS key", "never sign without it")),
        ("the record of runs is damaged", Hand(|case| fs::write(case.data().join("runs.sqlite"), [7; 4_096]).unwrap()), warn("archive", "runs.sqlite", "move runs.sqlite away")),
        ("the keys are gone", Hand(|case| fs::remove_dir_all(case.data().join("keystores")).unwrap()), fail("keystores", "no BLS keystore", "keeper keys new")),
        ("the password is another one", Hand(|case| drop(case.home.write("password", "battery staple\n"))), fail("password", "wrong password", "first line")),
        ("others may read a keystore", Hand(|case| set_mode(&case.keystore("bls-"), 0o644)), fail("keystore_mode", "mode 644", "chmod 600")),
        ("the BLS key is of EigenLayer's curve", Hand(|case| fs::write(case.keystore("bls-"), "{\"pubKey\": \"E([1,2])\", \"crypto\": {}}").unwrap()), fail("keystores", "bls-", "BN254")),
        ("the secrets cannot be read", Hand(|case| secrets(case, 0o600)), fail("secrets", "secrets.json", "keeper secrets set")),
        ("others may read the secrets", Hand(|case| secrets(case, 0o640)), fail("secrets", "mode 640", "chmod 600")),
        ("the identity is broken", Hand(|case| { fs::write(case.data().join("p2p.key"), "no key").unwrap(); }), fail("identity", "p2p.key", "keeper keys rotate")),
        ("the identity is another one", Hand(|case| { fs::remove_file(case.data().join("p2p.key")).unwrap(); case.home.keeper(&["init"]).succeeded(); }), fail("registered", "other keys", "keeper keys rotate")),
        ("no worker can be started", Shell("mount -t tmpfs none /proc"), fail("worker", "cannot be run on this machine", "/proc")),
        ("few files may be open", Shell("ulimit -n 200"), fail("open_files", "200 files", "ulimit -n")),
        ("the port for peers is in use", Hand(|case| port(case, |port| format!("metrics_addr = \"127.0.0.1:0\"\nlisten = [\"/ip4/127.0.0.1/tcp/{port}\"]\n"))), fail("listen_port", "cannot be listened on", "--listen")),
        ("the port of the metrics is in use", Hand(|case| port(case, |port| format!("metrics_addr = \"127.0.0.1:{port}\"\nlisten = [\"/ip4/127.0.0.1/tcp/0\"]\n"))), fail("metrics_port", "cannot be listened on", "--metrics-addr")),
        ("a key of the configuration is misspelt", Hand(|case| drop(case.home.write("data/config.toml", "bootnode = []\nlisten = [\"/ip4/127.0.0.1/tcp/0\"]\n"))), fail("config", "did you mean `bootnodes`?", "mend the line")),
        ("a node is dead", Hand(|case| case.network.rpc_urls[0] = "http://127.0.0.1:1".to_owned()), fail("rpc", "127.0.0.1:1", "look whether the node runs")),
        ("a node never answers", always(Does::Silence), fail("rpc", "timed out", "look whether the node runs")),
        ("a node lags", lagging(12), fail("rpc_lag", "12 blocks behind", "another URL")),
        ("a node has had enough questions", always(Does::TooManyRequests { retry_after: 60 }), fail("rpc", "429", "a plan with more requests")),
        ("a node has had enough questions for the day", always(quota()), fail("rpc", "daily request count exceeded", "a plan with more requests")),
        ("a web page answers in a node's place", always(Does::Html), fail("rpc", "502", "a web page")),
        ("a node answers half", always(Does::Truncated), fail("rpc", "127.0.0.1", "URL")),
        ("a node is of another chain", OtherChain(17_000), fail("rpc_chain", "it is of chain 17000, the network of chain 31337", "the right --network")),
        ("the contracts are elsewhere", Hand(|case| case.network.contracts.job_manager = alloy::primitives::Address::repeat_byte(9)), fail("rpc_contracts", "job_manager", "network.toml")),
        ("no bootnode is named", Hand(|case| case.network.bootnodes.clear()), warn("bootnode", "names one", "ask whoever runs")),
        ("the bootnode is dead", Hand(|case| case.network.bootnodes = vec![DEAD.to_owned()]), fail("bootnode", "TCP:", "firewall")),
        ("the bootnode is another peer", Hand(|case| { let address = case.network.bootnodes[0].rsplit_once('/').unwrap().0.to_owned(); case.network.bootnodes = vec![format!("{address}/{PEER}")]; }), fail("bootnode", "peer id: it is", "not to be trusted")),
        ("the bootnode is of another network", Bootnode(Some("0011223344556677"), 0), fail("bootnode", "0011223344556677", "--network")),
        ("the bootnode speaks a version that is too new", Bootnode(None, 2), fail("bootnode", "it speaks version 3 of the wire, this keeper 1", "docs/upgrade.md")),
        ("the operator is not registered", Stranger, fail("registered", "not registered", "keeper operator register")),
        ("the operator was ejected, and its keeper stopped", Ejected, fail("registered", "ejected in block", "keeper keys rotate")),
        ("the wallet is empty", Wallet(1_000), fail("balance", "0 settlements", "send coin to")),
        ("the clock is an hour behind", Ahead(3_600), fail("clock", "ahead of this machine's clock", "timedatectl")),
    ]
}

const PEER: &str = "12D3KooWR6wQxdhCMCcPYqbp3zjJ9WVFXDksfYr4ZSh7TcyLitZZ";
const DEAD: &str = "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWR6wQxdhCMCcPYqbp3zjJ9WVFXDksfYr4ZSh7TcyLitZZ";

pub(super) fn names() -> Vec<&'static str> {
    table().into_iter().map(|(name, ..)| name).collect()
}

/// The checks that are worse than fine; what a disk in memory and two nodes at one place are warned of is no fault here.
fn wrong(document: &Value) -> Vec<&Value> {
    let checks = document["checks"].as_array().unwrap_or_else(|| panic!("no findings in {document}")).iter();
    checks.filter(|check| check["level"] != "ok" && check["check"] != "datadir_disk").collect()
}

/// What is wrong with what the doctor says of a fault.
fn judged(name: &str, document: &Value, told: &Told) -> Option<String> {
    let Told(check, level, found, mend) = told;
    let wrong = wrong(document);
    let has = |value: &Value, words: &str| value.as_str().is_some_and(|text| text.contains(words));
    let is_told = wrong.iter().any(|finding| {
        finding["check"] == *check
            && finding["level"] == *level
            && has(&finding["found"], found)
            && has(&finding["fix"], mend)
    });
    let others: Vec<_> =
        wrong.iter().filter(|finding| finding["check"] != *check && finding["level"] == "fail").collect();
    (!is_told || !others.is_empty())
        .then(|| format!("{name}: not {check} with {found:?} and {mend:?} alone: {wrong:#?}"))
}

/// Plants it, and gives back what the doctor says.
async fn examined(ground: &Ground, plant: Plant) -> Value {
    let mut case = ground.case();
    let mark = ground.mark().await;
    match plant {
        Hand(by_hand) => tokio::task::block_in_place(|| by_hand(&mut case)),
        Stranger => {
            let config = fs::read_to_string(case.data().join("config.toml")).unwrap();
            let operator = tokio::task::block_in_place(|| {
                case.home = Home::with_keys();
                operator(&case.home)
            });
            case.home.write("data/config.toml", &config);
            ground.anvil.give(operator, 1).await;
        }
        OtherChain(chain_id) => case.node_of(chain_id).await,
        Shell(line) => case.before = Some(line),
        Node(script) => case.node(script).await,
        Bootnode(domain8, ahead) => {
            let own = ground.network.domain8();
            case.bootnode(domain8.unwrap_or(&own), p2p::WIRE + ahead).await;
        }
        Ejected => ground.eject().await,
        Wallet(wei) => ground.leave_with(wei).await,
        Ahead(seconds) => ground.anvil.ask("evm_increaseTime", json!([seconds])).await,
    }
    let said = ground.examine(&case).await;
    ground.back(mark).await;
    said.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_planted_fault_is_named_with_its_mend_and_nothing_else() {
    let ground = Ground::new().await;
    let fine = ground.examine(&ground.case()).await.succeeded().json();
    assert!(wrong(&fine).is_empty(), "{:#?}", wrong(&fine));
    let mut failures = Vec::new();
    for (name, plant, told) in table() {
        let document = examined(&ground, plant).await;
        failures.extend(judged(name, &document, &told));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

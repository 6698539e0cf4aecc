//! The verbs that read and write the chain, against a real anvil with the real contracts.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, U256};
use alloy::providers::{Provider, ProviderBuilder, RootProvider};
use alloy::rpc::types::TransactionRequest;
use contracts::KeeperRegistry;
use contracts::deploy::{DeployConfig, Deployment, deploy};
use serde_json::{Value, json};

use crate::keeper_process::Home;

/// Where `npm ci` in `contracts/` puts the program.
const FROM_NPM: &str = "../contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil";

/// A chain of one's own, gone when dropped.
pub(crate) struct Anvil {
    child: Child,
    pub(crate) provider: RootProvider,
    pub(crate) deployment: Deployment,
    pub(crate) account: Address,
}

impl Drop for Anvil {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Anvil {
    pub(crate) async fn start() -> Self {
        let mut child = Command::new(program())
            .args(["--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("anvil starts");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| line.unwrap().strip_prefix("Listening on ").map(str::to_owned)).unwrap();
        // Nobody reads on: anvil must not stop at a full pipe.
        std::thread::spawn(move || lines.count());
        let url = format!("http://{address}");
        let provider: RootProvider = ProviderBuilder::default().connect_http(url.parse().unwrap());
        let account = provider.get_accounts().await.unwrap()[0];
        let deployment = deploy(&provider, &DeployConfig::local(account, &url)).await.unwrap();
        Self { child, provider, deployment, account }
    }

    pub(crate) async fn give(&self, to: Address, ether: u64) {
        let wei = U256::from(ether) * U256::from(10u64.pow(18));
        let request = TransactionRequest::default().with_from(self.account).with_to(to).with_value(wei);
        let receipt = self.provider.send_transaction(request).await.unwrap().get_receipt().await.unwrap();
        assert!(receipt.status());
    }
}

impl Anvil {
    pub(crate) async fn ask(&self, method: &'static str, parameters: Value) {
        let _: Value = self.provider.raw_request(method.into(), parameters).await.unwrap();
    }

    /// Waits until the account has a transaction with this nonce on its way.
    async fn sent_beyond(&self, account: Address, nonce: u64) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.provider.get_transaction_count(account).pending().await.unwrap() <= nonce {
            assert!(Instant::now() < deadline, "{account} has sent nothing with nonce {nonce}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Writes the next epoch, after the time that has to lie between two.
    async fn snapshot(&self) {
        self.ask("evm_increaseTime", json!([3_600])).await;
        let registry = KeeperRegistry::new(self.deployment.network.contracts.keeper_registry, &self.provider);
        let receipt = registry.snapshot().from(self.account).send().await.unwrap().get_receipt().await.unwrap();
        assert!(receipt.status());
    }
}

fn program() -> PathBuf {
    let from_npm = PathBuf::from(FROM_NPM);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("anvil")).collect::<Vec<_>>();
    let candidates = std::env::var_os("ANVIL").map(PathBuf::from).into_iter().chain(on_path).chain([from_npm]);
    candidates.into_iter().find(|file| file.is_file()).unwrap_or_else(|| {
        panic!("anvil is missing: run `npm ci --ignore-scripts` in contracts/, put anvil on PATH, or name it in $ANVIL")
    })
}

pub(crate) fn operator(home: &Home) -> Address {
    let keys = home.keeper(&["keys", "show", "--json"]).succeeded().json();
    keys["operator"].as_str().unwrap().parse().unwrap()
}

/// Runs a verb on the network and returns its document.
pub(crate) fn document(home: &Home, network: &str, verb: &[&str]) -> Value {
    home.keeper(&[verb, &["--json", "--network", network]].concat()).succeeded().json()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_registers_once_and_counts() {
    let anvil = Anvil::start().await;
    let home = Home::with_keys();
    let file = home.path("network.toml");
    anvil.deployment.network.save(&file).unwrap();
    let network = file.to_str().unwrap();
    let operator = operator(&home);

    let said = home.keeper(&["operator", "register", "--network", network]);
    said.failed(6, &["holds 0 ether", &operator.to_string()]);
    let before = home.keeper(&["operator", "status", "--json", "--network", network]);
    assert_eq!((before.code, &before.json()["registered"]), (4, &false.into()));

    anvil.give(operator, 10).await;
    let first = document(&home, network, &["operator", "register"]);
    assert_eq!((&first["already_registered"], &first["index"]), (&false.into(), &0.into()));
    assert_eq!(first["transactions"].as_array().unwrap().len(), 2, "allocation and registration");
    // From now on a missing journal is a lost one, so registering leaves an empty one behind, once.
    let journal = home.data().join("journal.bin");
    std::fs::remove_file(&journal).expect("registering a new key starts its journal");
    let second = document(&home, network, &["operator", "register"]);
    assert!(!journal.exists(), "a lost journal must not be papered over");
    assert_eq!(second["already_registered"], true);
    assert!(second["transactions"].as_array().unwrap().is_empty());

    let status = document(&home, network, &["operator", "status"]);
    assert_eq!((&status["registered"], &status["owed_wei"]), (&true.into(), &"0".into()));
    assert_eq!(status["stake"], (U256::from(100) * U256::from(10u64.pow(18))).to_string());
    let claim = document(&home, network, &["operator", "claim"]);
    assert_eq!((&claim["amount"], &claim["epochs"]), (&"0".into(), &0.into()));

    // The same wallet with another BLS key is another keeper: refused, with the reason.
    let keystores = home.data().join("keystores");
    let entries = std::fs::read_dir(&keystores).unwrap().map(|entry| entry.unwrap().path());
    let bls = entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("bls-"));
    bls.for_each(|path| std::fs::remove_file(path).unwrap());
    home.keeper(&["keys", "new", "--light-scrypt"]).succeeded();
    home.keeper(&["operator", "register", "--network", network]).failed(5, &["other keys"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_changes_its_stake_leaves_and_comes_back_with_other_keys() {
    let anvil = Anvil::start().await;
    let home = Home::with_keys();
    let file = home.path("network.toml");
    anvil.deployment.network.save(&file).unwrap();
    let network = file.to_str().unwrap();
    let rotate = ["keys", "rotate", "--light-scrypt"];
    anvil.give(operator(&home), 10).await;

    home.keeper(&["operator", "deregister", "--network", network]).failed(4, &["never registered"]);
    home.keeper(&["operator", "stake", "--percent", "50", "--network", network]).failed(4, &["operator register"]);
    home.keeper(&["operator", "stake", "--percent", "0", "--network", network]).failed(2, &["--percent"]);
    document(&home, network, &["operator", "register"]);
    anvil.snapshot().await;

    let ether = |count: u64| (U256::from(count) * U256::from(10u64.pow(18))).to_string();
    let lowered = document(&home, network, &["operator", "stake", "--percent", "40"]);
    assert_eq!((&lowered["stake_before"], &lowered["stake"]), (&ether(100).into(), &ether(40).into()));
    assert_eq!(document(&home, network, &["operator", "status"])["stake"], ether(40));
    let raised = document(&home, network, &["operator", "stake", "--percent", "75"]);
    assert_eq!(raised["stake"], ether(75));

    home.keeper(&[&rotate[..], &["--network", network]].concat()).failed(5, &["is registered", "operator deregister"]);
    let left = document(&home, network, &["operator", "deregister"]);
    assert_eq!((&left["already_deregistered"], &left["counts_in_current_epoch"]), (&false.into(), &true.into()));
    let again = document(&home, network, &["operator", "deregister"]);
    assert_eq!((&again["already_deregistered"], again["transactions"].as_array().unwrap().len()), (&true.into(), 0));
    // The only operator there is: no epoch without it can be written, so the old keys are needed still.
    home.keeper(&[&rotate[..], &["--network", network]].concat()).failed(5, &["epoch still counts"]);
    let other = Home::with_keys();
    anvil.give(operator(&other), 10).await;
    document(&other, network, &["operator", "register"]);
    anvil.snapshot().await;

    let before = home.keeper(&["keys", "show", "--json"]).succeeded().json();
    let after = document(&home, network, &rotate);
    assert_eq!(before["operator"], after["operator"]);
    assert_ne!(before["bls_public_key"], after["bls_public_key"]);
    assert_ne!(before["peer_key"], after["peer_key"]);
    let name = &before["bls_public_key"].as_str().unwrap()[2..10];
    let retired = home.data().join("retired").join(name);
    for file in ["journal.bin".to_owned(), "p2p.key".to_owned(), format!("bls-{name}.json")] {
        assert!(retired.join(&file).is_file(), "{file} was not kept");
    }
    let journal = document(&home, network, &["journal", "show"]);
    assert_eq!((&journal["reports"], &journal["key"]), (&0.into(), &after["bls_public_key"]));
    let back = document(&home, network, &["operator", "register"]);
    assert_eq!((&back["registered"], &back["index"]), (&true.into(), &0.into()));
    assert_eq!(document(&home, network, &["operator", "status"])["stake"], ether(75), "the stake stayed allocated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_whose_nonce_another_program_takes_sends_again() {
    let anvil = Anvil::start().await;
    let home = Home::with_keys();
    let file = home.path("network.toml");
    anvil.deployment.network.save(&file).unwrap();
    let network = file.to_str().unwrap().to_owned();
    let operator = operator(&home);
    anvil.give(operator, 10).await;
    document(&home, &network, &["operator", "register"]);

    anvil.ask("evm_setAutomine", json!([false])).await;
    let nonce = anvil.provider.get_transaction_count(operator).await.unwrap();
    let verb =
        tokio::task::spawn_blocking(move || document(&home, &network, &["operator", "stake", "--percent", "30"]));
    anvil.sent_beyond(operator, nonce).await;
    anvil.ask("anvil_removePoolTransactions", json!([operator])).await;
    anvil.ask("anvil_setNonce", json!([operator, format!("{:#x}", nonce + 1)])).await;
    anvil.sent_beyond(operator, nonce + 1).await;
    anvil.ask("evm_mine", json!([])).await;
    let said = verb.await.unwrap();
    assert_eq!(said["stake"], (U256::from(30) * U256::from(10u64.pow(18))).to_string());
    assert_eq!(anvil.provider.get_transaction_count(operator).await.unwrap(), nonce + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_network_is_found_out_before_anything_is_sent() {
    let anvil = Anvil::start().await;
    let home = Home::with_keys();
    let file = home.path("network.toml");
    let network = file.to_str().unwrap();
    let right = anvil.deployment.network.clone();

    let mut wrong = right.clone();
    wrong.chain_id = 1;
    wrong.save(&file).unwrap();
    home.keeper(&["operator", "register", "--network", network])
        .failed(6, &["wrong chain id", "31337", "network.toml"]);
    let mut wrong = right.clone();
    wrong.contracts.job_manager = Address::repeat_byte(9);
    wrong.save(&file).unwrap();
    home.keeper(&["operator", "register", "--network", network]).failed(6, &["missing contract", "job_manager"]);

    // A dead node in the file, a live one on the command line.
    let mut elsewhere = right.clone();
    let live = std::mem::replace(&mut elsewhere.rpc_urls, vec!["http://127.0.0.1:1".into()]).remove(0);
    elsewhere.save(&file).unwrap();
    home.keeper(&["job", "list", "--network", network]).failed(6, &["127.0.0.1:1"]);
    home.keeper(&["job", "list", "--network", network, "--rpc-url", &live]).succeeded();
}

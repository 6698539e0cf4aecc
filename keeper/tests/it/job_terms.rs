//! What a job asks for: from a file, in tokens, tried before it is sent, changed later, and what it costs.

use std::time::{Duration, Instant};

use alloy::network::TransactionBuilder;
use alloy::primitives::aliases::U96;
use alloy::primitives::{Address, B256, U256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use contracts::{JobManager, PlayMoney};
use rough::{Proxy, Script};
use serde_json::{Value, json};

use crate::keeper_process::{Home, Said};
use crate::on_chain::{Anvil, document, operator};

/// Jobs in the largest listing.
const MANY: u64 = 1_000;

/// A chain, and an account with coin on it.
pub(crate) struct Stage {
    pub(crate) anvil: Anvil,
    home: Home,
    network: String,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        let (anvil, home) = (Anvil::start().await, Home::with_keys());
        let file = home.path("network.toml");
        anvil.deployment.network.save(&file).unwrap();
        anvil.give(operator(&home), 10).await;
        Self { network: file.to_str().unwrap().to_owned(), anvil, home }
    }

    pub(crate) fn target(&self) -> String {
        self.anvil.deployment.examples.unwrap().counter.to_string()
    }

    fn run(&self, line: &[&str]) -> Said {
        self.home.keeper(&[line, &["--network", &self.network]].concat())
    }

    pub(crate) fn document(&self, line: &[&str]) -> Value {
        document(&self.home, &self.network, line)
    }

    /// Sends a call as the account that owns the contracts.
    pub(crate) async fn own(&self, to: Address, call: impl SolCall) {
        let request =
            TransactionRequest::default().with_from(self.anvil.account).with_to(to).with_input(call.abi_encode());
        let receipt = self.anvil.provider.send_transaction(request).await.unwrap().get_receipt().await.unwrap();
        assert!(receipt.status());
    }

    fn manager(&self) -> Address {
        self.anvil.deployment.network.contracts.job_manager
    }

    pub(crate) async fn pass(&self, seconds: u64) {
        self.anvil.ask("evm_increaseTime", json!([seconds])).await;
        self.anvil.ask("evm_mine", json!([])).await;
    }

    /// A token that jobs may pay in.
    async fn token(&self) -> Address {
        let deploy = PlayMoney::deploy_builder(&self.anvil.provider).from(self.anvil.account);
        let token = deploy.send().await.unwrap().get_receipt().await.unwrap().contract_address.unwrap();
        let list = JobManager::setLeastFeeCall { token, leastFee_: U96::from(1_000_000) };
        self.own(self.manager(), list).await;
        token
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_comes_from_a_file_is_tried_listed_and_changed() {
    let stage = Stage::start().await;
    let text = format!(
        "target = \"{}\"\nfee = \"0.001ether\"\nfund = \"0.1ether\"\nevery = \"5m\"\naction = \"call\"\ncalldata = \"@call.hex\"\n\
         most_runs = 50\nmost_gas_price = \"30gwei\"\nmissed = \"skip\"\nuntil = 2100-01-01T00:00:00Z\n",
        stage.target()
    );
    let file = stage.home.write("job.toml", &text).to_str().unwrap().to_owned();
    stage.run(&["job", "create", "--file", &file]).failed(4, &["call.hex", "--calldata"]);
    std::fs::write(stage.home.path("call.hex"), [0xd0, 0x9d, 0xe0, 0x8a]).unwrap();
    let create = ["job", "create", "--file", &file];
    let tried = stage.document(&create);
    assert_eq!((&tried["sent"], &tried["first_run"]["outcome"]), (&false.into(), &"taken".into()));
    let used = tried["first_run"]["gas"].as_u64().unwrap();
    assert!((20_000..60_000).contains(&used), "{tried}");
    // A target that does not take the call is told of, and no reason to refuse.
    let refused = stage.document(&[&create[..], &["--calldata", "0x12345678"]].concat());
    assert_eq!(refused["first_run"]["outcome"], "refused");
    let poor = stage.document(&[&create[..], &["--callback-gas", "100"]].concat());
    assert!(poor["first_run"]["says"].as_str().unwrap().contains("--callback-gas"), "{poor}");

    let salt = tried["salt"].as_str().unwrap();
    let made = stage.document(&[&create[..], &["--salt", salt, "--broadcast"]].concat());
    assert_eq!((&made["id"], &made["forwarder"]), (&1.into(), &tried["forwarder"]));
    stage.run(&[&create[..], &["--salt", salt]].concat()).failed(6, &["SaltTaken", "--salt"]);
    let shown = stage.document(&["job", "show", "1"]);
    assert_eq!((&shown["most_runs"], &shown["missed"]), (&50.into(), &"skip".into()));
    assert_eq!((&shown["until"], &shown["most_gas_price_wei"]), (&4_102_444_800_u64.into(), &"30000000000".into()));

    let update = ["job", "update", "1", "--fee", "0.002ether"];
    stage.run(&update).failed(6, &["job 1 is active", "only a paused job can be updated"]);
    let paused = stage.document(&["job", "pause", "1", "--broadcast"]);
    let from = paused["inactive_from"].as_u64().unwrap() + 3_600;
    stage.run(&update).failed(6, &["can be updated from", &from.to_string(), "GMT"]);
    stage.pass(3_700).await;
    stage.run(&["job", "update", "1"]).failed(2, &["nothing to change"]);
    stage.run(&["job", "update", "1", "--trigger", "once", "--at", "now+1h"]).failed(2, &["keeps its interval"]);
    let tried = stage.document(&update);
    assert_eq!(tried["changes"]["fee"], json!(["0.001 ether", "0.002 ether"]));
    assert_eq!((tried["changes"].as_object().unwrap().len(), &tried["version"]), (2, &2.into()), "{tried}");
    assert_eq!(stage.document(&["job", "show", "1"])["version"], 1);
    let changed = stage.document(&[&update[..], &["--file", &file, "--every", "10m", "--broadcast"]].concat());
    assert_eq!((&changed["version"], &changed["sent"]), (&2.into(), &true.into()));
    let after = stage.document(&["job", "show", "1"]);
    assert_eq!((&after["fee"], &after["interval"]), (&"2000000000000000".into(), &600.into()));
    let kept = ["params", "until", "most_runs", "most_gas_price_wei", "missed", "forwarder", "escrow", "callback_gas"];
    assert!(kept.iter().all(|key| after[key] == shown[key]), "{shown} {after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_pays_in_a_token_which_is_approved_to_the_last_unit() {
    let stage = Stage::start().await;
    let (owner, target) = (operator(&stage.home), stage.target());
    let create =
        ["job", "create", "--every", "5m", "--action", "call", "--calldata", "0xd09de08a", "--target", &target];
    let pay = |token: &'static str| [&create[..], &["--token", token, "--fee", "1.5", "--fund", "30"]].concat();
    stage.run(&pay("PLAY")).failed(2, &["PLAY", "in the chain's coin alone"]);
    let token = stage.token().await;
    stage.run(&pay("PLAY")).failed(2, &["--gas-fund is missing"]);
    let create = [&pay("play")[..], &["--gas-fund", "0.1ether"]].concat();
    stage.run(&create).failed(6, &["holds 0 PLAY", "takes 30 PLAY"]);
    let coins = |tokens: u64| U256::from(tokens) * U256::from(10u64.pow(18));
    stage.own(token, PlayMoney::mintCall { to: owner, amount: coins(100) }).await;

    let tried = stage.document(&create);
    assert_eq!((&tried["needs_approval"], &tried["sent"]), (&true.into(), &false.into()));
    let money = PlayMoney::new(token, &stage.anvil.provider);
    let allowed = async || money.allowance(owner, stage.manager()).call().await.unwrap();
    assert_eq!(allowed().await, U256::ZERO);
    let made = stage.document(&[&create[..], &["--broadcast"]].concat());
    assert_eq!((made["approvals"].as_array().unwrap().len(), &made["can_pay"]), (1, &true.into()), "{made}");
    assert_eq!((allowed().await, money.balanceOf(stage.manager()).call().await.unwrap()), (U256::ZERO, coins(30)));
    let said = stage.run(&["job", "show", "1"]).succeeded().stdout;
    assert!(said.contains("fee        1.5 PLAY\n") && said.contains(&format!("pays in    PLAY ({token})")), "{said}");
    assert!(stage.run(&["job", "list"]).succeeded().stdout.contains("escrow 30 PLAY"));

    let fund = ["job", "fund", "1", "--amount", "2.5", "--gas", "0.1ether"];
    assert_eq!(stage.document(&fund)["needs_approval"], true);
    stage.document(&[&fund[..], &["--broadcast"]].concat());
    assert_eq!(stage.document(&["job", "show", "1"])["escrow"], "32500000000000000000");
    let asked = stage.document(&["job", "withdraw", "1", "--amount", "32.5", "--gas", "0.2ether", "--broadcast"]);
    assert_eq!((&asked["state"], &asked["gas"]), (&"requested".into(), &"200000000000000000".into()));

    // Another one of the same name: nobody guesses.
    let other = stage.token().await;
    stage.run(&create).failed(2, &["themselves play", &token.to_string(), &other.to_string(), "by its address"]);
    let by_address = other.to_string();
    let line = [&create[..create.len() - 8], &["--token", &by_address, "--fee", "2", "--fund", "0", "--gas-fund", "0"]]
        .concat();
    assert_eq!(stage.document(&line)["token"].as_str().unwrap().parse::<Address>().unwrap(), other);
    let unlisted = Address::repeat_byte(9).to_string();
    let line = [&create[..create.len() - 8], &["--token", &unlisted, "--fee", "2", "--fund", "0"]].concat();
    stage.run(&line).failed(2, &["is not listed", &token.to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_job_costs_is_told_before_and_after() {
    let stage = Stage::start().await;
    let target = stage.target();
    let flags =
        ["--every", "1h", "--action", "call", "--calldata", "0xd09de08a", "--target", &target, "--fee", "0.001ether"];
    let before = stage.document(&[&["job", "cost"], &flags[..], &["--fund", "1ether"]].concat());
    assert_eq!((&before["runs_in_day"], &before["runs_in_30_days"]), (&24.into(), &720.into()));
    stage.document(&[&["job", "create"], &flags[..], &["--fund", "1ether", "--broadcast"]].concat());
    let after = stage.document(&["job", "cost", "1"]);
    let wei = |cost: &Value, key: &str| cost[key].as_str().unwrap().parse::<f64>().unwrap();
    for cost in [&before, &after] {
        let gas = wei(cost, "most_gas_wei") / wei(cost, "gas_price_wei");
        // What the contract says of any run, and the callback's gas.
        assert!((600_000.0..1_000_000.0).contains(&gas), "{cost}");
        let usual = wei(cost, "usual_gas_wei") / wei(cost, "gas_price_wei");
        assert!((440_000.0..460_000.0).contains(&usual), "{cost}");
        let left: u64 = cost["runs_left"].as_str().unwrap().parse().unwrap();
        assert!((400..1_000).contains(&left), "{cost}");
        assert!(cost["last_run_paid"].is_u64(), "{cost}");
    }
    let often = stage.document(&["job", "cost", "1", "--every", "1m"]);
    assert_eq!((&often["runs_in_day"], &often["fee"]), (&1_440.into(), &"1000000000000000".into()));
    let said = stage.run(&["job", "cost", "1"]).succeeded().stdout;
    assert!(said.contains("in 30 days  720 runs: up to") && said.contains("last until"), "{said}");
    stage.run(&["job", "cost", "2"]).failed(4, &["no job 2"]);
    stage.run(&["job", "cost"]).failed(2, &["--target", "--fee", "missing"]);
}

/// With a thousand jobs a listing asks four questions more than with none, and so does whoever looks at one of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_jobs_are_a_handful_of_questions() {
    let stage = Stage::start().await;
    let url = &stage.anvil.deployment.network.rpc_urls[0];
    let proxy = Proxy::start(url, Script::default(), 1).await.unwrap();
    let proxied = proxy.url();
    let asked = |line: &[&str]| {
        let before: u64 = proxy.counts().values().sum();
        let said = stage.document(&[line, &["--rpc-url", &proxied]].concat());
        (said, proxy.counts().values().sum::<u64>() - before)
    };
    let (_, none) = asked(&["job", "list"]);
    let manager = JobManager::new(stage.manager(), &stage.anvil.provider);
    let target = stage.target();
    let flags =
        ["--every", "1h", "--start", "now+1d", "--action", "call", "--calldata", "0xd09de08a", "--target", &target];
    stage.document(
        &[&["job", "create"], &flags[..], &["--fee", "1gwei", "--fund", "0.01ether", "--broadcast"]].concat(),
    );
    let params = manager.JobCreated_filter().from_block(0).query().await.unwrap()[0].0.params.clone();
    let deposit = U256::from(manager.listingDeposit().call().await.unwrap());
    // Numbered here: anvil gives one number twice where it is asked quickly.
    let first = stage.anvil.provider.get_transaction_count(stage.anvil.account).await.unwrap();
    for number in 1..MANY {
        let call = manager.createJob(params.clone(), U256::ZERO, U256::from(number).into()).from(stage.anvil.account);
        let sent = call.value(deposit).gas(1_000_000).nonce(first + number - 1).send().await.unwrap();
        assert_ne!(*sent.tx_hash(), B256::ZERO);
    }
    let deadline = Instant::now() + Duration::from_secs(120);
    while manager.jobCount().call().await.unwrap() < MANY {
        assert!(Instant::now() < deadline, "the jobs are not listed");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (listed, all) = asked(&["job", "list"]);
    assert_eq!((listed["jobs"].as_array().unwrap().len() as u64, &listed["count"]), (MANY, &MANY.into()));
    assert!(all - none <= 3, "{none} requests without any job, {all} with {MANY}: {:?}", proxy.counts());
    let (shown, one) = asked(&["job", "show", "1000"]);
    assert_eq!(shown["id"], MANY);
    assert!(all <= 8 && one <= 13, "{all} requests for {MANY} jobs, {one} for one of them: {:?}", proxy.counts());
    let owner = operator(&stage.home).to_string();
    let (mine, filtered) = asked(&["job", "list", "--owner", &owner, "--status", "active", "--trigger", "interval"]);
    assert_eq!((mine["jobs"].as_array().unwrap().len(), &mine["jobs"][0]["id"]), (1, &1.into()));
    assert_eq!(filtered, all);
    assert_eq!(asked(&["job", "list", "--trigger", "once"]).0["jobs"], json!([]));
}

use super::{Call, Lane, Outcome, Prepared};
use crate::chain::nonce::Ledger;
use crate::chain::real_node::{Anvil, config, rpc};
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use contracts::Counter;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

mod crashes;

/// An anvil with a counter, and an account that can pay.
struct Bench {
    anvil: Anvil,
    config: crate::chain::ChainConfig,
    counter: Address,
    folder: tempfile::TempDir,
    signer: PrivateKeySigner,
}

impl Bench {
    async fn new() -> Self {
        let anvil = Anvil::start(0, &[]).await;
        let deployment = anvil.deploy().await;
        let counter = deployment.examples.as_ref().expect("the examples are deployed").counter;
        let signer = PrivateKeySigner::from_bytes(&B256::repeat_byte(0x42)).expect("a key");
        let bench = Self {
            config: config(&deployment, &[&anvil.url]),
            anvil,
            counter,
            folder: tempfile::tempdir().expect("a folder"),
            signer,
        };
        bench.fund(10_u64.pow(18)).await;
        bench
    }

    async fn fund(&self, wei: u64) {
        let params = json!([self.signer.address(), U256::from(wei)]);
        self.anvil.ask::<Value>("anvil_setBalance", params).await;
    }

    fn file(&self) -> std::path::PathBuf {
        Path::new(self.folder.path()).join("transactions.json")
    }

    /// The lane of a keeper that just started.
    fn lane(&self) -> Lane {
        let rpc = rpc(&self.config);
        let account = self.signer.address();
        Lane {
            provider: rpc.provider(),
            rpc,
            signer: self.signer.clone(),
            chain_id: 31337,
            ledger: Ledger::open(&self.file(), 31337, account).expect("the ledger opens"),
            poll: Duration::from_millis(20),
            patience: Duration::from_secs(20),
        }
    }

    /// A call that leaves `value` behind.
    fn call(&self, value: u64) -> Call {
        let input = Counter::recordCall { value: U256::from(value) }.abi_encode().into();
        Call { to: self.counter, input, gas_floor: 0 }
    }

    /// How often the counter was called by the account, and the last value.
    async fn counted(&self) -> (u64, u64) {
        let counter = Counter::new(self.counter, &self.anvil.provider);
        let account = self.signer.address();
        let counts = counter.counts(account).call().await.expect("anvil answers");
        (counts.to(), counter.lastValue(account).call().await.expect("anvil answers").to())
    }

    async fn automine(&self, on: bool) {
        self.anvil.ask::<Value>("evm_setAutomine", json!([on])).await;
    }

    async fn nonce(&self) -> u64 {
        self.anvil.provider.get_transaction_count(self.signer.address()).await.expect("anvil answers")
    }
}

fn included(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Included(receipt) if receipt.success)
}

#[tokio::test]
async fn calls_are_included_one_after_the_other() {
    let bench = Bench::new().await;
    let mut lane = bench.lane();
    for value in 1..=20 {
        let outcome = lane.execute(&bench.call(value)).await;
        assert!(included(&outcome), "{outcome:?}");
        assert_eq!(bench.counted().await, (value, value));
    }
    assert_eq!(bench.nonce().await, 20);
    assert_eq!(lane.ledger.first_open(), None);
}

#[tokio::test]
async fn what_the_contract_refuses_is_not_sent() {
    let bench = Bench::new().await;
    let mut lane = bench.lane();
    let input = contracts::JobManager::claimCall { token: Address::ZERO, epochs: vec![], to: Address::repeat_byte(1) };
    let to = bench.config.network.contracts.job_manager;
    let outcome = lane.execute(&Call { to, input: input.abi_encode().into(), gas_floor: 0 }).await;
    let Outcome::Refused(data) = outcome else { panic!("{outcome:?}") };
    assert_eq!(crate::chain::receipt::reason(&data), "NothingOwed");
    assert_eq!(bench.nonce().await, 0);
    assert_eq!(bench.lane().ledger.first_open(), None, "no nonce was taken");
}

#[tokio::test]
async fn an_account_that_cannot_pay_says_what_it_lacks() {
    let bench = Bench::new().await;
    bench.fund(1_000).await;
    let outcome = bench.lane().execute(&bench.call(1)).await;
    let Outcome::Failed(why) = outcome else { panic!("{outcome:?}") };
    assert!(why.contains("has 1000 wei") && why.contains(&bench.signer.address().to_string()), "{why}");
    assert_eq!(bench.lane().ledger.first_open(), None, "no nonce was taken");
}

#[tokio::test]
async fn the_gas_limit_is_never_below_the_floor() {
    let bench = Bench::new().await;
    let call = Call { gas_floor: 1_234_567, ..bench.call(1) };
    let Prepared::Ready(intent) = bench.lane().prepare(&call).await.expect("anvil answers") else {
        panic!("it can be sent");
    };
    assert_eq!(intent.gas_limit, 1_234_567);
    let absurd = Call { gas_floor: u64::MAX, ..bench.call(1) };
    let Prepared::Ready(intent) = bench.lane().prepare(&absurd).await.expect("anvil answers") else {
        panic!("it can be sent");
    };
    assert_eq!(intent.gas_limit, super::MAX_GAS);
}

#[tokio::test]
async fn fees_are_raised_at_the_same_nonce_until_it_is_included() {
    let bench = Bench::new().await;
    bench.automine(false).await;
    let dear = |fee: u64| bench.anvil.ask::<Value>("anvil_setNextBlockBaseFeePerGas", json!([U256::from(fee)]));
    let call = bench.call(1);
    let mut lane = bench.lane();
    let rpc = lane.rpc.clone();
    let attempts = || bench.lane().ledger.first_open().map_or(0, |intent| intent.attempts.len());
    let sending = tokio::spawn(async move { (lane.execute(&call).await, lane) });
    let deadline = Instant::now() + Duration::from_secs(20);
    while attempts() == 0 {
        assert!(Instant::now() < deadline, "the call is sent");
        tokio::task::yield_now().await;
    }
    // From now on every block is dearer than the cap.
    while attempts() < 2 || !rpc.counts().contains_key("fee_cap_reached") {
        assert!(Instant::now() < deadline, "the fees are raised up to the cap");
        dear(2_000_000_000_000).await;
        bench.anvil.mine(1).await;
    }
    let intent = bench.lane().ledger.first_open().expect("it is open").clone();
    for pair in intent.attempts.windows(2) {
        assert!(pair[1].fees().max_fee * 100 >= pair[0].fees().max_fee * 110);
        assert!(pair[1].fees().tip * 100 >= pair[0].fees().tip * 110);
    }
    dear(1_000_000_000).await;
    // The node did not keep what no block could include; it gets it again every three blocks.
    while !sending.is_finished() {
        assert!(Instant::now() < deadline, "it is included once the blocks are cheap again");
        bench.anvil.mine(1).await;
    }
    let (outcome, lane) = sending.await.expect("no panic");
    assert!(included(&outcome), "{outcome:?}");
    assert_eq!(bench.counted().await, (1, 1), "one of the attempts only");
    assert_eq!((bench.nonce().await, lane.ledger.first_open()), (1, None));
}

#[tokio::test]
async fn a_nonce_that_another_program_used_is_left_to_it() {
    let bench = Bench::new().await;
    bench.automine(false).await;
    let mut lane = bench.lane();
    let Prepared::Ready(intent) = lane.prepare(&bench.call(1)).await.expect("anvil answers") else {
        panic!("it can be sent");
    };
    lane.ledger.begin(*intent).expect("nonce 0 is free");
    bench.anvil.ask::<Value>("anvil_impersonateAccount", json!([bench.signer.address()])).await;
    let request = TransactionRequest::default()
        .with_from(bench.signer.address())
        .with_to(Address::repeat_byte(1))
        .with_nonce(0)
        .with_input(Bytes::new());
    bench.automine(true).await;
    let foreign = bench.anvil.provider.send_transaction(request).await.expect("anvil takes it");
    foreign.get_receipt().await.expect("it is mined");
    let outcome = lane.execute(&bench.call(2)).await;
    assert!(included(&outcome), "{outcome:?}");
    assert_eq!(bench.counted().await, (1, 2));
    assert_eq!(bench.nonce().await, 2);
}

#[tokio::test]
async fn an_outage_in_between_is_waited_for() {
    let bench = Bench::new().await;
    bench.automine(false).await;
    let mut lane = bench.lane();
    lane.patience = Duration::from_millis(600);
    let outcome = lane.execute(&bench.call(1)).await;
    let Outcome::Failed(why) = outcome else { panic!("{outcome:?}") };
    assert!(why.contains("not included"), "{why}");
    let mut unreachable = bench.config.clone();
    unreachable.network.rpc_urls = vec!["http://127.0.0.1:1".to_owned()];
    lane.rpc = rpc(&unreachable);
    lane.provider = lane.rpc.provider();
    let outcome = lane.execute(&bench.call(2)).await;
    assert!(matches!(&outcome, Outcome::Failed(why) if why.contains("no answer")), "{outcome:?}");
    bench.automine(true).await;
    let outcome = bench.lane().execute(&bench.call(2)).await;
    assert!(included(&outcome), "{outcome:?}");
    assert_eq!(bench.counted().await, (2, 2), "the first one was taken up before the second");
}

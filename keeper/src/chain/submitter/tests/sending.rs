//! The sender on a real anvil: calls that are counted, killed keepers, nodes that forget, other programs, reorganisations.

use super::super::{Done, LEDGER_FILE, Submitter};
use crate::chain::fees::Policy;
use crate::chain::lane::{Call, Terms};
use crate::chain::nonce::{Ledger, LedgerFile};
use crate::chain::real_node::{Anvil, config, rpc};
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use contracts::Counter;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// An anvil with a counter, and an account that can pay.
struct Bench {
    anvil: Anvil,
    config: crate::chain::ChainConfig,
    counter: Address,
    folder: tempfile::TempDir,
    signer: PrivateKeySigner,
}

/// A started keeper's sender; it is killed when it is dropped.
struct Sender {
    submitter: Submitter,
    stop: CancellationToken,
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Sender {
    async fn execute(&self, value: u64, call: Call) -> Arc<Done> {
        self.submitter.enqueue(B256::from(U256::from(value)), call).await
    }
}

impl Bench {
    async fn new() -> Self {
        let anvil = Anvil::start(0, &[]).await;
        let deployment = anvil.deploy().await;
        let counter = deployment.examples.as_ref().expect("the examples are deployed").counter;
        let signer = PrivateKeySigner::from_bytes(&B256::repeat_byte(0x42)).expect("a key");
        let config = config(&deployment, &[&anvil.url]);
        let bench = Self { config, anvil, counter, folder: tempfile::tempdir().expect("a folder"), signer };
        bench.fund(10_u64.pow(18)).await;
        bench
    }

    async fn fund(&self, wei: u64) {
        let params = json!([self.signer.address(), U256::from(wei)]);
        self.anvil.ask::<Value>("anvil_setBalance", params).await;
    }

    /// The sender of a keeper that just started; blocks count as often, so that little has to be waited for.
    fn start(&self) -> Sender {
        let stop = CancellationToken::new();
        let terms = Terms {
            block_time: Duration::from_millis(200),
            patience: Duration::from_secs(20),
            policy: Policy::default(),
            nodes: 1,
        };
        let (signer, folder) = (self.signer.clone(), self.folder.path());
        let submitter = Submitter::start(&rpc(&self.config), signer.into(), &self.config, folder, terms, stop.clone());
        Sender { submitter: submitter.expect("the ledger opens"), stop }
    }

    fn ledger(&self) -> Ledger {
        let file = self.folder.path().join(LEDGER_FILE);
        LedgerFile::open(&file, 31337, self.signer.address()).expect("the ledger opens").1
    }

    /// A call that leaves `value` behind.
    fn call(&self, value: u64) -> Call {
        super::super::plain_call(self.counter, &Counter::recordCall { value: U256::from(value) })
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

    /// Waits until the account has this many transactions in anvil's pool.
    async fn pooled(&self, count: usize) {
        let account = self.signer.address().to_string();
        until("they are in the pool", async || {
            let pool: Value = self.anvil.ask("txpool_content", json!([])).await;
            let ours = pool["pending"].as_object().into_iter().flatten();
            let ours = ours.filter(|(from, _)| from.eq_ignore_ascii_case(&account));
            ours.map(|(_, txs)| txs.as_object().map_or(0, serde_json::Map::len)).sum::<usize>() == count
        })
        .await;
    }
}

pub(super) async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done().await {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn included(done: &Done) -> bool {
    matches!(done, Done::Mined { .. })
}

#[tokio::test]
async fn calls_are_included_one_after_the_other() {
    let bench = Bench::new().await;
    let sender = bench.start();
    for value in 1..=20 {
        let done = sender.execute(value, bench.call(value)).await;
        assert!(included(&done), "{done:?}");
        assert_eq!(bench.counted().await, (value, value));
    }
    assert_eq!(bench.nonce().await, 20);
    let account = sender.submitter.standing();
    assert_eq!((account.open, account.waiting, account.trouble()), (0, 0, None));
}

#[tokio::test]
async fn several_are_on_their_way_at_a_time() {
    let bench = Bench::new().await;
    bench.automine(false).await;
    let sender = bench.start();
    let all = async {
        tokio::join!(
            sender.execute(1, bench.call(1)),
            sender.execute(2, bench.call(2)),
            sender.execute(3, bench.call(3))
        )
    };
    let mine = async {
        bench.pooled(3).await;
        bench.anvil.mine(1).await;
    };
    let ((first, second, third), ()) = tokio::join!(all, mine);
    assert!(included(&first) && included(&second) && included(&third), "{first:?} {second:?} {third:?}");
    assert_eq!((bench.counted().await.0, bench.nonce().await), (3, 3));
}

#[tokio::test]
async fn what_the_contract_refuses_is_not_sent() {
    let bench = Bench::new().await;
    let sender = bench.start();
    let claim = contracts::JobManager::claimCall { token: Address::ZERO, epochs: vec![], to: Address::repeat_byte(1) };
    let call = super::super::plain_call(bench.config.network.contracts.job_manager, &claim);
    let done = sender.execute(1, call).await;
    let Done::Reverted(data) = &*done else { panic!("{done:?}") };
    assert_eq!(crate::chain::receipt::reason(data), "NothingOwed");
    assert_eq!(bench.nonce().await, 0);
    assert!(bench.ledger().entries.is_empty(), "no nonce was taken");
}

#[tokio::test]
async fn an_account_that_cannot_pay_says_what_it_lacks() {
    let bench = Bench::new().await;
    bench.fund(1_000).await;
    let sender = bench.start();
    let done = sender.execute(1, bench.call(1)).await;
    let Done::Failed(why) = &*done else { panic!("{done:?}") };
    assert!(why.contains("has 1000 wei") && why.contains(&bench.signer.address().to_string()), "{why}");
    assert!(bench.ledger().entries.is_empty(), "no nonce was taken");
}

#[tokio::test]
async fn fees_are_raised_at_the_same_nonce_until_it_is_included() {
    let bench = Bench::new().await;
    bench.automine(false).await;
    let dear = |fee: u64| bench.anvil.ask::<Value>("anvil_setNextBlockBaseFeePerGas", json!([U256::from(fee)]));
    let sender = bench.start();
    let sending = sender.execute(1, bench.call(1));
    let world = async {
        bench.pooled(1).await;
        // Blocks that are too dear for it, until it was raised.
        let mut entry = None;
        until("the fees are raised", async || {
            dear(30_000_000_000).await;
            bench.anvil.mine(1).await;
            entry = bench.ledger().entries.get(&0).filter(|entry| entry.attempts.len() > 1).cloned();
            entry.is_some()
        })
        .await;
        let entry = entry.expect("it was seen");
        for pair in entry.attempts.windows(2) {
            assert!(pair[1].fees.max_fee * 100 >= pair[0].fees.max_fee * 110);
            assert!(pair[1].fees.tip * 100 >= pair[0].fees.tip * 110);
        }
        // The node did not keep what no block could include; it gets it again.
        until("it is included once the blocks are cheap again", async || {
            dear(1_000_000_000).await;
            bench.anvil.mine(1).await;
            bench.nonce().await == 1
        })
        .await;
    };
    let (done, ()) = tokio::join!(sending, world);
    assert!(included(&done), "{done:?}");
    assert_eq!(bench.counted().await, (1, 1), "one of the attempts only");
}

#[tokio::test]
async fn a_nonce_that_another_program_used_is_left_to_it() {
    let bench = Bench::new().await;
    bench.automine(false).await;
    let sender = bench.start();
    let sending = sender.execute(1, bench.call(1));
    let world = async {
        bench.pooled(1).await;
        bench.anvil.ask::<Value>("anvil_dropAllTransactions", json!([])).await;
        bench.anvil.ask::<Value>("anvil_impersonateAccount", json!([bench.signer.address()])).await;
        let request = TransactionRequest::default()
            .with_from(bench.signer.address())
            .with_to(Address::repeat_byte(1))
            .with_nonce(0)
            .with_max_fee_per_gas(100_000_000_000)
            .with_max_priority_fee_per_gas(50_000_000_000)
            .with_input(Bytes::new());
        bench.automine(true).await;
        let foreign = bench.anvil.provider.send_transaction(request).await.expect("anvil takes it");
        foreign.get_receipt().await.expect("it is mined");
    };
    let (done, ()) = tokio::join!(sending, world);
    assert!(included(&done), "{done:?}");
    assert_eq!((bench.counted().await, bench.nonce().await), ((1, 1), 2));
    assert_eq!(sender.submitter.standing().displaced, 1);
}

#[tokio::test]
async fn after_a_kill_what_was_sent_is_finished_and_told_to_whoever_wants_the_same() {
    let bench = Bench::new().await;
    bench.automine(false).await;
    let sender = bench.start();
    let request = sender.execute(1, bench.call(1));
    tokio::select! {
        done = request => panic!("{done:?}"),
        () = bench.pooled(1) => {}
    }
    drop(sender);
    // The node forgets it meanwhile.
    bench.anvil.ask::<Value>("anvil_dropAllTransactions", json!([])).await;
    let tx = bench.ledger().entries[&0].attempts[0].tx;
    bench.automine(true).await;
    let done = bench.start().execute(1, bench.call(1)).await;
    assert!(matches!(&*done, Done::Mined { tx: mined, .. } if *mined == tx), "{done:?}");
    assert_eq!((bench.counted().await, bench.nonce().await), ((1, 1), 1));
}

#[tokio::test]
async fn after_a_reorganisation_the_same_transactions_come_back() {
    let bench = Bench::new().await;
    let sender = bench.start();
    let snapshot: String = bench.anvil.ask("evm_snapshot", json!([])).await;
    for value in 1..=3 {
        assert!(included(&*sender.execute(value, bench.call(value)).await));
    }
    assert!(bench.anvil.ask::<bool>("evm_revert", json!([snapshot])).await);
    assert_eq!(bench.counted().await, (0, 0));
    until("all of them are included again", async || bench.counted().await == (3, 3)).await;
    assert_eq!(bench.nonce().await, 3);
}

/// Kills the sender at arbitrary moments; whatever happens, each call counts once and no nonce is lost.
#[tokio::test]
async fn killed_at_any_moment_each_call_counts_once() {
    let bench = Bench::new().await;
    let deadline = Instant::now() + Duration::from_secs(120);
    for value in 1..=6_u64 {
        let mut microseconds = 200;
        loop {
            assert!(Instant::now() < deadline, "call {value} is included");
            let sender = bench.start();
            let sent =
                tokio::time::timeout(Duration::from_micros(microseconds), sender.execute(value, bench.call(value)));
            if let Ok(done) = sent.await {
                assert!(included(&done), "{done:?}");
                break;
            }
            drop(sender);
            // A call that was included and forgotten would be sent again: as in the keeper, the chain is asked first.
            if bench.counted().await.1 == value {
                break;
            }
            microseconds += 1_500 + value * 190;
        }
        assert_eq!(bench.counted().await, (value, value));
    }
    assert_eq!(bench.nonce().await, 6);
}

#[tokio::test]
async fn an_outage_is_waited_for_and_said() {
    let bench = Bench::new().await;
    let mut unreachable = bench.config.clone();
    unreachable.network.rpc_urls = vec!["http://127.0.0.1:1".to_owned()];
    let terms = Terms {
        block_time: Duration::from_millis(100),
        // A lone node is asked several times before that is an answer.
        patience: Duration::from_secs(3),
        policy: Policy::default(),
        nodes: 1,
    };
    let stop = CancellationToken::new();
    let submitter = Submitter::start(
        &rpc(&unreachable),
        bench.signer.clone().into(),
        &unreachable,
        bench.folder.path(),
        terms,
        stop.clone(),
    );
    let done = submitter.expect("the ledger opens").enqueue(B256::repeat_byte(1), bench.call(1)).await;
    assert!(matches!(&*done, Done::Failed(why) if why.contains("no answer")), "{done:?}");
    stop.cancel();
}

#[tokio::test]
async fn a_stopped_sender_says_so() {
    let bench = Bench::new().await;
    let sender = bench.start();
    sender.stop.cancel();
    until("the queue is closed", async || sender.submitter.queue.is_closed()).await;
    let done = sender.execute(1, bench.call(1)).await;
    assert!(matches!(&*done, Done::Failed(why) if why.contains("stopping")), "{done:?}");
}

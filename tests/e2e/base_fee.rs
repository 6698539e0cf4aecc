//! What gas costs rises and falls: whoever submits gets back nearly all of what it paid, and a job that could not pay for a while runs on by
//! itself.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy::contract::{CallBuilder, CallDecoder};
use alloy::eips::BlockId;
use alloy::primitives::{Address, B256, Bytes, U256, aliases::U96, utils::parse_ether};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionReceipt;
use anyhow::{Context, Result, ensure};
use bootstrap::swarm::{JobRequest, RHYTHM, Swarm, code_hash, ledger::unix_ms};
use bootstrap::wait::until;
use contracts::terms::{ActionTerms, Terms, TriggerTerms, WasmTerms};
use contracts::{JobManager, KeeperRegistry, PlayMoney, TaskManager};
use serde_json::Value;
use tests::hostile::{INCREMENT, component};
use tests::{keepers, settled};
use tokio::task::JoinHandle;

const PATIENCE: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(100);
const GWEI: u64 = 1_000_000_000;
/// Base fees in turn, and tasks settled under each.
const LEVELS: [u64; 3] = [1, 30, 300];
const TASKS: usize = 70;
/// Wei in the job that pays under all of them but the last.
const POOR: &str = "0.1";
const TOKEN_FEE: u64 = 1_000_003;

#[tokio::test]
#[ignore = "takes three minutes"]
async fn submitters_get_nearly_all_back_at_any_base_fee_and_a_job_that_could_not_pay_runs_on() {
    let _alone = tests::alone().await;
    let mut market = Market::new().await.unwrap();
    let mut from = market.block().await.unwrap() + 1;
    for level in LEVELS {
        market.set(level * GWEI).await.unwrap();
        let before = market.settled_of(None);
        let enough = |count: usize| count >= before + TASKS;
        settled(&mut market.swarm, "seventy settlements", PATIENCE, |tasks| enough(tasks.len())).await.unwrap();
        let to = market.block().await.unwrap();
        let books = market.books(from, to).await.unwrap();
        eprintln!("{level} gwei: {books:?}");
        assert!(books.settlements > 0 && books.poorer.is_empty(), "{books:?}");
        from = to + 1;
    }
    assert!(!market.manager().canPay(market.poor).call().await.unwrap(), "300 gwei are too much for it");
    let before = market.settled_of(Some(market.poor));
    market.set(LEVELS[0] * GWEI).await.unwrap();
    let poor = market.poor;
    settled(&mut market.swarm, "the poor job's next runs", PATIENCE, |tasks| {
        tasks.iter().filter(|each| each.job_id == poor).count() >= before + 5
    })
    .await
    .unwrap();
    market.swarm.check_alive().unwrap();
    market.swarm.stop().await;
}

/// What settlements cost those who sent them, and what they got.
#[derive(Debug, Default)]
struct Books {
    settlements: usize,
    /// Wei spent on gas, given back, and earned in coin besides.
    spent: U256,
    refunded: U256,
    earned: U256,
    /// Blocks in which somebody paid a fifth more than came. What is not given back yet is the part of the tip that the market asks
    /// beyond the contract's, and a few hundredths that are not metered.
    poorer: Vec<(u64, Address, U256, U256, U256)>,
}

struct Market {
    swarm: Swarm,
    provider: DynProvider,
    poor: u64,
    /// Holds the base fee where it was set.
    held: Option<Held>,
}

impl Market {
    /// Three jobs that pay in coin, two in a token, and a poor one.
    async fn new() -> Result<Self> {
        let mut swarm = Swarm::start(keepers(4)).await?;
        let provider = swarm.anvil().provider().clone();
        let mut market = Self { swarm, provider, poor: 0, held: None };
        market.set(LEVELS[0] * GWEI).await?;
        let code = component(INCREMENT);
        let (code_hash, code_url) = (code_hash(&code), market.swarm.code_server().serve("base_fee.wasm", code));
        let start = (unix_ms() / 1000 + 20).next_multiple_of(RHYTHM);
        let trigger = TriggerTerms::Interval { start, interval: 2 };
        let action = ActionTerms::Wasm(WasmTerms { code_url, code_hash, params: Bytes::new() });
        let target = market.swarm.target();
        let request = |number: u64| {
            let (name, action) = (format!("rich {number}"), action.clone());
            JobRequest { name, trigger, action, target, creator: None }
        };
        market.swarm.list(&(0..3).map(request).collect::<Vec<_>>()).await?;
        let terms = Terms {
            trigger,
            action,
            target,
            callback_gas: 120_000,
            token: Address::ZERO,
            fee: market.manager().leastFee(Address::ZERO).call().await?,
            quorum_bps: 6667,
            punctual_seconds: 0,
        };
        market.list_more(terms).await?;
        Ok(market)
    }

    async fn list_more(&mut self, terms: Terms) -> Result<()> {
        let (manager, creator) = (self.manager(), self.swarm.anvil().faucet());
        let deposit = U256::from(manager.listingDeposit().call().await?);
        let poor = parse_ether(POOR)?;
        let salt = B256::repeat_byte(0xf0);
        let list = manager.createJob(terms.params(), poor, salt).from(creator).value(poor + deposit);
        sent(list).await.context("the poor job")?;
        self.poor = manager.jobCount().call().await?;
        let deploy = sent(PlayMoney::deploy_builder(&self.provider).from(creator)).await?;
        let token = deploy.contract_address.context("no token")?;
        let money = PlayMoney::new(token, &self.provider);
        let funding = U256::from(1_000_000_000_u64);
        sent(money.mint(creator, funding * U256::from(2)).from(creator)).await?;
        sent(money.approve(*manager.address(), U256::MAX).from(creator)).await?;
        sent(manager.setLeastFee(token, U96::from(TOKEN_FEE)).from(creator)).await?;
        let terms = Terms { token, fee: U96::from(TOKEN_FEE), ..terms };
        for number in 1..=2 {
            let salt = B256::repeat_byte(0xf0 + number);
            let value = deposit + parse_ether("100")?;
            let list = manager.createJob(terms.params(), funding, salt).from(creator).value(value);
            sent(list).await.context("a job that pays in a token")?;
        }
        Ok(())
    }

    /// From now on blocks have this base fee, in wei.
    async fn set(&mut self, wei: u64) -> Result<()> {
        let provider = self.provider.clone();
        self.held = None;
        self.held = Some(Held(tokio::spawn(async move {
            loop {
                let fee = [U256::from(wei)];
                let _: Result<Value, _> = provider.raw_request("anvil_setNextBlockBaseFeePerGas".into(), fee).await;
                tokio::time::sleep(PAUSE).await;
            }
        })));
        let provider = self.provider.clone();
        until("a block at that base fee", PATIENCE, || async {
            let block = provider.get_block(BlockId::latest()).await.map_err(|error| error.to_string())?;
            let fee = block.and_then(|block| block.header.base_fee_per_gas);
            if fee == Some(wei) { Ok(()) } else { Err(format!("{fee:?}")) }
        })
        .await
    }

    async fn block(&self) -> Result<u64> {
        Ok(self.provider.get_block_number().await?)
    }

    /// Settlements of a job, or of all.
    fn settled_of(&self, job: Option<u64>) -> usize {
        let ours = |id: u64| job.is_none_or(|job| job == id);
        self.swarm.follower().look(|ledger| ledger.settlements.iter().filter(|each| ours(each.job_id)).count())
    }

    /// Block by block and submitter by submitter.
    async fn books(&self, from: u64, to: u64) -> Result<Books> {
        let contracts = self.swarm.deployed().network.contracts;
        let (tasks, manager) = (TaskManager::new(contracts.task_manager, &self.provider), self.manager());
        let registry = KeeperRegistry::new(contracts.keeper_registry, &self.provider);
        let mut books = Books::default();
        let mut spent: BTreeMap<(u64, Address), U256> = BTreeMap::new();
        for (_, log) in tasks.BatchSettled_filter().from_block(from).to_block(to).query().await? {
            let tx = log.transaction_hash.context("no transaction")?;
            let receipt = self.provider.get_transaction_receipt(tx).await?.context("no receipt")?;
            let cost = U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price);
            *spent.entry((receipt.block_number.context("no block")?, receipt.from)).or_default() += cost;
            books.settlements += 1;
        }
        for ((block, submitter), cost) in spent {
            let at = |block: u64| {
                let (manager, registry) = (manager.clone(), registry.clone());
                async move {
                    let block = BlockId::number(block);
                    let refunds = manager.refunds(submitter).block(block).call().await?;
                    let epochs = (1..=registry.currentEpoch().block(block).call().await?).collect();
                    let earned = manager.owed(submitter, Address::ZERO, epochs).block(block).call().await?;
                    anyhow::Ok((refunds, earned))
                }
            };
            let ((refunds_before, earned_before), (refunds, earned)) = (at(block - 1).await?, at(block).await?);
            let (refund, fee) = (refunds - refunds_before, earned - earned_before);
            books.spent += cost;
            books.refunded += refund;
            books.earned += fee;
            if (refund + fee) * U256::from(5) < cost * U256::from(4) {
                books.poorer.push((block, submitter, cost, refund, fee));
            }
        }
        Ok(books)
    }

    fn manager(&self) -> JobManager::JobManagerInstance<DynProvider> {
        JobManager::new(self.swarm.deployed().network.contracts.job_manager, self.provider.clone())
    }
}

/// Sends a call, once more where the node gave a number that was used while it made a block.
async fn sent<P: Provider, D: CallDecoder>(call: CallBuilder<P, D>) -> Result<TransactionReceipt> {
    let pending = loop {
        match call.send().await {
            Ok(pending) => break pending,
            Err(error) if error.to_string().contains("nonce too low") => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(error.into()),
        }
    };
    let receipt = pending.get_receipt().await?;
    ensure!(receipt.status(), "it failed in transaction {}", receipt.transaction_hash);
    Ok(receipt)
}

/// Holds the base fee until it is dropped.
struct Held(JoinHandle<()>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.abort();
    }
}

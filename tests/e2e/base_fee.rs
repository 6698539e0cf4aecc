//! What gas costs rises and falls: nobody is poorer for a settlement that it sent, and a job that could not pay for a while runs on by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy::eips::BlockId;
use alloy::primitives::{Address, B256, Bytes, U256, aliases::U96, utils::parse_ether};
use alloy::providers::{DynProvider, Provider};
use anyhow::{Context, Result};
use bootstrap::swarm::{RHYTHM, Swarm, code_hash, ledger::unix_ms};
use bootstrap::wait::until;
use contracts::terms::{ActionTerms, Limits, Terms, TriggerTerms, WasmTerms};
use contracts::{JobManager, KeeperRegistry, PlayMoney, TaskManager};
use serde_json::Value;
use tests::hostile::{INCREMENT, component};
use tests::purse::Purse;
use tests::{keepers, settled};
use tokio::task::JoinHandle;

const PATIENCE: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(100);
const GWEI: u64 = 1_000_000_000;
/// Base fees in turn, and tasks settled under each.
const LEVELS: [u64; 3] = [1, 30, 300];
const TASKS: usize = 70;
/// Wei in the job that pays under all of them but the last, and in the others.
const POOR: &str = "0.1";
const RICH: &str = "100";
/// What a run costs, in coin or in a token that is worth as much: an eighth of what its gas does at the highest base fee.
const FEE: u64 = 8_000_000_000_000_000;

#[tokio::test]
#[ignore = "takes three minutes"]
async fn nobody_is_poorer_for_a_settlement_at_any_base_fee_and_a_job_that_could_not_pay_runs_on() {
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
        let (back, of) = (books.refunded * U256::from(100), books.refundable);
        // what the contract cannot meter stays with the submitter, whose part of the fees is far more
        assert!(back >= of * U256::from(95) && back <= of * U256::from(100), "{books:?}");
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
    /// Wei spent on gas, what of that there was at the contract's own price, given back, and earned besides, in coin and in the token.
    spent: U256,
    refundable: U256,
    refunded: U256,
    earned: U256,
    /// Blocks in which somebody spent more than came: spent, given back, earned.
    poorer: Vec<(u64, Address, U256, U256, U256)>,
}

struct Market {
    swarm: Swarm,
    provider: DynProvider,
    token: Address,
    poor: u64,
    /// Holds the base fee where it was set.
    held: Option<Held>,
}

impl Market {
    /// Three jobs that pay in coin, two in a token, and a poor one.
    async fn new() -> Result<Self> {
        let mut swarm = Swarm::start(keepers(4)).await?;
        let provider = swarm.anvil().provider().clone();
        let mut market = Self { swarm, provider, token: Address::ZERO, poor: 0, held: None };
        market.set(LEVELS[0] * GWEI).await?;
        let code = component(INCREMENT);
        let (code_hash, code_url) = (code_hash(&code), market.swarm.code_server().serve("base_fee.wasm", code));
        let start = (unix_ms() / 1000 + 20).next_multiple_of(RHYTHM);
        let terms = Terms {
            trigger: TriggerTerms::Interval { start, interval: 2 },
            action: ActionTerms::Wasm(WasmTerms { code_url, code_hash, params: Bytes::new() }),
            target: market.swarm.target(),
            callback_gas: 120_000,
            token: Address::ZERO,
            fee: U96::from(FEE),
            quorum_bps: 6667,
            punctual_seconds: 0,
            limits: Limits::default(),
        };
        market.list(terms).await?;
        Ok(market)
    }

    async fn list(&mut self, terms: Terms) -> Result<()> {
        let (manager, creator) = (self.manager(), self.swarm.anvil().faucet());
        let mut desk = Purse::new(self.provider.clone(), creator);
        let deploy = desk.send("the token", &PlayMoney::deploy_builder(&self.provider)).await?;
        self.token = deploy.contract_address.context("no token")?;
        let money = PlayMoney::new(self.token, &self.provider);
        let funding = parse_ether(RICH)?;
        desk.send("the token's coins", &money.mint(creator, funding * U256::from(2))).await?;
        desk.send("the allowance", &money.approve(*manager.address(), U256::MAX)).await?;
        desk.send("listing the token", &manager.setLeastFee(self.token, U96::from(FEE))).await?;
        let deposit = U256::from(manager.listingDeposit().call().await?);
        let in_token = Terms { token: self.token, ..terms.clone() };
        let poor = Terms { fee: manager.leastFee(Address::ZERO).call().await?, ..terms.clone() };
        for (number, terms, escrow) in [
            (1, &terms, RICH),
            (2, &in_token, RICH),
            (3, &terms, RICH),
            (4, &poor, POOR),
            (5, &in_token, RICH),
            (6, &terms, RICH),
        ] {
            let escrow = parse_ether(escrow)?;
            // What a job that pays in a token gets in coin is for gas.
            let list = manager.createJob(terms.params(), escrow, B256::repeat_byte(number)).value(escrow + deposit);
            desk.send(&format!("job {number}"), &list).await?;
        }
        self.poor = 4;
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
        let tasks = TaskManager::new(self.swarm.deployed().network.contracts.task_manager, &self.provider);
        let mut books = Books::default();
        let mut spent: BTreeMap<(u64, Address), U256> = BTreeMap::new();
        let tip = U256::from(self.manager().tip().call().await?);
        for (_, log) in tasks.BatchSettled_filter().from_block(from).to_block(to).query().await? {
            let tx = log.transaction_hash.context("no transaction")?;
            let receipt = self.provider.get_transaction_receipt(tx).await?.context("no receipt")?;
            let cost = U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price);
            *spent.entry((receipt.block_number.context("no block")?, receipt.from)).or_default() += cost;
            let block = receipt.block_number.context("no block")?;
            let head = self.provider.get_block(BlockId::number(block)).await?.context("no such block")?;
            let price = U256::from(head.header.base_fee_per_gas.context("no base fee")?) + tip;
            books.refundable += U256::from(receipt.gas_used) * price;
            books.settlements += 1;
        }
        for ((block, submitter), cost) in spent {
            let (before, after) = (self.has(submitter, block - 1).await?, self.has(submitter, block).await?);
            let (refund, fee) = (after.0 - before.0, after.1 - before.1);
            books.spent += cost;
            books.refunded += refund;
            books.earned += fee;
            if refund + fee < cost {
                books.poorer.push((block, submitter, cost, refund, fee));
            }
        }
        Ok(books)
    }

    /// What an operator was given back of its gas until a block, and what it has earned in coin and in the token.
    async fn has(&self, operator: Address, block: u64) -> Result<(U256, U256)> {
        let (manager, at) = (self.manager(), BlockId::number(block));
        let registry = KeeperRegistry::new(self.swarm.deployed().network.contracts.keeper_registry, &self.provider);
        let epochs: Vec<u32> = (1..=registry.currentEpoch().block(at).call().await?).collect();
        let refunds = manager.refunds(operator).block(at).call().await?;
        let coin = manager.owed(operator, Address::ZERO, epochs.clone()).block(at).call().await?;
        let token = manager.owed(operator, self.token, epochs).block(at).call().await?;
        Ok((refunds, coin + token))
    }

    fn manager(&self) -> JobManager::JobManagerInstance<DynProvider> {
        JobManager::new(self.swarm.deployed().network.contracts.job_manager, self.provider.clone())
    }
}

/// Holds the base fee until it is dropped.
struct Held(JoinHandle<()>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.abort();
    }
}

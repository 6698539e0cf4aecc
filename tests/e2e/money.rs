//! Where all money ends: jobs that pay in the chain's coin and in a token run, then everybody takes what is theirs, and
//! nothing is left in the contracts.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy::primitives::{Address, B256, U256, utils::parse_ether};
use alloy::providers::{DynProvider, Provider};
use anyhow::{Context, Result, ensure};
use bootstrap::swarm::Swarm;
use bootstrap::swarm::network::EPOCH_SECONDS;
use bootstrap::wait::until;
use contracts::terms::TriggerTerms;
use contracts::{Challenger, IJobManager, JobManager, KeeperRegistry, PlayMoney, TaskManager};
use serde_json::Value;
use tests::purse::Purse;
use tests::{keepers, settled};

const PATIENCE: Duration = Duration::from_secs(900);
/// A fee that neither its parts nor the stakes divide: there is dust to find.
const TOKEN_FEE: u64 = 1_000_003;
const FUNDING: u64 = 1_000_000_000;

#[tokio::test]
#[ignore = "takes four minutes"]
async fn after_two_hundred_tasks_everybody_has_what_is_owed_and_nothing_is_left() {
    let _alone = tests::alone().await;
    let mut money = Money::start().await.unwrap();
    settled(&mut money.swarm, "two hundred settlements", PATIENCE, |tasks| tasks.len() >= 200).await.unwrap();
    money.end().await.unwrap();
    let withdrawn = money.withdraw().await.unwrap();
    let claimed = money.claim().await.unwrap();
    let rest = money.close_epochs().await.unwrap();
    money.is_empty().await.unwrap();
    let tasks = money.swarm.follower().look(|ledger| ledger.settlements.len());
    eprintln!(
        "{tasks} tasks settled; in coin and in token: withdrawn {withdrawn:?}, claimed {claimed:?}, the protocol's {rest:?}"
    );
    let [coin, token] = [0, 1].map(|place| withdrawn[place] + claimed[place] + rest[place]);
    assert_eq!((coin, token), (money.paid_in[0], money.paid_in[1]), "what went in came out");
    assert!(claimed.iter().chain(&rest).all(|amount| !amount.is_zero()), "{claimed:?} {rest:?}");
    money.swarm.stop().await;
}

/// Amounts in the chain's coin and in the token.
type Both = [U256; 2];

struct Money {
    swarm: Swarm,
    provider: DynProvider,
    /// Owns the examples and the token's jobs; the network's owner too.
    creator: Purse,
    token: Address,
    /// The job that the first keeper created with the CLI.
    by_cli: u64,
    paid_in: Both,
}

impl Money {
    /// Three jobs in coin, one more of a keeper's own, two in a token.
    async fn start() -> Result<Self> {
        let mut swarm = Swarm::start(keepers(4)).await?;
        swarm.list_examples().await?;
        let provider = swarm.anvil().provider().clone();
        let mut creator = Purse::new(provider.clone(), swarm.anvil().faucet());
        let deploy = creator.send("the token", &PlayMoney::deploy_builder(&provider)).await?;
        let token = deploy.contract_address.context("no token")?;
        let mut money = Self { swarm, provider, creator, token, by_cli: 0, paid_in: [U256::ZERO; 2] };
        money.list_more().await?;
        money.swarm.spare_all().await?;
        let manager = money.manager();
        for id in 1..=manager.jobCount().call().await? {
            let job = manager.job(id).call().await?;
            money.paid_in[usize::from(!job.token.is_zero())] += U256::from(job.escrow);
            money.paid_in[0] += U256::from(job.gas) + U256::from(job.deposit);
        }
        Ok(money)
    }

    async fn list_more(&mut self) -> Result<()> {
        let manager = self.manager();
        let created = manager.JobCreated_filter().from_block(0).query().await?;
        let params = created.into_iter().map(|(event, _)| event.params).find(|params| params.params.is_empty());
        let mut params = params.context("no example without parameters")?;
        let cli = [
            "--json",
            "--broadcast",
            "--every",
            "2s",
            "--start",
            "now+10s",
            "--code-url",
            &params.codeUrl,
            "--code-hash",
            &params.codeHash.to_string(),
            "--target",
            &params.target.to_string(),
            "--callback-gas",
            &params.callbackGas.to_string(),
            "--fee",
            "1000003gwei",
            "--fund",
            "0.5ether",
        ];
        let made: Value = serde_json::from_str(&self.swarm.keepers[0].run(["job", "create"], &cli).await?)?;
        self.by_cli = made["id"].as_u64().context("an id")?;
        let token = PlayMoney::new(self.token, &self.provider);
        let funding = U256::from(FUNDING);
        let twice = funding * U256::from(2);
        self.creator.send("the token's coins", &token.mint(self.creator.account, twice)).await?;
        self.creator.send("the allowance", &token.approve(*manager.address(), twice)).await?;
        let list = manager.setLeastFee(self.token, alloy::primitives::aliases::U96::from(TOKEN_FEE));
        self.creator.send("listing the token", &list).await?;
        let value = parse_ether("10")? + U256::from(manager.listingDeposit().call().await?);
        params.token = self.token;
        params.fee = alloy::primitives::aliases::U96::from(TOKEN_FEE);
        let start = self.now().await? + 10;
        params.triggerData = TriggerTerms::Interval { start, interval: 2 }.data();
        for salt in [0xe1, 0xe2] {
            let call = manager.createJob(params.clone(), funding, B256::repeat_byte(salt)).value(value);
            self.creator.send("a job that pays in a token", &call).await?;
        }
        Ok(())
    }

    /// Cancels every job and waits until each run that was due has settled.
    async fn end(&mut self) -> Result<()> {
        // A cancellation that loses its block comes back in a later one, and with it the jobs' last moments.
        self.swarm.stop_reorganising().await;
        let manager = self.manager();
        let mut due = BTreeMap::new();
        for id in 1..=manager.jobCount().call().await? {
            if id == self.by_cli {
                self.swarm.keepers[0].run(["job", "cancel"], &["--json", "--broadcast", &id.to_string()]).await?;
            } else {
                self.creator.send("a cancellation", &manager.cancel(id)).await?;
            }
            let IJobManager::Job { inactiveFrom: last, start, interval, .. } = manager.job(id).call().await?;
            due.insert(id, (last - start) / u64::from(interval) + 1);
        }
        let all = usize::try_from(due.values().sum::<u64>())?;
        settled(&mut self.swarm, "every due task", PATIENCE, |tasks| tasks.len() >= all).await?;
        let counts = self.swarm.follower().look(|ledger| {
            let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
            ledger.settlements.iter().for_each(|each| *counts.entry(each.job_id).or_default() += 1);
            counts
        });
        ensure!(counts == due, "due {due:?}, settled {counts:?}");
        Ok(())
    }

    /// Creators take what is left once their jobs have ended, without a word before: one with the CLI, one by calls.
    async fn withdraw(&mut self) -> Result<Both> {
        let manager = self.manager();
        let mut withdrawn = [U256::ZERO; 2];
        let count = manager.jobCount().call().await?;
        for id in 1..=count {
            let job = manager.job(id).call().await?;
            let amount = U256::from(job.escrow);
            withdrawn[usize::from(!job.token.is_zero())] += amount;
            withdrawn[0] += U256::from(job.gas) + U256::from(job.deposit);
        }
        self.next_epoch().await?;
        for keeper in &mut self.swarm.keepers {
            ensure!(keeper.stop().await == Some(0), "{} did not stop cleanly", keeper.name());
        }
        // past the hour in which anything may settle, and past the blocks in which anything may under the last epoch
        self.pass(3_700, 260).await?;
        for id in 1..=count {
            if id == self.by_cli {
                let paid =
                    self.swarm.keepers[0].run(["job", "withdraw"], &["--json", "--broadcast", &id.to_string()]).await?;
                ensure!(serde_json::from_str::<Value>(&paid)?["state"] == "paid", "{paid}");
            } else {
                self.creator.send("a withdrawal", &manager.withdraw(id, self.creator.account)).await?;
            }
        }
        Ok(withdrawn)
    }

    /// A changed stake, and the epoch that holds it: the one before is over.
    async fn next_epoch(&mut self) -> Result<()> {
        let registry =
            KeeperRegistry::new(self.swarm.deployed().network.contracts.keeper_registry, self.provider.clone());
        let before = registry.currentEpoch().call().await?;
        self.swarm.keepers[1].stake(90).await?;
        let patience = Duration::from_secs(12 * u64::from(EPOCH_SECONDS));
        until("the next epoch", patience, || async {
            let epoch = registry.currentEpoch().call().await.map_err(|error| error.to_string())?;
            if epoch > before { Ok(()) } else { Err(format!("epoch {epoch}")) }
        })
        .await
    }

    /// Keepers take fees and refunds with the CLI.
    async fn claim(&mut self) -> Result<Both> {
        let mut claimed = [U256::ZERO; 2];
        let token = self.token.to_string();
        for keeper in &self.swarm.keepers {
            for (place, flags) in [vec!["--json"], vec!["--json", "--token", &token]].iter().enumerate() {
                let said: Value = serde_json::from_str(&keeper.run(["operator", "claim"], flags).await?)?;
                claimed[place] += said["amount"].as_str().context("an amount")?.parse::<U256>()?;
            }
        }
        Ok(claimed)
    }

    /// The protocol's part of every epoch but the newest, under which nothing has settled.
    async fn close_epochs(&mut self) -> Result<Both> {
        let contracts = self.swarm.deployed().network.contracts;
        let registry = KeeperRegistry::new(contracts.keeper_registry, &self.provider);
        let manager = self.manager();
        let newest = registry.currentEpoch().call().await?;
        let mut rest = [U256::ZERO; 2];
        for (place, money) in [Address::ZERO, self.token].into_iter().enumerate() {
            for epoch in 1..newest {
                let call = manager.closeEpoch(epoch, money);
                match call.call().await {
                    Ok(_) => drop(self.creator.send("closing an epoch", &call).await?),
                    // nothing was charged in it
                    Err(error) if error.as_decoded_error::<JobManager::NothingOwed>().is_some() => {}
                    Err(error) => return Err(error.into()),
                }
            }
            rest[place] = manager.protocolOwed(money).call().await?;
            let claim = manager.claimProtocol(money, self.creator.account);
            self.creator.send("the protocol's part", &claim).await?;
        }
        Ok(rest)
    }

    /// Not a wei, not a token is left anywhere but in the pot that rewards reporters.
    async fn is_empty(&mut self) -> Result<()> {
        let contracts = self.swarm.deployed().network.contracts;
        let token = PlayMoney::new(self.token, &self.provider);
        let manager = self.manager();
        let mut places = vec![contracts.job_manager, contracts.task_manager, contracts.challenger];
        for id in 1..=manager.jobCount().call().await? {
            places.push(manager.job(id).call().await?.forwarder);
        }
        for place in places {
            ensure!(token.balanceOf(place).call().await?.is_zero(), "{place} holds tokens");
            let coin = self.provider.get_balance(place).await?;
            let pot = if place == contracts.challenger { self.pot(place).await? } else { U256::ZERO };
            ensure!(coin == pot, "{place} holds {coin}, its pot {pot}");
        }
        let tasks = TaskManager::new(contracts.task_manager, &self.provider);
        ensure!(!tasks.paused().call().await?, "nothing was paused to get here");
        Ok(())
    }

    async fn pot(&self, challenger: Address) -> Result<U256> {
        Ok(Challenger::new(challenger, &self.provider).pot().call().await?)
    }

    async fn pass(&self, seconds: u64, blocks: u64) -> Result<()> {
        let _: Value = self.provider.raw_request("evm_increaseTime".into(), [seconds]).await?;
        let _: Value = self.provider.raw_request("anvil_mine".into(), [U256::from(blocks)]).await?;
        Ok(())
    }

    async fn now(&self) -> Result<u64> {
        let block = self.provider.get_block(alloy::eips::BlockId::latest()).await?.context("no block")?;
        Ok(block.header.timestamp)
    }

    fn manager(&self) -> JobManager::JobManagerInstance<DynProvider> {
        JobManager::new(self.swarm.deployed().network.contracts.job_manager, self.provider.clone())
    }
}

//! Operators join, leave, come back with other keys, and raise and lower their stake, again and again while tasks run:
//! nothing is missed, nothing settles twice, and whoever has left says so and signs nothing more.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy::primitives::{Address, U256};
use anyhow::{Context, Result, ensure};
use bootstrap::swarm::Swarm;
use bootstrap::swarm::keepers::Keeper;
use bootstrap::wait::until;
use contracts::KeeperRegistry;
use tests::dice::Dice;
use tests::outcome::{self, Tasks, evidence, said};
use tests::{is_rough, keepers, settled, signers};
use tokio::task::JoinSet;

/// Members at the start, and so many stay at least: with four of five present a quorum is there.
const FEWEST: u16 = 5;
/// Operators that ever take part.
const OPERATORS: usize = 8;
/// Stakes in percent of the deposit. Were they further apart, one keeper that starts late could hold a third of them.
const LOWEST: u64 = 60;
/// Epochs come within 12 s of a change; a machine busy with builds may take ten times as long.
const PATIENCE: Duration = Duration::from_secs(180);

#[tokio::test]
async fn the_set_changes_while_tasks_run() {
    churn(25, 2).await;
}

#[tokio::test]
#[ignore = "takes four minutes"]
async fn the_set_changes_all_the_time_while_two_hundred_tasks_run() {
    churn(200, 10).await;
}

async fn churn(tasks: usize, rounds: usize) {
    let _alone = tests::alone().await;
    let mut churn = Churn::start().await.unwrap();
    while churn.rounds < rounds || churn.settled() < tasks {
        churn.round().await.unwrap();
    }
    churn.end(tasks).await.unwrap();
}

/// A stay of an operator: it must sign some of the transactions from the one at `from` on.
struct Stay {
    name: String,
    index: u16,
    from: usize,
}

#[derive(Default)]
struct Counts {
    joins: usize,
    new_keys: usize,
    leaves: usize,
    raised: usize,
    lowered: usize,
}

/// A swarm whose members change. The swarm's own list holds those that are registered.
struct Churn {
    swarm: Swarm,
    dice: Dice,
    /// Stakes in percent, of those that have left too: it stays allocated.
    stakes: BTreeMap<Address, u8>,
    /// Keepers that have deregistered and run until their last epoch is over.
    leaving: JoinSet<Result<Keeper>>,
    /// Keepers that have left.
    outside: Vec<Keeper>,
    stays: Vec<Stay>,
    counts: Counts,
    rounds: usize,
    first_epoch: u32,
}

impl Churn {
    async fn start() -> Result<Self> {
        let dice = Dice::new();
        let mut swarm = Swarm::start(keepers(FEWEST)).await?;
        swarm.list_examples().await?;
        settled(&mut swarm, "the first settlements", PATIENCE, |tasks| tasks.len() >= 3).await?;
        let stakes = swarm.keepers.iter().map(|keeper| (keeper.operator(), 100)).collect();
        let (leaving, outside, stays, counts) = (JoinSet::new(), Vec::new(), Vec::new(), Counts::default());
        let mut churn = Self { swarm, dice, stakes, leaving, outside, stays, counts, rounds: 0, first_epoch: 0 };
        churn.first_epoch = churn.registry().currentEpoch().call().await?;
        Ok(churn)
    }

    fn settled(&self) -> usize {
        self.swarm.follower().look(|ledger| ledger.settlements.len())
    }

    /// Two stakes change, one operator joins and one leaves, while the epoch may end at any of these moments; then all
    /// of it stands in an epoch.
    async fn round(&mut self) -> Result<()> {
        self.rounds += 1;
        self.restake().await?;
        if self.swarm.keepers.len() > usize::from(FEWEST) {
            self.leave().await?;
        }
        while let Some(left) = self.leaving.try_join_next() {
            self.outside.push(left??);
        }
        self.restake().await?;
        self.join().await?;
        self.swarm.check_alive()?;
        self.counted().await
    }

    /// One member's stake changes.
    async fn restake(&mut self) -> Result<()> {
        let place = self.dice.place(self.swarm.keepers.len());
        let keeper = &self.swarm.keepers[place];
        let before = self.stakes[&keeper.operator()];
        let other = |dice: &mut Dice| u8::try_from(LOWEST + dice.below(101 - LOWEST)).unwrap_or(100);
        let mut after = other(&mut self.dice);
        while after == before {
            after = other(&mut self.dice);
        }
        keeper.stake(after).await?;
        *if after > before { &mut self.counts.raised } else { &mut self.counts.lowered } += 1;
        self.stakes.insert(keeper.operator(), after);
        Ok(())
    }

    /// One member deregisters; its keeper runs on until it says that it has left.
    async fn leave(&mut self) -> Result<()> {
        let place = self.dice.place(self.swarm.keepers.len());
        let mut keeper = self.swarm.keepers.remove(place);
        keeper.deregister().await?;
        self.counts.leaves += 1;
        let log = self.swarm.directory().join(format!("{}.log", keeper.name()));
        let told_before = std::fs::read_to_string(&log)?.matches("left: epoch").count();
        self.leaving.spawn(async move {
            let left = |status: &bootstrap::swarm::api::Status| {
                let check = status.checks.get("registered").ok_or("no such check")?;
                if !check.ok && check.message.starts_with("left: epoch") { Ok(()) } else { Err(format!("{check:?}")) }
            };
            keeper.until("says that it has left", PATIENCE, left).await?;
            ensure!(keeper.stop().await == Some(0), "{} did not stop cleanly", keeper.name());
            let told = std::fs::read_to_string(&log)?.matches("left: epoch").count();
            // Where the block in which its last epoch ends is taken back, it leaves again.
            let once = told == told_before + 1 || is_rough() && told > told_before;
            ensure!(once, "{} says {told} times that it has left", log.display());
            Ok(keeper)
        });
        Ok(())
    }

    /// One operator joins: a new one as long as there are not enough, else one that had left, with its old keys or new
    /// ones. Its keeper starts before the registration or after it.
    async fn join(&mut self) -> Result<()> {
        let known = self.swarm.keepers.len() + self.leaving.len() + self.outside.len();
        if known < OPERATORS && (self.outside.is_empty() || self.dice.below(2) == 0) {
            self.swarm.add_keeper().await?;
        } else if !self.outside.is_empty() {
            let place = self.dice.place(self.outside.len());
            let mut keeper = self.outside.remove(place);
            if self.dice.below(2) == 0 {
                keeper.rotate_keys().await?;
                self.counts.new_keys += 1;
            }
            if self.dice.below(2) == 0 {
                keeper.register().await?;
                keeper.join()?;
            } else {
                keeper.join()?;
                keeper.register().await?;
            }
            self.swarm.keepers.push(keeper);
        } else {
            return Ok(());
        }
        let keeper = self.swarm.keepers.last().context("nobody joined")?;
        let (name, operator) = (keeper.name().to_owned(), keeper.operator());
        self.stakes.entry(operator).or_insert(100);
        let registry = self.swarm.deployed().network.contracts.keeper_registry;
        let provider = self.swarm.anvil().provider().clone();
        let index = signers::index_of(&provider, registry, operator).await?;
        let from = self.swarm.follower().look(|ledger| ledger.transactions.len());
        self.stays.push(Stay { name, index, from });
        self.counts.joins += 1;
        Ok(())
    }

    /// Waits until an epoch counts on the members with their stakes and on nobody else, and the newest one is ready.
    async fn counted(&mut self) -> Result<()> {
        let registry = self.registry();
        let percent = |operator: &Address| U256::from(self.stakes[operator]) * U256::from(10_u64.pow(18));
        let mut expected: BTreeMap<Address, U256> = BTreeMap::new();
        expected.extend(self.swarm.keepers.iter().map(|keeper| (keeper.operator(), percent(&keeper.operator()))));
        until("an epoch with all changes", PATIENCE, || async {
            let epoch = registry.currentEpoch().call().await.map_err(|error| error.to_string())?;
            let rows = registry.committee(epoch).call().await.map_err(|error| error.to_string())?;
            let rows = rows.into_iter().filter(|row| !row.stake.is_zero());
            let rows: BTreeMap<Address, U256> = rows.map(|row| (row.operator, U256::from(row.stake))).collect();
            if rows == expected { Ok(()) } else { Err(format!("epoch {epoch} is {rows:?}, not {expected:?}")) }
        })
        .await?;
        self.swarm.keepers.last_mut().context("there are no members")?.ready().await
    }

    fn registry(&mut self) -> KeeperRegistry::KeeperRegistryInstance<alloy::providers::DynProvider> {
        let address = self.swarm.deployed().network.contracts.keeper_registry;
        KeeperRegistry::new(address, self.swarm.anvil().provider().clone())
    }

    /// Ends the jobs, counts, and looks whether everybody who joined has signed.
    async fn end(mut self, at_least: usize) -> Result<()> {
        while let Some(left) = self.leaving.join_next().await {
            self.outside.push(left??);
        }
        let Tasks { due, missed, doubled } = outcome::end(&mut self.swarm, PATIENCE).await?;
        let silent = self.silent().await?;
        let epochs = self.registry().currentEpoch().call().await? - self.first_epoch;
        let ledger = self.swarm.follower().ledger();
        let wasted = ledger.transactions.iter().filter(|each| each.settled == 0).count();
        let directory = self.swarm.directory();
        let (refused, protected) =
            (said(directory, "the journal refuses a report"), said(directory, "stopped to protect the stake"));
        let everybody = self.swarm.keepers.iter().chain(&self.outside).map(Keeper::datadir);
        let twice = evidence(everybody).len();
        let Counts { joins, new_keys, leaves, raised, lowered } = self.counts;
        eprintln!(
            "seed {}: {epochs} epochs, {joins} joins ({new_keys} with new keys), {leaves} leaves, {} stake changes \
             ({raised} raised, {lowered} lowered): {due} tasks due, {} settled, {missed} missed, {doubled} duplicates, \
             {wasted} wasted transactions, {refused} refusals by journals, {twice} proofs of equivocation",
            self.dice.seed,
            raised + lowered,
            due as usize - missed,
        );
        assert_eq!((missed, doubled, twice, protected), (0, 0, 0, 0));
        assert!(silent.is_empty(), "joined and never signed: {silent:?}");
        assert!(due as usize >= at_least && epochs as usize >= self.rounds && joins >= self.rounds - 1 && leaves > 0);
        self.swarm.stop().await;
        Ok(())
    }

    /// Who joined and did not sign a single certificate from then on.
    async fn silent(&mut self) -> Result<Vec<String>> {
        let provider = self.swarm.anvil().provider().clone();
        let mut signed = Vec::new();
        for transaction in self.swarm.follower().ledger().transactions {
            signed.push(signers::of(&provider, transaction.hash).await?);
        }
        let never = |stay: &&Stay| !signed.iter().skip(stay.from).any(|signers| signers.contains(&stay.index));
        Ok(self.stays.iter().filter(never).map(|stay| stay.name.clone()).collect())
    }
}

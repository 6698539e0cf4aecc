//! The mesh performs contracts that others wrote, with nothing of them changed: ten runs of each, and what old registries kept goes
//! on here once those are paused.

mod imported;

use std::time::{Duration, Instant};

use alloy::primitives::{Address, B256, hex, keccak256};
use alloy::providers::DynProvider;
use alloy::sol_types::SolCall;
use anyhow::{Context, Result, ensure};
use bootstrap::swarm::ledger::{Ledger, Settlement};
use bootstrap::swarm::{Options, Swarm};
use bootstrap::wait::until;
use contracts::terms::ended;
use contracts::{Counter, JobManager};
use serde_json::Value;
use tests::keepers;
use tests::unchanged::abi::UpkeepCounter;
use tests::unchanged::{Check, Contract, Due, Stir, Workshop, resolvers, upkeeps};

/// Runs of each, and of what was imported.
const RUNS: usize = 10;
const IMPORTED_RUNS: usize = 5;
/// Runs in which a resolver is seen to give no answer: one in twelve seconds does.
const ANSWERLESS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(300);
/// Money flags of every job that is not imported.
const MONEY: [&str; 4] = ["--fee", "1000gwei", "--fund", "0.2ether"];
/// Seconds after which a run that was due counts as missed.
const SETTLES_WITHIN: u64 = 30;

#[tokio::test]
#[ignore = "takes three minutes, and needs contracts that tests/run.sh unchanged compiles"]
async fn the_mesh_performs_each_ten_times_and_what_was_imported() {
    let _alone = tests::alone().await;
    let mut mesh = Mesh::start().await.unwrap();
    let honest = mesh.honest().await.unwrap();
    let burner = mesh.burner_by_time().await.unwrap();
    let mut kept = mesh.list_all().await.unwrap();
    mesh.performed(&mut kept, RUNS).await.unwrap();
    let mut imported = mesh.import().await.unwrap();
    mesh.performed(&mut imported, IMPORTED_RUNS).await.unwrap();
    kept.append(&mut imported);
    mesh.each_settled_once(&kept).await.unwrap();
    mesh.burner_is_named(burner).await.unwrap();
    mesh.misses_nothing(&honest).unwrap();
    mesh.swarm.check_alive().unwrap();
    mesh.swarm.stop().await;
}

/// A network with keepers, and an owner of others' contracts.
struct Mesh {
    swarm: Swarm,
    provider: DynProvider,
    workshop: Workshop,
}

/// A job, as whoever lists it is told.
struct Listed {
    id: u64,
    forwarder: Address,
    start: u64,
}

/// A contract that a job keeps.
struct Kept {
    contract: Contract,
    job: u64,
    /// How often it was performed before the mesh was to.
    before: usize,
    /// How often it had been performed when somebody last made it due.
    stirred: Option<usize>,
}

impl Mesh {
    async fn start() -> Result<Self> {
        // What others' owners have deployed stays where it is, also where the chain is rough for all other tests.
        let mut swarm = Swarm::start(Options { rough: false, ..keepers(4) }).await?;
        let provider = swarm.anvil().provider().clone();
        let workshop = Workshop::new(provider.clone(), swarm.anvil().faucet())?;
        Ok(Self { swarm, provider, workshop })
    }

    async fn verb(&self, verb: &str, flags: &[&str]) -> Result<Value> {
        let flags = [&["--json"], flags].concat();
        Ok(serde_json::from_str(&self.swarm.keepers[0].run(["job", verb], &flags).await?)?)
    }

    async fn create(&self, flags: &[&str]) -> Result<Listed> {
        listed(&self.verb("create", &[&["--broadcast"], &MONEY[..], flags].concat()).await?)
    }

    /// A job that has nothing to do with any of it.
    async fn honest(&self) -> Result<Listed> {
        let calldata = hex::encode_prefixed(Counter::incrementCall {}.abi_encode());
        let target = self.swarm.target().to_string();
        let when = ["--every", "2s", "--start", "now+10s"];
        self.create(&[&["--action", "call", "--calldata", &calldata, "--target", &target], &when[..]].concat()).await
    }

    /// A job for a contract, whose owner has let it in before.
    async fn keep(&mut self, contract: &Contract, flags: &[&str]) -> Result<Listed> {
        let salt = keccak256(contract.target);
        let manager = JobManager::new(self.swarm.deployed().network.contracts.job_manager, self.provider.clone());
        let forwarder = manager.forwarderFor(self.swarm.keepers[0].operator(), salt).call().await?;
        self.admit(contract, forwarder).await?;
        let job = self.create(&[flags, &["--salt", &salt.to_string()]].concat()).await?;
        ensure!(job.forwarder == forwarder, "it is called from {} and not from {forwarder}", job.forwarder);
        Ok(job)
    }

    /// The resolver that burns gas, asked by the clock: also where it gives no answer.
    async fn burner_by_time(&mut self) -> Result<Listed> {
        let contract = resolvers(&mut self.workshop).await?.remove(1);
        let action = action(&contract);
        self.keep(&contract, &[&["--every", "3s", "--start", "now+10s"], &words(&action)[..]].concat()).await
    }

    /// A job for each contract: by its condition, or by its logs.
    async fn list_all(&mut self) -> Result<Vec<Kept>> {
        let mut contracts = upkeeps(&mut self.workshop).await?;
        contracts.extend(resolvers(&mut self.workshop).await?);
        let mut kept = Vec::new();
        for contract in contracts {
            let mut flags = [trigger(&contract), action(&contract)].concat();
            if matches!(contract.due, Due::Log { .. }) {
                // Each run logs what makes the next one due.
                flags.extend(["--most-runs".to_owned(), RUNS.to_string()]);
            }
            let job = self.keep(&contract, &words(&flags)).await.with_context(|| contract.name)?;
            self.stir_once(&contract).await?;
            kept.push(Kept { contract, job: job.id, before: 0, stirred: None });
        }
        Ok(kept)
    }

    /// As the contract's owner does.
    async fn admit(&mut self, contract: &Contract, forwarder: Address) -> Result<()> {
        if let Some(admission) = contract.admission(forwarder) {
            self.workshop.perform("letting the forwarder in", &admission).await?;
        }
        Ok(())
    }

    async fn stir_once(&mut self, contract: &Contract) -> Result<()> {
        if let Stir::Once(deed) = &contract.stir {
            self.workshop.perform("what makes it due", deed).await?;
        }
        Ok(())
    }

    /// Makes those due that somebody has to, until each has been performed so often.
    async fn performed(&mut self, kept: &mut [Kept], runs: usize) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            let mut left = Vec::new();
            for each in kept.iter_mut() {
                let performed = each.contract.performed(&self.provider).await? - each.before;
                if performed >= runs {
                    continue;
                }
                left.push(format!("{} (job {}) {performed} times", each.contract.name, each.job));
                if let Stir::Again(deed) = &each.contract.stir
                    && each.stirred != Some(performed)
                {
                    self.workshop.perform("what makes it due", deed).await?;
                    each.stirred = Some(performed);
                }
            }
            if left.is_empty() {
                return Ok(());
            }
            self.swarm.check_alive()?;
            ensure!(Instant::now() < end, "after {PATIENCE:?} there were performed {left:?}");
            self.next_block().await?;
        }
    }

    async fn next_block(&self) -> Result<()> {
        let seen = self.swarm.follower().look(|ledger| ledger.block);
        until("the next block", PATIENCE, || async {
            let block = self.swarm.follower().look(|ledger| ledger.block);
            if block > seen { Ok(()) } else { Err(format!("block {block}")) }
        })
        .await
    }

    /// What a contract says of itself is what was settled, once each.
    async fn each_settled_once(&self, kept: &[Kept]) -> Result<()> {
        let Ledger { settlements, block, .. } = self.swarm.follower().ledger();
        let mut tasks: Vec<B256> = settlements.iter().map(|each| each.task_id).collect();
        tasks.sort_unstable();
        tasks.dedup();
        ensure!(tasks.len() == settlements.len(), "a task has settled twice");
        for Kept { contract, job, before, .. } in kept {
            let calls: Vec<_> = calls(&settlements, *job).collect();
            let performed = contract.performed_by(&self.provider, block).await?;
            eprintln!("{}: performed {performed} times, {before} of them before", contract.name);
            ensure!(calls.iter().all(|call| call.delivered), "{}: {calls:?}", contract.name);
            ensure!(performed == calls.len(), "{}: {performed} times, settled {}", contract.name, calls.len());
            if contract.name.ends_with("Counter") {
                let counter = UpkeepCounter::new(contract.target, &self.provider);
                let counted: usize = counter.counter().block(block.into()).call().await?.to();
                ensure!(counted == performed, "{}: it counts {counted}", contract.name);
            }
            let is_bounded = matches!(contract.due, Due::Log { .. });
            ensure!(!is_bounded || [RUNS, IMPORTED_RUNS].contains(&performed), "{}: {performed}", contract.name);
        }
        Ok(())
    }

    /// Where it gives no answer, that is what keepers certify, and say.
    async fn burner_is_named(&self, burner: Listed) -> Result<()> {
        let Ledger { settlements, .. } = self.swarm.follower().ledger();
        let skips = settlements.iter().filter(|each| each.job_id == burner.id && each.status == ended::SKIP).count();
        let calls = calls(&settlements, burner.id).filter(|call| call.delivered).count();
        ensure!(skips >= ANSWERLESS && calls >= RUNS, "{skips} skips, {calls} calls");
        let runs = self.verb("runs", &[&burner.id.to_string(), "--limit", "1000"]).await?;
        let runs = runs["runs"].as_array().context("no runs")?;
        let named =
            runs.iter().filter(|run| run["reason"] == "the check failed: it reverted or ran out of gas").count();
        eprintln!("a resolver that burns gas: {calls} calls, {skips} skips, {named} of them by this keeper's record");
        ensure!(named >= ANSWERLESS, "{runs:?}");
        Ok(())
    }

    /// The job beside all that was there in time, each run.
    fn misses_nothing(&self, honest: &Listed) -> Result<()> {
        let Ledger { settlements, timestamp, .. } = self.swarm.follower().ledger();
        let due = (timestamp - SETTLES_WITHIN - honest.start) / 2 + 1;
        let mut late: Vec<u64> = Vec::new();
        for run in 0..due {
            let settled = calls(&settlements, honest.id).find(|call| call.run == run);
            let settled = settled.with_context(|| format!("run {run} of {due} has not settled"))?;
            late.push(settled.seen_ms.saturating_sub((honest.start + 2 * run) * 1_000));
        }
        late.sort_unstable();
        let at = |percent: usize| late[(late.len() - 1) * percent / 100];
        eprintln!(
            "beside them {due} runs of another job, settled {} ms (p50), {} ms (p99) after they were due",
            at(50),
            at(99)
        );
        Ok(())
    }
}

fn calls(settlements: &[Settlement], job: u64) -> impl Iterator<Item = &Settlement> {
    settlements.iter().filter(move |each| each.job_id == job && each.status == ended::CALL)
}

fn listed(made: &Value) -> Result<Listed> {
    let (id, start) = (made["id"].as_u64().context("no id")?, made["start"].as_u64().context("no start")?);
    let forwarder = made["forwarder"].as_str().context("no forwarder")?.parse()?;
    Ok(Listed { id, forwarder, start })
}

fn words(flags: &[String]) -> Vec<&str> {
    flags.iter().map(String::as_str).collect()
}

/// The flags for what makes a contract due.
fn trigger(contract: &Contract) -> Vec<String> {
    let flags = match &contract.due {
        Due::Condition { target, call } => [
            "--trigger condition --condition".to_owned(),
            target.to_string(),
            "--condition-call".to_owned(),
            call.to_string(),
        ],
        Due::Log { emitter, topic0 } => {
            ["--trigger log --emitter".to_owned(), emitter.to_string(), "--topics".to_owned(), topic0.to_string()]
        }
    };
    flags.join(" ").split(' ').map(str::to_owned).collect()
}

/// The flags for what a run of it does, and for whom.
fn action(contract: &Contract) -> Vec<String> {
    let action = match &contract.check {
        Check::Upkeep { check_data } => format!("--action upkeep --check-data {check_data}"),
        Check::Resolver { resolver, call } => format!("--action resolver --resolver {resolver} --checker-data {call}"),
    };
    let flags = format!("{action} --target {} --callback-gas {}", contract.target, contract.gas);
    flags.split(' ').map(str::to_owned).collect()
}

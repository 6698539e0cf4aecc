//! What the `swarm` binary does with a [`Swarm`]: watch it, kill its leaders if asked to, and say what it achieved.

use std::time::Duration;

use alloy::primitives::U256;
use anyhow::{Context, Result, anyhow, bail};
use contracts::Counter;
use contracts::terms::ended;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use super::ledger::{Settlement, unix_ms};
use super::proof::{Cost, Facts, Gas, JobSpec, Proof, due_until};
use super::{Swarm, kill, slashing};
use crate::process::tail;

/// Runs due this many seconds before the stop had time to settle...
const GRACE: u64 = 10;
/// ...and this many when leaders were killed, settlements orphaned, or keepers were ejected in the middle of an epoch.
const GRACE_WITH_KILLS: u64 = 30;
/// How long the last due runs may take to settle before the swarm stops anyway.
const TAIL_PATIENCE: Duration = Duration::from_secs(60);
/// How often progress is shown.
const SHOW_EVERY: Duration = Duration::from_secs(5);

/// Runs until enough has settled, ends the jobs, lets their last runs settle, and works out the proof.
///
/// # Errors
/// When something ends that should run, or time is up: what is missing, and the ends of the logs.
pub async fn run(swarm: &mut Swarm) -> Result<Proof> {
    let patience = swarm.options.patience();
    if let Ok(result) = tokio::time::timeout(patience, until_enough(swarm)).await {
        result?;
    } else {
        let missing = missing(swarm).await.unwrap_or_default();
        bail!("after {} s {missing}\n{}", patience.as_secs(), state(swarm).await);
    }
    // What is settled from now on is to stay settled; and a condition that was seen in a block that is taken back could not be seen
    // again once its job has ended.
    swarm.stop_reorganising().await;
    let last_due = swarm.pause_jobs().await?;
    let punished = !swarm.equivocators.is_empty() || !swarm.wrong.is_empty();
    let troubled = swarm.options.kill_leader || swarm.options.rough || punished;
    let grace = if troubled { GRACE_WITH_KILLS } else { GRACE };
    swarm.progress.say(&format!("enough settled; jobs end, stopping {grace} s after the last run"));
    let deadline = Instant::now() + Duration::from_secs(super::network::NOTICE_SECONDS.into()) + TAIL_PATIENCE;
    loop {
        swarm.check_alive()?;
        let stop_at = last_due + grace;
        if unix_ms() / 1000 > stop_at && (all_settled(swarm) || Instant::now() > deadline) {
            break;
        }
        swarm.next_block().await;
    }
    prove(swarm, unix_ms() / 1000 - grace).await
}

/// Watches for ever, and tells what settles: what the swarm does when it is not told to stop. SIGUSR1 has it kill the next leader
/// but the first keeper, whose page is looked at.
///
/// # Errors
/// When something ends that should run.
pub async fn watch(swarm: &mut Swarm) -> Result<()> {
    let mut told = 0;
    let mut asked = signal(SignalKind::user_defined1())?;
    loop {
        swarm.check_alive()?;
        swarm.press_dispute().await?;
        if swarm.options.kill_leader && kill_is_due(swarm) {
            swarm.kill_leader().await?;
        }
        told = swarm.tell_news(told);
        let is_asked = tokio::select! {
            _ = asked.recv() => true,
            () = swarm.next_block() => false,
        };
        if is_asked {
            let first = swarm.keepers.first().map(super::Keeper::operator);
            while kill::strike(swarm, first).await?.is_none() {
                told = swarm.tell_news(told);
            }
        }
    }
}

async fn until_enough(swarm: &mut Swarm) -> Result<()> {
    let mut shown = Instant::now();
    loop {
        swarm.press_dispute().await?;
        if missing(swarm).await.is_none() && all_equivocators_punished(swarm).await? {
            return Ok(());
        }
        swarm.check_alive()?;
        if (swarm.kills.len() as u64) < swarm.options.kills_wanted() && kill_is_due(swarm) {
            swarm.kill_leader().await?;
        }
        show(swarm, &mut shown);
        swarm.next_block().await;
    }
}

impl Swarm {
    async fn kill_leader(&mut self) -> Result<()> {
        let kill = kill::strike(self, None).await?;
        self.kills.extend(kill);
        Ok(())
    }

    /// The next block, or a second later when the chain stands still.
    pub(super) async fn next_block(&mut self) {
        let _ = tokio::time::timeout(Duration::from_secs(1), self.follower.next_block()).await;
    }

    fn called_by(&self, job: &JobSpec) -> bool {
        let is_call = |each: &Settlement| each.job_id == job.id && each.status == ended::CALL;
        self.follower.look(|ledger| ledger.settlements.iter().any(is_call))
    }

    fn settled_of(&self, job: &JobSpec) -> usize {
        self.follower.look(|ledger| ledger.settlements.iter().filter(|each| each.job_id == job.id).count())
    }

    fn settled(&self) -> u64 {
        self.follower.look(|ledger| ledger.settlements.len() as u64)
    }
}

/// One kill per ten tasks, in the middle of the ten.
fn kill_is_due(swarm: &Swarm) -> bool {
    swarm.settled() >= swarm.kills.len() as u64 * 10 + 4
}

/// Whether all of them lost stake and the newest epoch counts on none of them.
async fn all_equivocators_punished(swarm: &Swarm) -> Result<bool> {
    if swarm.equivocators.is_empty() {
        return Ok(true);
    }
    let (provider, network) = (swarm.anvil.provider(), &swarm.deployed.network);
    let (slashed, counted) = (slashing::slashed(provider, network).await?, slashing::counted(provider, network).await?);
    Ok(swarm.equivocators.iter().all(|operator| slashed.contains_key(operator) && !counted.contains_key(operator)))
}

/// What is still missing before the swarm may stop.
async fn missing(swarm: &Swarm) -> Option<String> {
    let mut missing = Vec::new();
    for job in &swarm.jobs {
        if !swarm.called_by(job) {
            missing.push(format!("no task of job {} ({}) has settled with a call", job.id, job.name));
        }
    }
    let (settled, wanted) = (swarm.settled(), swarm.options.wanted());
    if settled < wanted {
        missing.push(format!("{settled} of {wanted} tasks have settled"));
    }
    let (killed, wanted) = (swarm.kills.len() as u64, swarm.options.kills_wanted());
    if killed < wanted {
        missing.push(format!("{killed} of {wanted} leaders were killed"));
    }
    let (done, wanted) = (swarm.reorganisations().await.count, swarm.options.reorgs_wanted());
    if done < wanted {
        missing.push(format!("{done} of {wanted} reorganisations happened"));
    }
    if !swarm.wrong.is_empty() && !swarm.all_ruled_against {
        missing.push("those who certified a wrong result are not all slashed".to_owned());
    }
    (!missing.is_empty()).then(|| missing.join("; "))
}

fn all_settled(swarm: &Swarm) -> bool {
    swarm.jobs.iter().all(|job| {
        let due = swarm.follower.look(|ledger| due_until(job, ledger, u64::MAX));
        swarm.settled_of(job) as u64 >= due
    })
}

fn show(swarm: &Swarm, shown: &mut Instant) {
    if shown.elapsed() < SHOW_EVERY {
        return;
    }
    *shown = Instant::now();
    let each = |job: &JobSpec| format!("{} {}", job.name, swarm.settled_of(job));
    let jobs = swarm.jobs.iter().map(each).collect::<Vec<_>>().join(", ");
    let block = swarm.follower.look(|ledger| ledger.block);
    swarm.progress.say(&format!("block {block}: {} tasks settled ({jobs})", swarm.settled()));
}

/// What settling has cost by now those who sent, and what jobs gave back of that.
///
/// # Errors
/// When the chain does not answer.
pub async fn cost(swarm: &Swarm) -> Result<Cost> {
    let operators: Vec<_> = swarm.keepers.iter().map(super::Keeper::operator).collect();
    let refunded = slashing::refunded(swarm.anvil.provider(), &swarm.deployed.network, &operators).await?;
    Ok(swarm.follower.look(|ledger| Gas::new(ledger, refunded).cost))
}

async fn prove(swarm: &Swarm, cutoff: u64) -> Result<Proof> {
    let reports = swarm.reports.as_ref().context("the keepers' reports were not collected")?;
    let first = swarm.jobs.first().context("no jobs were listed")?;
    let counter = Counter::new(swarm.target(), swarm.anvil.provider().clone());
    let certified_ms = reports.certified().await;
    let ledger = swarm.follower.ledger();
    let block = alloy::eips::BlockId::number(ledger.block);
    let counted: U256 = counter.counts(first.forwarder).block(block).call().await?;
    let operators: Vec<_> = swarm.keepers.iter().map(super::Keeper::operator).collect();
    let network = &swarm.deployed.network;
    let facts = Facts {
        chain_id: swarm.deployed.network.chain_id,
        keepers: swarm.keepers.len(),
        contracts: swarm
            .deployed
            .network
            .contracts
            .named()
            .map(|(name, at)| (name.to_owned(), at))
            .into_iter()
            .collect(),
        network: swarm.deployed.file.display().to_string(),
        jobs: swarm.jobs.clone(),
        ledger,
        certified_ms,
        kills: swarm.kills.clone(),
        reorganisations: swarm.reorganisations().await,
        equivocators: swarm.equivocators.clone(),
        wrong: swarm.wrong.clone(),
        disputes: swarm.disputes().await?,
        refunded: slashing::refunded(swarm.anvil.provider(), network, &operators).await?,
        slashed: slashing::slashed(swarm.anvil.provider(), network).await?,
        stakes: slashing::stakes(swarm.anvil.provider(), network, operators).await?,
        counted: slashing::counted(swarm.anvil.provider(), network).await?,
        cutoff,
        target: swarm.target(),
        counter: u64::try_from(counted).map_err(|_| anyhow!("the counter stands at {counted}"))?,
    };
    let proof = Proof::new(&facts);
    swarm.progress.say(&proof.gas.cost.words());
    Ok(proof)
}

/// The state of everything, for a failure's message.
pub(super) async fn state(swarm: &mut Swarm) -> String {
    let mut lines = Vec::new();
    let ineligible = swarm.follower.look(|ledger| ledger.ineligible.clone());
    lines.extend(ineligible.iter().rev().take(5).map(|each| format!("not eligible: {each}")));
    for keeper in &mut swarm.keepers {
        let name = keeper.name().to_owned();
        match keeper.get::<Vec<super::api::Job>>("/v1/jobs").await {
            Ok(jobs) => lines.extend(jobs.iter().map(|job| {
                format!("{name}: job {} {} ready={} {} {}", job.id, job.status, job.ready, job.reason, job.last_result)
            })),
            Err(error) => lines.push(format!("{name}: {error:#}")),
        }
        if let Some(process) = keeper.process() {
            lines.push(format!("end of {}:\n{}", process.log().display(), tail(process.log(), 12)));
        }
    }
    lines.join("\n")
}

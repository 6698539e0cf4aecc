//! `keeper job pause|resume|cancel`: what its owner does with a job. As all verbs that change one they send nothing without
//! `--broadcast`.

use alloy::primitives::U256;
use alloy::sol_types::SolEvent;
use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use contracts::IJobManager::Job;
use contracts::JobManager;
use contracts::terms::JobStatus;
use serde_json::json;

use super::spell::status;
use super::{existing, tell, tell_tried};
use crate::chain::{ChainError, Receipt};
use crate::cli::chain::{Actor, Broadcast, Chain, Done};
use crate::cli::{Exit, Global, WithExit};

/// Flags of the verbs that only name a job.
#[derive(Debug, Clone, Copy, Args)]
pub struct LifeArgs {
    /// Job id
    id: u64,
    #[command(flatten)]
    broadcast: Broadcast,
}

/// A job of the wallet, and the means to change it.
pub(super) struct Owned {
    pub(super) chain: Chain,
    pub(super) actor: Actor,
    pub(super) id: u64,
    pub(super) job: Job,
}

impl Owned {
    pub(super) async fn open(global: &Global, id: u64, broadcast: Broadcast) -> Result<Self> {
        let settings = global.settings()?;
        let key = broadcast.key(global, &settings)?;
        let chain = Chain::connect(global, &settings).await?;
        let (job, _) = existing(&chain, id).await?;
        if job.owner != key.address() {
            let (owner, account) = (job.owner, key.address());
            let error = anyhow!(
                "job {id} belongs to {owner}, not to {account}: use the data directory (--datadir) that has its key"
            );
            return Err(error).exit(Exit::Key);
        }
        let actor = key.on(&chain).await?;
        Ok(Self { chain, actor, id, job })
    }

    /// Refuses unless the job is in one of the states.
    pub(super) fn require(&self, states: &[JobStatus], what: &str) -> Result<()> {
        let checked: Result<()> = (|| {
            ensure!(states.contains(&JobStatus::of(&self.job)), "job {} is {}: {what}", self.id, status(&self.job));
            Ok(())
        })();
        checked.exit(Exit::Chain)
    }

    /// The moment from which nothing that was due under the job can settle any more, unix seconds.
    pub(super) async fn closed_at(&self) -> Result<u64> {
        let expiry = self.manager().EXPIRY_SECONDS().call().await.map_err(ChainError::from)?;
        Ok(self.job.inactiveFrom.saturating_add(u64::from(expiry)))
    }

    pub(super) fn manager(&self) -> JobManager::JobManagerInstance<&crate::chain::ChainProvider> {
        JobManager::new(self.chain.network.contracts.job_manager, &self.chain.provider)
    }

    pub(super) async fn act(&self, what: &str, call: &impl alloy::sol_types::SolCall) -> Result<Done> {
        self.actor.act(what, self.chain.network.contracts.job_manager, call, U256::ZERO).await
    }

    /// From when on what is stopped now would be stopped, unix seconds.
    async fn stopped_from(&self) -> Result<u64> {
        let notice = self.manager().noticeSeconds().call().await.map_err(ChainError::from)?;
        Ok(self.chain.now().await?.saturating_add(u64::from(notice)))
    }

    /// The event that a transaction must have left behind.
    pub(super) fn event<E: SolEvent>(&self, receipt: &Receipt) -> Result<E> {
        let logs = receipt.logs.iter().filter(|log| log.address() == self.chain.network.contracts.job_manager);
        let found = logs.filter_map(|log| log.log_decode::<E>().ok()).next();
        Ok(found
            .with_context(|| format!("the transaction left no {} behind", E::SIGNATURE))
            .exit(Exit::Chain)?
            .inner
            .data)
    }
}

pub(in crate::cli) async fn pause(global: &Global, LifeArgs { id, broadcast }: LifeArgs) -> Result<Exit> {
    let owned = Owned::open(global, id, broadcast).await?;
    owned.require(&[JobStatus::Active], "only an active job can be paused")?;
    let receipt = match owned.act("pause the job", &JobManager::pauseCall { jobId: id }).await? {
        Done::Sent(receipt) => receipt,
        Done::Tried(gas) => {
            let from = owned.stopped_from().await?;
            let text = format!("job {id} would be paused; what is due until about {from} would still run\n");
            return Ok(tell_tried(global, json!({"id": id, "inactive_from": from}), &text, gas));
        }
    };
    let event: JobManager::JobPaused = owned.event(&receipt)?;
    let document = json!({"id": id, "inactive_from": event.inactiveFrom});
    let text = format!("job {id} is paused; what is due until {} still runs\n", event.inactiveFrom);
    Ok(tell(global, document, &text, &receipt))
}

pub(in crate::cli) async fn resume(global: &Global, LifeArgs { id, broadcast }: LifeArgs) -> Result<Exit> {
    let owned = Owned::open(global, id, broadcast).await?;
    owned.require(&[JobStatus::Paused], "only a paused job can be resumed")?;
    let (closed_at, now) = (owned.closed_at().await?, owned.chain.now().await?);
    if now < closed_at {
        let error = anyhow!(
            "job {id} can be resumed from {closed_at} on, in {} s: until then what was due before its pause may settle",
            closed_at - now
        );
        return Err(error).exit(Exit::Chain);
    }
    let receipt = match owned.act("resume the job", &JobManager::resumeCall { jobId: id }).await? {
        Done::Sent(receipt) => receipt,
        Done::Tried(gas) => {
            let version = owned.job.version.saturating_add(1);
            let text = format!("job {id} would run again, as version {version}\n");
            return Ok(tell_tried(global, json!({"id": id, "version": version}), &text, gas));
        }
    };
    let event: JobManager::JobResumed = owned.event(&receipt)?;
    let document = json!({"id": id, "version": event.version, "start": event.activeFrom});
    let text = format!("job {id} runs again from {}, as version {}\n", event.activeFrom, event.version);
    Ok(tell(global, document, &text, &receipt))
}

pub(in crate::cli) async fn cancel(global: &Global, LifeArgs { id, broadcast }: LifeArgs) -> Result<Exit> {
    let owned = Owned::open(global, id, broadcast).await?;
    owned.require(
        &[JobStatus::Active, JobStatus::Paused],
        "it runs no more; take its money out with `keeper job withdraw`",
    )?;
    let receipt = match owned.act("cancel the job", &JobManager::cancelCall { jobId: id }).await? {
        Done::Sent(receipt) => receipt,
        Done::Tried(gas) => {
            let from = match JobStatus::of(&owned.job) {
                JobStatus::Active => owned.stopped_from().await?,
                _ => owned.job.inactiveFrom,
            };
            let text = format!("job {id} would end for good; what is due until about {from} would still run\n");
            return Ok(tell_tried(global, json!({"id": id, "inactive_from": from}), &text, gas));
        }
    };
    let event: JobManager::JobCancelled = owned.event(&receipt)?;
    let document = json!({"id": id, "inactive_from": event.inactiveFrom});
    let text = format!(
        "job {id} ends at {}; what is due until then still runs. Take out the rest with `keeper job withdraw {id}`\n",
        event.inactiveFrom
    );
    Ok(tell(global, document, &text, &receipt))
}

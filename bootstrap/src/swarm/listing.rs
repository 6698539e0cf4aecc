//! Listing jobs and ending them, as their creators do.

use std::path::Path;
use std::time::Duration;

use alloy::providers::Provider;
use anyhow::Result;

use super::feed::FeedDriver;
use super::jobs::{self, JobRequest, JobSpec, Shelf};
use super::keepers::Keeper;
use super::ledger::unix_ms;
use super::stirrer::Stirrer;
use super::{Swarm, api};
use crate::wait::until;

/// Seconds between listing jobs and their first due moment when every keeper finds the code compiled: the block that lists
/// them, and the anchor that lies before the due moment.
const WARM_LEAD: u64 = 4;
/// The same when the code has to be compiled first, which is done once per machine.
const COLD_LEAD: u64 = 45;
/// So many jobs more take a second longer to be listed.
const LISTED_A_SECOND: u64 = 50;
/// First due moments are multiples of the shortest interval: what others list at such moments is due together with it.
const SHORTEST: u64 = 2;

impl Swarm {
    /// Lists the example jobs, lets the feed that one of them reads change, and stirs what others look at. Returns when all
    /// keepers have the code, or the first runs are due.
    ///
    /// # Errors
    /// When the code was not built, or the chain refuses.
    pub async fn list_examples(&mut self) -> Result<()> {
        let start = self.offer_examples().await?;
        self.await_code(start).await
    }

    /// Lists the example jobs, without waiting for anybody to have their code. Returns when the first of them is due, unix seconds.
    pub(super) async fn offer_examples(&mut self) -> Result<u64> {
        let folder = self.options.code_dir()?;
        let stirred = self.deployed.stirred;
        let shelf = Shelf { folder: &folder, server: &self.code_server, examples: &self.deployed.examples, stirred };
        let mut requests = jobs::examples(self.options.jobs, &shelf)?;
        requests.extend(jobs::load(self.options.load, &shelf));
        let hashes = requests.iter().map(|request| request.action.code_hash()).filter(|hash| !hash.is_zero());
        let warm = { hashes }.all(|hash| is_compiled(&self.setting.cache, &hash.to_string()[2..]));
        let (feed, seed) = (self.deployed.examples.feed, self.options.seed);
        self.feed = Some(FeedDriver::start(&self.anvil, feed, seed, self.calming()));
        let lead = if warm { WARM_LEAD } else { COLD_LEAD } + requests.len() as u64 / LISTED_A_SECOND;
        let start = (unix_ms() / 1000 + lead).next_multiple_of(SHORTEST);
        let block = self.anvil.provider().get_block_number().await? + self.blocks_until(start);
        for request in &mut requests {
            request.delay(start, block);
        }
        let listed = self.list(&requests).await?;
        self.progress.say(&format!("{} jobs listed, first due in {} s", listed.len(), self.seconds_until(start)));
        self.stirrer = stirred.map(|stirred| Stirrer::start(&self.anvil, stirred, seed, self.calming()));
        Ok(start)
    }

    /// Returns when all keepers have the jobs' code, or the first runs are due.
    pub(super) async fn await_code(&self, start: u64) -> Result<()> {
        let patience = Duration::from_secs(self.seconds_until(start));
        for keeper in &self.keepers {
            if let Err(error) = has_code(keeper, &self.jobs, patience).await {
                self.progress.say(&format!("warning: {error:#}"));
            }
        }
        Ok(())
    }

    /// Lists jobs.
    ///
    /// # Errors
    /// When the chain refuses.
    pub async fn list(&mut self, requests: &[JobRequest]) -> Result<Vec<JobSpec>> {
        let manager = self.deployed.network.contracts.job_manager;
        let calm = self.calm().await;
        let specs = jobs::create(self.anvil.provider(), manager, self.anvil.faucet(), requests).await?;
        self.spare(calm).await?;
        self.jobs.extend_from_slice(&specs);
        Ok(specs)
    }

    /// Ends all jobs: no run is due after the notice period. Returns the last moment at which one may be, unix seconds.
    ///
    /// # Errors
    /// When the chain refuses.
    pub async fn pause_jobs(&mut self) -> Result<u64> {
        // What is stirred now has the notice to be seen.
        if let Some(stirrer) = self.stirrer.take() {
            stirrer.stop().await;
        }
        let jobs: Vec<_> = self.jobs.iter().map(|job| (job.id, job.creator)).collect();
        let manager = self.deployed.network.contracts.job_manager;
        let calm = self.calm().await;
        let until = jobs::pause(self.anvil.provider(), manager, &jobs).await?;
        self.spare(calm).await?;
        for job in &mut self.jobs {
            job.until = until.get(&job.id).copied();
        }
        Ok(self.jobs.iter().filter_map(JobSpec::last_due).max().unwrap_or(0))
    }

    #[expect(clippy::unused_self, reason = "reads as the swarm's clock")]
    fn seconds_until(&self, moment: u64) -> u64 {
        moment.saturating_sub(unix_ms() / 1000)
    }

    /// How many blocks come until a moment, and one at least.
    fn blocks_until(&self, moment: u64) -> u64 {
        let each = u64::try_from(self.anvil.block_time().as_millis()).unwrap_or(u64::MAX);
        (self.seconds_until(moment) * 1000).div_ceil(each.max(1)).max(1)
    }
}

async fn has_code(keeper: &Keeper, listed: &[JobSpec], patience: Duration) -> Result<()> {
    until(&format!("{} to have the jobs' code", keeper.name()), patience, || async {
        let known: Vec<api::Job> = keeper.get("/v1/jobs").await.map_err(|error| format!("{error:#}"))?;
        for job in listed {
            match known.iter().find(|known| known.id == job.id) {
                Some(known) if known.ready => {}
                Some(known) => return Err(format!("{}: {}", job.name, known.reason)),
                None => return Err(format!("{} is not in its book", job.name)),
            }
        }
        Ok(())
    })
    .await
}

/// Whether compiled code of this hash lies in the cache. Only decides how far ahead the first runs are due.
fn is_compiled(folder: &Path, hash: &str) -> bool {
    let Ok(entries) = folder.read_dir() else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        (name.starts_with(hash) && name.ends_with(".cwasm"))
            || (entry.path().is_dir() && is_compiled(&entry.path(), hash))
    })
}

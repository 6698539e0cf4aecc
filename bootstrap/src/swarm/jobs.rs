//! Jobs as a creator lists them, and what their terms promise: when which run is due.
//!
//! Worked out here from the terms alone, and not by the keepers' own code: the proof is to find the keepers' mistakes.

mod examples;

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, U256, aliases::U96, utils::parse_ether};
use alloy::providers::{DynProvider, Provider};
use alloy::sol_types::SolEvent;
use anyhow::{Context, Result, anyhow, bail};
use contracts::JobManager::{self, JobCreated};
use contracts::terms::{ActionTerms, Limits, Terms, TriggerTerms};
use sha2::{Digest, Sha256};

use super::anvil::mined_or_sent_again;
use super::numbers::{Numbers, send_lost};
pub(super) use examples::{Shelf, examples, load};

/// After so many seconds the examples with intervals are due together again.
pub const RHYTHM: u64 = 10;
/// Gas for the target's callback.
const CALLBACK_GAS: u32 = 120_000;
/// A cron job's runs are numbered by the minute, and the example is due in each.
const MINUTE: u64 = 60;
const EVERY_MINUTE: &str = "* * * * *";

/// A job to be listed.
#[derive(Debug, Clone)]
pub struct JobRequest {
    /// Its name here.
    pub name: String,
    /// When it is due.
    pub trigger: TriggerTerms,
    /// What it does.
    pub action: ActionTerms,
    /// Contract that is called.
    pub target: Address,
    /// Who lists it and pays; the faucet if nobody is named. Keepers share out what they have among creators.
    pub creator: Option<Address>,
}

impl JobRequest {
    /// Moves all its due moments by so many seconds, or blocks where they are counted. What has no beginning of its own stays.
    pub(super) fn delay(&mut self, seconds: u64, blocks: u64) {
        match &mut self.trigger {
            TriggerTerms::Interval { start, .. } => *start += seconds,
            TriggerTerms::Once { moment } => *moment += seconds,
            TriggerTerms::Blocks { first, .. } => *first += blocks,
            TriggerTerms::Cron { .. } | TriggerTerms::Log(_) | TriggerTerms::Condition(_) => {}
        }
    }

    fn terms(&self) -> Terms {
        Terms {
            trigger: self.trigger.clone(),
            action: self.action.clone(),
            target: self.target,
            callback_gas: CALLBACK_GAS,
            token: Address::ZERO,
            fee: U96::from(1_000_000_000_000_u64),
            quorum_bps: 6667,
            punctual_seconds: 0,
            limits: Limits::default(),
        }
    }
}

/// A job as its creator listed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSpec {
    /// Id on chain.
    pub id: u64,
    /// Name of the example.
    pub name: String,
    /// Who listed it.
    pub creator: Address,
    /// The contract its target sees as caller.
    pub forwarder: Address,
    /// When it is due.
    pub trigger: TriggerTerms,
    /// What it does, in a word.
    pub action: &'static str,
    /// Timestamp of the block in which it was listed, unix seconds.
    pub since: u64,
    /// The last moment a run may be due (unix seconds), once the job was paused.
    pub until: Option<u64>,
}

impl JobSpec {
    /// Due moment of a run, unix seconds; `None` for a run that never is, or where the chain alone tells.
    #[must_use]
    pub fn due(&self, run: u64) -> Option<u64> {
        match self.trigger {
            TriggerTerms::Interval { start, interval } => start.checked_add(run.checked_mul(interval.into())?),
            TriggerTerms::Cron { .. } => run.checked_mul(MINUTE).filter(|due| self.is_a_minute_of_ours(*due)),
            TriggerTerms::Once { moment } => (run == 0).then_some(moment),
            TriggerTerms::Blocks { .. } | TriggerTerms::Log(_) | TriggerTerms::Condition(_) => None,
        }
    }

    /// How many runs are due by the clock up to and including a moment, unix seconds; none where the chain alone tells.
    #[must_use]
    pub fn runs_until(&self, moment: u64) -> u64 {
        let last = self.last(moment);
        match self.trigger {
            TriggerTerms::Interval { start, .. } if last < start => 0,
            TriggerTerms::Interval { start, interval } => (last - start) / u64::from(interval) + 1,
            TriggerTerms::Cron { .. } if !self.is_a_minute_of_ours(last / MINUTE * MINUTE) => 0,
            TriggerTerms::Cron { .. } => last / MINUTE - self.since / MINUTE,
            TriggerTerms::Once { moment } => u64::from(moment <= last),
            TriggerTerms::Blocks { .. } | TriggerTerms::Log(_) | TriggerTerms::Condition(_) => 0,
        }
    }

    /// The first moment from `earliest` on at which a run is due by the clock.
    pub(super) fn next_due(&self, earliest: u64) -> Option<u64> {
        self.due(self.first_run() + self.runs_until(earliest.checked_sub(1)?))
    }

    /// The last moment at which a run may be due, once it was paused.
    pub(super) fn last_due(&self) -> Option<u64> {
        match self.trigger {
            TriggerTerms::Blocks { .. } | TriggerTerms::Log(_) | TriggerTerms::Condition(_) => self.until,
            _ => self.due(self.first_run() + self.runs_until(u64::MAX).checked_sub(1)?),
        }
    }

    /// The earlier of a moment and the last one at which a run may be due.
    pub(super) fn last(&self, moment: u64) -> u64 {
        moment.min(self.until.unwrap_or(u64::MAX))
    }

    /// The number of the first run due by the clock: minutes are counted from 1970 on, the first is the one after the listing.
    const fn first_run(&self) -> u64 {
        match self.trigger {
            TriggerTerms::Cron { .. } => self.since / MINUTE + 1,
            _ => 0,
        }
    }

    /// Of the patterns only the one of the example is known here: every minute.
    fn is_a_minute_of_ours(&self, due: u64) -> bool {
        let TriggerTerms::Cron { pattern } = &self.trigger else { return false };
        pattern == EVERY_MINUTE && due / MINUTE > self.since / MINUTE
    }

    /// When it is due, in words.
    #[must_use]
    pub fn words(&self) -> String {
        match &self.trigger {
            TriggerTerms::Interval { start, interval } => format!("interval {interval} s from {start}"),
            TriggerTerms::Cron { pattern } => format!("cron {pattern}"),
            TriggerTerms::Once { moment } => format!("once at {moment}"),
            TriggerTerms::Blocks { first, every } => format!("blocks, every {every} from {first}"),
            TriggerTerms::Log(log) => format!("log of {}", log.emitter),
            TriggerTerms::Condition(condition) => format!("condition of {}", condition.target),
        }
    }
}

/// sha256 of a job's code, as it goes on chain.
#[must_use]
pub fn code_hash(code: &[u8]) -> B256 {
    B256::from_slice(&Sha256::digest(code))
}

/// Lists jobs, all at once, and returns them as the chain knows them.
///
/// # Errors
/// When the JobManager refuses one.
pub(super) async fn create(
    provider: &DynProvider,
    manager: Address,
    faucet: Address,
    requests: &[JobRequest],
) -> Result<Vec<JobSpec>> {
    let manager = JobManager::new(manager, provider);
    let funding = parse_ether("1000")?;
    let value = funding + U256::from(manager.listingDeposit().call().await?);
    let (mut sent, mut numbers) = (Vec::new(), Numbers::default());
    let count = manager.jobCount().call().await?;
    for (request, number) in requests.iter().zip(count..) {
        let creator = request.creator.unwrap_or(faucet);
        if creator != faucet {
            take_over(provider, creator, U256::from(2) * funding).await?;
        }
        // no number comes twice: there are as many jobs more as were listed
        let salt = B256::from(U256::from(number));
        let call = manager.createJob(request.terms().params(), funding, salt).from(creator).value(value);
        let first = numbers.send(provider, creator, |nonce| call.clone().nonce(nonce)).await;
        let first = first.with_context(|| format!("the JobManager refuses job {}", request.name))?;
        sent.push((request, creator, call, first));
    }
    let (mut specs, mut moments) = (Vec::new(), Moments::default());
    for (request, creator, call, first) in sent {
        // A salt counts once, so that no job is listed twice.
        let again = || send_lost(provider, creator, &call);
        let receipt = mined_or_sent_again(provider, first, &format!("job {}", request.name), again).await?;
        let created = receipt.logs().iter().find_map(|log| JobCreated::decode_log(&log.inner).ok());
        let Some(created) = created else {
            bail!("creating job {} failed in transaction {}", request.name, receipt.transaction_hash)
        };
        specs.push(JobSpec {
            id: created.jobId,
            name: request.name.clone(),
            creator,
            forwarder: created.forwarder,
            trigger: request.trigger.clone(),
            action: request.action.name(),
            since: moments.of(provider, receipt.block_number).await?,
            until: None,
        });
    }
    Ok(specs)
}

/// Timestamps of blocks, each read once.
#[derive(Debug, Default)]
struct Moments(BTreeMap<u64, u64>);

impl Moments {
    async fn of(&mut self, provider: &DynProvider, block: Option<u64>) -> Result<u64> {
        let number = block.context("a receipt names no block")?;
        if let Some(known) = self.0.get(&number) {
            return Ok(*known);
        }
        let block = provider.get_block_by_number(number.into()).await?;
        let timestamp = block.with_context(|| format!("block {number} is gone"))?.header.timestamp;
        self.0.insert(number, timestamp);
        Ok(timestamp)
    }
}

/// Has the chain sign for an account that nobody has the key of, and gives it coins.
async fn take_over(provider: &DynProvider, account: Address, coins: U256) -> Result<()> {
    let (impersonate, give) = ("anvil_impersonateAccount", "anvil_setBalance");
    let () = provider.raw_request(impersonate.into(), [account]).await.context(impersonate)?;
    provider.raw_request(give.into(), (account, coins)).await.context(give)
}

/// Pauses jobs; returns for each the last moment at which a run may be due.
///
/// # Errors
/// When the JobManager refuses.
pub(super) async fn pause(
    provider: &DynProvider,
    manager: Address,
    jobs: &[(u64, Address)],
) -> Result<BTreeMap<u64, u64>> {
    let manager = JobManager::new(manager, provider);
    let (mut sent, mut numbers) = (Vec::new(), Numbers::default());
    for (job, creator) in jobs {
        let call = manager.pause(*job).from(*creator);
        let first = numbers.send(provider, *creator, |nonce| call.clone().nonce(nonce)).await?;
        sent.push((*creator, call, first));
    }
    let mut until = BTreeMap::new();
    for (creator, call, first) in sent {
        // What is paused is paused but once.
        let again = || send_lost(provider, creator, &call);
        let receipt = mined_or_sent_again(provider, first, "the pause of a job", again).await?;
        let event = receipt.logs().iter().find_map(|log| JobManager::JobPaused::decode_log(&log.inner).ok());
        let event = event.ok_or_else(|| anyhow!("pausing failed in transaction {}", receipt.transaction_hash))?;
        until.insert(event.jobId, event.inactiveFrom);
    }
    Ok(until)
}

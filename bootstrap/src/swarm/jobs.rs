//! Jobs as a creator lists them, the examples among them, and what their terms promise: when which run is due.
//!
//! Worked out here from the terms alone, and not by the keepers' own code: the proof is to find the keepers' mistakes.

use std::collections::BTreeMap;
use std::path::Path;

use alloy::primitives::{Address, B256, Bytes, U256, aliases::U96, utils::parse_ether};
use alloy::providers::{DynProvider, Provider};
use alloy::sol_types::{SolCall, SolEvent};
use anyhow::{Context, Result, anyhow, bail};
use contracts::Counter;
use contracts::JobManager::{self, JobCreated};
use contracts::deploy::Examples;
use contracts::terms::{ActionTerms, CallTerms, Limits, Terms, TriggerTerms, WasmTerms};
use sha2::{Digest, Sha256};

use super::JobSet;
use super::anvil::mined_or_sent_again;
use super::code_server::CodeServer;
use super::numbers::Numbers;

/// First due moments are multiples of this, so that the examples are due together again and again.
pub const RHYTHM: u64 = 10;
/// Gas for the target's callback.
const CALLBACK_GAS: u32 = 120_000;

/// An example: its name, and when it is due, given the first due moment of all (unix seconds).
struct Example {
    name: &'static str,
    trigger: fn(u64) -> TriggerTerms,
    action: fn(&Shelf<'_>, &str) -> Result<ActionTerms>,
}

/// The basic examples. `counter` comes first: its calls are compared with the chain.
const BASIC: [Example; 3] = [
    code("counter", |start| every(start, 2)),
    code("heartbeat", |start| every(start, 2)),
    code("watch", |start| every(start, 5)),
];
/// The others: one of every kind that the basic ones leave out.
const OTHERS: [Example; 2] = [
    Example { name: "once", trigger: |moment| TriggerTerms::Once { moment }, action: |shelf, _| shelf.code("counter") },
    Example { name: "call", trigger: |start| every(start, 2), action: |_, _| Ok(increment()) },
];

/// The counter counts, without any code.
fn increment() -> ActionTerms {
    ActionTerms::Call(CallTerms { calldata: Counter::incrementCall {}.abi_encode().into() })
}

/// An example that runs the code of its name.
const fn code(name: &'static str, trigger: fn(u64) -> TriggerTerms) -> Example {
    Example { name, trigger, action: |shelf, name| shelf.code(name) }
}

const fn every(start: u64, interval: u32) -> TriggerTerms {
    TriggerTerms::Interval { start, interval }
}

/// Where examples take what they need from.
pub(super) struct Shelf<'a> {
    /// Folder with the built code.
    pub(super) folder: &'a Path,
    /// Hands it out.
    pub(super) server: &'a CodeServer,
    /// The contracts that examples read and call.
    pub(super) examples: &'a Examples,
}

impl Shelf<'_> {
    /// The code of an example, served.
    fn code(&self, name: &str) -> Result<ActionTerms> {
        let path = self.folder.join(format!("{name}.wasm"));
        let code = std::fs::read(&path).with_context(|| {
            format!(
                "{} is not there; build the examples: bootstrap/jobs/build.sh {}",
                path.display(),
                self.folder.display()
            )
        })?;
        let code_hash = code_hash(&code);
        let code_url = self.server.serve(&format!("{name}.wasm"), code);
        let params = if name == "watch" { self.examples.feed.to_vec().into() } else { Bytes::new() };
        Ok(ActionTerms::Wasm(WasmTerms { code_url, code_hash, params }))
    }
}

/// The examples of a set, first due at moment 0.
///
/// # Errors
/// When their code was not built.
pub(super) fn examples(set: JobSet, shelf: &Shelf<'_>) -> Result<Vec<JobRequest>> {
    let others = if set == JobSet::All { &OTHERS[..] } else { &[] };
    let request = |example: &Example| {
        Ok(JobRequest {
            name: example.name.to_owned(),
            trigger: (example.trigger)(0),
            action: (example.action)(shelf, example.name)?,
            target: shelf.examples.counter,
            creator: None,
        })
    };
    BASIC.iter().chain(others).map(request).collect()
}

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
    /// Moves all its due moments by so many seconds.
    pub(super) fn delay(&mut self, seconds: u64) {
        match &mut self.trigger {
            TriggerTerms::Interval { start, .. } => *start += seconds,
            TriggerTerms::Once { moment } => *moment += seconds,
            _ => {}
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
    /// The last moment a run may be due (unix seconds), once the job was paused.
    pub until: Option<u64>,
}

impl JobSpec {
    /// Due moment of a run, unix seconds; `None` for a run that never is.
    #[must_use]
    pub fn due(&self, run: u64) -> Option<u64> {
        match self.trigger {
            TriggerTerms::Interval { start, interval } => start.checked_add(run.checked_mul(interval.into())?),
            TriggerTerms::Once { moment } => (run == 0).then_some(moment),
            _ => None,
        }
    }

    /// How many runs are due up to and including a moment, unix seconds.
    #[must_use]
    pub fn runs_until(&self, moment: u64) -> u64 {
        let last = moment.min(self.until.unwrap_or(u64::MAX));
        match self.trigger {
            TriggerTerms::Interval { start, .. } if last < start => 0,
            TriggerTerms::Interval { start, interval } => (last - start) / u64::from(interval) + 1,
            TriggerTerms::Once { moment } => u64::from(moment <= last),
            _ => 0,
        }
    }

    /// When it is due, in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self.trigger {
            TriggerTerms::Interval { start, interval } => format!("interval {interval} s from {start}"),
            TriggerTerms::Once { moment } => format!("once at {moment}"),
            _ => self.trigger.name().to_owned(),
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
    let mut specs = Vec::new();
    for (request, creator, call, first) in sent {
        // A salt counts once, so that no job is listed twice.
        let again = || async { Ok(*call.send().await?.tx_hash()) };
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
            until: None,
        });
    }
    Ok(specs)
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
        sent.push((call, first));
    }
    let mut until = BTreeMap::new();
    for (call, first) in sent {
        // What is paused is paused but once.
        let again = || async { Ok(*call.send().await?.tx_hash()) };
        let receipt = mined_or_sent_again(provider, first, "the pause of a job", again).await?;
        let event = receipt.logs().iter().find_map(|log| JobManager::JobPaused::decode_log(&log.inner).ok());
        let event = event.ok_or_else(|| anyhow!("pausing failed in transaction {}", receipt.transaction_hash))?;
        until.insert(event.jobId, event.inactiveFrom);
    }
    Ok(until)
}

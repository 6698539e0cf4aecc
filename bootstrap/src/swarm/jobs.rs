//! Jobs as a creator lists them: code behind a URL, a hash, a trigger, a target, money.

use std::collections::BTreeMap;
use std::path::Path;

use alloy::primitives::{Address, B256, Bytes, U256, aliases::U96, utils::parse_ether};
use alloy::providers::DynProvider;
use alloy::sol_types::{SolEvent, SolValue};
use anyhow::{Context, Result, anyhow, bail};
use contracts::JobManager::{self, JobCreated};
use contracts::{IJobManager, deploy::Examples};
use sha2::{Digest, Sha256};

use super::proof::JobSpec;

/// The basic example jobs: name, seconds between runs. `counter` comes first: its calls are compared with the chain.
pub(super) const BASIC: [(&str, u64); 3] = [("counter", 2), ("heartbeat", 2), ("watch", 5)];
/// First due moments are multiples of this, so that the examples are due together again and again.
pub const RHYTHM: u64 = 10;
/// Gas for the target's callback.
const CALLBACK_GAS: u32 = 120_000;

/// A job to be listed.
#[derive(Debug, Clone)]
pub struct JobRequest {
    /// Its name here.
    pub name: String,
    /// Where keepers fetch the code.
    pub url: String,
    /// sha256 of the code.
    pub code_hash: B256,
    /// Handed to the code.
    pub params: Bytes,
    /// Contract that is called.
    pub target: Address,
    /// Due moment of run 0, unix seconds.
    pub start: u64,
    /// Seconds between runs.
    pub every: u64,
}

/// sha256 of a job's code, as it goes on chain.
#[must_use]
pub fn code_hash(code: &[u8]) -> B256 {
    B256::from_slice(&Sha256::digest(code))
}

/// Reads the code of an example.
///
/// # Errors
/// When it was not built.
pub(super) fn read_code(folder: &Path, name: &str) -> Result<Vec<u8>> {
    let path = folder.join(format!("{name}.wasm"));
    std::fs::read(&path).with_context(|| {
        format!("{} is not there; build the examples: bootstrap/jobs/build.sh {}", path.display(), folder.display())
    })
}

/// The parameters of an example: `watch` gets the feed's address.
#[must_use]
pub(super) fn params_of(name: &str, examples: &Examples) -> Bytes {
    if name == "watch" { Bytes::copy_from_slice(examples.feed.as_slice()) } else { Bytes::new() }
}

/// Lists jobs, all at once, and returns them as the chain knows them.
///
/// # Errors
/// When the JobManager refuses one.
pub(super) async fn create(
    provider: &DynProvider,
    manager: Address,
    creator: Address,
    requests: &[JobRequest],
) -> Result<Vec<JobSpec>> {
    let manager = JobManager::new(manager, provider);
    let funding = parse_ether("1000")?;
    let mut sent = Vec::new();
    for request in requests {
        let call = manager.createJob(params(request), funding).from(creator).value(funding);
        let pending = call.send().await.with_context(|| format!("the JobManager refuses job {}", request.name))?;
        sent.push((request, pending));
    }
    let mut specs = Vec::new();
    for (request, pending) in sent {
        let receipt = pending.get_receipt().await?;
        let created = receipt.logs().iter().find_map(|log| JobCreated::decode_log(&log.inner).ok());
        let Some(created) = created else {
            bail!("creating job {} failed in transaction {}", request.name, receipt.transaction_hash)
        };
        specs.push(JobSpec {
            id: created.jobId,
            name: request.name.clone(),
            forwarder: created.forwarder,
            start: request.start,
            every: request.every,
            until: None,
        });
    }
    Ok(specs)
}

fn params(request: &JobRequest) -> IJobManager::JobParams {
    IJobManager::JobParams {
        trigger: 0,
        triggerData: (U256::from(request.start), U256::from(request.every)).abi_encode().into(),
        action: 0,
        codeUrl: request.url.clone(),
        codeHash: request.code_hash,
        params: request.params.clone(),
        target: request.target,
        callbackGas: CALLBACK_GAS,
        token: Address::ZERO,
        fee: U96::from(1_000_000_000_000_u64),
        quorumBps: 6667,
        punctualSeconds: 0,
    }
}

/// Pauses jobs; returns for each the last moment at which a run may be due.
///
/// # Errors
/// When the JobManager refuses.
pub(super) async fn pause(
    provider: &DynProvider,
    manager: Address,
    creator: Address,
    jobs: &[u64],
) -> Result<BTreeMap<u64, u64>> {
    let manager = JobManager::new(manager, provider);
    let mut sent = Vec::new();
    for job in jobs {
        sent.push(manager.pause(*job).from(creator).send().await?);
    }
    let mut until = BTreeMap::new();
    for pending in sent {
        let receipt = pending.get_receipt().await?;
        let event = receipt.logs().iter().find_map(|log| JobManager::JobPaused::decode_log(&log.inner).ok());
        let event = event.ok_or_else(|| anyhow!("pausing failed in transaction {}", receipt.transaction_hash))?;
        until.insert(event.jobId, event.inactiveFrom);
    }
    Ok(until)
}

//! One execution, off the loop: is the job what the task says at its anchor, and what does its code produce there?

use std::sync::Arc;

use alloy::eips::BlockId;
use alloy::primitives::{B256, Bytes, U256};
use consensus::anchor::BlockRef;
use consensus::task::{Abstention, DueTask, Outcome, Status};

use super::event::Event;
use super::services::Services;
use crate::chain::{JobParams, convert};
use crate::executor::{Abstain, BlockReference, Code, Ended, RunRequest};

/// `Status.Active` and `Status.Paused` of `IJobManager.sol`; what is due before a pause takes hold still runs.
const ACTIVE: u8 = 1;
const PAUSED: u8 = 2;
const CANCELLED: u8 = 3;

/// What to run.
pub(super) struct Work {
    pub(super) due: DueTask,
    pub(super) attempt: u8,
    pub(super) anchor: BlockRef,
    pub(super) params: Arc<JobParams>,
    pub(super) chain_id: u64,
}

/// Runs a task at its anchor.
pub(super) async fn run(services: &Services, work: Work) -> Event {
    let (task, attempt) = (work.due.task, work.attempt);
    let (result, reason) = match job_at_anchor(services, &work).await {
        Ok(()) => execute(services, &work).await,
        Err((abstention, reason)) => (Err(abstention), reason),
    };
    Event::Executed { task, attempt, anchor: work.anchor.hash, result, reason }
}

/// Version, status and money of the job, read at the anchor: a task whose job is not what it says there is not run.
async fn job_at_anchor(services: &Services, work: &Work) -> Result<(), (Abstention, String)> {
    let manager = contracts::JobManager::new(services.contracts.job_manager, services.provider.clone());
    let call = manager.job(work.due.task.job.0);
    let job = call
        .block(BlockId::hash_canonical(work.anchor.hash))
        .call()
        .await
        .map_err(|error| (Abstention::ChainReadFailed, format!("reading the job at its anchor: {error}")))?;
    let status = job.status as u8;
    let ends = [PAUSED, CANCELLED].contains(&status) && work.due.due <= job.inactiveFrom;
    let inactive = |why: String| Err((Abstention::JobInactive, why));
    if job.version != work.due.task.version {
        return inactive(format!("at the anchor the job has version {}, not {}", job.version, work.due.task.version));
    }
    if status != ACTIVE && !ends {
        return inactive("at the anchor the job is not active".to_owned());
    }
    if U256::from(job.escrow) < U256::from(job.fee) {
        return inactive(format!("at the anchor the job's escrow of {} is below its fee of {}", job.escrow, job.fee));
    }
    Ok(())
}

async fn execute(services: &Services, work: &Work) -> (Result<Outcome, Abstention>, String) {
    let task = work.due.task;
    let request = RunRequest {
        code: Code { url: work.params.codeUrl.clone(), hash: work.params.codeHash.0 },
        job_id: task.job.0,
        task_id: task.id().0.0,
        sequence: convert::run_number(task.instance.0).unwrap_or(0),
        due: work.due.due,
        params: work.params.params.to_vec(),
        reference: BlockReference {
            chain_id: work.chain_id,
            number: work.anchor.number,
            hash: work.anchor.hash.0,
            timestamp: work.anchor.timestamp,
        },
    };
    let run = services.executor.run(request).await;
    for line in &run.logs {
        tracing::debug!(job = task.job.0, "job says: {line}");
    }
    let transcript = B256::from(run.transcript_root);
    let outcome =
        |status, data: Vec<u8>| Outcome { status, data: Bytes::from(data), state_after: B256::ZERO, transcript };
    match run.ended {
        Ended::Call(data) => (Ok(outcome(Status::Call, data)), String::new()),
        Ended::Skip(reason) => (Ok(outcome(Status::Skip, reason.clone().into_bytes())), reason),
        Ended::JobError(reason) => (Ok(outcome(Status::JobError, reason.clone().into_bytes())), reason),
        Ended::Abstain(reason) => (Err(abstention(&reason)), format!("{}: {reason}", reason.name())),
    }
}

fn abstention(reason: &Abstain) -> Abstention {
    match reason {
        Abstain::CodeUnavailable(_) | Abstain::CodeTooLarge | Abstain::CodeHashMismatch | Abstain::CodeInvalid(_) => {
            Abstention::CodeUnavailable
        }
        Abstain::RpcFailure(_) => Abstention::ChainReadFailed,
        Abstain::Timeout => Abstention::Timeout,
        Abstain::StackOverflow | Abstain::HostFailure(_) => Abstention::HostFailure,
        Abstain::Busy => Abstention::Busy,
    }
}

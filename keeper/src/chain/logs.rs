//! Logs of our contracts: asked for, checked, decoded.

use super::digest::Kept;
use super::dispute_log::{self, DISPUTES};
use super::rpc::ChainProvider;
use super::{ChainError, ChainEvent, Contracts, JobEvent, Settled};
use alloy::primitives::{Address, B256, BlockHash, Bloom, BloomInput};
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use contracts::{JobManager as jobs, KeeperRegistry as registry, TaskManager as tasks};

/// Most logs of a range that are taken at once. Those of one block are bounded by its gas, and by the size of an answer.
const MAX_LOGS: usize = if cfg!(test) { 500 } else { 20_000 };

/// Where the logs of a question may come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Blocks {
    /// From the first to the last number, both included.
    Range(u64, u64),
    /// One block by hash: a node that does not have it says so, instead of answering with nothing.
    One(u64, BlockHash),
}

/// A log of ours with its place, decoded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OurLog {
    pub(crate) block: u64,
    pub(crate) block_hash: B256,
    /// The block's timestamp where the node put it in the log.
    pub(crate) timestamp: Option<u64>,
    pub(crate) content: Content,
    /// The log itself, where what it says is remembered over a restart.
    pub(crate) kept: Option<Box<Kept>>,
}

/// What a log of ours says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    /// Ready to be passed on.
    Event(ChainEvent),
    /// A settlement, whose `timestamp` is filled in by the caller.
    Settled(Settled),
    /// An epoch, whose committee is still to be read.
    Epoch(EpochLog),
}

/// `EpochSnapshot` as the registry logs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EpochLog {
    pub(crate) block: u64,
    pub(crate) block_hash: B256,
    pub(crate) epoch: u32,
    pub(crate) active_from: u64,
    pub(crate) size: u16,
    pub(crate) total_stake: u128,
    pub(crate) table_root: B256,
}

/// Our logs of some blocks, in chain order.
///
/// # Errors
/// The node cannot be reached or refuses; it answers with logs of other contracts or blocks, twice the same log, logs
/// of orphaned blocks, or logs that do not decode; a range holds more than is taken at once.
pub(crate) async fn fetch(
    provider: &ChainProvider,
    contracts: &Contracts,
    blocks: Blocks,
) -> Result<Vec<OurLog>, ChainError> {
    let filter =
        Filter::new().address(emitted(contracts).map(|(address, _)| address).to_vec()).event_signature(topics());
    let filter = match blocks {
        Blocks::Range(from, to) => filter.from_block(from).to_block(to),
        Blocks::One(_, hash) => filter.at_block_hash(hash),
    };
    let logs = provider.get_logs(&filter).await?;
    if let Blocks::Range(from, to) = blocks
        && from < to
        && logs.len() > MAX_LOGS
    {
        return Err(ChainError::TooMuch(format!("blocks {from} to {to} hold {} logs", logs.len())));
    }
    let mut placed = logs.into_iter().map(|log| place(log, contracts, blocks)).collect::<Result<Vec<_>, _>>()?;
    placed.sort_by_key(|(place, _)| *place);
    if placed.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(ChainError::unbelievable("duplicate_log", "two logs with one place"));
    }
    let mut all = Vec::new();
    for (_, log) in placed {
        all.extend(decode(&log, contracts)?);
    }
    Ok(all)
}

/// Whether a block with this filter may hold logs of ours. A filter never hides one that is there, and now and then
/// promises one that is not.
pub(crate) fn may_be_in(bloom: &Bloom, contracts: &Contracts) -> bool {
    let holds = |bytes: &[u8]| bloom.contains_input(BloomInput::Raw(bytes));
    emitted(contracts)
        .iter()
        .any(|(address, topics)| holds(address.as_slice()) && topics.iter().any(|topic| holds(topic.as_slice())))
}

/// What is read of our contracts' logs.
pub(crate) fn topics() -> Vec<B256> {
    [&JOBS[..], &REGISTRY, &TASKS, &DISPUTES].concat()
}

/// Each contract with what it may log.
fn emitted(contracts: &Contracts) -> [(Address, &'static [B256]); 4] {
    [
        (contracts.job_manager, &JOBS),
        (contracts.keeper_registry, &REGISTRY),
        (contracts.task_manager, &TASKS),
        (contracts.challenger, &DISPUTES),
    ]
}

const JOBS: [B256; 6] = [
    jobs::JobCreated::SIGNATURE_HASH,
    jobs::JobCovered::SIGNATURE_HASH,
    jobs::JobPaused::SIGNATURE_HASH,
    jobs::JobResumed::SIGNATURE_HASH,
    jobs::JobUpdated::SIGNATURE_HASH,
    jobs::JobCancelled::SIGNATURE_HASH,
];
const REGISTRY: [B256; 5] = [
    registry::OperatorRegistered::SIGNATURE_HASH,
    registry::OperatorDeregistered::SIGNATURE_HASH,
    registry::KeysRotated::SIGNATURE_HASH,
    registry::OperatorEjected::SIGNATURE_HASH,
    registry::EpochSnapshot::SIGNATURE_HASH,
];
const TASKS: [B256; 3] =
    [tasks::TaskSettled::SIGNATURE_HASH, tasks::TasksSkipped::SIGNATURE_HASH, tasks::ReportIneligible::SIGNATURE_HASH];

/// The log's (block, index), if it is what was asked for.
fn place(log: Log, contracts: &Contracts, blocks: Blocks) -> Result<((u64, u64), Log), ChainError> {
    let address = log.address();
    let emitted = emitted(contracts);
    let Some((_, topics)) = emitted.iter().find(|(ours, _)| *ours == address) else {
        return Err(ChainError::unbelievable("log_of_other_contract", format!("a log of {address}")));
    };
    if !log.topic0().is_some_and(|topic| topics.contains(topic)) {
        let detail = format!("a log of {address} with the topic {:?}", log.topic0());
        return Err(ChainError::unbelievable("log_of_other_event", detail));
    }
    let (Some(number), Some(hash), Some(index)) = (log.block_number, log.block_hash, log.log_index) else {
        return Err(ChainError::unbelievable("log_without_block", "a log that is in no block"));
    };
    if log.removed {
        return Err(ChainError::unbelievable("removed_log", format!("a log of orphaned block {number}")));
    }
    let asked_for = match blocks {
        Blocks::Range(from, to) => (from..=to).contains(&number),
        Blocks::One(expected, expected_hash) => number == expected && hash == expected_hash,
    };
    if !asked_for {
        return Err(ChainError::unbelievable("log_of_other_block", format!("a log of block {number} {hash}")));
    }
    Ok(((number, index), log))
}

/// What a log of ours says.
///
/// # Errors
/// It does not decode.
pub(crate) fn decode(log: &Log, contracts: &Contracts) -> Result<Vec<OurLog>, ChainError> {
    let Some(topic) = log.topic0().copied() else { return Ok(Vec::new()) };
    let (address, block) = (log.address(), log.block_number.unwrap_or_default());
    let content = if address == contracts.job_manager {
        decode_job(block, topic, log).map(Vec::from_iter)
    } else if address == contracts.keeper_registry {
        decode_registry(block, topic, log).map(Vec::from_iter)
    } else if address == contracts.challenger {
        dispute_log::decode(block, topic, log).map(|event| event.map(Content::Event).into_iter().collect())
    } else {
        decode_task(block, topic, log)
    };
    let content = content.map_err(|error| {
        let detail = format!("the log with topic {topic} of {address} in block {block} does not decode: {error}");
        ChainError::unbelievable("undecodable_log", detail)
    })?;
    let kept = (address != contracts.task_manager).then(|| Kept::of(log)).flatten();
    let ours = |content| OurLog {
        block,
        block_hash: log.block_hash.unwrap_or_default(),
        timestamp: log.block_timestamp,
        content,
        kept: kept.clone().map(Box::new),
    };
    Ok(content.into_iter().map(ours).collect())
}

fn decode_job(block: u64, topic: B256, log: &Log) -> Result<Option<Content>, alloy::sol_types::Error> {
    let event = match topic {
        jobs::JobCreated::SIGNATURE_HASH => {
            let jobs::JobCreated { jobId, owner, forwarder, params, activeFrom } =
                jobs::JobCreated::decode_log_validate(&log.inner)?.data;
            JobEvent::Created { job_id: jobId, owner, forwarder, params: Box::new(params), active_from: activeFrom }
        }
        jobs::JobCovered::SIGNATURE_HASH => {
            let jobs::JobCovered { jobId, covered } = jobs::JobCovered::decode_log_validate(&log.inner)?.data;
            JobEvent::Covered { job_id: jobId, covered }
        }
        jobs::JobPaused::SIGNATURE_HASH => {
            let event = jobs::JobPaused::decode_log_validate(&log.inner)?.data;
            JobEvent::Paused { job_id: event.jobId, inactive_from: event.inactiveFrom }
        }
        jobs::JobResumed::SIGNATURE_HASH => {
            let event = jobs::JobResumed::decode_log_validate(&log.inner)?.data;
            JobEvent::Resumed { job_id: event.jobId, version: event.version, active_from: event.activeFrom }
        }
        jobs::JobUpdated::SIGNATURE_HASH => {
            let jobs::JobUpdated { jobId, version, params, activeFrom } =
                jobs::JobUpdated::decode_log_validate(&log.inner)?.data;
            JobEvent::Updated { job_id: jobId, version, params: Box::new(params), active_from: activeFrom }
        }
        jobs::JobCancelled::SIGNATURE_HASH => {
            let event = jobs::JobCancelled::decode_log_validate(&log.inner)?.data;
            JobEvent::Cancelled { job_id: event.jobId, inactive_from: event.inactiveFrom }
        }
        _ => return Ok(None),
    };
    Ok(Some(Content::Event(ChainEvent::Job { block, event })))
}

fn decode_registry(block: u64, topic: B256, log: &Log) -> Result<Option<Content>, alloy::sol_types::Error> {
    let (operator, peer_key) = match topic {
        registry::OperatorRegistered::SIGNATURE_HASH => {
            let event = registry::OperatorRegistered::decode_log_validate(&log.inner)?.data;
            (event.operator, Some(event.peerKey.0))
        }
        // Admitted from now on; the committees it is in under its old key keep that one in for as long as they count.
        registry::KeysRotated::SIGNATURE_HASH => {
            let event = registry::KeysRotated::decode_log_validate(&log.inner)?.data;
            (event.operator, Some(event.peerKey.0))
        }
        registry::OperatorDeregistered::SIGNATURE_HASH => {
            (registry::OperatorDeregistered::decode_log_validate(&log.inner)?.data.operator, None)
        }
        registry::OperatorEjected::SIGNATURE_HASH => {
            let operator = registry::OperatorEjected::decode_log_validate(&log.inner)?.data.operator;
            return Ok(Some(Content::Event(ChainEvent::Ejected { block, operator })));
        }
        registry::EpochSnapshot::SIGNATURE_HASH => {
            let event = registry::EpochSnapshot::decode_log_validate(&log.inner)?.data;
            return Ok(Some(Content::Epoch(EpochLog {
                block,
                block_hash: log.block_hash.unwrap_or_default(),
                epoch: event.epoch,
                active_from: event.activeFrom,
                size: event.size,
                total_stake: event.totalStake.saturating_to(),
                table_root: event.tableRoot,
            })));
        }
        _ => return Ok(None),
    };
    Ok(Some(Content::Event(ChainEvent::Operator { block, operator, peer_key })))
}

fn decode_task(block: u64, topic: B256, log: &Log) -> Result<Vec<Content>, alloy::sol_types::Error> {
    if topic == tasks::ReportIneligible::SIGNATURE_HASH {
        let event = tasks::ReportIneligible::decode_log_validate(&log.inner)?.data;
        let (task_id, job_id, reason) = (event.taskId, event.jobId, event.reason.into());
        return Ok(vec![Content::Event(ChainEvent::Ineligible { block, task_id, job_id, reason })]);
    }
    let settled = contracts::settled_tasks(&log.inner.data)?.into_iter().map(|task| {
        Content::Settled(Settled {
            block,
            timestamp: log.block_timestamp.unwrap_or_default(),
            tx: log.transaction_hash.unwrap_or_default(),
            task_id: task.task_id,
            job_id: task.job_id,
            job_version: task.job_version,
            instance_key: task.instance_key,
            status: task.status,
            seconds_late: task.seconds_late,
            anchor_number: task.anchor_number,
            outcome_hash: task.outcome_hash,
            delivered: task.delivered,
            submitter: task.submitter,
        })
    });
    Ok(settled.collect())
}

//! The statement that a settling transaction makes on one of its tasks: report, Merkle proof, signers, signature. Whoever has
//! the transaction's calldata needs nobody else to dispute what it settled, or to show that it was certified.

use alloy::primitives::{B256, keccak256};
use alloy::sol_types::{SolCall, SolValue};
use consensus::merkle;
use consensus::report::{Anchor, BATCH_MAX, Report};
use consensus::task::{InstanceKey, JobId, Status, Task};
use contracts::ITaskManager::{Certificate, Delivery};
use contracts::{IChallenger, Run, SettledTask, TaskManager};

use super::convert;

/// Calls looked at in one transaction: more batches than a block holds.
const CALLS_MAX: usize = 4_096;

/// What a quorum certified of a task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Certified {
    /// Epoch of the committee that signed.
    pub(crate) epoch: u32,
    /// Root of the batch that holds the report.
    pub(crate) root: B256,
    /// The report, with what shows that they signed it: unless it settled after others of its batch, then signers and signature may
    /// be anything, for the contract had looked at them before.
    pub(crate) statement: IChallenger::Statement,
    /// What a call hands to its target; none for what is no call.
    pub(crate) delivery: Option<Delivery>,
}

impl Certified {
    /// The same with another certificate of its batch.
    pub(crate) fn with(&self, certificate: Certificate) -> Self {
        let Certificate { epoch, signature, signers } = certificate;
        let statement = IChallenger::Statement { signers, signature, ..self.statement.clone() };
        Self { epoch, root: self.root, statement, delivery: self.delivery.clone() }
    }
}

/// What a transaction's calldata says of what it settled: that of `TaskManager.settle`, or of a contract that hands it on as it is.
///
/// # Errors
/// It is no such calldata, is not consistent, or has no such task; in words.
pub(crate) fn certified(input: &[u8], settled: &SettledTask) -> Result<Certified, String> {
    let mut why = "its calldata does not hold that of TaskManager.settle".to_owned();
    for call in calls(input) {
        match in_call(call, settled) {
            Ok(certified) => return Ok(certified),
            Err(error) => why = error,
        }
    }
    Err(why)
}

/// The certificates in a transaction's calldata.
pub(crate) fn certificates(input: &[u8]) -> impl Iterator<Item = Certificate> {
    calls(input).filter_map(|call| Some(TaskManager::settleCall::abi_decode(call).ok()?.certificate))
}

fn calls(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    let selector = TaskManager::settleCall::SELECTOR;
    let places = (0..input.len()).map(|place| &input[place..]).filter(move |rest| rest.starts_with(&selector));
    places.take(CALLS_MAX)
}

fn in_call(input: &[u8], settled: &SettledTask) -> Result<Certified, String> {
    // Not validated: a call within another has padding behind it.
    let TaskManager::settleCall { certificate, batch } = TaskManager::settleCall::abi_decode(input)
        .map_err(|error| format!("its calldata is not that of TaskManager.settle: {error}"))?;
    if batch.entries.len() > BATCH_MAX || batch.leaves.len() > BATCH_MAX {
        return Err(format!("it brings more than {BATCH_MAX} reports"));
    }
    let mut deliveries = batch.deliveries.iter();
    let mut reports = Vec::with_capacity(batch.entries.len());
    let mut delivered = Vec::with_capacity(batch.entries.len());
    for entry in &batch.entries {
        let run = Run::from_word(entry.run);
        let status = Status::from_number(run.status).ok_or("it brings a report with a status that does not exist")?;
        let place = usize::try_from(run.anchor).unwrap_or(usize::MAX);
        let anchor = batch.anchors.get(place).ok_or("it brings a report without an anchor")?;
        let delivery = match status {
            Status::Call => Some(deliveries.next().ok_or("it brings a call without its outcome")?),
            Status::Skip | Status::JobError => None,
        };
        let outcome_hash = delivery.map_or(entry.outcomeHash, outcome_hash);
        delivered.push(delivery);
        reports.push(Report {
            task: Task { job: JobId(run.job_id), version: run.job_version, instance: InstanceKey(entry.instanceKey) },
            anchor: Anchor { number: anchor.number, hash: anchor.hash },
            input_set: entry.inputHash,
            status,
            outcome_hash,
        });
    }
    // One batch may hold the task at several anchors.
    let is_it = |report: &&Report| {
        let Report { task, anchor, status, outcome_hash, .. } = **report;
        task.id().0 == settled.task_id
            && (anchor.number, status as u8) == (settled.anchor_number, settled.status)
            && outcome_hash == settled.outcome_hash
    };
    let found = reports.iter().zip(delivered).find(|(report, _)| is_it(report));
    let (report, delivery) = found.ok_or("it brings no such report of this run")?;
    let leaf = report.leaf();
    let leaves = all_leaves(&reports, &batch.leaves).ok_or("its leaves do not fit its reports")?;
    let position = leaves.iter().position(|other| *other == leaf).ok_or("its leaves do not hold its report")?;
    let proof = merkle::proof(&leaves, position).ok_or("its leaves do not hold its report")?;
    let statement = IChallenger::Statement {
        report: convert::report(report),
        proof,
        signers: certificate.signers,
        signature: certificate.signature,
    };
    Ok(Certified { epoch: certificate.epoch, root: merkle::root(&leaves), statement, delivery: delivery.cloned() })
}

/// `ReportLib.outcomeHash`.
fn outcome_hash(delivery: &Delivery) -> B256 {
    let words = (keccak256(&delivery.outcome), delivery.codeHash, delivery.stateAfterRoot, delivery.transcriptRoot);
    keccak256(words.abi_encode())
}

/// `BatchLib.root`: where a leaf is zero the next report stands.
fn all_leaves(reports: &[Report], given: &[B256]) -> Option<Vec<B256>> {
    let mut own = reports.iter().map(Report::leaf);
    if given.is_empty() {
        return Some(own.collect());
    }
    let all: Option<Vec<B256>> =
        given.iter().map(|leaf| if leaf.is_zero() { own.next() } else { Some(*leaf) }).collect();
    all.filter(|_| own.next().is_none())
}

#[cfg(test)]
mod tests;

//! The one place where the chain's types and the protocol's types meet.

use alloy::primitives::{B256, Bytes, U256, keccak256};
use consensus::anchor::BlockRef;
use consensus::bls::{BlsError, PublicKey, Signature};
use consensus::codec;
use consensus::committee::{Committee, CommitteeError, Member, PeerKey, SignerSet};
use consensus::dispute::{AgreedRuling, Disputed};
use consensus::effect::Settlement as CertifiedBatch;
use consensus::evidence::{Evidence, Statement};
use consensus::report::Report;
use consensus::task::{InstanceKey, JobId, Status, Task};
use contracts::ITaskManager::{Delivery, Entry};
use contracts::{IChallenger, ReportLib, Run};
use thiserror::Error;

use super::{Accusation, Anchor, Batch, Certificate, EpochSnapshot, Head, RulingCall, Settled, Settlement};

/// Why an epoch on chain is no committee.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum ConvertError {
    /// A key that the registry should have refused.
    #[error("operator {index} of epoch {epoch} has an unusable BLS key: {error}")]
    Key {
        /// The epoch.
        epoch: u32,
        /// The operator's index.
        index: usize,
        /// What is wrong with it.
        error: BlsError,
    },
    /// The rows as a whole.
    #[error("epoch {epoch}: {error}")]
    Committee {
        /// The epoch.
        epoch: u32,
        /// What is wrong with them.
        error: CommitteeError,
    },
}

/// A block of the watcher as the protocol sees it.
pub fn block(head: &Head) -> BlockRef {
    BlockRef { number: head.number, hash: head.hash, timestamp: head.timestamp }
}

/// The committee of an epoch.
///
/// # Errors
/// [`ConvertError`] when the registry holds what it should have refused.
pub fn committee(snapshot: &EpochSnapshot) -> Result<Committee, ConvertError> {
    let epoch = snapshot.epoch;
    let member = |(index, row): (usize, &super::MemberRow)| {
        let key =
            PublicKey::from_chain_bytes(&row.bls_key).map_err(|error| ConvertError::Key { epoch, index, error })?;
        Ok(Member { operator: row.operator, stake: row.stake, peer_key: PeerKey(row.peer_key), key })
    };
    let members = snapshot.members.iter().enumerate().map(member).collect::<Result<_, _>>()?;
    Committee::new(epoch, snapshot.active_from, snapshot.table_root, members)
        .map_err(|error| ConvertError::Committee { epoch, error })
}

/// The task a settlement is about.
pub fn task(settled: &Settled) -> Task {
    Task { job: JobId(settled.job_id), version: settled.job_version, instance: InstanceKey(settled.instance_key) }
}

/// A certified batch as the contract takes it; `unpaid` are the positions of reports that are not brought.
pub fn settlement(batch: &CertifiedBatch, unpaid: Vec<usize>) -> Settlement {
    let certificate = &batch.certificate;
    let mut called = Batch { anchors: Vec::new(), entries: Vec::new(), deliveries: Vec::new(), leaves: Vec::new() };
    let mut gas = Vec::new();
    let terms = batch.code_hashes.iter().zip(&batch.callback_gas);
    for ((report, outcome), (&code_hash, &callback_gas)) in certificate.reports.iter().zip(&batch.outcomes).zip(terms) {
        let anchor = Anchor { number: report.anchor.number, hash: report.anchor.hash };
        let position = called.anchors.iter().position(|known| *known == anchor).unwrap_or_else(|| {
            called.anchors.push(anchor);
            called.anchors.len() - 1
        });
        called.entries.push(entry(report, position));
        if report.status == Status::Call {
            gas.push(u64::from(callback_gas));
            called.deliveries.push(Delivery {
                codeHash: code_hash,
                stateAfterRoot: outcome.state_after,
                transcriptRoot: outcome.transcript,
                outcome: outcome.data.clone(),
            });
        }
    }
    let leaves = certificate.reports.iter().map(Report::leaf).collect();
    let certificate = Certificate {
        epoch: certificate.epoch,
        signature: Bytes::from(certificate.signature.to_chain_bytes().to_vec()),
        signers: words(&certificate.signers.to_bytes(batch.committee_size)),
    };
    Settlement { certificate, batch: called, callback_gas: gas, leaves, unpaid, takeover: batch.takeover }
}

fn entry(report: &Report, anchor: usize) -> Entry {
    let run = Run {
        job_id: report.task.job.0,
        job_version: report.task.version,
        anchor: anchor as u64,
        status: report.status as u8,
    };
    Entry {
        run: run.word(),
        instanceKey: report.task.instance.0,
        inputHash: report.input_set,
        outcomeHash: if report.status == Status::Call { B256::ZERO } else { report.outcome_hash },
    }
}

/// A proof of equivocation as the contract takes it; `None` for one that the engine would have refused.
pub fn accusation(evidence: &Evidence) -> Option<Accusation> {
    let signers = |statement: &Statement| SignerSet::from_bytes(&statement.signers, 8 * statement.signers.len());
    let (first, second) = (signers(&evidence.first)?, signers(&evidence.second)?);
    Some(Accusation {
        key: keccak256(codec::encode(evidence)),
        epoch: evidence.epoch,
        first: statement(&evidence.first)?,
        second: statement(&evidence.second)?,
        task_id: evidence.task()?.id().0,
        guilty: first.iter().filter(|&index| second.contains(index)).map(|index| index.0).collect(),
    })
}

/// A report as the contract takes it.
pub fn report(report: &Report) -> ReportLib::Report {
    ReportLib::Report {
        jobId: report.task.job.0,
        jobVersion: report.task.version,
        instanceKey: report.task.instance.0,
        anchorNumber: report.anchor.number,
        anchorHash: report.anchor.hash,
        inputHash: report.input_set,
        status: report.status as u8,
        outcomeHash: report.outcome_hash,
    }
}

/// A dispute that the contract took; `None` for a report with a status that does not exist.
pub fn disputed(block: u64, report: &ReportLib::Report, deadline: u64) -> Option<Disputed> {
    let task = Task { job: JobId(report.jobId), version: report.jobVersion, instance: InstanceKey(report.instanceKey) };
    let report = Report {
        task,
        anchor: consensus::report::Anchor { number: report.anchorNumber, hash: report.anchorHash },
        input_set: report.inputHash,
        status: Status::from_number(report.status)?,
        outcome_hash: report.outcomeHash,
    };
    Some(Disputed { block, report, deadline })
}

/// A ruling as the contract takes it.
pub fn ruling(ruling: &AgreedRuling) -> RulingCall {
    RulingCall {
        dispute: ruling.dispute,
        status: ruling.answer.status as u8,
        outcome_hash: ruling.answer.outcome_hash,
        epoch: ruling.epoch,
        signature: Bytes::from(ruling.signature.to_chain_bytes().to_vec()),
        signers: words(&ruling.signers.to_bytes(ruling.committee_size)),
    }
}

fn statement(statement: &Statement) -> Option<IChallenger::Statement> {
    let said = statement.report.report()?;
    let signature = Signature::from_bytes(&*statement.signature).ok()?;
    Some(IChallenger::Statement {
        report: report(&said),
        proof: statement.proof.iter().map(|sibling| B256::from(**sibling)).collect(),
        signers: words(&statement.signers),
        signature: Bytes::from(signature.to_chain_bytes().to_vec()),
    })
}

/// A bitmap as the contract takes it: words of 256 bits, bit i of the committee is bit i % 256 of word i / 256.
fn words(bitmap: &[u8]) -> Vec<U256> {
    bitmap.chunks(32).map(U256::from_le_slice).collect()
}

/// The run number behind an instance key, for people; `None` if it is a hash.
pub fn run_number(instance: B256) -> Option<u64> {
    let (high, low) = instance.0.split_at(24);
    let low: [u8; 8] = low.try_into().ok()?;
    high.iter().all(|&byte| byte == 0).then(|| u64::from_be_bytes(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bitmap_words_start_at_the_lowest_bit() {
        assert_eq!(words(&[0b1_0001]), [U256::from(17)]);
        assert_eq!(words(&[1, 2]), [U256::from(0x0201)]);
        let mut wide = vec![0; 33];
        wide[32] = 1;
        assert_eq!(words(&wide), [U256::ZERO, U256::from(1)]);
    }

    #[test]
    fn run_numbers_read_back_and_hashes_do_not() {
        assert_eq!(run_number(InstanceKey::from_run(77).0), Some(77));
        assert_eq!(run_number(B256::repeat_byte(1)), None);
    }

    #[test]
    fn an_epoch_with_a_bad_key_is_named() {
        let row = super::super::MemberRow {
            operator: alloy::primitives::Address::ZERO,
            stake: 1,
            peer_key: [1; 32],
            bls_key: vec![0; 192],
        };
        let snapshot = EpochSnapshot { block: 1, epoch: 4, active_from: 2, members: vec![row], table_root: B256::ZERO };
        assert!(matches!(committee(&snapshot), Err(ConvertError::Key { epoch: 4, index: 0, .. })));
    }
}

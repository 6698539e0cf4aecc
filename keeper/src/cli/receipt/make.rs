//! A receipt from the chain.

use alloy::primitives::B256;
use alloy::providers::Provider;
use alloy::sol_types::SolValue;
use anyhow::{Context, Result, anyhow};
use consensus::committee::SignerSet;
use consensus::report::{Anchor, Report};
use consensus::task::{InstanceKey, JobId, Status, Task};
use contracts::ITaskManager::Certificate;
use contracts::{KeeperRegistry, ReportLib, SettledTask};

use super::Again;
use crate::archive;
use crate::chain::convert::run_number;
use crate::chain::{Certified, ChainError, Receipt as Mined, certified, receipt_of};
use crate::cli::chain::Chain;
use crate::cli::dispute::{Which, certificates_of, input_of, settled};
use crate::cli::{Exit, Global, WithExit};
use crate::receipt::{
    AnchorPart, BatchPart, CertificatePart, CommitteePart, MemberPart, OutcomePart, Receipt, Refusal, SCHEMA,
    SettlementPart, TaskPart, bitmap, check, chunks_of, compressed, status_name,
};

impl Again<'_> {
    /// The receipt of a run, and why the run itself is not in it, where it is not: it could not be made again, or gave something
    /// else.
    pub(in crate::cli) async fn receipt(
        &self,
        global: &Global,
        which: Which,
        tx: Option<B256>,
        with_run: bool,
    ) -> Result<(Receipt, Option<String>)> {
        let (task, mined) = self.settlement(global, which, tx).await?;
        let input = input_of(self.history.chain, mined.tx).await?;
        let shown = certified(&input, &task);
        let shown = shown.map_err(|why| anyhow!("transaction {} does not show what was certified: {why}", mined.tx));
        let mut receipt = self.assembled(&task, &mined, shown.exit(Exit::Chain)?).await?;
        let unrun = if with_run { self.add_run(&mut receipt).await } else { Some("--no-run".to_owned()) };
        self.check(receipt, unrun).await
    }

    /// Where a run settled: in the transaction that is named, that this keeper has recorded, or that the chain's logs tell.
    async fn settlement(&self, global: &Global, which: Which, tx: Option<B256>) -> Result<(SettledTask, Mined)> {
        let chain = self.history.chain;
        if let Some(tx) = tx {
            let found = settled_in(chain, tx, which).await?;
            let none = || format!("transaction {tx} did not settle run {} of job {}", which.run, which.job);
            return found.with_context(none).exit(Exit::NotFound);
        }
        for tx in recorded(global, which) {
            // It may be in a block that was taken back.
            if let Some(found) = settled_in(chain, tx, which).await? {
                return Ok(found);
            }
        }
        let (_, tx) = settled(chain, which, chain.network.deploy_block).await?;
        let found = settled_in(chain, tx, which).await?;
        found.with_context(|| format!("no RPC node shows what transaction {tx} did")).exit(Exit::Chain)
    }

    async fn assembled(&self, settled: &SettledTask, mined: &Mined, shown: Certified) -> Result<Receipt> {
        let Certified { epoch, root, statement, delivery } = shown;
        let report = report_of(&statement.report).context("the report has a status that does not exist")?;
        let plan = self.history.plan(&report).await.map_err(|unable| anyhow!(unable.why)).exit(Exit::Chain)?;
        let committee = committee(self.history.chain, epoch).await?;
        let certificate = Certificate { epoch, signature: statement.signature, signers: statement.signers };
        let certificate = certificate_part(&certificate, &committee);
        let leaf = report.leaf();
        let network = &self.history.chain.network;
        let domain =
            consensus::report::Domain { chain_id: network.chain_id, task_manager: network.contracts.task_manager };
        Ok(Receipt {
            schema: SCHEMA,
            chain_id: domain.chain_id,
            task_manager: domain.task_manager,
            task: TaskPart {
                id: report.task.id().0,
                job: report.task.job.0,
                version: report.task.version,
                instance: report.task.instance.0,
                run: run_number(report.task.instance.0),
            },
            anchor: AnchorPart { number: report.anchor.number, hash: report.anchor.hash },
            input_hash: report.input_set,
            outcome: OutcomePart {
                status: status_name(report.status).to_owned(),
                hash: report.outcome_hash,
                code_hash: plan.terms.action.code_hash(),
                state_after_root: delivery.as_ref().map(|delivery| delivery.stateAfterRoot),
                transcript_root: delivery.as_ref().map(|delivery| delivery.transcriptRoot),
                data: delivery.map(|delivery| delivery.outcome),
            },
            terms: plan.terms.params().abi_encode().into(),
            report: leaf,
            batch: BatchPart { epoch, root, proof: statement.proof, digest: domain.batch_digest(epoch, root) },
            certificate,
            committee,
            settlement: SettlementPart {
                transaction: mined.tx,
                block: mined.block,
                submitter: settled.submitter,
                delivered: settled.delivered,
                late_seconds: settled.seconds_late,
            },
            run: None,
        })
    }

    /// Makes the run again and puts it in; says why, where that cannot be.
    async fn add_run(&self, receipt: &mut Receipt) -> Option<String> {
        let report = receipt.report()?;
        let recorded = async {
            let trial = self.history.trial(&report).await?;
            self.record(trial).await
        };
        let (made, tape) = match recorded.await {
            Ok(recorded) => recorded,
            Err(unable) => return Some(format!("it could not be made again: {}", unable.why)),
        };
        let outcome = made.outcome()?;
        let hash = outcome.hash(receipt.outcome.code_hash);
        if (outcome.status, hash) != (report.status, report.outcome_hash) {
            let status = status_name(outcome.status);
            return Some(format!(
                "made again it ends in {status} with outcome hash {hash}, and not in what was certified: `keeper dispute open`"
            ));
        }
        receipt.outcome.data = Some(outcome.data);
        receipt.outcome.state_after_root = Some(outcome.state_after);
        receipt.outcome.transcript_root = Some(outcome.transcript);
        receipt.run = Some(tape);
        None
    }

    /// Looks whether it holds. The certificate of a part of a batch that came later may be anything: then another one's is taken.
    async fn check(&self, mut receipt: Receipt, unrun: Option<String>) -> Result<(Receipt, Option<String>)> {
        let Err(refused) = check(&receipt) else {
            return Ok((receipt, unrun));
        };
        if refused.iter().all(|refusal| refusal.field.starts_with("certificate.")) {
            let first = self.history.chain.network.deploy_block;
            for certificate in certificates_of(self.history.chain, receipt.batch.root, first).await? {
                receipt.certificate = certificate_part(&certificate, &receipt.committee);
                if check(&receipt).is_ok() {
                    return Ok((receipt, unrun));
                }
            }
        }
        Err(anyhow!("what the chain shows of it does not hold: {}", unfit(&refused))).exit(Exit::Chain)
    }
}

/// Refusals on one line.
pub(in crate::cli) fn unfit(refused: &[Refusal]) -> String {
    refused.iter().map(|refusal| format!("{}: {}", refusal.field, refusal.why)).collect::<Vec<_>>().join("; ")
}

/// The transactions that the keeper of this data directory saw settle a run; none where it keeps no record, or cannot read it.
fn recorded(global: &Global, which: Which) -> Vec<B256> {
    let Ok(paths) = global.paths() else { return Vec::new() };
    let read = archive::Reader::open(&paths.archive());
    let found = read.and_then(|reader| reader.settled(JobId(which.job), &which.run.0)).unwrap_or_default();
    let wanted = found.iter().filter(|found| which.version.is_none_or(|version| found.task.version == version));
    let transactions: Vec<B256> = wanted.filter_map(|found| Some(found.run.settled?.tx)).collect();
    // With several versions the chain's logs lead to the question which is meant.
    if transactions.len() == 1 { transactions } else { Vec::new() }
}

/// What a transaction settled of a run, and where it is.
pub(in crate::cli) async fn settled_in(chain: &Chain, tx: B256, which: Which) -> Result<Option<(SettledTask, Mined)>> {
    let Some(mined) = receipt_of(&chain.provider, tx).await? else { return Ok(None) };
    let manager = chain.network.contracts.task_manager;
    let logs = mined.logs.iter().filter(|log| log.address() == manager);
    let tasks = logs.filter_map(|log| contracts::settled_tasks(&log.inner.data).ok()).flatten();
    let is_it = |task: &SettledTask| {
        (task.job_id, task.instance_key) == (which.job, which.run.0.0)
            && which.version.is_none_or(|version| version == task.job_version)
    };
    let task = tasks.into_iter().find(is_it);
    Ok(task.map(|task| (task, mined)))
}

/// A report as the contract has it; `None` for a status that does not exist.
pub(in crate::cli) fn report_of(report: &ReportLib::Report) -> Option<Report> {
    Some(Report {
        task: Task { job: JobId(report.jobId), version: report.jobVersion, instance: InstanceKey(report.instanceKey) },
        anchor: Anchor { number: report.anchorNumber, hash: report.anchorHash },
        input_set: report.inputHash,
        status: Status::from_number(report.status)?,
        outcome_hash: report.outcomeHash,
    })
}

/// The operator table of an epoch: the contract keeps it for ever.
async fn committee(chain: &Chain, epoch: u32) -> Result<CommitteePart> {
    let registry = KeeperRegistry::new(chain.network.contracts.keeper_registry, &chain.provider);
    let info = registry.epochInfo(epoch).call().await.map_err(ChainError::from)?;
    let rows = registry.committee(epoch).call().await.map_err(ChainError::from)?;
    let code = chain.provider.get_code_at(info.table).await.map_err(ChainError::from)?;
    let key_chunks = chunks_of(&code, rows.len()).with_context(|| {
        format!("the table of epoch {epoch} at {} is not as this program knows it: update it", info.table)
    });
    let members =
        rows.into_iter().map(|row| MemberPart { operator: row.operator, stake: row.stake.to(), bls_key: row.blsKey });
    Ok(CommitteePart {
        active_from: info.activeFrom,
        table_root: info.tableRoot,
        total_stake: info.totalStake.to(),
        key_chunks: key_chunks.exit(Exit::Chain)?,
        members: members.collect(),
    })
}

/// A certificate as a receipt has it; what is none stays as it is, and is refused.
fn certificate_part(certificate: &Certificate, committee: &CommitteePart) -> CertificatePart {
    let size = committee.members.len();
    let signers = bitmap(&certificate.signers, size).unwrap_or_default();
    let set = SignerSet::from_bytes(&signers, size).unwrap_or_default();
    let stakes = set.iter().filter_map(|index| Some(committee.members.get(usize::from(index.0))?.stake));
    let signed_stake = stakes.fold(0, u128::saturating_add);
    let signature = compressed(&certificate.signature).map(Vec::from).unwrap_or_default();
    CertificatePart { signers: signers.into(), signature: signature.into(), signed_stake }
}

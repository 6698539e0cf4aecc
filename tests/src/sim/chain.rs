//! The chain: a block a second, reorganisations, and the contract's rules of settlement in arithmetic of its own, so
//! that a bug in the engine's is seen.

mod emitter;
mod guard;
mod record;

use std::collections::BTreeSet;

use alloy::primitives::{Address, B256, keccak256};
use consensus::anchor::BlockRef;
use consensus::bls::aggregate_keys;
use consensus::committee::Committee;
use consensus::dispute::AgreedRuling;
use consensus::effect::Settlement;
use consensus::report::{Domain, Report};
use consensus::task::Status;
use executor::LogEntry;
use keeper::chain::{AccusationResult, BroughtResult, DisputeLog, Head, Settled, convert};

use super::court::Court;
use super::plan::{CODE, Job, Nature, Plan, Rhythm, listed_in};
use emitter::Emitter;
use guard::Guard;
use record::Record;

/// How far back an anchor may lie, in blocks.
const ANCHOR_AGE: u64 = 100;

/// A block with what the keepers' watchers read from it.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) reference: BlockRef,
    parent: B256,
    /// Epoch announced in it, as a position in the list of committees.
    pub(super) epoch: Option<usize>,
    /// Jobs listed in it, as positions in the plan.
    pub(super) jobs: Vec<usize>,
    /// What it settled, as watchers read it.
    pub(super) settled: Vec<Settled>,
    settlements: Vec<(usize, Settlement)>,
    /// What happened to disputes in it.
    pub(super) disputes: Vec<(u64, DisputeLog)>,
    logs: Vec<LogEntry>,
    /// When the condition holds next, or has come to hold, in Unix seconds.
    wakes: u64,
}

impl Block {
    /// Its header as watchers pass it on.
    pub(super) fn head(&self) -> Head {
        let BlockRef { number, hash, timestamp } = self.reference;
        Head { number, hash, parent: self.parent, timestamp }
    }
}

/// Why the contract refused a whole transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Somebody was faster.
    NothingToSettle,
    /// The certificate is of another epoch than the one active at an anchor.
    EpochNotActive,
    /// Not enough stake signed.
    QuorumNotReached,
    /// The signature is wrong.
    InvalidSignature,
    /// The outcomes are not those that were certified.
    WrongOutcome,
}

/// What a transaction has done.
#[derive(Clone, Debug, Default)]
pub(super) struct Effects {
    /// What it settled.
    pub(super) fresh: Vec<Settled>,
    /// Reports it found not eligible.
    pub(super) ineligible: usize,
}

/// The canonical chain.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) blocks: Vec<Block>,
    pub(super) guard: Guard,
    /// All blocks, those of orphaned branches included.
    pub(super) record: Record,
    emitter: Emitter,
    nature: Nature,
    jobs: Vec<Job>,
    /// Disputes.
    pub(super) court: Court,
    /// Proofs that were brought before it.
    convicted: BTreeSet<B256>,
    committees: Vec<Committee>,
    domain: Domain,
    salt: u64,
}

impl Chain {
    pub(super) fn new(plan: &Plan, domain: Domain, seed: u64) -> Self {
        let logs = plan.jobs.iter().find_map(|job| match &job.rhythm {
            Rhythm::Logs(terms) => Some((terms.clone(), listed_in(job))),
            _ => None,
        });
        #[expect(clippy::expect_used, reason = "every plan has one")]
        let (terms, listed) = logs.expect("a job that waits for logs");
        let record = Record::new(terms, listed);
        Self {
            blocks: Vec::new(),
            guard: Guard::default(),
            record,
            emitter: Emitter::new(seed, plan.nature),
            nature: plan.nature,
            jobs: plan.jobs.clone(),
            court: Court::default(),
            convicted: BTreeSet::new(),
            committees: plan.committees.clone(),
            domain,
            salt: seed,
        }
    }

    pub(super) fn head(&self) -> u64 {
        self.blocks.len() as u64
    }

    /// A proof is brought before it: the first time it convicts.
    pub(super) fn accuse(&mut self, key: B256) -> AccusationResult {
        if self.convicted.insert(key) { AccusationResult::Mined { tx: B256::ZERO } } else { AccusationResult::Proven }
    }

    /// The report that settled last.
    pub(super) fn newest_report(&self) -> Option<Report> {
        let settlements = self.blocks.iter().rev().flat_map(|block| block.settlements.iter().rev());
        settlements.into_iter().find_map(|(_, settlement)| settlement.certificate.reports.last().copied())
    }

    /// A dispute is opened with the next block.
    pub(super) fn dispute(&mut self, report: Report) {
        let block = self.head() + 1;
        let written = self.committees.iter().filter(|committee| committee.active_from() <= block + 1);
        let newest = written.map(Committee::epoch).max().unwrap_or_default();
        self.court.open(report, newest, block);
    }

    /// A ruling is brought.
    pub(super) fn rule(&mut self, ruling: &AgreedRuling, domain: &Domain) -> BroughtResult {
        self.court.rule(ruling, &self.committees, domain)
    }

    fn at(&self, number: u64) -> Option<&Block> {
        self.blocks.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    /// Mines a block with these transactions; tells what became of each.
    pub(super) fn mine(
        &mut self,
        timestamp: u64,
        transactions: Vec<(usize, Settlement)>,
    ) -> Vec<(usize, Settlement, Result<Effects, Refusal>)> {
        let logs = self.emitter.emit(timestamp);
        self.mine_with(timestamp, transactions, logs)
    }

    fn mine_with(
        &mut self,
        timestamp: u64,
        transactions: Vec<(usize, Settlement)>,
        mut logs: Vec<LogEntry>,
    ) -> Vec<(usize, Settlement, Result<Effects, Refusal>)> {
        let number = self.head() + 1;
        self.salt = self.salt.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let hash = keccak256([number.to_be_bytes(), self.salt.to_be_bytes()].concat());
        let epoch = self.committees.iter().position(|committee| committee.active_from() == number + 1);
        for (place, log) in (0..).zip(&mut logs) {
            (log.block_number, log.block_hash, log.log_index) = (number, hash, 2 * place);
        }
        let (parent, wakes) =
            self.blocks.last().map_or((B256::ZERO, self.nature.wakes), |parent| (parent.reference.hash, parent.wakes));
        let mut block = Block {
            reference: BlockRef { number, hash, timestamp },
            parent,
            epoch,
            jobs: Vec::new(),
            settled: Vec::new(),
            settlements: Vec::new(),
            disputes: self.court.take_logs(),
            logs,
            wakes,
        };
        let mut results = Vec::new();
        for (keeper, settlement) in transactions {
            let result = self.settle(number, timestamp, keeper, &settlement);
            if let Ok(effects) = &result {
                block.settled.extend(effects.fresh.iter().cloned());
                block.settlements.push((keeper, settlement.clone()));
            }
            results.push((keeper, settlement, result));
        }
        if block.settled.iter().any(|settled| self.meets(settled)) {
            block.wakes = self.nature.wakes_after(timestamp);
        }
        let is_met = self.nature.is_met(timestamp, block.wakes);
        self.record.note(block.reference, block.parent, is_met, block.logs.clone());
        self.blocks.push(block);
        results
    }

    /// Whether the condition holds no more for what this settlement did.
    fn meets(&self, settled: &Settled) -> bool {
        let job = self.job(settled.job_id);
        settled.status == Status::Call as u8 && job.is_some_and(|job| matches!(job.rhythm, Rhythm::Condition { .. }))
    }

    fn job(&self, id: u64) -> Option<&Job> {
        self.jobs.iter().find(|job| job.id == id)
    }

    /// How many logs a reorganisation has moved to another block so far.
    pub(super) fn moved_logs(&self) -> u64 {
        self.emitter.moved
    }

    /// Replaces the newest blocks by others of the same times. `again` says which transactions make it into the new
    /// blocks; those whose anchors are gone settle nothing there.
    pub(super) fn reorganise(&mut self, depth: usize, mut again: impl FnMut() -> bool) -> Vec<(usize, Settlement)> {
        let from = self.blocks.len().saturating_sub(depth);
        let orphaned = self.blocks.split_off(from);
        for settled in orphaned.iter().flat_map(|block| &block.settled) {
            self.guard.undo(&convert::task(settled));
        }
        let mut lost = Vec::new();
        for block in orphaned {
            let (kept, dropped): (Vec<_>, Vec<_>) = block.settlements.into_iter().partition(|_| again());
            let logs = self.emitter.emit_again(block.logs);
            self.mine_with(block.reference.timestamp, kept, logs);
            if let Some(new) = self.blocks.last_mut() {
                new.jobs = block.jobs;
                // Nobody takes these back: they come again in the block in its place.
                new.disputes.splice(0..0, block.disputes);
            }
            lost.extend(dropped);
        }
        lost
    }

    /// Whether anything of a certificate could settle in the next block, as a submitter finds out that tries it.
    pub(super) fn would_settle(&self, batch: &Settlement, timestamp: u64) -> bool {
        batch.certificate.reports.iter().any(|report| self.may_settle(report, self.head() + 1, timestamp))
    }

    fn may_settle(&self, report: &Report, number: u64, timestamp: u64) -> bool {
        let known = self.at(report.anchor.number).is_some_and(|block| block.reference.hash == report.anchor.hash);
        let fresh = report.anchor.number + ANCHOR_AGE >= number;
        let job = self.job(report.task.job.0);
        known && fresh && job.is_some_and(|job| self.guard.takes(report, job, (number, timestamp)))
    }

    /// The position of the committee whose epoch is active at a block.
    fn epoch_at(&self, number: u64) -> Option<&Committee> {
        self.committees.iter().rev().find(|committee| committee.active_from() <= number)
    }

    /// The contract's `settle`, step by step.
    fn settle(&mut self, number: u64, timestamp: u64, keeper: usize, batch: &Settlement) -> Result<Effects, Refusal> {
        let certificate = &batch.certificate;
        if certificate.reports.iter().all(|report| self.guard.has(&report.task)) {
            return Err(Refusal::NothingToSettle);
        }
        let Some(committee) = self.committees.iter().find(|committee| committee.epoch() == certificate.epoch) else {
            return Err(Refusal::EpochNotActive);
        };
        let active = |number: u64| self.epoch_at(number).map(Committee::epoch) == Some(certificate.epoch);
        if !certificate.reports.iter().all(|report| active(report.anchor.number)) {
            return Err(Refusal::EpochNotActive);
        }
        verify(batch, committee, &self.domain)?;
        let mut rows = certificate.reports.iter().zip(&batch.outcomes);
        if !rows.all(|(report, outcome)| outcome.hash(CODE) == report.outcome_hash && outcome.status == report.status) {
            return Err(Refusal::WrongOutcome);
        }
        let mut effects = Effects::default();
        for report in &certificate.reports {
            if !self.may_settle(report, number, timestamp) {
                effects.ineligible += 1;
                continue;
            }
            if let Some(job) = self.jobs.iter().find(|job| job.id == report.task.job.0) {
                self.guard.settle(report.task, job, number);
            }
            let submitter = self.committees.first().map(|committee| committee.members()[keeper].operator);
            effects.fresh.push(settled(report, number, timestamp, submitter.unwrap_or_default()));
        }
        Ok(effects)
    }
}

/// What watchers read of a settled report.
pub(super) fn settled(report: &Report, block: u64, timestamp: u64, submitter: Address) -> Settled {
    Settled {
        block,
        timestamp,
        tx: B256::ZERO,
        task_id: report.task.id().0,
        job_id: report.task.job.0,
        job_version: report.task.version,
        instance_key: report.task.instance.0,
        status: report.status as u8,
        seconds_late: 2,
        anchor_number: report.anchor.number,
        outcome_hash: report.outcome_hash,
        delivered: true,
        submitter,
    }
}

/// Signers, stake and signature, in the contract's own arithmetic: at least 66.67 % of all stake, each signer once.
fn verify(batch: &Settlement, committee: &Committee, domain: &Domain) -> Result<(), Refusal> {
    let certificate = &batch.certificate;
    let members = committee.members();
    let rows: Vec<_> = certificate.signers.iter().map(|index| usize::from(index.0)).collect();
    if rows.is_empty() || rows.iter().any(|&row| members.get(row).is_none_or(|member| member.stake == 0)) {
        return Err(Refusal::InvalidSignature);
    }
    let total: u128 = members.iter().map(|member| member.stake).sum();
    let signed: u128 = rows.iter().map(|&row| members[row].stake).sum();
    if signed * 10_000 < total * 6_667 {
        return Err(Refusal::QuorumNotReached);
    }
    let keys: Vec<_> = rows.iter().map(|&row| members[row].key).collect();
    let root = consensus::certificate::batch_root(&certificate.reports);
    let digest = domain.batch_digest(certificate.epoch, root);
    let valid = aggregate_keys(&keys).is_some_and(|key| certificate.signature.verify(digest.as_slice(), &key));
    if valid { Ok(()) } else { Err(Refusal::InvalidSignature) }
}

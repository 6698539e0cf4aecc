//! Disputes: who opens them, how their tasks are run again, and what must come of them.

use alloy::primitives::B256;
use consensus::dispute::{AgreedRuling, Answer};
use consensus::report::Report;
use consensus::task::{Abstention, InstanceKey, JobId, Status, Task};
use keeper::chain::BroughtResult;
use keeper::driver::Event;

use super::World;
use super::queue::Happening;
use crate::sim::keys::DOMAIN;
use crate::sim::plan::{CODE, Claim, Rhythm};

/// Whoever missed what others said of a dispute hears it again within this time.
const PATIENCE: u64 = 240_000;

impl World<'_> {
    /// Somebody disputes the newest result there is, or one that a quorum might have certified and that no run gives, or the same of a log
    /// that nobody emitted.
    pub(super) fn dispute(&mut self, claim: Claim) {
        // Of what rests on observations the contract takes none.
        let newest = self.chain.newest_report().filter(|report| report.input_set.is_zero());
        let Some(mut report) = newest else { return };
        let by_logs = self.plan.jobs.iter().find(|job| matches!(job.rhythm, Rhythm::Logs(_)));
        match (claim, by_logs) {
            (Claim::Right, _) => {}
            (Claim::MadeUp, Some(job)) => {
                let instance = InstanceKey(B256::from_slice(&self.random.bytes(32)));
                report.task = Task { job: JobId(job.id), version: 1, instance };
                self.count("made_up_run", 1);
            }
            (Claim::Wrong | Claim::MadeUp, _) => {
                report.outcome_hash = B256::from_slice(&self.random.bytes(32));
                self.count("wrong_certificate", 1);
            }
        }
        self.count("dispute", 1);
        self.chain.dispute(report);
    }

    /// What the task of a disputed report gives here.
    pub(super) fn rerun(&mut self, keeper: usize, dispute: u64, report: &Report) {
        if self.conduct(&report.task).is_none() {
            return;
        }
        let right = self.right_answer(report);
        let delay = self.random.between(5, 600);
        let lies = right.is_none() || (self.plan.misled[keeper] && !self.healed && self.random.chance(300));
        let result = match right {
            _ if self.now < self.nodes[keeper].outage_until => Err(Abstention::ChainReadFailed),
            Some(right) if !lies => Ok(right),
            _ => Ok(Answer { status: Status::Call, outcome_hash: B256::from_slice(&self.random.bytes(32)) }),
        };
        self.done(keeper, delay, Event::Reran { dispute, leaf: report.leaf(), result, reason: String::new() });
    }

    pub(super) fn bring_ruling(&mut self, keeper: usize, ruling: AgreedRuling) {
        let (delay, life) = (self.random.between(50, 1_500), self.nodes[keeper].life);
        self.after(delay, Happening::Ruling { keeper, life, ruling: Box::new(ruling) });
    }

    pub(super) fn enforce(&mut self, keeper: usize, dispute: u64) {
        let result = self.chain.court.enforce(dispute);
        let delay = self.random.between(50, 1_500);
        self.done(keeper, delay, Event::Brought { dispute, result });
    }

    /// A ruling reaches the contract. What it says must be what honest runs give.
    pub(super) fn take_ruling(&mut self, keeper: usize, life: u64, ruling: &AgreedRuling) {
        let at = self.elapsed();
        let result = self.chain.rule(ruling, &DOMAIN);
        match &result {
            BroughtResult::Mined { .. } => {
                let case = self.chain.court.cases.get(&ruling.dispute).cloned();
                let right = case.as_ref().and_then(|case| self.right_answer(&case.report));
                let given = case.and_then(|case| case.ruled);
                if right.is_some() && right != given {
                    self.checks.fail(at, "wrong_ruling", format!("dispute {}: {given:?}", ruling.dispute));
                }
                self.tell(|| format!("{keeper} rules on {}: {given:?}", ruling.dispute));
            }
            BroughtResult::Refused { reason } if reason != "WrongDisputeStatus" && self.is_honest(keeper) => {
                self.checks.fail(at, "refused_ruling", format!("keeper {keeper}: {reason}"));
            }
            _ => {}
        }
        if self.is_alive(keeper, life) {
            self.feed(keeper, Event::Brought { dispute: ruling.dispute, result });
        }
    }

    /// What every honest keeper finds of a disputed task, be it that it was not due; `None` if each finds something else.
    fn right_answer(&self, report: &Report) -> Option<Answer> {
        if !self.was_due(&report.task, report.anchor.hash) {
            return Some(report.not_due());
        }
        let outcome = self.honest_outcome(&report.task, report.anchor.hash)?;
        Some(Answer { status: outcome.status, outcome_hash: outcome.hash(CODE) })
    }

    /// Disputes that must be ruled on and are not: of tasks on which honest keepers agree, where those have enough stake.
    pub(super) fn unruled(&self) -> usize {
        let open = self.chain.court.cases.values().filter(|case| case.ruled.is_none());
        let demanded = open.filter(|case| self.right_answer(&case.report).is_some() && self.can_rule());
        demanded.count()
    }

    /// Whether keepers that do as they should, those included whose nodes lied before the faults ended, have 80 % of the stake of every epoch that may count.
    fn can_rule(&self) -> bool {
        let sound = |k: usize| self.is_honest(k) && !self.plan.deceived[k];
        self.plan.committees.iter().all(|committee| {
            let stakes = committee.members().iter().map(|member| member.stake).enumerate();
            let honest: u128 = stakes.filter(|(k, _)| sound(*k)).map(|(_, stake)| stake).sum();
            honest * 10_000 >= committee.total_stake() * 8_000
        })
    }

    /// Whether nothing more is to come of disputes, or it has had its time.
    pub(super) fn has_ruled_all(&self) -> bool {
        self.unruled() == 0 || self.elapsed() > PATIENCE
    }

    pub(super) fn look_for_unruled(&mut self) {
        let unruled = self.unruled();
        if unruled > 0 {
            self.checks.fail(self.elapsed(), "unruled", format!("{unruled} disputes"));
        }
    }
}

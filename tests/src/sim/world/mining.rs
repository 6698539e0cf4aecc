//! The chain goes on: what submitters send, what becomes of it, and who hears of it.

use alloy::primitives::B256;
use consensus::effect::Settlement;
use keeper::chain::{Settled, SettlementResult, convert};
use keeper::driver::Event;

use super::queue::Happening;
use super::{World, run_of};
use crate::sim::chain::Refusal;
use crate::sim::plan::CODE;

impl World<'_> {
    /// A submitter looks whether its work is done already before it pays for a transaction.
    pub(super) fn take_transaction(&mut self, keeper: usize, settlement: Settlement) {
        let (reports, key) = (&settlement.certificate.reports, settlement.key);
        if reports.iter().all(|report| self.chain.guard.has(&report.task)) {
            return self.done(keeper, 50, Event::Submitted { key, result: SettlementResult::AlreadySettled });
        }
        if !self.chain.would_settle(&settlement, self.now / 1000 + 1) {
            let result = SettlementResult::Reverted { reason: "nothing of it can settle any more".to_owned() };
            return self.done(keeper, 50, Event::Submitted { key, result });
        }
        self.mempool.push((keeper, settlement));
    }

    pub(super) fn mine(&mut self) {
        let transactions = std::mem::take(&mut self.mempool);
        let results = self.chain.mine(self.now / 1000, transactions);
        let at = self.elapsed();
        for (keeper, settlement, result) in results {
            self.tell(|| {
                let runs = settlement.certificate.reports.iter().map(|report| run_of(&report.task));
                let head = self.chain.head();
                format!("block {head}: {keeper} submits {:?}: {result:?}", runs.collect::<Vec<_>>())
            });
            let key = settlement.key;
            let result = match result {
                Ok(effects) => {
                    self.checks.on_certificate(at, &settlement);
                    let settled = effects.fresh.len() as u64;
                    effects.fresh.iter().for_each(|settled| self.check_result(settled, &settlement));
                    SettlementResult::Mined { tx: B256::ZERO, gas_used: 0, settled }
                }
                Err(Refusal::NothingToSettle) => {
                    self.wasted += 1;
                    SettlementResult::AlreadySettled
                }
                Err(refusal) => {
                    if self.is_honest(keeper) {
                        self.checks.fail(at, "refused_certificate", format!("keeper {keeper}: {refusal:?}"));
                    }
                    SettlementResult::Reverted { reason: format!("{refusal:?}") }
                }
            };
            self.done(keeper, 200, Event::Submitted { key, result });
        }
        for keeper in 0..self.nodes.len() {
            let delay = 10 + self.random.below(self.plan.links.delay + 50);
            self.after(delay, Happening::Poll { keeper });
        }
        self.after(1_000, Happening::Block);
    }

    /// What a task settled with must be what an honest run of it gives.
    fn check_result(&mut self, settled: &Settled, settlement: &Settlement) {
        let task = convert::task(settled);
        self.settled_at.insert(task, self.now);
        let report = settlement.certificate.reports.iter().find(|report| report.task == task);
        report.iter().for_each(|report| self.check_inputs(report));
        let honest = report.and_then(|report| self.honest_outcome(&task, report.anchor.hash));
        if honest.is_some_and(|honest| honest.hash(CODE) != settled.outcome_hash) {
            self.checks.fail(self.elapsed(), "wrong_result", format!("{:?}", task.id()));
        }
        let block = self.chain.blocks.last().map(|block| block.reference.hash);
        block.iter().for_each(|&block| self.judge(settled, block));
    }
}

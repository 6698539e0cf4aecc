//! The hands of disputes: running a task again at a block that may be long past, and bringing rulings on chain.

use std::time::Duration;

use consensus::anchor::BlockRef;
use consensus::dispute::{AgreedRuling, Answer};
use consensus::report::Report;
use consensus::task::{Abstention, DueTask};
use consensus::time::EXPIRY_SECONDS;

use super::Driver;
use super::event::Event;
use crate::chain::{ChainError, ChainProvider, convert, head_at};
use crate::jobs::action::{Actions, Part, Work};
use crate::jobs::{Past, Plan, WasDue};

/// Longest time for one run, the search for its terms included: there are few places, and others wait.
const PATIENCE: Duration = Duration::from_secs(180);

impl Driver {
    pub(super) fn rerun(&self, dispute: u64, report: Report, plan: Option<Plan>) {
        let services = self.services.clone();
        self.spawn(async move {
            let leaf = report.leaf();
            let bench = Bench { provider: &services.provider, past: &services.past, actions: &services.actions };
            let ended = tokio::time::timeout(PATIENCE, Box::pin(rerun(&bench, &report, plan))).await;
            let (result, reason) = match ended {
                Ok(Ok((answer, reason))) => (Ok(answer), reason),
                Ok(Err((why, reason))) => (Err(why), reason),
                Err(_) => (Err(Abstention::Timeout), format!("not done within {} s", PATIENCE.as_secs())),
            };
            Some(Event::Reran { dispute, leaf, result, reason })
        });
    }

    pub(super) fn rule(&self, ruling: &AgreedRuling) {
        let (submitter, dispute) = (self.services.submitter.clone(), ruling.dispute);
        let call = convert::ruling(ruling);
        self.spawn(async move { Some(Event::Brought { dispute, result: submitter.rule(call).await }) });
    }

    pub(super) fn enforce(&self, dispute: u64) {
        let services = self.services.clone();
        self.spawn(async move {
            let result = services.submitter.enforce(&services.rpc, dispute).await;
            Some(Event::Brought { dispute, result })
        });
    }
}

/// What running a task again takes.
struct Bench<'a> {
    provider: &'a ChainProvider,
    past: &'a Past,
    actions: &'a Actions,
}

/// What a task gives at the anchor of a report, and words about it. Where the chain itself says that there was nothing to run there, that is
/// an answer too, for else whoever certifies what never was would have no judge. Whether its job was active and could pay is not asked:
/// the contract looks at that when it settles, and what was certified is a result.
async fn rerun(
    bench: &Bench<'_>,
    report: &Report,
    plan: Option<Plan>,
) -> Result<(Answer, String), (Abstention, String)> {
    let unread = |error: ChainError| (Abstention::ChainReadFailed, error.to_string());
    let unknown = |why: &str| (Abstention::UnknownTask, why.to_owned());
    let task = report.task;
    let head = head_at(bench.provider, report.anchor.number).await.map_err(unread)?;
    if head.hash != report.anchor.hash {
        return Err(unknown("the chain has another block in place of the report's anchor"));
    }
    let plan = match plan {
        Some(plan) => Some(plan),
        None => bench.past.plan_of((task.job.0, task.version)).await.map_err(unread)?,
    };
    let plan = plan.ok_or_else(|| unknown("the chain's history has no such version of the job"))?;
    let not_due = |why: &str| (report.not_due(), format!("it was not to be run: {why}"));
    if plan.terms.action.observes() {
        if report.input_set.is_zero() {
            return Ok(not_due("its job decides on what keepers saw outside, and the report rests on nothing of that"));
        }
        // The contract takes no dispute of one; what keepers saw is not to be found out from the chain.
        return Err((Abstention::NothingSeen, "it rests on what keepers saw outside, which is not kept".to_owned()));
    }
    let anchor = BlockRef { number: head.number, hash: head.hash, timestamp: head.timestamp };
    let (run, sighting) = match bench.past.run_of(&plan, &task.instance, &anchor).await.map_err(unread)? {
        WasDue::Yes(run, sighting) => (run, sighting),
        WasDue::Never(why) => return Ok(not_due(why)),
        WasDue::Unknown(why) => return Err(unknown(why)),
    };
    let prepared = bench.actions.prepare(&plan).await;
    let code_hash = plan.terms.action.code_hash();
    let due = DueTask {
        task,
        due: run.due,
        deadline: run.due.saturating_add(EXPIRY_SECONDS),
        anchor: run.anchor,
        rank: run.rank,
        code_hash,
        quorum_bps: plan.terms.quorum_bps,
        callback_gas: plan.terms.callback_gas,
        observes: false,
    };
    let finding =
        bench.actions.run(&Work { due, anchor, plan, sighting, ask: false, is_late: true, part: Part::Run }).await;
    if finding.denies() {
        return Ok(not_due(&finding.reason));
    }
    // Asked after the chain's denial, which takes no code.
    prepared.map_err(|why| (Abstention::CodeUnavailable, why))?;
    match finding.result {
        Ok(run) => Ok((Answer { status: run.status, outcome_hash: run.hash(code_hash) }, String::new())),
        Err(why) => Err((why, finding.reason)),
    }
}

#[cfg(test)]
mod tests;

//! The hands of disputes: running a task again at a block that may be long past, and bringing rulings on chain.

use std::time::Duration;

use consensus::anchor::BlockRef;
use consensus::dispute::{AgreedRuling, Answer};
use consensus::report::Report;
use consensus::task::{Abstention, DueTask};
use consensus::time::EXPIRY_SECONDS;

use super::Driver;
use super::event::Event;
use super::services::Services;
use crate::chain::{ChainError, convert, head_at};
use crate::jobs::Plan;
use crate::jobs::action::{Part, Work};

/// Longest time for one run, the search for its terms included: there are few places, and others wait.
const PATIENCE: Duration = Duration::from_secs(180);

impl Driver {
    pub(super) fn rerun(&self, dispute: u64, report: Report, plan: Option<Plan>) {
        let services = self.services.clone();
        self.spawn(async move {
            let leaf = report.leaf();
            let ended = tokio::time::timeout(PATIENCE, Box::pin(rerun(&services, &report, plan))).await;
            let (result, reason) = match ended {
                Ok(Ok(answer)) => (Ok(answer), String::new()),
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

/// What a task gives at the anchor of a report. Whether the job was to run there is not asked: the contract looks at that when it
/// settles, and what was certified is a result.
async fn rerun(services: &Services, report: &Report, plan: Option<Plan>) -> Result<Answer, (Abstention, String)> {
    let unread = |error: ChainError| (Abstention::ChainReadFailed, error.to_string());
    let unknown = |why: &str| (Abstention::UnknownTask, why.to_owned());
    let task = report.task;
    let head = head_at(&services.provider, report.anchor.number).await.map_err(unread)?;
    if head.hash != report.anchor.hash {
        return Err(unknown("the chain has another block in place of the report's anchor"));
    }
    let plan = match plan {
        Some(plan) => Some(plan),
        None => services.past.plan_of((task.job.0, task.version)).await.map_err(unread)?,
    };
    let plan = plan.ok_or_else(|| unknown("the chain's history has no such version of the job"))?;
    let anchor = BlockRef { number: head.number, hash: head.hash, timestamp: head.timestamp };
    let run = services.past.run_of(&plan, &task.instance, &anchor).await.map_err(unread)?;
    let (run, sighting) = run.ok_or_else(|| unknown("the job has no such run"))?;
    if plan.terms.action.observes() {
        // The contract takes no dispute of one; what keepers saw is not to be found out from the chain.
        return Err((Abstention::NothingSeen, "it rests on what keepers saw outside, which is not kept".to_owned()));
    }
    services.actions.prepare(&plan).await.map_err(|why| (Abstention::CodeUnavailable, why))?;
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
    let finding = services.actions.run(&Work { due, anchor, plan, sighting, ask: false, part: Part::Run }).await;
    let reason = finding.reason;
    let answer = finding.result.map(|run| Answer { status: run.status, outcome_hash: run.hash(code_hash) });
    answer.map_err(|why| (why, reason))
}

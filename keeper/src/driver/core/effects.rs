//! What the engine wants done, with what it takes to do it.

use alloy::primitives::B256;
use consensus::anchor::BlockRef;
use consensus::codec;
use consensus::committee::{KeeperIndex, PeerKey};
use consensus::effect::{Settlement, SignRecord, Step};
use consensus::fault::Verdict;
use consensus::message::{BatchKey, Source};
use consensus::task::{Abstention, DueTask, JobId, Outcome, Status, Task};
use consensus::time::Time;
use consensus::{Effect, Input};
use contracts::terms::ended;

use super::{Core, Note, Order};
use crate::archive::{Change, result_of};
use crate::chain::SettlementResult;
use crate::driver::note::DisputeNote;
use crate::jobs::Standing;
use crate::jobs::action::{Finding, Part, is_too_dear};
use crate::journal::Record;
use crate::scene::Sight;

impl Core {
    pub(super) fn on_effect(&mut self, effect: Effect, now: Time) {
        match effect {
            Effect::Execute { due, attempt, anchor } => self.execute(due, (attempt, anchor), Part::Run, now),
            Effect::Observe { due, attempt, anchor } => self.execute(due, (attempt, anchor), Part::Observe, now),
            Effect::Decide { due, attempt, anchor, inputs } => {
                self.execute(due, (attempt, anchor), Part::Decide(inputs), now);
            }
            Effect::Persist { token, records } => {
                self.order(Order::Persist { token, group: records.iter().map(record).collect() });
            }
            Effect::Broadcast { channel, bytes } => self.publish(channel, bytes, now),
            Effect::Send { key, peers, bytes } => self.send(key, peers, bytes, now),
            Effect::FallBack { bytes } => self.fall_back(bytes),
            Effect::Judge { source: Source::Gossip(message) | Source::Straight(message, _), verdict } => {
                self.judge(message, verdict);
            }
            // What is good, or may be right elsewhere, is nothing to hold against whoever answered.
            Effect::Judge { source: Source::Answer(peer), verdict: Verdict::Reject(reason) } => {
                self.order(Order::Fault { peer, reason });
            }
            Effect::Judge { source: Source::Answer(_), .. } => {}
            Effect::Ask { peer, bytes } => self.ask(peer, bytes),
            Effect::Submit(settlement) => self.submit(settlement, now),
            Effect::Rerun { dispute, report } => self.rerun(dispute, report),
            Effect::Rule(ruling) => self.rule(ruling, now),
            Effect::Enforce { dispute } => self.enforce(dispute, now),
            Effect::Report(task, step) => self.report(task, step, now),
            Effect::Assigned { window, stage } => self.note(Note::Assigned { window, stage }),
            Effect::Unknown(tasks) => self.on_unknown(&tasks, now),
            Effect::Blame(fault) => self.note(Note::Blamed(fault)),
            Effect::Heard { key, keeper, abstains } => self.heard(&key, keeper, abstains, now),
            Effect::Certified(certificate) => {
                let at = self.chain_time(now);
                self.order(Order::Witness(Sight::Certified { certificate, at }));
            }
            Effect::Contradicted(certified) => {
                self.note(Note::Dispute(DisputeNote::Contradicted { task: certified.task }));
                self.contradicted.note(*certified, now);
                self.changed = true;
            }
            Effect::Keep(evidence) => {
                self.note(Note::EvidenceKept(evidence.anchor_number()));
                self.order(Order::KeepEvidence(codec::encode(&*evidence)));
                self.accuse(&evidence);
            }
            // The keeper that equivocates on purpose knows whose signature that is.
            Effect::Recall { .. } if cfg!(feature = "equivocate") => {}
            Effect::Recall { records, listening } => {
                self.order(Order::Recall { group: records.iter().map(record).collect(), listening });
            }
        }
    }

    /// Brings what is certified before the contract, but for tasks of jobs that cannot pay by now: they would settle nothing.
    fn submit(&mut self, settlement: Box<Settlement>, now: Time) {
        let cannot_pay = |job: JobId| self.book.job(job.0).is_some_and(|job| !job.state().can_pay);
        let reports = settlement.certificate.reports.iter().enumerate();
        let unpaid: Vec<usize> =
            reports.filter(|(_, report)| cannot_pay(report.task.job)).map(|(place, _)| place).collect();
        if unpaid.len() < settlement.certificate.reports.len() {
            self.note(Note::Submitting);
            for (_, report) in settlement.certificate.reports.iter().enumerate().filter(|(at, _)| !unpaid.contains(at))
            {
                self.archive(report.task, Change::Sent, now);
            }
            self.order(Order::Submit { settlement, unpaid });
        }
    }

    /// What became of a batch: the engine hears of what is still to be settled.
    pub(super) fn on_submitted(&mut self, key: BatchKey, result: SettlementResult, now: Time) {
        match &result {
            SettlementResult::Mined { gas_used, settled, .. } => {
                self.settlement_gas = *gas_used;
                self.archive_gas(&key, *gas_used, *settled, now);
            }
            SettlementResult::Useless { jobs } => jobs.iter().for_each(|&job| self.uncovered.doubt(job)),
            _ => {}
        }
        let failed = result.trouble().is_some();
        self.note(Note::Submitted(result));
        if failed {
            self.feed(Input::SubmissionFailed(key), now);
        }
    }

    /// Has a task run, if the book says that it does at its anchor, or does not say.
    fn execute(&mut self, due: DueTask, (attempt, anchor): (u8, BlockRef), part: Part, now: Time) {
        let place = part.place(&anchor);
        let (plan, ask) = match self.book.standing(&due, anchor.number) {
            Standing::Runs(plan) => (Some(plan), false),
            Standing::Untold => (self.book.job(due.task.job.0).and_then(|job| job.state().plan.clone().ok()), true),
            Standing::Not(why) => {
                self.executions.begin(due.task, attempt, place, now);
                return self.not_run(due.task, (attempt, place), &part, (Abstention::JobInactive, why), now);
            }
        };
        self.executions.begin(due.task, attempt, place, now);
        match plan {
            Some(plan) => {
                let sighting = self.lookout.sighting(&due.task).cloned();
                self.order(Order::Run { due, attempt, anchor, plan, sighting, ask, part });
            }
            // A reorganisation took its job away. Said, so that the other tasks of its batch do not wait for it.
            None => {
                let why = "no such job is listed that this keeper knows how to run".to_owned();
                self.not_run(due.task, (attempt, place), &part, (Abstention::UnknownTask, why), now);
            }
        }
    }

    /// A run ended: its result goes to the engine, if it is one that was asked for.
    pub(super) fn executed(&mut self, task: Task, (attempt, anchor): (u8, B256), finding: Finding, now: Time) {
        #[cfg(feature = "equivocate")]
        let finding = self.falsified(&task, finding);
        let Finding { result, reason, took } = finding;
        if !self.take_run(task, (attempt, anchor), &result, reason, now) {
            return;
        }
        let is_none = matches!(result, Err(Abstention::UnknownTask));
        self.feed(Input::Executed { task, attempt, anchor, result, took }, now);
        if is_none {
            self.drop_condition(task, now);
        }
    }

    /// Takes note of what a run gave; false for one that was not asked for.
    pub(super) fn take_run(
        &mut self,
        task: Task,
        (attempt, place): (u8, B256),
        result: &Result<Outcome, Abstention>,
        reason: String,
        now: Time,
    ) -> bool {
        let Some(since) = self.executions.end(task, attempt, place) else {
            self.note(Note::UnaskedAnswer(task.job));
            return false;
        };
        let ended = result.as_ref().map(|_| ()).map_err(|why| *why);
        self.runs.note(task.job.0, ended, &reason, now);
        self.note_run(&task, result, &reason, now.0.saturating_sub(since.0));
        let status = result.as_ref().map(|outcome| outcome.status).map_err(|why| *why);
        self.archive(task, Change::Ran { result: status, reason }, now);
        if let Ok(outcome) = result {
            self.order(Order::Witness(Sight::Outcome { task, outcome: outcome.clone() }));
        }
        if let Some(troubled) = tells_of_job(result.as_ref().map(|_| ())) {
            self.feed(Input::Trouble { job: task.job, troubled }, now);
        }
        true
    }

    #[cfg(feature = "equivocate")]
    fn falsified(&self, task: &Task, mut finding: Finding) -> Finding {
        if let Ok(outcome) = &mut finding.result {
            super::super::equivocate::falsify(&self.about.pen, &self.book, task, outcome);
        }
        finding
    }

    /// Shows that a keeper has spoken in a batch.
    pub(super) fn heard(&mut self, key: &BatchKey, keeper: KeeperIndex, abstains: bool, now: Time) {
        let tasks = self.engine.tasks_of(key).to_vec();
        if !tasks.is_empty() {
            let at = self.chain_time(now);
            self.order(Order::Witness(Sight::Heard { tasks, keeper, abstains, at }));
        }
    }

    /// Has the same kept of every task of a batch.
    pub(super) fn archive_all(&mut self, key: &BatchKey, change: &Change, now: Time) {
        for task in self.engine.tasks_of(key).to_vec() {
            self.archive(task, change.clone(), now);
        }
    }

    /// What a task took of a transaction of this keeper: on average, for the chain tells no more.
    fn archive_gas(&mut self, key: &BatchKey, used: u64, settled: u64, now: Time) {
        if let Some(gas) = used.checked_div(settled) {
            self.archive_all(key, &Change::Paid { gas }, now);
        }
    }

    /// Asks the named peer, or the next member of the committee in turn.
    fn ask(&mut self, peer: Option<PeerKey>, bytes: Vec<u8>) {
        let engine = &self.engine;
        let peer = peer.or_else(|| self.peers.next(|peer| engine.is_member(peer)));
        if let Some(peer) = peer {
            self.order(Order::Ask { peer, bytes });
        }
    }

    fn report(&mut self, task: Task, step: Step, now: Time) {
        let result = match step {
            Step::Expired => self.history.expires_as(&task),
            _ => result_of(self.settlements.get(&task).map_or(ended::CALL, |settled| settled.status)),
        };
        let late_ms = self.history.note_step(&task, step, self.chain_time(now));
        self.note(Note::Step { task, step, late_ms, result });
        self.archive_step(task, step, now);
        let over = match step {
            Step::Started { attempt, .. } => self.executions.abandon(task, Some(attempt)),
            Step::Settled | Step::Expired | Step::Void => self.executions.abandon(task, None),
            Step::Executed | Step::Abstained(_) | Step::Certified | Step::Reopened => Vec::new(),
        };
        for (attempt, anchor) in over {
            self.order(Order::Abandon { task, attempt, anchor });
        }
        self.changed = true;
    }

    /// What runs give and what settles is kept where that is heard, for more is known of it there.
    fn archive_step(&mut self, task: Task, step: Step, now: Time) {
        let change = match step {
            Step::Started { attempt, anchor } => {
                let leader = self.history.first_leader(&task);
                Change::Started { attempt, anchor: anchor.number, leader }
            }
            Step::Certified => Change::Certified,
            Step::Expired => Change::Expired,
            // There was no such task, as the chain has it now.
            Step::Void => Change::Ineligible { reason: "its block was orphaned".to_owned() },
            Step::Executed | Step::Abstained(_) | Step::Settled | Step::Reopened => return,
        };
        self.archive(task, change, now);
    }

    fn note_run(&mut self, task: &Task, result: &Result<Outcome, Abstention>, reason: &str, took_ms: u64) {
        let outcome = match result.as_ref().map(|outcome| outcome.status) {
            Ok(Status::Call) => "call",
            Ok(Status::Skip) => "skip",
            Ok(Status::JobError) => "job_error",
            Err(_) => "abstain",
        };
        self.history.note_reason(task, reason);
        self.history.note_too_dear(task, result.is_err() && is_too_dear(reason));
        self.note(Note::Ran { outcome, took_ms });
        self.changed = true;
    }
}

/// Whether a run's end tells that its job cannot be run here, or can; nothing where it did not take place, since the next one may:
/// a job that had run out of money is as good as any once it is funded.
pub(super) fn tells_of_job(ended: Result<(), &Abstention>) -> Option<bool> {
    match ended {
        Ok(()) => Some(false),
        Err(
            Abstention::CodeUnavailable | Abstention::ChainReadFailed | Abstention::Timeout | Abstention::HostFailure,
        ) => Some(true),
        Err(
            Abstention::UnknownTask
            | Abstention::Busy
            | Abstention::JournalRefused
            | Abstention::JobInactive
            | Abstention::NothingSeen,
        ) => None,
    }
}

/// A report on its way to the journal.
fn record(record: &SignRecord) -> Record {
    Record {
        task_id: record.task.0,
        anchor_number: record.anchor_number,
        anchor_hash: record.anchor_hash,
        input_hash: record.input_set,
        digest: record.report,
    }
}

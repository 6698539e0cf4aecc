//! What one machine has others know, on its way to them.

use std::time::Duration;

use alloy_primitives::B256;

use super::Engine;
use crate::agenda::Wake;
use crate::committee::Committee;
use crate::dispute::DisputeEvent;
use crate::effect::Effect;
use crate::fault::Awaits;
use crate::message::BatchKey;
use crate::outbox::Notice;
use crate::proofs::Statement;
use crate::session::{Event, Session};
use crate::task::{Abstention, DueTask, Outcome, Task, is_catch_up};
use crate::time::Time;
use crate::windows::Board;

/// Whether the end of a run says what runs of its job are like: not what kept it from running, which may be over with the next one.
const fn says_of_its_job(result: &Result<Outcome, Abstention>) -> bool {
    use Abstention::{Busy, ChainReadFailed, JobInactive, JournalRefused, UnknownTask};
    !matches!(result, Err(Busy | ChainReadFailed | JobInactive | JournalRefused | UnknownTask))
}

impl Engine {
    pub(super) fn hear(&mut self, notice: Notice, now: Time) {
        let Self { facts, sessions, batches, outbox, .. } = self;
        match notice {
            Notice::Opened { window, task, attempt } => {
                let runs_still = |session: &Session| !is_catch_up(attempt) && session.is_running_before(attempt);
                if sessions.get(&task).is_some_and(runs_still) {
                    self.windows.note_endless(task);
                }
                self.windows.list(window, (task, attempt), (&facts.pace(), sessions), now, outbox);
            }
            Notice::Begun(task, attempt) => self.held.came(Awaits::Attempt(task, attempt), now, outbox),
            Notice::TaskEnded(task) => {
                if let Some(due) = sessions.get(&task).map(|session| session.due().due) {
                    self.windows.forget(task, due, &facts.pace());
                }
                sessions.forget(&task);
                self.agenda.drop_waiting(Wake::Session(task));
            }
            Notice::Assigned(hash, assignment) => {
                batches.open((hash, &assignment), facts, sessions, now, outbox);
                self.held.came(Awaits::Assignment(hash), now, outbox);
            }
            Notice::BasisFound(key) => {
                batches.recall_certificate(key, facts, sessions, now, outbox);
                self.held.came(Awaits::Basis(key), now, outbox);
            }
            Notice::LookAtBatch(key) => self.look_at_batch(key, now),
            Notice::LookAtWindow(window) => self.look_at_window(window, now),
            Notice::BatchEnded(key) => {
                self.agenda.drop_waiting(Wake::Batch(key));
                if batches.forget(&key) {
                    self.plans.forget(&key.assignment);
                }
            }
            Notice::Said { key, signer, said, signature } => {
                let statement = Statement { key, signer, said: &said, signature };
                self.proofs.note_said(&statement, facts, sessions, batches, outbox);
            }
            Notice::Certified(certificate) => {
                self.proofs.note_certificate(&certificate, facts, sessions, outbox);
                outbox.effect(Effect::Certified(certificate));
            }
            Notice::ListeningEnded => batches.wake_all(now, outbox),
        }
    }

    /// A run has ended: what it gave is the task's, how long it took its job's.
    pub(super) fn executed(
        &mut self,
        task: Task,
        (attempt, anchor): (u8, B256),
        (result, took): (Result<Outcome, Abstention>, Duration),
        now: Time,
    ) {
        let Self { facts, sessions, outbox, .. } = self;
        if sessions.get(&task).is_some_and(|session| session.is_running(attempt, anchor)) && says_of_its_job(&result) {
            self.windows.note_run(task, result.as_ref().ok().map(Outcome::is_heavy), took);
        }
        sessions.handle(task, Event::Executed(attempt, anchor, result), facts, now, outbox);
    }

    /// A task has decided on what keepers saw.
    pub(super) fn decided(
        &mut self,
        task: Task,
        (attempt, inputs): (u8, B256),
        result: Result<Outcome, Abstention>,
        now: Time,
    ) {
        let Self { facts, sessions, outbox, .. } = self;
        sessions.handle(task, Event::Decided(attempt, inputs, result), facts, now, outbox);
    }

    pub(super) fn enter_epoch(&mut self, committee: Committee, now: Time) {
        self.held.came(Awaits::Epoch(committee.epoch()), now, &mut self.outbox);
        self.facts.enter_epoch(committee);
        self.proofs.repeat(&self.facts, &mut self.outbox);
        self.disputes.look_all(&mut self.facts, now, &mut self.outbox);
        self.wake_waiting(now);
    }

    pub(super) fn learn(&mut self, due: DueTask, now: Time) {
        let Self { facts, sessions, batches, outbox, .. } = self;
        if sessions.learn(due, facts, now, outbox) {
            batches.learn(due.task, facts, sessions, now, outbox);
        }
    }

    pub(super) fn on_dispute(&mut self, id: u64, event: DisputeEvent, now: Time) {
        self.disputes.handle(id, event, &mut self.facts, now, &mut self.outbox);
        if matches!(event, DisputeEvent::Opened(_)) {
            self.held.came(Awaits::Dispute(id), now, &mut self.outbox);
        }
    }

    pub(super) fn look_at_batch(&mut self, key: BatchKey, now: Time) {
        let signing = self.start.signing();
        self.batches.look(key, &mut self.facts, &mut self.sessions, (signing, now), &mut self.outbox);
    }

    pub(super) fn look_at_window(&mut self, window: u64, now: Time) {
        let Self { facts, sessions, batches, plans, .. } = self;
        let board = Board { facts, sessions, batches, plans };
        self.windows.look(window, self.start.may_lead(window, &board.facts.pace()), board, now, &mut self.outbox);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A job that was out of money for an hour, or a node that was down, would else owe a thousand quick runs.
    #[test]
    fn what_kept_a_run_from_taking_place_says_nothing_of_its_job() {
        use Abstention::{Busy, ChainReadFailed, CodeUnavailable, HostFailure, JobInactive, JournalRefused};
        use Abstention::{Timeout, UnknownTask};
        for why in [Busy, ChainReadFailed, JobInactive, JournalRefused, UnknownTask] {
            assert!(!says_of_its_job(&Err(why)), "{why:?}");
        }
        for why in [CodeUnavailable, HostFailure, Timeout] {
            assert!(says_of_its_job(&Err(why)), "{why:?}");
        }
    }
}

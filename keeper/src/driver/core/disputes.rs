//! Disputes: from the chain to the engine, and what it wants done for them.

use alloy::primitives::B256;
use consensus::Input;
use consensus::dispute::{AgreedRuling, Answer, DisputeEvent};
use consensus::report::Report;
use consensus::task::Abstention;
use consensus::time::Time;

use super::{Core, Note, Order};
use crate::chain::{BroughtResult, DisputeLog, convert};
use crate::driver::note::DisputeNote;

/// Rulings and punishments on their way at a time: settlements go before them.
const BROUGHT_MAX: usize = 4;

impl Core {
    pub(super) fn on_dispute(&mut self, block: u64, id: u64, log: &DisputeLog, now: Time) {
        let (event, note) = match log {
            DisputeLog::Opened { report, deadline } => {
                let Some(disputed) = convert::disputed(block, report, *deadline) else { return };
                let note = DisputeNote::Opened { dispute: id, job: disputed.report.task.job };
                (Some(DisputeEvent::Opened(disputed)), Some(note))
            }
            DisputeLog::Joined => (Some(DisputeEvent::Joined { block }), None),
            DisputeLog::Ruled { upheld } => {
                let note = DisputeNote::Ruled { dispute: id, upheld: *upheld };
                (Some(DisputeEvent::Ended { upheld: *upheld, block }), Some(note))
            }
            DisputeLog::Expired => {
                (Some(DisputeEvent::Ended { upheld: false, block }), Some(DisputeNote::Expired { dispute: id }))
            }
            DisputeLog::Punished { operator } => {
                let mine = *operator == self.about.operator;
                (None, Some(DisputeNote::Punished { dispute: id, operator: *operator, mine }))
            }
        };
        // What comes before the first head is history, and was told when it happened.
        if let Some(note) = note.filter(|_| self.engine.head().is_some()) {
            self.note(Note::Dispute(note));
        }
        if let Some(event) = event {
            self.feed(Input::Dispute { id, event }, now);
        }
    }

    /// Has a disputed task run again, by the terms that its version of the job had.
    pub(super) fn rerun(&mut self, dispute: u64, report: Box<Report>) {
        let plan = self.book.plan_of(&report.task).cloned();
        self.order(Order::Rerun { dispute, report, plan });
    }

    pub(super) fn on_reran(
        &mut self,
        dispute: u64,
        (leaf, result): (B256, Result<Answer, Abstention>),
        reason: String,
        now: Time,
    ) {
        self.note(Note::Dispute(DisputeNote::Reran { dispute, result, reason }));
        self.feed(Input::Dispute { id: dispute, event: DisputeEvent::Reran { leaf, result } }, now);
    }

    pub(super) fn rule(&mut self, ruling: Box<AgreedRuling>, now: Time) {
        let dispute = ruling.dispute;
        self.bring(dispute, Order::Rule(ruling), now);
    }

    pub(super) fn enforce(&mut self, dispute: u64, now: Time) {
        self.bring(dispute, Order::Enforce { dispute }, now);
    }

    /// Brings something on chain, unless this keeper leaves that to others, or has its hands full: then the next in line does.
    fn bring(&mut self, dispute: u64, order: Order, now: Time) {
        if !self.about.challenge {
            return;
        }
        if self.brought.len() >= BROUGHT_MAX && !self.brought.contains(&dispute) {
            return self.feed(Input::Dispute { id: dispute, event: DisputeEvent::SendingFailed }, now);
        }
        self.brought.insert(dispute);
        self.order(order);
    }

    pub(super) fn on_brought(&mut self, dispute: u64, result: BroughtResult, now: Time) {
        self.brought.remove(&dispute);
        let event = match result {
            // The chain tells what it did; there may be more than 32 to punish.
            BroughtResult::Mined { .. } => None,
            BroughtResult::AllPunished => Some(DisputeEvent::AllPunished),
            BroughtResult::Refused { .. } | BroughtResult::Failed { .. } => Some(DisputeEvent::SendingFailed),
        };
        self.note(Note::Dispute(DisputeNote::Brought { dispute, result }));
        if let Some(event) = event {
            self.feed(Input::Dispute { id: dispute, event }, now);
        }
    }
}

//! What runs of a task gave (rule 5).

use alloy_primitives::B256;

use super::{Attempt, Session};
use crate::anchor::BlockRef;
use crate::effect::{Effect, Step};
use crate::outbox::Outbox;
use crate::report::Report;
use crate::task::{Abstention, Outcome};

impl Session {
    /// Takes what a run gave, if it is the one that runs: the anchor may have become another one meanwhile.
    pub(super) fn executed(&mut self, attempt: u8, at: B256, result: Result<Outcome, Abstention>, outbox: &mut Outbox) {
        let Some(&Attempt::Running { anchor, .. }) = self.attempts.get(&attempt) else {
            return;
        };
        if anchor.hash != at || self.due.observes {
            return;
        }
        let next = self.ended(anchor, B256::ZERO, result, outbox);
        self.attempts.insert(attempt, next);
        self.have_batches_look(outbox);
    }

    /// What a run gave, as this keeper has it to say.
    pub(super) fn ended(
        &self,
        anchor: BlockRef,
        input_set: B256,
        result: Result<Outcome, Abstention>,
        outbox: &mut Outbox,
    ) -> Attempt {
        let (next, step) = match result {
            Ok(outcome) => {
                let report = Report {
                    task: self.due.task,
                    anchor: anchor.into(),
                    input_set,
                    status: outcome.status,
                    outcome_hash: outcome.hash(self.due.code_hash),
                };
                // The quorum may have been faster.
                let certified = self.words.certified_at((anchor.hash, input_set));
                if let Some(certified) = certified.filter(|certified| **certified != report) {
                    outbox.effect(Effect::Contradicted(Box::new(*certified)));
                }
                (Attempt::Reported { report, outcome }, Step::Executed)
            }
            Err(reason) => (Attempt::Abstained(anchor, reason), Step::Abstained(reason)),
        };
        outbox.effect(Effect::Report(self.due.task, step));
        next
    }

    /// A report that may not be signed stays what this keeper found.
    pub(super) fn refused(&mut self, attempt: u8, input_set: B256) {
        if let Some(Attempt::Reported { report, outcome }) = self.said(attempt, input_set).cloned() {
            let refused = Attempt::Refused { report, outcome };
            match self.observed.round_mut(attempt) {
                Some(round) => round.decided.insert(input_set, refused),
                None => self.attempts.insert(attempt, refused),
            };
        }
    }
}

//! Proofs of equivocation: from the engine to the disk and before the contract.

use alloy::primitives::B256;
use consensus::codec;
use consensus::evidence::Evidence;
use consensus::message::EVIDENCE_LIMIT;
use consensus::time::Time;
use consensus::{Effect, Input};

use super::{Core, Note, Order};
use crate::chain::{AccusationResult, convert};
use crate::driver::accusations::rank;

impl Core {
    /// Takes up a proof that the engine has checked. Nobody accuses itself.
    pub(super) fn accuse(&mut self, evidence: &Evidence) {
        let me = self.engine.committee().and_then(|(_, index)| index);
        if self.about.challenge
            && let Some(accusation) = convert::accusation(evidence)
            && !me.is_some_and(|me| accusation.guilty.contains(&me.0))
        {
            self.accusations.insert(accusation);
        }
    }

    /// The proofs on disk, checked anew; what is kept already is not written again. One of an epoch that the engine does not know
    /// any more was checked before it was written, and the contract checks it once more: it is brought there all the same.
    pub(super) fn on_evidence(&mut self, proofs: Vec<Vec<u8>>, now: Time) {
        for bytes in proofs {
            let evidence = codec::decode::<Evidence>(&bytes, EVIDENCE_LIMIT);
            for effect in self.engine.handle(Input::Kept(bytes), now) {
                match effect {
                    Effect::Keep(_) => {}
                    effect => self.on_effect(effect, now),
                }
            }
            if let Ok(evidence) = evidence {
                self.accuse(&evidence);
            }
        }
    }

    /// At every block: brings those before the contract whose turn it is.
    pub(super) fn press_accusations(&mut self, head: u64) {
        if self.accusations.is_empty() {
            return;
        }
        let Some((committee, _)) = self.engine.committee() else {
            return;
        };
        let me = self.about.operator;
        for accusation in self.accusations.take_due(head, |accusation| rank(accusation, &committee, me)) {
            self.order(Order::Accuse(accusation));
        }
    }

    pub(super) fn on_accused(&mut self, key: B256, result: AccusationResult) {
        let head = self.engine.head().map_or(0, |head| head.number);
        if self.accusations.end(key, &result, head) {
            self.order(Order::ForgetEvidence(key));
        }
        self.note(Note::Accused(result));
    }
}

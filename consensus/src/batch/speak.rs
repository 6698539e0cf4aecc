//! How a batch comes to this keeper's own word: what it found goes to the journal, and only then is it signed and sent.

use std::sync::Arc;

use alloy_primitives::B256;
use serde_bytes::{ByteArray, ByteBuf};

use super::Batch;
use super::own::{Own, Unsigned, draft};
use crate::bls::Signature;
use crate::codec;
use crate::effect::{JournalAnswer, PersistToken};
use crate::facts::Facts;
use crate::message::Partial;
use crate::outbox::{Notice, Outbox};
use crate::report::Leaves;
use crate::session::Event;
use crate::sessions::Sessions;
use crate::time::Time;

impl Batch {
    /// Makes this keeper's partial as soon as it has something to say of every task, and hands what it signs to the
    /// journal first (rules 5 and 6).
    pub(super) fn speak(&mut self, facts: &Facts, sessions: &Sessions, now: Time, outbox: &mut Outbox) {
        let Some(basis) = &self.basis else {
            return;
        };
        let Some(mut partial) = draft(self.key, self.attempt, basis, facts, sessions) else {
            return;
        };
        if partial.abstains() {
            return self.say(partial, None, facts, now, outbox);
        }
        // Others may have said the same before, so that it is hashed already.
        let known = self.count.leaves_of(&partial.findings);
        let Some(leaves) = known.or_else(|| Some(Arc::new(Leaves::of(basis.reports(&partial.findings)?)))) else {
            return;
        };
        let digest = basis.digest(leaves.root(), facts.domain());
        partial.root = ByteArray::new(leaves.root().0);
        let token = outbox.persist(leaves.records());
        let unsigned = Unsigned { token, partial, leaves, digest };
        if facts.laws().awaits_journal() {
            self.own = Own::Persisting(Box::new(unsigned));
        } else {
            self.sign(unsigned, facts, now, outbox);
        }
    }

    fn sign(&mut self, unsigned: Unsigned, facts: &Facts, now: Time, outbox: &mut Outbox) {
        let Unsigned { mut partial, leaves, digest, .. } = unsigned;
        let signature = facts.sign(digest);
        partial.signature = ByteBuf::from(signature.to_bytes());
        self.say(partial, Some((leaves, signature)), facts, now, outbox);
    }

    fn say(
        &mut self,
        partial: Partial,
        signed: Option<(Arc<Leaves>, Signature)>,
        facts: &Facts,
        now: Time,
        outbox: &mut Outbox,
    ) {
        let bytes = codec::encode(&partial);
        if let Some(basis) = &self.basis {
            self.own = Own::Spoken(now);
            self.count.take_own(&partial, signed, &bytes, basis, facts.domain());
        }
        self.send_own(bytes, facts, now, outbox);
    }

    /// Whether its own partial waits for this answer of the journal. If the chain has moved under the batch since, what
    /// the journal holds is about blocks that are gone, and no answer is awaited.
    pub(crate) fn awaits(&self, token: PersistToken) -> bool {
        matches!(&self.own, Own::Persisting(unsigned) if unsigned.token == token)
    }

    /// The journal has answered. What it refuses of one task says nothing of the others: a job with an old run must not
    /// silence whatever it is put into one batch with.
    pub(crate) fn persisted(
        &mut self,
        answer: &JournalAnswer,
        facts: &Facts,
        sessions: &mut Sessions,
        now: Time,
        outbox: &mut Outbox,
    ) {
        let Own::Persisting(unsigned) = std::mem::replace(&mut self.own, Own::Silent) else {
            return;
        };
        let input_set = self.basis.as_ref().map_or(B256::ZERO, |basis| basis.input_set);
        let may_sign = |position: usize| match answer {
            JournalAnswer::Recorded => true,
            JournalAnswer::Refused(positions) => !positions.contains(&position),
            JournalAnswer::Failed => false,
        };
        for (_, &task) in self.tasks.iter().enumerate().filter(|(position, _)| !may_sign(*position)) {
            sessions.handle(task, Event::Refused(self.attempt, input_set), facts, now, outbox);
        }
        if *answer == JournalAnswer::Recorded {
            self.sign(*unsigned, facts, now, outbox);
        }
        outbox.tell(Notice::LookAtBatch(self.key));
    }
}

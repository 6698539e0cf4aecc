//! A task whose job looks outside: what this keeper saw, what others did, and what is decided on (rule 20).

use std::sync::Arc;

use alloy_primitives::{B256, Bytes};

use super::{Attempt, Session};
use crate::agenda::Wake;
use crate::codec;
use crate::committee::Committee;
use crate::effect::{Effect, Step};
use crate::facts::Facts;
use crate::inputs::InputSet;
use crate::message::{Channel, Observation, SEEN_LIMIT};
use crate::outbox::Outbox;
use crate::task::{Abstention, Outcome};
use crate::time::Time;

impl Session {
    /// Signs and sends what this keeper saw, once at a try.
    pub(super) fn saw(
        &mut self,
        attempt: u8,
        at: B256,
        result: Result<Bytes, Abstention>,
        facts: &Facts,
        now: Time,
        outbox: &mut Outbox,
    ) {
        let Some(anchor) = self.observed.round(attempt).map(super::observed::Round::anchor) else {
            return;
        };
        let Some(committee) = facts.committee_at(anchor.number) else {
            return;
        };
        let Some(me) = facts.my_index(&committee).filter(|_| anchor.hash == at) else {
            return;
        };
        let seen = match result {
            Ok(seen) if seen.len() <= SEEN_LIMIT => seen,
            Ok(_) => return outbox.effect(Effect::Report(self.due.task, Step::Abstained(Abstention::HostFailure))),
            Err(why) => return outbox.effect(Effect::Report(self.due.task, Step::Abstained(why))),
        };
        let (place, signer) = ((self.due.task, attempt, anchor), (committee.epoch(), me));
        let observation = Observation::signed(facts.domain(), facts.peer_key(), place, signer, seen.to_vec());
        let digest = observation.digest(facts.domain());
        if self.glance(&observation, digest) == super::Glance::New {
            let bytes = codec::encode(&observation);
            outbox.effect(Effect::Broadcast { channel: Channel::Observations, bytes: bytes.clone() });
            self.take_observation((&observation, digest, bytes), &committee, facts, now, outbox);
        }
    }

    /// Takes what a keeper saw, its signature being good.
    pub(crate) fn take_observation(
        &mut self,
        (observation, digest, bytes): (&Observation, B256, Vec<u8>),
        committee: &Committee,
        facts: &Facts,
        now: Time,
        outbox: &mut Outbox,
    ) {
        let attempt = observation.attempt;
        let Some(round) = self.observed.round_mut(attempt) else {
            return;
        };
        if round.take((observation, digest, bytes), committee, &**facts.laws(), now) {
            let window = facts.pace().window_of(facts.pace().attempt_due(self.due.due, attempt));
            round.ready().iter().for_each(|&ready| outbox.wake(ready.max(now), Wake::Window(window)));
        }
        self.have_batches_look(outbox);
    }

    /// Decides on what a leader has listed, once for each set.
    pub(super) fn decide(&mut self, attempt: u8, inputs: Arc<InputSet>, facts: &Facts, outbox: &mut Outbox) {
        let due = self.due;
        let Some(Attempt::Running { anchor }) = self.attempts.get(&attempt).cloned() else {
            return;
        };
        if let Some(round) = self.observed.round_mut(attempt).filter(|round| round.anchor() == anchor.into()) {
            round.decided.insert(inputs.hash, Attempt::Running { anchor });
            let committee = facts.committee_at(anchor.number);
            if committee.is_some_and(|committee| facts.my_index(&committee).is_some()) {
                outbox.effect(Effect::Decide { due, attempt, anchor, inputs });
            }
        }
    }

    /// Takes what deciding on a set gave.
    pub(super) fn decided(&mut self, attempt: u8, set: B256, result: Result<Outcome, Abstention>, outbox: &mut Outbox) {
        let round = self.observed.round(attempt);
        let Some(&Attempt::Running { anchor }) = round.and_then(|round| round.decided.get(&set)) else {
            return;
        };
        let next = self.ended(anchor, set, result, outbox);
        if let Some(round) = self.observed.round_mut(attempt) {
            round.decided.insert(set, next);
        }
        self.have_batches_look(outbox);
    }
}

#[cfg(test)]
mod tests;

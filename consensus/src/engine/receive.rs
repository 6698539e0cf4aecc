//! Messages on their way to the machine that they are for: read, considered, and given the one verdict they are owed.

use std::sync::Arc;

use super::Engine;
use crate::certificate::CertificateError;
use crate::codec::{self, CodecError};
use crate::committee::{KeeperIndex, PeerKey, QUORUM_BPS};
use crate::effect::Effect;
use crate::fault::{Awaits, Fate, Reason, Verdict};
use crate::held::Received;
use crate::message::{CertificateMessage, Channel, HAVE_LIMIT, Have, Message, Observation, Partial, Ruling, Source};
use crate::session::{Event, Glance};
use crate::task::Task;
use crate::time::{HOLD, Time};

impl Engine {
    /// Takes in a message; true if it is rejected on the spot.
    pub(super) fn receive(
        &mut self,
        source: Source,
        from: PeerKey,
        channel: Channel,
        bytes: Vec<u8>,
        now: Time,
    ) -> bool {
        let (fate, received) = match Message::decode(channel, &bytes) {
            Ok(content) => {
                let mut received = Received { source, from, content, bytes, until: now.plus(HOLD), charged: false };
                (self.consider(&mut received, now), Some(received))
            }
            Err(error) => (Fate::Judged(Verdict::Reject(reason_of(error))), None),
        };
        match fate {
            Fate::Judged(verdict) => self.outbox.judge(source, verdict),
            Fate::Pending => {}
            Fate::Early(awaits) => {
                received.into_iter().for_each(|received| self.held.hold(received, awaits, &mut self.outbox));
            }
        }
        self.empty_outbox(now);
        matches!(fate, Fate::Judged(Verdict::Reject(_)))
    }

    /// Looks at the held messages again for which something has come, and lets go of those whose time is up.
    pub(super) fn retry_held(&mut self, now: Time) {
        while let Some((place, mut received)) = self.held.take_ready() {
            match self.consider(&mut received, now) {
                Fate::Judged(verdict) => self.outbox.judge(received.source, verdict),
                Fate::Pending => {}
                Fate::Early(awaits) => self.held.hold_again(place, received, awaits),
            }
            self.empty_outbox(now);
        }
        self.held.expire(now, &mut self.outbox);
    }

    /// A peer's answer holds messages that are checked like any other. It has been checked by that peer, so the first one
    /// that is rejected is reason enough to charge the peer, once, and to leave the rest.
    pub(super) fn receive_answer(&mut self, from: PeerKey, bytes: &[u8], now: Time) {
        let source = Source::Answer(from);
        let have = match codec::decode::<Have>(bytes, HAVE_LIMIT) {
            Ok(have) => have,
            Err(error) => return self.outbox.judge(source, Verdict::Reject(reason_of(error))),
        };
        self.start.note_head_of_peer(have.head, &self.facts);
        let assignments = have.assignments.into_iter().map(|bytes| (Channel::Assignments, bytes));
        let partials = have.partials.into_iter().map(|bytes| (Channel::Partials, bytes));
        let certificate = have.certificate.into_iter().map(|bytes| (Channel::Certificates, bytes));
        let observations = have.observations.into_iter().map(|bytes| (Channel::Observations, bytes));
        for (channel, bytes) in assignments.chain(certificate).chain(observations).chain(partials) {
            if self.receive(source, from, channel, bytes.into_vec(), now) {
                return;
            }
        }
    }

    fn consider(&mut self, received: &mut Received, now: Time) -> Fate {
        let Received { source, from, ref content, ref bytes, ref mut charged, .. } = *received;
        let Self { facts, plans, proofs, sessions, batches, outbox, .. } = self;
        match content {
            Message::Assignment(assignment) => plans.consider((assignment, bytes), facts, now, outbox),
            Message::Partial(partial) => self.consider_partial((partial, bytes), source, (from, charged), now),
            Message::Certificate(certificate) => self.consider_certificate(certificate, (from, charged), now),
            Message::Evidence(_) if !self.budgets.charge(from, (facts, batches, sessions.observing()), now) => {
                Fate::Judged(Verdict::Ignore(Reason::OverLimit))
            }
            Message::Evidence(evidence) => Fate::Judged(proofs.consider(evidence, facts, sessions, outbox)),
            Message::Observation(observation) => self.consider_observation((observation, bytes), (from, charged), now),
            Message::Ruling(ruling) => self.consider_ruling(ruling, (from, charged), now),
        }
    }

    fn consider_ruling(&mut self, ruling: &Ruling, (from, charged): (PeerKey, &mut bool), now: Time) -> Fate {
        let Some(committee) = self.facts.committee_of(ruling.epoch).cloned() else {
            return Fate::Early(Awaits::Epoch(ruling.epoch));
        };
        if let Some(fate) = self.disputes.glance(ruling, &committee, &self.facts) {
            return fate;
        }
        if !self.charge(from, charged, now) {
            return Fate::Judged(Verdict::Ignore(Reason::OverLimit));
        }
        Fate::Judged(self.disputes.take(ruling, &committee, &mut self.facts, now, &mut self.outbox))
    }

    /// Rule 20. That it is true nobody can tell: it is looked at whether its keeper has signed it, for this try, once.
    fn consider_observation(
        &mut self,
        (observation, bytes): (&Observation, &[u8]),
        (from, charged): (PeerKey, &mut bool),
        now: Time,
    ) -> Fate {
        let ignored = |reason| Fate::Judged(Verdict::Ignore(reason));
        if !observation.is_well_formed() {
            return Fate::Judged(Verdict::Reject(Reason::OutOfBounds));
        }
        let task: Task = observation.task.into();
        let early = Fate::Early(Awaits::Attempt(task, observation.attempt));
        let Some(session) = self.sessions.get(&task) else {
            return early;
        };
        if session.has_ended() {
            return ignored(Reason::OutOfWindow);
        }
        if !session.due().observes {
            return ignored(Reason::UnknownContext);
        }
        let digest = observation.digest(self.facts.domain());
        match session.glance(observation, digest) {
            Glance::New => {}
            Glance::Known => return ignored(Reason::Duplicate),
            Glance::Second => return ignored(Reason::Conflicting),
            Glance::Full => return ignored(Reason::OverLimit),
            Glance::Elsewhere => return ignored(Reason::UnknownContext),
            Glance::Over => return ignored(Reason::OutOfWindow),
            Glance::Early => return early,
        }
        let active = self.facts.committee_at(observation.anchor_number);
        let Some(committee) = active.filter(|committee| committee.epoch() == observation.epoch) else {
            return ignored(Reason::UnknownContext);
        };
        let Some(member) = committee.member(KeeperIndex(observation.keeper)) else {
            return Fate::Judged(Verdict::Reject(Reason::NotMember));
        };
        if !self.sessions.has_room_to_see(&task, observation.seen.len()) || !self.charge(from, charged, now) {
            return ignored(Reason::OverLimit);
        }
        if !member.peer_key.has_signed(digest, &observation.signature) {
            return Fate::Judged(Verdict::Reject(Reason::InvalidPeerSignature));
        }
        let Self { facts, sessions, outbox, .. } = self;
        sessions.take_observation((observation, digest, bytes.to_vec()), &committee, facts, now, outbox);
        Fate::Judged(Verdict::Accept)
    }

    fn consider_partial(
        &mut self,
        (partial, bytes): (&Partial, &[u8]),
        source: Source,
        (from, charged): (PeerKey, &mut bool),
        now: Time,
    ) -> Fate {
        if !partial.is_well_formed() {
            return Fate::Judged(Verdict::Reject(Reason::OutOfBounds));
        }
        let key = partial.key();
        if !self.plans.contains(&key.assignment) {
            return Fate::Early(Awaits::Assignment(key.assignment));
        }
        match self.batches.get(&key) {
            None => return Fate::Judged(Verdict::Reject(Reason::WrongBatch)),
            // Who knows other tasks, or heard of its leader's batches in another order, may speak in it.
            Some(batch) if batch.is_refused() => return Fate::Judged(Verdict::Ignore(Reason::OverLimit)),
            Some(_) => {}
        }
        if !self.charge(from, charged, now) {
            return Fate::Judged(Verdict::Ignore(Reason::OverLimit));
        }
        let Some(batch) = self.batches.get_mut(&key) else {
            return Fate::Judged(Verdict::Reject(Reason::WrongBatch));
        };
        let fate = batch.take((partial, bytes), source, &mut self.facts, &self.sessions, now, &mut self.outbox);
        if matches!(fate, Fate::Pending | Fate::Judged(Verdict::Accept)) {
            let keeper = KeeperIndex(partial.keeper);
            self.outbox.effect(Effect::Heard { key, keeper, abstains: partial.abstains() });
        }
        fate
    }

    /// Rule 16: a message is paid for before it costs a signature check, and once, however often it is looked at.
    fn charge(&mut self, from: PeerKey, charged: &mut bool, now: Time) -> bool {
        *charged = *charged || self.budgets.charge(from, (&self.facts, &self.batches, self.sessions.observing()), now);
        *charged
    }

    fn consider_certificate(
        &mut self,
        message: &CertificateMessage,
        (from, charged): (PeerKey, &mut bool),
        now: Time,
    ) -> Fate {
        let tasks: Vec<Task> = message.reports.iter().map(|report| report.task.into()).collect();
        let Self { sessions, batches, outbox, .. } = self;
        let reports = message.reports();
        if let Some(reports) = reports.as_ref().filter(|reports| sessions.know_certified(reports)) {
            // It brings nothing new, but to a batch that others certified together, and this keeper in another way.
            if let Some(known) = sessions.certificate_of(reports) {
                batches.adopt_certificate(known, sessions, now, outbox);
            }
            return Fate::Judged(Verdict::Ignore(Reason::Duplicate));
        }
        // It closes no task here, and costs a pairing: one that was certified long ago could be sent again and again, in the name
        // of each quorum that signed it, and would use up the budget of whoever passes it on.
        let is_about_something = reports.is_some() && !tasks.is_empty();
        if is_about_something && tasks.iter().all(|task| sessions.get(task).is_none()) {
            return Fate::Judged(Verdict::Ignore(Reason::UnknownContext));
        }
        let Some(committee) = self.facts.committee_of(message.epoch).cloned() else {
            return Fate::Early(Awaits::Epoch(message.epoch));
        };
        if !self.charge(from, charged, now) {
            return Fate::Judged(Verdict::Ignore(Reason::OverLimit));
        }
        let quorum_bps = self.sessions.quorum_bps(&tasks).unwrap_or(QUORUM_BPS);
        let certificate = match message.verify(&committee, self.facts.domain(), quorum_bps) {
            Ok(certificate) => Arc::new(certificate),
            // Whoever does not know the task yet passes on what is a quorum in any job.
            Err(CertificateError::Quorum) if quorum_bps > QUORUM_BPS => {
                return Fate::Judged(Verdict::Ignore(Reason::BelowQuorum));
            }
            Err(error) => return Fate::Judged(Verdict::Reject(reason_of_certificate(error))),
        };
        let Self { facts, sessions, batches, proofs, outbox, .. } = self;
        proofs.note_certificate(&certificate, facts, sessions, outbox);
        outbox.effect(Effect::Certified(Arc::clone(&certificate)));
        // It closes the tasks for this keeper as well as one of its own making.
        for &task in &tasks {
            sessions.handle(task, Event::Certified, facts, now, outbox);
        }
        batches.adopt_certificate(&certificate, sessions, now, outbox);
        Fate::Judged(Verdict::Accept)
    }
}

fn reason_of(error: CodecError) -> Reason {
    match error {
        CodecError::TooLarge { .. } => Reason::TooLarge,
        CodecError::Malformed => Reason::Malformed,
        CodecError::NotCanonical => Reason::NotCanonical,
    }
}

fn reason_of_certificate(error: CertificateError) -> Reason {
    match error {
        CertificateError::Batch | CertificateError::Epoch => Reason::OutOfBounds,
        CertificateError::Bitmap => Reason::InvalidBitmap,
        CertificateError::Point => Reason::InvalidPoint,
        CertificateError::Quorum => Reason::BelowQuorum,
        CertificateError::Signature => Reason::InvalidSignature,
    }
}

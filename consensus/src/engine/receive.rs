//! Messages on their way to the machine that they are for: read, considered, and given the one verdict they are owed.

use std::sync::Arc;

use serde_bytes::ByteArray;

use super::Engine;
use crate::certificate::CertificateError;
use crate::codec::{self, CodecError};
use crate::committee::{PeerKey, QUORUM_BPS};
use crate::effect::Effect;
use crate::fault::{Fate, Reason, Verdict};
use crate::held::Received;
use crate::message::{CertificateMessage, Channel, HAVE_LIMIT, Have, Message, Partial, Source, Want};
use crate::session::Event;
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
                let received = Received { source, from, content, bytes, until: now.plus(HOLD) };
                (self.consider(&received, now, true), Some(received))
            }
            Err(error) => (Fate::Judged(Verdict::Reject(reason_of(error))), None),
        };
        match fate {
            Fate::Judged(verdict) => self.outbox.judge(source, verdict),
            Fate::Pending => {}
            Fate::Early => received.into_iter().for_each(|received| self.held.hold(received, &mut self.outbox)),
        }
        self.empty_outbox(now);
        matches!(fate, Fate::Judged(Verdict::Reject(_)))
    }

    /// Looks at held messages again.
    pub(super) fn retry_held(&mut self, now: Time) {
        for received in self.held.take() {
            match self.consider(&received, now, false) {
                Fate::Judged(verdict) => self.outbox.judge(received.source, verdict),
                Fate::Pending => {}
                Fate::Early => self.held.hold_again(received, now, &mut self.outbox),
            }
            self.empty_outbox(now);
        }
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
        for (channel, bytes) in assignments.chain(certificate).chain(partials) {
            if self.receive(source, from, channel, bytes.into_vec(), now) {
                return;
            }
        }
    }

    /// `first`: whether the message has not been looked at before.
    fn consider(&mut self, received: &Received, now: Time, first: bool) -> Fate {
        let Received { source, from, ref content, ref bytes, .. } = *received;
        let Self { facts, plans, proofs, sessions, batches, outbox, .. } = self;
        match content {
            Message::Assignment(assignment) => plans.consider((assignment, bytes), facts, now, outbox),
            Message::Partial(partial) => self.consider_partial((partial, bytes), (source, from), now, first),
            Message::Certificate(certificate) => self.consider_certificate(certificate, from, now, first),
            Message::Evidence(_) if !self.budgets.charge(from, facts, batches, now) => {
                Fate::Judged(Verdict::Ignore(Reason::OverLimit))
            }
            Message::Evidence(evidence) => Fate::Judged(proofs.consider(evidence, facts, sessions, outbox)),
        }
    }

    fn consider_partial(
        &mut self,
        (partial, bytes): (&Partial, &[u8]),
        (source, from): (Source, PeerKey),
        now: Time,
        first: bool,
    ) -> Fate {
        if !partial.is_well_formed() {
            return Fate::Judged(Verdict::Reject(Reason::OutOfBounds));
        }
        let key = partial.key();
        if !self.plans.contains(&key.assignment) {
            if first {
                let want = Want::Assignment(ByteArray::new(key.assignment.0));
                self.outbox.effect(Effect::Ask { peer: Some(from), bytes: codec::encode(&want) });
            }
            return Fate::Early;
        }
        if self.batches.get(&key).is_none() {
            return Fate::Judged(Verdict::Reject(Reason::WrongBatch));
        }
        if first && !self.budgets.charge(from, &self.facts, &self.batches, now) {
            return Fate::Judged(Verdict::Ignore(Reason::OverLimit));
        }
        let Some(batch) = self.batches.get_mut(&key) else {
            return Fate::Judged(Verdict::Reject(Reason::WrongBatch));
        };
        batch.take((partial, bytes), source, &self.facts, &self.sessions, now, &mut self.outbox)
    }

    fn consider_certificate(&mut self, message: &CertificateMessage, from: PeerKey, now: Time, first: bool) -> Fate {
        let tasks: Vec<Task> = message.reports.iter().map(|report| report.task.into()).collect();
        if message.reports().is_some_and(|reports| self.sessions.know_certified(&reports)) {
            return Fate::Judged(Verdict::Ignore(Reason::Duplicate));
        }
        let Some(committee) = self.facts.committee_of(message.epoch) else {
            return Fate::Early;
        };
        if first && !self.budgets.charge(from, &self.facts, &self.batches, now) {
            return Fate::Judged(Verdict::Ignore(Reason::OverLimit));
        }
        let quorum_bps = self.sessions.quorum_bps(&tasks).unwrap_or(QUORUM_BPS);
        let certificate = match message.verify(committee, self.facts.domain(), quorum_bps) {
            Ok(certificate) => Arc::new(certificate),
            Err(error) => return Fate::Judged(Verdict::Reject(reason_of_certificate(error))),
        };
        let Self { facts, sessions, batches, proofs, outbox, .. } = self;
        proofs.note_certificate(&certificate, facts, sessions, outbox);
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

//! What to make of a message: read it, check it cheapest first, take it in, and give the one verdict it is owed.

use std::sync::Arc;

use super::{ASSIGNMENTS_HELD_MAX, Engine, HELD_MAX, HeldMessage, Wake};
use crate::certificate::{Certificate, CertificateError};
use crate::codec::{self, CodecError};
use crate::collection::{Collection, Place, Taken};
use crate::committee::{KeeperIndex, PeerKey, QUORUM_BPS};
use crate::effect::{BatchKey, Effect, Step};
use crate::fault::{Fault, Reason, Verdict};
use crate::input::MessageTag;
use crate::message::{Assignment, CertificateMessage, Channel, HAVE_LIMIT, Have, Message, Partial, Want, is_signed_by};
use crate::task::Task;
use crate::time::{HOLD, Time};
use serde_bytes::ByteArray;

/// How a message fared.
enum Fate {
    /// A verdict.
    Judged(Verdict),
    /// The verdict follows from signature checks.
    Pending,
    /// It rests on something not known yet.
    Early,
}

use Fate::{Early, Judged};

impl Engine {
    pub(super) fn receive(
        &mut self,
        message: Option<MessageTag>,
        from: PeerKey,
        channel: Channel,
        bytes: Vec<u8>,
        now: Time,
    ) {
        let content = match Message::decode(channel, &bytes) {
            Ok(content) => content,
            Err(error) => return self.judge(message, Verdict::Reject(reason_of(error))),
        };
        let held = HeldMessage { message, from, content, bytes, until: now.plus(HOLD) };
        match self.consider(&held, now, true) {
            Judged(verdict) => self.judge(message, verdict),
            Fate::Pending => {}
            Early if self.held.len() >= HELD_MAX => self.judge(message, Verdict::Ignore(Reason::OverLimit)),
            Early => {
                self.schedule(held.until, Wake::Held);
                self.held.push_back(held);
            }
        }
    }

    /// Looks at held messages again; those whose time is up are ignored, not rejected: they may be right elsewhere.
    pub(super) fn retry_held(&mut self, now: Time) {
        for held in std::mem::take(&mut self.held) {
            match self.consider(&held, now, false) {
                Judged(verdict) => self.judge(held.message, verdict),
                Fate::Pending => {}
                Early if now >= held.until => self.judge(held.message, Verdict::Ignore(Reason::UnknownContext)),
                Early => self.held.push_back(held),
            }
        }
    }

    /// A peer's answer holds messages that are checked like any other.
    pub(super) fn receive_answer(&mut self, from: PeerKey, bytes: &[u8], now: Time) {
        let Ok(have) = codec::decode::<Have>(bytes, HAVE_LIMIT) else {
            return;
        };
        self.note_head_of_peer(have.head);
        let assignments = have.assignments.into_iter().map(|bytes| (Channel::Assignments, bytes));
        let partials = have.partials.into_iter().map(|bytes| (Channel::Partials, bytes));
        let certificate = have.certificate.into_iter().map(|bytes| (Channel::Certificates, bytes));
        for (channel, bytes) in assignments.chain(certificate).chain(partials) {
            self.receive(None, from, channel, bytes.into_vec(), now);
        }
    }

    fn consider(&mut self, held: &HeldMessage, now: Time, first: bool) -> Fate {
        let HeldMessage { message, from, ref content, ref bytes, .. } = *held;
        match content {
            Message::Assignment(assignment) => self.consider_assignment(assignment, bytes, now),
            Message::Partial(partial) => self.consider_partial(partial, message, from, bytes, now, first),
            Message::Certificate(certificate) => self.consider_certificate(certificate, from, now, first),
            Message::Evidence(_) if !self.has_budget(from, now) => Judged(Verdict::Ignore(Reason::OverLimit)),
            Message::Evidence(evidence) => Judged(self.keep_evidence(evidence)),
        }
    }

    fn consider_assignment(&mut self, assignment: &Assignment, bytes: &[u8], now: Time) -> Fate {
        if !assignment.is_well_formed() {
            return Judged(Verdict::Reject(Reason::OutOfBounds));
        }
        let pace = self.config.pace;
        let current = now.0 / 1000 / pace.window_seconds();
        let oldest = current.saturating_sub(pace.retention() / 1000 / pace.window_seconds());
        if assignment.window < oldest || assignment.window > current + 3 {
            return Judged(Verdict::Ignore(Reason::OutOfWindow));
        }
        let hash = assignment.hash(&self.config.domain);
        if self.plans.contains_key(&hash) {
            return Judged(Verdict::Ignore(Reason::Duplicate));
        }
        /* -------- origin -------- */
        let Some((order, committee)) = self.leaders(assignment.window) else {
            return Early;
        };
        // A keeper that has seen less of the chain may know of fewer missed turns: the order as drawn is right as well.
        let drawn = self.drawn(assignment.window).map(|(drawn, ..)| drawn).unwrap_or_default();
        let leader = KeeperIndex(assignment.leader);
        let stage = usize::from(assignment.stage);
        if order.get(stage) != Some(&leader) && drawn.get(stage) != Some(&leader) {
            return Judged(Verdict::Ignore(Reason::NotLeader));
        }
        let Some(member) = committee.member(leader) else {
            return Judged(Verdict::Ignore(Reason::NotLeader));
        };
        /* -------- signature -------- */
        if !is_signed_by(hash, &assignment.signature, member.peer_key) {
            return Judged(Verdict::Reject(Reason::InvalidPeerSignature));
        }
        /* -------- process -------- */
        let number = (assignment.window, assignment.stage, assignment.leader, assignment.number);
        if *self.numbered.entry(number).or_insert(hash) != hash {
            self.effects.push(Effect::Blame(Fault::ConflictingAssignment(leader)));
            return Judged(Verdict::Ignore(Reason::Conflicting));
        }
        if self.plans.len() >= ASSIGNMENTS_HELD_MAX {
            return Judged(Verdict::Ignore(Reason::OverLimit));
        }
        self.adopt(assignment, bytes.to_vec(), now);
        Judged(Verdict::Accept)
    }

    /// Opens the batches of an assignment that has been checked, or made here.
    pub(super) fn adopt(&mut self, assignment: &Assignment, bytes: Vec<u8>, now: Time) {
        let hash = assignment.hash(&self.config.domain);
        let number = (assignment.window, assignment.stage, assignment.leader, assignment.number);
        self.numbered.insert(number, hash);
        self.plans.insert(hash, bytes);
        let place =
            Place { window: assignment.window, stage: assignment.stage, leader: KeeperIndex(assignment.leader) };
        for (number, batch) in (0u8..).zip(&assignment.batches) {
            let key = BatchKey { assignment: hash, batch: number };
            let tasks: Vec<Task> = batch.tasks.iter().map(|&task| task.into()).collect();
            for task in &tasks {
                if let Some(session) = self.sessions.get_mut(task) {
                    session.batches.insert(key);
                }
            }
            let collection = Collection::new(key, tasks, batch.attempt, place);
            self.collections.insert(key, collection);
            self.schedule(now, Wake::Batch(key));
        }
        self.schedule(now, Wake::Held);
    }

    fn consider_partial(
        &mut self,
        partial: &Partial,
        message: Option<MessageTag>,
        from: PeerKey,
        bytes: &[u8],
        now: Time,
        first: bool,
    ) -> Fate {
        if !partial.is_well_formed() {
            return Judged(Verdict::Reject(Reason::OutOfBounds));
        }
        let assignment = partial.assignment.into_array().into();
        let key = BatchKey { assignment, batch: partial.batch };
        if !self.plans.contains_key(&assignment) {
            if first {
                let want = Want::Assignment(ByteArray::new(assignment.0));
                self.effects.push(Effect::Ask { peer: Some(from), bytes: codec::encode(&want) });
            }
            return Early;
        }
        self.resolve_basis(key);
        if !self.collections.contains_key(&key) {
            return Judged(Verdict::Reject(Reason::WrongBatch));
        }
        if first && !self.has_budget(from, now) {
            return Judged(Verdict::Ignore(Reason::OverLimit));
        }
        let Some(collection) = self.collections.get_mut(&key) else {
            return Judged(Verdict::Reject(Reason::WrongBatch));
        };
        let taken = collection.take(partial, bytes, message, &self.config.domain, now);
        match taken {
            Taken::TooEarly => Early,
            Taken::Judged(verdict) => {
                self.schedule(now, Wake::Batch(key));
                Judged(verdict)
            }
            Taken::Pending => {
                let at = collection.verify_at.unwrap_or(now);
                let wake = if collection.should_verify(now) { now } else { at };
                self.schedule(wake, Wake::Batch(key));
                Fate::Pending
            }
        }
    }

    fn consider_certificate(&mut self, message: &CertificateMessage, from: PeerKey, now: Time, first: bool) -> Fate {
        let tasks: Vec<Task> = message.reports.iter().map(|report| report.task.into()).collect();
        let reports: Option<Vec<_>> = message.reports.iter().map(|report| report.report()).collect();
        if reports.is_some_and(|reports| self.is_known(&reports)) {
            return Judged(Verdict::Ignore(Reason::Duplicate));
        }
        let Some(committee) = self.committees.get(&message.epoch).cloned() else {
            return Early;
        };
        if first && !self.has_budget(from, now) {
            return Judged(Verdict::Ignore(Reason::OverLimit));
        }
        let quorums = tasks.iter().filter_map(|task| self.sessions.get(task)).map(|session| session.due.quorum_bps);
        let quorum_bps = quorums.max().unwrap_or(QUORUM_BPS);
        match Certificate::from_message(message, &committee, &self.config.domain, quorum_bps) {
            Ok(certificate) => {
                self.note_certificate(&Arc::new(certificate.clone()), &committee);
                self.certified_elsewhere(certificate, now);
                Judged(Verdict::Accept)
            }
            Err(error) => Judged(Verdict::Reject(match error {
                CertificateError::Batch | CertificateError::Epoch => Reason::OutOfBounds,
                CertificateError::Bitmap => Reason::InvalidBitmap,
                CertificateError::Point => Reason::InvalidPoint,
                CertificateError::Quorum => Reason::BelowQuorum,
                CertificateError::Signature => Reason::InvalidSignature,
            })),
        }
    }

    /// A certificate from the mesh closes the tasks for this keeper as well as one of its own making; it keeps it, so
    /// that it can submit when its turn comes.
    fn certified_elsewhere(&mut self, certificate: Certificate, now: Time) {
        for report in &certificate.reports {
            self.mark_certified(report.task, now);
        }
        let batches = certificate.reports.first().and_then(|report| self.sessions.get(&report.task));
        let keys: Vec<BatchKey> = batches.map(|session| session.batches.iter().copied().collect()).unwrap_or_default();
        let same_tasks = |collection: &&mut Collection| {
            collection.certificate.is_none()
                && collection.tasks.iter().eq(certificate.reports.iter().map(|report| &report.task))
        };
        for key in keys {
            if let Some(collection) = self.collections.get_mut(&key).filter(|collection| same_tasks(&collection)) {
                collection.certificate = Some((certificate.clone(), now));
                self.schedule(now, Wake::Batch(key));
            }
        }
    }

    pub(super) fn mark_certified(&mut self, task: Task, now: Time) {
        if let Some(session) = self.sessions.get_mut(&task)
            && session.certified.is_none()
        {
            session.certified = Some(now);
            self.effects.push(Effect::Report(task, Step::Certified));
        }
    }
}

fn reason_of(error: CodecError) -> Reason {
    match error {
        CodecError::TooLarge { .. } => Reason::TooLarge,
        CodecError::Malformed => Reason::Malformed,
        CodecError::NotCanonical => Reason::NotCanonical,
    }
}

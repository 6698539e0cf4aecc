//! One planned batch on its way from partials to a certificate to the chain.
//!
//! ```text
//!               a quorum on one root (rule 8), or its certificate from the mesh
//!   Collecting ────────────────────────────────────────────────────────────────► Certified ──► turns to submit
//!       │                                                                             ▲           (rule 10)
//!       ├─ no root can reach it (rule 9) ───► Failed ── late partials, or the mesh ───┘
//!       └─ it breaks rule 4 ────────────────► Refused
//! ```
//!
//! Beside its phase a batch has a *basis* (anchors, committee, quorum: [`basis`]), this keeper's *own* word ([`own`]) and
//! the *count* of what all have said ([`count`]). A reorganisation below its basis takes it back to the beginning. It is
//! looked at whenever something it waits for has come; looking once more than needed does no harm.

mod adopt;
mod basis;
mod count;
mod inputs;
mod own;
mod place;
mod repair;
mod speak;
mod submission;
pub(crate) mod turn;
mod view;

use std::sync::Arc;

use crate::agenda::Wake;
use crate::certificate::Certificate;
use crate::codec;
use crate::effect::Effect;
use crate::facts::Facts;
use crate::fault::{Awaits, Fate, Reason, Verdict};
use crate::message::{BatchKey, CertificateMessage, Channel, Listed, Partial, Source};
use crate::outbox::{Notice, Outbox};
use crate::session::Event;
use crate::sessions::Sessions;
use crate::start::Signing;
use crate::task::Task;
use crate::time::Time;

pub(crate) use basis::Basis;
use count::{Count, Verified};
use inputs::Inputs;
use own::Own;
pub(crate) use place::{Place, Standing, TRIES_MAX};
use repair::Asked;
use submission::{best, settlement};
use turn::Turn;

/// Where a batch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Partials come in.
    Collecting,
    /// No root reaches the quorum.
    Failed {
        /// Since when that is clear.
        since: Time,
    },
    /// A quorum's certificate is at hand.
    Certified {
        /// The first one.
        certificate: Arc<Certificate>,
        /// Whose turn it is to submit it.
        turn: Turn,
        /// Since when the batch counted as failed, if it did.
        failed: Option<Time>,
    },
    /// Its leader may not assign it.
    Refused,
}

/// The state of one planned batch.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    key: BatchKey,
    /// Its tasks, in the order of the leaves.
    tasks: Vec<Task>,
    /// Which try at them it is.
    attempt: u8,
    place: Place,
    phase: Phase,
    /// Whether its tasks are known, and its leader may assign them.
    is_sound: bool,
    /// What it is decided on, where its job looks outside.
    inputs: Inputs,
    basis: Option<Basis>,
    own: Own,
    count: Count,
    /// The last question to a peer for what is missing, if there was one.
    asked: Option<Asked>,
}

impl Batch {
    /// A batch nobody has signed yet.
    pub(crate) fn new(key: BatchKey, tasks: Vec<Task>, attempt: u8, place: Place, listed: Vec<Listed>) -> Self {
        let (phase, own, count) = (Phase::Collecting, Own::Silent, Count::default());
        let inputs = Inputs::new(listed);
        Self { key, tasks, attempt, place, phase, is_sound: false, inputs, basis: None, own, count, asked: None }
    }

    /// Does whatever its state and the time call for.
    pub(crate) fn look(
        &mut self,
        facts: &mut Facts,
        sessions: &mut Sessions,
        signing: Signing,
        now: Time,
        outbox: &mut Outbox,
    ) {
        let end = facts.pace().window_start(self.place.window + 1).plus(facts.pace().retention());
        if now >= end {
            return self.end(facts, sessions, now, outbox);
        }
        if self.phase != Phase::Refused {
            self.go_on(facts, sessions, signing, now, outbox);
        }
        outbox.wake(end, Wake::Batch(self.key));
    }

    fn go_on(&mut self, facts: &mut Facts, sessions: &mut Sessions, signing: Signing, now: Time, outbox: &mut Outbox) {
        self.find_basis(facts, sessions, outbox);
        self.gather(facts, sessions, now, outbox);
        let Some(basis) = self.basis.as_ref().filter(|_| self.phase != Phase::Refused) else {
            return outbox.wake_with_next_block(Wake::Batch(self.key));
        };
        // Rules 14 and 15: what this keeper may sign yet.
        let speaks = self.own == Own::Silent
            && signing.allows(&basis.anchors)
            && !facts.is_doubtful(&basis.committee)
            && self.is_called_for(facts, sessions, now, outbox);
        if speaks {
            self.speak(facts, sessions, now, outbox);
        }
        self.verify(facts, signing, now, outbox);
        if !matches!(self.phase, Phase::Certified { .. }) {
            self.certify(facts, sessions, now, outbox);
        }
        if !sessions.are_over(&self.tasks) {
            match self.phase {
                // Rule 12.
                Phase::Collecting => self.repair(now, outbox),
                // Rule 9: its tasks are assigned again, in other batches.
                Phase::Failed { .. } | Phase::Refused => {}
                // Rule 10.
                Phase::Certified { .. } => self.submit(facts, sessions, now, outbox),
            }
        }
    }

    fn find_basis(&mut self, facts: &Facts, sessions: &Sessions, outbox: &mut Outbox) {
        if self.basis.is_none() {
            self.basis = Basis::find(&self.tasks, (self.attempt, &self.inputs.listed), facts, sessions);
            self.basis.iter().for_each(|_| outbox.tell(Notice::BasisFound(self.key)));
        }
    }

    /// Takes in a partial whose shape has been checked.
    pub(crate) fn take(
        &mut self,
        (partial, bytes): (&Partial, &[u8]),
        source: Source,
        facts: &Facts,
        sessions: &Sessions,
        now: Time,
        outbox: &mut Outbox,
    ) -> Fate {
        self.find_basis(facts, sessions, outbox);
        let Some(basis) = &self.basis else {
            return Fate::Early(Awaits::Basis(self.key));
        };
        let fate = self.count.take(partial, bytes, source, basis, facts.domain(), now);
        match fate {
            Fate::Early(_) => {}
            Fate::Judged(_) => outbox.wake(now, Wake::Batch(self.key)),
            Fate::Pending => {
                let at = self.count.verify_at().unwrap_or(now);
                let at = if self.count.should_verify(basis, now) { now } else { at };
                outbox.wake(at, Wake::Batch(self.key));
            }
        }
        fate
    }

    /// Checks signatures when it is time to, and has others know what the valid ones say (rule 7).
    fn verify(&mut self, facts: &mut Facts, signing: Signing, now: Time, outbox: &mut Outbox) {
        let Some(basis) = &self.basis else {
            return;
        };
        if !self.count.should_verify(basis, now) {
            if let Some(at) = self.count.verify_at() {
                outbox.wake(at, Wake::Batch(self.key));
            }
            return;
        }
        let me = facts.my_index(&basis.committee);
        for Verified { source, verdict, said } in self.count.verify(|| facts.draw_weight()) {
            outbox.judge(source, verdict);
            let Some((signer, said, signature)) = said else {
                continue;
            };
            let records = (me == Some(signer)).then(|| said.records());
            outbox.tell(Notice::Said { key: self.key, signer, said, signature });
            // Rule 14: a signature of its own key that it has not made since its start; the journal must know it.
            if let Some(records) = records {
                if self.own == Own::Silent {
                    self.own = Own::Spoken(now);
                }
                outbox.effect(Effect::Recall { records, listening: signing == Signing::NotYet });
            }
        }
    }

    /// Finds a quorum (rule 8), or that there will be none (rule 9).
    fn certify(&mut self, facts: &Facts, sessions: &mut Sessions, now: Time, outbox: &mut Outbox) {
        let Some(basis) = &self.basis else {
            return;
        };
        if let Some(certificate) = self.count.certify(basis) {
            let certificate = Arc::new(certificate);
            self.enter_certified(Arc::clone(&certificate), now);
            for &task in &self.tasks {
                sessions.handle(task, Event::Certified, facts, now, outbox);
            }
            outbox.tell(Notice::Certified(certificate));
        } else if self.phase == Phase::Collecting && self.count.is_hopeless(basis) {
            self.phase = Phase::Failed { since: now };
            let agreed = self.count.agreed(basis);
            for &task in self.tasks.iter().filter(|task| !agreed.contains(task)) {
                sessions.handle(task, Event::Split, facts, now, outbox);
            }
            outbox.tell(Notice::LookAtWindow(self.place.window));
        }
    }

    /// Submits if it is this keeper's turn and it has every outcome the certificate is about (rule 10).
    fn submit(&mut self, facts: &mut Facts, sessions: &Sessions, now: Time, outbox: &mut Outbox) {
        let Some((mut line, _)) = facts.leaders(self.place.window) else {
            return outbox.wake_with_next_block(Wake::Batch(self.key));
        };
        // The leader that assigned the batch first, then those after it, and round again.
        let first = line.iter().position(|&index| index == self.place.leader).unwrap_or(0);
        line.rotate_left(first);
        let stage = facts.pace().stage();
        let heard = self.count.heard();
        let (Phase::Certified { certificate, turn, .. }, Some(basis)) = (&mut self.phase, &self.basis) else {
            return;
        };
        *turn = turn.advanced(now, &line, &heard, stage);
        let holder = turn.holder(&line);
        if holder.is_some() && holder == facts.my_index(&basis.committee) && !turn.is_used() {
            let at = turn.submit_at(self.count.is_complete(basis));
            if now < at {
                outbox.wake(at, Wake::Batch(self.key));
            } else {
                let certificate = best(certificate, self.count.certify(basis));
                let takeover = turn.is_takeover() || self.place.stage > 0;
                let size = basis.committee.size();
                if let Some(settlement) = settlement(self.key, self.attempt, certificate, (size, takeover), sessions) {
                    *turn = turn.used();
                    let bytes = codec::encode(&CertificateMessage::new(&settlement.certificate, size));
                    outbox.effect(Effect::Broadcast { channel: Channel::Certificates, bytes });
                    outbox.effect(Effect::Submit(Box::new(settlement)));
                }
            }
        }
        outbox.wake(turn.end(&line, &heard, stage), Wake::Batch(self.key));
    }

    /// A failed submission leaves the turn to the next in line.
    pub(crate) fn submission_failed(&mut self, facts: &Facts, now: Time, outbox: &mut Outbox) {
        if let Phase::Certified { turn, .. } = &mut self.phase {
            *turn = turn.failed(now, facts.pace().stage());
        }
        outbox.wake(now, Wake::Batch(self.key));
    }

    /// Starts over if the chain has moved under it: its anchors are others now, and nothing said counts for them (rule
    /// 17).
    pub(crate) fn rewound(&mut self, number: u64, outbox: &mut Outbox) {
        if self.basis.as_ref().is_some_and(|basis| basis.lies_above(number)) {
            self.give_up(Reason::UnknownContext, outbox);
            let listed = std::mem::take(&mut self.inputs.listed);
            let anew = Self::new(self.key, std::mem::take(&mut self.tasks), self.attempt, self.place, listed);
            *self = Self { is_sound: self.is_sound, ..anew };
        }
    }

    fn end(&mut self, facts: &Facts, sessions: &mut Sessions, now: Time, outbox: &mut Outbox) {
        self.give_up(Reason::OutOfWindow, outbox);
        for &task in &self.tasks {
            sessions.handle(task, Event::Dropped(self.key), facts, now, outbox);
        }
        outbox.tell(Notice::BatchEnded(self.key));
    }

    /// Gives the messages that are owed a verdict the same one.
    fn give_up(&mut self, reason: Reason, outbox: &mut Outbox) {
        for source in self.count.give_up() {
            outbox.judge(source, Verdict::Ignore(reason));
        }
    }
}

#[cfg(test)]
mod tests;

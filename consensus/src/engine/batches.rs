//! A planned batch, step by step: what it rests on, this keeper's partial, the certificate, the submission.

use std::sync::Arc;

use alloy_primitives::{B256, keccak256};
use serde_bytes::{ByteArray, ByteBuf};

use super::{Engine, Unspoken, Wake};
use crate::certificate::Certificate;
use crate::codec;
use crate::collection::{Basis, Leaves, Own, Turn, reports};
use crate::committee::{Committee, KeeperIndex};
use crate::effect::{BatchKey, Effect, PersistToken, Settlement};
use crate::fault::{Reason, Verdict};
use crate::message::{Channel, Finding, Partial, Want, sign};
use crate::session::{Abstention, Attempt};
use crate::task::Task;
use crate::time::{REPAIR, Time};

impl Engine {
    /// Does for a batch whatever its state and the time call for. Looking once more than needed does no harm.
    pub(super) fn look_at_batch(&mut self, key: BatchKey, now: Time) {
        let Some(collection) = self.collections.get(&key) else {
            return;
        };
        let pace = self.config.pace;
        let end = Time::from_seconds((collection.place.window + 1) * pace.window_seconds());
        if now >= end.plus(pace.retention()) {
            self.forget_batch(key);
            return;
        }
        self.resolve_basis(key);
        let Some(collection) = self.collections.get(&key) else {
            return;
        };
        if collection.basis.is_none() {
            self.wait_for_basis(key, end, now);
            return;
        }
        if collection.own == Own::Silent && !self.is_over(key) && self.may_sign(key) {
            self.speak(key, now);
        }
        self.verify_batch(key, now);
        self.certify_batch(key, now);
        self.submit_batch(key, now);
        self.repair_batch(key, now);
        self.schedule(end.plus(pace.retention()), Wake::Batch(key));
    }

    /// A batch whose anchors stay unknown until its window is over, say because it lists a task that does not exist,
    /// counts as failed, so that it cannot keep its other tasks from being assigned again.
    fn wait_for_basis(&mut self, key: BatchKey, end: Time, now: Time) {
        self.waiting_for_head.insert(Wake::Batch(key));
        let later = end.plus(self.config.pace.retention());
        self.schedule(if now < end { end } else { later }, Wake::Batch(key));
        if now >= end
            && let Some(collection) = self.collections.get_mut(&key)
            && collection.failed.is_none()
        {
            collection.failed = Some(now);
            let window = collection.place.window;
            self.look_at_window(window, now);
        }
    }

    /// Whether nothing is left to be done for a batch: every task of it is settled or given up.
    fn is_over(&self, key: BatchKey) -> bool {
        self.collections.get(&key).is_none_or(|collection| {
            collection.tasks.iter().all(|task| self.sessions.get(task).is_none_or(|session| session.ended))
        })
    }

    /// Finds the anchors, the committee and the quorum of a batch, once all of them are certain and agree on one epoch.
    pub(super) fn resolve_basis(&mut self, key: BatchKey) {
        let Some(collection) = self.collections.get(&key).filter(|collection| collection.basis.is_none()) else {
            return;
        };
        let mut anchors = Vec::with_capacity(collection.tasks.len());
        let mut committee: Option<Arc<Committee>> = None;
        let mut quorum_bps = 0;
        for task in &collection.tasks {
            let Some(session) = self.sessions.get(task) else {
                return;
            };
            let limit = self.config.pace.anchor_limit(session.due.due, collection.attempt);
            let Some(anchor) = self.chain.last_up_to(limit) else {
                return;
            };
            let Some(active) = self.committee_at(anchor.number) else {
                return;
            };
            if committee.as_ref().is_some_and(|committee| committee.epoch() != active.epoch()) {
                return;
            }
            committee = Some(active);
            anchors.push(anchor.into());
            quorum_bps = quorum_bps.max(session.due.quorum_bps);
        }
        if let (Some(committee), Some(collection)) = (committee, self.collections.get_mut(&key)) {
            collection.basis = Some(Basis { anchors, committee, quorum_bps });
        }
    }

    /// Makes this keeper's partial as soon as it has something to say of every task, and hands what it signs to the
    /// journal first.
    fn speak(&mut self, key: BatchKey, now: Time) {
        let Some((index, mut partial)) = self.own_partial(key) else {
            return;
        };
        if partial.abstains() {
            self.say(key, partial, None, now);
            return;
        }
        let Some((collection, basis)) = self.collections.get(&key).and_then(|c| Some((c, c.basis.as_ref()?))) else {
            return;
        };
        let Some(reports) = reports(&collection.tasks, &basis.anchors, &partial.findings) else {
            return;
        };
        debug_assert_eq!(partial.keeper, index.0);
        let leaves = Leaves::of(reports);
        let root = leaves.root();
        partial.root = ByteArray::new(root.0);
        let digest = self.config.domain.batch_digest(basis.committee.epoch(), root);
        self.tokens += 1;
        let token = PersistToken(self.tokens);
        let records = leaves.records();
        self.unspoken.insert(token, Unspoken { key, partial, digest });
        if let Some(collection) = self.collections.get_mut(&key) {
            collection.own = Own::Persisting(token);
        }
        self.effects.push(Effect::Persist { token, records });
        #[cfg(feature = "simulation")]
        if crate::plant::is(crate::plant::Plant::SignBeforePersist) {
            self.persisted(token, true, now);
        }
    }

    /// This keeper's findings, if it is a member and has one on every task of the batch.
    fn own_partial(&self, key: BatchKey) -> Option<(KeeperIndex, Partial)> {
        let collection = self.collections.get(&key)?;
        let basis = collection.basis.as_ref()?;
        let index = self.my_index(&basis.committee)?;
        let mut findings = Vec::with_capacity(collection.tasks.len());
        let mut tag = index.0.to_be_bytes().to_vec();
        for (task, anchor) in collection.tasks.iter().zip(&basis.anchors) {
            match self.sessions.get(task)?.attempts.get(&collection.attempt)? {
                Attempt::Running(_) => return None,
                Attempt::Reported { report, outcome } if report.anchor == *anchor => {
                    findings.push(Finding::reported(report.status, report.outcome_hash));
                    tag.extend_from_slice(outcome.transcript.as_slice());
                }
                // The anchor moved under a reorganisation after the job ran: this attempt is lost here.
                Attempt::Reported { .. } => findings.push(Finding::abstained(Abstention::ChainReadFailed as u8)),
                Attempt::Abstained(reason) => findings.push(Finding::abstained(*reason as u8)),
            }
        }
        let mut partial = Partial {
            assignment: ByteArray::new(key.assignment.0),
            batch: key.batch,
            keeper: index.0,
            root: ByteArray::new([0; 32]),
            findings,
            execution_tag: ByteArray::new(keccak256(tag).0),
            signature: ByteBuf::new(),
        };
        if partial.abstains() {
            let hash = partial.abstention_hash(&self.config.domain);
            partial.signature = ByteBuf::from(sign(&self.config.peer_key, hash));
        }
        Some((index, partial))
    }

    pub(super) fn persisted(&mut self, token: PersistToken, safe: bool, now: Time) {
        let Some(Unspoken { key, mut partial, digest }) = self.unspoken.remove(&token) else {
            return;
        };
        // If the chain has moved under the batch since, what the journal holds is about blocks that are gone.
        if self.collections.get(&key).is_none_or(|collection| collection.own != Own::Persisting(token)) {
            return;
        }
        if !safe {
            let tasks = self.collections.get(&key).map(|c| (c.tasks.clone(), c.attempt));
            for task in tasks.iter().flat_map(|(tasks, _)| tasks) {
                let attempt = tasks.as_ref().map_or(0, |(_, attempt)| *attempt);
                if let Some(session) = self.sessions.get_mut(task) {
                    session.attempts.insert(attempt, Attempt::Abstained(Abstention::JournalRefused));
                }
            }
            if let Some(collection) = self.collections.get_mut(&key) {
                collection.own = Own::Silent;
            }
            self.look_at_batch(key, now);
            return;
        }
        let signature = self.config.secret.sign(digest.as_slice());
        partial.signature = ByteBuf::from(signature.to_bytes());
        self.say(key, partial, Some(signature), now);
        self.look_at_batch(key, now);
    }

    fn say(&mut self, key: BatchKey, partial: Partial, signature: Option<crate::bls::Signature>, now: Time) {
        let bytes = codec::encode(&partial);
        if let Some(collection) = self.collections.get_mut(&key) {
            collection.own = Own::Spoken(now);
            collection.take_own(&partial, signature, &bytes, &self.config.domain);
        }
        self.effects.push(Effect::Broadcast { channel: Channel::Partials, bytes });
    }

    fn verify_batch(&mut self, key: BatchKey, now: Time) {
        let Some(collection) = self.collections.get_mut(&key) else {
            return;
        };
        if collection.should_verify(now) {
            let (seed, draws) = (&self.config.seed, &mut self.draws);
            for verified in collection.verify(|| Self::draw(seed, draws)) {
                self.judge(verified.message, verified.verdict);
                if let Some((signer, said, signature)) = verified.said {
                    self.note_said(key, signer, &said, signature);
                    self.recall_if_mine(key, signer, &said, now);
                }
            }
        } else if let Some(at) = collection.verify_at {
            self.schedule(at, Wake::Batch(key));
        }
    }

    fn certify_batch(&mut self, key: BatchKey, now: Time) {
        let Some(collection) = self.collections.get_mut(&key) else {
            return;
        };
        if collection.certificate.is_none() {
            if let Some(certificate) = collection.certify() {
                let tasks = collection.tasks.clone();
                let committee = collection.basis.as_ref().map(|basis| Arc::clone(&basis.committee));
                collection.certificate = Some((certificate.clone(), now));
                tasks.into_iter().for_each(|task| self.mark_certified(task, now));
                if let Some(committee) = committee {
                    self.note_certificate(&Arc::new(certificate), &committee);
                }
            } else if collection.failed.is_none() && collection.is_hopeless() {
                collection.failed = Some(now);
                let window = collection.place.window;
                self.look_at_window(window, now);
            }
        }
    }

    /// Submits if it is this keeper's turn and it has every outcome the certificate is about.
    fn submit_batch(&mut self, key: BatchKey, now: Time) {
        let certified = self.collections.get(&key).is_some_and(|collection| collection.certificate.is_some());
        if !certified || self.is_over(key) {
            return;
        }
        let Some(line) = self.line_of(key) else {
            return;
        };
        let stage = self.config.pace.stage();
        let Some(collection) = self.collections.get_mut(&key) else {
            return;
        };
        let (Some((_, certified)), Some(basis)) = (&collection.certificate, &collection.basis) else {
            return;
        };
        let committee = Arc::clone(&basis.committee);
        collection.turn.get_or_insert(Turn { place: 0, opened: *certified, sent: false });
        let Some(turn) = collection.advance_turn(now, &line, stage) else {
            return;
        };
        let at = collection.submit_at(&turn);
        let holder = line.get(turn.place % line.len().max(1)).copied();
        let mine = holder.is_some() && holder == self.my_index(&committee);
        if mine && !turn.sent && now >= at {
            self.submit(key, &turn, committee.size());
        } else if mine && !turn.sent {
            self.schedule(at, Wake::Batch(key));
        }
        let silent = collection_is_silent(self, key, holder);
        self.schedule(turn.opened.plus(if silent { crate::time::FAST_SKIP } else { stage }), Wake::Batch(key));
    }

    fn submit(&mut self, key: BatchKey, turn: &Turn, committee_size: usize) {
        let Some(certificate) = self.best_certificate(key) else {
            return;
        };
        let Some(outcomes) = self.outcomes_of(key, &certificate) else {
            return;
        };
        if let Some(collection) = self.collections.get_mut(&key) {
            collection.turn = Some(Turn { sent: true, ..*turn });
            let takeover = turn.place > 0 || collection.place.stage > 0;
            let bytes = codec::encode(&certificate.to_message(committee_size));
            self.effects.push(Effect::Broadcast { channel: Channel::Certificates, bytes });
            let settlement = Settlement { key, certificate, outcomes, committee_size, takeover };
            self.effects.push(Effect::Submit(Box::new(settlement)));
        }
    }

    /// The certificate with the most signers: those that came in since the quorum are worth their bytes.
    fn best_certificate(&self, key: BatchKey) -> Option<Certificate> {
        let collection = self.collections.get(&key)?;
        let (first, _) = collection.certificate.as_ref()?;
        let newer = collection.certify().filter(|newer| newer.reports == first.reports);
        Some(newer.filter(|newer| newer.signers.count() > first.signers.count()).unwrap_or_else(|| first.clone()))
    }

    /// This keeper's outcomes for the certified reports; `None` if it did not come to the same ones itself.
    fn outcomes_of(&self, key: BatchKey, certificate: &Certificate) -> Option<Vec<crate::task::Outcome>> {
        let attempt = self.collections.get(&key)?.attempt;
        let outcome = |certified: &crate::report::Report| {
            let session = self.sessions.get(&certified.task)?;
            match session.attempts.get(&attempt)? {
                Attempt::Reported { report, outcome } if report == certified => Some(outcome.clone()),
                _ => None,
            }
        };
        certificate.reports.iter().map(outcome).collect()
    }

    /// The line of submitters: the window's leaders, from the one that assigned the batch on, and round again.
    fn line_of(&self, key: BatchKey) -> Option<Vec<KeeperIndex>> {
        let collection = self.collections.get(&key)?;
        let (mut order, _) = self.leaders(collection.place.window)?;
        let first = order.iter().position(|&index| index == collection.place.leader).unwrap_or(0);
        order.rotate_left(first);
        Some(order)
    }

    /// Asks a peer for the partials that are missing, as long as this keeper has spoken, and a quorum is neither there nor
    /// out of reach.
    fn repair_batch(&mut self, key: BatchKey, now: Time) {
        if self.is_over(key) {
            return;
        }
        let Some(collection) = self.collections.get_mut(&key) else {
            return;
        };
        let (Own::Spoken(spoken), None, None, Some(basis)) =
            (collection.own, &collection.certificate, collection.failed, &collection.basis)
        else {
            return;
        };
        let at = collection.asked.unwrap_or(spoken).plus(REPAIR);
        if now < at {
            self.schedule(at, Wake::Batch(key));
            return;
        }
        let have = collection.heard().to_bytes(basis.committee.size());
        collection.asked = Some(now);
        let assignment = ByteArray::new(key.assignment.0);
        let want = Want::Partials { assignment, batch: key.batch, known: ByteBuf::from(have) };
        self.effects.push(Effect::Ask { peer: None, bytes: codec::encode(&want) });
        self.schedule(now.plus(REPAIR), Wake::Batch(key));
    }

    /// A failed submission leaves the turn to the next in line.
    pub(super) fn submission_failed(&mut self, key: BatchKey, now: Time) {
        let stage = self.config.pace.stage();
        if let Some(turn) = self.collections.get_mut(&key).and_then(|collection| collection.turn.as_mut())
            && turn.sent
        {
            turn.opened = Time(now.0.saturating_sub(stage));
        }
        self.schedule(now, Wake::Batch(key));
    }

    fn forget_batch(&mut self, key: BatchKey) {
        if let Some(mut collection) = self.collections.remove(&key) {
            for message in collection.unjudged() {
                self.judge(Some(message), Verdict::Ignore(Reason::OutOfWindow));
            }
            collection.tasks.iter().for_each(|task: &Task| {
                if let Some(session) = self.sessions.get_mut(task) {
                    session.batches.remove(&key);
                }
            });
        }
        self.waiting_for_head.remove(&Wake::Batch(key));
        if !self.collections.keys().any(|other| other.assignment == key.assignment) {
            self.forget_plan(key.assignment);
        }
    }

    fn forget_plan(&mut self, assignment: B256) {
        self.plans.remove(&assignment);
        self.numbered.retain(|_, hash| *hash != assignment);
    }
}

fn collection_is_silent(engine: &Engine, key: BatchKey, holder: Option<KeeperIndex>) -> bool {
    let collection = engine.collections.get(&key);
    holder.zip(collection).is_some_and(|(holder, collection)| !collection.heard().contains(holder))
}

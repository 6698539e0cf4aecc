//! Catching contradictions, keeping the proofs, and passing them on (rule 13).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::batches::Batches;
use crate::bls::{Point, Signature};
use crate::certificate::Certificate;
use crate::codec;
use crate::committee::{KeeperIndex, SignerSet};
use crate::effect::Effect;
use crate::facts::Facts;
use crate::fault::{Fault, Reason, Verdict};
use crate::message::evidence::{of_certificate, of_partial};
use crate::message::{BatchKey, Channel, EVIDENCE_LIMIT, Evidence, PARTIAL_LIMIT, Partial};
use crate::outbox::Outbox;
use crate::report::{Leaves, Report};
use crate::session::Word;
use crate::sessions::Sessions;
use crate::task::Task;

/// Most proofs kept of one keeper; one per task and set of guilty keepers. One that the contract takes is enough to end it, and
/// whoever signs contradictions about tasks that never were, which cost it nothing, must not crowd out those of others.
const EVIDENCE_EACH: usize = 16;
/// Blocks after its anchor for which evidence is kept: 14 days of 12 s, the shortest time EigenLayer keeps stake
/// slashable after an operator has left.
const EVIDENCE_BLOCKS: u64 = 100_800;

/// Blocks that another keeper may be ahead of this one with what it has seen; a proof about what nobody can have seen is none.
const AHEAD_BLOCKS: u64 = 64;

/// What a keeper has said under its verified signature.
#[derive(Debug)]
pub(crate) struct Statement<'a> {
    /// In which batch.
    pub(crate) key: BatchKey,
    /// Who.
    pub(crate) signer: KeeperIndex,
    /// What.
    pub(crate) said: &'a Leaves,
    /// The signature on its root.
    pub(crate) signature: Point,
    /// Whether that was verified by itself, and not in a sum with those of others.
    pub(crate) is_alone: bool,
}

/// The proofs kept, by task and guilty keepers: at most [`EVIDENCE_EACH`] for each member of the committees.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proofs(BTreeMap<(Task, SignerSet), Kept>);

#[derive(Clone, Debug)]
struct Kept {
    evidence: Evidence,
    /// Whether the task was known here when the proof came: the contract takes none about a task that never was.
    known: bool,
}

impl Proofs {
    /// Takes note of what a keeper has said; a second, different word on one task and anchor is an equivocation, in
    /// whatever batches the two stand.
    pub(crate) fn note_said(
        &mut self,
        statement: &Statement<'_>,
        facts: &Facts,
        sessions: &mut Sessions,
        batches: &Batches,
        outbox: &mut Outbox,
    ) {
        let Statement { key, signer, said, is_alone, .. } = *statement;
        for (position, (report, &leaf)) in said.reports.iter().zip(&said.hashes).enumerate() {
            let Some(session) = sessions.get_mut(&report.task) else {
                continue;
            };
            let word = Word { leaf, key, is_alone };
            let Some(earlier) = session.note_said((report.anchor.hash, report.input_set), signer, word) else {
                continue;
            };
            let evidence = contradiction(statement, position, earlier.key, batches);
            if is_alone && earlier.is_alone {
                outbox.effect(Effect::Blame(Fault::Equivocation(signer)));
                if let Some(evidence) = evidence {
                    self.publish(evidence, facts, sessions, outbox);
                }
            // What is right only in a sum blames nobody: the proof looks at each of the two signatures.
            } else if evidence.is_some_and(|evidence| self.publish(evidence, facts, sessions, outbox)) {
                outbox.effect(Effect::Blame(Fault::Equivocation(signer)));
            }
        }
    }

    /// Takes note of a verified certificate; two that contradict each other convict everybody who signed both.
    pub(crate) fn note_certificate(
        &mut self,
        certificate: &Arc<Certificate>,
        facts: &Facts,
        sessions: &mut Sessions,
        outbox: &mut Outbox,
    ) {
        for (position, report) in certificate.reports.iter().enumerate() {
            let Some(session) = sessions.get_mut(&report.task) else {
                continue;
            };
            if session.contradicts(report) && !session.knows_certified(report) {
                outbox.effect(Effect::Contradicted(Box::new(*report)));
            }
            let Some(other) = session.note_certificate(report, certificate) else {
                continue;
            };
            let Some(committee) = facts.committee_of(certificate.epoch).filter(|_| other.epoch == certificate.epoch)
            else {
                continue;
            };
            let size = committee.size();
            let place = other.reports.iter().position(|known| known.task == report.task);
            let one = place.and_then(|place| of_certificate(&other, place, size));
            let two = of_certificate(certificate, position, size);
            if let Some(evidence) = one.zip(two).and_then(|(one, two)| Evidence::new(certificate.epoch, one, two)) {
                self.publish(evidence, facts, sessions, outbox);
            }
        }
    }

    /// Says a proof to all, if it is one and is new.
    fn publish(&mut self, evidence: Evidence, facts: &Facts, sessions: &Sessions, outbox: &mut Outbox) -> bool {
        let bytes = codec::encode(&evidence);
        let is_proof = self.consider(&evidence, facts, sessions, outbox) == Verdict::Accept;
        if is_proof {
            outbox.effect(Effect::Broadcast { channel: Channel::Evidence, bytes });
        }
        is_proof
    }

    /// Checks a proof, from wherever it came, and keeps it if it is new.
    pub(crate) fn consider(
        &mut self,
        evidence: &Evidence,
        facts: &Facts,
        sessions: &Sessions,
        outbox: &mut Outbox,
    ) -> Verdict {
        let Some(committee) = facts.committee_of(evidence.epoch) else {
            return Verdict::Ignore(Reason::UnknownContext);
        };
        // The contract refuses it, and so may a keeper that sees another head.
        let active = facts.committee_at(evidence.anchor_number());
        let ahead = facts.head().is_none_or(|head| evidence.anchor_number() > head.number + AHEAD_BLOCKS);
        if ahead || active.is_none_or(|active| active.epoch() != evidence.epoch) {
            return Verdict::Ignore(Reason::UnknownContext);
        }
        let (Some(task), Some(accused)) = (evidence.task(), evidence.accused(committee)) else {
            return Verdict::Reject(Reason::InvalidEvidence);
        };
        // Everybody who sees an equivocation says so: most proofs bring nothing new and must cost no signature check.
        if accused.count() > 0 && accused.iter().all(|keeper| self.is_convicted(task, keeper)) {
            return Verdict::Ignore(Reason::Duplicate);
        }
        let known = sessions.get(&task).is_some();
        let has_room = |keeper| self.has_room_for(keeper, known);
        if accused.count() > 0 && !accused.iter().any(has_room) {
            return Verdict::Ignore(Reason::OverLimit);
        }
        let Ok(guilty) = evidence.verify(committee, facts.domain()) else {
            return Verdict::Reject(Reason::InvalidEvidence);
        };
        guilty.iter().for_each(|keeper| outbox.effect(Effect::Blame(Fault::Equivocation(keeper))));
        outbox.effect(Effect::Keep(Box::new(evidence.clone())));
        for keeper in guilty.iter() {
            self.make_room(keeper);
        }
        self.0.insert((task, guilty), Kept { evidence: evidence.clone(), known });
        Verdict::Accept
    }

    fn of_keeper(&self, keeper: KeeperIndex) -> impl Iterator<Item = (&(Task, SignerSet), &Kept)> {
        self.0.iter().filter(move |((_, guilty), _)| guilty.contains(keeper))
    }

    /// Whether one more proof of this keeper may be kept; one of a known task takes the place of one that may be of none.
    fn has_room_for(&self, keeper: KeeperIndex, known: bool) -> bool {
        let (all, unknown) = self
            .of_keeper(keeper)
            .fold((0, 0), |(all, unknown), (_, kept)| (all + 1, unknown + usize::from(!kept.known)));
        all < EVIDENCE_EACH || (known && unknown > 0)
    }

    fn make_room(&mut self, keeper: KeeperIndex) {
        let is_full = self.of_keeper(keeper).count() >= EVIDENCE_EACH;
        let unknown = self.of_keeper(keeper).find(|(_, kept)| !kept.known).map(|(key, _)| *key);
        if let Some(key) = unknown.filter(|_| is_full) {
            self.0.remove(&key);
        }
    }

    fn is_convicted(&self, task: Task, keeper: KeeperIndex) -> bool {
        let of_task = self.0.range((task, SignerSet::default())..).take_while(|((other, _), _)| *other == task);
        of_task.into_iter().any(|((_, guilty), _)| guilty.contains(keeper))
    }

    /// Takes back what an earlier run of this keeper has kept.
    pub(crate) fn restore(&mut self, bytes: &[u8], facts: &Facts, sessions: &Sessions, outbox: &mut Outbox) {
        if let Ok(evidence) = codec::decode(bytes, EVIDENCE_LIMIT) {
            self.consider(&evidence, facts, sessions, outbox);
        }
    }

    /// Once per epoch: lets go of what is too old, and says the rest again for those who were not there.
    pub(crate) fn repeat(&mut self, facts: &Facts, outbox: &mut Outbox) {
        let oldest = facts.head().map_or(0, |head| head.number.saturating_sub(EVIDENCE_BLOCKS));
        self.0.retain(|_, kept| kept.evidence.anchor_number() >= oldest);
        for kept in self.0.values() {
            outbox.effect(Effect::Broadcast { channel: Channel::Evidence, bytes: codec::encode(&kept.evidence) });
        }
    }
}

/// The proof that a keeper's word contradicts what it said in an earlier batch, whose partial is still at hand.
fn contradiction(statement: &Statement<'_>, position: usize, earlier: BatchKey, batches: &Batches) -> Option<Evidence> {
    let Statement { key, signer, said, signature, .. } = *statement;
    let signature = signature.check().ok()?;
    let committee = &batches.get(&key)?.basis()?.committee;
    let second = of_partial(&said.reports, position, committee.size(), signer, signature)?;
    let before = batches.get(&earlier)?;
    let basis = before.basis()?;
    let partial: Partial = codec::decode(before.partial_of(signer)?, PARTIAL_LIMIT).ok()?;
    let reports: Vec<Report> = basis.reports(&partial.findings)?;
    let place = before.tasks().iter().position(|task| *task == said.reports[position].task)?;
    let signature = Signature::from_bytes(&partial.signature).ok()?;
    let first = of_partial(&reports, place, committee.size(), signer, signature)?;
    Evidence::new(committee.epoch(), first, second)
}

#[cfg(test)]
mod tests;

//! Catching contradictions, and passing the proof on.

use std::sync::Arc;

use super::Engine;
use crate::bls::Signature;
use crate::certificate::Certificate;
use crate::codec;
use crate::collection::{Leaves, reports};
use crate::committee::{Committee, KeeperIndex, SignerSet};
use crate::effect::{BatchKey, Effect};
use crate::evidence::{self, Evidence, Statement};
use crate::fault::{Fault, Reason, Verdict};
use crate::message::{Channel, PARTIAL_LIMIT, Partial};
use crate::report::Report;
use crate::task::Task;

/// Most proofs kept; one per task and set of guilty keepers.
const EVIDENCE_MAX: usize = 1_024;
/// Blocks after its anchor for which evidence is kept: 14 days of 12 s, the shortest time EigenLayer keeps stake
/// slashable after an operator has left.
const EVIDENCE_BLOCKS: u64 = 100_800;

impl Engine {
    /// Takes note of what a keeper has said by a verified partial; a second, different word on one task and anchor is
    /// an equivocation, in whatever batches the two stand.
    pub(super) fn note_said(&mut self, key: BatchKey, signer: KeeperIndex, said: &Leaves, signature: Signature) {
        for (position, (report, &leaf)) in said.reports.iter().zip(&said.hashes).enumerate() {
            let Some(session) = self.sessions.get_mut(&report.task) else {
                continue;
            };
            let first = *session.said.entry(report.anchor.hash).or_default().entry(signer).or_insert((leaf, key));
            if first.0 != leaf {
                self.effects.push(Effect::Blame(Fault::Equivocation(signer)));
                if let Some(evidence) = self.contradiction(key, position, &said.reports, signer, signature, first.1) {
                    self.publish_evidence(evidence);
                }
            }
        }
    }

    fn contradiction(
        &self,
        key: BatchKey,
        position: usize,
        said: &[Report],
        signer: KeeperIndex,
        signature: Signature,
        earlier: BatchKey,
    ) -> Option<Evidence> {
        let committee = &self.collections.get(&key)?.basis.as_ref()?.committee;
        let second = evidence::of_partial(said, position, committee.size(), signer, signature)?;
        let before = self.collections.get(&earlier)?;
        let basis = before.basis.as_ref()?;
        let partial: Partial = codec::decode(before.partial_of(signer)?, PARTIAL_LIMIT).ok()?;
        let before_reports = reports(&before.tasks, &basis.anchors, &partial.findings)?;
        let place = before.tasks.iter().position(|task| *task == said[position].task)?;
        let signature = Signature::from_bytes(&partial.signature).ok()?;
        let first = evidence::of_partial(&before_reports, place, committee.size(), signer, signature)?;
        Evidence::new(committee.epoch(), first, second)
    }

    /// Whether a certificate says nothing that is not known: every report of it is certified alike at its anchor.
    pub(super) fn is_known(&self, reports: &[Report]) -> bool {
        let known = |report: &Report| {
            let certified = self.sessions.get(&report.task)?.certificates.get(&report.anchor.hash)?;
            Some(certified.0 == report.leaf())
        };
        !reports.is_empty() && reports.iter().all(|report| known(report) == Some(true))
    }

    /// Takes note of a verified certificate; two that contradict each other convict everybody who signed both.
    pub(super) fn note_certificate(&mut self, certificate: &Arc<Certificate>, committee: &Committee) {
        for (position, report) in certificate.reports.iter().enumerate() {
            let Some(session) = self.sessions.get_mut(&report.task) else {
                continue;
            };
            let leaf = report.leaf();
            let mine = || (leaf, Arc::clone(certificate));
            let (first, other) = session.certificates.entry(report.anchor.hash).or_insert_with(mine).clone();
            if first == leaf || other.epoch != certificate.epoch {
                continue;
            }
            let size = committee.size();
            let place = other.reports.iter().position(|known| known.task == report.task);
            let one = place.and_then(|place| evidence::of_certificate(&other, place, size));
            let two = evidence::of_certificate(certificate, position, size);
            let evidence =
                one.zip(two).and_then(|(one, two): (Statement, Statement)| Evidence::new(certificate.epoch, one, two));
            if let Some(evidence) = evidence {
                self.publish_evidence(evidence);
            }
        }
    }

    fn publish_evidence(&mut self, evidence: Evidence) {
        let bytes = codec::encode(&evidence);
        if self.keep_evidence(&evidence) == Verdict::Accept {
            self.effects.push(Effect::Broadcast { channel: Channel::Evidence, bytes });
        }
    }

    /// Checks a proof, from wherever it came, and keeps it if it is new.
    pub(super) fn keep_evidence(&mut self, evidence: &Evidence) -> Verdict {
        let Some(committee) = self.committees.get(&evidence.epoch) else {
            return Verdict::Ignore(Reason::UnknownContext);
        };
        let (Some(task), Some(accused)) = (evidence.task(), evidence.accused(committee)) else {
            return Verdict::Reject(Reason::InvalidEvidence);
        };
        // Everybody who sees an equivocation says so: most proofs bring nothing new and must cost no signature check.
        if accused.count() > 0 && accused.iter().all(|keeper| self.is_convicted(task, keeper)) {
            return Verdict::Ignore(Reason::Duplicate);
        }
        if self.evidence.len() >= EVIDENCE_MAX {
            return Verdict::Ignore(Reason::OverLimit);
        }
        let Ok(guilty) = evidence.verify(committee, &self.config.domain) else {
            return Verdict::Reject(Reason::InvalidEvidence);
        };
        guilty.iter().for_each(|keeper| self.effects.push(Effect::Blame(Fault::Equivocation(keeper))));
        self.effects.push(Effect::Keep(Box::new(evidence.clone())));
        self.evidence.insert((task, guilty), evidence.clone());
        Verdict::Accept
    }

    fn is_convicted(&self, task: Task, keeper: KeeperIndex) -> bool {
        let from = (task, SignerSet::default());
        let of_task = self.evidence.range(from..).take_while(|((other, _), _)| *other == task);
        of_task.into_iter().any(|((_, guilty), _)| guilty.contains(keeper))
    }

    /// Once per epoch: lets go of what is too old, and says the rest again for those who were not there.
    pub(super) fn repeat_evidence(&mut self) {
        let oldest = self.chain.head().map_or(0, |head| head.number.saturating_sub(EVIDENCE_BLOCKS));
        self.evidence.retain(|_, evidence| evidence.anchor_number() >= oldest);
        for evidence in self.evidence.values() {
            let bytes = codec::encode(evidence);
            self.effects.push(Effect::Broadcast { channel: Channel::Evidence, bytes });
        }
    }

    /// The proofs kept.
    pub fn evidence(&self) -> impl Iterator<Item = &Evidence> {
        self.evidence.values()
    }
}

//! What has been said of one task, by anchor and input set: enough to notice the second word of whoever has two.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::B256;

use crate::certificate::Certificate;
use crate::committee::KeeperIndex;
use crate::facts::Facts;
use crate::message::BatchKey;
use crate::report::Report;

/// What a report is made on: the hash of its anchor, and its input set.
pub(crate) type Basis = (B256, B256);

/// What a keeper has said of one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// Leaf of its report.
    pub(crate) leaf: B256,
    /// The batch that shows it.
    pub(crate) key: BatchKey,
    /// Whether its signature was verified by itself, and not in a sum with those of others.
    pub(crate) is_alone: bool,
}

/// What keepers and quorums have said of one task.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    /// By anchor and input set, what each keeper has said first.
    said: BTreeMap<Basis, BTreeMap<KeeperIndex, Word>>,
    /// By anchor and input set, the first certificate, and its report on this task.
    certificates: BTreeMap<Basis, (Report, Arc<Certificate>)>,
}

impl Words {
    pub(crate) fn note_said(&mut self, basis: Basis, signer: KeeperIndex, word: Word) -> Option<Word> {
        let known = self.said.entry(basis).or_default().entry(signer).or_insert(word);
        let earlier = *known;
        // One that may be nobody's signature must not stand in the place of one that is.
        if word.is_alone && !earlier.is_alone {
            *known = word;
        }
        (earlier.leaf != word.leaf).then_some(earlier)
    }

    pub(crate) fn note_certificate(
        &mut self,
        report: &Report,
        certificate: &Arc<Certificate>,
    ) -> Option<Arc<Certificate>> {
        let mine = || (*report, Arc::clone(certificate));
        let (first, other) = self.certificates.entry((report.anchor.hash, report.input_set)).or_insert_with(mine);
        (first != report).then(|| Arc::clone(other))
    }

    pub(crate) fn certified_at(&self, basis: Basis) -> Option<&Report> {
        self.certificates.get(&basis).map(|(report, _)| report)
    }

    pub(crate) fn certificate_at(&self, basis: Basis) -> Option<&Arc<Certificate>> {
        self.certificates.get(&basis).map(|(_, certificate)| certificate)
    }

    pub(crate) fn knows_certified(&self, report: &Report) -> bool {
        self.certificates.get(&(report.anchor.hash, report.input_set)).is_some_and(|(first, _)| first == report)
    }

    /// Whether a certificate of the task is pinned to a block of the chain up to `number`. Those at orphaned blocks are
    /// kept, as proofs and should their blocks come back, but settle nothing.
    pub(crate) fn is_certified_up_to(&self, number: u64, facts: &Facts) -> bool {
        let mut anchors = self.certificates.values().map(|(report, _)| report.anchor);
        anchors.any(|anchor| anchor.number <= number && facts.holds(&anchor))
    }
}

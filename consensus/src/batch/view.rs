//! What others ask of a batch.

use super::{Basis, Batch, Phase, Place};
use crate::codec;
use crate::committee::{KeeperIndex, SignerSet};
use crate::message::{BatchKey, CertificateMessage};
use crate::task::Task;
use crate::time::Time;

impl Batch {
    /// Its name.
    pub(crate) fn key(&self) -> BatchKey {
        self.key
    }

    /// Its tasks, in the order of the leaves.
    pub(crate) fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// Which try at them it is.
    pub(crate) fn attempt(&self) -> u8 {
        self.attempt
    }

    /// Who assigned it.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// What its reports rest on, once that is certain.
    pub(crate) fn basis(&self) -> Option<&Basis> {
        self.basis.as_ref()
    }

    /// Since when it counts as failed.
    pub(crate) fn failed(&self) -> Option<Time> {
        match self.phase {
            Phase::Collecting | Phase::Refused => None,
            Phase::Failed { since } => Some(since),
            Phase::Certified { failed, .. } => failed,
        }
    }

    /// The tasks that one quorum would sign together (rule 9).
    pub(crate) fn agreed(&self) -> Vec<Task> {
        self.basis.as_ref().map(|basis| self.count.agreed(basis)).unwrap_or_default()
    }

    /// Its certificate as it travels; `None` while there is none.
    pub(crate) fn certificate_bytes(&self) -> Option<Vec<u8>> {
        let Phase::Certified { certificate, .. } = &self.phase else {
            return None;
        };
        let size = self.basis.as_ref()?.committee.size();
        Some(codec::encode(&CertificateMessage::new(certificate, size)))
    }

    /// The bytes of the partials of all signers but those of a bitmap.
    pub(crate) fn partials_beyond(&self, known: &[u8]) -> impl Iterator<Item = &[u8]> {
        let size = self.basis.as_ref().map_or(0, |basis| basis.committee.size());
        self.count.partials_beyond(SignerSet::from_bytes(known, size).unwrap_or_default())
    }

    /// The bytes of a signer's verified partial.
    pub(crate) fn partial_of(&self, signer: KeeperIndex) -> Option<&[u8]> {
        self.count.partial_of(signer)
    }
}

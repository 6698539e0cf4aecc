//! How a batch comes to a certificate: of its own making, from the mesh, or from what has been said before.

use std::sync::Arc;

use super::turn::Turn;
use super::{Batch, Phase};
use crate::agenda::Wake;
use crate::certificate::Certificate;
use crate::outbox::Outbox;
use crate::sessions::Sessions;
use crate::time::Time;

impl Batch {
    pub(super) fn enter_certified(&mut self, certificate: Arc<Certificate>, now: Time) {
        self.phase = Phase::Certified { certificate, turn: Turn::first(now), failed: self.failed() };
    }

    /// A certificate from the mesh is as good as one of its own making: it keeps it, so that it can submit when its turn
    /// comes. One of another attempt, at other blocks, is not about this batch: it could never submit that. True if it
    /// takes it up.
    pub(crate) fn adopt_certificate(&mut self, certificate: &Arc<Certificate>, now: Time, outbox: &mut Outbox) -> bool {
        let fits = self.basis.as_ref().is_some_and(|basis| basis.is_certified_by(certificate));
        let takes = fits && !matches!(self.phase, Phase::Certified { .. });
        if takes {
            self.enter_certified(Arc::clone(certificate), now);
            outbox.wake(now, Wake::Batch(self.key));
        }
        takes
    }

    /// The certificate of just its reports that came before it had a basis, or before a reorganisation that was undone.
    pub(crate) fn known_certificate(&self, sessions: &Sessions) -> Option<Arc<Certificate>> {
        let basis = self.basis.as_ref()?;
        let mut certificates = basis
            .tasks
            .iter()
            .zip(&basis.anchors)
            .filter_map(|(task, anchor)| sessions.get(task)?.certificate_at((anchor.hash, basis.input_set)));
        certificates.find(|certificate| basis.is_certified_by(certificate)).cloned()
    }
}

//! What others ask of a task, and have it remember.

use std::sync::Arc;

use alloy_primitives::B256;

use super::{Attempt, Phase, Session};
use crate::certificate::Certificate;
use crate::committee::KeeperIndex;
use crate::message::BatchKey;
use crate::message::evidence::conflict;
use crate::report::Report;
use crate::task::DueTask;
use crate::time::{Pace, Time};

impl Session {
    /// What is to be run.
    pub(crate) fn due(&self) -> &DueTask {
        &self.due
    }

    /// Where it is.
    #[cfg(test)]
    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// A try at it.
    pub(crate) fn attempt(&self, attempt: u8) -> Option<&Attempt> {
        self.attempts.get(&attempt)
    }

    /// Whether a try is running at this block.
    pub(crate) fn is_running(&self, attempt: u8, at: B256) -> bool {
        matches!(self.attempts.get(&attempt), Some(Attempt::Running { anchor, .. }) if anchor.hash == at)
    }

    /// Whether an earlier try than this one is still running.
    pub(crate) fn is_running_before(&self, attempt: u8) -> bool {
        self.attempts.range(..attempt).any(|(_, earlier)| matches!(earlier, Attempt::Running { .. }))
    }

    /// The planned batches it stands in.
    pub(crate) fn batches(&self) -> impl Iterator<Item = BatchKey> {
        self.batches.iter().copied()
    }

    /// Whether it is settled.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self.phase, Phase::Settled { .. })
    }

    /// Whether it is settled or given up.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Settled { .. } | Phase::Expired { .. })
    }

    /// Whether a further attempt would be in place: nothing settled, and no certificate that still has its chance (rule
    /// 10: the line of submitters has had four turns).
    pub(crate) fn is_open(&self, now: Time, pace: &Pace) -> bool {
        match self.phase {
            Phase::Open => true,
            // A moment in time to come is of a clock that was set back since.
            Phase::Certified { since } => now >= since.plus(pace.stage() * 4) || now < since,
            Phase::Settled { .. } | Phase::Expired { .. } => false,
        }
    }

    /// What a keeper has said of it under its signature, in which batch; the first one that differs from what it said
    /// before at that anchor comes back with the batch of that.
    pub(crate) fn note_said(
        &mut self,
        anchor: B256,
        signer: KeeperIndex,
        leaf: B256,
        key: BatchKey,
    ) -> Option<BatchKey> {
        self.words.note_said(anchor, signer, leaf, key)
    }

    /// What a quorum has said of it by `report`'s leaf; comes back with an earlier certificate that says otherwise.
    pub(crate) fn note_certificate(
        &mut self,
        report: &Report,
        certificate: &Arc<Certificate>,
    ) -> Option<Arc<Certificate>> {
        self.words.note_certificate(report, certificate)
    }

    /// Whether this keeper got something else at the same block.
    pub(crate) fn contradicts(&self, report: &Report) -> bool {
        self.attempts.values().any(|attempt| match attempt {
            Attempt::Reported { report: mine, .. } | Attempt::Refused { report: mine, .. } => conflict(mine, report),
            Attempt::Running { .. } | Attempt::Abstained(..) => false,
        })
    }

    /// The first certificate at an anchor.
    pub(crate) fn certificate_at(&self, anchor: B256) -> Option<&Arc<Certificate>> {
        self.words.certificate_at(anchor)
    }

    /// Whether a certificate is known that says just this.
    pub(crate) fn knows_certified(&self, report: &Report) -> bool {
        self.words.knows_certified(report)
    }
}

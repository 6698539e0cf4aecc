//! What others ask of a task, and have it remember.

use std::sync::Arc;

use alloy_primitives::B256;

use super::observed::{Glance, Round};
use super::words::{Basis, Word};
use super::{Attempt, Phase, Session};
use crate::certificate::Certificate;
use crate::committee::{Committee, KeeperIndex};
use crate::inputs::InputSet;
use crate::message::evidence::conflict;
use crate::message::{BatchKey, Listed, Observation};
use crate::report::Report;
use crate::task::DueTask;
use crate::time::{Pace, Time};

impl Session {
    /// What is to be run.
    pub(crate) fn due(&self) -> &DueTask {
        &self.due
    }

    /// From when on the leaders' stages open for a try at it, one after the other: nobody is silent about what nobody knows yet.
    /// Of a job that looks outside nothing can be assigned before enough has been seen.
    pub(crate) fn opens(&self, attempt: u8, pace: &Pace) -> Time {
        let opens = self.attempt_start(attempt, pace).max(self.known);
        if !self.due.observes {
            return opens;
        }
        let ready = self.observed.round(attempt).and_then(Round::ready);
        opens.max(ready.unwrap_or(Time(u64::MAX)))
    }

    /// What came of a try, or of a set that it decided on.
    pub(crate) fn said(&self, attempt: u8, input_set: B256) -> Option<&Attempt> {
        if self.due.observes {
            return self.observed.round(attempt)?.decided.get(&input_set);
        }
        self.attempts.get(&attempt).filter(|_| input_set == B256::ZERO)
    }

    /// What a leader may list of a try by now; nothing if that is not enough, or the job does not look outside.
    pub(crate) fn listed(&self, attempt: u8, now: Time) -> Vec<Listed> {
        let round = self.observed.round(attempt).filter(|round| round.ready().is_some_and(|ready| now >= ready));
        round.map(Round::listed).unwrap_or_default()
    }

    /// What to make of an observation before its signature is checked.
    pub(crate) fn glance(&self, observation: &Observation, digest: B256) -> Glance {
        self.observed.glance(observation, digest)
    }

    /// An observation at hand, as it travels.
    pub(crate) fn observation(&self, attempt: u8, digest: &B256) -> Option<&[u8]> {
        self.observed.round(attempt)?.travelling(digest)
    }

    /// The positions in a list of what is not at hand; `None` if the try has not begun.
    pub(crate) fn missing(&mut self, attempt: u8, listed: &[Listed]) -> Option<Vec<usize>> {
        self.observed.round_mut(attempt).map(|round| round.missing(listed))
    }

    /// The set of a list that is all at hand and not decided on.
    pub(crate) fn undecided(
        &self,
        attempt: u8,
        hash: B256,
        (listed, committee): (&[Listed], &Committee),
    ) -> Option<Arc<InputSet>> {
        self.observed.round(attempt)?.undecided(hash, listed, committee)
    }

    /// Bytes of observations held.
    pub(crate) fn observed_bytes(&self) -> usize {
        self.observed.bytes()
    }

    /// Whether it was known here at a moment.
    pub(crate) fn was_known(&self, at: Time) -> bool {
        self.known <= at
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
    /// before on that basis comes back with what that was.
    pub(crate) fn note_said(&mut self, basis: Basis, signer: KeeperIndex, word: Word) -> Option<Word> {
        self.words.note_said(basis, signer, word)
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
        let decided = self.observed.rounds().flat_map(|round| round.decided.values());
        self.attempts.values().chain(decided).any(|attempt| match attempt {
            Attempt::Reported { report: mine, .. } | Attempt::Refused { report: mine, .. } => conflict(mine, report),
            Attempt::Running { .. } | Attempt::Abstained(..) => false,
        })
    }

    /// The first certificate on a basis.
    pub(crate) fn certificate_at(&self, basis: Basis) -> Option<&Arc<Certificate>> {
        self.words.certificate_at(basis)
    }

    /// Whether a certificate is known that says just this.
    pub(crate) fn knows_certified(&self, report: &Report) -> bool {
        self.words.knows_certified(report)
    }
}

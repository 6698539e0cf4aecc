//! What the reports of a batch rest on.

use std::sync::Arc;

use alloy_primitives::B256;

use crate::certificate::Certificate;
use crate::committee::{Committee, SignerSet};
use crate::facts::Facts;
use crate::laws::Laws;
use crate::message::{Finding, Listed, input_set, reports};
use crate::report::{Anchor, Domain, Report};
use crate::sessions::Sessions;
use crate::task::Task;

/// What the reports of a batch rest on; known once all its anchors are certain.
#[derive(Clone, Debug)]
pub(crate) struct Basis {
    /// The tasks, in the order of the leaves.
    pub(crate) tasks: Vec<Task>,
    /// The anchor of each task.
    pub(crate) anchors: Vec<Anchor>,
    /// The committee of the epoch active at all of them.
    pub(crate) committee: Arc<Committee>,
    /// The observations that its only task is decided on; zero where it does not look outside.
    pub(crate) input_set: B256,
    /// The largest quorum any of the jobs asks for.
    pub(crate) quorum_bps: u16,
    /// What counts as a quorum.
    pub(crate) laws: Arc<dyn Laws>,
}

impl Basis {
    /// Finds the anchors, the committee and the quorum of an attempt at some tasks, once all of them are certain and agree
    /// on one epoch (rules 1 and 2).
    pub(crate) fn find(
        tasks: &[Task],
        (attempt, listed): (u8, &[Listed]),
        facts: &Facts,
        sessions: &Sessions,
    ) -> Option<Self> {
        let mut anchors = Vec::with_capacity(tasks.len());
        let mut committee: Option<Arc<Committee>> = None;
        for task in tasks {
            let anchor = facts.anchor(sessions.get(task)?.due(), attempt)?;
            let active = facts.committee_at(anchor.number)?;
            if committee.as_ref().is_some_and(|committee| committee.epoch() != active.epoch()) {
                return None;
            }
            committee = Some(active);
            anchors.push(anchor.into());
        }
        let quorum_bps = sessions.quorum_bps(tasks).unwrap_or(0);
        let (input_set, laws) = (input_set(listed, facts.domain()), Arc::clone(facts.laws()));
        Some(Self { tasks: tasks.to_vec(), anchors, committee: committee?, input_set, quorum_bps, laws })
    }

    /// The reports that findings amount to; `None` if one abstains or is malformed.
    pub(crate) fn reports(&self, findings: &[Finding]) -> Option<Vec<Report>> {
        reports(&self.tasks, &self.anchors, self.input_set, findings)
    }

    /// The bytes that are signed for a root.
    pub(crate) fn digest(&self, root: B256, domain: &Domain) -> B256 {
        domain.batch_digest(self.committee.epoch(), root)
    }

    /// Stake of a set of signers; none if a bit names no member.
    pub(crate) fn stake_of(&self, signers: &SignerSet) -> u128 {
        self.committee.stake_of(signers).unwrap_or(0)
    }

    /// Whether so much stake certifies this batch (rule 2).
    pub(crate) fn is_quorum(&self, stake: u128) -> bool {
        self.laws.is_quorum(&self.committee, stake, self.quorum_bps)
    }

    /// Whether a certificate that verifies is about just its tasks at just its anchors, and enough for it.
    pub(crate) fn is_certified_by(&self, certificate: &Certificate) -> bool {
        let about = certificate.reports.iter().map(|report| (report.task, report.anchor));
        let is_on_inputs = certificate.reports.iter().all(|report| report.input_set == self.input_set);
        is_on_inputs
            && certificate.epoch == self.committee.epoch()
            && about.eq(self.tasks.iter().copied().zip(self.anchors.iter().copied()))
            && self.is_quorum(self.stake_of(&certificate.signers))
    }

    /// Whether a quorum is out of reach once `stake` is known not to take part (rule 9).
    pub(crate) fn blocks_quorum(&self, stake: u128) -> bool {
        !self.is_quorum(self.committee.total_stake().saturating_sub(stake))
    }

    /// Whether a reorganisation down to `number` moves it.
    pub(crate) fn lies_above(&self, number: u64) -> bool {
        self.anchors.iter().any(|anchor| anchor.number > number)
    }
}

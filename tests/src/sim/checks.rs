//! The promises, checked after every event. What is found is kept with the moment it was found at.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::B256;
use consensus::effect::Settlement;
use consensus::engine::inspect::BatchBasis;
use consensus::engine::sizes::Sizes;
use consensus::engine::{ASSIGNMENTS_HELD_MAX, HELD_MAX, SESSIONS_MAX};
use consensus::message::{BatchKey, Partial, reports};
use consensus::report::{Leaves, Report};
use consensus::task::{Outcome, Task};

use super::keys::{DOMAIN, Keys};
use super::plan::CODE;

/// Most violations told of one seed.
const TOLD_MAX: usize = 16;
/// Messages are held for a second; whoever has no verdict after this long will get none.
pub(super) const VERDICT_PATIENCE: u64 = 2_500;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The seed.
    pub seed: u64,
    /// Milliseconds after the start of the run.
    pub at: u64,
    /// Which promise.
    pub kind: &'static str,
    /// How.
    pub detail: String,
}

/// What a report is made on: its anchor, and the input set of jobs that have one.
fn basis_of(report: &Report) -> B256 {
    report.anchor.hash ^ report.input_set
}

/// What has been said and settled so far.
#[derive(Debug)]
pub(super) struct Checks {
    seed: u64,
    pub(super) violations: Vec<Violation>,
    /// The report each honest keeper has signed at (task, anchor).
    said: BTreeMap<(usize, Task, B256), B256>,
    /// The batches in which each honest keeper has spoken of (task, anchor).
    spoken: BTreeMap<(usize, Task, B256), BTreeSet<BatchKey>>,
    /// The report that was certified at (task, anchor).
    certified: BTreeMap<(Task, B256), B256>,
    /// Largest sizes seen.
    pub(super) peak: Sizes,
}

impl Checks {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            violations: Vec::new(),
            said: BTreeMap::new(),
            spoken: BTreeMap::new(),
            certified: BTreeMap::new(),
            peak: Sizes::default(),
        }
    }

    pub(super) fn fail(&mut self, at: u64, kind: &'static str, detail: String) {
        if self.violations.len() < TOLD_MAX {
            self.violations.push(Violation { seed: self.seed, at, kind, detail });
        }
    }

    /// An honest keeper's partial leaves: it must be its own, contradict nothing it has said before, in any life, and
    /// say what its runs gave. `honest` holds what that is for each task; `None`, or nothing, for runs that may give anything.
    /// True if it leaves for the first time.
    pub(super) fn on_partial(
        &mut self,
        at: u64,
        (k, keys): (usize, &Keys),
        partial: &Partial,
        basis: &BatchBasis,
        honest: &[Option<Outcome>],
    ) -> bool {
        let Some(reports) = reports(&basis.tasks, &basis.anchors, basis.input_set, &partial.findings) else {
            self.fail(at, "malformed_partial", format!("keeper {k}"));
            return true;
        };
        let leaves = Leaves::of(reports);
        let digest = DOMAIN.batch_digest(basis.committee.epoch(), leaves.root());
        if keys.secret.sign(digest.as_slice()).to_bytes()[..] != partial.signature[..] {
            self.fail(at, "invalid_own_partial", format!("keeper {k} sent a partial that does not verify"));
        }
        let (mut honest, mut is_first) = (honest.iter(), false);
        for (report, &leaf) in leaves.reports.iter().zip(&leaves.hashes) {
            let first = *self.said.entry((k, report.task, basis_of(report))).or_insert(leaf);
            if first != leaf {
                let (task, anchor) = (report.task.id(), report.anchor.number);
                self.fail(at, "double_signature", format!("keeper {k}, {task:?} at block {anchor}"));
            }
            let spoken = self.spoken.entry((k, report.task, basis_of(report))).or_default();
            let is_new = spoken.insert(partial.key());
            is_first |= is_new;
            if is_new && spoken.len() > 2 * basis.committee.size() {
                self.fail(at, "crowded", format!("keeper {k} speaks of {:?} for ever", report.task.id()));
            }
            let right = honest.next().and_then(Option::as_ref);
            if right.is_some_and(|outcome| outcome.hash(CODE) != report.outcome_hash) {
                self.fail(at, "wrong_report", format!("keeper {k} signed what no run of {:?} gave", report.task.id()));
            }
        }
        is_first
    }

    /// A certificate that the contract found valid: there is one result per (task, anchor).
    pub(super) fn on_certificate(&mut self, at: u64, settlement: &Settlement) {
        for report in &settlement.certificate.reports {
            let leaf = report.leaf();
            let first = *self.certified.entry((report.task, basis_of(report))).or_insert(leaf);
            if first != leaf {
                self.fail(at, "two_results", format!("{:?} at block {}", report.task.id(), report.anchor.number));
            }
        }
    }

    pub(super) fn on_sizes(&mut self, at: u64, k: usize, sizes: Sizes) {
        let peak = &mut self.peak;
        peak.sessions = peak.sessions.max(sizes.sessions);
        peak.batches = peak.batches.max(sizes.batches);
        peak.plans = peak.plans.max(sizes.plans);
        peak.held = peak.held.max(sizes.held);
        peak.agenda = peak.agenda.max(sizes.agenda);
        // A few moments per thing that is remembered.
        let agenda = 64 + 32 * (sizes.sessions + sizes.batches) + sizes.held;
        let within = sizes.sessions <= SESSIONS_MAX
            && sizes.plans <= ASSIGNMENTS_HELD_MAX
            && sizes.held <= HELD_MAX
            && sizes.agenda <= agenda;
        if !within {
            self.fail(at, "memory", format!("keeper {k}: {sizes:?}"));
        }
    }
}

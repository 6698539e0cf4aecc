//! What the counters and histograms take from a note.

use consensus::effect::Step;
use consensus::fault::{Reason, Verdict};
use consensus::message::Channel;

use crate::chain::{SettlementResult, SnapshotResult};
use crate::metrics::Metrics;

pub(super) fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}

/// What was judged, by the name of the way that it came.
pub(super) fn count_verdict(metrics: &Metrics, way: &'static str, channel: Channel, verdict: Verdict) {
    let result = match verdict {
        Verdict::Accept => "accept",
        Verdict::Ignore(reason) | Verdict::Reject(reason) => reason.name(),
    };
    metrics.gossip_messages.inc([way, result]);
    match (channel, verdict) {
        (_, Verdict::Ignore(Reason::Duplicate)) => {}
        (Channel::Partials, Verdict::Accept) => metrics.partials.inc(["received", "valid"]),
        (Channel::Partials, Verdict::Reject(_)) => metrics.partials.inc(["received", "invalid"]),
        (Channel::Partials, Verdict::Ignore(_)) => metrics.partials.inc(["received", "ignored"]),
        (Channel::Certificates, Verdict::Accept) => metrics.certificates.inc(["received"]),
        (Channel::Certificates, Verdict::Reject(_)) => metrics.certificates.inc(["invalid"]),
        _ => {}
    }
}

pub(super) fn count_step(metrics: &Metrics, step: Step, late_ms: Option<u64>, result: &'static str) {
    match step {
        Step::Certified => {
            metrics.tasks_certified.inc();
            late_ms.into_iter().for_each(|late| metrics.certificate_duration.observe(seconds(late)));
        }
        Step::Settled => {
            metrics.tasks.inc([result]);
            late_ms.into_iter().for_each(|late| metrics.settled_duration.observe(seconds(late)));
        }
        Step::Expired => metrics.tasks.inc([result]),
        Step::Abstained(reason) => metrics.abstentions.inc([reason.name()]),
        Step::Started { .. } | Step::Executed | Step::Reopened | Step::Void => {}
    }
}

pub(super) fn count_submission(metrics: &Metrics, result: &SettlementResult) {
    let outcome = match result {
        SettlementResult::Mined { gas_used, .. } => {
            metrics.transaction_gas_used.inc_by(*gas_used);
            "mined"
        }
        SettlementResult::AlreadySettled => "already_settled",
        SettlementResult::Useless { .. } => "useless",
        SettlementResult::Reverted { .. } => "reverted",
        SettlementResult::Failed { .. } => "failed",
    };
    metrics.transactions.inc([outcome]);
}

pub(super) fn count_offer(metrics: &Metrics, result: &SnapshotResult) {
    let outcome = match result {
        SnapshotResult::Mined { gas_used, .. } => {
            metrics.transaction_gas_used.inc_by(*gas_used);
            "mined"
        }
        SnapshotResult::NotNeeded => return,
        SnapshotResult::Reverted { .. } => "reverted",
        SnapshotResult::Failed { .. } => "failed",
    };
    metrics.snapshots.inc([outcome]);
}

//! The series about RPC nodes and the way to the chain: what goes wrong there, and what merely happens. Whatever is counted by
//! [`Rpc::count`](crate::chain::Rpc::count) stands in exactly one of two tables; a test reads the code and holds them to that.

use std::collections::BTreeMap;

use prometheus_client::registry::Registry;

use super::{Counters, counters};

/// Failed, refused or unbelievable answers of nodes.
const ERRORS: &[&str] = &[
    "absurd_data_price",
    "absurd_gas",
    "answer_too_large",
    "duplicate_log",
    "head_went_back",
    "invalid_header",
    "invented_logs",
    "late_logs",
    "limited",
    "log_of_other_block",
    "log_of_other_contract",
    "log_of_other_event",
    "log_without_block",
    "logs_differ",
    "lone_count",
    "missing_block",
    "missing_logs",
    "no_answer",
    "no_chain_id",
    "no_latest_block",
    "node_before_deployment",
    "node_behind",
    "node_contradicts",
    "node_far_behind",
    "node_lags",
    "node_syncing",
    "nodes_disagree",
    "not_consecutive",
    "not_json_rpc",
    "not_linked",
    "other_block",
    "other_constants",
    "other_receipt",
    "refused_here",
    "removed_log",
    "reorganised_meanwhile",
    "standing_count",
    "time_leaps",
    "time_runs_back",
    "unconfirmed_history",
    "undecodable_answer",
    "undecodable_log",
    "wrong_chain_id",
    "wrong_committee",
    "wrong_constants",
    // Of `ChainError`.
    "disagreeing",
    "missing_contract",
    "refused",
    "too_much",
    "unconfirmed",
    "undecided",
    "wrong_domain",
    // Refused transactions, by `refusal::Kind`.
    "already_known",
    "nonce_too_low",
    "nonce_too_high",
    "replacement_underpriced",
    "underpriced",
    "fee_cap_below_base_fee",
    "above_node_fee_cap",
    "insufficient_funds",
    "intrinsic_gas",
    "gas_limit_too_high",
    "oversized",
    "pool_full",
    "in_flight_limit",
    "rate_limited",
    "unknown_refusal",
];

/// What no node has failed in.
const EVENTS: &[&str] = &[
    "deep_reorg",
    "digest_not_written",
    "digest_refuted",
    "fees_raised",
    "logs_in_parts",
    "logs_too_much",
    "no_pending_block",
    "nonce_displaced",
    "nonce_handed_over",
    "pending_for_latest",
    "promised_logs",
    "reorg",
    "set_back",
    "time_corrected",
];

/// What the way to the chain is like.
#[derive(Debug, Clone)]
pub struct NodeSeries {
    /// Failed or refused answers of RPC nodes, by reason.
    pub errors: Counters<1>,
    /// What else happened, by kind.
    pub events: Counters<1>,
}

impl NodeSeries {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let known = |names: &[&'static str]| names.iter().map(|name| [*name]).collect::<Vec<_>>();
        Self {
            errors: counters(
                registry,
                "chain_rpc_errors",
                "Failed, refused or unbelievable answers of RPC nodes",
                ["reason"],
                &known(ERRORS),
            ),
            events: counters(
                registry,
                "chain_events",
                "What happened on the way to the chain that is no failure of a node",
                ["event"],
                &known(EVENTS),
            ),
        }
    }

    /// Brings the counters up to what the transport has counted.
    pub fn follow(&self, counts: &BTreeMap<&'static str, u64>) {
        for (&name, &count) in counts {
            let series = if EVENTS.contains(&name) { &self.events } else { &self.errors };
            series.add([name], count.saturating_sub(series.get([name])));
        }
    }
}

#[cfg(test)]
mod tests;

//! Every number that operators of such networks are used to (the table of the study of other networks, its names without prefix): the
//! series of ours that has it, or where else it is, and why.

use super::*;

/// Where a number is.
enum Is {
    /// A series of ours.
    Here(&'static str),
    /// Elsewhere.
    There(&'static str),
}
use Is::{Here, There};

#[rustfmt::skip]
const WANTED: [(&str, Is); 67] = [
    ("build_info", Here("keeper_build_info")),
    ("node_info", Here("keeper_node_info")),
    ("start_time_seconds", Here("keeper_start_time_seconds")),
    ("ready", Here("keeper_ready")),
    ("health_check_failing", Here("keeper_health_check_failing")),
    ("health_check_failures_total", Here("keeper_health_check_failures_total")),
    ("log_events_total", Here("keeper_log_events_total")),
    ("peers", Here("keeper_peers")),
    ("peer_limit", Here("keeper_peer_limit")),
    ("dial_total", Here("p2p_dials_failed_total")),
    ("bootnode_up", There("a keeper that knows its peers needs no bootnode; keeper doctor tries each")),
    ("reachability", Here("keeper_reachability")),
    ("clock_offset_seconds", Here("keeper_clock_offset_seconds")),
    ("peer_rtt_seconds", Here("keeper_peer_rtt_seconds")),
    ("peer_versions", Here("keeper_operators_on_other_version")),
    ("gossip_messages_total", Here("keeper_gossip_messages_total")),
    ("gossip_message_size_bytes", There("gossipsub_topic_msg_recv_bytes by gossipsub_topic_msg_recv_counts")),
    ("gossip_validation_duration_seconds", There("a verdict waits for the batch it is checked with: keeper_certificate_duration_seconds has what that costs")),
    ("gossip_propagation_delay_seconds", There("only heartbeats carry a time: keeper_clock_offset_seconds, keeper peers")),
    ("heartbeats_total", Here("keeper_heartbeats_total")),
    ("operators", Here("keeper_operators")),
    ("operator_last_seen_timestamp_seconds", There("keeper peers and GET /api/v1/mesh: a series for each operator would be one for each stranger who registers")),
    ("jobs", Here("keeper_jobs")),
    ("job_sync_lag_blocks", Here("keeper_mesh_head_block")),
    ("rounds_total", Here("keeper_tasks_total")),
    ("round_start_delay_seconds", Here("keeper_certificate_duration_seconds")),
    ("leader_slots_total", Here("keeper_leader_turns_total")),
    ("leader_changes_total", There("turns change with every window; takeovers are in keeper_leader_turns_total")),
    ("executions_total", Here("keeper_executions_total")),
    ("execution_duration_seconds", Here("keeper_execution_duration_seconds")),
    ("executions_in_flight", Here("keeper_executions_in_flight")),
    ("execution_queue_length", Here("keeper_tasks_open")),
    ("wasm_fuel_consumed_total", There("keeper job test: fuel is the job's matter")),
    ("wasm_memory_peak_bytes", There("keeper job test, as fuel")),
    ("wasm_compile_duration_seconds", Here("keeper_compilations_total")),
    ("wasm_cache_requests_total", Here("keeper_codes_obtained_total")),
    ("fetch_total", Here("keeper_codes_obtained_total")),
    ("fetch_duration_seconds", There("code is fetched ahead of time, and off the loop")),
    ("votes_total", Here("keeper_partials_total")),
    ("signature_verify_duration_seconds", There("tests/bench.sh: the cost is the same for all keepers of a kind of machine")),
    ("certificates_total", Here("keeper_certificates_total")),
    ("certificate_duration_seconds", Here("keeper_certificate_duration_seconds")),
    ("certificate_signers_ratio", There("keeper job why: who signed what, and who did not")),
    ("equivocations_total", Here("keeper_accusations_total")),
    ("protection_refusals_total", Here("keeper_journal_refusals_total")),
    ("chain_head_block", Here("keeper_chain_head_block")),
    ("chain_head_timestamp_seconds", Here("keeper_chain_head_timestamp_seconds")),
    ("chain_rpc_requests_total", Here("keeper_chain_rpc_requests_total")),
    ("chain_rpc_duration_seconds", There("keeper doctor and keeper status have each node's; one that is slow is given up (keeper_chain_rpc_errors_total)")),
    ("chain_rpc_fallback_active", There("all nodes are asked all the time: keeper_health_check_failing{check=\"nodes\"}")),
    ("chain_reorgs_total", Here("keeper_chain_reorgs_total")),
    ("transactions_total", Here("keeper_transactions_total")),
    ("transaction_gas_used_total", Here("keeper_transaction_gas_used_total")),
    ("transaction_fees_wei_total", Here("keeper_wallet_spent_wei")),
    ("wallet_balance_wei", Here("keeper_wallet_balance_wei")),
    ("wallet_runway_seconds", Here("keeper_wallet_runway_seconds")),
    ("earned_wei_total", There("keeper operator status, from the contract, which keeps the account")),
    ("db_size_bytes", Here("keeper_file_bytes")),
    ("db_operation_duration_seconds", Here("keeper_journal_sync_duration_seconds")),
    ("api_requests_total", There("the API is for this machine alone, and bounded")),
    ("api_request_duration_seconds", There("as its requests")),
    ("sse_clients", There("as its requests")),
    ("tasks_alive", There("a part that ends stops the keeper: /livez")),
    ("process_cpu_seconds_total", Here("process_cpu_seconds_total")),
    ("process_resident_memory_bytes", Here("process_resident_memory_bytes")),
    ("process_open_fds", Here("process_open_fds")),
    ("process_max_fds", Here("process_max_fds")),
];

#[tokio::test]
async fn every_number_that_operators_are_used_to_is_here_or_known_to_be_elsewhere() {
    let text = plain(&doc::whole().0).unwrap();
    let missing: Vec<_> = WANTED
        .iter()
        .filter(|(_, is)| match is {
            Here(series) => !text.contains(&format!("# TYPE {series} ")),
            There(why) => why.is_empty(),
        })
        .map(|(name, _)| name)
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let here = WANTED.iter().filter(|(_, is)| matches!(is, Here(_))).count();
    assert!(here >= 45, "{here} of {}", WANTED.len());
}

//! Every series a keeper counts, in one struct, and the listener Prometheus scrapes.
//!
//! One registry holds these series (prefix `keeper_`) beside libp2p's own, which the `p2p` crate registers in it.
//! Labels take values from small fixed sets only: never a job id, a peer, a hash or an error's text. Base units
//! throughout (seconds, wei, blocks).
//!
//! ```text
//! driver, watcher, submitter, journal ──► Metrics (cheap clones of atomics)
//!                                            │ registered in
//!                  p2p (libp2p's series) ──► Registry ──► GET /metrics ──► Prometheus
//!                  View (watch channel)  ───────────────► GET /ready, /health
//! ```

mod cell;
mod files;
mod mesh;
mod nodes;
mod process;
mod roster;
mod said;
mod series;
mod server;
mod stand;
mod tasks;
mod text;

pub use cell::CellSeries;
pub use files::register_files;
pub use mesh::{HealthSeries, MeshSeries};
pub use nodes::NodeSeries;
pub use roster::RosterSeries;
pub use said::Counted;
pub use series::Counters;
pub use server::{Liveness, router};
pub(crate) use server::{healthiness, readiness};
pub use text::{openmetrics, plain};

use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::topics;
use stand::StandSeries;
use tasks::TaskSeries;

/// The `keeper_` series. A clone counts into the same series.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// 1 while `/ready` answers 200.
    pub ready: Gauge,
    /// 1 for every check that holds, by its name.
    checks: Family<[(&'static str, &'static str); 1], Gauge>,
    /// What was turned away because there is too much of it.
    pub load_shed: Counters<1>,
    /// Callbacks that failed and were looked into, by why.
    pub callbacks_failed: Counters<1>,
    /// Seconds the chain's time is ahead of this machine's clock.
    pub chain_time_ahead: Gauge<f64, AtomicU64>,
    /// Most peers that are looked for.
    pub peer_limit: Gauge,
    /// Peers by state: `connected`, and `mesh`, those that gossip is passed on to.
    pub peers: Family<[(&'static str, &'static str); 1], Gauge>,
    /// Gossip messages by topic and verdict.
    pub gossip_messages: Counters<2>,
    /// Tasks that left this keeper's book, by result.
    pub tasks: Counters<1>,
    /// Tasks that a quorum has signed.
    pub tasks_certified: Counter,
    /// Attempts that this keeper abstained from, by reason.
    pub abstentions: Counters<1>,
    /// Offers to write the next epoch, by outcome.
    pub snapshots: Counters<1>,
    /// Partials by direction and result.
    pub partials: Counters<2>,
    /// Certificates by result.
    pub certificates: Counters<1>,
    /// Seconds from due to quorum.
    pub certificate_duration: Histogram,
    /// Seconds from due to settlement.
    pub settled_duration: Histogram,
    /// This keeper's leader turns by result.
    pub leader_turns: Counters<1>,
    /// Executions by outcome.
    pub executions: Counters<1>,
    /// Seconds an execution took.
    pub execution_duration: Histogram,
    /// Runs under way.
    pub executions_in_flight: Gauge,
    /// What became of job code and of the workers it runs in.
    pub cell: CellSeries,
    /// Reports the journal refused, by reason.
    pub journal_refusals: Counters<1>,
    /// Seconds from append to durable.
    pub journal_sync_duration: Histogram,
    /// Newest block at the confirmation depth.
    pub chain_head_block: Gauge,
    /// Its time.
    pub chain_head_timestamp: Gauge,
    /// What goes wrong with RPC nodes, and what else happens on the way to the chain.
    pub nodes: NodeSeries,
    /// Blocks orphaned after they were seen.
    pub chain_reorgs: Counter,
    /// Own transactions by outcome.
    pub transactions: Counters<1>,
    /// Proofs of equivocation brought before the contract, by result.
    pub accusations: Counters<1>,
    /// What happened in disputes, by event.
    pub disputes: Counters<1>,
    /// Gas of own mined transactions.
    pub transaction_gas_used: Counter,
    /// Coin left for gas.
    pub wallet_balance: Gauge<f64, AtomicU64>,
    /// Number of the epoch in force.
    pub epoch: Gauge,
    /// The mesh as heartbeats show it.
    pub mesh: MeshSeries,
    /// What is red, and who could be told.
    pub health: HealthSeries,
    /// Whose keeper this is, and which jobs it knows.
    pub roster: RosterSeries,
}

impl Metrics {
    /// Registers every series.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        registry.register_collector(Box::new(process::Process));
        registry.register_collector(Box::new(said::Said));
        let registry = registry.sub_registry_with_prefix("keeper");
        about_this_process(registry);
        let mesh = GossipSeries::register(registry);
        let chain = ChainSeries::register(registry);
        let stand = StandSeries::register(registry);
        let tasks = TaskSeries::register(registry);
        Self {
            ready: stand.ready,
            checks: stand.checks,
            load_shed: stand.load_shed,
            callbacks_failed: stand.callbacks_failed,
            chain_time_ahead: chain.time_ahead,
            peer_limit: gauge(registry, "peer_limit", "Most peers that are looked for"),
            peers: mesh.peers,
            gossip_messages: mesh.gossip_messages,
            tasks: tasks.tasks,
            tasks_certified: tasks.certified,
            abstentions: tasks.abstentions,
            snapshots: tasks.snapshots,
            partials: mesh.partials,
            certificates: mesh.certificates,
            certificate_duration: seconds(registry, "certificate_duration", "From the due moment to a quorum"),
            settled_duration: seconds(registry, "settled_duration", "From the due moment to the settlement seen"),
            leader_turns: counters(
                registry,
                "leader_turns",
                "Turns of this keeper as leader",
                ["result"],
                &[["led"], ["missed"], ["takeover"]],
            ),
            executions: counters(
                registry,
                "executions",
                "Executions of job code",
                ["outcome"],
                &[["call"], ["skip"], ["job_error"], ["abstain"]],
            ),
            execution_duration: seconds(registry, "execution_duration", "Time one execution took"),
            executions_in_flight: gauge(registry, "executions_in_flight", "Runs of jobs that are under way"),
            cell: CellSeries::register(registry),
            journal_refusals: counters(
                registry,
                "journal_refusals",
                "Reports the journal refused to let out",
                ["reason"],
                &[["conflict"], ["below_watermark"], ["failed"]],
            ),
            journal_sync_duration: seconds(
                registry,
                "journal_sync_duration",
                "Time from a report's arrival at the journal to durable storage",
            ),
            chain_head_block: chain.head_block,
            chain_head_timestamp: chain.head_timestamp,
            nodes: NodeSeries::register(registry),
            chain_reorgs: chain.reorgs,
            transactions: chain.transactions,
            accusations: chain.accusations,
            disputes: tasks.disputes,
            transaction_gas_used: chain.transaction_gas_used,
            wallet_balance: chain.wallet_balance,
            epoch: gauge(registry, "epoch", "Number of the epoch in force"),
            mesh: MeshSeries::register(registry),
            health: HealthSeries::register(registry),
            roster: RosterSeries::register(registry),
        }
    }
}

/// The series about peers and what they send.
struct GossipSeries {
    peers: Family<[(&'static str, &'static str); 1], Gauge>,
    gossip_messages: Counters<2>,
    partials: Counters<2>,
    certificates: Counters<1>,
}

impl GossipSeries {
    fn register(registry: &mut Registry) -> Self {
        let peers = Family::<[(&'static str, &'static str); 1], Gauge>::default();
        registry.register("peers", "Peers: connected, and in the mesh that gossip is passed on in", peers.clone());
        for state in ["connected", "mesh"] {
            peers.get_or_create(&[("state", state)]).set(0);
        }
        Self {
            peers,
            gossip_messages: counters(
                registry,
                "gossip_messages",
                "Gossip messages judged, and partials that came straight",
                ["topic", "result"],
                &known_topics(),
            ),
            partials: counters(
                registry,
                "partials",
                "Partial signatures",
                ["direction", "result"],
                &[
                    ["sent", "signed"],
                    ["sent", "abstained"],
                    ["sent", "fallback"],
                    ["received", "valid"],
                    ["received", "invalid"],
                    ["received", "ignored"],
                ],
            ),
            certificates: counters(
                registry,
                "certificates",
                "Certificates by what became of them",
                ["result"],
                &[["received"], ["invalid"], ["submitted"]],
            ),
        }
    }
}

/// The topics by their names, each with the verdict of what is right.
fn known_topics() -> Vec<[&'static str; 2]> {
    let names = topics::CHANNELS.into_iter().map(topics::name).chain([topics::HEALTH_NAME, topics::STRAIGHT_NAME]);
    names.map(|name| [name, "accept"]).collect()
}

/// The series about the chain and the wallet.
struct ChainSeries {
    head_block: Gauge,
    head_timestamp: Gauge,
    time_ahead: Gauge<f64, AtomicU64>,
    reorgs: Counter,
    transactions: Counters<1>,
    accusations: Counters<1>,
    transaction_gas_used: Counter,
    wallet_balance: Gauge<f64, AtomicU64>,
}

impl ChainSeries {
    fn register(registry: &mut Registry) -> Self {
        let wallet_balance = Gauge::<f64, AtomicU64>::default();
        registry.register("wallet_balance_wei", "Coin left in the operator's wallet", wallet_balance.clone());
        let time_ahead = Gauge::<f64, AtomicU64>::default();
        let help = "How far the chain's time is ahead of this machine's clock";
        registry.register_with_unit("chain_time_ahead", help, Unit::Seconds, time_ahead.clone());
        Self {
            time_ahead,
            head_block: gauge(registry, "chain_head_block", "Newest block at the confirmation depth"),
            head_timestamp: gauge(registry, "chain_head_timestamp_seconds", "Unix time of the newest block"),
            reorgs: counter(registry, "chain_reorgs", "Reorganisations seen"),
            transactions: counters(
                registry,
                "transactions",
                "Transactions of this keeper",
                ["outcome"],
                &[["mined"], ["reverted"], ["already_settled"], ["failed"], ["useless"]],
            ),
            accusations: counters(
                registry,
                "accusations",
                "Proofs of equivocation brought before the contract",
                ["result"],
                &[["mined"], ["proven"], ["too_late"], ["refused"], ["failed"]],
            ),
            transaction_gas_used: counter(registry, "transaction_gas_used", "Gas of this keeper's transactions"),
            wallet_balance,
        }
    }
}

/// Build and start time: constants of a process, for joins and for spotting restarts.
fn about_this_process(registry: &mut Registry) {
    let build = Family::<[(&'static str, String); 2], Gauge>::default();
    let target = [std::env::consts::ARCH, std::env::consts::OS].join("-");
    build.get_or_create(&[("version", env!("CARGO_PKG_VERSION").to_owned()), ("target", target)]).set(1);
    registry.register("build_info", "Version of this keeper, always 1", build);
    let start = gauge(registry, "start_time_seconds", "Unix time this process started");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    start.set(i64::try_from(now).unwrap_or(i64::MAX));
}

fn gauge(registry: &mut Registry, name: &str, help: &str) -> Gauge {
    let gauge = Gauge::default();
    registry.register(name, help, gauge.clone());
    gauge
}

fn counter(registry: &mut Registry, name: &str, help: &str) -> Counter {
    let counter = Counter::default();
    registry.register(name, help, counter.clone());
    counter
}

/// Counters by label; the combinations in `known` show up as zero from the start, so that rates and alerts work
/// before the first event.
fn counters<const N: usize>(
    registry: &mut Registry,
    name: &str,
    help: &str,
    labels: [&'static str; N],
    known: &[[&'static str; N]],
) -> Counters<N> {
    let counters = Counters::new(labels);
    registry.register(name, help, counters.family());
    for values in known {
        counters.add(*values, 0);
    }
    counters
}

/// A histogram from one millisecond to about a minute.
fn seconds(registry: &mut Registry, name: &str, help: &str) -> Histogram {
    let histogram = Histogram::new(exponential_buckets(0.001, 2.0, 17));
    registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
    histogram
}

#[cfg(test)]
mod tests;

//! What a keeper shows of itself: one value, rebuilt by the driver, read by the API, the readiness probe and
//! `keeper status`.
//!
//! It goes out through a `tokio::sync::watch` channel, so readers never slow the driver down and always see one
//! consistent moment. Addresses, ids and hashes are text here (0x-hex, base58 for peers): the view is for people and
//! scripts. Times are unix seconds, durations milliseconds.

mod account;

use std::collections::{BTreeMap, VecDeque};

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};

use crate::health::rules::{Severity, rule};

pub use account::{AccountView, TransactionView};

/// How many runs a view remembers; older ones are on chain.
pub const MAX_RUNS: usize = 512;

/// A keeper at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct View {
    /// Whether no check fails that is critical: what `/ready` answers.
    pub ready: bool,
    /// The checks behind `ready`, by name (`chain`, `mesh`, `registered`, ...).
    pub checks: BTreeMap<String, Check>,
    /// Base58 PeerId.
    pub peer_id: String,
    /// Operator address, 0x-hex.
    pub operator: String,
    /// The network this keeper works for.
    pub network: NetworkView,
    /// Multiaddrs peers can dial, each with `/p2p/<peer id>`.
    pub listen: Vec<String>,
    /// Connected peers.
    pub peers: usize,
    /// The newest block held at the confirmation depth.
    pub head: HeadView,
    /// The epoch this keeper signs for.
    pub epoch: EpochView,
    /// The chain's time when this was shown, in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Number of the current window.
    pub window: u64,
    /// Operator address of the leader of the current window; empty while unknown.
    pub leader: String,
    /// Operator address of the leader of the window after it; empty while unknown.
    pub next_leader: String,
    /// Every job this keeper knows, by id.
    pub jobs: Vec<JobView>,
    /// The newest runs, newest first, [`MAX_RUNS`] at most.
    pub runs: VecDeque<RunView>,
    /// Runs that were not settled by their deadline.
    pub missed: MissedView,
    /// The current window and the one after it, as far as it is certain who leads them.
    pub turns: Vec<TurnView>,
    /// The rows of the committee.
    pub members: Vec<MemberView>,
    /// The RPC nodes, in the order of the settings.
    pub nodes: Vec<RpcNodeView>,
    /// The account that transactions are sent from.
    pub account: AccountView,
    /// Tasks that are due and have come to no end here.
    pub queue: usize,
    /// The wallet; `None` before it was read.
    pub wallet: Option<WalletView>,
    /// Every registered operator; not shown here, but in the picture of the mesh.
    #[serde(skip)]
    pub operators: Vec<Operator>,
}

/// A window and those who lead it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TurnView {
    /// Its number.
    pub window: u64,
    /// When it begins, in milliseconds of the chain's time.
    pub begins_ms: u64,
    /// When it ends.
    pub ends_ms: u64,
    /// Operator addresses by stage: the first leads, the others take over in this order.
    pub line: Vec<String>,
}

/// A member of the committee.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemberView {
    /// Its row.
    pub index: u16,
    /// Operator address, 0x-hex.
    pub operator: String,
    /// Base58 PeerId.
    pub peer_id: String,
    /// Stake in the smallest unit, as a decimal number; `0` for a row that only keeps its place.
    pub stake: String,
    /// Whether this keeper is connected to it; for its own row it is not said.
    pub connected: bool,
}

/// How one RPC node stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RpcNodeView {
    /// Scheme, host and port; the rest of the URL may hold a key.
    pub origin: String,
    /// fresh, good, limited, failing, wrong-chain, lagging or contradicting.
    pub state: String,
    /// The newest block it showed.
    pub head: Option<u64>,
    /// How many blocks that is below the newest one of all nodes.
    pub lag: Option<u64>,
    /// What went wrong last; empty if nothing did. The node's words.
    pub last_error: String,
    /// Questions it answered.
    pub answers: u64,
    /// Questions it did not answer.
    pub failures: u64,
}

/// What the operator's wallet holds, and how long that lasts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WalletView {
    /// Its coin in wei, as a decimal number: too large for numbers of JSON.
    pub balance_wei: String,
    /// Settlements that it pays for at today's price.
    pub settlements: u64,
    /// Wei that it spent in the last day, or since the start; as a decimal number.
    pub spent_wei: String,
    /// Seconds that it lasts at that; `None` while it spends nothing, or is not watched for long enough.
    pub runway_seconds: Option<u64>,
}

/// An operator of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator {
    /// Its address.
    pub operator: Address,
    /// Its keeper's ed25519 key in the mesh.
    pub peer_key: [u8; 32],
    /// Its row in the committee in force; `None` outside it.
    pub index: Option<u16>,
}

/// The runs that were missed since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MissedView {
    /// How many.
    pub count: u64,
    /// The newest one and what is known of its cause; empty before the first.
    pub newest: String,
}

/// One check, by a rule of [`crate::health::rules`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Check {
    /// Whether it holds.
    pub ok: bool,
    /// What was found, and if it does not hold, how to mend it.
    pub message: String,
    /// What it means that it does not hold.
    pub severity: Severity,
    /// Since when it does not hold, in Unix seconds; `None` while it does.
    pub since: Option<u64>,
    /// How often in a row it was found not to hold; looked at about once a second.
    pub consecutive_failures: u32,
    /// What to do about it in general; empty while it holds.
    pub help: String,
}

/// The network a keeper works for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkView {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// First eight bytes of the EIP-712 domain separator, hex without prefix; names topics and protocols.
    pub domain: String,
}

/// A block.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeadView {
    /// Block number.
    pub number: u64,
    /// Block time, unix seconds.
    pub timestamp: u64,
    /// Block hash, 0x-hex; empty before the first.
    pub hash: String,
}

/// An epoch as seen by one operator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EpochView {
    /// Epoch number; zero before the first.
    pub number: u32,
    /// Rows of its committee.
    pub size: usize,
    /// This operator's row; `None` while it is not in the committee.
    pub index: Option<u16>,
}

/// A job in the book of a keeper.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobView {
    /// Job id.
    pub id: u64,
    /// Job version.
    pub version: u32,
    /// Trigger in words: `every 2s from 1763901234`.
    pub trigger: String,
    /// Action in words: `wasm`.
    pub action: String,
    /// `active`, `paused` or `cancelled`.
    pub status: String,
    /// Unix seconds of the next due moment, if there is one.
    pub next_due: Option<u64>,
    /// The next due moments, as far as they are known ahead; a few, the first is `next_due`.
    pub upcoming: Vec<u64>,
    /// Result of the newest run in words; empty before the first.
    pub last_result: String,
    /// Whether this keeper can execute the job.
    pub ready: bool,
    /// Why this keeper abstains from the job's tasks, or does not see it due; empty if neither. It begins with a word that stays.
    pub reason: String,
}

/// One task in the memory of a keeper.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunView {
    /// Task id, 0x-hex of 32 bytes.
    pub task_id: String,
    /// The task's name in the API: job, version and instance with dots between.
    pub key: String,
    /// Job id.
    pub job_id: u64,
    /// Run number for time and block triggers.
    pub run: u64,
    /// Due moment, unix seconds.
    pub due: u64,
    /// `due`, `executed`, `certified`, `settled`, `skipped`, `expired`, ...
    pub state: String,
    /// Why it is in this state, when there is more to say.
    pub reason: String,
    /// Attempt it is at, from zero.
    pub attempt: u32,
    /// Milliseconds from due to quorum seen here.
    pub certified_ms: Option<u64>,
    /// Milliseconds from due to settlement seen here.
    pub settled_ms: Option<u64>,
    /// Block it settled in.
    pub block: Option<u64>,
    /// Operator address that submitted the settlement; empty before.
    pub submitter: String,
    /// Whether another keeper than the one whose turn it was first submitted the settlement.
    pub takeover: bool,
    /// Whether the target accepted the outcome; `None` before settlement.
    pub delivered: Option<bool>,
}

impl View {
    /// Sets a check and recomputes `ready`. One without a rule is critical.
    pub fn set_check(&mut self, name: &str, ok: bool, message: impl Into<String>) {
        let (severity, help) = rule(name).map_or((Severity::Critical, ""), |rule| (rule.severity, rule.help));
        let help = if ok { String::new() } else { help.to_owned() };
        let check = Check { ok, message: message.into(), severity, help, ..Check::default() };
        self.checks.insert(name.to_owned(), check);
        self.ready = self.checks.values().all(|check| check.ok || check.severity != Severity::Critical);
    }
}

#[cfg(test)]
mod tests;

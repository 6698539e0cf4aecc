//! The checks behind readiness: what is red says why, and how to mend it.
//!
//! | check | red when |
//! |---|---|
//! | `chain` | no node can be followed, or the newest block is old and nobody confirms that there is no newer one |
//! | `chain_time` | the newest block is from the future, further than any clock is off |
//! | `clock` | most other keepers' clocks show another time |
//! | `nodes` | no RPC node is good, or all of them are behind most other keepers |
//! | `journal` | it takes nothing, or nothing of the blocks there are |
//! | `archive` | what happens to tasks is not recorded |
//! | `history` | what the chain's history comes to is not written down |
//! | `account` | transactions are refused, or not included |
//! | `runway` | the wallet pays for few more settlements, or no node says what it holds |
//! | `crowded` | a job has more tasks than its share of the room |
//! | `load` | something was turned away in the last minute |
//! | `runs` | no run comes to anything here: workers, code or chain reads fail, whatever the job |
//! | `logs` | for half a minute the logs that make jobs due could not be read |
//! | `results` | a quorum certified another result than this keeper got, in the last ten minutes |
//! | `mesh` | no peer, or fewer than half of the other keepers |
//! | `registered` | the operator does not count, or was ejected |
//! | `set` | most other keepers see another operator set, or the next epoch cannot be written |

use std::time::Duration;

use consensus::time::Time;

use super::Core;
use super::house::is_live;
use crate::chain::NodeView;
use crate::chain::cost::worst;
use crate::chain::fees::Fees;
use crate::driver::chain_time::APART_MS;
use crate::driver::note::DISPUTED;
use crate::view::{View, WalletView};

/// A head older than this many block times, and at least 10 s, means the chain node is behind.
const STALE_BLOCKS: u64 = 10;
const STALE_SECONDS_MIN: u64 = 10;
/// Blocks, or seconds' worth of blocks, that a keeper may be behind most others without a word.
const FEW_BLOCKS: u64 = 5;
const FEW_BLOCKS_SECONDS: u64 = 10;
/// Settlements that the wallet must pay for, and what one takes where none is known.
const RUNWAY_MIN: u128 = 20;
const USUAL_SETTLEMENT_GAS: u64 = 500_000;
const USUAL_SETTLEMENT_BYTES: usize = 1_500;
/// After so long without a word of the wallet something is wrong with whoever is asked.
const WALLET_SILENCE: Duration = Duration::from_secs(300);
/// Nothing works any more with a chain so far ahead of the clock: nobody's clock is off by that much.
const IMPOSSIBLE_MS: i64 = 366 * 24 * 3_600 * 1_000;

impl Core {
    pub(super) fn add_checks(&self, view: &mut View, now: Time) {
        self.check_chain(view, now);
        self.check_clocks(view, now);
        self.check_nodes(view, now);
        self.check_account(view);
        self.check_runway(view, now);
        self.check_runs(view, now);
        self.check_results(view, now);
        if let Some(why) = &self.readings.journal {
            let why = format!(
                "nothing is signed, the journal cannot be written ({why}): free space on its disk, or mend it; it is tried again every second"
            );
            view.set_check("journal", false, why);
        } else if let Some(why) = self.journal_ahead(now) {
            view.set_check("journal", false, why);
        } else {
            view.set_check("journal", true, "it can be written");
        }
        match &self.readings.archive {
            Some(why) => {
                let why = format!("what happens to tasks is not recorded: {why}; it is tried again every second");
                view.set_check("archive", false, why);
            }
            None => view.set_check("archive", true, "what happens to tasks is recorded"),
        }
        match &self.readings.history {
            Some(why) => {
                let why = format!(
                    "what the chain's history comes to is not written down ({why}): the next start reads more of it and takes longer, so \
                     see that a node in rpc_urls answers eth_getLogs for many blocks, and look for whoever lists jobs without end"
                );
                view.set_check("history", false, why);
            }
            None => view.set_check("history", true, "what the chain's history comes to is written down"),
        }
        match self.shed.trouble(now) {
            Some(why) => view.set_check("load", false, why),
            None => view.set_check("load", true, "nothing was turned away lately"),
        }
        match self.shed.crowd(now) {
            Some(why) => view.set_check("crowded", false, why),
            None => view.set_check("crowded", true, "no job has more tasks than one job may have"),
        }
        match self.lookout.searches.trouble(now) {
            Some(why) => view.set_check("logs", false, why),
            None => view.set_check("logs", true, "what makes jobs due is seen"),
        }
        let registered = self.standing().check();
        view.set_check("registered", registered.ok, registered.message);
        if self.engine.is_set_disputed() {
            view.set_check("set", false, DISPUTED);
        } else if let Some(why) = self.snapshots.trouble() {
            view.set_check("set", false, why);
        }
        self.check_mesh(view);
    }

    /// Why nothing of the blocks there are can be signed, where the journal begins above them. A node that is still behind shows
    /// old blocks as the newest ones: the journal is at fault only where the head is fresh and nobody has a newer one.
    fn journal_ahead(&self, now: Time) -> Option<String> {
        let (watermark, head) = (self.readings.journal_watermark, self.engine.head()?.number);
        let peers = self.peers_head(now).unwrap_or_default();
        // After a start there are heads from what was written down, and no word of the newest one yet.
        let is_newest = self.newest > 0 && head.saturating_add(self.about.pace.confirmations) >= self.newest;
        let is_fresh =
            is_newest && self.head_age(now) <= self.stale() && peers <= head.saturating_add(self.few_blocks());
        (watermark > head.max(self.newest).max(peers) && is_fresh).then(|| {
            format!(
                "nothing is signed before block {watermark}, where the journal begins, and the chain is at {head}: if that is \
                 far away, stop the keeper, move journal.bin away, and start it with --accept-empty-journal again"
            )
        })
    }

    /// Seconds since the newest confirmed block, in the chain's time.
    fn head_age(&self, now: Time) -> u64 {
        let timestamp = self.engine.head().map_or(0, |head| head.timestamp);
        self.chain_time(now).seconds().saturating_sub(timestamp)
    }

    /// From how many seconds on a head is old.
    fn stale(&self) -> u64 {
        (self.about.pace.block_seconds * STALE_BLOCKS).max(STALE_SECONDS_MIN)
    }

    fn few_blocks(&self) -> u64 {
        FEW_BLOCKS.max(FEW_BLOCKS_SECONDS / self.about.pace.block_seconds.max(1))
    }

    fn check_chain(&self, view: &mut View, now: Time) {
        let (age, stale) = (self.head_age(now), self.stale());
        let number = view.head.number;
        match &self.connection {
            Some((true, _)) if age <= stale => view.set_check("chain", true, format!("block {number}")),
            Some((true, _)) => match self.confirms_the_head(now) {
                Some(who) => {
                    let message = format!("block {number}, {age} s old, and {who}: the chain makes none now");
                    view.set_check("chain", true, message);
                }
                None => {
                    let mend = "the node may have stopped: look at it, or add another URL to rpc_urls";
                    view.set_check("chain", false, format!("the newest block is {age} s old; {mend}"));
                }
            },
            Some((false, why)) => view.set_check("chain", false, why.clone()),
            None => view.set_check("chain", false, "not connected to a chain node yet"),
        }
    }

    /// Who says that there is no block beyond the newest one, if anybody does: such a chain makes blocks on demand.
    fn confirms_the_head(&self, now: Time) -> Option<String> {
        let own = self.engine.head()?.number;
        let agree = self.readings.nodes.iter().filter(|node| is_good(node) && node.head == Some(self.newest)).count();
        if agree > 1 {
            return Some(format!("{agree} nodes show no newer one"));
        }
        let peers = self.peers_head(now)?;
        (peers <= own).then(|| "most other keepers have no newer one".to_owned())
    }

    fn check_clocks(&self, view: &mut View, now: Time) {
        let ahead = self.time.ahead_ms();
        let seconds = ahead.unsigned_abs() / 1_000;
        let side = if ahead < 0 { "behind" } else { "ahead of" };
        let message = if self.time.is_apart() {
            format!("the chain's time is {seconds} s {side} this machine's clock; due moments follow the chain")
        } else {
            "the chain and this machine's clock agree".to_owned()
        };
        view.set_check("chain_time", ahead.abs() < IMPOSSIBLE_MS, message);
        match self.peers_say(now, |shown| shown.clock_ms) {
            Some(off) if off.unsigned_abs() > APART_MS => {
                let side = if off < 0 { "ahead of" } else { "behind" };
                let seconds = off.unsigned_abs() / 1_000;
                let mend = "set it by NTP (timedatectl set-ntp true)";
                let message = format!("this machine's clock is {seconds} s {side} most other keepers': {mend}");
                view.set_check("clock", false, message);
            }
            Some(_) => view.set_check("clock", true, "as most other keepers' clocks"),
            None => view.set_check("clock", true, "no other keeper's clock to compare it with"),
        }
    }

    fn check_nodes(&self, view: &mut View, now: Time) {
        let nodes = &self.readings.nodes;
        let good = nodes.iter().filter(|node| is_good(node)).count();
        let bad: Vec<String> = nodes.iter().filter(|node| !is_good(node)).map(described).collect();
        let few = self.few_blocks();
        let own = self.engine.head().map_or(0, |head| head.number);
        let behind = self.peers_head(now).map_or(0, |peers| peers.saturating_sub(own));
        if behind > few {
            let message = format!(
                "block {own} is the newest here, most other keepers are at {}: this keeper is catching up, or its nodes are \
                 behind; if it lasts, add another URL to rpc_urls",
                own + behind
            );
            return view.set_check("nodes", false, message);
        }
        if good == 0 && !nodes.is_empty() {
            let message = format!("no RPC node is good: {}; add another URL to rpc_urls", bad.join("; "));
            return view.set_check("nodes", false, message);
        }
        let rest = if bad.is_empty() { String::new() } else { format!("; {}", bad.join("; ")) };
        view.set_check("nodes", true, format!("{good} of {} good{rest}", nodes.len()));
    }

    fn check_account(&self, view: &mut View) {
        match self.readings.account.trouble() {
            Some(why) => view.set_check("account", false, why),
            None => view.set_check("account", true, format!("{} transactions under way", self.readings.account.open)),
        }
    }

    fn check_runway(&self, view: &mut View, now: Time) {
        if let Some(read) = self.wallet_read.filter(|read| now >= read.plus(WALLET_SILENCE)) {
            let message = format!(
                "for {} s no node has said what the wallet holds, or what its newest block asks for: look at rpc_urls",
                now.seconds().saturating_sub(read.seconds())
            );
            return view.set_check("runway", false, message);
        }
        let Some(wallet) = self.wallet else {
            return view.set_check("runway", true, "the wallet has not been read yet");
        };
        let gas = if self.settlement_gas == 0 { USUAL_SETTLEMENT_GAS } else { self.settlement_gas };
        let account = &self.readings.account;
        let bytes = if account.settlement_bytes == 0 { USUAL_SETTLEMENT_BYTES } else { account.settlement_bytes };
        let fees = Fees { max_fee: wallet.gas_price, tip: 0 };
        let cost: u128 = worst(gas, fees, account.data, bytes).saturating_to();
        let left = wallet.balance / cost.max(1);
        view.wallet = Some(WalletView {
            balance_wei: wallet.balance.to_string(),
            settlements: u64::try_from(left).unwrap_or(u64::MAX),
            ..WalletView::default()
        });
        let coin = alloy::primitives::utils::format_ether(wallet.balance);
        if left < RUNWAY_MIN {
            let account = &view.operator;
            let message = format!(
                "the wallet holds {coin} ether, enough for {left} more settlements at today's price: send some to {account}"
            );
            return view.set_check("runway", false, message);
        }
        view.set_check("runway", true, format!("{coin} ether pay for {left} settlements at today's price"));
    }

    fn check_runs(&self, view: &mut View, now: Time) {
        let chain_time = self.chain_time(now);
        let alone = self.book.jobs().filter(|job| is_live(job, chain_time)).take(2).count() < 2;
        match self.runs.trouble(alone, now) {
            Some(why) => view.set_check("runs", false, why),
            None => view.set_check("runs", true, "runs of jobs do not fail for want of anything here"),
        }
    }

    fn check_results(&self, view: &mut View, now: Time) {
        match self.contradicted.trouble(now) {
            Some(why) => view.set_check("results", false, why),
            None => view.set_check("results", true, "no quorum saw another result than this keeper lately"),
        }
    }

    fn check_mesh(&self, view: &mut View) {
        let committee = self.engine.committee();
        let members =
            committee.map_or(0, |(committee, _)| committee.members().iter().filter(|member| member.stake > 0).count());
        let (seen, others) = (self.members_connected(), members.saturating_sub(1));
        let fine = members <= 1 || view.peers > 0;
        let mut message = format!("{} peers, {seen} of {others} other keepers connected", view.peers);
        let ok = fine && seen * 2 >= others;
        if !ok {
            message
                .push_str("; look at --bootnode and `bootnodes`, and whether peers can reach the address listened on");
        }
        view.set_check("mesh", ok, message);
    }
}

fn is_good(node: &NodeView) -> bool {
    matches!(node.state, "good" | "fresh")
}

fn described(node: &NodeView) -> String {
    let lag = node.lag.filter(|lag| *lag > 0).map(|lag| format!(", {lag} blocks behind")).unwrap_or_default();
    let error = node.last_error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
    format!("{} is {}{lag}{error}", node.origin, node.state)
}

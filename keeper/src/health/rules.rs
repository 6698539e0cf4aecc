//! The table of health rules: every check there is, what it means that it is red, and what to do about it. Who makes them:
//! the core those about its own work (`driver/core/checks.rs`), [`super::Health`] those about the mesh, the machine and the
//! wallet. Each is shown in `keeper status`, in `/readyz`, in `keeper_health_check_failing`, and told to the webhook.

use serde::{Deserialize, Serialize};

/// What it means that a check is red.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// This keeper does not do its work, or not all of it: it is not ready.
    #[default]
    Critical,
    /// It does, but something is to be looked at before it no longer does.
    Warning,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
        }
    }
}

/// One check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// What it is called.
    pub check: &'static str,
    /// What it means that it is red.
    pub severity: Severity,
    /// When it is red.
    pub red_when: &'static str,
    /// What to do about it.
    pub help: &'static str,
}

const fn critical(check: &'static str, red_when: &'static str, help: &'static str) -> Rule {
    Rule { check, severity: Severity::Critical, red_when, help }
}

const fn warning(check: &'static str, red_when: &'static str, help: &'static str) -> Rule {
    Rule { check, severity: Severity::Warning, red_when, help }
}

/// Every rule, in order of its check's name.
pub const RULES: [Rule; 27] = [
    critical("account", "transactions are refused, or not included", "keeper doctor; then the node's own log"),
    warning("alerts", "the webhook does not take what it is told", "look at alerts.webhook, or --alert-webhook"),
    critical("archive", "what happens to tasks is not recorded", "free space, or move runs.sqlite away"),
    critical(
        "chain",
        "no node can be followed, or its newest block is old",
        "keeper doctor names the node and its fault",
    ),
    critical(
        "chain_time",
        "the newest block is from the future, beyond any clock's fault",
        "look at the node and the chain",
    ),
    critical("clock", "most other keepers' clocks show another time", "timedatectl set-ntp true"),
    warning(
        "crowded",
        "a job has more tasks open than one job may have; other jobs have room",
        "keeper job show ID; nothing, unless the job is yours",
    ),
    warning(
        "disk",
        "the disk of the data directory is nearly full",
        "free space; the cache of job code may be deleted",
    ),
    warning("drift", "this clock is over a second off the other keepers' median", "timedatectl set-ntp true"),
    warning("fork", "most others show another block at a height of this keeper's", "add another URL to rpc_urls"),
    warning(
        "gas",
        "the wallet is below alerts.min_balance, or lasts less than three days",
        "send coin to the operator's address",
    ),
    warning(
        "heard",
        "others are heard, and none of them is connected to this keeper",
        "keeper doctor; look at --external-addr",
    ),
    warning(
        "history",
        "what the chain's history comes to is too much to be written down",
        "expect longer starts; see that a node in rpc_urls answers eth_getLogs for many blocks",
    ),
    critical(
        "journal",
        "it takes nothing, or nothing of the blocks there are",
        "free space on the disk of the data directory",
    ),
    critical("load", "something was turned away in the last minute", "a larger machine, or fewer neighbours on it"),
    critical("logs", "for half a minute the logs that make jobs due could not be read", "add another URL to rpc_urls"),
    critical(
        "mesh",
        "no peer, or fewer than half of the other keepers",
        "keeper doctor tries every bootnode, step by step",
    ),
    critical("nodes", "no RPC node is good, or all are behind most other keepers", "add another URL to rpc_urls"),
    warning(
        "reachable",
        "nobody has opened a connection to it, and peers are told private addresses alone; or peers tried, and could not",
        "open TCP 7419 (and UDP 7419 where QUIC is listened on), or forward it and name it with --external-addr \
         /ip4/YOUR.ADDRESS/tcp/7419",
    ),
    critical("registered", "the operator does not count, or was ejected", "keeper operator status"),
    critical(
        "results",
        "a quorum certified another result than this keeper got",
        "add another URL to rpc_urls; keeper job why ID",
    ),
    critical("runs", "no run comes to anything here, whatever the job", "keeper job why ID"),
    critical("runway", "the wallet pays for few more settlements", "send coin to the operator's address"),
    critical("set", "most other keepers see another operator set", "add another URL to rpc_urls"),
    warning(
        "silent",
        "a third of the registered keepers or more are not heard",
        "keeper peers; if all are silent, look at the mesh",
    ),
    critical(
        "twin",
        "another process says heartbeats with this keeper's key",
        "stop one of the two: keeper keys show tells the key",
    ),
    warning("version", "most other keepers run a newer version", "upgrade this keeper"),
];

/// The rule of a check.
#[must_use]
pub fn rule(check: &str) -> Option<&'static Rule> {
    RULES.binary_search_by(|rule| rule.check.cmp(check)).ok().and_then(|place| RULES.get(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_found_by_its_name_and_says_when_and_what_to_do() {
        for known in &RULES {
            assert_eq!(rule(known.check), Some(known), "the table is in order");
            assert!(!known.red_when.is_empty() && !known.help.is_empty());
        }
        assert_eq!(rule("nonsense"), None);
    }
}

//! Who may hold a connection: the peer keys on chain, the bootnodes, the configured sentries.
//!
//! Until the first list has come from the chain, only what is configured is admitted, in both directions. That cannot
//! lock out a mesh that starts: every keeper reads the same registry by itself, dials the others as soon as it has,
//! and is refused only by those that have not yet; it tries them again within seconds. A keeper without a chain could
//! sign nothing anyway.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use libp2p::PeerId;

use crate::config::{Admission, Config, Role, split_bootnode};

/// Most keys of one list; the registry holds 256 operators.
pub(crate) const MOST_ADMITTED: usize = 1024;
/// How long a peer that left the list keeps its connections: a list that is mended at once costs nothing.
pub(crate) const GRACE: Duration = Duration::from_secs(5);
/// How long a peer is refused after it sent one wrong message too many. Gossipsub remembers its score as long, so that
/// it comes back with a clean slate.
pub(crate) const REFUSED_FOR: Duration = Duration::from_secs(600);
/// Most peers refused at once.
const MOST_REFUSED: usize = 1024;

/// Why a connection is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the peer is no registered operator, bootnode or sentry")]
    Stranger,
    #[error("the registered operators are not known yet, and the peer is no bootnode or sentry")]
    Early,
    #[error("the peer sent too many wrong messages a short time ago")]
    Offender,
    #[error("too many new connections from one address")]
    Rate,
    #[error("strangers at one address hold too many connections")]
    PerAddress,
    #[error("the peer holds too many connections")]
    PerPeer,
    #[error("this node holds too many connections")]
    Full,
}

impl Refusal {
    /// The value of the label `reason`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Stranger => "stranger",
            Self::Early => "early",
            Self::Offender => "offender",
            Self::Rate => "rate",
            Self::PerAddress => "per_address",
            Self::PerPeer => "per_peer",
            Self::Full => "full",
        }
    }
}

/// The list and those that are off it. Time is passed in.
pub(crate) struct Admissions {
    everybody: bool,
    configured: BTreeSet<PeerId>,
    /// None before the first list.
    registered: Option<BTreeSet<PeerId>>,
    /// Until when each offender is refused.
    offenders: BTreeMap<PeerId, Instant>,
    /// When the connections of each peer that left the list are closed.
    leaving: BTreeMap<PeerId, Instant>,
}

impl Admissions {
    pub(crate) fn new(config: &Config) -> Self {
        let bootnodes = config.bootnodes.iter().filter_map(|address| Some(split_bootnode(address).ok()?.0));
        Self {
            // A bootnode knows no chain.
            everybody: config.admission == Admission::Everybody || config.role == Role::Bootnode,
            configured: bootnodes.chain(config.sentries.iter().copied()).collect(),
            registered: None,
            offenders: BTreeMap::new(),
            leaving: BTreeMap::new(),
        }
    }

    /// Whether the peer may open a connection, or be dialled.
    pub(crate) fn check(&self, peer: &PeerId, now: Instant) -> Result<(), Refusal> {
        if self.offenders.get(peer).is_some_and(|until| now < *until) {
            return Err(Refusal::Offender);
        }
        if self.is_listed(peer) {
            return Ok(());
        }
        Err(if self.registered.is_some() { Refusal::Stranger } else { Refusal::Early })
    }

    /// Whether the peer is a registered operator.
    pub(crate) fn is_registered(&self, peer: &PeerId) -> bool {
        self.registered.as_ref().is_some_and(|registered| registered.contains(peer))
    }

    /// Whether the peer is a registered operator, or one that this node's operator named.
    pub(crate) fn is_expected(&self, peer: &PeerId) -> bool {
        self.configured.contains(peer) || self.is_registered(peer)
    }

    fn is_listed(&self, peer: &PeerId) -> bool {
        self.everybody || self.is_expected(peer)
    }

    /// Takes a new list; false when it says nothing new. Of the `connected`, those that are not on it any more may stay
    /// for [`GRACE`].
    pub(crate) fn replace<'a>(
        &mut self,
        list: BTreeSet<PeerId>,
        connected: impl Iterator<Item = &'a PeerId>,
        now: Instant,
    ) -> bool {
        if self.registered.as_ref() == Some(&list) {
            return false;
        }
        self.registered = Some(list);
        let before = std::mem::take(&mut self.leaving);
        let leaving = connected.filter(|peer| !self.is_listed(peer));
        self.leaving = leaving.map(|peer| (*peer, before.get(peer).copied().unwrap_or(now + GRACE))).collect();
        true
    }

    /// Takes the peers whose grace is over.
    pub(crate) fn take_left(&mut self, now: Instant) -> Vec<PeerId> {
        let left: Vec<PeerId> =
            self.leaving.iter().filter(|(_, until)| **until <= now).map(|(peer, _)| *peer).collect();
        self.leaving.retain(|_, until| *until > now);
        left
    }

    /// Refuses the peer for [`REFUSED_FOR`].
    pub(crate) fn refuse(&mut self, peer: PeerId, now: Instant) {
        self.offenders.retain(|_, until| now < *until);
        if self.offenders.len() >= MOST_REFUSED {
            // Whoever could not come in anyway makes room first, then whose time is over first.
            let first = self.offenders.iter().min_by_key(|(peer, until)| (self.is_expected(peer), **until));
            first.map(|(peer, _)| *peer).and_then(|first| self.offenders.remove(&first));
        }
        self.offenders.insert(peer, now + REFUSED_FOR);
    }
}

#[cfg(test)]
mod tests;

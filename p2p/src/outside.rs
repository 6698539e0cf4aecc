//! Whether others can open connections to this node: it has peers try (libp2p's AutoNAT), and tries for them.
//!
//! ```text
//!   is registered, and sees this node at an    ──► dials it there, at the ports it listens on, and says
//!   address that everybody can reach               whether it got through; the connection is closed again
//!
//!   one got through          ──► Reached
//!   three in a row did not   ──► Closed: a warning, and a red check of the keeper's
//!   nobody can try           ──► Unknown: a network on one machine, or on one site
//! ```
//!
//! It is version 1 of the protocol, which asks one peer after the other, and goes on asking. The client of version 2 that libp2p
//! 0.57 has tries each address once, with one peer, and keeps what it heard for ever: a peer without UDP would be a red light
//! until the next start. A peer that tries dials no other host than the one it sees the asker at, so nobody can have it knock
//! elsewhere; who asks too often is not heard. What peers say is a word about this node's firewall and changes nothing else:
//! no address is told to others on it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libp2p::swarm::{FromSwarm, THandlerInEvent, THandlerOutEvent, ToSwarm};
use libp2p::{Multiaddr, PeerId, autonat};

use crate::budget::{Budget, Rate, make_room};
use crate::config::Tries;
use crate::guarded::{Guard, Guarded};
use crate::metrics::{Drops, Kind};

/// What one peer may have this node try.
const TRIES: Rate = Rate { burst: 4.0, per_second: 1.0 / 30.0 };
/// What it may ask beyond that, unheard; a peer that goes on is at fault.
const EXCESS: Rate = Rate { burst: 256.0, per_second: 8.0 };
/// Most peers remembered.
const MOST_PEERS: usize = 2048;
/// Tries in a row that have to fail: the first, and as many as say the same.
const AGREE: usize = 2;
const PATIENCE: Duration = Duration::from_secs(15);
/// Addresses of one asker that are tried, one after the other: all are at the one IP address that it is seen at, so these are ports.
const MOST_ADDRESSES: usize = 4;
/// Tries that are begun within [`PERIOD`], for everybody together: even where each lasts as long as a dial can, they leave most of
/// the places for dials to this node itself.
const MOST_AT_ONCE: usize = 6;
const PERIOD: Duration = Duration::from_secs(10);
/// Between two tries of a node that knows how it stands, in those of one that does not.
const SELDOM: u32 = 10;

type Inner = autonat::Behaviour;
/// AutoNAT behind what each peer may ask.
pub(crate) type Tester = Guarded<Inner, Callers>;

/// What peers that tried to open a connection to this node have found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Outside {
    /// Nobody could try, or they do not agree.
    #[default]
    Unknown,
    /// It can be reached.
    Reached,
    /// Three in a row did not get through.
    Closed,
}

/// The tester of a node whose operator has named the addresses `external`.
pub(crate) fn tester(local: PeerId, tries: Tries, external: &[Multiaddr], drops: Drops) -> Tester {
    let config = autonat::Config {
        timeout: PATIENCE,
        boot_delay: tries.first,
        retry_interval: tries.again,
        refresh_interval: tries.again * SELDOM,
        throttle_server_period: tries.again,
        use_connected: true,
        confidence_max: AGREE,
        max_peer_addresses: MOST_ADDRESSES,
        throttle_clients_global_max: MOST_AT_ONCE,
        throttle_clients_peer_max: 2,
        throttle_clients_period: PERIOD,
        only_global_ips: !tries.everywhere,
    };
    let mut inner = Inner::new(local, config);
    external.iter().for_each(|address| inner.probe_address(address.clone()));
    Guarded { inner, guard: Callers::new(drops) }
}

/// How a node stands of which libp2p holds this to be so.
pub(crate) fn outside(status: &autonat::NatStatus, confidence: usize) -> Outside {
    match status {
        autonat::NatStatus::Public(_) => Outside::Reached,
        autonat::NatStatus::Private if confidence >= AGREE => Outside::Closed,
        autonat::NatStatus::Private | autonat::NatStatus::Unknown => Outside::Unknown,
    }
}

/// In front of AutoNAT: who may have this node try, and what it may not learn or change.
pub(crate) struct Callers {
    /// What each peer may ask, and what it may ask in vain.
    budgets: BTreeMap<PeerId, (Budget, Budget)>,
    drops: Drops,
    floods: BTreeMap<PeerId, u32>,
}

impl Callers {
    fn new(drops: Drops) -> Self {
        Self { budgets: BTreeMap::new(), drops, floods: BTreeMap::new() }
    }

    /// Who has flooded since this was asked last, and how often.
    pub(crate) fn take_floods(&mut self) -> BTreeMap<PeerId, u32> {
        std::mem::take(&mut self.floods)
    }

    fn charge(&mut self, peer: PeerId, now: Instant) -> bool {
        if !self.budgets.contains_key(&peer) {
            make_room(&mut self.budgets, MOST_PEERS, |(tries, excess)| {
                (tries.left(TRIES, now) / TRIES.burst).min(excess.left(EXCESS, now) / EXCESS.burst)
            });
        }
        let full = || (Budget::full(TRIES, now), Budget::full(EXCESS, now));
        let (tries, excess) = self.budgets.entry(peer).or_insert_with(full);
        if tries.pay(1.0, TRIES, now) {
            return true;
        }
        self.drops.count(Kind::Try);
        if !excess.pay(1.0, EXCESS, now) {
            *excess = Budget::full(EXCESS, now);
            *self.floods.entry(peer).or_default() += 1;
        }
        false
    }
}

type FromPeer = THandlerOutEvent<Inner>;

impl Guard<Inner> for Callers {
    fn passes(&mut self, peer: PeerId, event: &mut FromPeer) -> bool {
        !matches!(event, FromPeer::Request { .. }) || self.charge(peer, Instant::now())
    }

    /// What peers say that they see this node at is theirs to make up, and as much as they like.
    fn hears(&self, event: &FromSwarm<'_>) -> bool {
        !matches!(event, FromSwarm::NewExternalAddrCandidate(_))
    }

    /// A peer's word for an address makes it none of this node's.
    fn lets(&self, action: &ToSwarm<autonat::Event, THandlerInEvent<Inner>>) -> bool {
        !matches!(action, ToSwarm::ExternalAddrConfirmed(_))
    }
}

#[cfg(test)]
mod tests;

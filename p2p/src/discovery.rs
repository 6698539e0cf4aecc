//! Finding peers: Kademlia as an address book, behind a guard.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libp2p::kad::store::{MemoryStore, MemoryStoreConfig};
use libp2p::swarm::THandlerOutEvent;
use libp2p::{Multiaddr, PeerId, StreamProtocol, kad};

use crate::budget::{Budget, Rate, make_room};
use crate::guarded::{Guard, Guarded};
use crate::metrics::{Drops, Kind};
use crate::reach::{Home, Transport};

/// Questions of one peer, and what it says of itself.
const LOOKUPS: Rate = Rate { burst: 64.0, per_second: 8.0 };
/// What it may send of that beyond what it may, unread; a peer that goes on is at fault.
const EXCESS: Rate = Rate { burst: 1024.0, per_second: 64.0 };
/// Most peers remembered.
const MOST_PEERS: usize = 2048;

type Inner = kad::Behaviour<MemoryStore>;
/// Kademlia behind the buckets of its peers.
pub(crate) type Kademlia = Guarded<Inner, Lookups>;

/// The Kademlia protocol name in the network `domain8`.
pub(crate) fn kademlia_name(domain8: &str) -> StreamProtocol {
    StreamProtocol::try_from_owned(format!("/kpr/{domain8}/kad/1")).expect("the name starts with a slash")
}

/// Kademlia as an address book: no records, no providers, and only peers that identified themselves in the table.
pub(crate) fn kademlia(local: PeerId, domain8: &str, drops: Drops) -> Kademlia {
    let mut config = kad::Config::new(kademlia_name(domain8));
    config
        .set_record_filtering(kad::StoreInserts::FilterBoth)
        .set_record_ttl(None)
        .set_replication_interval(None)
        .set_publication_interval(None)
        .set_provider_publication_interval(None)
        .set_caching(kad::Caching::Disabled)
        .set_kbucket_inserts(kad::BucketInserts::Manual)
        .set_periodic_bootstrap_interval(None)
        .set_query_timeout(Duration::from_secs(10))
        .disjoint_query_paths(true);
    let nothing =
        MemoryStoreConfig { max_records: 0, max_value_bytes: 0, max_provided_keys: 0, max_providers_per_key: 0 };
    let mut behaviour = kad::Behaviour::with_config(local, MemoryStore::with_config(local, nothing), config);
    behaviour.set_mode(Some(kad::Mode::Server));
    Guarded { inner: behaviour, guard: Lookups::new(drops) }
}

/// In front of Kademlia: what peers may ask, and which addresses it may dial that they tell of.
pub(crate) struct Lookups {
    pub(crate) home: Home,
    /// What is tried first where a peer may be reached either way.
    pub(crate) first: Transport,
    /// What each peer may ask, and what it may ask in vain.
    budgets: BTreeMap<PeerId, (Budget, Budget)>,
    drops: Drops,
    floods: BTreeMap<PeerId, u32>,
}

impl Lookups {
    fn new(drops: Drops) -> Self {
        Self { home: Home::default(), first: Transport::Quic, budgets: BTreeMap::new(), drops, floods: BTreeMap::new() }
    }

    /// Who has flooded since this was asked last, and how often.
    pub(crate) fn take_floods(&mut self) -> BTreeMap<PeerId, u32> {
        std::mem::take(&mut self.floods)
    }

    /// Charges a peer for a question, or for saying who it is; false when it does so too often.
    pub(crate) fn charge(&mut self, peer: PeerId, now: Instant) -> bool {
        let paid = self.account(peer, now).0.pay(1.0, LOOKUPS, now);
        if !paid {
            self.drop_one(peer, now);
        }
        paid
    }

    fn account(&mut self, peer: PeerId, now: Instant) -> &mut (Budget, Budget) {
        if !self.budgets.contains_key(&peer) {
            make_room(&mut self.budgets, MOST_PEERS, |(budget, excess)| {
                (budget.left(LOOKUPS, now) / LOOKUPS.burst).min(excess.left(EXCESS, now) / EXCESS.burst)
            });
        }
        self.budgets.entry(peer).or_insert_with(|| (Budget::full(LOOKUPS, now), Budget::full(EXCESS, now)))
    }

    fn drop_one(&mut self, peer: PeerId, now: Instant) {
        self.drops.count(Kind::Lookup);
        let excess = &mut self.account(peer, now).1;
        if !excess.pay(1.0, EXCESS, now) {
            *excess = Budget::full(EXCESS, now);
            *self.floods.entry(peer).or_default() += 1;
        }
    }
}

type FromPeer = THandlerOutEvent<Inner>;

impl Guard<Inner> for Lookups {
    fn passes(&mut self, peer: PeerId, event: &mut FromPeer) -> bool {
        match event {
            FromPeer::FindNodeReq { .. } => self.charge(peer, Instant::now()),
            // This is no store.
            FromPeer::GetProvidersReq { .. }
            | FromPeer::AddProvider { .. }
            | FromPeer::GetRecord { .. }
            | FromPeer::PutRecord { .. } => {
                self.drop_one(peer, Instant::now());
                false
            }
            _ => true,
        }
    }

    fn may_dial(&self, address: &Multiaddr) -> bool {
        self.home.trusts(address)
    }

    fn rank(&self, address: &Multiaddr) -> u8 {
        u8::from(Transport::of(address) != Some(self.first))
    }
}

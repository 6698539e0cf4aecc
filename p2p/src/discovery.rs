//! Finding peers: Kademlia as an address book, behind a guard.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libp2p::kad::store::{MemoryStore, MemoryStoreConfig};
use libp2p::swarm::THandlerOutEvent;
use libp2p::{Multiaddr, PeerId, StreamProtocol, kad};

use crate::budget::{Budget, Rate, make_room};
use crate::guarded::{Guard, Guarded};
use crate::metrics::{Drops, Kind};
use crate::reach::Home;

/// Questions of one peer, and what it says of itself.
const LOOKUPS: Rate = Rate { burst: 64.0, per_second: 8.0 };
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
    Guarded { inner: behaviour, guard: Lookups { home: Home::default(), budgets: BTreeMap::new(), drops } }
}

/// In front of Kademlia: what peers may ask, and which addresses it may dial that they tell of.
pub(crate) struct Lookups {
    pub(crate) home: Home,
    budgets: BTreeMap<PeerId, Budget>,
    drops: Drops,
}

impl Lookups {
    /// Charges a peer for a question, or for saying who it is; false when it does so too often.
    pub(crate) fn charge(&mut self, peer: PeerId, now: Instant) -> bool {
        if !self.budgets.contains_key(&peer) {
            make_room(&mut self.budgets, MOST_PEERS, |budget| budget.left(LOOKUPS, now) / LOOKUPS.burst);
        }
        let paid = self.budgets.entry(peer).or_insert_with(|| Budget::full(LOOKUPS, now)).pay(1.0, LOOKUPS, now);
        if !paid {
            self.drops.count(Kind::Lookup);
        }
        paid
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
                self.drops.count(Kind::Lookup);
                false
            }
            _ => true,
        }
    }

    fn may_dial(&self, address: &Multiaddr) -> bool {
        self.home.trusts(address)
    }
}

use std::time::{Duration, Instant};

use libp2p::autonat::NatStatus;
use libp2p::swarm::behaviour::NewExternalAddrCandidate;
use libp2p::swarm::{FromSwarm, ToSwarm};
use libp2p::{Multiaddr, PeerId};

use super::{Callers, MOST_PEERS, Outside, outside};
use crate::guarded::Guard;
use crate::metrics::Drops;

fn address() -> Multiaddr {
    "/ip4/203.0.113.7/udp/7419/quic-v1".parse().expect("well formed")
}

#[test]
fn one_word_makes_no_node_closed() {
    let reached = NatStatus::Public(address());
    assert_eq!(outside(&NatStatus::Unknown, 0), Outside::Unknown);
    assert_eq!(
        [0, 1, 2].map(|agree| outside(&NatStatus::Private, agree)),
        [Outside::Unknown, Outside::Unknown, Outside::Closed]
    );
    assert_eq!(outside(&reached, 0), Outside::Reached);
}

#[test]
fn who_asks_too_often_is_not_heard_and_then_at_fault() {
    let (mut callers, now, peer) = (Callers::new(Drops::default()), Instant::now(), PeerId::random());
    let heard =
        |callers: &mut Callers, peer, times: usize, now| (0..times).filter(|_| callers.charge(peer, now)).count();
    assert_eq!(heard(&mut callers, peer, 100, now), 4);
    assert_eq!(heard(&mut callers, peer, 100, now + Duration::from_secs(60)), 2);
    assert!(callers.take_floods().is_empty(), "no load explains more, but this one may be");
    assert_eq!(heard(&mut callers, peer, 1000, now), 0);
    assert!(callers.take_floods()[&peer] >= 1);
    assert_eq!(heard(&mut callers, PeerId::random(), 1, now), 1, "and the others as before");
    for _ in 0..2 * MOST_PEERS {
        callers.charge(PeerId::random(), now);
    }
    assert!(callers.budgets.len() <= MOST_PEERS);
}

#[test]
fn a_peers_word_for_an_address_goes_nowhere() {
    let (callers, made_up) = (Callers::new(Drops::default()), address());
    assert!(!callers.hears(&FromSwarm::NewExternalAddrCandidate(NewExternalAddrCandidate { addr: &made_up })));
    assert!(!callers.lets(&ToSwarm::ExternalAddrConfirmed(made_up)));
}

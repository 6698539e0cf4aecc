use std::time::Instant;

use libp2p::PeerId;
use libp2p::swarm::ConnectionId;

use super::{Direction, Life, Peers};

fn with_peer() -> (Peers, PeerId, Instant) {
    let (mut peers, peer, now) = (Peers::default(), PeerId::random(), Instant::now());
    let address = "/ip4/127.0.0.1/tcp/1".parse().expect("well formed");
    assert!(peers.opened(peer, ConnectionId::new_unchecked(1), address, Direction::Inbound, now));
    (peers, peer, now)
}

#[test]
fn first_and_last_connection_are_told() {
    let (mut peers, peer, now) = with_peer();
    let address = "/ip4/127.0.0.1/tcp/2".parse().expect("well formed");
    assert!(!peers.opened(peer, ConnectionId::new_unchecked(2), address, Direction::Outbound, now));
    assert_eq!(peers.summaries()[0].addresses.len(), 2);
    assert!(!peers.closed(&peer, ConnectionId::new_unchecked(1)));
    assert!(peers.is_connected(&peer));
    assert!(peers.closed(&peer, ConnectionId::new_unchecked(2)));
    assert!(!peers.is_connected(&peer));
    assert!(!peers.closed(&peer, ConnectionId::new_unchecked(2)), "closing twice is no second goodbye");
}

#[test]
fn a_new_boot_nonce_is_a_restart_once() {
    let (mut peers, peer, _) = with_peer();
    assert_eq!(peers.identified(&peer, "keeper/0.1 aa"), Life::Same);
    assert_eq!(peers.identified(&peer, "keeper/0.1 aa"), Life::Same);
    assert_eq!(peers.identified(&peer, "keeper/0.1 bb"), Life::Restarted);
    assert_eq!(peers.identified(&peer, "keeper/0.1 bb"), Life::Same);
    assert_eq!(peers.summaries()[0].agent, "keeper/0.1");
}

#[test]
fn foreign_agents_are_cut_and_cleaned() {
    let (mut peers, peer, _) = with_peer();
    assert_eq!(peers.identified(&peer, &format!("\u{1b}[31m{}", "x".repeat(4096))), Life::Same);
    let agent = peers.summaries()[0].agent.clone();
    assert_eq!(agent.chars().count(), 64);
    assert!(!agent.contains('\u{1b}'));
}

#[test]
fn faults_outlive_connections_and_are_forgiven_one_by_one() {
    let (mut peers, peer, _) = with_peer();
    assert_eq!(peers.fault(peer), 1);
    assert!(peers.closed(&peer, ConnectionId::new_unchecked(1)));
    assert_eq!(peers.fault(peer), 2);
    assert_eq!(peers.faults(&peer), 2);
    assert_eq!(peers.forgive(), [peer]);
    assert_eq!(peers.faults(&peer), 1);
    assert_eq!(peers.forgive(), [peer]);
    assert_eq!(peers.faults(&peer), 0);
    assert!(peers.forgive().is_empty());
}

#[test]
fn remembered_faults_are_bounded() {
    let (mut peers, worst) = (Peers::default(), PeerId::random());
    for _ in 0..19 {
        peers.fault(worst);
    }
    for _ in 0..3000 {
        assert_eq!(peers.fault(PeerId::random()), 1);
    }
    assert_eq!(peers.faults(&worst), 19, "nobody is forgotten for the faults of others");
    let newest = PeerId::random();
    assert_eq!((peers.fault(newest), peers.fault(newest)), (1, 2), "a full list takes new faults in");
    assert_eq!(peers.forgive().len(), 1024);
}

use libp2p::core::{ConnectedPoint, Endpoint};
use libp2p::swarm::behaviour::{ConnectionEstablished, ListenFailure};
use libp2p::swarm::{ConnectionId, FromSwarm, ListenError, NetworkBehaviour};
use libp2p::{Multiaddr, PeerId};

use super::{CONNECTIONS_PER_PEER, Gate, MOST_PENDING_HERE, MOST_PENDING_INBOUND, PLACES_OF_KNOWN};
use crate::admission::Refusal;
use crate::config::Config;
use crate::metrics::Refusals;

fn address(text: &str) -> Multiaddr {
    text.parse().expect("well formed")
}

struct Fixture {
    gate: Gate,
    next: usize,
}

impl Fixture {
    fn new(config: &Config) -> Self {
        Self { gate: Gate::new(config, Refusals::default()), next: 0 }
    }

    fn id(&mut self) -> ConnectionId {
        self.next += 1;
        ConnectionId::new_unchecked(self.next)
    }

    /// Somebody connects from `from`; what the gate says, before or after the handshake.
    fn connect(&mut self, peer: PeerId, from: &str) -> Result<ConnectionId, Refusal> {
        let (id, local, remote) = (self.id(), address("/ip4/198.51.100.1/tcp/7419"), address(from));
        let refusal =
            |denied: libp2p::swarm::ConnectionDenied| denied.downcast::<Refusal>().expect("a refusal of ours");
        self.gate.handle_pending_inbound_connection(id, &local, &remote).map_err(refusal)?;
        self.gate.handle_established_inbound_connection(id, peer, &local, &remote).map_err(refusal)?;
        let endpoint = ConnectedPoint::Listener { local_addr: local, send_back_addr: remote };
        self.gate.on_swarm_event(FromSwarm::ConnectionEstablished(ConnectionEstablished {
            peer_id: peer,
            connection_id: id,
            endpoint: &endpoint,
            failed_addresses: &[],
            other_established: 0,
        }));
        Ok(id)
    }
}

const ELSEWHERE: &str = "/ip4/203.0.113.7/tcp/999";
const HERE: &str = "/ip4/127.0.0.1/tcp/999";

#[test]
fn strangers_use_up_their_address_and_operators_do_not() {
    let mut fixture = Fixture::new(&Config { max_peers: 64, ..Config::default() });
    let operators: Vec<PeerId> = (0..30).map(|_| PeerId::random()).collect();
    fixture.gate.admit(operators.iter().copied().collect(), std::time::Instant::now());
    for operator in operators {
        fixture.connect(operator, ELSEWHERE).expect("admitted, however many share the address");
    }
    let refused: Vec<Refusal> =
        (0..8).map(|_| fixture.connect(PeerId::random(), ELSEWHERE).expect_err("a stranger")).collect();
    assert_eq!(refused[..5], [Refusal::Stranger; 5]);
    assert_eq!(refused[5..], [Refusal::Rate; 3], "refused before the handshake");
    let own: Vec<Refusal> = (0..8).map(|_| fixture.connect(PeerId::random(), HERE).expect_err("a stranger")).collect();
    assert_eq!(own, [Refusal::Stranger; 8], "this machine has no rate");
}

#[test]
fn one_peer_gets_three_connections_and_its_closed_ones_do_not_count() {
    let mut fixture = Fixture::new(&Config::default());
    let operator = PeerId::random();
    fixture.gate.admit([operator].into(), std::time::Instant::now());
    let mut open: Vec<ConnectionId> =
        (0..CONNECTIONS_PER_PEER).map(|_| fixture.connect(operator, ELSEWHERE).expect("admitted")).collect();
    assert_eq!(fixture.connect(operator, ELSEWHERE), Err(Refusal::PerPeer));
    fixture.gate.closed(operator, open.pop().expect("three"));
    open.push(fixture.connect(operator, ELSEWHERE).expect("admitted again"));
    for id in open {
        fixture.gate.closed(operator, id);
        fixture.gate.closed(operator, id);
    }
    assert!(fixture.gate.established.is_empty(), "nothing is kept of a peer that has gone");
    assert_eq!((fixture.gate.inbound, fixture.gate.outbound), (0, 0));
}

#[test]
fn handshakes_under_way_are_bounded_for_each_address_and_failed_ones_make_room() {
    let mut fixture = Fixture::new(&Config::default());
    let local = address("/ip4/127.0.0.1/tcp/1");
    let mut pending = Vec::new();
    let mut open = |fixture: &mut Fixture, from: &str| {
        let id = fixture.id();
        let opened = fixture.gate.handle_pending_inbound_connection(id, &local, &address(from));
        pending.extend(opened.is_ok().then_some((id, address(from))));
        opened.is_ok()
    };
    let mut many = |fixture: &mut Fixture, from: &str| (0..100).filter(|_| open(fixture, from)).count();
    assert_eq!(many(&mut fixture, "/ip4/127.0.0.2/tcp/2"), MOST_PENDING_HERE, "nobody on this machine takes all");
    assert_eq!(many(&mut fixture, "/ip4/203.0.113.7/tcp/2"), 5, "its rate is lower still");
    let mut more = 0;
    for number in 0..100 {
        more += many(&mut fixture, &format!("/ip4/198.51.100.{number}/tcp/2"));
        more += many(&mut fixture, &format!("/ip6/2001:db8:0:{number}::1/tcp/2"));
    }
    assert_eq!(more, MOST_PENDING_INBOUND - PLACES_OF_KNOWN - MOST_PENDING_HERE - 5, "a few places are kept");
    assert_eq!(fixture.connect(PeerId::random(), HERE), Err(Refusal::Full));
    let (id, remote) = pending[0].clone();
    fixture.gate.on_swarm_event(FromSwarm::ListenFailure(ListenFailure {
        local_addr: &address("/ip4/127.0.0.1/tcp/1"),
        send_back_addr: &remote,
        error: &ListenError::Aborted,
        connection_id: id,
        peer_id: None,
    }));
    assert_eq!(fixture.connect(PeerId::random(), HERE), Err(Refusal::Early));
}

#[test]
fn where_operators_came_from_there_is_room_whoever_else_knocks() {
    let mut fixture = Fixture::new(&Config::default());
    let (operator, local) = (PeerId::random(), address("/ip4/127.0.0.1/tcp/1"));
    fixture.gate.admit([operator].into(), std::time::Instant::now());
    let first = fixture.connect(operator, ELSEWHERE).expect("admitted");
    for number in 0..1000 {
        let (id, from) = (fixture.id(), address(&format!("/ip6/2001:db8:0:{number:x}::1/tcp/2")));
        let _ = fixture.gate.handle_pending_inbound_connection(id, &local, &from);
    }
    assert_eq!(fixture.connect(PeerId::random(), HERE), Err(Refusal::Full));
    fixture.gate.closed(operator, first);
    fixture.connect(operator, ELSEWHERE).expect("its address is known");
}

#[test]
fn an_operator_that_comes_again_and_again_uses_its_address_up() {
    let mut fixture = Fixture::new(&Config::default());
    let operator = PeerId::random();
    fixture.gate.admit([operator].into(), std::time::Instant::now());
    let mut came = 0;
    while let Ok(id) = fixture.connect(operator, ELSEWHERE) {
        fixture.gate.closed(operator, id);
        came += 1;
    }
    assert_eq!(came, 15, "ten of its own, and the five that everybody has");
    assert_eq!(fixture.connect(operator, ELSEWHERE), Err(Refusal::Rate));
    fixture.connect(operator, "/ip4/203.0.113.8/tcp/9").expect("another address");
}

#[test]
fn strangers_of_one_address_cannot_fill_a_bootnode_and_a_full_one_is_crowded() {
    let mut fixture = Fixture::new(&Config { role: crate::Role::Bootnode, ..Config::default() });
    let held = |fixture: &mut Fixture, from: &str| {
        // Opened long ago, as far as the rate of new connections is concerned.
        fixture.gate.rates = crate::rates::Rates::default();
        fixture.connect(PeerId::random(), from)
    };
    let one: Vec<_> = (0..130).map(|_| held(&mut fixture, ELSEWHERE)).collect();
    assert_eq!(one.iter().filter(|opened| opened.is_ok()).count(), 128);
    assert_eq!(one.last(), Some(&Err(Refusal::PerAddress)));
    assert_eq!(fixture.gate.crowd(), 0);
    for number in 0..800 {
        held(&mut fixture, &format!("/ip6/2001:db8:0:{number:x}::1/tcp/2")).expect("room");
    }
    assert_eq!(fixture.gate.crowd(), 928 - 896);
}

#[test]
fn strangers_are_not_dialled() {
    let mut fixture = Fixture::new(&Config::default());
    let (operator, stranger, id) = (PeerId::random(), PeerId::random(), fixture.id());
    fixture.gate.admit([operator].into(), std::time::Instant::now());
    let mut dial = |peer| {
        let dialled = fixture.gate.handle_pending_outbound_connection(id, Some(peer), &[], Endpoint::Dialer);
        dialled.map_err(|denied| denied.downcast::<Refusal>().expect("a refusal of ours"))
    };
    assert_eq!(dial(operator), Ok(Vec::new()));
    assert_eq!(dial(stranger), Err(Refusal::Stranger));
}

#[test]
fn a_node_takes_only_so_many_connections() {
    let mut fixture = Fixture::new(&Config { max_peers: 2, ..Config::default() });
    let operators: Vec<PeerId> = (0..100).map(|_| PeerId::random()).collect();
    fixture.gate.admit(operators.iter().copied().collect(), std::time::Instant::now());
    let refused: Vec<Refusal> =
        operators.iter().filter_map(|operator| fixture.connect(*operator, HERE).err()).collect();
    assert_eq!(refused, [Refusal::Full; 33], "room for 2 peers, half as many again, and 64");
}

const QUIC_ELSEWHERE: &str = "/ip4/203.0.113.7/udp/999/quic-v1";

/// Whoever sends UDP may write any address as its own: that must not shut its owner out.
#[test]
fn false_addresses_over_quic_shut_nobody_out_of_tcp() {
    let mut fixture = Fixture::new(&Config::default());
    let (operator, local) = (PeerId::random(), address("/ip4/198.51.100.1/udp/7419/quic-v1"));
    fixture.gate.admit([operator].into(), std::time::Instant::now());
    let knock = |fixture: &mut Fixture, from: &str| {
        let id = fixture.id();
        fixture.gate.handle_pending_inbound_connection(id, &local, &address(from)).is_ok()
    };
    assert_eq!((0..100).filter(|_| knock(&mut fixture, QUIC_ELSEWHERE)).count(), 5, "as over TCP");
    let mut more = 0;
    for number in 0..1000 {
        more += usize::from(knock(&mut fixture, &format!("/ip6/2001:db8:0:{number:x}::1/udp/2/quic-v1")));
    }
    assert_eq!(more + 5, super::MOST_PENDING_QUIC, "half of the places");
    assert_eq!(fixture.connect(PeerId::random(), QUIC_ELSEWHERE), Err(Refusal::Full));
    assert_eq!(fixture.connect(PeerId::random(), ELSEWHERE), Err(Refusal::Stranger), "let in as far as the handshake");
    fixture.connect(operator, ELSEWHERE).expect("its address has not been charged over TCP");
}

/// Links are counted together: after its handshake, an address is the sender's own.
#[test]
fn three_connections_of_a_peer_are_three_over_whatever_they_come() {
    let mut fixture = Fixture::new(&Config::default());
    let operator = PeerId::random();
    fixture.gate.admit([operator].into(), std::time::Instant::now());
    for from in [ELSEWHERE, QUIC_ELSEWHERE, QUIC_ELSEWHERE] {
        fixture.connect(operator, from).expect("admitted");
    }
    for from in [ELSEWHERE, QUIC_ELSEWHERE] {
        assert_eq!(fixture.connect(operator, from), Err(Refusal::PerPeer));
    }
}

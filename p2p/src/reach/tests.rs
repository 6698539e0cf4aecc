use libp2p::{Multiaddr, PeerId};

use super::{Home, Transport, hearsay, own_word, worth_telling};

fn address(text: &str) -> Multiaddr {
    text.parse().expect("well formed")
}

fn addresses(texts: &[&str]) -> Vec<Multiaddr> {
    texts.iter().map(|text| address(text)).collect()
}

fn claimed() -> Vec<Multiaddr> {
    addresses(&[
        "/ip4/127.0.0.1/tcp/1",
        "/ip4/10.0.0.7/tcp/2",
        "/ip4/203.0.113.7/tcp/3",
        "/ip6/2001:db8::4/tcp/4",
        "/ip6/::1/tcp/5",
        "/ip6/fd00::1/tcp/6",
        "/ip6/::ffff:127.0.0.1/tcp/7",
        "/ip4/100.64.0.1/tcp/8",
    ])
}

#[test]
fn a_peers_own_addresses_reach_at_least_as_far_as_its_connection() {
    let claimed = claimed();
    let over = |text: &str| own_word(&claimed, Some(&address(text)));
    assert_eq!(over("/ip4/127.0.0.1/tcp/999"), claimed);
    assert_eq!(over("/ip4/192.168.1.1/tcp/999"), [&claimed[1..4], &claimed[5..6], &claimed[7..]].concat());
    assert_eq!(over("/ip4/198.51.100.1/tcp/999"), claimed[2..4]);
}

#[test]
fn hearsay_of_private_addresses_counts_only_where_this_node_lives() {
    let claimed = claimed();
    let heard = |listens: &[&str], named: &[&str]| {
        let (mut home, mut operator) = (Home::default(), Home::default());
        named.iter().for_each(|text| operator.add(&address(text)));
        home.listens(&addresses(listens), &operator);
        hearsay(&claimed, &home)
    };
    let world = &claimed[2..4];
    assert_eq!(heard(&["/ip4/198.51.100.1/tcp/1"], &[]), world);
    assert_eq!(heard(&["/ip4/198.51.100.1/tcp/1", "/ip4/127.0.0.1/tcp/1"], &[]), world, "every machine has loopback");
    assert_eq!(heard(&["/ip4/127.0.0.1/tcp/1", "/ip4/192.168.1.5/tcp/1"], &[]), world, "another site");
    assert_eq!(heard(&["/ip4/127.0.0.1/tcp/1", "/ip4/10.9.9.9/tcp/1"], &[]), claimed[1..4]);
    let local = [&claimed[..1], world, &claimed[4..5], &claimed[6..7]].concat();
    assert_eq!(heard(&["/ip4/127.0.0.1/tcp/1"], &[]), local, "a network on one machine");
    assert_eq!(heard(&["/ip4/198.51.100.1/tcp/1"], &["/ip4/127.0.0.1/tcp/9"]), local, "its operator named one here");
    assert_eq!(heard(&["/ip4/100.99.1.1/tcp/1"], &[]), [world, &claimed[7..]].concat());
}

#[test]
fn unusable_addresses_are_left_out() {
    let peer = PeerId::random();
    let with_peer = format!("/ip4/127.0.0.1/tcp/1/p2p/{peer}");
    let circuit = format!("/ip4/127.0.0.1/tcp/1/p2p/{peer}/p2p-circuit");
    let claimed = addresses(&[
        "/dns4/rebind.example/tcp/6379",
        "/dns/rebind.example/tcp/6379",
        &with_peer,
        "/ip4/127.0.0.1/tcp/1",
        &circuit,
        "/ip4/0.0.0.0/tcp/1",
        "/ip4/127.0.0.1/tcp/0",
        "/ip4/127.0.0.1/udp/1/quic-v1",
        "/ip4/127.0.0.1/udp/0/quic-v1",
        "/ip4/127.0.0.1/udp/1",
        "/ip4/127.0.0.1/udp/1/quic",
        "/ip4/127.0.0.1/udp/1/quic-v1/webtransport",
        "/ip4/127.0.0.1/tcp/1/ws",
        "/dns4/rebind.example/udp/1/quic-v1",
        "/ip4/224.0.0.1/tcp/1",
        "/memory/5",
    ]);
    let here = address("/ip4/127.0.0.1/tcp/9");
    let usable = addresses(&["/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/udp/1/quic-v1"]);
    assert_eq!(own_word(&claimed, Some(&here)), usable);
    let many: Vec<Multiaddr> = (1..500).map(|port| address(&format!("/ip4/127.0.0.1/tcp/{port}"))).collect();
    assert_eq!(own_word(&many, Some(&here)).len(), 8);
}

#[test]
fn what_is_told_reaches_far_and_is_bounded() {
    let known = claimed();
    let far = [&known[2..4], &known[5..6], &known[7..], &known[1..2]].concat();
    assert_eq!(worth_telling(&known), far);
    let here = addresses(&["/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/0"]);
    assert_eq!(worth_telling(&here), here[..1], "a network on one machine");
    let many: Vec<Multiaddr> = (1..500).map(|port| address(&format!("/ip4/203.0.113.7/tcp/{port}"))).collect();
    assert_eq!(worth_telling(&many), many[..8]);
}

#[test]
fn a_transport_is_read_from_addresses_of_every_sort() {
    let peer = PeerId::random();
    for (text, transport) in [
        ("/ip4/203.0.113.7/tcp/1".to_owned(), Some(Transport::Tcp)),
        (format!("/dns4/boot.example/tcp/1/p2p/{peer}"), Some(Transport::Tcp)),
        ("/ip6/2001:db8::1/udp/1/quic-v1".to_owned(), Some(Transport::Quic)),
        (format!("/dns/boot.example/udp/1/quic-v1/p2p/{peer}"), Some(Transport::Quic)),
        ("/ip4/203.0.113.7/udp/1".to_owned(), None),
        ("/ip4/203.0.113.7/udp/1/quic-v1/webtransport".to_owned(), None),
        ("/ip4/203.0.113.7/tcp/1/ws".to_owned(), None),
        (format!("/ip4/203.0.113.7/tcp/1/p2p/{peer}/p2p-circuit"), None),
        (format!("/dnsaddr/boot.example/p2p/{peer}"), None),
        ("/ip4/203.0.113.7".to_owned(), None),
    ] {
        assert_eq!(Transport::of(&address(&text)), transport, "{text}");
    }
}

/// Private addresses are refused over QUIC as over TCP.
#[test]
fn hearsay_over_quic_is_trusted_no_further() {
    let claimed =
        addresses(&["/ip4/10.0.0.7/udp/2/quic-v1", "/ip4/203.0.113.7/udp/3/quic-v1", "/ip6/::1/udp/5/quic-v1"]);
    assert_eq!(hearsay(&claimed, &Home::default()), claimed[1..2]);
    assert_eq!(own_word(&claimed, Some(&address("/ip4/198.51.100.1/udp/9/quic-v1"))), claimed[1..2]);
}

#[test]
fn both_transports_are_told_however_many_addresses_there_are() {
    let known: Vec<Multiaddr> = (1..=9)
        .map(|host| address(&format!("/ip4/203.0.113.{host}/tcp/7419")))
        .chain((1..=9).map(|host| address(&format!("/ip4/203.0.113.{host}/udp/7419/quic-v1"))))
        .collect();
    let told = worth_telling(&known);
    let count = |transport| told.iter().filter(|address| Transport::of(address) == Some(transport)).count();
    assert_eq!((told.len(), count(Transport::Tcp), count(Transport::Quic)), (8, 4, 4));
    assert!(told.contains(&known[0]) && told.contains(&known[9]), "{told:?}");
}

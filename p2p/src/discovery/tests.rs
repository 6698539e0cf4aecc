use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId};

use super::{AddressBook, MOST_FAILURES, MOST_PEERS, backoff, usable};

fn address(text: &str) -> Multiaddr {
    text.parse().expect("well formed")
}

fn addresses(texts: &[&str]) -> Vec<Multiaddr> {
    texts.iter().map(|text| address(text)).collect()
}

#[test]
fn addresses_reach_at_least_as_far_as_the_connection() {
    let claimed = addresses(&[
        "/ip4/127.0.0.1/tcp/1",
        "/ip4/10.0.0.7/tcp/2",
        "/ip4/203.0.113.7/tcp/3",
        "/dns4/keeper.example/tcp/4",
        "/ip6/::1/tcp/5",
        "/ip6/fd00::1/tcp/6",
        "/ip6/::ffff:127.0.0.1/tcp/7",
    ]);
    let over = |text: &str| usable(&claimed, Some(&address(text)));
    assert_eq!(over("/ip4/127.0.0.1/tcp/999"), claimed);
    assert_eq!(over("/ip4/192.168.1.1/tcp/999"), [&claimed[1..4], &claimed[5..6]].concat());
    assert_eq!(over("/ip4/198.51.100.1/tcp/999"), claimed[2..4]);
}

#[test]
fn unusable_addresses_are_left_out() {
    let peer = PeerId::random();
    let with_peer = format!("/ip4/127.0.0.1/tcp/1/p2p/{peer}");
    let circuit = format!("/ip4/127.0.0.1/tcp/1/p2p/{peer}/p2p-circuit");
    let claimed = addresses(&[
        &with_peer,
        "/ip4/127.0.0.1/tcp/1",
        &circuit,
        "/ip4/0.0.0.0/tcp/1",
        "/ip4/127.0.0.1/tcp/0",
        "/ip4/127.0.0.1/udp/1/quic-v1",
        "/ip4/224.0.0.1/tcp/1",
        "/memory/5",
    ]);
    assert_eq!(usable(&claimed, None), addresses(&["/ip4/127.0.0.1/tcp/1"]));
    let many: Vec<Multiaddr> = (1..500).map(|port| address(&format!("/ip4/127.0.0.1/tcp/{port}"))).collect();
    assert_eq!(usable(&many, None).len(), 8);
}

#[test]
fn backoff_doubles_to_half_a_minute() {
    let seconds: Vec<u64> = (1..9).map(|failures| backoff(failures).as_secs()).collect();
    assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30, 30]);
    assert_eq!(backoff(u32::MAX).as_secs(), 30);
}

#[test]
fn pinned_peers_are_dialled_for_ever_and_others_forgotten() {
    let (mut book, mut now) = (AddressBook::new(PeerId::random()), Instant::now());
    let (pinned, other) = (PeerId::random(), PeerId::random());
    book.pin(pinned, address("/ip4/127.0.0.1/tcp/1"), now);
    book.hear(other, &addresses(&["/ip4/127.0.0.1/tcp/2"]), now);
    for _ in 0..MOST_FAILURES {
        now += Duration::from_secs(31);
        assert_eq!(book.due(now, 10, |_| false).len(), 2);
        assert!(book.failed(&other, now).is_none());
        let (failed, wait) = book.failed(&pinned, now).expect("pinned");
        assert_eq!(failed, addresses(&["/ip4/127.0.0.1/tcp/1"]));
        assert!(wait <= Duration::from_secs(30));
    }
    now += Duration::from_secs(31);
    let due = book.due(now, 10, |_| false);
    assert_eq!(due.iter().map(|(peer, _)| *peer).collect::<Vec<_>>(), [pinned]);
}

#[test]
fn nobody_is_dialled_twice_at_once_or_while_connected() {
    let (mut book, now) = (AddressBook::new(PeerId::random()), Instant::now());
    let peer = PeerId::random();
    book.hear(peer, &addresses(&["/ip4/127.0.0.1/tcp/2"]), now);
    assert!(book.due(now, 1, |_| true).is_empty());
    assert_eq!(book.due(now, 1, |_| false).len(), 1);
    assert!(book.due(now, 1, |_| false).is_empty());
}

#[test]
fn room_counts_for_all_but_pinned_peers() {
    let (mut book, now) = (AddressBook::new(PeerId::random()), Instant::now());
    for port in 1..10 {
        book.hear(PeerId::random(), &addresses(&[&format!("/ip4/127.0.0.1/tcp/{port}")]), now);
    }
    book.pin(PeerId::random(), address("/ip4/127.0.0.1/tcp/99"), now);
    assert_eq!(book.due(now, 3, |_| false).len(), 4);
}

#[test]
fn one_side_redials_at_once_and_the_other_a_second_later() {
    let (first, second) = (PeerId::random(), PeerId::random());
    let now = Instant::now();
    let at_once = |local: PeerId, remote: PeerId| {
        let mut book = AddressBook::new(local);
        book.learn(remote, &addresses(&["/ip4/127.0.0.1/tcp/2"]), now);
        book.disconnected(&remote, now);
        let at_once = !book.due(now, 1, |_| false).is_empty();
        assert!(at_once || !book.due(now + Duration::from_secs(1), 1, |_| false).is_empty());
        at_once
    };
    assert_ne!(at_once(first, second), at_once(second, first));
}

#[test]
fn a_peers_own_word_replaces_hearsay_but_not_the_operators() {
    let (mut book, now) = (AddressBook::new(PeerId::random()), Instant::now());
    let peer = PeerId::random();
    book.hear(peer, &addresses(&["/ip4/127.0.0.1/tcp/1"]), now);
    assert!(book.learn(peer, &addresses(&["/ip4/127.0.0.1/tcp/2"]), now));
    assert!(!book.learn(peer, &addresses(&["/ip4/127.0.0.1/tcp/2"]), now), "nothing new");
    book.hear(peer, &addresses(&["/ip4/127.0.0.1/tcp/3"]), now);
    assert_eq!(book.due(now, 1, |_| false)[0].1, addresses(&["/ip4/127.0.0.1/tcp/2"]));
    let pinned = PeerId::random();
    book.pin(pinned, address("/ip4/127.0.0.1/tcp/4"), now);
    assert!(book.learn(pinned, &addresses(&["/ip4/127.0.0.1/tcp/5"]), now));
    let due = book.due(now, 0, |_| false);
    assert_eq!(due[0].1, addresses(&["/ip4/127.0.0.1/tcp/4", "/ip4/127.0.0.1/tcp/5"]));
}

#[test]
fn the_book_is_bounded_and_never_holds_oneself() {
    let local = PeerId::random();
    let (mut book, now) = (AddressBook::new(local), Instant::now());
    book.pin(local, address("/ip4/127.0.0.1/tcp/1"), now);
    book.hear(local, &addresses(&["/ip4/127.0.0.1/tcp/1"]), now);
    assert!(!book.learn(local, &addresses(&["/ip4/127.0.0.1/tcp/1"]), now));
    assert!(book.due(now, 10, |_| false).is_empty());
    let claimed = addresses(&["/ip4/127.0.0.1/tcp/1"]);
    let known: Vec<PeerId> = (0..MOST_PEERS + 100).map(|_| PeerId::random()).collect();
    known.iter().for_each(|peer| book.hear(*peer, &claimed, now));
    assert_eq!(book.entries.len(), MOST_PEERS);
    book.failed(&known[3], now);
    let newcomer = PeerId::random();
    book.hear(newcomer, &claimed, now);
    assert!(book.entries.contains_key(&newcomer) && !book.entries.contains_key(&known[3]));
    assert_eq!(book.entries.len(), MOST_PEERS);
}

use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId};

use super::{AddressBook, LONG_BACKOFF, MOST_FAILURES, MOST_PEERS, backoff};
use crate::reach::Transport;

fn address(text: &str) -> Multiaddr {
    text.parse().expect("well formed")
}

fn addresses(texts: &[&str]) -> Vec<Multiaddr> {
    texts.iter().map(|text| address(text)).collect()
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
    book.pin(pinned, &address("/ip4/127.0.0.1/tcp/1"), now);
    book.hear(other, &addresses(&["/ip4/127.0.0.1/tcp/2"]), now);
    for _ in 0..MOST_FAILURES {
        now += Duration::from_secs(31);
        assert_eq!(book.due(now, 10, |_| false).len(), 2);
        assert!(book.failed(&other, &[], now).is_none());
        let (failed, wait) = book.failed(&pinned, &[], now).expect("pinned");
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
    book.pin(PeerId::random(), &address("/ip4/127.0.0.1/tcp/99"), now);
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
    book.failed(&peer, &addresses(&["/ip4/127.0.0.1/tcp/2"]), now);
    let later = now + Duration::from_secs(20);
    assert_eq!(book.due(later, 1, |_| false)[0].1, addresses(&["/ip4/127.0.0.1/tcp/3"]), "hearsay comes after");
    let pinned = PeerId::random();
    book.pin(pinned, &address("/ip4/127.0.0.1/tcp/4"), now);
    assert!(book.learn(pinned, &addresses(&["/ip4/127.0.0.1/tcp/5"]), now));
    let due = book.due(now, 0, |_| false);
    assert_eq!(due[0].1, addresses(&["/ip4/127.0.0.1/tcp/4", "/ip4/127.0.0.1/tcp/5"]));
}

#[test]
fn the_book_is_bounded_and_never_holds_oneself() {
    let local = PeerId::random();
    let (mut book, now) = (AddressBook::new(local), Instant::now());
    book.pin(local, &address("/ip4/127.0.0.1/tcp/1"), now);
    book.hear(local, &addresses(&["/ip4/127.0.0.1/tcp/1"]), now);
    assert!(!book.learn(local, &addresses(&["/ip4/127.0.0.1/tcp/1"]), now));
    assert!(book.due(now, 10, |_| false).is_empty());
    let claimed = addresses(&["/ip4/127.0.0.1/tcp/1"]);
    let known: Vec<PeerId> = (0..MOST_PEERS + 100).map(|_| PeerId::random()).collect();
    known.iter().for_each(|peer| book.hear(*peer, &claimed, now));
    assert_eq!(book.entries.len(), MOST_PEERS);
    book.failed(&known[3], &[], now);
    let newcomer = PeerId::random();
    book.hear(newcomer, &claimed, now);
    assert!(book.entries.contains_key(&newcomer) && !book.entries.contains_key(&known[3]));
    assert_eq!(book.entries.len(), MOST_PEERS);
}

#[test]
fn who_named_the_wrong_address_first_does_not_hide_the_right_one() {
    let (mut book, mut now) = (AddressBook::new(PeerId::random()), Instant::now());
    let (peer, wrong) = (PeerId::random(), addresses(&["/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.2/tcp/1"]));
    book.hear(peer, &wrong, now);
    book.hear(peer, &addresses(&["/ip4/203.0.113.7/tcp/7"]), now);
    let mut tried = Vec::new();
    for _ in 0..3 {
        now += Duration::from_secs(31);
        let at = book.due(now, 1, |_| false).remove(0).1;
        book.failed(&peer, if tried.is_empty() { &wrong } else { &at }, now);
        tried.extend(at);
    }
    assert!(tried.contains(&address("/ip4/203.0.113.7/tcp/7")), "{tried:?}");
    // Liars cannot fill the entry up either: the peer's own word drives theirs out.
    for port in 1..100 {
        book.hear(peer, &addresses(&[&format!("/ip4/192.0.2.3/tcp/{port}")]), now);
    }
    assert!(book.learn(peer, &addresses(&["/ip4/203.0.113.8/tcp/8"]), now));
    now += Duration::from_secs(31);
    assert_eq!(book.due(now, 1, |_| false)[0].1, addresses(&["/ip4/203.0.113.8/tcp/8"]));
}

#[test]
fn what_worked_is_remembered_and_tried_first_and_never_given_up() {
    let (mut book, mut now) = (AddressBook::new(PeerId::random()), Instant::now());
    let (peer, worked) = (PeerId::random(), address("/ip4/203.0.113.7/tcp/7"));
    book.hear(peer, &addresses(&["/ip4/203.0.113.9/tcp/9"]), now);
    assert!(book.memory().is_empty(), "hearsay is not worth keeping");
    assert!(book.welcomed(&peer, std::slice::from_ref(&worked), now));
    assert!(!book.welcomed(&peer, std::slice::from_ref(&worked), now), "nothing new");
    assert_eq!(book.memory(), [(peer, vec![worked.clone()])]);
    let mut again = AddressBook::new(PeerId::random());
    again.remember(peer, &worked, now);
    for _ in 0..3 * MOST_FAILURES {
        now += LONG_BACKOFF;
        let due = again.due(now, 1, |_| false);
        assert_eq!(due, [(peer, vec![worked.clone()])]);
        again.failed(&peer, &due[0].1, now);
    }
    assert!(again.due(now + LONG_BACKOFF / 2, 1, |_| false).is_empty(), "but ever more seldom");
    assert_eq!(again.memory(), [(peer, vec![worked])]);
}

#[test]
fn addresses_of_one_peer_are_bounded() {
    let (mut book, now, peer) = (AddressBook::new(PeerId::random()), Instant::now(), PeerId::random());
    for port in 1..100 {
        let address = address(&format!("/ip4/203.0.113.7/tcp/{port}"));
        book.hear(peer, std::slice::from_ref(&address), now);
        book.learn(peer, std::slice::from_ref(&address), now);
        book.welcomed(&peer, std::slice::from_ref(&address), now);
        assert!(book.entries[&peer].candidates.len() <= super::entry::MOST_ADDRESSES);
    }
}

/// What a peer said of itself before the last start is taken for where it was reached: eight such addresses, all false, must not
/// keep the true one out.
#[test]
fn a_peer_that_has_moved_is_found_where_it_says_that_it_is_now() {
    let (mut book, mut now, peer) = (AddressBook::new(PeerId::random()), Instant::now(), PeerId::random());
    for port in 1..=super::entry::MOST_ADDRESSES {
        book.remember(peer, &address(&format!("/ip4/203.0.113.7/tcp/{port}")), now);
    }
    let here = addresses(&["/ip4/198.51.100.1/tcp/9"]);
    assert!(!book.learn(peer, &here, now), "what worked is not given up for a word");
    now += LONG_BACKOFF;
    let tried = book.due(now, 1, |_| false);
    book.failed(&peer, &tried[0].1, now);
    assert!(book.learn(peer, &here, now), "but for one after it has failed");
}

const QUIC: &str = "/ip4/203.0.113.7/udp/7/quic-v1";
const TCP: &str = "/ip4/203.0.113.7/tcp/7";

#[test]
fn quic_goes_first_and_tcp_at_once_when_it_has_failed() {
    let (mut book, mut now, peer) = (AddressBook::new(PeerId::random()), Instant::now(), PeerId::random());
    book.learn(peer, &addresses(&[TCP, QUIC]), now);
    assert_eq!(book.due(now, 1, |_| false)[0].1, addresses(&[QUIC]), "not both at once");
    book.failed(&peer, &addresses(&[QUIC]), now);
    assert_eq!(book.due(now, 1, |_| false)[0].1, addresses(&[TCP]), "without a pause");
    book.failed(&peer, &addresses(&[TCP]), now);
    assert!(book.due(now, 1, |_| false).is_empty(), "both have failed once");
    now += Duration::from_secs(1);
    assert_eq!(book.due(now, 1, |_| false)[0].1, addresses(&[QUIC]));
    let news = [TCP, "/ip4/203.0.113.8/udp/7/quic-v1", "/ip4/203.0.113.9/udp/7/quic-v1"];
    let other = PeerId::random();
    book.learn(other, &addresses(&news), now);
    assert_eq!(book.due(now, 1, |_| false)[0].1, addresses(&news[1..]), "several addresses of one transport at once");
}

#[test]
fn what_others_say_of_another_transport_is_no_reason_to_hurry() {
    let (mut book, now, peer) = (AddressBook::new(PeerId::random()), Instant::now(), PeerId::random());
    book.learn(peer, &addresses(&[TCP]), now);
    book.hear(peer, &addresses(&[QUIC]), now);
    assert_eq!(book.due(now, 1, |_| false)[0].1, addresses(&[TCP]), "its own word goes before theirs");
    book.failed(&peer, &addresses(&[TCP]), now);
    assert!(book.due(now, 1, |_| false).is_empty());
}

/// Three peers that are reached over TCP only say that UDP is blocked here; one that is reached over QUIC says that it is not.
#[test]
fn where_udp_is_blocked_tcp_goes_first_for_a_while() {
    let (mut book, mut now) = (AddressBook::new(PeerId::random()), Instant::now());
    let meet = |book: &mut AddressBook, worked: &str, now| {
        let peer = PeerId::random();
        book.learn(peer, &addresses(&[TCP, QUIC]), now);
        book.failed(&peer, &addresses(&[QUIC]), now);
        book.welcomed(&peer, &addresses(&[worked]), now);
        book.welcomed(&peer, &addresses(&[worked]), now);
    };
    for worked in [TCP, TCP, QUIC, TCP, TCP] {
        meet(&mut book, worked, now);
        assert_eq!(book.first(now), Transport::Quic);
    }
    meet(&mut book, TCP, now);
    assert_eq!(book.first(now), Transport::Tcp);
    let other = PeerId::random();
    book.learn(other, &addresses(&[TCP, QUIC]), now);
    assert_eq!(book.due(now, 9, |peer| *peer != other)[0].1, addresses(&[TCP]));
    now += Duration::from_secs(601);
    assert_eq!(book.first(now), Transport::Quic, "firewalls are mended");
    for _ in 0..3 {
        meet(&mut book, TCP, now);
    }
    meet(&mut book, QUIC, now);
    assert_eq!(book.first(now), Transport::Quic, "one was reached");
}

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use libp2p::PeerId;

use super::{Inbox, MOST_BYTES, MOST_BYTES_OF_ONE, MOST_OF_ONE, MOST_WAIT};
use crate::event::{Event, MessageRef};
use crate::topic::TopicId;

fn message(from: PeerId, number: u8) -> Event {
    let message = MessageRef { id: Some(vec![number].into()), source: from };
    Event::Message { message, from, topic: TopicId(0), data: vec![number] }
}

/// The same moment for all of a test.
fn now() -> Instant {
    static NOW: OnceLock<Instant> = OnceLock::new();
    *NOW.get_or_init(Instant::now)
}

fn read(inbox: &mut Inbox) -> Option<(PeerId, u8)> {
    match inbox.next(now(), &mut Vec::new())? {
        Event::Message { from, data, .. } => Some((from, data[0])),
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_message_waits_for_one_of_each_other_peer_at_most() {
    let (mut inbox, flooder, honest) = (Inbox::default(), PeerId::random(), PeerId::random());
    for number in 0..200 {
        assert!(inbox.offer(flooder, message(flooder, number), 1, now()).is_none());
    }
    assert_eq!(read(&mut inbox), Some((flooder, 0)));
    for number in 0..3 {
        assert!(inbox.offer(honest, message(honest, number), 1, now()).is_none());
    }
    let next: Vec<(PeerId, u8)> = std::iter::from_fn(|| read(&mut inbox)).take(6).collect();
    let of_honest: Vec<usize> = (0..6).filter(|place| next[*place].0 == honest).collect();
    assert!(of_honest == [0, 2, 4] || of_honest == [1, 3, 5], "in turn: {next:?}");
    assert_eq!(std::iter::from_fn(|| read(&mut inbox)).count(), 200 - 1 - 3);
    assert!(inbox.is_empty() && inbox.waiting() == (0, 0));
}

#[test]
fn a_line_is_bounded_by_number_and_by_bytes() {
    let (mut inbox, one, other) = (Inbox::default(), PeerId::random(), PeerId::random());
    let kept = (0..1000).filter(|_| inbox.offer(one, message(one, 1), 1, now()).is_none()).count();
    assert_eq!(kept, MOST_OF_ONE);
    let kept = (0..1000).filter(|_| inbox.offer(other, message(other, 1), 65_536, now()).is_none()).count();
    assert_eq!(kept, MOST_BYTES_OF_ONE / 65_536);
    assert_eq!(inbox.forget(&one).len(), MOST_OF_ONE);
    assert_eq!(inbox.waiting(), (kept, MOST_BYTES_OF_ONE));
}

#[test]
fn when_all_is_full_the_longest_line_gets_shorter() {
    let (mut inbox, honest) = (Inbox::default(), PeerId::random());
    for _ in 0..MOST_BYTES / MOST_BYTES_OF_ONE {
        let flooder = PeerId::random();
        for _ in 0..MOST_BYTES_OF_ONE / 65_536 {
            assert!(inbox.offer(flooder, message(flooder, 1), 65_536, now()).is_none());
        }
    }
    let lost = inbox.offer(honest, message(honest, 7), 65_536, now()).expect("no room for all");
    assert!(matches!(lost, Event::Message { from, .. } if from != honest), "not the honest one");
    assert!(inbox.waiting().1 <= MOST_BYTES);
    assert_eq!(inbox.forget(&honest).len(), 1);
}

#[test]
fn news_of_connections_go_first() {
    let (mut inbox, peer) = (Inbox::default(), PeerId::random());
    inbox.offer(peer, message(peer, 1), 1, now());
    assert!(inbox.tell(Event::PeerConnected(peer)));
    assert!(matches!(inbox.next(now(), &mut Vec::new()), Some(Event::PeerConnected(_))));
    assert_eq!(read(&mut inbox), Some((peer, 1)));
}

/// A keeper that cannot keep up: what it reads is new, however much was sent before.
#[test]
fn what_has_waited_for_too_long_is_not_read() {
    let (mut inbox, peers, start) = (Inbox::default(), [PeerId::random(), PeerId::random()], now());
    let at = |milliseconds: u64| start + Duration::from_millis(milliseconds);
    for number in 0..=200_u8 {
        for peer in peers {
            assert!(inbox.offer(peer, message(peer, number), 1, at(10 * u64::from(number))).is_none());
        }
    }
    let mut lost = Vec::new();
    let mut read = Vec::new();
    while let Some(Event::Message { data, .. }) = inbox.next(at(2_000), &mut lost) {
        read.push(data[0]);
    }
    let waited = u8::try_from(MOST_WAIT.as_millis() / 10).expect("short");
    assert_eq!(read.len(), 2 * (usize::from(waited) + 1));
    assert_eq!(read.iter().min(), Some(&(200 - waited)), "the oldest that is read");
    assert_eq!(lost.len(), 2 * usize::from(200 - waited));
    assert!(inbox.is_empty() && inbox.waiting() == (0, 0));
}

use super::*;

fn key(number: u8) -> PeerKey {
    PeerKey([number; 32])
}

fn shown(epoch: u32) -> Shown {
    Shown { epoch, head: 7, clock_ms: 0 }
}

#[test]
fn heads_and_clocks_are_asked_for_regularly_and_soon_forgotten() {
    let mut peers = Peers::default();
    peers.up(key(1), Time(0));
    peers.showed(key(1), shown(1), Time(0));
    assert!(peers.take_due(1, Time(0).plus(PAUSE), |_| true).is_empty(), "it is in the epoch");
    assert_eq!(peers.take_due(1, Time(0).plus(REGULAR), |_| true), [key(1)]);
    assert_eq!(peers.shown(Time(29_999)).collect::<Vec<_>>(), [(key(1), shown(1))]);
    assert_eq!(peers.shown(Time(30_000)).count(), 0);
    peers.showed(key(9), shown(1), Time(0));
    assert_eq!(peers.shown(Time(1)).count(), 1, "whoever is not connected is nobody");
}

/// Else a clock that was set back by an hour would be said to be right for as long.
#[test]
fn what_was_shown_and_asked_before_the_clock_was_set_back_counts_no_more() {
    let mut peers = Peers::default();
    let then = Time(3_600_000).plus(REGULAR);
    peers.up(key(1), Time(3_600_000));
    peers.showed(key(1), shown(1), then);
    assert_eq!((peers.take_due(1, then, |_| true), peers.shown(then).count()), (vec![key(1)], 1));
    assert_eq!(peers.shown(Time(1_000)).count(), 0);
    assert_eq!(peers.take_due(1, Time(1_000), |_| true), [key(1)]);
}

#[test]
fn questions_go_round_among_those_who_may_be_asked() {
    let mut peers = Peers::default();
    assert_eq!(peers.next(|_| true), None);
    (1..=4).for_each(|number| peers.up(key(number), Time(0)));
    let members = |peer: PeerKey| peer != key(2);
    let asked: Vec<_> = (0..6).map(|_| peers.next(members)).collect();
    assert_eq!(asked, [1, 3, 4, 1, 3, 4].map(|number| Some(key(number))));
    peers.down(key(3));
    peers.up(key(1), Time(0));
    assert_eq!(peers.keys().collect::<Vec<_>>(), [key(2), key(4), key(1)], "whoever comes back comes last");
    assert_eq!(peers.next(|_| false), None);
}

#[test]
fn a_peer_is_asked_again_until_it_has_shown_the_epoch() {
    let mut peers = Peers::default();
    peers.up(key(1), Time(0));
    peers.up(key(2), Time(0));
    assert!(
        peers.take_due(1, Time(0).plus(PAUSE - Duration::from_millis(1)), |_| true).is_empty(),
        "they were asked when they came"
    );
    peers.showed(key(1), shown(1), Time(0));
    assert_eq!(peers.take_due(1, Time(0).plus(PAUSE), |_| true), [key(2)]);
    assert!(peers.take_due(1, Time(1).plus(PAUSE), |_| true).is_empty(), "it is being asked");
    peers.showed(key(2), shown(3), Time(0));
    assert!(peers.take_due(2, Time(0).plus(5 * PAUSE), |peer| peer == key(2)).is_empty(), "it is ahead");
    assert_eq!(peers.take_due(2, Time(0).plus(5 * PAUSE), |_| true), [key(1)]);
}

#[test]
fn the_list_is_bounded() {
    let mut peers = Peers::default();
    for number in 0..2 * PEERS_MAX as u32 {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        peers.up(PeerKey(bytes), Time(0));
    }
    assert_eq!(peers.count(), PEERS_MAX);
}

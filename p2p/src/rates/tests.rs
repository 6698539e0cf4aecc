use std::time::{Duration, Instant};

use super::{Knock, MOST_SOURCES, Rates, Source};
use crate::reach::Transport;

fn source(text: &str) -> Option<Source> {
    Source::of(&text.parse().expect("well formed"))
}

fn some(text: &str) -> Knock {
    (Transport::Tcp, source(text).expect("an address of another machine"))
}

fn granted(rates: &mut Rates, source: Knock, now: Instant) -> usize {
    (0..100).filter(|_| rates.charge(source, now)).count()
}

#[test]
fn a_source_is_an_address_or_the_network_of_one_machine() {
    assert_eq!(source("/ip4/203.0.113.7/tcp/1"), source("/ip4/203.0.113.7/tcp/2"));
    assert_eq!(source("/ip4/203.0.113.7/tcp/1"), source("/ip4/203.0.113.7/udp/2/quic-v1"));
    assert_ne!(source("/ip4/203.0.113.7/tcp/1"), source("/ip4/203.0.113.8/tcp/1"));
    assert_eq!(source("/ip6/::ffff:203.0.113.7/tcp/1"), source("/ip4/203.0.113.7/tcp/1"));
    assert_eq!(source("/ip6/2001:db8:1:2::3/tcp/1"), source("/ip6/2001:db8:1:2:ffff::/tcp/1"));
    assert_ne!(source("/ip6/2001:db8:1:2::3/tcp/1"), source("/ip6/2001:db8:1:3::3/tcp/1"));
    for own in ["/ip4/127.0.0.1/tcp/1", "/ip4/127.1.2.3/tcp/1", "/ip6/::1/tcp/1", "/ip6/::ffff:127.0.0.1/tcp/1"] {
        assert_eq!(source(own), None, "{own} is this machine");
    }
}

#[test]
fn five_at_once_and_one_more_every_two_seconds() {
    let (mut rates, now) = (Rates::default(), Instant::now());
    let (one, other) = (some("/ip4/203.0.113.7/tcp/1"), some("/ip4/203.0.113.8/tcp/1"));
    assert_eq!(granted(&mut rates, one, now), 5);
    assert_eq!(granted(&mut rates, other, now), 5, "another address has its own");
    let (_, place) = one;
    assert_eq!(
        granted(&mut rates, (Transport::Quic, place), now),
        5,
        "and another transport, where addresses may be false"
    );
    assert_eq!(granted(&mut rates, one, now + Duration::from_secs(4)), 2);
    assert_eq!(granted(&mut rates, one, now + Duration::from_secs(3600)), 5);
}

#[test]
fn welcome_connections_cost_nothing() {
    let (mut rates, now) = (Rates::default(), Instant::now());
    let one = some("/ip4/203.0.113.7/tcp/1");
    for _ in 0..100 {
        assert!(rates.charge(one, now));
        rates.refund(one);
    }
    rates.refund(one);
    assert_eq!(granted(&mut rates, one, now), 5, "refunds save nothing up");
}

#[test]
fn remembered_sources_are_bounded_and_the_worst_is_kept() {
    let (mut rates, now) = (Rates::default(), Instant::now());
    let worst = some("/ip4/203.0.113.7/tcp/1");
    granted(&mut rates, worst, now);
    for number in 0..2 * MOST_SOURCES {
        let address = format!("/ip4/10.{}.{}.{}/tcp/1", number >> 16, (number >> 8) & 0xff, number & 0xff);
        assert!(rates.charge(some(&address), now));
    }
    assert_eq!(rates.buckets.len(), MOST_SOURCES);
    assert!(!rates.charge(worst, now), "nobody gets a new bucket by making others forget");
}

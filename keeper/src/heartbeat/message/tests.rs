use super::*;

const SEPARATOR: B256 = B256::repeat_byte(0x5e);

fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

/// One with every list and text at its limit.
fn largest() -> Heartbeat {
    let word = || "w".repeat(WORD_MAX);
    Heartbeat {
        boot: u64::MAX,
        stamp_ms: u64::MAX,
        version: word(),
        region: word(),
        head: u64::MAX,
        head_hash: ByteArray::new([0xff; 32]),
        head_time: u64::MAX,
        epoch: u32::MAX,
        queue: u32::MAX,
        runway_seconds: Some(u64::MAX),
        failing: vec![word(); FAILING_MAX],
        links: vec![Link { peer: u64::MAX, rtt_ms: Some(RTT_MAX) }; LINKS_MAX],
        ..Heartbeat::default()
    }
}

#[test]
fn a_heartbeat_comes_back_as_it_was_sealed_and_the_largest_fits() {
    let bytes = largest().seal(&SEPARATOR, &key(1));
    assert!((2_000..=HEARTBEAT_LIMIT).contains(&bytes.len()), "{} bytes", bytes.len());
    let read = Heartbeat::decode(&bytes).unwrap();
    assert!(read.is_well_formed() && read.is_signed(&SEPARATOR));
    assert_eq!((read.links.len(), *read.peer_key), (LINKS_MAX, key(1).verifying_key().to_bytes()));
    assert!(!read.is_signed(&B256::ZERO), "of another network");
}

/// Whatever of it is changed, its signature holds no more.
#[test]
fn every_field_is_signed() {
    let good = Heartbeat::decode(&largest().seal(&SEPARATOR, &key(1))).unwrap();
    let changes: [fn(&mut Heartbeat); 14] = [
        |it| it.peer_key = ByteArray::new(key(2).verifying_key().to_bytes()),
        |it| it.boot -= 1,
        |it| it.stamp_ms -= 1,
        |it| it.version.push('x'),
        |it| it.region.push('x'),
        |it| it.head -= 1,
        |it| it.head_hash = ByteArray::new([0; 32]),
        |it| it.head_time -= 1,
        |it| it.epoch -= 1,
        |it| it.queue -= 1,
        |it| it.runway_seconds = None,
        |it| drop(it.failing.pop()),
        |it| it.links[3].peer -= 1,
        |it| it.links[3].rtt_ms = None,
    ];
    for (place, change) in changes.iter().enumerate() {
        let mut changed = good.clone();
        change(&mut changed);
        assert!(!changed.is_signed(&SEPARATOR), "change {place}");
    }
    // What moves from one text to the next is another heartbeat.
    let mut moved = good.clone();
    let letter = moved.version.pop().unwrap();
    moved.region.insert(0, letter);
    assert!(!moved.is_signed(&SEPARATOR));
}

#[test]
fn what_is_too_long_or_not_to_be_shown_is_not_well_formed() {
    assert!(largest().is_well_formed());
    let changes: [fn(&mut Heartbeat); 9] = [
        |it| it.version.push('w'),
        |it| it.region = "\u{1b}[2J".to_owned(),
        |it| it.region = "Zürich".to_owned(),
        |it| it.failing.push("mesh".to_owned()),
        |it| it.failing[0] = String::new(),
        |it| it.failing[0] = "Mesh".to_owned(),
        |it| it.failing[0].push('w'),
        |it| it.links.push(Link::default()),
        |it| it.links[0].rtt_ms = Some(RTT_MAX + 1),
    ];
    for (place, change) in changes.iter().enumerate() {
        let mut changed = largest();
        change(&mut changed);
        assert!(!changed.is_well_formed(), "change {place}");
    }
}

#[test]
fn what_is_no_heartbeat_is_refused_and_nothing_panics() {
    let good = largest().seal(&SEPARATOR, &key(1));
    assert!(matches!(Heartbeat::decode(&[0; HEARTBEAT_LIMIT + 1]), Err(CodecError::TooLarge { .. })));
    assert!(matches!(Heartbeat::decode(&good[..good.len() - 1]), Err(CodecError::Malformed)));
    assert!(Heartbeat::decode(&[&good[..], &[0]].concat()).is_err());
    for place in 0..good.len() {
        let mut flipped = good.clone();
        flipped[place] ^= 1;
        if let Ok(read) = Heartbeat::decode(&flipped) {
            assert!(!read.is_signed(&SEPARATOR), "bit {place} counts for nothing");
        }
    }
}

#[test]
fn links_are_told_by_the_beginning_of_a_key() {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(short(&bytes), 0x0102_0304_0506_0708);
    assert_eq!(Heartbeat::link(&bytes, Some(12.4)).rtt_ms, Some(12));
    for (rtt, told) in [(f64::NAN, 0), (-1.0, 0), (f64::INFINITY, RTT_MAX), (1e12, RTT_MAX)] {
        assert_eq!(Heartbeat::link(&bytes, Some(rtt)).rtt_ms, Some(told), "{rtt}");
    }
}

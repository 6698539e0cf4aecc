use super::*;

/// A frame from one address to another.
fn frame(from: u8, to: u8) -> Vec<u8> {
    [[to; 6], [from; 6]].concat()
}

fn ports(arrivals: &[(usize, Instant)]) -> Vec<usize> {
    arrivals.iter().map(|(to, _)| *to).collect()
}

#[test]
fn a_frame_goes_to_all_until_it_is_known_where_its_address_is() {
    let (mut wire, now) = (Wire::new(3, 1), Instant::now());
    assert_eq!(ports(&wire.take(0, &frame(10, 11), now)), [1, 2]);
    assert_eq!(ports(&wire.take(1, &frame(11, 10), now)), [0], "that it is behind 0 its own frame has shown");
    assert_eq!(ports(&wire.take(0, &frame(10, 11), now)), [1]);
    assert_eq!(ports(&wire.take(0, &frame(10, 0xff), now)), [1, 2]);
    assert_eq!(ports(&wire.take(0, &[1, 2, 3], now)), [0_usize; 0], "no frame is so short");
}

#[test]
fn a_cut_is_one_way_and_healing_undoes_it() {
    let (mut wire, now) = (Wire::new(2, 1), Instant::now());
    wire.obey(&"cut 0 1".parse().unwrap());
    assert_eq!(ports(&wire.take(0, &frame(10, 11), now)), [0_usize; 0]);
    assert_eq!(ports(&wire.take(1, &frame(11, 10), now)), [0]);
    wire.obey(&Order::Heal);
    assert_eq!(ports(&wire.take(0, &frame(10, 11), now)), [1]);
}

#[test]
fn frames_take_as_long_as_they_should_and_none_overtakes_another() {
    let (mut wire, now) = (Wire::new(2, 1), Instant::now());
    wire.obey(&"delay 50 10".parse().unwrap());
    let mut last = now;
    for _ in 0..1_000 {
        let arrivals = wire.take(0, &frame(10, 11), now);
        let [(1, at)] = arrivals[..] else { panic!("{arrivals:?}") };
        assert!((Duration::from_millis(40)..=Duration::from_millis(60)).contains(&(at - now)));
        assert!(at >= last);
        last = at;
    }
}

#[test]
fn so_many_are_lost_as_should_be() {
    let (mut wire, now) = (Wire::new(2, 7), Instant::now());
    wire.obey(&"loss 5".parse().unwrap());
    let lost = (0..10_000).filter(|_| wire.take(0, &frame(10, 11), now).is_empty()).count();
    assert!((400..600).contains(&lost), "{lost} of 10000");
}

#[test]
fn orders_are_read_as_they_are_written() {
    for line in ["delay 50 10", "loss 5", "cut 0,1,2 3,4,5,6", "heal"] {
        assert_eq!(line.parse::<Order>().unwrap().to_string(), line);
    }
    for wrong in ["", "loss 101", "loss", "cut 1", "cut a b", "delay 50", "heel"] {
        assert!(wrong.parse::<Order>().is_err(), "{wrong:?}");
    }
}

//! Who brings much at a time holds up nobody who brings little.

use super::*;

/// A content with so many bytes.
fn long(id: u8, bytes: usize) -> Call {
    Call { input: Bytes::from(vec![id; bytes]), ..call(id) }
}

impl Bench {
    /// What waits under this name is worth so much gas.
    fn weigh(&mut self, id: u8, gas: u64) -> Vec<Order> {
        self.check(id, Verdict::Worth { gas })
    }

    /// The contents that have a nonce, in order.
    fn carried(&self) -> Vec<u8> {
        self.disk.entries.values().map(|entry| entry.key[0]).collect()
    }

    /// The lowest open nonce is included.
    fn include_next(&mut self) {
        let nonce = self.look.mined;
        self.include(nonce);
        self.look.head += 1;
        self.tick(BLOCK);
    }
}

#[test]
fn nonces_go_by_turns_to_the_oldest_and_to_the_smallest() {
    let gas = |id: u8| [0, 500_000, 500_001, 500_002, 100_000, 90_000].get(usize::from(id)).copied().unwrap_or(21_000);
    let mut bench = Bench::new();
    // The last five wait behind those that fill the lane.
    for id in [96, 97, 98, 99, 1, 2, 3, 4, 5] {
        bench.give(Event::Want { after: None, key: B256::repeat_byte(id), call: call(id) });
        bench.weigh(id, gas(id));
    }
    assert_eq!(bench.carried(), [96, 97, 98, 99]);
    let mut order = Vec::new();
    for _ in 0..5 {
        bench.include_next();
        (1..=5).for_each(|id| drop(bench.weigh(id, gas(id))));
        let carried = bench.carried();
        order.extend(carried.into_iter().filter(|id| *id < 96 && !order.contains(id)).collect::<Vec<_>>());
    }
    assert_eq!(order, [1, 5, 2, 4, 3]);
}

#[test]
fn what_comes_after_another_passes_it_only_where_that_one_has_had_a_setback() {
    // Whether the first of two parts is refused once before it is worth anything: then the second, which is smaller, goes.
    for (refused, carried) in [(false, [96, 97, 98, 1, 2]), (true, [96, 97, 98, 2, 1])] {
        let mut bench = Bench::new();
        for id in [96, 97, 98] {
            bench.give(Event::Want { after: None, key: B256::repeat_byte(id), call: call(id) });
            bench.weigh(id, 500_000);
        }
        bench.give(Event::Want { after: None, key: B256::repeat_byte(1), call: call(1) });
        bench.give(Event::Want { after: Some(B256::repeat_byte(1)), key: B256::repeat_byte(2), call: call(2) });
        if refused {
            bench.check(1, Verdict::Refused("header not found".to_owned()));
        }
        bench.weigh(2, 100_000);
        let mut order = bench.carried();
        bench.tick(BLOCK);
        bench.weigh(1, 500_000);
        bench.include_next();
        (1..=2).for_each(|id| drop(bench.weigh(id, 100_000)));
        bench.include_next();
        order.extend(bench.carried().into_iter().filter(|id| !order.contains(id)).collect::<Vec<_>>());
        assert_eq!(order, carried, "refused: {refused}");
    }
}

#[test]
fn large_ones_are_no_more_than_a_block_together_and_a_quarter_of_a_crowded_one() {
    // In blocks of 30 million gas, with what the newest has used: so many of six that need so much each.
    let cases = [
        (0, 100_000, 4),
        (0, 1_800_000, 4),
        (0, 2_000_000, 3),
        (0, 8_000_000, 3),
        (0, 16_000_000, 1),
        (15_000_000, 8_000_000, 3),
        (15_000_001, 100_000, 4),
        (15_000_001, 1_800_000, 4),
        (15_000_001, 2_200_000, 3),
        (15_000_001, 3_000_000, 2),
        (15_000_001, 8_000_000, 1),
    ];
    for (used, each, open) in cases {
        let mut bench = Bench::new();
        bench.look.gas_used = used;
        for id in 1..=6 {
            bench.give(Event::Want { after: None, key: B256::repeat_byte(id), call: call(id) });
            bench.weigh(id, each);
        }
        assert_eq!(bench.disk.entries.len(), open, "{each} gas each, {used} used");
    }
}

#[test]
fn a_small_one_passes_large_ones_that_wait_for_room_and_no_large_one_does() {
    let mut bench = Bench::new();
    bench.look.gas_used = 30_000_000;
    for (id, gas) in [(1, 5_000_000), (2, 12_000_000), (3, 2_000_000), (4, 100_000)] {
        bench.give(Event::Want { after: None, key: B256::repeat_byte(id), call: call(id) });
        bench.weigh(id, gas);
    }
    assert_eq!(bench.carried(), [1, 4]);
    bench.include_next();
    (2..=3).for_each(|id| drop(bench.weigh(id, if id == 2 { 12_000_000 } else { 2_000_000 })));
    assert_eq!(bench.carried(), [1, 4, 2], "whoever has waited for room has the next");
}

#[test]
fn a_large_one_has_the_only_nonce_of_an_account_that_has_no_more() {
    let mut bench = Bench::new();
    bench.give(Event::Want { after: None, key: B256::repeat_byte(1), call: call(1) });
    bench.lane.alone_until = Duration::from_secs(3_600);
    bench.weigh(1, 16_000_000);
    assert_eq!(bench.carried(), [1]);
}

#[test]
fn a_full_queue_lets_go_of_the_largest() {
    let mut bench = Bench::new();
    for id in 1..=16 {
        bench.give(Event::Want { after: None, key: B256::repeat_byte(id), call: long(id, 100 + usize::from(id)) });
    }
    let left = |orders: &[Order]| {
        orders.iter().find_map(|order| match order {
            Order::Done { key, ended: Ended::Failed(why) } if why.contains("another keeper") => Some(key[0]),
            _ => None,
        })
    };
    let mut want = |id: u8, bytes| {
        left(&bench.give(Event::Want { after: None, key: B256::repeat_byte(id), call: long(id, bytes) }))
    };
    assert_eq!(want(20, 116), Some(20), "as long as the longest");
    assert_eq!(want(21, 10), Some(16));
    assert_eq!(want(22, 200), Some(22));
    assert_eq!(want(23, 10), Some(15));
}

#[test]
fn the_smallest_are_asked_about_first() {
    let mut bench = Bench::new();
    let asked = |orders: &[Order]| {
        let key = |order: &Order| if let Order::Check { key, pending: true, .. } = order { Some(key[0]) } else { None };
        orders.iter().filter_map(key).collect::<Vec<_>>()
    };
    for id in 1..=5 {
        bench.give(Event::Want { after: None, key: B256::repeat_byte(id), call: long(id, 1_000 - usize::from(id)) });
    }
    bench.give(Event::Want { after: None, key: B256::repeat_byte(6), call: long(6, 10) });
    assert_eq!(asked(&bench.weigh(1, 9_000_000)), [6], "four are asked about at a time");
}

#[test]
fn of_large_ones_only_the_first_that_finds_room_is_asked_about() {
    let mut bench = Bench::new();
    bench.look.gas_used = 30_000_000;
    let asked = |orders: &[Order]| {
        let key = |order: &Order| if let Order::Check { key, .. } = order { Some(key[0]) } else { None };
        orders.iter().filter_map(key).collect::<Vec<_>>()
    };
    let want = |bench: &mut Bench, id: u8, gas_floor| {
        asked(&bench.give(Event::Want {
            after: None,
            key: B256::repeat_byte(id),
            call: Call { gas_floor, ..long(id, 100) },
        }))
    };
    assert_eq!(want(&mut bench, 1, 5_000_000), [1]);
    assert_eq!(want(&mut bench, 2, 3_000_000), [0; 0], "one at a time");
    assert_eq!(want(&mut bench, 3, 2_000_000), [0; 0]);
    assert_eq!(want(&mut bench, 4, 500_000), [4], "small ones go past them");
    assert_eq!(
        asked(&bench.weigh(1, 4_000_000)),
        [0; 0],
        "with 5 million open there is no room for 3 more in a quarter"
    );
    bench.weigh(4, 300_000);
    assert_eq!(bench.carried(), [1, 4]);
    bench.include(0);
    bench.look.head += 1;
    assert_eq!(asked(&bench.tick(BLOCK)), [2], "whoever has waited longest, not the smallest");
}

#[test]
fn what_was_known_two_blocks_ago_is_asked_again_and_not_sent() {
    let mut bench = Bench::new();
    bench.look.gas_used = 30_000_000;
    for (id, gas) in [(1, 5_000_000), (2, 4_000_000)] {
        bench.give(Event::Want { after: None, key: B256::repeat_byte(id), call: Call { gas_floor: gas, ..call(id) } });
        bench.weigh(id, gas);
    }
    (0..3).for_each(|_| drop(bench.tick(BLOCK)));
    bench.include(0);
    bench.look.head += 1;
    let orders = bench.tick(BLOCK);
    assert!(orders.iter().any(|order| matches!(order, Order::Check { key, pending: true, .. } if key[0] == 2)));
    assert_eq!(bench.carried(), [1]);
}

/// One whose question nobody answers, for as long as it may wait, is no reason for the others to.
#[test]
fn a_large_one_that_gets_no_answer_lets_the_next_large_one_go() {
    for verdict in [Verdict::NoAnswer, Verdict::Refused("busy".to_owned())] {
        let mut bench = Bench::new();
        for id in [1, 2] {
            bench.give(Event::Want {
                after: None,
                key: B256::repeat_byte(id),
                call: Call { gas_floor: 5_000_000, ..long(id, 100) },
            });
        }
        bench.check(1, verdict);
        bench.tick(Duration::ZERO);
        bench.weigh(2, 5_000_000);
        assert_eq!(bench.carried(), [2]);
    }
}

//! Contents that are wanted again, and nonces that come back to life.

use super::*;

/// It failed on the chain, is wanted again and has got another nonce, which waits for the disk, when a reorganisation brings
/// its first nonce back: it stays under that one, for it may be on its way there.
#[test]
fn a_content_that_never_left_under_its_second_nonce_stays_under_the_first() {
    let mut bench = Bench::new();
    let orders = bench.want(1);
    let [Order::Send { tx: first, .. }] = sent(&orders)[..] else { panic!("{orders:?}") };
    let first = *first;
    bench.answer(sent(&orders)[0], Answer::Taken);
    bench.include(0);
    bench.look.receipts.values_mut().for_each(|receipt| receipt.success = false);
    bench.tick(BLOCK);
    let (key, now) = (B256::repeat_byte(1), bench.now);
    let checked = |pending| Event::Checked { key, pending, verdict: Verdict::Worth { gas: 100_000 } };
    bench.lane.on(Event::Want { after: None, key, call: call(1) }, now);
    let orders = bench.lane.on(checked(true), now);
    let [Order::Write { revision, ledger }] = &orders[..] else { panic!("{orders:?}") };
    assert_eq!(ledger.entries.keys().copied().collect::<Vec<_>>(), [0, 1], "what failed is over, this is another try");
    let look = Look { head: 11, mined: 0, receipts: BTreeMap::new(), ..bench.look.clone() };
    bench.lane.on(Event::Looked(Some(look)), now);
    let orders = bench.lane.on(checked(false), now);
    assert!(matches!(sent(&orders)[..], [Order::Send { tx, .. }] if *tx == first), "{orders:?}");
    let orders = bench.lane.on(Event::Written(*revision), now);
    assert_eq!(sent(&orders).len(), 0, "nothing under the other nonce: {orders:?}");
    let written = orders.iter().find_map(|order| match order {
        Order::Write { ledger, .. } => Some(ledger.entries.keys().copied().collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(written, Some(vec![0]));
}

/// A nonce that is used up by a transfer to oneself comes back to life: the same is sent again, for no more.
#[test]
fn a_transfer_to_oneself_that_comes_back_is_sent_as_it_was() {
    let mut bench = Bench::new();
    for id in 1..=2 {
        let orders = bench.want(id);
        bench.answer(sent(&orders)[0], Answer::Taken);
    }
    bench.look.head += 1;
    bench.tick(BLOCK * 3);
    bench.check(2, Verdict::Worth { gas: 100_000 });
    let orders = bench.check(1, Verdict::Useless);
    let [Order::Send { tx, .. }] = sent(&orders)[..] else { panic!("{orders:?}") };
    let transfer = *tx;
    bench.answer(sent(&orders)[0], Answer::Taken);
    bench.include(0);
    bench.tick(BLOCK);
    bench.look = Look { head: bench.look.head + 1, mined: 0, receipts: BTreeMap::new(), ..bench.look.clone() };
    let orders = bench.tick(BLOCK);
    assert!(sent(&orders).iter().any(|order| matches!(order, Order::Send { tx, .. } if *tx == transfer)), "{orders:?}");
    assert_eq!(bench.lane.account(bench.now).handed_over, 1, "once");
}

/// One node counts a nonce more than there are. The pools of the others hold what stands under it, so that it would be included
/// twice if it left under the next one.
#[test]
fn what_nodes_hold_keeps_its_nonce_until_a_second_node_counts_that_as_used() {
    let mut bench = Bench::new();
    let orders = bench.want(1);
    bench.answer(sent(&orders)[0], Answer::Taken);
    (bench.look.mined, bench.other) = (1, Some(0));
    for _ in 0..50 {
        let mut orders = bench.tick(BLOCK);
        orders.extend(bench.check(1, Verdict::Worth { gas: 100_000 }));
        assert_eq!(sent(&orders).len(), 0, "{orders:?}");
    }
    assert_eq!(bench.disk.entries.keys().copied().collect::<Vec<_>>(), [0]);
    bench.other = None;
    bench.tick(BLOCK);
    bench.check(1, Verdict::Worth { gas: 100_000 });
    assert_eq!(bench.entry(1).key, B256::repeat_byte(1), "both count it as used");
}

/// Where no second node answers the first is believed in the end: a nonce that another program has used is not held for ever.
#[test]
fn a_nonce_that_one_node_alone_counts_as_used_for_long_is_given_up() {
    let mut bench = Bench::new();
    let orders = bench.want(1);
    bench.answer(sent(&orders)[0], Answer::Taken);
    (bench.look.mined, bench.other) = (1, Some(0));
    let ticks = (0..1_000).take_while(|_| {
        bench.tick(BLOCK / 10);
        bench.check(1, Verdict::Worth { gas: 100_000 });
        bench.lane.account(bench.now).displaced == 0
    });
    assert!((500..700).contains(&ticks.count()), "sixty blocks of it");
}

/// The ledger is of a program that signed in another way: what it sent cannot be sent as it was, so more is offered, after
/// the usual wait.
#[test]
fn what_cannot_be_signed_as_it_was_is_offered_anew() {
    let mut before = Bench::new();
    before.want(1);
    let mut disk = before.disk.clone();
    disk.entries.get_mut(&0).expect("open").attempts[0].tx = B256::repeat_byte(7);
    let mut bench = Bench::with(disk);
    bench.tick(BLOCK);
    let orders = bench.check(1, Verdict::Worth { gas: 100_000 });
    assert_eq!(sent(&orders).len(), 0, "it would be another transaction: {orders:?}");
    bench.look.head += 1;
    bench.tick(BLOCK * 3);
    let orders = bench.check(1, Verdict::Worth { gas: 100_000 });
    assert_eq!(sent(&orders).len(), 1, "{orders:?}");
    let [old, new] = &bench.entry(0).attempts[..] else { panic!("{:?}", bench.entry(0)) };
    assert!(new.fees.max_fee > old.fees.max_fee && new.fees.tip > old.fees.tip, "nodes may hold the old one");
}

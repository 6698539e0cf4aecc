//! Nodes that take less than they could, and accounts that can pay for less.

use super::*;

#[test]
fn an_account_that_may_send_one_at_a_time_tries_more_again_later() {
    let mut bench = Bench::new();
    let open = |bench: &Bench| bench.disk.entries.len();
    bench.tick(Duration::ZERO);
    for id in 1..=2 {
        let orders = bench.want(id);
        let words = "in-flight transaction limit reached for delegated accounts".to_owned();
        let answer = if id == 1 { Answer::Taken } else { Answer::Refused(words) };
        bench.answer(sent(&orders)[0], answer);
    }
    bench.want(3);
    assert_eq!(open(&bench), 2, "the third waits");
    bench.include(0);
    bench.tick(BLOCK);
    bench.include(1);
    bench.tick(BLOCK);
    bench.check(3, Verdict::Worth { gas: 100_000 });
    bench.want(4);
    assert!(bench.disk.entries.contains_key(&2) && !bench.disk.entries.contains_key(&3), "one at a time");
    bench.tick(ALONE);
    bench.want(5);
    assert!(bench.disk.entries.contains_key(&3), "the delegation may be taken back by now");
}

#[test]
fn a_node_that_wants_a_pause_is_trouble_only_where_no_other_takes_it() {
    let limited = || Answer::Refused("HTTP status 429: too many requests".to_owned());
    for (answers, trouble) in [(vec![limited(), Answer::Taken], false), (vec![limited(), limited()], true)] {
        let mut bench = Bench::new();
        bench.tick(Duration::from_secs(10));
        let orders = bench.want(1);
        let [Order::Send { tx, .. }] = sent(&orders)[..] else { panic!("{orders:?}") };
        bench.give(Event::Answered { tx: *tx, answers });
        assert_eq!(bench.lane.account(bench.now).trouble().is_some(), trouble);
        let mut orders = bench.tick(BLOCK * 2);
        orders.extend(bench.check(1, Verdict::Worth { gas: 100_000 }));
        assert_eq!(sent(&orders).len(), usize::from(trouble), "sent again where nobody has it");
    }
}

/// Gas for one is 112,500 at twice the base fee and the tip; its data is 1,001 wei, and may become twice as dear.
#[test]
fn what_data_costs_is_asked_of_the_balance_too() {
    let gas = U256::from(112_500) * U256::from(2_000_000_000_u64 + 10_000_000);
    let data = DataPrice { empty: 1_000, full: 1_000 };
    for (coins, more, sends) in [(1, 2_001, 0), (1, 2_002, 1), (2, 2_002, 1), (2, 4_003, 1), (2, 4_004, 2)] {
        let mut bench = Bench::new();
        (bench.look.data, bench.look.balance) = (data, gas * U256::from(coins) + U256::from(more));
        bench.want(1);
        let orders = bench.want(2);
        assert_eq!(bench.disk.entries.len(), sends, "{more}: {orders:?}");
        let lacks = |why: &str| why.contains("insufficient funds") && why.contains("its data alone 1001");
        assert!(sends == 2 || matches!(ended(&orders), Some(Ended::Failed(why)) if lacks(why)), "{orders:?}");
        assert_eq!(bench.lane.account(bench.now).data, data, "for the runway");
    }
}

/// Fees are not raised beyond what the account can pay together with the data.
#[test]
fn a_raise_that_data_leaves_no_coin_for_is_none() {
    let first = U256::from(112_500) * U256::from(2_010_000_000_u64);
    for (data, raises) in [(DataPrice::default(), true), (DataPrice { empty: 0, full: 1 << 60 }, false)] {
        let mut bench = Bench::new();
        bench.look.balance = first * U256::from(5) / U256::from(4);
        let orders = bench.want(1);
        bench.answer(sent(&orders)[0], Answer::Taken);
        (bench.look.data, bench.look.head) = (data, bench.look.head + 1);
        bench.tick(BLOCK * 3);
        bench.check(1, Verdict::Worth { gas: 100_000 });
        assert_eq!(bench.entry(0).attempts.len() > 1, raises, "{data:?}");
    }
}

#[test]
fn the_runway_knows_the_bytes_of_the_settlement_included_last() {
    let mut bench = Bench::new();
    assert_eq!(bench.lane.account(bench.now).settlement_bytes, 0);
    for (id, counts) in [(1, true), (2, false)] {
        let input = Bytes::from(vec![1; usize::from(id) * 10]);
        bench.give(Event::Want { after: None, key: B256::repeat_byte(id), call: Call { counts, input, ..call(id) } });
        bench.check(id, Verdict::Worth { gas: 100_000 });
        bench.include(u64::from(id) - 1);
        bench.tick(BLOCK);
        assert_eq!(bench.lane.account(bench.now).settlement_bytes, 10, "a snapshot is no settlement");
    }
}

/// Behind nodes that never look at it, a transaction is sent again and again as it is; once one holds it, or finds it too
/// cheap, more is offered.
#[test]
fn only_what_nodes_have_looked_at_is_raised() {
    let limited = || Answer::Refused("HTTP status 429: too many requests".to_owned());
    let full = || Answer::Refused("txpool is full".to_owned());
    let cheap = || Answer::Refused("transaction underpriced".to_owned());
    let table = [("limited", limited(), false), ("silent", Answer::NoAnswer, false), ("full", full(), false)];
    for (name, answer, raised) in table.into_iter().chain([("taken", Answer::Taken, true), ("cheap", cheap(), true)]) {
        let mut bench = Bench::new();
        let orders = bench.want(1);
        bench.answer(sent(&orders)[0], answer.clone());
        let mut sends = 0;
        for _ in 0..40 {
            bench.look.head += 1;
            bench.tick(BLOCK);
            let orders = bench.check(1, Verdict::Worth { gas: 100_000 });
            sends += sent(&orders).len();
            sent(&orders).iter().for_each(|order| drop(bench.answer(order, answer.clone())));
        }
        let raises = bench.lane.account(bench.now).raises;
        assert_eq!(raises > 0, raised, "{name}: {raises} raises");
        assert!(raised || sends >= 10, "{name}: sent again {sends} times");
    }
}

#[test]
fn what_was_raised_is_raised_again_only_once_it_was_looked_at() {
    let mut bench = Bench::new();
    let orders = bench.want(1);
    bench.answer(sent(&orders)[0], Answer::Refused("transaction underpriced".to_owned()));
    for _ in 0..40 {
        bench.look.head += 1;
        bench.tick(BLOCK);
        let orders = bench.check(1, Verdict::Worth { gas: 100_000 });
        sent(&orders).iter().for_each(|order| drop(bench.answer(order, Answer::Refused("rate limit".to_owned()))));
    }
    assert_eq!(bench.lane.account(bench.now).raises, 1);
    for _ in 0..100 {
        bench.look.head += 1;
        let mut orders = bench.tick(BLOCK);
        orders.extend(bench.check(1, Verdict::Worth { gas: 100_000 }));
        if let Some(Ended::Failed(why)) = ended(&orders) {
            assert!(why.contains("no node has taken it in 100 s; rate limit"), "{why}");
            return;
        }
    }
    panic!("whoever wants it is never told");
}

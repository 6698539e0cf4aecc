//! Nodes that take less than they could.

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
        bench.tick(Duration::ZERO);
        let orders = bench.want(1);
        let [Order::Send { tx, .. }] = sent(&orders)[..] else { panic!("{orders:?}") };
        bench.give(Event::Answered { tx: *tx, answers });
        assert_eq!(bench.lane.account(bench.now).trouble().is_some(), trouble);
        assert_eq!(sent(&bench.tick(BLOCK * 2)).len(), usize::from(trouble), "sent again where nobody has it");
    }
}

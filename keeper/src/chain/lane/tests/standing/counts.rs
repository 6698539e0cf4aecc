//! How many nonces a node shows as used, and how far it is believed.

use super::*;

/// A node that makes up a count would leave what is sent under it waiting for good.
#[test]
fn more_used_nonces_than_ours_are_believed_once_they_were_seen_often() {
    for (mined, looks) in [(2, 3), (50, 10)] {
        let mut bench = Bench::new();
        bench.look.mined = mined;
        let mut count = 0;
        bench.want(1);
        while bench.disk.entries.is_empty() && count < 30 {
            count += 1;
            bench.tick(BLOCK / 2);
            bench.check(1, WORTH);
        }
        assert_eq!(bench.disk.entries.keys().copied().collect::<Vec<_>>(), [mined]);
        assert!((looks - 2..=looks).contains(&count), "{mined}: {count} looks");
    }
}

/// Another program used the account before the first start, or did since: with one node nobody could tell better later.
#[test]
fn an_only_node_is_believed_at_once() {
    for used in [1, 50, 5_000] {
        let mut bench = Bench::new();
        bench.lane.terms.nodes = 1;
        bench.look.mined = used;
        let orders = bench.want(1);
        assert_eq!(bench.sends(&orders), [(used, 1)]);
        bench.answer(sent(&orders)[0], Answer::Taken);
        bench.include(used);
        bench.look.mined += 3;
        bench.tick(BLOCK);
        let orders = bench.want(2);
        assert_eq!(bench.sends(&orders), [(used + 4, 2)]);
    }
}

/// Nothing waits for a second word where the count is what the ledger says, however many nodes there are.
#[test]
fn what_follows_the_ledger_is_sent_at_once() {
    let mut bench = Bench::new();
    for nonce in 0..30 {
        let id = nonce as u8 + 1;
        let orders = bench.want(id);
        assert_eq!(bench.sends(&orders), [(nonce, id)]);
        bench.answer(sent(&orders)[0], Answer::Taken);
        bench.include(nonce);
        bench.look.head += 1;
        bench.tick(BLOCK);
    }
}

#[test]
fn all_nonces_that_others_wait_for_are_used_up_at_once() {
    let mut bench = started(&[(30, &[1])]);
    (0..6).for_each(|_| drop(bench.one_block()));
    assert_eq!(bench.disk.entries.keys().copied().collect::<Vec<_>>(), (0..=30).collect::<Vec<_>>());
}

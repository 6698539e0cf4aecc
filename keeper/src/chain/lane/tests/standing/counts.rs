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

/// A node that lies about the count keeps what was sent under the nonce it has made up, and may include it when the account
/// comes to that nonce.
#[test]
fn what_was_sent_under_a_nonce_that_never_was_is_looked_at_again_before_it_is_reached() {
    let mut bench = Bench::new();
    bench.look.mined = 70;
    bench.want(1);
    let lied = (0..12).find_map(|_| {
        let mut orders = bench.tick(BLOCK / 2);
        orders.extend(bench.check(1, WORTH));
        sent(&orders).first().map(|&order| order.clone())
    });
    bench.answer(&lied.expect("believed in the end"), Answer::Taken);
    assert_eq!(bench.entry(70).key, B256::repeat_byte(1));

    bench.look.mined = 0;
    let mut orders = bench.tick(BLOCK);
    orders.extend(bench.check(1, WORTH));
    orders.extend(bench.tick(BLOCK));
    assert_eq!(bench.sends(&orders), [(0, 1)], "its content is free for another nonce");
    assert!(bench.disk.entries.contains_key(&70), "a restart knows of it");
    assert_eq!(bench.lane.account(bench.now).open, 1, "nothing waits for it");
    bench.answer(sent(&orders)[0], Answer::Taken);
    bench.include(0);
    bench.tick(BLOCK);

    // Its content is done, under the other nonce; then so much is sent that the account comes near the nonce.
    for nonce in 1..62 {
        let id = nonce as u8 + 1;
        let orders = bench.want(id);
        assert_eq!(bench.sends(&orders), [(nonce, id)]);
        bench.answer(sent(&orders)[0], Answer::Taken);
        bench.include(nonce);
        bench.look.head += 1;
        bench.tick(BLOCK);
    }
    bench.tick(BLOCK);
    let orders = bench.check(1, Verdict::Useless);
    assert_eq!(bench.sends(&orders), [(70, 0)], "it is used up, for more than what pools may hold");
    let fees: Vec<u128> = bench.entry(70).attempts.iter().map(|attempt| attempt.fees.max_fee).collect();
    assert!(matches!(fees[..], [first, second] if second > first), "{fees:?}");
}

//! Contents that more than one nonce may carry, and those that no nonce may forget.

use super::*;
use crate::chain::fees::Fees;
use crate::chain::nonce::Attempt;

mod counts;

const WORTH: Verdict = Verdict::Worth { gas: 100_000 };

/// A ledger entry that was for these contents one after the other; 0 is a transfer to oneself.
fn entry(nonce: u64, contents: &[u8]) -> Entry {
    let (mut attempts, mut entry) = (Vec::new(), Entry::idle(nonce, Address::repeat_byte(9)));
    for (place, &id) in contents.iter().enumerate() {
        let tip = 10_000_000 + 2_000_000 * place as u128;
        let fees = Fees { max_fee: 2_000_000_000 + 300_000_000 * place as u128, tip };
        if id == 0 {
            entry = Entry::idle(nonce, Address::repeat_byte(9));
        } else {
            let (key, call) = (B256::repeat_byte(id), call(id));
            entry = Entry { nonce, key, call, gas_limit: 112_500, attempts: Vec::new() };
        }
        let Entry { call: Call { to, input, .. }, gas_limit, key, .. } = &entry;
        let draft = Draft { nonce, to: *to, input, gas_limit: *gas_limit, fees };
        let (tx, _) = Pen.sign(&draft).expect("it signs");
        attempts.push(Attempt { tx, key: *key, fees });
    }
    Entry { attempts, ..entry }
}

fn started(entries: &[(u64, &[u8])]) -> Bench {
    let mut disk = Ledger::empty(1, Address::repeat_byte(9));
    disk.entries = entries.iter().map(|(nonce, contents)| (*nonce, entry(*nonce, contents))).collect();
    Bench::with(disk)
}

impl Bench {
    /// The nonces and the contents that are sent.
    fn sends(&self, orders: &[Order]) -> Vec<(u64, u8)> {
        let place = |order: &Order| {
            let Order::Send { tx, .. } = order else { return None };
            let (nonce, entry) = self.disk.entries.iter().find(|(_, entry)| carries(entry, *tx))?;
            let attempt = entry.attempts.iter().find(|attempt| attempt.tx == *tx)?;
            Some((*nonce, attempt.key[0]))
        };
        orders.iter().filter_map(place).collect()
    }

    fn one_block(&mut self) -> Vec<Order> {
        self.look.head += 1;
        let mut orders = self.tick(BLOCK);
        orders.extend(self.check(1, WORTH));
        let sent: Vec<Order> = sent(&orders).into_iter().cloned().collect();
        sent.iter().for_each(|order| orders.extend(self.answer(order, Answer::Taken)));
        orders
    }

    /// The transaction of a content is in a block.
    fn include_as(&mut self, nonce: u64, id: u8) {
        let key = if id == 0 { B256::ZERO } else { B256::repeat_byte(id) };
        let tx = self.entry(nonce).attempts.iter().find(|attempt| attempt.key == key).expect("offered").tx;
        self.look.mined = nonce + 1;
        let receipt = Receipt { tx, block: self.look.head, success: true, gas_used: 1, price: 1, logs: vec![] };
        self.look.receipts.insert(tx, receipt);
    }

    fn reorganise(&mut self, mined: u64) {
        (self.look.mined, self.look.head) = (mined, self.look.head + 1);
        self.look.receipts.clear();
    }

    /// Content 1 was sent under nonce 0, which is for a transfer to oneself by now.
    fn handed_over() -> Self {
        let mut bench = Self::new();
        let orders = bench.want(1);
        bench.answer(sent(&orders)[0], Answer::Taken);
        bench.look.head += 1;
        bench.tick(BLOCK * 3);
        let orders = bench.check(1, Verdict::Useless);
        bench.answer(sent(&orders)[0], Answer::Taken);
        bench
    }
}

fn carries(entry: &Entry, tx: B256) -> bool {
    entry.attempts.iter().any(|attempt| attempt.tx == tx)
}

#[test]
fn what_an_earlier_attempt_has_settled_gets_no_second_nonce() {
    let mut bench = Bench::handed_over();
    bench.include_as(0, 1);
    let orders = bench.tick(BLOCK);
    assert!(matches!(ended(&orders), Some(Ended::Included(_))), "{orders:?}");
    // A node that is behind finds it worth its gas.
    bench.want(1);
    bench.one_block();
    assert_eq!(bench.disk.entries.keys().copied().collect::<Vec<_>>(), [0], "it stands under the first");
    bench.reorganise(0);
    for _ in 0..10 {
        let orders = bench.one_block();
        assert!(bench.sends(&orders).iter().all(|(nonce, _)| *nonce == 0), "{orders:?}");
    }
    bench.include_as(0, 0);
    (0..3).for_each(|_| drop(bench.one_block()));
    assert_eq!(bench.entry(1).key, B256::repeat_byte(1), "now nothing else can carry it");
}

#[test]
fn after_a_start_a_content_waits_for_the_lower_nonce_that_may_carry_it() {
    for first in [&[1, 0][..], &[1], &[1, 2, 0]] {
        let mut bench = started(&[(0, first), (1, &[1])]);
        for _ in 0..10 {
            let orders = bench.one_block();
            assert!(!bench.sends(&orders).contains(&(1, 1)), "{first:?}: {orders:?}");
        }
        assert!(bench.entry(0).is_idle(), "{first:?}");
        bench.include_as(0, 0);
        bench.tick(BLOCK);
        let orders = bench.one_block();
        assert!(bench.sends(&orders).contains(&(1, 1)), "{first:?}: {orders:?}");
    }
}

#[test]
fn after_a_start_a_content_leaves_the_lower_nonce_where_a_higher_one_may_carry_it() {
    let mut bench = started(&[(0, &[1]), (1, &[1, 0])]);
    for _ in 0..10 {
        let orders = bench.one_block();
        assert!(bench.sends(&orders).iter().all(|(_, id)| *id == 0), "{orders:?}");
    }
    bench.include_as(0, 0);
    bench.one_block();
    bench.include_as(1, 0);
    (0..3).for_each(|_| drop(bench.one_block()));
    assert_eq!(bench.entry(2).key, B256::repeat_byte(1), "it was not forgotten");
}

/// Its second nonce was given to it while a block had closed the first, and waits for the disk; the block is gone, and pools
/// may hold it under the first, which is for another content by now.
#[test]
fn what_never_left_under_its_second_nonce_does_not_leave_while_the_first_may_carry_it() {
    let mut bench = Bench::handed_over();
    bench.look.mined = 1; // by a transaction that nobody knows
    (0..6).for_each(|_| drop(bench.tick(BLOCK)));
    let (key, now) = (B256::repeat_byte(1), bench.now);
    bench.lane.on(Event::Want { after: None, key, call: call(1) }, now);
    let orders = bench.lane.on(Event::Checked { key, pending: true, verdict: WORTH }, now);
    let [Order::Write { revision, ledger }] = &orders[..] else { panic!("{orders:?}") };
    assert_eq!(ledger.entries[&1].key, key);
    let look = Look { mined: 0, head: bench.look.head + 1, ..bench.look.clone() };
    bench.lane.on(Event::Looked(Some(look)), now);
    let orders = bench.lane.on(Event::Written(*revision), now);
    let sends = sent(&orders);
    assert!(sends.iter().all(|order| !matches!(order, Order::Send { tx, .. } if carries(&ledger.entries[&1], *tx))));
}

/// It left under its second nonce, and no node has said that it has it there; then the first comes back to life.
#[test]
fn what_nodes_were_silent_about_waits_for_the_lower_nonce_that_may_carry_it() {
    let mut bench = Bench::handed_over();
    bench.look.mined = 1; // by a transaction that nobody knows
    (0..6).for_each(|_| drop(bench.tick(BLOCK)));
    let orders = bench.want(1);
    assert_eq!(bench.sends(&orders), [(1, 1)]);
    bench.answer(sent(&orders)[0], Answer::NoAnswer);
    bench.reorganise(0);
    for _ in 0..10 {
        let orders = bench.one_block();
        assert!(!bench.sends(&orders).contains(&(1, 1)), "{orders:?}");
    }
    bench.include_as(0, 0);
    bench.tick(BLOCK);
    let orders = bench.one_block();
    assert!(bench.sends(&orders).contains(&(1, 1)), "{orders:?}");
}

#[test]
fn a_content_whose_nonce_was_used_by_another_program_outlives_a_crash() {
    let mut before = Bench::new();
    let orders = before.want(1);
    before.answer(sent(&orders)[0], Answer::Taken);
    before.look.mined = 1;
    (0..6).for_each(|_| drop(before.tick(BLOCK)));
    assert_eq!(before.lane.account(before.now).displaced, 1);
    let mut bench = Bench::with(before.disk.clone());
    bench.look.mined = 1;
    (0..8).for_each(|_| drop(bench.one_block()));
    assert_eq!(bench.entry(1).key, B256::repeat_byte(1), "{:?}", bench.disk);
}

/// The pending block may hold the very transaction that waits to be sent again.
#[test]
fn an_answer_about_the_pending_block_is_not_taken_for_one_about_the_newest() {
    let mut bench = Bench::new();
    let orders = bench.want(1);
    bench.answer(sent(&orders)[0], Answer::Taken);
    bench.look.mined = 1;
    (0..6).for_each(|_| drop(bench.tick(BLOCK)));
    bench.reorganise(0);
    let orders = bench.tick(BLOCK);
    assert!(orders.iter().any(|order| matches!(order, Order::Check { pending: false, .. })), "{orders:?}");
    let key = B256::repeat_byte(1);
    bench.give(Event::Checked { key, pending: true, verdict: Verdict::Reverts(Bytes::new()) });
    assert_eq!(bench.entry(0).key, key, "it comes home to the nonce that may carry it");
    let orders = bench.give(Event::Checked { key, pending: false, verdict: WORTH });
    assert_eq!(bench.sends(&orders), [(0, 1)]);
}

#[test]
fn whoever_waits_is_told_though_no_node_answers() {
    let mut bench = Bench::new();
    let orders = bench.want(1);
    bench.answer(sent(&orders)[0], Answer::Taken);
    let mut told = None;
    for _ in 0..150 {
        bench.now += BLOCK;
        let now = bench.now;
        let mut orders = bench.lane.on(Event::Tick, now);
        orders.extend(bench.lane.on(Event::Looked(None), now));
        bench.lane.on(Event::Want { after: None, key: B256::repeat_byte(1), call: call(1) }, now);
        told = told.or(ended(&orders).map(|ended| (now, format!("{ended:?}"))));
    }
    let (at, why) = told.expect("it was told");
    assert!(at <= Duration::from_secs(110) && why.contains("stays on its way"), "{at:?}: {why}");
}

#[test]
fn a_receipt_that_the_count_of_nonces_denies_does_not_end_it() {
    let mut bench = Bench::new();
    let orders = bench.want(1);
    bench.answer(sent(&orders)[0], Answer::Taken);
    bench.include(0);
    bench.look.mined = 0;
    bench.look.head += 20;
    (0..5).for_each(|_| drop(bench.tick(BLOCK)));
    assert!(bench.disk.entries.contains_key(&0), "a node that lies about it does not make the ledger forget");
    bench.look.mined = 1;
    (0..2).for_each(|_| drop(bench.tick(BLOCK)));
    assert_eq!((bench.disk.entries.len(), bench.disk.floor), (0, 1));
}

/// A raise that a node took, and that no node would take again since the account cannot pay for it, may be included all the
/// same.
#[test]
fn a_raise_that_was_taken_stays_known_when_it_is_refused_later() {
    let mut bench = Bench::new();
    let orders = bench.want(1);
    bench.answer(sent(&orders)[0], Answer::Taken);
    bench.look.head += 1;
    bench.tick(BLOCK * 3);
    let orders = bench.check(1, WORTH);
    bench.answer(sent(&orders)[0], Answer::Taken);
    let raise = bench.entry(0).attempts[1].tx;
    let poor = Answer::Refused("insufficient funds for gas * price + value: balance 1, tx cost 2".to_owned());
    bench.answer(sent(&orders)[0], poor);
    assert_eq!(bench.entry(0).attempts.last().map(|newest| newest.tx == raise), Some(false), "the cheaper one goes on");
    let receipt = Receipt { tx: raise, block: 11, success: true, gas_used: 1, price: 1, logs: vec![] };
    bench.look.receipts.insert(raise, receipt);
    bench.look.mined = 1;
    let orders = bench.tick(BLOCK);
    assert!(matches!(ended(&orders), Some(Ended::Included(_))), "{orders:?}");
}

#[test]
fn a_content_that_every_node_refused_under_its_second_nonce_goes_back_to_the_first() {
    let mut bench = Bench::new();
    let orders = bench.want(1);
    bench.answer(sent(&orders)[0], Answer::Taken);
    bench.look.mined = 1;
    (0..6).for_each(|_| drop(bench.tick(BLOCK)));
    let orders = bench.check(1, WORTH);
    assert_eq!(bench.sends(&orders), [(1, 1)], "the first nonce is another program's");
    bench.answer(sent(&orders)[0], Answer::Refused("NonceGap, Future nonce. Expected nonce: 1".to_owned()));
    bench.reorganise(0);
    bench.tick(BLOCK);
    let orders = bench.check(1, WORTH);
    assert_eq!(bench.sends(&orders), [(0, 1)]);
    assert_eq!(bench.disk.entries.keys().copied().collect::<Vec<_>>(), [0], "nobody waits above it");
}

#[test]
fn whoever_wants_what_is_included_is_told_though_it_is_deep_when_it_is_looked_at() {
    let mut bench = Bench::new();
    let orders = bench.want(1);
    bench.answer(sent(&orders)[0], Answer::Taken);
    bench.include(0);
    bench.tick(BLOCK);
    bench.want(1);
    bench.look.head += 20;
    let orders = bench.tick(BLOCK * 3);
    assert!(matches!(ended(&orders), Some(Ended::Included(_))), "{orders:?}");
    assert!(bench.disk.entries.is_empty());
}

/// Its earlier attempts stay what nodes may hold, so it does not come back to the nonce for more before that is used up.
#[test]
fn a_content_does_not_come_back_to_a_nonce_that_was_taken_from_it() {
    let mut bench = Bench::new();
    for id in [1, 6, 7, 8] {
        let orders = bench.want(id);
        bench.answer(sent(&orders)[0], Answer::NoAnswer);
    }
    let mut hand_over = |from: u8, next: u8| {
        bench.want(next);
        bench.look.head += 1;
        bench.tick(BLOCK * 4); // after silence one block, then the usual three
        bench.check(next, WORTH);
        let orders = bench.check(from, Verdict::Useless);
        sent(&orders).iter().for_each(|order| drop(bench.answer(order, Answer::NoAnswer)));
        bench.entry(0).key[0]
    };
    assert_eq!(hand_over(1, 2), 2);
    assert_eq!(hand_over(2, 1), 0, "to a transfer to oneself");
}

//! Single steps of the lane; what they add up to is tested by the simulator (`tests/src/sender`).

use super::*;
use crate::chain::fees::{Market, Policy};
use crate::chain::receipt::Receipt;
use alloy::primitives::Bytes;

mod again;
mod limits;
mod shares;
mod standing;

const BLOCK: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Pen;

impl Sign for Pen {
    fn sign(&self, draft: &Draft<'_>) -> Result<(B256, Bytes), String> {
        let text = format!("{draft:?}");
        Ok((alloy::primitives::keccak256(&text), Bytes::from(text.into_bytes())))
    }
}

/// A lane and the world as a test wants it.
struct Bench {
    lane: Lane,
    now: Duration,
    look: Look,
    disk: Ledger,
    /// Whether a content was last asked about at the pending block.
    pending: BTreeMap<B256, bool>,
    /// How many nonces a second node counts, where it does not agree.
    other: Option<u64>,
}

impl Bench {
    fn new() -> Self {
        Self::with(Ledger::empty(1, Address::repeat_byte(9)))
    }

    fn with(disk: Ledger) -> Self {
        let (patience, policy) = (Duration::from_secs(100), Policy::default());
        let terms = Terms { block_time: BLOCK, patience, policy, nodes: 2 };
        let market = Market { base_fee: 1_000_000_000, tip: None };
        let balance = U256::from(10_u64.pow(18));
        let look = Look { head: 10, market, gas_limit: 30_000_000, balance, ..Look::default() };
        let lane = Lane::new(disk.clone(), terms, Arc::new(Pen), Box::new(Sound));
        Self { lane, now: Duration::ZERO, look, disk, pending: BTreeMap::new(), other: None }
    }

    /// Brings an event, answers looks and writes, and gives back the other orders.
    fn give(&mut self, event: Event) -> Vec<Order> {
        let (mut left, mut events) = (Vec::new(), vec![event]);
        while let Some(event) = events.pop() {
            for order in self.lane.on(event, self.now) {
                match order {
                    Order::Look { second, .. } => {
                        let second = second.then(|| self.other.unwrap_or(self.look.mined));
                        events.push(Event::Looked(Some(Look { second, ..self.look.clone() })));
                    }
                    Order::Write { revision, ledger } => {
                        self.disk = ledger;
                        events.push(Event::Written(revision));
                    }
                    other => {
                        if let Order::Check { key, pending, .. } = other {
                            self.pending.insert(key, pending);
                        }
                        left.push(other);
                    }
                }
            }
        }
        left
    }

    fn tick(&mut self, after: Duration) -> Vec<Order> {
        self.now += after;
        self.give(Event::Tick)
    }

    fn want(&mut self, id: u8) -> Vec<Order> {
        let mut orders = self.give(Event::Want { after: None, key: B256::repeat_byte(id), call: call(id) });
        orders.extend(self.check(id, Verdict::Worth { gas: 100_000 }));
        orders
    }

    fn check(&mut self, id: u8, verdict: Verdict) -> Vec<Order> {
        let key = B256::repeat_byte(id);
        let pending = self.pending.get(&key).copied().unwrap_or(true);
        self.give(Event::Checked { key, pending, verdict })
    }

    fn answer(&mut self, sent: &Order, answer: Answer) -> Vec<Order> {
        let Order::Send { tx, .. } = sent else { panic!("{sent:?} is not sent") };
        self.give(Event::Answered { tx: *tx, answers: vec![answer] })
    }

    fn entry(&self, nonce: u64) -> &Entry {
        &self.disk.entries[&nonce]
    }

    fn include(&mut self, nonce: u64) {
        let tx = self.entry(nonce).attempts.last().expect("offered").tx;
        self.look.mined = nonce + 1;
        let receipt = Receipt { tx, block: self.look.head, success: true, gas_used: 1, price: 1, logs: vec![] };
        self.look.receipts.insert(tx, receipt);
    }
}

fn call(id: u8) -> Call {
    Call { to: Address::repeat_byte(3), input: Bytes::from(vec![id]), gas_floor: 0, last_block: None, counts: false }
}

fn sent(orders: &[Order]) -> Vec<&Order> {
    orders.iter().filter(|order| matches!(order, Order::Send { .. })).collect()
}

fn ended(orders: &[Order]) -> Option<&Ended> {
    orders.iter().find_map(|order| match order {
        Order::Done { ended, .. } => Some(ended),
        _ => None,
    })
}

#[test]
fn nothing_leaves_before_the_ledger_is_on_disk() {
    let mut bench = Bench::new();
    let now = bench.now;
    bench.lane.on(Event::Want { after: None, key: B256::repeat_byte(1), call: call(1) }, now);
    bench.lane.on(Event::Looked(Some(bench.look.clone())), now);
    let verdict = Verdict::Worth { gas: 1 };
    let orders = bench.lane.on(Event::Checked { key: B256::repeat_byte(1), pending: true, verdict }, now);
    let [Order::Write { revision, ledger }] = &orders[..] else { panic!("{orders:?}") };
    assert_eq!(ledger.entries[&0].attempts.len(), 1);
    let orders = bench.lane.on(Event::NotWritten("the disk is full".to_owned()), now);
    assert!(matches!(ended(&orders), Some(Ended::Failed(why)) if why.contains("full")), "{orders:?}");
    assert!(bench.lane.account(now).trouble().expect("red").contains("the disk is full"));
    let orders = bench.lane.on(Event::Written(*revision), now);
    assert_eq!(sent(&orders).len(), 1);
}

#[test]
fn the_gas_limit_is_never_below_the_floor() {
    for (floor, limit) in [(0, 112_500), (1_234_567, 1_234_567), (u64::MAX, GAS_MAX)] {
        let mut bench = Bench::new();
        bench.give(Event::Want { after: None, key: B256::repeat_byte(1), call: Call { gas_floor: floor, ..call(1) } });
        bench.check(1, Verdict::Worth { gas: 100_000 });
        assert_eq!(bench.entry(0).gas_limit, limit);
    }
}

#[test]
fn what_a_block_cannot_hold_is_not_sent() {
    let mut bench = Bench::new();
    bench.give(Event::Want { after: None, key: B256::repeat_byte(1), call: call(1) });
    let orders = bench.check(1, Verdict::Worth { gas: GAS_MAX + 1 });
    assert!(matches!(ended(&orders), Some(Ended::Failed(why)) if why.contains("gas limit too high")), "{orders:?}");
    assert!(bench.disk.entries.is_empty());
}

#[test]
fn several_are_open_at_a_time_in_the_order_of_their_nonces_up_to_a_bound() {
    let mut bench = Bench::new();
    for id in 1..=6 {
        let orders = bench.want(id);
        assert_eq!(sent(&orders).len(), usize::from(usize::from(id) <= OPEN_MAX));
    }
    assert_eq!(bench.disk.entries.keys().copied().collect::<Vec<_>>(), [0, 1, 2, 3]);
    for id in 7..=30 {
        let orders = bench.give(Event::Want { after: None, key: B256::repeat_byte(id), call: call(id) });
        let refused = matches!(ended(&orders), Some(Ended::Failed(why)) if why.contains("wait already"));
        assert_eq!(refused, bench.lane.account(bench.now).waiting == 16 && id > 20, "{id}: {orders:?}");
    }
}

#[test]
fn a_raise_waits_for_time_and_ends() {
    let mut bench = Bench::new();
    let orders = bench.want(1);
    bench.answer(sent(&orders)[0], Answer::Taken);
    let mut raises = 0;
    for second in 1..200 {
        bench.look.head += 100; // blocks alone raise nothing
        let asked = bench.tick(Duration::from_millis(500));
        if asked.iter().any(|order| matches!(order, Order::Check { pending: false, .. })) {
            let orders = bench.check(1, Verdict::Worth { gas: 100_000 });
            let before = raises;
            raises = bench.entry(0).attempts.len() - 1;
            assert!(raises <= before + 1 && second >= 6 * raises, "{raises} raises after {second} half seconds");
            sent(&orders).iter().for_each(|order| drop(bench.answer(order, Answer::Taken)));
        }
    }
    assert!((1..=RAISES_MAX as usize).contains(&raises), "{raises} raises");
    let tips: Vec<u128> = bench.entry(0).attempts.iter().map(|attempt| attempt.fees.tip).collect();
    assert!(tips.windows(2).all(|pair| pair[1] * 8 >= pair[0] * 9), "{tips:?}");
}

#[test]
fn what_others_have_settled_frees_its_nonce_for_the_next() {
    let mut bench = Bench::new();
    for id in 1..=5 {
        let orders = bench.want(id);
        sent(&orders).iter().for_each(|order| drop(bench.answer(order, Answer::Taken)));
    }
    bench.look.head += 1;
    bench.tick(BLOCK * 3);
    bench.check(5, Verdict::Worth { gas: 100_000 });
    let orders = bench.check(1, Verdict::Reverts(Bytes::from_static(b"NothingToSettle")));
    assert!(matches!(ended(&orders), Some(Ended::Refused(_))), "{orders:?}");
    let entry = bench.entry(0);
    assert_eq!(entry.key, B256::repeat_byte(5), "the fifth waited for a nonce");
    let [old, new] = &entry.attempts[..] else { panic!("{entry:?}") };
    assert!(new.fees.max_fee * 8 >= old.fees.max_fee * 9 && new.fees.tip * 8 >= old.fees.tip * 9);
}

#[test]
fn with_nothing_to_send_a_nonce_goes_to_a_transfer_to_oneself() {
    let mut bench = Bench::new();
    let orders = bench.want(1);
    bench.answer(sent(&orders)[0], Answer::Taken);
    bench.look.head += 1;
    bench.tick(BLOCK * 3);
    let orders = bench.check(1, Verdict::Useless);
    assert!(matches!(ended(&orders), Some(Ended::Useless)) && sent(&orders).len() == 1, "{orders:?}");
    let entry = bench.entry(0);
    assert!(entry.is_idle() && entry.gas_limit == 21_000 && entry.call.to == Address::repeat_byte(9));
}

#[test]
fn what_every_node_refuses_for_good_leaves_its_nonce_to_others() {
    let mut bench = Bench::new();
    let orders = bench.want(1);
    let words = "oversized data: transaction size 200000, limit 131072";
    let orders = bench.answer(sent(&orders)[0], Answer::Refused(words.to_owned()));
    assert!(matches!(ended(&orders), Some(Ended::Failed(why)) if why.contains(words)), "{orders:?}");
    assert!(bench.disk.entries.is_empty(), "nobody holds it, nothing is above it");
    assert!(bench.lane.account(bench.now).trouble().expect("red").contains(words));
    bench.want(2);
    assert_eq!(bench.entry(0).key, B256::repeat_byte(2));
}

#[test]
fn a_gap_below_an_open_nonce_is_filled() {
    let mut bench = Bench::new();
    let orders = bench.want(1);
    bench.answer(sent(&orders)[0], Answer::Taken);
    // The other program's transaction is in a block, ours after it; then the block is gone.
    bench.look.mined = 1;
    for _ in 0..6 {
        bench.tick(BLOCK);
    }
    bench.check(1, Verdict::Worth { gas: 100_000 });
    assert_eq!(bench.entry(1).key, B256::repeat_byte(1), "it took another nonce");
    bench.look.mined = 0;
    for _ in 0..20 {
        bench.look.head += 1;
        let orders = bench.tick(BLOCK);
        sent(&orders).iter().for_each(|order| drop(bench.answer(order, Answer::Taken)));
        bench.check(1, Verdict::Worth { gas: 100_000 });
    }
    assert!(bench.entry(0).is_idle() && bench.entry(0).attempts.last().is_some_and(|newest| newest.key.is_zero()));
}

#[test]
fn after_a_start_only_what_is_still_wanted_is_sent() {
    let mut before = Bench::new();
    before.want(1);
    before.want(2);
    let mut bench = Bench::with(before.disk.clone());
    let orders = bench.tick(BLOCK);
    assert_eq!(sent(&orders).len(), 0, "nobody was asked yet: {orders:?}");
    let orders = bench.check(2, Verdict::Worth { gas: 100_000 });
    assert_eq!(sent(&orders).len(), 1);
    let orders = bench.check(1, Verdict::Reverts(Bytes::new()));
    assert!(bench.entry(0).is_idle(), "{orders:?}");
    assert_eq!(sent(&orders).len(), 1, "the nonce is used up, for the one above it");
}

#[test]
fn a_reorganisation_opens_what_was_included_until_it_is_deep() {
    let mut bench = Bench::new();
    let orders = bench.want(1);
    bench.answer(sent(&orders)[0], Answer::Taken);
    bench.include(0);
    let orders = bench.tick(BLOCK);
    assert!(matches!(ended(&orders), Some(Ended::Included(_))), "{orders:?}");
    bench.look = Look { head: bench.look.head + 1, mined: 0, receipts: BTreeMap::new(), ..bench.look.clone() };
    let orders = bench.tick(BLOCK);
    assert!(matches!(&orders[..], [Order::Check { pending: false, .. }]), "{orders:?}");
    assert_eq!(sent(&bench.check(1, Verdict::Worth { gas: 100_000 })).len(), 1);
    bench.include(0);
    for _ in 0..15 {
        bench.look.head += 1;
        bench.tick(BLOCK);
    }
    assert!(bench.disk.entries.is_empty() && bench.disk.floor == 1, "{:?}", bench.disk);
}

#[test]
fn the_same_content_is_not_sent_under_two_nonces() {
    let mut bench = Bench::new();
    assert_eq!(sent(&bench.want(1)).len(), 1);
    assert_eq!(bench.want(1).len(), 0, "it is on its way");
    bench.include(0);
    bench.tick(BLOCK);
    bench.give(Event::Want { after: None, key: B256::repeat_byte(1), call: call(1) });
    let orders = bench.tick(BLOCK);
    assert!(matches!(ended(&orders), Some(Ended::Included(_))), "{orders:?}");
    assert_eq!(bench.disk.entries.len(), 1);
}

#[test]
fn an_account_that_cannot_pay_says_what_it_lacks() {
    let mut bench = Bench::new();
    bench.look.balance = U256::from(1_000);
    let orders = bench.want(1);
    assert!(matches!(ended(&orders), Some(Ended::Failed(why)) if why.contains("has 1000 wei")), "{orders:?}");
    assert!(bench.lane.account(bench.now).trouble().expect("red").contains("send the account some coin"));
}

#[test]
fn a_node_that_shows_a_nonce_from_nowhere_does_not_leave_the_account_there() {
    let mut bench = Bench::new();
    bench.look.mined = u64::MAX - 1;
    bench.want(1);
    bench.look.mined = 0;
    bench.tick(BLOCK);
    bench.tick(BLOCK);
    bench.check(1, Verdict::Worth { gas: 100_000 });
    assert_eq!(bench.disk.entries.keys().copied().collect::<Vec<_>>(), [0]);
}

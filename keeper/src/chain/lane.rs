//! One account's transactions, as a machine: what each nonce is for and what became of it. It does no IO and knows no
//! clock; `submitter/` carries out its orders, the simulator (`tests/src/sender`) does the same over a model of the world.
//!
//! ```text
//!  wanted ── checked ──▶ Written ──▶ Sent ──▶ Included ──▶ deep: forgotten
//!    ▲  │                  ▲ ▲       │ │ ▲        │
//!    │  └ over: told       │ └─raise─┤ │ └────────┤ orphaned: Checking, then sent again
//!    │                     │         │ │          │
//!    │                     └─────────┴─│──────────┘ its content is done, stale, impossible or too dear: handed over, to
//!    │                                 │            the next one wanted, at worst to a transfer to oneself
//!    └───────────────── Displaced ◀────┘ another program used the nonce
//! ```
//!
//! A nonce that only a lie about the account's count can have given is `Adrift`: its content waits for another one, and what was
//! sent is looked at again before the account comes to that nonce after all.
//!
//! Nothing leaves before the ledger that knows it is on disk: every change orders a write, and what waits for it is sent
//! when it is written. After a start every nonce of the ledger is looked at, and its content asked about, before anything
//! is sent again.

mod account;
mod offers;
mod order;
mod room;
mod rules;
mod slot;
mod standing;
mod turns;
mod waiting;

use super::cost::{DataPrice, worst};
use super::fees::Fees;
use super::nonce::{Entry, Ledger};
use super::refusal::Refusal;
use alloy::primitives::{Address, B256, U256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub use super::nonce::Call;
pub use account::{Account, UnderWay};
pub use order::{Answer, Draft, Ended, Event, Look, Order, Sign, Terms, Verdict};
pub use rules::{RAISES_MAX, Rules, Sound};

use account::Book;
use room::Room;
use slot::{Phase, Slot};
use standing::Stand;
use waiting::{Pushed, Queue, Ready};

/// Nonces open at a time.
pub const OPEN_MAX: usize = 4;
/// Largest gas limit of a transaction (EIP-7825).
pub const GAS_MAX: u64 = 1 << 24;
/// How long one nonce is open at a time after nodes refused a second one; then it is tried again, since a delegation can be
/// taken back.
const ALONE: Duration = Duration::from_secs(300);
/// How old a look may be for a nonce to be given away by it.
const FRESH: Duration = Duration::from_secs(2);
/// Time between two looks at an account that does nothing.
const IDLE: Duration = Duration::from_secs(30);
/// Pause after a write that failed.
const WRITE_PAUSE: Duration = Duration::from_secs(1);

/// The sender of one account on one chain.
#[derive(Debug)]
pub struct Lane {
    terms: Terms,
    rules: Box<dyn Rules>,
    signer: Arc<dyn Sign>,
    chain_id: u64,
    address: Address,
    floor: u64,
    slots: BTreeMap<u64, Slot>,
    queue: Queue,
    book: Book,
    /// Number of the newest ledger, of the one being written, and of the one on disk.
    revision: u64,
    writing: Option<u64>,
    written: u64,
    write_from: Duration,
    looking: bool,
    /// Whether the look under way asks for every receipt, and when the last such look began.
    thorough: bool,
    thorough_at: Option<Duration>,
    gap: Option<turns::Gap>,
    strange: Option<turns::Strange>,
    /// Until when one nonce is open at a time, because nodes take no more.
    alone_until: Duration,
}

impl Lane {
    /// Takes up what the ledger holds.
    #[must_use]
    pub fn new(ledger: Ledger, terms: Terms, signer: Arc<dyn Sign>, rules: Box<dyn Rules>) -> Self {
        let Ledger { chain_id, address, floor, entries } = ledger;
        let slots = entries.into_iter().map(|(nonce, entry)| (nonce, Slot::restored(entry)));
        Self {
            terms,
            rules,
            signer,
            chain_id,
            address,
            floor,
            slots: slots.collect(),
            queue: Queue::default(),
            book: Book::default(),
            revision: 0,
            writing: None,
            written: 0,
            write_from: Duration::ZERO,
            looking: false,
            thorough: false,
            thorough_at: None,
            gap: None,
            strange: None,
            alone_until: Duration::ZERO,
        }
    }

    /// How the account stands.
    #[must_use]
    pub fn account(&self, now: Duration) -> Account {
        let open = self.slots.values().filter(|slot| slot.is_open());
        let oldest = open.clone().map(|slot| slot.since).min();
        Account {
            under_way: UnderWay::of(open.clone(), now),
            open: open.count(),
            waiting: self.queue.len(),
            oldest_seconds: oldest.map_or(0, |since| now.saturating_sub(since).as_secs()),
            gap: self.gap.map(|gap| gap.nonce),
            ..self.book.account.clone()
        }
    }

    /// Takes in what happened at `now`, a time since any fixed moment; gives back what is to be done.
    pub fn on(&mut self, event: Event, now: Duration) -> Vec<Order> {
        let mut orders = Vec::new();
        let looks = match &event {
            Event::Tick => true,
            Event::Want { .. } => self.book.fresh(now, FRESH).is_none(),
            _ => false,
        };
        match event {
            Event::Tick => {
                let head = self.book.look.as_ref().map_or(0, |(look, _)| look.head);
                let over = self.queue.expire(now, head);
                orders.extend(over.into_iter().map(|(key, ended)| Order::Done { key, ended }));
                self.tell_late(now, &mut orders);
            }
            Event::Want { key, call, after } => self.want(key, call, after, now, &mut orders),
            Event::Looked(look) => {
                self.looking = false;
                if let Some(look) = look {
                    self.looked(&look, now, &mut orders);
                }
            }
            Event::Checked { key, pending: true, verdict } => self.weighed(key, verdict, now, &mut orders),
            Event::Checked { key, verdict, .. } => self.checked(key, verdict, now, &mut orders),
            Event::Written(revision) => {
                (self.writing, self.written) = (None, self.written.max(revision));
                self.book.account.disk = None;
            }
            Event::NotWritten(why) => self.not_written(why, now, &mut orders),
            Event::Answered { tx, answers } => self.answered(tx, &answers, now, &mut orders),
        }
        self.assign(now, &mut orders);
        let room = self.book.look.as_ref().map_or(Room::UNLIMITED, |(look, _)| self.room(now, look));
        let held_back = self.held_back();
        self.queue.ask((now, &self.terms), |key| held_back.contains(&key), room, &mut orders);
        if looks {
            self.look(now, &mut orders);
        }
        self.write(now, &mut orders);
        self.send_written(now, &mut orders);
        orders
    }

    fn want(&mut self, key: B256, call: Call, after: Option<B256>, now: Duration, orders: &mut Vec<Order>) {
        let until = now.saturating_add(self.terms.patience);
        if self.queue.holds(key) {
            return;
        }
        let kept = self.rules.keeps_to_one_nonce();
        let stands = |slot: &&mut Slot| {
            let present = slot.entry.key;
            slot.entry.holds(key, &call) && matches!(slot.stand(present), Some(Stand::Present | Stand::Included(_)))
        };
        if let Some(slot) = self.slots.values_mut().filter(|_| kept).find(stands) {
            slot.wanted_again(until);
            if slot.entry.key != key {
                slot.rename(key);
                self.revision += 1;
            }
            return;
        }
        let left = match self.queue.push(key, call, after, until) {
            Pushed::Waits => return,
            Pushed::InPlaceOf(larger) => larger,
            Pushed::NoRoom => key,
        };
        let why = format!("{} smaller transactions wait already; another keeper will take this one", self.queue.len());
        orders.push(Order::Done { key: left, ended: Ended::Failed(why) });
    }

    /// Gives free nonces to contents that are worth one.
    fn assign(&mut self, now: Duration, orders: &mut Vec<Order>) {
        while self.slots.values().filter(|slot| slot.is_open()).count() < self.open_max(now) {
            let Some(look) = self.book.fresh(now, FRESH.max(self.terms.block_time)) else { return };
            let Some(mined) = self.believed(look.mined) else { return };
            let Some(ready) = self.next_ready(self.room(now, &look)) else { return };
            let (key, until) = (ready.key, ready.until);
            let nonce = self.free_nonce(mined);
            let planned = self.plan(nonce, ready, None, &look);
            if let Err(ended) = planned.and_then(|(entry, fees)| self.open(entry, fees, until, now)) {
                if let Ended::Failed(why) = &ended {
                    self.book.note_refusals(vec![Refusal::new(self.rules.kind(why), why)], now);
                }
                orders.push(Order::Done { key, ended });
            }
        }
    }

    fn open_max(&self, now: Duration) -> usize {
        if now < self.alone_until { 1 } else { OPEN_MAX }
    }

    /// The next content that is worth a nonce, stands under none, and finds room.
    fn next_ready(&mut self, room: Room) -> Option<Ready> {
        let held_back = self.held_back();
        self.queue.take(|key| held_back.contains(&key), room)
    }

    /// What waits though it stands under a nonce that may still carry it.
    fn held_back(&self) -> BTreeSet<B256> {
        self.queue.keys().filter(|key| self.standing(*key, None).is_some()).collect()
    }

    fn room(&self, now: Duration, look: &Look) -> Room {
        let open = self.slots.values().filter(|slot| slot.is_open()).map(|slot| slot.entry.gas_limit);
        Room::beside(open, self.open_max(now), look.gas_limit, look.gas_used)
    }

    /// The lowest nonce that belongs to nothing, so gaps are filled.
    fn free_nonce(&self, mined: u64) -> u64 {
        let from = mined.max(self.floor);
        (from..=u64::MAX).find(|nonce| !self.slots.contains_key(nonce)).unwrap_or(u64::MAX)
    }

    /// Works out limit and fees of a content under a nonce; `instead` of what was offered for it before.
    fn plan(&self, nonce: u64, ready: Ready, instead: Option<Fees>, look: &Look) -> Result<(Entry, Fees), Ended> {
        let Ready { key, call, gas, .. } = ready;
        let most = look.gas_limit.min(GAS_MAX);
        if gas > most {
            return Err(Ended::Failed(format!(
                "it needs {gas} gas, a transaction here may have {most}: gas limit too high; list the job with less callback gas"
            )));
        }
        // A callback gets at most 63/64 of what is left (EIP-150); an estimate is exact for one state only.
        let gas_limit = gas.saturating_add(gas / 8).max(call.gas_floor).min(most);
        let policy = &self.terms.policy;
        let fees = match instead {
            Some(old) => policy.raised(old, look.market),
            None => policy.first(look.market),
        };
        let fees = fees.ok_or_else(|| {
            let (base, most) = (look.market.base_fee, policy.max_fee);
            Ended::Failed(format!("the base fee is {base} wei, no more than {most} is paid: underpriced"))
        })?;
        let entry = Entry { nonce, key, call, gas_limit, attempts: Vec::new() };
        let (cost, bound) = (worst(gas_limit, fees, look.data, entry.call.input.len()), self.bound(nonce, look.data));
        if look.balance < bound.saturating_add(cost) {
            let (account, balance) = (self.address, look.balance);
            let data = look.data.of(entry.call.input.len());
            let of_it = if data.is_zero() { String::new() } else { format!(" (its data alone {data} at present)") };
            let beside = if bound.is_zero() { String::new() } else { format!(", and open ones {bound}") };
            return Err(Ended::Failed(format!(
                "insufficient funds: the account {account} has {balance} wei, this transaction may cost {cost}{of_it}{beside}; send it some"
            )));
        }
        Ok((entry, fees))
    }

    /// What the open nonces but one may cost, at this price of data.
    fn bound(&self, but: u64, data: DataPrice) -> U256 {
        let others = self.slots.iter().filter(|(nonce, slot)| **nonce != but && slot.is_open());
        let costs = others.filter_map(|(_, slot)| Some(slot.worst(slot.newest()?.fees, data)));
        costs.fold(U256::ZERO, U256::saturating_add)
    }

    fn open(&mut self, entry: Entry, fees: Fees, until: Duration, now: Duration) -> Result<(), Ended> {
        let nonce = entry.nonce;
        let mut slot = Slot::new(entry, until, now);
        slot.offer(fees, self.revision + 1, now, &*self.signer).map_err(Ended::Failed)?;
        self.revision += 1;
        self.slots.insert(nonce, slot);
        Ok(())
    }

    /// Looks at the chain: at every tick while something is open or wanted, else seldom. Once a block time, for the
    /// receipts of what is included too.
    fn look(&mut self, now: Duration, orders: &mut Vec<Order>) {
        let pause = if self.slots.values().all(Slot::is_adrift) { IDLE } else { self.terms.block_time };
        let thorough = self.thorough_at.is_none_or(|at| now.saturating_sub(at) >= pause);
        if self.looking || !(thorough || self.is_busy()) {
            return;
        }
        (self.looking, self.thorough) = (true, thorough);
        if thorough {
            self.thorough_at = Some(now);
        }
        let asked = self.slots.values().filter(|slot| thorough || slot.is_open());
        let hashes = asked.flat_map(Slot::hashes).collect();
        let second = self.terms.nodes > 1 && self.slots.values().any(Slot::is_doubted);
        orders.push(Order::Look { hashes, second });
    }

    fn is_busy(&self) -> bool {
        !self.queue.is_empty() || self.slots.values().any(Slot::is_open)
    }

    fn write(&mut self, now: Duration, orders: &mut Vec<Order>) {
        if self.writing.is_some() || self.written >= self.revision || now < self.write_from {
            return;
        }
        self.writing = Some(self.revision);
        let entries = self.slots.iter().map(|(nonce, slot)| (*nonce, slot.entry.clone())).collect();
        let Self { chain_id, address, floor, revision, .. } = *self;
        orders.push(Order::Write { revision, ledger: Ledger { chain_id, address, floor, entries } });
    }

    fn not_written(&mut self, why: String, now: Duration, orders: &mut Vec<Order>) {
        (self.writing, self.write_from) = (None, now.saturating_add(WRITE_PAUSE));
        for slot in self.slots.values_mut().filter(|slot| matches!(slot.phase, Phase::Written) && !slot.told) {
            slot.told = true;
            orders.push(Order::Done { key: slot.entry.key, ended: Ended::Failed(why.clone()) });
        }
        self.book.account.disk = Some(why);
    }
}

#[cfg(test)]
mod tests;

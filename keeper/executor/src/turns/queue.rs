//! Who waits and who is next: without a clock or a task of its own.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// On whose account a place is used.
pub(crate) type Customer = [u8; 20];

/// How many there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Places.
    pub(crate) places: usize,
    /// Of these, what slow customers may hold together.
    pub(crate) slow_places: usize,
    /// Of these, what one customer may hold.
    pub(crate) places_each: usize,
    /// A turn that takes so long makes its customer slow for a good while.
    pub(crate) slow: Duration,
    /// Who may wait.
    pub(crate) waiting: usize,
    /// Who may wait for one customer.
    pub(crate) waiting_each: usize,
}

/// In so long half of the time that a customer has used is forgotten.
const HALF_LIFE: Duration = Duration::from_secs(30);
/// In so long its slowest turn counts for half: whoever is slow now and then stays so.
const PEAK_HALF_LIFE: Duration = Duration::from_secs(300);
/// For so long after a customer that was quick has turned out slow, a record of up to twice its length is none: whoever has many
/// customers be quick once, and slow all together, else has every place by it. Longer records than the most stay what they are.
const DOUBT: Duration = Duration::from_secs(60);
const DOUBTED_MOST: u32 = 64;
/// Customers remembered who neither wait nor hold a place.
const ACCOUNTS_MAX: usize = 4096;

/// Those who wait, each with something to answer by.
#[derive(Debug)]
pub(super) struct Queue<W> {
    bounds: Bounds,
    held: usize,
    slow_held: usize,
    waiting: usize,
    /// Numbers those who wait, in the order they came.
    came: u64,
    customers: HashMap<Customer, Account<W>>,
    doubt: Doubt,
}

/// Which records say nothing for now.
#[derive(Debug, Clone, Copy)]
struct Doubt {
    /// Quick turns in a row up to which they do not.
    record: u32,
    until: Instant,
}

impl Doubt {
    fn covers(self, record: u32, now: Instant) -> bool {
        now < self.until && record <= self.record
    }

    /// One with this record has turned out slow. What is doubted less than now says nothing new: whoever is slow with hardly a
    /// record must not keep up what one with a long record has brought.
    fn note(&mut self, record: u32, now: Instant) {
        let doubted = record.saturating_mul(2).min(DOUBTED_MOST);
        if doubted > 0 && (now >= self.until || doubted >= self.record) {
            (self.record, self.until) = (doubted, now + DOUBT);
        }
    }
}

#[derive(Debug)]
struct Account<W> {
    held: usize,
    /// Time used, and the longest turn; `None` before the first. Both as of `at`, and forgotten bit by bit.
    used: Duration,
    peak: Option<Duration>,
    /// Quick turns in a row.
    record: u32,
    at: Instant,
    waiting: VecDeque<Waiter<W>>,
}

#[derive(Debug)]
struct Waiter<W> {
    number: u64,
    is_late: bool,
    by: W,
}

/// A place for somebody who waited.
#[derive(Debug)]
pub(super) struct Granted<W> {
    pub(super) waiter: W,
    pub(super) customer: Customer,
    /// To be named when the place is given back.
    pub(super) counts_as_slow: bool,
}

impl<W> Queue<W> {
    pub(super) fn new(bounds: Bounds) -> Self {
        let doubt = Doubt { record: 0, until: Instant::now() };
        Self { bounds, held: 0, slow_held: 0, waiting: 0, came: 0, customers: HashMap::new(), doubt }
    }

    /// Lines somebody up, for what is late already or not; false if too many wait already. Who has left the line, as `left` tells,
    /// does not count.
    pub(super) fn ask(
        &mut self,
        (customer, is_late): (Customer, bool),
        by: W,
        left: impl Fn(&W) -> bool,
        now: Instant,
    ) -> bool {
        if self.waiting >= self.bounds.waiting {
            self.customers.values_mut().for_each(|account| account.waiting.retain(|waiter| !left(&waiter.by)));
            self.waiting = self.customers.values().map(|account| account.waiting.len()).sum();
        }
        let account = self.customers.entry(customer).or_insert_with(|| Account::new(now));
        let before = account.waiting.len();
        account.waiting.retain(|waiter| !left(&waiter.by));
        self.waiting -= before - account.waiting.len();
        if self.waiting >= self.bounds.waiting || account.waiting.len() >= self.bounds.waiting_each {
            return false;
        }
        account.waiting.push_back(Waiter { number: self.came, is_late, by });
        self.came += 1;
        self.waiting += 1;
        true
    }

    /// Whether a customer was quick of late, and is not doubted.
    pub(super) fn is_quick(&self, customer: Customer, now: Instant) -> bool {
        self.customers.get(&customer).is_some_and(|account| !account.is_slow(self.bounds.slow, self.doubt, now))
    }

    /// What a customer has used of late.
    #[cfg(test)]
    pub(super) fn used_by(&self, customer: Customer, now: Instant) -> Duration {
        self.customers.get(&customer).map_or(Duration::ZERO, |account| account.used_by(now))
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Who is next, if a place is free for anybody. Who has left the line, as `left` tells, is passed over here: given a
    /// place they would give it back, one inside the other, as deep as the line is long.
    pub(super) fn next(&mut self, left: impl Fn(&W) -> bool, now: Instant) -> Option<Granted<W>> {
        let (bounds, doubt) = (self.bounds, self.doubt);
        if self.held >= bounds.places || self.waiting == 0 {
            return None;
        }
        let mut gone = 0;
        self.customers.values_mut().for_each(|account| {
            while account.waiting.pop_front_if(|waiter| left(&waiter.by)).is_some() {
                gone += 1;
            }
        });
        self.waiting -= gone;
        let room_for_slow = self.slow_held < bounds.slow_places;
        let ranked = self.customers.iter().filter_map(|(customer, account)| {
            let Waiter { number, is_late, .. } = account.waiting.front()?;
            let may = account.held < bounds.places_each && (room_for_slow || !account.is_slow(bounds.slow, doubt, now));
            may.then(|| (account.held, *is_late, account.used_by(now), *number, *customer))
        });
        let (.., customer) = ranked.min()?;
        let account = self.customers.get_mut(&customer)?;
        let Waiter { by: waiter, .. } = account.waiting.pop_front()?;
        let counts_as_slow = account.is_slow(bounds.slow, doubt, now);
        account.held += 1;
        self.waiting -= 1;
        self.held += 1;
        self.slow_held += usize::from(counts_as_slow);
        Some(Granted { waiter, customer, counts_as_slow })
    }

    /// A place is free again: how long a turn of its customer is known to take, if that is known, and what it is charged for.
    pub(super) fn give_back(
        &mut self,
        customer: Customer,
        counted_as_slow: bool,
        (shown, used): (Option<Duration>, Duration),
        now: Instant,
    ) {
        self.held -= 1;
        self.slow_held -= usize::from(counted_as_slow);
        if let Some(account) = self.customers.get_mut(&customer) {
            let peak = account.peak_by(now);
            // One that was cut short took at least that long.
            let least = shown.or((used >= self.bounds.slow).then_some(used));
            account.peak = least.map(|least| peak.unwrap_or_default().max(least)).or(peak);
            match least {
                Some(least) if least >= self.bounds.slow => {
                    if peak.is_some_and(|peak| peak < self.bounds.slow) {
                        self.doubt.note(account.record, now);
                    }
                    account.record = 0;
                }
                Some(_) => account.record = account.record.saturating_add(1),
                None => {}
            }
            account.used = account.used_by(now) + used;
            account.at = now;
            account.held -= 1;
        }
        self.forget_some_customers();
    }

    /// Forgets customers who want nothing: at first those who were slow, for that is what an unknown one is taken for.
    fn forget_some_customers(&mut self) {
        let slow = self.bounds.slow;
        let wants = |account: &Account<W>| account.held > 0 || !account.waiting.is_empty();
        if self.customers.len() > ACCOUNTS_MAX {
            let quick = |account: &Account<W>| account.peak.is_some_and(|peak| peak < slow);
            self.customers.retain(|_, account| wants(account) || quick(account));
        }
        if self.customers.len() > 2 * ACCOUNTS_MAX {
            self.customers.retain(|_, account| wants(account));
        }
    }
}

impl<W> Account<W> {
    fn new(now: Instant) -> Self {
        Self { held: 0, used: Duration::ZERO, peak: None, record: 0, at: now, waiting: VecDeque::new() }
    }

    /// Whether it was slow of late, or nothing is known of it that says anything now.
    fn is_slow(&self, slow: Duration, doubt: Doubt, now: Instant) -> bool {
        doubt.covers(self.record, now) || self.peak_by(now).is_none_or(|peak| peak >= slow)
    }

    fn used_by(&self, now: Instant) -> Duration {
        self.used.mul_f64(self.rest(HALF_LIFE, now))
    }

    fn peak_by(&self, now: Instant) -> Option<Duration> {
        Some(self.peak?.mul_f64(self.rest(PEAK_HALF_LIFE, now)))
    }

    /// What is left by `now` of something of which half goes in every half life.
    fn rest(&self, half_life: Duration, now: Instant) -> f64 {
        let lives = now.saturating_duration_since(self.at).as_secs_f64() / half_life.as_secs_f64();
        0.5_f64.powf(lives)
    }
}

#[cfg(test)]
mod tests;

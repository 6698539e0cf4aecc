//! Places of which there are few (fetches, compilers, workers), given out so that nobody holds up the others.
//!
//! ```text
//!           a place is free, and it is its turn             dropped: the time it took is charged
//!  Waiting ─────────────────────────────────────► a `Turn` ─────────────────────────────────────► (none)
//!     └─ too many wait, of all or of this customer: none
//! ```
//!
//! The next place goes to the customer who holds the fewest, among those to one who wants it for what is not late yet, among those
//! to the one who has used the least time of late, among those to the one who has waited longest. Those who were slow of late, and those of whom nothing is known, may not have all places
//! together: some are left to the quick. When one that was quick turns out slow, short records say nothing for a while.

mod queue;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

pub(crate) use queue::{Bounds, Customer};
use queue::{Granted, Queue};

/// The places.
#[derive(Debug)]
pub(crate) struct Turns {
    queue: Mutex<Queue<oneshot::Sender<Turn>>>,
    unserved: AtomicU64,
}

/// Somebody who waits for a place, until there is one, or it is given up.
struct Wait<'a> {
    turns: &'a Turns,
    customer: Customer,
    was_served: bool,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if !self.was_served && self.turns.is_quick(self.customer) {
            self.turns.unserved.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Arc<Turns>,
    customer: Customer,
    counts_as_slow: bool,
    since: Instant,
    charge: Charge,
}

/// What a turn is charged for, and what it shows of its customer.
#[derive(Debug, Clone, Copy)]
enum Charge {
    /// The time that goes by.
    Passed,
    /// The same; but as long as it has not got to its end it does not show that its customer is quick.
    UnderWay,
    /// What it said.
    Took(Duration),
}

impl Turn {
    /// Somebody has it. One that nobody took, because whoever waited was given up in that moment, shows nothing: when hundreds
    /// are given up at once, each would hand its place to the next, and all would be taken for quick.
    fn taken(mut self) -> Self {
        self.charge = Charge::Passed;
        self
    }

    /// From now on it shows nothing but that it is slow, until it says what it took: whoever goes away early was not quick.
    pub(crate) fn begin(&mut self) {
        self.charge = Charge::UnderWay;
    }

    /// Says what it took, in the place of the time that went by.
    pub(crate) fn took(&mut self, took: Duration) {
        self.charge = Charge::Took(took);
    }
}

impl Turns {
    pub(crate) fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self { queue: Mutex::new(Queue::new(bounds)), unserved: AtomicU64::new(0) })
    }

    /// Waits for a place. `None`: too many wait already. Whoever waits may also go away, when the time of a run is over.
    pub(crate) async fn take(self: &Arc<Self>, customer: Customer) -> Option<Turn> {
        self.take_for(customer, false).await
    }

    /// The same, for what is late already or not: what is on time goes before it.
    pub(crate) async fn take_for(self: &Arc<Self>, customer: Customer, is_late: bool) -> Option<Turn> {
        let mut wait = Wait { turns: self, customer, was_served: false };
        let turn = self.line_up(customer, is_late).await;
        wait.was_served = turn.is_some();
        turn
    }

    /// How often there was no place in time for a customer who was quick of late: then it is this machine that was too slow.
    pub(crate) fn unserved(&self) -> u64 {
        self.unserved.load(Ordering::Relaxed)
    }

    async fn line_up(self: &Arc<Self>, customer: Customer, is_late: bool) -> Option<Turn> {
        let (waiter, given) = oneshot::channel();
        if !self.queue().ask((customer, is_late), waiter, oneshot::Sender::is_closed, Instant::now()) {
            return None;
        }
        self.give();
        given.await.ok().map(Turn::taken)
    }

    /// Whether a customer was quick of late.
    pub(crate) fn is_quick(&self, customer: Customer) -> bool {
        self.queue().is_quick(customer, Instant::now())
    }

    /// How many wait.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.queue().waiting()
    }

    /// A place that is free now, if nobody waits for one.
    pub(crate) fn take_at_once(self: &Arc<Self>, customer: Customer) -> Option<Turn> {
        let (waiter, mut given) = oneshot::channel();
        if !self.queue().ask((customer, false), waiter, oneshot::Sender::is_closed, Instant::now()) {
            return None;
        }
        self.give();
        given.try_recv().ok().map(Turn::taken)
    }

    /// Gives out what places are free.
    fn give(self: &Arc<Self>) {
        loop {
            let since = Instant::now();
            let Some(Granted { waiter, customer, counts_as_slow }) =
                self.queue().next(oneshot::Sender::is_closed, since)
            else {
                return;
            };
            // Whoever has gone away in this very moment gives it back by dropping it.
            drop(waiter.send(Turn {
                turns: Arc::clone(self),
                customer,
                counts_as_slow,
                since,
                charge: Charge::UnderWay,
            }));
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue<oneshot::Sender<Turn>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job as one who takes turns.
pub(crate) fn customer(job: u64) -> Customer {
    let mut customer = [0; 20];
    customer[..8].copy_from_slice(&job.to_be_bytes());
    customer
}

impl Drop for Turn {
    fn drop(&mut self) {
        let now = Instant::now();
        let passed = now - self.since;
        let (shown, used) = match self.charge {
            Charge::Passed => (Some(passed), passed),
            Charge::UnderWay => (None, passed),
            Charge::Took(took) => (Some(took), took),
        };
        self.turns.queue().give_back(self.customer, self.counts_as_slow, (shown, used), now);
        self.turns.give();
    }
}

#[cfg(test)]
mod tests;

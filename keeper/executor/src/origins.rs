//! Where a component comes from: its URL, and whoever else has it.
//!
//! ```text
//!                ┌─ others: asked at once, and again until this keeper's turn at the URL has come ─┐
//!   code, hash ──┤                                                                                 ├─► whichever has it first
//!                └─ URL: after a head start for those whose turn comes before ─────────────────────┘
//! ```
//!
//! Neither waits for the other to fail: others who lie or are slow cost a keeper at most its head start, and a URL that is dead
//! costs nothing where others have the code. The head start grows with a keeper's place in an order that is another one for each
//! code, so that a server sees a few keepers, the first at once, and the rest have the code from those.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::fetch::{Fetcher, NotFetched, check, is_far};
use crate::source::CodeSource;
use crate::turns::{Bounds, Customer, Turns};
use crate::{Abstain, Code};

/// Head start of each place over the next, and the longest one.
const HEAD_START: [Duration; 2] = [Duration::from_millis(400), Duration::from_secs(8)];
/// Pause before others are asked again; doubles up to the second figure.
const PAUSE: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];
/// Longest search among others, if they do not end it themselves.
const SEARCH: Duration = Duration::from_secs(120);
/// Searches at one time, those that slow owners may have of them, and those of one owner: each holds a component in memory.
const SEARCHES: Bounds = Bounds {
    places: 4,
    slow_places: 3,
    places_each: 2,
    slow: Duration::from_secs(2),
    waiting: 4096,
    waiting_each: 256,
};

/// Where codes are had from, as places in the counts.
const URL: usize = 0;
const OTHERS: usize = 1;
const NOWHERE: usize = 2;

/// The URL and the others.
#[derive(Debug)]
pub(crate) struct Origins {
    fetcher: Fetcher,
    others: Option<Arc<dyn CodeSource>>,
    searches: Arc<Turns>,
    head_start: [Duration; 2],
    counts: [AtomicU64; 3],
}

/// How often codes came from where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Had {
    pub(crate) from_urls: u64,
    pub(crate) from_others: u64,
    pub(crate) nowhere: u64,
}

impl Origins {
    pub(crate) fn new(fetcher: Fetcher, others: Option<Arc<dyn CodeSource>>) -> Self {
        let counts = std::array::from_fn(|_| AtomicU64::new(0));
        Self { fetcher, others, searches: Turns::new(SEARCHES), head_start: HEAD_START, counts }
    }

    /// How often codes came from where so far.
    pub(crate) fn had(&self) -> Had {
        let [from_urls, from_others, nowhere] =
            [URL, OTHERS, NOWHERE].map(|which| self.counts[which].load(Ordering::Relaxed));
        Had { from_urls, from_others, nowhere }
    }

    /// The component's bytes, with the hash that was asked for.
    pub(crate) async fn get(&self, code: &Code, owner: Customer) -> Result<Vec<u8>, NotFetched> {
        let got = match &self.others {
            // What is on this machine, or in the URL itself, needs nobody else.
            Some(others) if is_far(&code.url) => self.either(others.as_ref(), code, owner).await,
            _ => self.fetcher.fetch(code, owner).await.map(|bytes| (bytes, URL)),
        };
        match &got {
            Ok((_, from)) => self.count(*from),
            // Nobody was asked.
            Err(NotFetched { reason: Abstain::Busy, .. }) => {}
            Err(_) => self.count(NOWHERE),
        }
        got.map(|(bytes, _)| bytes)
    }

    fn count(&self, from: usize) {
        self.counts[from].fetch_add(1, Ordering::Relaxed);
    }

    /// The bytes, and where they come from.
    async fn either(
        &self,
        others: &dyn CodeSource,
        code: &Code,
        owner: Customer,
    ) -> Result<(Vec<u8>, usize), NotFetched> {
        let place = u32::try_from(others.place(code.hash).await).unwrap_or(u32::MAX);
        let [step, most] = self.head_start;
        let head_start = step.saturating_mul(place).min(most);
        let url = async {
            tokio::time::sleep(head_start).await;
            self.fetcher.fetch(code, owner).await
        };
        let search = self.search(others, code.hash, owner, head_start);
        tokio::pin!(url, search);
        let fetched = tokio::select! {
            fetched = &mut url => fetched,
            found = &mut search => match found {
                Some(bytes) => return Ok((bytes, OTHERS)),
                None => return url.await.map(|bytes| (bytes, URL)).map_err(nowhere),
            },
        };
        match fetched {
            Ok(bytes) => Ok((bytes, URL)),
            Err(failed) => search.await.map(|bytes| (bytes, OTHERS)).ok_or_else(|| nowhere(failed)),
        }
    }

    /// Asks others, again and again as long as those before this keeper have their head start: one of them may just have got it.
    async fn search(
        &self,
        others: &dyn CodeSource,
        hash: [u8; 32],
        owner: Customer,
        head_start: Duration,
    ) -> Option<Vec<u8>> {
        let until = Instant::now() + head_start;
        let [mut pause, longest] = PAUSE;
        loop {
            let begun = Instant::now();
            let found = {
                let _turn = self.searches.take(owner).await?;
                tokio::time::timeout(SEARCH, others.find(hash)).await.ok().flatten()
            };
            if let Some(bytes) = found.and_then(|bytes| check(&hash, bytes).ok()) {
                return Some(bytes);
            }
            if begun >= until {
                return None;
            }
            tokio::time::sleep(pause.min(until.saturating_duration_since(Instant::now()))).await;
            pause = (2 * pause).min(longest);
        }
    }
}

/// Says of what is not to be had at its URL that others do not have it either. What is wrong with the URL itself is said as before.
fn nowhere(failed: NotFetched) -> NotFetched {
    let reason = match failed.reason {
        Abstain::CodeUnavailable(why) => Abstain::CodeUnavailable(format!(
            "{why}; and no other keeper that was asked has it: publish it at its URL again"
        )),
        other => other,
    };
    NotFetched { reason, ..failed }
}

#[cfg(test)]
mod tests;

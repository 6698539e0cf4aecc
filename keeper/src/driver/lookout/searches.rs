//! Which blocks are still to be searched for logs that make jobs due.
//!
//! Jobs that want so many blocks on top of a log are searched for that many blocks behind the head, all those of one depth
//! together. One stretch is searched at a time: at the tip one block, by its hash; after a stop as many as there are. Depths take turns,
//! and each pauses by itself when a search fails: blocks that no node answers for hold up no other depth's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use consensus::anchor::BlockRef;
use consensus::time::Time;

use crate::jobs::JobBook;
use crate::jobs::search::{Stretch, Wanted};
use crate::jobs::trigger::Watch;

/// Most blocks searched at once.
const STRETCH_MAX: u64 = 256;
/// Pauses between tries.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long jobs whose logs were too many are asked about by themselves, and how many of them at most.
const APART_FOR: Duration = Duration::from_secs(600);
const APART_MAX: usize = 16;
/// So long without a whole search and something is wrong; what it is that fails is then looked for job by job.
const TROUBLE_AFTER: Duration = Duration::from_secs(30);

/// What is still to be searched of one depth.
#[derive(Debug)]
struct Span {
    /// Both ends included; empty where `from` is above `to`.
    from: u64,
    to: u64,
    /// Blocks that are searched at once: fewer after those that hold more than is taken.
    width: u64,
    /// When the next search may begin, and how long the pause before it is.
    not_before: Option<Time>,
    pause: Duration,
    /// Since when no search has succeeded, and why the last one did not.
    failing: Option<(Time, String)>,
}

impl Span {
    fn new(from: u64, to: u64) -> Self {
        Self { from, to, width: STRETCH_MAX, not_before: None, pause: Duration::ZERO, failing: None }
    }

    fn blocks(&self) -> u64 {
        (self.to + 1).saturating_sub(self.from)
    }

    fn is_due(&self, now: Time) -> bool {
        self.blocks() > 0 && self.not_before.is_none_or(|at| now >= at)
    }

    /// All blocks up to `to` are done, of those that were asked for but so many.
    fn succeeded(&mut self, stretch: &Stretch, left: u64) {
        let searched = (stretch.to - stretch.from + 1).saturating_sub(left);
        self.from = self.from.max(stretch.from + searched);
        self.width = if left > 0 { searched.max(1) } else { (self.width * 2).min(STRETCH_MAX) };
        (self.not_before, self.pause, self.failing) = (None, Duration::ZERO, None);
    }

    /// Whether searches have failed for a while.
    fn is_stuck(&self, now: Time) -> bool {
        self.failing.as_ref().is_some_and(|(since, _)| now >= since.plus(TROUBLE_AFTER))
    }

    fn failed(&mut self, why: String, now: Time) {
        self.pause = (self.pause * 2).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        self.not_before = Some(now.plus(self.pause));
        let since = self.failing.as_ref().map_or(now, |(since, _)| *since);
        self.failing = Some((since, why));
    }
}

/// What is still to be searched.
#[derive(Debug, Default)]
pub(in crate::driver) struct Searches {
    /// By depth.
    spans: BTreeMap<u64, Span>,
    /// The depth that was searched last: the others have their turn before it.
    turn: Option<u64>,
    searching: Option<Stretch>,
    numbers: u64,
    /// Jobs that are asked about by themselves, and until when.
    apart: BTreeMap<u64, Time>,
}

impl Searches {
    /// Another head: what it gives its depth is to be searched. What lies up to `back` blocks before the first head too.
    pub(in crate::driver) fn head(&mut self, head: u64, back: u64, book: &JobBook, confirmations: u64) {
        let depths = depths(book, confirmations);
        self.spans.retain(|depth, _| depths.contains(depth));
        for depth in depths {
            let Some(to) = head.checked_sub(depth) else { continue };
            let span = self.spans.entry(depth).or_insert_with(|| Span::new(to.saturating_sub(back), to));
            span.to = to;
        }
    }

    /// The next stretch to be searched, if it is time; `block` knows the blocks of the chain.
    pub(in crate::driver) fn next(
        &mut self,
        book: &JobBook,
        confirmations: u64,
        now: Time,
        block: impl Fn(u64) -> Option<BlockRef>,
    ) -> Option<Stretch> {
        if self.searching.is_some() {
            return None;
        }
        let due: Vec<u64> = self.spans.iter().filter(|(_, span)| span.is_due(now)).map(|(depth, _)| *depth).collect();
        let after = due.iter().find(|depth| self.turn.is_some_and(|turn| **depth > turn));
        let depth = *after.or(due.first())?;
        self.turn = Some(depth);
        let span = self.spans.get(&depth)?;
        let is_stuck = span.is_stuck(now);
        let (from, to) = (span.from, span.to.min(span.from.saturating_add(span.width - 1)));
        let followed = (from..=to).filter_map(|number| Some((number, block(number)?.hash))).collect();
        self.numbers += 1;
        self.apart.retain(|_, until| now < *until);
        let of_depth = wanted(book, confirmations).filter(|(of, _)| *of == depth);
        let wanted =
            of_depth.map(|(_, wanted)| Wanted { apart: self.apart.contains_key(&wanted.job), ..wanted }).collect();
        let stretch = Stretch { number: self.numbers, from, to, followed: Arc::new(followed), depth, wanted, is_stuck };
        self.searching = Some(stretch.clone());
        Some(stretch)
    }

    /// A search has ended: whether its answer is one, still. Then its blocks are done, but for so many at the end.
    pub(in crate::driver) fn ended(&mut self, number: u64, result: Result<u64, String>, now: Time) -> bool {
        let Some(stretch) = self.searching.take_if(|stretch| stretch.number == number) else { return false };
        let is_answer = result.is_ok();
        if let Some(span) = self.spans.get_mut(&stretch.depth) {
            match result {
                Ok(left) => span.succeeded(&stretch, left),
                Err(why) => span.failed(why, now),
            }
        }
        is_answer
    }

    /// The logs of a job are too many: for a while it is asked about by itself.
    pub(in crate::driver) fn set_apart(&mut self, job: u64, now: Time) {
        if self.apart.len() < APART_MAX || self.apart.contains_key(&job) {
            self.apart.insert(job, now.plus(APART_FOR));
        }
    }

    /// The blocks above `number` are orphaned: those in their place are to be searched.
    pub(in crate::driver) fn rewind(&mut self, number: u64) {
        for span in self.spans.values_mut() {
            span.from = span.from.min(number + 1);
            span.to = span.to.min(number);
        }
        self.searching.take_if(|stretch| stretch.to > number);
    }

    /// What is wrong, if searches have failed for a while.
    pub(in crate::driver) fn trouble(&self, now: Time) -> Option<String> {
        let stuck = self.spans.values().filter(|span| span.is_stuck(now));
        let lasting: Vec<_> = stuck.filter_map(|span| Some((span.failing.as_ref()?, span.blocks()))).collect();
        let ((since, why), _) = lasting.iter().min_by_key(|((since, _), _)| *since)?;
        let seconds = now.seconds().saturating_sub(since.seconds());
        let left: u64 = lasting.iter().map(|(_, blocks)| blocks).sum();
        Some(format!(
            "jobs that are due by logs are not seen: the logs of {left} blocks could not be read for {seconds} s ({why}); \
             add a node that serves eth_getLogs to rpc_urls"
        ))
    }
}

/// The depths that jobs want besides the network's confirmations.
fn depths(book: &JobBook, confirmations: u64) -> BTreeSet<u64> {
    wanted(book, confirmations).map(|(depth, _)| depth).collect()
}

/// What jobs look for, with the depth of each.
fn wanted(book: &JobBook, confirmations: u64) -> impl Iterator<Item = (u64, Wanted)> {
    book.watched().filter(|job| job.state().can_pay).filter_map(move |job| {
        let Watch::Logs(filter) = job.state().plan.as_ref().ok()?.trigger.watch() else { return None };
        let depth = filter.confirmations().saturating_sub(confirmations);
        Some((depth, Wanted { job: job.id, filter: filter.clone(), apart: false }))
    })
}

//! One task's whole life.
//!
//! ```text
//!         a quorum's certificate          the chain's word (from any phase)
//!   Open ───────────────────────► Certified ───────────────────────► Settled
//!    │ ◄───── reorganised ──────────┘   ▲ └─ deadline ─► Expired      │
//!    │ ◄───── reorganised ──────────────┴─────────────────────────────┘
//!    └─────── deadline ─────────────────────────────────► Expired
//! ```
//!
//! While it is open, one try follows the other, each pinned to a later anchor that every keeper derives alike, at most
//! [`ATTEMPTS_MAX`] of them; a certificate has its chance before the next try:
//!
//! ```text
//!   due, anchor certain            outcome
//!   ───────────────────► Running ───────────► Reported ── the journal refuses ──► Refused
//!                           └── nothing to say ──► Abstained
//! ```
//!
//! The chain's replay guard alone decides which attempt counts. The rules named below are those of `consensus/README.md`.

mod late;
mod look;
mod observed;
mod runs;
mod view;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy_primitives::{B256, Bytes};

use crate::agenda::Wake;
use crate::anchor::BlockRef;
use crate::effect::{Effect, Step};
use crate::facts::Facts;
use crate::inputs::InputSet;
use crate::message::BatchKey;
use crate::outbox::{Notice, Outbox};
use crate::report::Report;
use crate::task::{ATTEMPTS_MAX, Abstention, DueTask, Outcome};
use crate::time::{Pace, Time};

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Being tried.
    Open,
    /// A quorum's certificate is at hand.
    Certified {
        /// Since when.
        since: Time,
    },
    /// On chain.
    Settled {
        /// In which block.
        block: u64,
        /// Since when a certificate was at hand, if it was.
        certified: Option<Time>,
    },
    /// Given up: its deadline has passed.
    Expired {
        /// Since when a certificate was at hand, if it was.
        certified: Option<Time>,
    },
}

/// One try at a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// The code is running.
    Running {
        /// At this block.
        anchor: BlockRef,
    },
    /// It ended, and this is what the keeper has to say.
    Reported {
        /// The statement.
        report: Report,
        /// What it is about.
        outcome: Outcome,
    },
    /// It ended, and the journal refuses what the keeper would say: it signs nothing, and can still bring on chain what a
    /// quorum says alike.
    Refused {
        /// The statement.
        report: Report,
        /// What it is about.
        outcome: Outcome,
    },
    /// The keeper has nothing to say at this block; what kept it there need not keep it at another one.
    Abstained(BlockRef, Abstention),
}

/// What can happen to a task.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// Time has passed, or a block has come.
    Look,
    /// A run has ended: which try, at which block, and with what.
    Executed(u8, B256, Result<Outcome, Abstention>),
    /// A look outside has ended: of which try, at which block, and with what.
    Observed(u8, B256, Result<Bytes, Abstention>),
    /// What a leader has listed for a try is at hand.
    Agreed(u8, Arc<InputSet>),
    /// A try has decided on a set.
    Decided(u8, B256, Result<Outcome, Abstention>),
    /// The journal refuses what this keeper would say at a try, on an input set.
    Refused(u8, B256),
    /// It stands in this planned batch, which is of this try.
    Planned(BatchKey, u8),
    /// A batch of it has failed, and keepers do not agree on it.
    Split,
    /// That batch is forgotten.
    Dropped(BatchKey),
    /// A quorum's certificate on it verifies.
    Certified,
    /// The chain settled it in this block.
    Settled(u64),
    /// The blocks above this number are orphaned.
    Rewound(u64),
}

pub(crate) use observed::Glance;
pub(crate) use words::Word;

/// The state of one task.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    due: DueTask,
    /// Since when it is known here: of what the chain alone makes due that is later than it was due.
    known: Time,
    phase: Phase,
    /// The tries so far, by number.
    attempts: BTreeMap<u8, Attempt>,
    /// The planned batches it stands in.
    batches: BTreeSet<BatchKey>,
    words: words::Words,
    late: late::Late,
    /// What keepers saw of it, where its job looks outside.
    observed: observed::Observed,
    /// When this keeper saw it settled, if it has.
    settled_at: Time,
}

impl Session {
    /// A task that waits for its due moment, known from now on.
    pub(crate) fn new(due: DueTask, now: Time) -> Self {
        let (words, late) = (words::Words::default(), late::Late::default());
        Self {
            due,
            known: now,
            phase: Phase::Open,
            attempts: BTreeMap::new(),
            batches: BTreeSet::new(),
            words,
            late,
            observed: observed::Observed::default(),
            settled_at: Time(0),
        }
    }

    /// What happens to it, and what comes of that.
    pub(crate) fn handle(&mut self, event: Event, facts: &Facts, now: Time, outbox: &mut Outbox) {
        use Phase::{Certified, Expired, Open, Settled};
        let task = self.due.task;
        let certified = self.certified();
        match (self.phase, event) {
            // Remembered for a while after its end: latecomers ask, and a reorganisation may undo it (rule 17).
            (Settled { .. } | Expired { .. }, Event::Look) => self.wait_for_oblivion(facts, now, outbox),
            (Open | Certified { .. }, Event::Look) if now >= self.deadline(&facts.pace()) => {
                self.phase = Expired { certified };
                outbox.effect(Effect::Report(task, Step::Expired));
                self.wait_for_oblivion(facts, now, outbox);
            }
            // Rules 1 and 5: each try starts at its moment, and nobody waits for the leader.
            (Open | Certified { .. }, Event::Look) => self.try_it(facts, now, outbox),
            // Rule 5: what a run gave is reported, once, at the anchor it ran at.
            (_, Event::Executed(attempt, at, result)) => self.executed(attempt, at, result, outbox),
            // Rule 5: what the journal does not take is not said.
            (_, Event::Refused(attempt, input_set)) => self.refused(attempt, input_set),
            // Rule 20: what this keeper saw it signs and sends; what is agreed it decides on.
            (_, Event::Observed(attempt, at, result)) => self.saw(attempt, at, result, facts, now, outbox),
            (_, Event::Agreed(attempt, set)) => self.decide(attempt, set, facts, outbox),
            (_, Event::Decided(attempt, set, result)) => self.decided(attempt, set, result, outbox),
            // Rule 4: it may stand in several batches, one after the other.
            (_, Event::Planned(key, attempt)) => {
                self.batches.insert(key);
                self.plan(attempt, now, outbox);
            }
            (_, Event::Split) => self.late.is_split = true,
            (_, Event::Dropped(key)) => drop(self.batches.remove(&key)),
            // Rule 8: the first certificate counts, be it late; a settled task stays settled.
            (Open, Event::Certified) => self.certify(Certified { since: now }, outbox),
            (Settled { block, certified: None }, Event::Certified) => {
                self.certify(Settled { block, certified: Some(now) }, outbox);
            }
            (Expired { certified: None }, Event::Certified) => {
                self.certify(Expired { certified: Some(now) }, outbox);
            }
            (Certified { .. } | Settled { .. } | Expired { .. }, Event::Certified) => {}
            // The chain's word is the last one.
            (Settled { .. }, Event::Settled(block)) => self.phase = Settled { block, certified },
            (Open | Certified { .. } | Expired { .. }, Event::Settled(block)) => {
                self.phase = Settled { block, certified };
                self.settled_at = now;
                self.observed.let_go();
                outbox.effect(Effect::Report(task, Step::Settled));
                self.wait_for_oblivion(facts, now, outbox);
            }
            // Rule 17: what an orphaned block held is undone.
            (phase, Event::Rewound(number)) => self.rewind(phase, number, facts, now, outbox),
        }
    }

    fn certify(&mut self, phase: Phase, outbox: &mut Outbox) {
        self.phase = phase;
        outbox.effect(Effect::Report(self.due.task, Step::Certified));
    }

    fn wait_for_oblivion(&self, facts: &Facts, now: Time, outbox: &mut Outbox) {
        let pace = facts.pace();
        let over = match self.phase {
            // Not before whoever starts anew has stopped asking for it.
            Phase::Settled { .. } => {
                self.settled_at.max(pace.moment(self.due.due.saturating_add(pace.reach_seconds())))
            }
            _ => self.deadline(&pace),
        };
        let end = over.plus(pace.retention());
        match now >= end {
            true => outbox.tell(Notice::TaskEnded(self.due.task)),
            false => outbox.wake(end, Wake::Session(self.due.task)),
        }
    }

    /// Starts the attempt that is due, if its anchor is certain, and lists a later one under its window, so that the
    /// window's leader can assign it.
    fn try_it(&mut self, facts: &Facts, now: Time, outbox: &mut Outbox) {
        let (task, pace) = (self.due.task, facts.pace());
        let Some(attempt) = self.current_attempt(now, &pace) else {
            return outbox.wake(self.next_wake(now, &pace), Wake::Session(task));
        };
        let is_open = self.is_open(now, &pace);
        if !self.attempts.contains_key(&attempt) {
            match facts.anchor(&self.due, attempt).filter(|_| is_open) {
                Some(anchor) => self.start(attempt, anchor, facts, outbox),
                None => outbox.wake_with_next_block(Wake::Session(task)),
            }
        }
        if attempt > 0 && is_open {
            let window = pace.window_of(pace.attempt_due(self.due.due, attempt));
            outbox.tell(Notice::Opened { window, task, attempt });
        }
        outbox.wake(self.next_wake(now, &pace), Wake::Session(task));
        if is_open {
            self.catch_up(facts, now, outbox);
        }
    }

    fn start(&mut self, attempt: u8, anchor: BlockRef, facts: &Facts, outbox: &mut Outbox) {
        self.attempts.insert(attempt, Attempt::Running { anchor });
        if self.due.observes {
            self.observed.begin(attempt, anchor.into());
            outbox.tell(Notice::Begun(self.due.task, attempt));
        }
        let committee = facts.committee_at(anchor.number);
        if committee.is_some_and(|committee| facts.my_index(&committee).is_some()) {
            outbox.effect(Effect::Report(self.due.task, Step::Started { attempt, anchor }));
            let due = self.due;
            outbox.effect(match due.observes {
                true => Effect::Observe { due, attempt, anchor },
                false => Effect::Execute { due, attempt, anchor },
            });
        }
        self.have_batches_look(outbox);
    }

    fn have_batches_look(&self, outbox: &mut Outbox) {
        self.batches.iter().for_each(|&key| outbox.tell(Notice::LookAtBatch(key)));
    }

    /// Forgets the tries whose anchors lie above a block. What the journal holds of them stays: it is about another anchor
    /// (rule 5). A certificate that no block stands under any more will never settle.
    fn rewind(&mut self, phase: Phase, number: u64, facts: &Facts, now: Time, outbox: &mut Outbox) {
        self.attempts.retain(|_, attempt| match attempt {
            Attempt::Running { anchor, .. } | Attempt::Abstained(anchor, _) => anchor.number <= number,
            Attempt::Reported { report, .. } | Attempt::Refused { report, .. } => report.anchor.number <= number,
        });
        self.observed.rewind(number);
        let task = self.due.task;
        let certified = self.certified().filter(|_| self.words.is_certified_up_to(number, facts));
        let still_open = certified.map_or(Phase::Open, |since| Phase::Certified { since });
        self.phase = match phase {
            Phase::Open | Phase::Certified { .. } => still_open,
            Phase::Expired { .. } => Phase::Expired { certified },
            Phase::Settled { block, .. } if block > number && facts.laws().reopens() => {
                outbox.effect(Effect::Report(task, Step::Reopened));
                still_open
            }
            Phase::Settled { block, .. } => Phase::Settled { block, certified },
        };
        outbox.wake(now, Wake::Session(task));
        self.batches.iter().for_each(|&key| outbox.wake(now, Wake::Batch(key)));
    }

    fn certified(&self) -> Option<Time> {
        match self.phase {
            Phase::Open => None,
            Phase::Certified { since } => Some(since),
            Phase::Settled { certified, .. } | Phase::Expired { certified } => certified,
        }
    }

    /// The attempt that time has come to: the last one that should have started by `now`, if it is due at all (rule 1).
    fn current_attempt(&self, now: Time, pace: &Pace) -> Option<u8> {
        (0..ATTEMPTS_MAX).take_while(|&attempt| now >= self.attempt_start(attempt, pace)).last()
    }

    /// When to look at it again: at its next attempt, when it is late, or at its deadline.
    fn next_wake(&self, now: Time, pace: &Pace) -> Time {
        let starts = (0..ATTEMPTS_MAX).map(|attempt| self.attempt_start(attempt, pace));
        let deadline = self.deadline(pace);
        let moments = starts.chain([self.late_at(pace)]);
        { moments }.filter(|&moment| moment > now).min().unwrap_or(deadline).min(deadline)
    }

    fn attempt_start(&self, attempt: u8, pace: &Pace) -> Time {
        pace.moment(pace.attempt_due(self.due.due, attempt))
    }

    fn deadline(&self, pace: &Pace) -> Time {
        pace.moment(self.due.deadline)
    }
}

#[cfg(test)]
mod tests;

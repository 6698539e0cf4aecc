//! A disputed task: run again, ruled on together, and what follows from it brought on chain (rule 18).
//!
//! ```text
//!   what this keeper knows:     Due ──► Running ──► Known: signed and said, under each new epoch again
//!                                ▲ failed: later  │
//!                                └────────────────┘
//!   what the mesh and the chain know:
//!            80 % of the stake say the same             on chain: the report was wrong         nobody is left to punish
//!   Open ──────────────────────────────────► Agreed ─────────────────────────────────► Upheld ──────────────────► Over
//!    ▲ └─────────────── on chain (another brought it, or nobody in time) ──► Upheld or Over         ▲ a further certificate │
//!    └── the block of that is orphaned ◄── Upheld, Over                                             ├─ now and then ────────┤
//!                                                                                                   └── any reorganisation ─┘
//! ```
//!
//! In `Agreed` and `Upheld` the leaders of the window in which they began bring what is to be brought, one after the other, and when
//! the line has gone round those of another window.

mod event;
mod line;
mod speech;
mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use alloy_primitives::B256;

use crate::agenda::Wake;
use crate::effect::Effect;
use crate::facts::Facts;
use crate::outbox::Outbox;
use crate::time::Time;

pub use crate::ruling::{AgreedRuling, Answer};
pub use event::{DisputeEvent, Disputed};
use line::Line;
use words::Words;

/// Share of stake that overrules a certificate, in hundredths of a percent; the contract's `RULING_QUORUM_BPS`.
pub const RULING_QUORUM_BPS: u16 = 8_000;
/// Epochs under which rulings are collected: keepers see a new one a moment apart.
const EPOCHS_MAX: usize = 2;
/// First pause before a run that failed is tried again; it doubles. State at the anchor does not come back, but nodes do.
const PAUSE: Duration = Duration::from_secs(4);
const PAUSE_MOST: Duration = Duration::from_secs(256);
/// How often a ruling is said again, for those who were not there: gossip remembers what it has seen for 30 s.
const AGAIN: Duration = Duration::from_secs(40);
/// The longest pause before a task is run again because more stake says otherwise; it doubles from [`AGAIN`] on.
const DOUBT_MOST: Duration = Duration::from_secs(3_600);
/// How often it is looked whether somebody is left to punish after all: that nobody was is what the newest block said, which may
/// have been orphaned.
const LOOK_AGAIN: Duration = Duration::from_secs(600);
/// Blocks for which punishments are brought, whatever the deadline: nobody is punished twice, so trying costs nothing.
const PUNISHING_BLOCKS: u64 = 64;

/// What this keeper itself knows.
#[derive(Clone, Copy, Debug)]
enum Own {
    /// To be run at this moment, after so many tries; with what an earlier run gave, if there was one.
    Due(Time, u32, Option<Answer>),
    /// Being run.
    Running(u32, Option<Answer>),
    /// It gives this; said to the committee with this table at this moment.
    Known(Answer, Option<(B256, Time)>),
}

#[derive(Clone, Debug)]
enum Phase {
    Open,
    Agreed(Line),
    Upheld {
        block: u64,
        line: Option<Line>,
    },
    /// Since when, where the report was wrong: all its signers were punished then.
    Over {
        block: u64,
        upheld: Option<Time>,
    },
}

/// One dispute.
#[derive(Clone, Debug)]
pub(crate) struct Dispute {
    id: u64,
    about: Disputed,
    /// The newest epoch when it was opened: the contract takes rulings of no earlier one.
    from_epoch: u32,
    own: Own,
    /// How often its own answer was doubted, and when last.
    doubts: u32,
    doubted: Time,
    /// The block in which a certificate joined it last.
    joined: u64,
    words: BTreeMap<u32, Words>,
    phase: Phase,
}

impl Dispute {
    /// A dispute that was opened on chain.
    pub(crate) fn new(id: u64, about: Disputed, facts: &Facts, now: Time) -> Self {
        let from_epoch = facts.committees().next().map_or(0, |committee| committee.epoch());
        Self {
            id,
            about,
            from_epoch,
            own: Own::Due(now, 0, None),
            doubts: 0,
            doubted: Time(0),
            joined: 0,
            words: BTreeMap::new(),
            phase: Phase::Open,
        }
    }

    /// Something happened to it.
    pub(crate) fn handle(&mut self, event: DisputeEvent, facts: &mut Facts, now: Time, outbox: &mut Outbox) {
        match (event, &mut self.phase, self.own) {
            // Another report may have had the number before a reorganisation.
            (DisputeEvent::Reran { leaf, result }, _, Own::Running(tries, before))
                if leaf == self.about.report.leaf() =>
            {
                self.own = match (result, before) {
                    // What could not be run again stays as it was found.
                    (Ok(answer), _) | (Err(_), Some(answer)) => Own::Known(answer, None),
                    (Err(_), None) => Own::Due(now.plus(pause_after(tries)), tries + 1, None),
                };
            }
            (DisputeEvent::Ended { upheld: true, block }, ..) => self.phase = Phase::Upheld { block, line: None },
            (DisputeEvent::Ended { upheld: false, block }, ..) => self.phase = Phase::Over { block, upheld: None },
            (DisputeEvent::Joined { block: joined }, phase, _) => {
                self.joined = joined;
                if let &mut Phase::Over { block, upheld: Some(_) } = phase {
                    self.phase = Phase::Upheld { block, line: None };
                }
            }
            (DisputeEvent::AllPunished, &mut Phase::Upheld { block, .. }, _) => {
                self.phase = Phase::Over { block, upheld: Some(now) };
            }
            (DisputeEvent::SendingFailed, Phase::Agreed(line) | Phase::Upheld { line: Some(line), .. }, _) => {
                line.failed(facts, now);
            }
            // What came too late, or twice.
            (
                DisputeEvent::Opened(_)
                | DisputeEvent::Reran { .. }
                | DisputeEvent::AllPunished
                | DisputeEvent::SendingFailed,
                ..,
            ) => {}
        }
        self.look(facts, now, outbox);
    }

    /// The blocks above this number are gone; false if it was opened in one of them.
    pub(crate) fn rewound(&mut self, number: u64) -> bool {
        match self.phase {
            Phase::Upheld { block, .. } | Phase::Over { block, .. } if block > number => self.phase = Phase::Open,
            // Punishments are read from blocks that nobody has confirmed yet.
            Phase::Over { block, upheld: Some(_) } => self.phase = Phase::Upheld { block, line: None },
            _ => {}
        }
        self.about.block <= number
    }

    /// The block it was opened in.
    pub(crate) fn opened(&self) -> u64 {
        self.about.block
    }

    /// Whether nothing is left to be done, as far as is known.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over { .. })
    }

    /// Whether nothing more will come of it, with the chain at this block.
    pub(crate) fn is_past(&self, head: u64) -> bool {
        let until = match self.phase {
            Phase::Open | Phase::Agreed(_) => self.about.deadline,
            Phase::Upheld { block, .. } | Phase::Over { block, .. } => {
                self.about.deadline.max(block.max(self.joined).saturating_add(PUNISHING_BLOCKS))
            }
        };
        head > until
    }

    /// Whether it is being run here.
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.own, Own::Running(..))
    }

    /// Whether it is to be run here now.
    pub(crate) fn wants_run(&self, now: Time) -> bool {
        // A moment further ahead than any pause is of a clock that was set back since.
        self.is_open() && matches!(self.own, Own::Due(at, ..) if now >= at || at > now.plus(PAUSE_MOST))
    }

    /// Has it run.
    pub(crate) fn run(&mut self, outbox: &mut Outbox) {
        if let Own::Due(_, tries, before) = self.own {
            self.own = Own::Running(tries, before);
            outbox.effect(Effect::Rerun { dispute: self.id, report: Box::new(self.about.report) });
        }
    }

    /// Does what there is to do now, and says when to look again: never at once, for that would be for ever.
    pub(crate) fn look(&mut self, facts: &mut Facts, now: Time, outbox: &mut Outbox) {
        if self.is_past(facts.head().map_or(0, |head| head.number)) {
            return;
        }
        // An epoch may be orphaned, and its number another's.
        let newest = facts.committees().next().map_or(0, |committee| committee.epoch());
        self.from_epoch = self.from_epoch.min(newest);
        if self.is_open() {
            self.speak(facts, now, outbox);
        }
        self.find_line(facts, now);
        let is_mine = match &mut self.phase {
            Phase::Agreed(line) | Phase::Upheld { line: Some(line), .. } => line.is_mine(facts, now),
            Phase::Open | Phase::Upheld { line: None, .. } | Phase::Over { .. } => false,
        };
        match self.phase {
            Phase::Agreed(_) if is_mine => {
                self.agreed().into_iter().for_each(|ruling| outbox.effect(Effect::Rule(Box::new(ruling))));
            }
            Phase::Upheld { .. } if is_mine => outbox.effect(Effect::Enforce { dispute: self.id }),
            _ => {}
        }
        self.wait(facts, now, outbox);
    }

    /// Who is to bring what there is to bring, once it is certain.
    fn find_line(&mut self, facts: &mut Facts, now: Time) {
        let again = |line: &Line| line.has_gone_round();
        match &mut self.phase {
            Phase::Open => {
                if self.agreed().is_some()
                    && let Some(line) = Line::of(facts, now)
                {
                    self.phase = Phase::Agreed(line);
                }
            }
            Phase::Agreed(line) if again(line) => *line = Line::of(facts, now).unwrap_or_else(|| line.clone()),
            Phase::Upheld { line, .. } if line.as_ref().is_none_or(again) => {
                *line = Line::of(facts, now).or_else(|| line.take());
            }
            &mut Phase::Over { block, upheld: Some(since) } if now >= since.plus(LOOK_AGAIN) || now < since => {
                self.phase = Phase::Upheld { block, line: Line::of(facts, now) };
            }
            Phase::Agreed(_) | Phase::Upheld { .. } | Phase::Over { .. } => {}
        }
    }

    fn wait(&self, facts: &Facts, now: Time, outbox: &mut Outbox) {
        let wake = Wake::Dispute(self.id);
        let mut moments = Vec::new();
        match (&self.phase, self.own) {
            (Phase::Agreed(line) | Phase::Upheld { line: Some(line), .. }, _) => moments.push(line.turn_ends(facts)),
            (Phase::Over { upheld: Some(since), .. }, _) => moments.push(since.plus(LOOK_AGAIN)),
            (Phase::Open | Phase::Upheld { line: None, .. }, _) => outbox.wake_with_next_block(wake),
            (Phase::Over { upheld: None, .. }, _) => {}
        }
        match self.own {
            Own::Due(at, ..) if self.is_open() => moments.push(at),
            Own::Known(_, Some((_, said))) if self.is_open() => moments.push(said.plus(AGAIN)),
            Own::Due(..) | Own::Known(..) | Own::Running(..) => {}
        }
        moments.into_iter().filter(|at| *at > now).for_each(|at| outbox.wake(at, wake));
    }

    fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open | Phase::Agreed(_))
    }
}

fn pause_after(tries: u32) -> Duration {
    PAUSE.saturating_mul(1u32.checked_shl(tries).unwrap_or(u32::MAX)).min(PAUSE_MOST)
}

#[cfg(test)]
mod tests;

//! What the chain tells: each event to the part that it is for, and to the engine.

use std::time::Duration;

use consensus::Input;
use consensus::task::Task;
use consensus::time::{EXPIRY_SECONDS, Time};
use contracts::terms::ended;

use super::house::is_uncovered;
use super::{Core, Load, Note, Order};
use crate::archive::{Change, Settlement};
use crate::chain::{ChainEvent, EpochSnapshot, Head, JobEvent, Settled, convert};
use crate::jobs::SettledAt;

/// Pause between two looks at why callbacks fail.
const EXPLAIN_PAUSE: Duration = Duration::from_secs(5);

impl Core {
    pub(super) fn on_chain(&mut self, event: ChainEvent, now: Time) {
        self.changed = true;
        match event {
            ChainEvent::Head(head) => self.on_head(&head, now),
            ChainEvent::Rewound { number } => {
                self.note(Note::Rewound(number));
                self.newest = self.newest.min(number);
                self.time.rewound();
                for job in self.book.rewind(number) {
                    self.note_uncovered(job, now);
                    self.schedule.job_changed(job);
                    self.codes.job_changed(job, now);
                }
                self.admission.rewind(number);
                self.post.rewind(number);
                for task in self.settlements.rewind(number) {
                    self.archive(task, Change::Reopened, now);
                }
                self.lookout.rewind(number);
                self.feed(Input::Rewound(number), now);
            }
            ChainEvent::Job { block, event } => self.on_job(block, &event, now),
            ChainEvent::Operator { block, operator, peer_key } => self.admission.operator(block, operator, peer_key),
            ChainEvent::Ejected { block, operator } if operator == self.about.operator => self.post.eject(block),
            ChainEvent::Ejected { .. } => {}
            ChainEvent::Epoch(snapshot) => self.on_epoch(&snapshot, now),
            ChainEvent::Settled(settled) => self.on_settled(settled, now),
            ChainEvent::Ineligible { job_id, task_id, reason, .. } => {
                let reason = format!("{reason:?}");
                if let Some(task) = self.history.note_ineligible(job_id, task_id, &reason) {
                    self.archive(task, Change::Ineligible { reason }, now);
                }
            }
            ChainEvent::Dispute { block, id, event } => self.on_dispute(block, id, &event, now),
            ChainEvent::Newest { number, timestamp, seen_ms, live } => {
                self.newest = number;
                self.time.newest(timestamp, seen_ms, live);
                self.follow_chain_time(now);
                self.feed(Input::Newest { number, ahead_ms: self.time.ahead_ms() }, now);
            }
            ChainEvent::Connection { ok, why } => self.connection = Some((ok, why)),
        }
    }

    fn on_job(&mut self, block: u64, event: &JobEvent, now: Time) {
        let id = event.job_id();
        let can_pay = |core: &Self| core.book.job(id).map(|job| job.state().can_pay);
        let before = can_pay(self);
        self.take_in_job(block, event, now);
        self.note_uncovered(id, now);
        // What was so already moves nothing.
        if matches!(event, JobEvent::Covered { .. }) && before == can_pay(self) {
            return;
        }
        self.schedule.job_changed(id);
        self.codes.job_changed(id, now);
    }

    fn note_uncovered(&mut self, job: u64, now: Time) {
        if self.book.job(job).is_some_and(is_uncovered) {
            self.uncovered.note(job, now);
        }
    }

    /// Takes in what happened to a job; in the place of one that found no room others may go that are over.
    fn take_in_job(&mut self, block: u64, event: &JobEvent, now: Time) {
        if self.book.apply(block, event) {
            return;
        }
        let forgotten = self.book.forget_over(self.chain_time(now).seconds().saturating_sub(EXPIRY_SECONDS));
        for job in forgotten {
            self.schedule.job_changed(job);
            self.codes.job_changed(job, now);
        }
        if !self.book.apply(block, event) {
            self.shed(Load::Jobs, 1, now);
        }
    }

    /// Takes over what the chain's time is now.
    fn follow_chain_time(&mut self, now: Time) {
        let ahead_ms = self.time.ahead_ms();
        let before = std::mem::replace(&mut self.about.pace.ahead_ms, ahead_ms);
        if before == ahead_ms {
            return;
        }
        // What was told at a later moment may have been given up by then.
        if ahead_ms < before {
            self.schedule.all_changed();
        }
        self.note(Note::ChainTime { ahead_ms });
        self.feed(Input::Newest { number: self.newest, ahead_ms }, now);
    }

    /// The clock moved, and not the chain. Without a word of it every task would be past its deadline with a clock that is set
    /// an hour forward, until a few blocks have shown that it is the clock.
    pub(super) fn on_clock_set(&mut self, by_ms: i64, now: Time) {
        self.time.clock_set(by_ms);
        self.wallet_read = self.wallet_read.map(|at| Time(at.0.saturating_add_signed(by_ms)));
        self.follow_chain_time(now);
    }

    /// The chain's time now.
    pub(in crate::driver) fn chain_time(&self, now: Time) -> Time {
        self.about.pace.chain_time(now)
    }

    fn on_head(&mut self, head: &Head, now: Time) {
        self.time.head(head.timestamp, now);
        self.follow_chain_time(now);
        self.note(Note::Head { number: head.number, timestamp: head.timestamp });
        if let Some(keys) = self.admission.news(head.number) {
            self.order(Order::Admit(keys));
        }
        let is_first = self.engine.head().is_none();
        let block = convert::block(head);
        self.feed(Input::Head(block), now);
        // What came before the first head is what the history comes to.
        self.book.head(head.number);
        self.look_out(&block, is_first, now);
        // Not before: the committees that proofs are checked against come before the first head.
        if !std::mem::replace(&mut self.evidence_loaded, true) {
            self.order(Order::LoadEvidence);
        }
        self.press_accusations(head.number);
        self.ask_for_status(now);
    }

    fn on_epoch(&mut self, snapshot: &EpochSnapshot, now: Time) {
        match convert::committee(snapshot) {
            Ok(committee) => {
                self.snapshots.written();
                self.admission.epoch(snapshot);
                self.note(Note::Epoch { epoch: snapshot.epoch, members: snapshot.members.len() });
                self.feed(Input::Epoch(committee), now);
            }
            Err(error) => self.note(Note::BadEpoch(error.to_string())),
        }
    }

    /// Has somebody look why a callback failed, now and then: only that it did stands on chain.
    fn explain(&mut self, task: Task, settled: &Settled, now: Time) {
        let rested = self.explained.is_none_or(|last| now < last || now >= last.plus(EXPLAIN_PAUSE));
        if !settled.delivered && settled.status == ended::CALL && rested && self.engine.knows(&task) {
            self.explained = Some(now);
            self.order(Order::Explain { task, settled: Box::new(settled.clone()) });
        }
    }

    fn on_settled(&mut self, settled: Settled, now: Time) {
        let task = convert::task(&settled);
        self.history.note_settled(&task, &settled, self.chain_time(now));
        self.archive(task, Change::Settled(settlement(&settled)), now);
        self.explain(task, &settled, now);
        let Settled { block, timestamp, anchor_number: anchor, submitter, .. } = settled;
        self.settlements.insert(task, settled);
        self.feed(Input::Settled { task, block }, now);
        self.note_settled_condition(&task, block, now);
        let settled = SettledAt { task, block, timestamp, anchor, submitter };
        if let Some(late) = self.book.late(&settled, &self.about.pace) {
            let me = self.about.operator;
            let window = self.about.pace.window_of(late.due);
            let mine = submitter != me && self.history.was_led_by(&task, me, late.anchor);
            if mine && self.missed_window.replace(window) != Some(window) {
                self.note(Note::MissedTurn { window });
            }
            self.feed(Input::SettledLate(late), now);
        }
    }
}

/// What is kept of a settlement.
fn settlement(settled: &Settled) -> Settlement {
    let Settled { block, timestamp, seconds_late, anchor_number, tx, submitter, status, delivered, .. } = *settled;
    Settlement { block, timestamp, seconds_late, anchor: anchor_number, tx, submitter, status, delivered }
}

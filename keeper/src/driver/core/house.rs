//! What no event brings: telling the engine of the tasks ahead, fetching code before it is needed, offering epoch
//! snapshots, asking peers again, and saying when what is shown has changed.

use std::time::Duration;

use consensus::Input;
use consensus::task::JobId;
use consensus::time::Time;

use super::{Core, Note, Order};
use crate::archive::Change;
use crate::driver::standing::{Facts, Standing};
use crate::jobs::{Activity, Job};

/// Pause between two readings of the wallet and of the RPC nodes' failures.
const MEASURE_PAUSE: Duration = Duration::from_secs(15);

/// Most tasks told in one tick; the rest come with the next.
const TOLD_MAX: usize = 4_096;
/// Most jobs with which every change is shown at once; with more it is every other second, for all of them are spelt out each time.
pub(super) const SHOWN_AT_ONCE: usize = 32;
const SHOWN_EVERY: u64 = 2;

impl Core {
    pub(super) fn keep_house(&mut self, now: Time) {
        self.tell_due(now);
        self.search(now);
        self.prepare_code(now);
        // Time itself changes what is shown, but not more often than once per second; nor is much shown more often.
        let few = self.book.count() <= SHOWN_AT_ONCE;
        let at_once = self.changed && few;
        if !at_once && self.shown == now.seconds() {
            return;
        }
        self.changed = false;
        self.shown = now.seconds();
        self.tell_waiting(now);
        self.note_leaders(now);
        self.lead(now);
        self.ask_for_status(now);
        self.measure(now);
        self.note_standing();
        self.order(Order::Look { peers_head: self.peers_head(now) });
        if few || now.seconds().is_multiple_of(SHOWN_EVERY) {
            self.order(Order::Show);
        }
    }

    /// Tells the engine of the tasks of the windows ahead, and of those not too old to be tried still.
    fn tell_due(&mut self, now: Time) {
        if self.engine.head().is_none() {
            return;
        }
        let second = self.chain_time(now).seconds();
        let known_from = self.settlements.complete_from();
        let remembered = second.saturating_sub(self.about.pace.reach_seconds());
        let (mut put_off, mut first) = (0, None);
        for _ in 0..TOLD_MAX {
            let Some(due) = self.schedule.take(&self.book, second, known_from, &self.about.pace) else { break };
            let settled_long_ago = due.due < remembered && self.settlements.get(&due.task).is_some();
            if self.engine.is_told(&due) || second >= due.deadline || settled_long_ago {
                continue;
            }
            self.feed(Input::Due(due), now);
            if !self.engine.is_told(&due) {
                self.schedule.put_off(&due, second);
                put_off += 1;
                first.get_or_insert(due.task.job);
                continue;
            }
            self.changed = true;
            self.history.learn(&due, second);
            self.archive(due.task, Change::Due { due: due.due }, now);
            if let Some(settled) = self.settlements.get(&due.task).cloned() {
                self.history.note_settled(&due.task, &settled, self.chain_time(now));
                self.feed(Input::Settled { task: due.task, block: settled.block }, now);
            }
        }
        if let Some(job) = first {
            let load = self.load_of_tasks();
            self.shed.charge(load, job, put_off, now);
            self.note(Note::PutOff { job, tasks: put_off, load });
        }
    }

    /// Remembers who is first in line in this window and the next.
    fn note_leaders(&mut self, now: Time) {
        let length = self.about.pace.window_seconds();
        for ahead in 0..2 {
            if let Some(view) = self.engine.window(now, ahead)
                && let Some(leader) = view.order.first().and_then(|&index| view.committee.member(index))
            {
                let start = view.window * length;
                self.history.note_leader(start, start + length, leader.operator);
            }
        }
    }

    /// Asks for the code of live jobs ahead of time.
    fn prepare_code(&mut self, now: Time) {
        let chain_time = self.chain_time(now);
        while let Some(id) = self.codes.due(now) {
            let Some(job) = self.book.job(id).filter(|job| is_live(job, chain_time)) else {
                self.codes.forget(id);
                continue;
            };
            if let Ok(plan) = &job.state().plan
                && self.codes.asks(id, job.code_hash())
            {
                self.orders.push(Order::Prepare { job: JobId(id), plan: plan.clone() });
                // Until it is there, nobody knows whether it ever is: others shall not wait for it.
                if self.codes.get(id).is_none() {
                    self.feed(Input::Trouble { job: JobId(id), troubled: true }, now);
                }
            }
        }
    }

    /// What the leader of a window does besides: it offers to write the next epoch's table, and has a job looked at again that
    /// could not pay, or cannot any more. The submitter looks first whether the contract takes that.
    fn lead(&mut self, now: Time) {
        if self.about.pace.window_at(now) == self.led_window {
            return;
        }
        if let Some(view) = self.engine.window(now, 0)
            && let Some(leader) = view.order.first().and_then(|&index| view.committee.member(index))
            && leader.operator == self.about.operator
        {
            self.led_window = view.window;
            self.order(Order::OfferSnapshot);
            self.look_again(now);
        }
    }

    fn look_again(&mut self, now: Time) {
        let book = &self.book;
        let active = |id| book.job(id).filter(|job| matches!(job.state().activity, Activity::Active));
        if let Some(job) = self.uncovered.next(now, |id| active(id).map(|job| job.state().can_pay)) {
            self.order(Order::LookAgain { job: JobId(job) });
        }
    }

    fn measure(&mut self, now: Time) {
        if self.measured.is_none_or(|at| now < at || now >= at.plus(MEASURE_PAUSE)) {
            self.measured = Some(now);
            self.wallet_read.get_or_insert(now);
            self.order(Order::Measure);
        }
    }

    /// Says so when this keeper's operator stands elsewhere than before, or the mesh sees another operator set.
    fn note_standing(&mut self) {
        let head = self.engine.head().map_or(0, |head| head.timestamp);
        let standing = self.standing();
        if let Some(check) = self.post.note(standing, head) {
            self.note(Note::Standing(check));
        }
        let disputed = self.engine.is_set_disputed();
        if std::mem::replace(&mut self.disputed, disputed) != disputed {
            self.note(Note::Disputed(disputed));
        }
    }

    /// Where this keeper's operator stands now.
    pub(super) fn standing(&self) -> Standing {
        let head = self.engine.head().map_or(0, |head| head.timestamp);
        let committee = self.engine.committee();
        let index = committee.as_ref().and_then(|(_, index)| index.map(|index| index.0));
        Standing::of(&Facts {
            epoch: committee.map(|(committee, _)| (committee.epoch(), committee.active_from())),
            index,
            latest: self.admission.latest(&self.about.operator),
            peer_key: self.about.peer_key,
            finishing: self.post.is_finishing(head, &self.about.pace),
            ejected: self.post.ejected(),
        })
    }
}

/// Whether a job would run but for want of money.
pub(super) fn is_uncovered(job: &Job) -> bool {
    matches!(job.state().activity, Activity::Active) && !job.state().can_pay
}

/// Whether tasks of a job may still come due, and are paid for; `now` in the chain's time.
pub(super) fn is_live(job: &Job, now: Time) -> bool {
    let comes_due = match job.state().activity {
        Activity::Active => true,
        Activity::PausedFrom(end) | Activity::CancelledFrom(end) => now <= Time::from_seconds(end),
    };
    comes_due && job.state().can_pay
}

//! What the chain shows that makes jobs due, told to the engine: see `driver/lookout.rs`.

use consensus::Input;
use consensus::anchor::BlockRef;
use consensus::task::{DueTask, InstanceKey, JobId, Task};
use consensus::time::Time;

use super::{Core, Note, Order};
use crate::archive::Change;
use crate::driver::lookout::{Seen, Subject, acted_on, condition_run};
use crate::driver::shed::Load;
use crate::jobs::Job;
use crate::jobs::probe::Probed;
use crate::jobs::search::{Found, Hit, Unread};
use crate::jobs::trigger::{Sighting, Watch};

/// Leaders of a window that look for conditions.
const LOOKING: usize = 3;

impl Core {
    /// What another confirmed block makes due, and what is to be asked about it.
    pub(super) fn look_out(&mut self, block: &BlockRef, is_first: bool, now: Time) {
        let pace = self.about.pace;
        for seen in self.lookout.of_number(block, &self.book, &pace) {
            self.tell_seen(seen, now);
        }
        self.take_listed(block, now);
        let back = if is_first { self.about.backfill_blocks } else { 0 };
        self.lookout.searches.head(block.number, back, &self.book, pace.confirmations);
        self.search(now);
        if self.is_caught_up() && self.looks_for_conditions(now) {
            let engine = &self.engine;
            let asked = self.lookout.conditions.ask(block, &self.book, now, |task| engine.is_open(task, now));
            if let Some(questions) = asked {
                self.order(Order::Probe { block: *block, questions });
            }
        }
    }

    /// Has the next blocks searched for logs, if there are any.
    pub(super) fn search(&mut self, now: Time) {
        let engine = &self.engine;
        let confirmations = self.about.pace.confirmations;
        if let Some(stretch) = self.lookout.searches.next(&self.book, confirmations, now, |number| engine.block(number))
        {
            self.order(Order::Search(stretch));
        }
    }

    pub(super) fn on_searched(&mut self, number: u64, result: Result<Found, String>, now: Time) {
        let (found, ended) = match result {
            // Of a block that is not the chain's any more, or not yet this keeper's: it is searched again.
            Ok(found) if found.hits.iter().any(|hit| !self.is_of_chain(hit)) => {
                (Found::default(), Err("logs of blocks that this keeper does not follow".to_owned()))
            }
            Ok(found) => {
                let left = found.left;
                (found, Ok(left))
            }
            Err(why) => (Found::default(), Err(why)),
        };
        if self.lookout.searches.ended(number, ended, now) {
            for (job, logs) in found.dropped {
                self.note(Note::LogsDropped { job, logs });
            }
            for Unread { job, block, why } in found.unread {
                let words =
                    format!("logs_unread: of block {block} no node gives its logs, and they make nobody due: {why}");
                self.lookout.searches.set_apart(job, now);
                self.in_trouble(job, Subject::Logs, &words, now);
                self.note(Note::LogsUnread { job, block, why });
            }
            for hit in found.hits {
                if let Some(seen) = self.of_log(hit) {
                    self.tell_seen(seen, now);
                }
            }
        }
        self.search(now);
    }

    /// Whether a log's block is the one that is followed; blocks of long ago are the searcher's word.
    fn is_of_chain(&self, hit: &Hit) -> bool {
        let entry = &hit.log.entry;
        self.engine.block(entry.block_number).is_none_or(|block| block.hash == entry.block_hash)
    }

    fn of_log(&self, Hit { job, log, ripe }: Hit) -> Option<Seen> {
        let pace = self.about.pace;
        let due = acted_on(ripe, &pace);
        let task = self.book.task_at(job, log.entry.block_number, &pace, |plan| match plan.trigger.watch() {
            Watch::Logs(filter) => Some(filter.run(&log, due)),
            _ => None,
        })?;
        Some((task, Some(Sighting::Log(log))))
    }

    /// What keeps a job from being seen to be due is shown with it.
    fn in_trouble(&mut self, job: u64, subject: Subject, why: &str, now: Time) -> bool {
        let Some(version) = self.book.job(job).map(|job| job.state().version) else { return false };
        self.changed = true;
        self.lookout.troubles.note((job, version), subject, why, now)
    }

    pub(super) fn on_probed(&mut self, block: &BlockRef, result: Result<Probed, String>, now: Time) {
        if !self.lookout.conditions.answered(block.hash) {
            return;
        }
        let Probed { holding, idle, failing } = match result {
            Ok(probed) => probed,
            Err(why) => return self.note(Note::NotProbed(why)),
        };
        for job in holding.iter().chain(&idle) {
            self.changed |= self.lookout.troubles.clear(*job, Subject::Condition);
        }
        for (job, why) in failing {
            let words = format!("condition_failed: at block {}: {why}", block.number);
            if self.in_trouble(job, Subject::Condition, &words, now) {
                self.note(Note::ConditionFailed { job, why });
            }
        }
        if self.engine.block(block.number).is_none_or(|held| held.hash != block.hash) {
            return;
        }
        for job in holding {
            self.tell_condition(job, block, None, now);
        }
    }

    /// A leader has assigned tasks that this keeper did not see come: conditions that it has not asked about.
    pub(super) fn on_unknown(&mut self, tasks: &[Task], now: Time) {
        for task in tasks {
            if let Some(block) = self.engine.block_of(task.instance.0) {
                self.tell_condition(task.job.0, &block, Some(*task), now);
            }
        }
    }

    /// A block that others had before this keeper: leaders have seen conditions hold there, and have assigned them.
    fn take_listed(&mut self, block: &BlockRef, now: Time) {
        let run =
            |job: &Job| Task { job: JobId(job.id), version: job.state().version, instance: InstanceKey(block.hash) };
        let conditions = self.book.watched().filter(|job| cooldown(job).is_some());
        let listed: Vec<Task> = conditions.map(run).filter(|task| self.engine.is_listed(task)).collect();
        for task in listed {
            self.tell_condition(task.job.0, block, Some(task), now);
        }
    }

    /// Tells of a condition at a block, where that could be: whether it holds there the run finds.
    fn tell_condition(&mut self, job: u64, block: &BlockRef, expected: Option<Task>, now: Time) {
        let pace = self.about.pace;
        let Some(due) = self.book.task_at(job, block.number, &pace, condition_run(block, &pace)) else { return };
        if expected.is_some_and(|task| task != due.task) {
            return;
        }
        let cooldown = self.book.job(job).and_then(cooldown);
        let engine = &self.engine;
        let is_open = |task: &Task| engine.is_open(task, now);
        let conditions = &mut self.lookout.conditions;
        let rests = cooldown.is_none_or(|cooldown| conditions.rests(job, due.task.version, cooldown, block.number));
        if !rests && !is_open(&due.task) && conditions.has_room(job, expected.is_some(), is_open) {
            conditions.note_told(due.task, block.number, is_open);
            self.tell_seen((due, None), now);
        }
    }

    /// A run has settled. Where it is one of a condition others that are open, and that are too early now, are void.
    pub(super) fn note_settled_condition(&mut self, task: &Task, block: u64, now: Time) {
        let Some(cooldown) = self.book.job(task.job.0).and_then(cooldown) else { return };
        self.lookout.conditions.note_settled(task.job, task.version, block);
        for task in self.lookout.conditions.take_overtaken(task, cooldown) {
            self.feed(Input::Void(task), now);
        }
    }

    /// A leader has assigned a run of a condition that did not hold where it says it did.
    pub(super) fn drop_condition(&mut self, task: Task, now: Time) {
        if self.book.job(task.job.0).and_then(cooldown).is_some() {
            self.feed(Input::Void(task), now);
        }
    }

    /// Tells of what was seen. What finds no room is put off, or turned away where its job has its share.
    fn tell_seen(&mut self, (due, sighting): Seen, now: Time) {
        let is_kept = sighting.is_none_or(|sighting| self.lookout.remember(due.task, sighting));
        let later = is_kept && !self.tell(&due, now) && self.engine.laws().tells_later();
        if !is_kept || (later && !self.lookout.put_off(due)) {
            let load = self.load_of_tasks();
            self.shed.charge(load, due.task.job, 1, now);
            self.note(Note::Lost { job: due.task.job, load });
        }
    }

    /// Whether a task that found no room was one too many of all, or of its own job.
    pub(super) fn load_of_tasks(&self) -> Load {
        if self.engine.has_room() && self.lookout.has_room() { Load::Crowded } else { Load::Tasks }
    }

    /// Tells the engine of a task once all is known of the chain that others know: it may have settled long ago. False: that is not
    /// so yet, or there is no room.
    fn tell(&mut self, due: &DueTask, now: Time) -> bool {
        if !self.is_caught_up() {
            return false;
        }
        let second = self.chain_time(now).seconds();
        let settled = self.settlements.get(&due.task).cloned();
        let remembered = second.saturating_sub(self.about.pace.reach_seconds());
        if second >= due.deadline || (due.due < remembered && settled.is_some()) {
            return true;
        }
        let is_news = !self.engine.is_told(due);
        self.feed(Input::Due(*due), now);
        if !self.engine.is_told(due) {
            return false;
        }
        if is_news {
            self.changed = true;
            self.history.learn(due, second);
            self.archive(due.task, Change::Due { due: due.due }, now);
            if let Some(settled) = settled {
                self.history.note_settled(&due.task, &settled, self.chain_time(now));
                self.feed(Input::Settled { task: due.task, block: settled.block }, now);
            }
        }
        true
    }

    /// Tells again of what found no room, or came before all was known.
    pub(super) fn tell_waiting(&mut self, now: Time) {
        if self.is_caught_up() {
            for due in self.lookout.take_waiting() {
                if !self.tell(&due, now) {
                    self.lookout.put_back(due);
                }
            }
        }
        let (engine, book) = (&self.engine, &self.book);
        self.lookout.forget(|task| engine.knows(task), |job| book.job(job).is_some());
    }

    /// Whether the newest confirmed block is at hand.
    fn is_caught_up(&self) -> bool {
        let head = self.engine.head().map_or(0, |head| head.number);
        head.saturating_add(self.about.pace.confirmations) >= self.newest
    }

    /// Whether this keeper is among the first to lead the window under way or the next.
    fn looks_for_conditions(&self, now: Time) -> bool {
        let leads = |ahead| {
            let view = self.engine.window(now, ahead)?;
            let mut first = view.order.iter().take(LOOKING).filter_map(|&index| view.committee.member(index));
            Some(first.any(|member| member.operator == self.about.operator))
        };
        leads(0).unwrap_or(false) || leads(1).unwrap_or(false)
    }
}

/// Blocks from one settlement of a job to its next run, if it waits for a condition.
fn cooldown(job: &Job) -> Option<u64> {
    match job.state().plan.as_ref().ok()?.trigger.watch() {
        Watch::Condition(condition) => Some(condition.cooldown()),
        _ => None,
    }
}

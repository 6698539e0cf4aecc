//! Room for what was seen on chain, of all jobs and of each: anybody can list jobs whose logs are many and long, and that shall
//! cost others nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use consensus::task::{DueTask, JobId, Task};

use crate::jobs::trigger::Sighting;

/// A job may have one in so many of what is free, and what one gets shrinks as others come, as with the tasks themselves
/// (`consensus/src/sessions.rs`).
const FREE_PER_SHARE: usize = 8;
/// One in so many of all does not count as free for that: it is there for jobs that take little, whatever others have taken.
const PER_RESERVE: usize = 8;

/// Most bytes of what is remembered for tasks, and about what each takes besides its data.
const BYTES_MAX: usize = 32 << 20;
const SIGHTING_BYTES: usize = 512;
/// Bytes a job may have as long as there are any: a few blocks, or short logs.
const BYTES_LEAST: usize = 16 * SIGHTING_BYTES;
/// Most tasks that wait for room: so many that a job alone may have as many of them as it may have open.
const WAITING_MAX: usize = 32_768;
/// Tasks of a job that may wait as long as any may.
const WAITING_LEAST: usize = 2;

/// What jobs compete for, and how much each has.
#[derive(Debug)]
struct Shares {
    most: usize,
    /// What a job may have as long as there is any.
    least: usize,
    taken: usize,
    of_job: BTreeMap<JobId, usize>,
}

impl Shares {
    const fn new(most: usize, least: usize) -> Self {
        Self { most, least, taken: 0, of_job: BTreeMap::new() }
    }

    /// Whether a job may have so much more, of which `fresh` is taken from what is free: the rest is there for others already.
    fn has_room(&self, job: JobId, more: usize, fresh: usize) -> bool {
        let free = self.most.saturating_sub(self.taken);
        let share = (free.saturating_sub(self.most / PER_RESERVE) / FREE_PER_SHARE).max(self.least);
        let held = self.of_job.get(&job).copied().unwrap_or_default();
        fresh <= free && held + more <= share
    }

    /// Whether a job that has nothing yet finds what it may have as long as there is any.
    fn has_any(&self) -> bool {
        self.most.saturating_sub(self.taken) >= self.least
    }

    fn take(&mut self, job: JobId, more: usize, fresh: usize) {
        self.taken += fresh;
        *self.of_job.entry(job).or_default() += more;
    }

    fn give_back(&mut self, job: JobId, less: usize, freed: usize) {
        self.taken -= freed;
        if let Some(held) = self.of_job.get_mut(&job) {
            *held -= less;
            if *held == 0 {
                self.of_job.remove(&job);
            }
        }
    }
}

/// What made the tasks due that are remembered.
#[derive(Debug)]
pub(super) struct Sightings {
    tasks: BTreeMap<Task, Sighting>,
    shares: Shares,
    /// How many tasks each log has made due, by where it lies in memory: it is there once, whoever waited for it.
    logs: BTreeMap<usize, usize>,
}

impl Default for Sightings {
    fn default() -> Self {
        let shares = Shares::new(BYTES_MAX, BYTES_LEAST);
        Self { tasks: BTreeMap::new(), shares, logs: BTreeMap::new() }
    }
}

impl Sightings {
    /// Remembers what made a task due, in place of what was remembered for it. False: there is no room for it, and nothing is.
    pub(super) fn remember(&mut self, task: Task, sighting: Sighting) -> bool {
        if self.tasks.get(&task) == Some(&sighting) {
            return true;
        }
        let size = SIGHTING_BYTES + data_of(&sighting);
        let had = self.remove(&task).map_or(0, |before| SIGHTING_BYTES + data_of(&before));
        let is_there = place_of(&sighting).is_some_and(|place| self.logs.contains_key(&place));
        let fresh = if is_there { SIGHTING_BYTES } else { size };
        if size > had && !self.shares.has_room(task.job, size, fresh) {
            return false;
        }
        self.shares.take(task.job, size, fresh);
        if let Some(place) = place_of(&sighting) {
            *self.logs.entry(place).or_default() += 1;
        }
        self.tasks.insert(task, sighting);
        true
    }

    /// Whether a job of which nothing is remembered finds room.
    pub(super) fn has_any(&self) -> bool {
        self.shares.has_any()
    }

    /// What made a task due, if that is remembered.
    pub(super) fn get(&self, task: &Task) -> Option<&Sighting> {
        self.tasks.get(task)
    }

    /// Lets go of what belongs to other tasks.
    pub(super) fn retain(&mut self, keeps: impl Fn(&Task) -> bool) {
        let gone: Vec<Task> = self.tasks.keys().filter(|task| !keeps(task)).copied().collect();
        for task in gone {
            self.remove(&task);
        }
    }

    fn remove(&mut self, task: &Task) -> Option<Sighting> {
        let sighting = self.tasks.remove(task)?;
        let size = SIGHTING_BYTES + data_of(&sighting);
        let mut freed = size;
        if let Some(place) = place_of(&sighting)
            && let Some(tasks) = self.logs.get_mut(&place)
        {
            *tasks -= 1;
            if *tasks > 0 {
                freed = SIGHTING_BYTES;
            } else {
                self.logs.remove(&place);
            }
        }
        self.shares.give_back(task.job, size, freed);
        Some(sighting)
    }
}

fn place_of(sighting: &Sighting) -> Option<usize> {
    let Sighting::Log(log) = sighting else { return None };
    Some(Arc::as_ptr(log).addr())
}

/// Bytes that came with it.
fn data_of(sighting: &Sighting) -> usize {
    match sighting {
        Sighting::Block(_) => 0,
        Sighting::Log(log) => log.entry.data.len(),
        Sighting::Answer(answer) => answer.len(),
    }
}

/// Tasks that found no room yet.
#[derive(Debug)]
pub(super) struct Waiting {
    tasks: BTreeMap<Task, DueTask>,
    shares: Shares,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { tasks: BTreeMap::new(), shares: Shares::new(WAITING_MAX, WAITING_LEAST) }
    }
}

impl Waiting {
    /// Another one waits. False: it is one too many, be it of all or of its job.
    pub(super) fn put(&mut self, due: DueTask) -> bool {
        let fits = self.holds(&due.task) || self.shares.has_room(due.task.job, 1, 1);
        if fits {
            self.put_back(due);
        }
        fits
    }

    /// One that has waited waits on: it has its place, whoever has come since.
    pub(super) fn put_back(&mut self, due: DueTask) {
        if self.tasks.insert(due.task, due).is_none() {
            self.shares.take(due.task.job, 1, 1);
        }
    }

    /// Whether a job of which nothing waits finds room.
    pub(super) fn has_any(&self) -> bool {
        self.shares.has_any()
    }

    pub(super) fn holds(&self, task: &Task) -> bool {
        self.tasks.contains_key(task)
    }

    pub(super) fn take(&mut self) -> Vec<DueTask> {
        std::mem::take(self).tasks.into_values().collect()
    }

    pub(super) fn retain(&mut self, keeps: impl Fn(&DueTask) -> bool) {
        for (task, _) in self.tasks.extract_if(.., |_, due| !keeps(due)) {
            self.shares.give_back(task.job, 1, 1);
        }
    }
}

#[cfg(test)]
mod tests;

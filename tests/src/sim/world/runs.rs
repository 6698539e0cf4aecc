//! Runs: what comes of a task is a function of task and anchor, unless the job or the RPC node says otherwise.

use std::time::Duration;

use alloy::primitives::{B256, Bytes};
use consensus::anchor::BlockRef;
use consensus::task::{Abstention, DueTask, Outcome, Status, Task};
use keeper::driver::Event;
use keeper::jobs::trigger::Sighting;

use super::{World, run_of};
use crate::sim::node::Ran;
use crate::sim::plan::{Conduct, Job, Rhythm, status};
use crate::sim::plant::Plant;

impl World<'_> {
    /// How a job behaves in its runs; `None` for runs of no job.
    pub(super) fn conduct(&self, task: &Task) -> Option<Conduct> {
        self.plan.job(task.job.0).filter(|_| task.version == 1).map(|job| job.conduct)
    }

    /// What every honest run of a task gives at an anchor; `None` if each gives something else.
    pub(super) fn honest_outcome(&self, task: &Task, anchor: B256) -> Option<Outcome> {
        let conduct = self.conduct(task).filter(|conduct| *conduct != Conduct::Differs)?;
        // What it gives depends on what keepers saw as well (`looks.rs`).
        if self.plan.job(task.job.0).is_some_and(Job::observes) {
            return None;
        }
        Some(self.outcome(task, anchor, conduct))
    }

    fn outcome(&self, task: &Task, anchor: B256, conduct: Conduct) -> Outcome {
        let (mut status, record) = (status(conduct), &self.chain.record);
        let mut seen = Vec::new();
        match self.plan.job(task.job.0).map(|job| &job.rhythm) {
            Some(Rhythm::Blocks { first, every }) => {
                let number = task.instance.run().map_or(0, |run| first + run * every);
                seen.extend(record.before(anchor, number).map(|block| block.hash).unwrap_or_default());
            }
            Some(Rhythm::Logs(_)) => seen.extend(record.log(task.instance.0).iter().flat_map(|log| log.data.to_vec())),
            Some(Rhythm::Condition { .. }) if !record.block(anchor).is_some_and(|block| block.is_met) => {
                status = Status::Skip;
            }
            Some(Rhythm::Condition { .. } | Rhythm::Interval { .. }) | None => {}
        }
        let data = match status {
            Status::Skip => Bytes::from_static(b"nothing to do"),
            _ => {
                let parts = [task.instance.0.as_slice(), &task.job.0.to_be_bytes(), anchor.as_slice(), &seen];
                Bytes::from(parts.concat())
            }
        };
        Outcome { status, data, state_after: B256::ZERO, transcript: B256::ZERO }
    }

    /// Whether a condition held at the block that is said to have made this run of it due.
    fn was_met(&self, task: &Task) -> bool {
        self.chain.record.block(task.instance.0).is_some_and(|block| block.is_met)
    }

    /// Whether a task was due on the branch that an anchor is on.
    pub(super) fn was_due(&self, task: &Task, anchor: B256) -> bool {
        let record = &self.chain.record;
        match self.plan.job(task.job.0).map(|job| &job.rhythm) {
            Some(Rhythm::Logs(_)) => {
                record.log(task.instance.0).is_some_and(|log| record.leads_to(log.block_hash, anchor))
            }
            Some(Rhythm::Condition { .. }) => record.leads_to(task.instance.0, anchor) && self.was_met(task),
            Some(Rhythm::Blocks { .. } | Rhythm::Interval { .. }) | None => true,
        }
    }

    fn is_false_alarm(&self, task: &Task) -> bool {
        let job = self.plan.job(task.job.0);
        job.is_some_and(|job| matches!(job.rhythm, Rhythm::Condition { .. })) && !self.was_met(task)
    }

    /// Runs a task.
    pub(super) fn run_task(
        &mut self,
        keeper: usize,
        due: &DueTask,
        (attempt, anchor): (u8, BlockRef),
        sighting: Option<&Sighting>,
    ) {
        self.nodes[keeper].runs += 1;
        let run = self.nodes[keeper].runs;
        let Some(conduct) = self.conduct(&due.task) else {
            return;
        };
        self.check_sighting(keeper, &due.task, anchor.hash, sighting);
        let mut delay = self.random.between(5, 60);
        let lies = self.plan.misled[keeper] && !self.healed && self.random.chance(300);
        let result = if self.now < self.nodes[keeper].outage_until {
            delay += 500;
            Err(Abstention::ChainReadFailed)
        } else if self.is_false_alarm(&due.task) && self.bug != Some(Plant::BelievesLeaders) {
            Err(Abstention::UnknownTask)
        } else {
            let mut outcome = self.outcome(&due.task, anchor.hash, conduct);
            if conduct == Conduct::Differs || lies {
                self.count("lying_view", u64::from(lies));
                outcome.data = Bytes::from(format!("run {run} of keeper {keeper}").into_bytes());
            }
            Ok(outcome)
        };
        let took = Duration::from_millis(delay);
        let ran = Ran { task: due.task, attempt, anchor: anchor.hash, result, took };
        if self.bug == Some(Plant::AnswerOfAnotherRun) {
            return self.mix_up(keeper, delay, ran);
        }
        self.answer_run(keeper, delay, ran);
    }

    /// What the code of a job is told must be what the branch holds on which it runs.
    fn check_sighting(&mut self, keeper: usize, task: &Task, anchor: B256, sighting: Option<&Sighting>) {
        if !self.is_honest(keeper) || self.plan.misled[keeper] {
            return;
        }
        let record = &self.chain.record;
        let is_right = match (self.plan.job(task.job.0).map(|job| &job.rhythm), sighting) {
            (Some(Rhythm::Blocks { first, every }), Some(Sighting::Block(block))) => {
                let number = task.instance.run().map(|run| first + run * every);
                number == Some(block.number) && record.before(anchor, block.number) == Some(*block)
            }
            (Some(Rhythm::Logs(_)), Some(Sighting::Log(log))) => record.log(task.instance.0) == Some(&log.entry),
            (Some(Rhythm::Interval { .. } | Rhythm::Condition { .. }) | None, None) => true,
            _ => false,
        };
        if !is_right {
            let detail = format!("keeper {keeper} runs {} at {anchor}, having seen {sighting:?}", run_of(task));
            self.checks.fail(self.elapsed(), "wrong_sighting", detail);
        }
        // Whether a condition held at its block is what the run is to find.
        if !self.was_due(task, anchor) && !self.is_false_alarm(task) {
            let detail = format!("keeper {keeper} runs {} at {anchor}", run_of(task));
            self.checks.fail(self.elapsed(), "run_of_what_was_not_due", detail);
        }
    }

    fn answer_run(&mut self, keeper: usize, delay: u64, ran: Ran) {
        let Ran { task, attempt, anchor, result, took } = ran;
        self.done(keeper, delay, Event::Executed { task, attempt, anchor, result, reason: String::new(), took });
    }

    /// A planted bug of the loop: now and then two runs under way get each other's results, each under its own name, as
    /// from a pool of workers whose answers are paired with questions by their order. No guard can tell by the name.
    fn mix_up(&mut self, keeper: usize, delay: u64, mut ran: Ran) {
        match self.nodes[keeper].mixed_up.take() {
            None if self.random.chance(100) => self.nodes[keeper].mixed_up = Some(ran),
            Some(mut other) => {
                std::mem::swap(&mut ran.result, &mut other.result);
                self.answer_run(keeper, delay, other);
                self.answer_run(keeper, delay, ran);
            }
            None => self.answer_run(keeper, delay, ran),
        }
    }
}

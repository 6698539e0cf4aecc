//! Jobs that look outside: what this keeper saw goes to the engine, and so does what was decided on what all did.

use alloy::primitives::{B256, Bytes};
use consensus::Input;
use consensus::task::{Abstention, Outcome, Task};
use consensus::time::Time;

use super::effects::tells_of_job;
use super::{Core, Note};
use crate::archive::Change;
use crate::jobs::action::{Finding, Part, is_too_dear};

impl Core {
    /// A run that was not made, and why.
    pub(super) fn not_run(
        &mut self,
        task: Task,
        (attempt, place): (u8, B256),
        part: &Part,
        (why, reason): (Abstention, String),
        now: Time,
    ) {
        match part {
            Part::Run => self.executed(task, (attempt, place), Finding::none(why, reason), now),
            Part::Observe => self.observed(task, (attempt, place), (Err(why), reason), now),
            Part::Decide(_) => self.decided(task, (attempt, place), (Err(why), reason), now),
        }
    }

    /// A look outside ended, if it is one that was asked for.
    pub(super) fn observed(
        &mut self,
        task: Task,
        (attempt, anchor): (u8, B256),
        (result, reason): (Result<Bytes, Abstention>, String),
        now: Time,
    ) {
        if self.executions.end(task, attempt, anchor).is_none() {
            return self.note(Note::UnaskedAnswer(task.job));
        }
        if !reason.is_empty() {
            self.history.note_reason(&task, &reason);
        }
        self.history.note_too_dear(&task, result.is_err() && is_too_dear(&reason));
        if let Err(why) = &result {
            self.archive(task, Change::Ran { result: Err(*why), reason }, now);
        }
        if let Some(troubled) = tells_of_job(result.as_ref().map(|_| ())) {
            self.feed(Input::Trouble { job: task.job, troubled }, now);
        }
        self.feed(Input::Observed { task, attempt, anchor, result }, now);
    }

    /// A decision was made, if it is one that was asked for.
    pub(super) fn decided(
        &mut self,
        task: Task,
        (attempt, inputs): (u8, B256),
        (result, reason): (Result<Outcome, Abstention>, String),
        now: Time,
    ) {
        if self.take_run(task, (attempt, inputs), &result, reason, now) {
            self.feed(Input::Decided { task, attempt, inputs, result }, now);
        }
    }
}

//! Jobs: when they are due, and those that look outside, where keepers see numbers and decide on the list of all that were seen.

use alloy_primitives::Bytes;
use consensus::Input;
use consensus::anchor::BlockRef;
use consensus::inputs::InputSet;
use consensus::task::{Abstention, AnchorRule, DueTask, InstanceKey, JobId, Task};

use super::{CODE, Network, PACE, START, outcome};

impl Network {
    /// Lists a job with an interval: `runs` tasks from `first` seconds after the start on.
    pub(crate) fn job(&mut self, job: u64, first: u64, interval: u64, runs: u64) {
        self.list(job, (first, interval, runs), false);
    }

    fn list(&mut self, job: u64, (first, interval, runs): (u64, u64, u64), observes: bool) {
        for run in 0..runs {
            let due = START + first + run * interval;
            let due = DueTask {
                task: Task { job: JobId(job), version: 1, instance: InstanceKey::from_run(run) },
                due,
                deadline: PACE.deadline(due),
                anchor: AnchorRule::ByTime,
                rank: 0,
                code_hash: CODE,
                quorum_bps: 0,
                callback_gas: 100_000,
                observes,
            };
            self.due.push(due);
            (0..self.engines.len()).for_each(|keeper| self.feed(keeper, Input::Due(due)));
        }
    }

    /// The block of a second.
    pub(crate) fn block(&self, second: u64) -> BlockRef {
        *self.blocks.iter().find(|block| block.timestamp == second).unwrap()
    }

    /// Lists a job that looks outside, due every so many seconds.
    pub(crate) fn looking_job(&mut self, job: u64, first: u64, interval: u64, runs: u64) {
        self.list(job, (first, interval, runs), true);
    }

    pub(super) fn look(&mut self, k: usize, task: Task, attempt: u8, anchor: BlockRef) {
        let seen = (self.faults.look)(k).map(|value| Bytes::from(value.to_be_bytes().to_vec()));
        let result = seen.ok_or(Abstention::NothingSeen);
        self.send(k, Input::Observed { task, attempt, anchor: anchor.hash, result }, 300);
    }

    pub(super) fn decide(&mut self, k: usize, task: Task, (attempt, anchor): (u8, BlockRef), set: &InputSet) {
        self.sets.insert(set.seen.iter().map(|seen| seen.keeper.0).collect());
        let all: Vec<u8> = set.seen.iter().flat_map(|seen| seen.bytes.to_vec()).collect();
        let said = alloy_primitives::hex::encode(all);
        let result = Ok(outcome(task, anchor, &said));
        self.send(k, Input::Decided { task, attempt, inputs: set.hash, result }, 30);
    }
}

//! What a keeper's watcher reads from the chain, in the order `keeper/src/chain/watcher.rs` promises: the events of a
//! block come before its head, and a rewind before the blocks that take the place of others.

use alloy::primitives::{Address, B256};
use consensus::Input;
use consensus::anchor::BlockRef;
use consensus::message::ATTEMPTS_MAX;
use keeper::chain::JobEvent;
use keeper::jobs::SettledAt;

use super::World;

/// How many windows ahead tasks are told to the engine, as the driver does.
const WINDOWS_AHEAD: u64 = 3;

impl World<'_> {
    /// Tells a keeper what is new on the chain.
    pub(super) fn poll(&mut self, keeper: usize) {
        let node = &self.nodes[keeper];
        if node.engine.is_none() || self.now < node.outage_until {
            return;
        }
        let held = node.held.len();
        let same = |(held, block): &(&BlockRef, &crate::sim::chain::Block)| held.hash == block.reference.hash;
        let common = node.held.iter().zip(&self.chain.blocks).take_while(same).count();
        if common < held {
            self.rewind(keeper, common);
        }
        let behind = if self.now < self.nodes[keeper].lag.1 { self.nodes[keeper].lag.0 } else { 0 };
        let target = self.chain.head().saturating_sub(self.plan.pace.confirmations + behind) as usize;
        for number in common..target {
            self.tell_block(keeper, number);
        }
        if self.plan.misled[keeper] && !self.healed && self.random.chance(150) {
            self.tell_a_lie(keeper);
        }
    }

    fn rewind(&mut self, keeper: usize, common: usize) {
        let node = &mut self.nodes[keeper];
        let number = common as u64;
        node.held.truncate(common);
        node.book.rewind(number);
        node.settled.retain(|_, block| *block <= number);
        node.told = 0;
        self.tell(|| format!("{keeper} rewinds to {number}"));
        self.feed(keeper, Input::Rewound(number));
    }

    fn tell_block(&mut self, keeper: usize, position: usize) {
        let block = &self.chain.blocks[position];
        let (reference, epoch, jobs) = (block.reference, block.epoch, block.jobs.clone());
        let settled = block.settled.clone();
        for job in jobs {
            let job = &self.plan.jobs[job];
            let params = Box::new(job.params.clone());
            let (owner, forwarder) = (Address::repeat_byte(0xaa), Address::repeat_byte(0xbb));
            let event = JobEvent::Created { job_id: job.id, owner, forwarder, params };
            self.nodes[keeper].book.apply(reference.number, &event);
            self.nodes[keeper].told = 0;
        }
        if let Some(epoch) = epoch {
            self.feed(keeper, Input::Epoch(self.plan.committees[epoch].clone()));
        }
        for (task, anchor, submitter) in settled {
            self.nodes[keeper].settled.insert(task, reference.number);
            self.feed(keeper, Input::Settled { task, block: reference.number });
            let submitter = self.plan.committees[0].members()[submitter].operator;
            let settlement =
                SettledAt { task, block: reference.number, timestamp: reference.timestamp, anchor, submitter };
            if let Some(late) = self.nodes[keeper].book.late(&settlement, &self.plan.pace) {
                self.count("late_settlement", 1);
                self.feed(keeper, Input::SettledLate(late));
            }
        }
        self.nodes[keeper].held.push(reference);
        self.feed(keeper, Input::Head(reference));
    }

    /// A lying node shows a block that does not exist, and in it a settlement that did not happen.
    fn tell_a_lie(&mut self, keeper: usize) {
        self.count("lying_view", 1);
        let Some(&last) = self.nodes[keeper].held.last() else {
            return;
        };
        let hash = B256::from_slice(&self.random.bytes(32));
        let block = BlockRef { number: last.number + 1, hash, timestamp: last.timestamp + 1 };
        let now = self.now / 1000;
        let open = self.tasks.values().map(|(due, _)| due).find(|due| due.due + 2 > now);
        if let Some(task) = open.map(|due| due.task).filter(|_| self.random.clone().chance(500)) {
            self.nodes[keeper].settled.insert(task, block.number);
            self.feed(keeper, Input::Settled { task, block: block.number });
        }
        self.nodes[keeper].held.push(block);
        self.feed(keeper, Input::Head(block));
    }

    /// The schedule, as the driver asks the job book for it and tells the engine.
    pub(super) fn tell_due(&mut self, keeper: usize) {
        let seconds = self.local(keeper).0 / 1000;
        let pace = self.plan.pace;
        let node = &mut self.nodes[keeper];
        let to = seconds + WINDOWS_AHEAD * pace.window_seconds();
        let (Some(engine), true) = (node.engine.as_ref(), node.told < to) else {
            return;
        };
        if engine.head().is_none() {
            return;
        }
        let oldest = seconds.saturating_sub(pace.attempt_due(0, ATTEMPTS_MAX));
        let due = node.book.due(oldest.max(node.told), to, &pace);
        node.told = to;
        let unknown: Vec<_> = due.into_iter().filter(|due| !engine.knows(&due.task)).collect();
        for due in unknown {
            self.feed(keeper, Input::Due(due));
            if let Some(&block) = self.nodes[keeper].settled.get(&due.task) {
                self.feed(keeper, Input::Settled { task: due.task, block });
            }
        }
    }
}

//! What a keeper's watcher reads from the chain, in the order `keeper/src/chain/watcher.rs` promises: the events of a
//! block come before its head, and a rewind before the blocks that take the place of others.

use alloy::primitives::{Address, B256};
use consensus::anchor::BlockRef;
use consensus::committee::Committee;
use consensus::report::{Anchor, Report};
use consensus::task::Status;
use keeper::chain::{ChainEvent, EpochSnapshot, Head, JobEvent, MemberRow};
use keeper::driver::Event;

use super::World;
use super::queue::Happening;
use crate::sim::chain::{Block, settled};
use crate::sim::plant::Plant;

/// The oldest blocks, of which a start may read no heads. The watcher reads those of the last 300 (`HELD_BLOCKS`), and a missed turn
/// rests on blocks up to 230 back: so long no run is, and nothing is due in these.
const WITHOUT_HEADS: usize = 20;
/// Most blocks read in one go.
const AT_ONCE: usize = 24;
/// The block in which all operators registered.
const REGISTERED: u64 = 2;
/// After a gap as long as this between two looks, nobody knows when a block came.
const WATCHING: u64 = 10_000;

impl World<'_> {
    /// Tells a keeper what is new on the chain.
    pub(super) fn poll(&mut self, keeper: usize) {
        let node = &self.nodes[keeper];
        if node.core.is_none() || self.now < node.outage_until {
            return;
        }
        let held = node.held.len();
        let same = |(held, block): &(&BlockRef, &Block)| held.hash == block.reference.hash;
        // The chain changes at its end: below the newest block that both hold, nothing differs.
        let common = (0..held.min(self.chain.blocks.len()))
            .rev()
            .find(|&place| same(&(&node.held[place], &self.chain.blocks[place])))
            .map_or(0, |place| place + 1);
        if common < held {
            self.rewind(keeper, common);
        }
        let behind = if self.now < self.nodes[keeper].lag.1 { self.nodes[keeper].lag.0 } else { 0 };
        self.tell_newest(keeper, behind);
        let target = self.chain.head().saturating_sub(self.plan.pace.confirmations + behind) as usize;
        if held == 0 && self.random.chance(500) {
            self.nodes[keeper].history = target.min(WITHOUT_HEADS);
        }
        let end = target.min(common + AT_ONCE);
        for number in common..end {
            self.tell_block(keeper, number);
        }
        if end < target {
            let delay = self.random.between(20, 200);
            self.after(delay, Happening::Poll { keeper });
        }
        if self.plan.misled[keeper] && !self.healed && self.random.chance(150) {
            self.tell_a_lie(keeper);
        }
    }

    /// The newest block its node shows, which may have no confirmations yet.
    fn tell_newest(&mut self, keeper: usize, behind: u64) {
        let Some(block) = self.chain.blocks.iter().rev().nth(behind as usize) else {
            return;
        };
        let Head { number, hash, timestamp, .. } = block.head();
        let (before, looked) = std::mem::replace(&mut self.nodes[keeper].newest, (hash, self.now));
        if before == hash {
            return;
        }
        let live = !before.is_zero() && self.now < looked + WATCHING;
        let seen_ms = self.local(keeper).0;
        self.pass_on(keeper, ChainEvent::Newest { number, timestamp, seen_ms, live });
    }

    fn pass_on(&mut self, keeper: usize, event: ChainEvent) {
        self.feed(keeper, Event::Chain(event));
    }

    fn rewind(&mut self, keeper: usize, common: usize) {
        self.nodes[keeper].held.truncate(common);
        let number = common as u64;
        self.tell(|| format!("{keeper} rewinds to {number}"));
        self.pass_on(keeper, ChainEvent::Rewound { number });
    }

    fn tell_block(&mut self, keeper: usize, position: usize) {
        let block = &self.chain.blocks[position];
        let (head, epoch, jobs, settled) = (block.head(), block.epoch, block.jobs.clone(), block.settled.clone());
        let disputes = block.disputes.clone();
        let number = head.number;
        if number == REGISTERED {
            for other in 0..self.keys.len() {
                let (operator, peer_key) = (self.keys[other].operator, Some(self.keys[other].peer.0));
                self.pass_on(keeper, ChainEvent::Operator { block: number, operator, peer_key });
            }
        }
        for job in jobs {
            let job = &self.plan.jobs[job];
            let is_shallow = self.bug == Some(Plant::ShallowLogs);
            let params = Box::new(if is_shallow { job.without_confirmations() } else { job.params.clone() });
            let (owner, forwarder) = (Address::repeat_byte(0xaa), Address::repeat_byte(0xbb));
            let event = JobEvent::Created { job_id: job.id, owner, forwarder, params, active_from: head.timestamp };
            let funded = JobEvent::Covered { job_id: job.id, covered: true };
            for event in [event, funded] {
                self.pass_on(keeper, ChainEvent::Job { block: number, event });
            }
        }
        if let Some(epoch) = epoch {
            let lied_to = self.plan.deceived[keeper] && !self.healed;
            self.count("other_table", u64::from(lied_to));
            let committees = if lied_to { &self.false_committees } else { &self.plan.committees };
            let snapshot = snapshot(&committees[epoch], number);
            self.pass_on(keeper, ChainEvent::Epoch(snapshot));
        }
        for settled in settled {
            self.pass_on(keeper, ChainEvent::Settled(settled));
        }
        for (id, event) in disputes {
            self.pass_on(keeper, ChainEvent::Dispute { block: number, id, event });
        }
        self.nodes[keeper].held.push(self.chain.blocks[position].reference);
        if position >= self.nodes[keeper].history {
            self.pass_on(keeper, ChainEvent::Head(head));
        }
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
            let anchor = Anchor { number: last.number, hash: last.hash };
            let (input_set, outcome_hash) = (B256::ZERO, B256::ZERO);
            let report = Report { task, anchor, input_set, status: Status::Call, outcome_hash };
            let lie = settled(&report, block.number, block.timestamp, Address::ZERO);
            self.pass_on(keeper, ChainEvent::Settled(lie));
        }
        self.nodes[keeper].held.push(block);
        let BlockRef { number, hash, timestamp } = block;
        self.pass_on(keeper, ChainEvent::Head(Head { number, hash, parent: last.hash, timestamp }));
    }
}

/// A committee as the watcher reads it from the registry, written in `block`.
fn snapshot(committee: &Committee, block: u64) -> EpochSnapshot {
    let members = committee.members().iter().map(|member| MemberRow {
        operator: member.operator,
        stake: member.stake,
        peer_key: member.peer_key.0,
        bls_key: member.key.to_chain_bytes().to_vec(),
    });
    EpochSnapshot {
        block,
        epoch: committee.epoch(),
        active_from: committee.active_from(),
        members: members.collect(),
        table_root: committee.table_root(),
    }
}

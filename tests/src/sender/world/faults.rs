//! What goes wrong, and how it becomes right again.

use std::rc::Rc;

use alloy::primitives::B256;
use keeper::chain::fees::Fees;
use keeper::chain::lane::Order;
use keeper::chain::nonce::Ledger;

use super::{Happening, World};
use crate::sender::chain::{Block, Tx};
use crate::sender::plan::{Fault, Kept, NODES, RICH};

impl World {
    pub(super) fn fault(&mut self, fault: Fault) {
        if self.calm {
            return;
        }
        self.tell(|| format!("{fault:?}"));
        match fault {
            Fault::Down(node, down) => {
                self.nodes[node].down = down;
                if down {
                    self.note("node_down");
                }
            }
            Fault::Lag(node, lag) => {
                self.nodes[node].lag = lag;
                if lag > 0 {
                    self.note("lagging_node");
                }
            }
            Fault::MinTip(node, tip) => {
                self.nodes[node].min_tip = tip;
                self.note("min_tip");
            }
            Fault::Full(node, full) => self.nodes[node].full = full,
            Fault::Limited(node, limited) => self.nodes[node].limited = limited,
            Fault::Drops(node, drops) => self.nodes[node].drops = drops,
            Fault::NoReceipts(node, hidden) => self.nodes[node].no_receipts = hidden,
            Fault::Disk(full) => {
                self.disk_full = full;
                if full {
                    self.note("disk_full");
                }
            }
            Fault::Rising(rising) => {
                self.rising = rising;
                if rising {
                    self.note("base_fee_spike");
                }
            }
            Fault::BlockTip(tip) => self.block_tip = tip,
            Fault::Balance(balance) => {
                self.balance = balance;
                self.note("poor");
            }
            Fault::Reorg { depth, returned, shorter } => self.reorganise(depth, returned, shorter),
            Fault::Crash { ledger } => self.crash(ledger, None),
            Fault::OtherProgram => self.other_program(),
            Fault::Joined => self.nodes.iter_mut().for_each(|node| node.fork = None),
            Fault::Emptied(node) => self.nodes[node].pool.clear(),
            odd => self.odd_fault(odd),
        }
    }

    /// What nodes seldom do, and liars do.
    fn odd_fault(&mut self, fault: Fault) {
        match fault {
            Fault::Replaces => self.replace(),
            Fault::Deaf(node, lost) => self.nodes[node].deaf = lost,
            Fault::Slow(slow) => self.slow = slow,
            Fault::FalseReceipts(node, told) => self.nodes[node].false_receipts = told,
            Fault::First(node) => self.first = node,
            Fault::Ahead(node, ahead) => self.nodes[node].ahead = ahead,
            Fault::FalseVerdicts(node, told) => self.nodes[node].false_verdicts = told,
            Fault::Odd(node, odd) => self.nodes[node].odd = odd,
            _ => {}
        }
    }

    /// Another program's transaction takes the place of the lowest one of ours that is pending.
    fn replace(&mut self) {
        let nonce = self.chain.mined(self.chain.head());
        let Some(old) = self.nodes.iter().find_map(|node| node.pool.get(&nonce)).cloned() else {
            let pause = self.plan.block_ms / 4;
            return self.after(pause, 2 * pause, Happening::Fault(Fault::Replaces));
        };
        self.note("replaced");
        let fees = Fees { max_fee: old.fees.max_fee * 2, tip: old.fees.tip * 2 };
        let tx = self.foreign(nonce, fees);
        (0..NODES).for_each(|node| drop(self.offer(node, &tx)));
    }

    fn foreign(&mut self, nonce: u64, fees: Fees) -> Tx {
        let hash = B256::from(alloy::primitives::U256::from(self.random.next()) << 128);
        Tx { hash, nonce, content: 0, gas_limit: 50_000, fees, foreign: true }
    }

    /// The newest blocks give way to others, one more than there were unless the chain stays shorter for now.
    fn reorganise(&mut self, depth: u64, returned: bool, shorter: bool) {
        self.note(if returned { "reorg_returned" } else { "reorg_dropped" });
        for node in 0..NODES {
            if self.random.chance(250) {
                self.note("other_fork");
                self.nodes[node].fork = Some(Rc::new(self.chain.clone()));
            }
        }
        let gone = self.chain.take_off(depth);
        self.give_back(&gone, returned);
        let blocks = if shorter { 0 } else { gone.len() as u64 + 1 };
        (0..blocks).for_each(|_| self.grow());
        self.settle_views();
        // Nodes on the other fork come over within a few blocks.
        let block = self.plan.block_ms;
        self.after(block, 4 * block, Happening::Fault(Fault::Joined));
    }

    /// What was in the blocks that are gone comes back to the pools, or not; what others settled, they settle again.
    fn give_back(&mut self, gone: &[Rc<Block>], returned: bool) {
        if gone.iter().any(|block| block.txs.iter().any(|(tx, _)| tx.foreign)) && !returned {
            self.note("gap");
        }
        for block in gone {
            for (tx, _) in &block.txs {
                for node in 0..NODES {
                    match returned {
                        true => drop(self.nodes[node].pool.entry(tx.nonce).or_insert_with(|| tx.clone())),
                        false => drop(self.nodes[node].pool.remove(&tx.nonce)),
                    }
                }
            }
            self.others.extend(block.settled.iter().filter(|(_, ours)| !ours).map(|(id, _)| *id));
        }
    }

    /// Another program sends from the account, at the nonce that it believes to be next.
    fn other_program(&mut self) {
        self.note("other_program");
        let mined = self.chain.mined(self.chain.head());
        let pool = &self.nodes[self.random.below(NODES as u64) as usize].pool;
        let nonce = (mined..).find(|nonce| !pool.contains_key(nonce)).unwrap_or(mined);
        let fees = Fees { max_fee: self.chain.base_fee * 2 + 2_000_000_000, tip: 2_000_000_000 };
        let tx = self.foreign(nonce, fees);
        (0..NODES).for_each(|node| drop(self.offer(node, &tx)));
    }

    /// Whether it is killed before it hears that a write is done.
    pub(super) fn dies_writing(&mut self) -> bool {
        let dies = self.plan.kills && !self.calm && self.random.chance(15);
        if dies {
            self.crash(Kept::All, None);
        }
        dies
    }

    /// The sender is killed. The order it was about to see carried out may have been, or not.
    pub(super) fn crash(&mut self, kept: Kept, order: Option<Order>) {
        if self.lane.take().is_none() {
            return;
        }
        self.tell(|| format!("crash, before {order:?}"));
        self.note("crash");
        self.waiting.clear();
        // What was being written may be there.
        if let Some(ledger) = self.writing.take().filter(|_| self.random.chance(500)) {
            self.note("write_landed");
            self.disk = ledger;
        }
        match order {
            Some(Order::Write { ledger, .. }) if !self.disk_full && self.random.chance(500) => self.disk = ledger,
            Some(Order::Send { raw, .. }) if self.random.chance(500) => {
                let life = self.life;
                self.after(1, 60, Happening::Arrive(life, raw));
            }
            _ => {}
        }
        if kept != Kept::All {
            let Ledger { chain_id, address, .. } = self.disk;
            let older = self.backups.get(self.random.below(self.backups.len().max(1) as u64) as usize);
            let older = older.filter(|_| kept == Kept::Older).cloned();
            self.note(if kept == Kept::Older { "ledger_older" } else { "ledger_lost" });
            self.disk = older.unwrap_or_else(|| Ledger::empty(chain_id, address));
            self.checks.forget();
            self.owed.clear();
        }
        let pause = 20 * self.plan.block_ms;
        self.after(100, pause, Happening::Start);
    }

    /// Everything is right again.
    pub(super) fn be_calm(&mut self) {
        self.calm = true;
        for node in &mut self.nodes {
            let (client, pool) = (node.client, std::mem::take(&mut node.pool));
            *node = crate::sender::node::Node { client, pool, ..Default::default() };
        }
        (self.block_tip, self.rising, self.balance, self.disk_full, self.slow) = (0, false, RICH, false, 0);
        self.first = None;
        self.start();
    }
}

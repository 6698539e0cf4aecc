//! The contracts that emit logs: some that fit what is waited for, some that almost do, several in one block.

use alloy::primitives::{Address, B256};
use executor::LogEntry;

use crate::sim::plan::{ASKED, EMITTER, EVENT, LAST_DUE, Nature, START};
use crate::sim::random::Random;

/// In thousandths: logs of an orphaned block that are in the block in its place as well, and those that come in a later one.
const STAYS: u64 = 500;
const MOVES: u64 = 800;
/// Most seconds from a log to the moment at which its task is due.
const DEEPEST: u64 = 5;
/// Most logs of a block besides those that have moved there.
const LOGS_MAX: u64 = 4;

/// What emits logs.
#[derive(Clone, Debug)]
pub(super) struct Emitter {
    random: Random,
    /// In thousandths: how many blocks hold logs.
    odds: u64,
    /// Logs of orphaned blocks whose transactions wait for another one.
    pending: Vec<LogEntry>,
    /// How many logs have moved.
    pub(super) moved: u64,
}

impl Emitter {
    pub(super) fn new(seed: u64, nature: Nature) -> Self {
        Self { random: Random::new(seed ^ 0x6c6f_6773), odds: nature.logs, pending: Vec::new(), moved: 0 }
    }

    /// The logs of a block; their places are for whoever mines it.
    pub(super) fn emit(&mut self, timestamp: u64) -> Vec<LogEntry> {
        let mut logs = std::mem::take(&mut self.pending);
        if timestamp + DEEPEST <= START + LAST_DUE && self.random.chance(self.odds) {
            let fresh = self.random.between(1, LOGS_MAX);
            logs.extend((0..fresh).map(|_| self.draw()));
        }
        logs
    }

    /// The logs of the block that takes the place of one with these.
    pub(super) fn emit_again(&mut self, orphaned: Vec<LogEntry>) -> Vec<LogEntry> {
        let mut logs = std::mem::take(&mut self.pending);
        for log in orphaned {
            match self.random.below(1_000) {
                fate if fate < STAYS => logs.push(log),
                fate if fate < MOVES => {
                    self.moved += 1;
                    self.pending.push(log);
                }
                _ => {}
            }
        }
        if self.random.chance(self.odds / 4) {
            logs.push(self.draw());
        }
        logs
    }

    fn draw(&mut self) -> LogEntry {
        let random = &mut self.random;
        let other = |random: &mut Random| B256::from_slice(&random.bytes(32));
        let mut address = EMITTER;
        let mut topics = vec![EVENT, other(random), ASKED];
        match random.below(10) {
            0 => address = Address::repeat_byte(0xe9),
            1 => topics[0] = other(random),
            2 => topics[2] = other(random),
            3 => topics.truncate(2),
            4 => topics.push(other(random)),
            _ => {}
        }
        let length = random.below(40) as usize;
        LogEntry {
            address,
            topics,
            data: random.bytes(length).into(),
            block_number: 0,
            block_hash: B256::ZERO,
            transaction_hash: other(random),
            log_index: 0,
        }
    }
}

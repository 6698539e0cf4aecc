//! What a seed holds: the contents that are wanted, and everything that goes wrong.

use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U256};
use keeper::chain::lane::Call;

use crate::sim::random::Random;

/// Nodes the sender has.
pub(super) const NODES: usize = 3;
/// Blocks in which things go wrong.
pub(super) const ATTACK: u64 = 80;
/// Blocks of calm after them.
pub(super) const CALM: u64 = 120;
/// Contents wanted when all is calm.
const PROBES: u64 = 3;

/// Something the sender is asked to have included.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) id: u64,
    /// When it is wanted first, in milliseconds.
    pub(super) wanted_at: u64,
    pub(super) size: u64,
    /// Whether nodes find its gas limit too high.
    pub(super) over_gas: bool,
    pub(super) gas: u64,
    /// Whether it fails on the chain whatever nodes say before.
    pub(super) fails: bool,
    /// Blocks after it was wanted first in which it is of use.
    pub(super) lasts: Option<u64>,
    /// The same as a block's number, once it was wanted.
    pub(super) last_block: Option<u64>,
    /// When somebody else settles it, in milliseconds.
    pub(super) others_at: Option<u64>,
    /// Whether whoever wants it forgets it with a crash.
    pub(super) forgotten: bool,
}

impl Content {
    pub(super) fn key(&self) -> B256 {
        key(self.id)
    }

    pub(super) fn call(&self) -> Call {
        Call {
            to: Address::repeat_byte(3),
            input: Bytes::copy_from_slice(&self.id.to_be_bytes()),
            gas_floor: self.gas,
            last_block: self.last_block,
            counts: true,
        }
    }

    /// Whether it can settle at all.
    pub(super) fn is_possible(&self) -> bool {
        self.size <= 131_072 && !self.over_gas && !self.fails
    }
}

pub(super) fn key(id: u64) -> B256 {
    B256::from(U256::from(id))
}

pub(super) fn id_of(key: B256) -> u64 {
    U256::from_be_bytes(key.0).saturating_to()
}

/// What a crash leaves of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    All,
    /// One that was written earlier: a backup that was put back, a disk that lied about a write.
    Older,
    Nothing,
}

/// Reasons for which few nodes refuse a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Odd {
    /// One transaction of the account at a time.
    OneAtATime,
    /// Words that nobody knows.
    Unknown,
    /// A transfer needs more gas than elsewhere.
    MoreGas,
}

/// One thing that goes wrong, or right again.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    Down(usize, bool),
    Lag(usize, u64),
    MinTip(usize, u128),
    Full(usize, bool),
    Limited(usize, bool),
    Drops(usize, u64),
    NoReceipts(usize, u64),
    Disk(bool),
    /// Whether the base fee rises by an eighth a block.
    Rising(bool),
    /// The tip blocks ask for.
    BlockTip(u128),
    Balance(u128),
    Reorg {
        depth: u64,
        returned: bool,
        shorter: bool,
    },
    Crash {
        ledger: Kept,
    },
    OtherProgram,
    /// Another program's transaction takes the place of ours in every pool.
    Replaces,
    /// Per mille of answers that are lost though the node has taken the transaction.
    Deaf(usize, u64),
    /// Per mille of answers that take some blocks.
    Slow(u64),
    /// Per mille of receipts of transactions that are in no block.
    FalseReceipts(usize, u64),
    /// Nonces it shows as used that are not.
    Ahead(usize, u64),
    /// The node that is asked first, each time anew where there is none.
    First(Option<usize>),
    /// Per mille of contents of which it says that they are worth nothing.
    FalseVerdicts(usize, u64),
    /// A reason for which it refuses what it could take.
    Odd(usize, Option<Odd>),
    /// Nodes that followed another fork come over.
    Joined,
    /// A pool forgets everything.
    Emptied(usize),
}

/// A seed's plan.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) block_ms: u64,
    pub(super) base_fee: u128,
    pub(super) contents: Vec<Content>,
    /// By their moments in milliseconds.
    pub(super) faults: Vec<(u64, Fault)>,
    /// Whether the sender may be killed at any order.
    pub(super) kills: bool,
}

pub(super) const RICH: u128 = 100_000_000_000_000_000_000;

impl Plan {
    pub(super) fn new(random: &mut Random) -> Self {
        let block_ms = [1_000, 2_000, 12_000][random.below(3) as usize];
        let base_fee = [1_000_000, 50_000_000, 1_000_000_000, 20_000_000_000][random.below(4) as usize];
        let mut contents = contents(random, block_ms);
        contents.sort_by_key(|content| content.wanted_at);
        let mut faults = Vec::new();
        // One seed in eight is quiet, so that what is demanded of quiet ones is too.
        if !random.chance(125) {
            let count = random.between(2, 14);
            (0..count).for_each(|_| one_fault(random, block_ms, &mut faults));
        }
        faults.sort_by_key(|(at, _)| *at);
        Self { block_ms, base_fee, contents, faults, kills: random.chance(300) }
    }

    pub(super) fn block_time(&self) -> Duration {
        Duration::from_millis(self.block_ms)
    }
}

fn contents(random: &mut Random, block_ms: u64) -> Vec<Content> {
    let count = random.between(4, 16);
    let attack = (1..=count).map(|id| {
        let wanted_at = random.below(ATTACK * block_ms * 3 / 4) + block_ms;
        let after = |random: &mut Random| wanted_at + random.below(20 * block_ms);
        Content {
            id,
            wanted_at,
            size: if random.chance(60) { 200_000 } else { random.between(500, 100_000) },
            over_gas: random.chance(50),
            gas: random.between(100_000, 12_000_000),
            fails: random.chance(50),
            lasts: random.chance(600).then(|| random.between(5, 60)),
            last_block: None,
            others_at: random.chance(300).then(|| after(random)),
            forgotten: random.chance(400),
        }
    });
    let mut all: Vec<Content> = attack.collect();
    let probes = if random.chance(500) { PROBES } else { 0 };
    for probe in 0..probes {
        all.push(Content {
            id: 1_000 + probe,
            wanted_at: (ATTACK + 10 + 8 * probe) * block_ms,
            size: 1_000,
            over_gas: false,
            gas: 300_000,
            fails: false,
            lasts: None,
            last_block: None,
            others_at: None,
            forgotten: false,
        });
    }
    all
}

fn one_fault(random: &mut Random, block_ms: u64, faults: &mut Vec<(u64, Fault)>) {
    let end = ATTACK * block_ms;
    let at = random.between(2 * block_ms, end * 9 / 10);
    let until = (at + random.between(block_ms, 30 * block_ms)).min(end);
    let node = random.below(NODES as u64) as usize;
    let mut span = |fault, healed| faults.extend([(at, fault), (until, healed)]);
    match random.below(26) {
        0 => span(Fault::Down(node, true), Fault::Down(node, false)),
        1 => {
            // all of them
            (0..NODES).for_each(|node| span(Fault::Down(node, true), Fault::Down(node, false)));
        }
        2 => span(Fault::Lag(node, random.between(1, 3)), Fault::Lag(node, 0)),
        3 => span(Fault::MinTip(node, 100_000_000_000), Fault::MinTip(node, 0)),
        4 => (0..NODES).for_each(|node| span(Fault::MinTip(node, 30_000_000_000), Fault::MinTip(node, 0))),
        5 => span(Fault::Full(node, true), Fault::Full(node, false)),
        6 => {
            // one of them, or all
            let nodes = if random.chance(500) { 0..NODES } else { node..node + 1 };
            nodes.for_each(|node| span(Fault::Limited(node, true), Fault::Limited(node, false)));
        }
        7 => (0..NODES).for_each(|node| span(Fault::Drops(node, 500), Fault::Drops(node, 0))),
        8 => (0..NODES).for_each(|node| span(Fault::NoReceipts(node, 400), Fault::NoReceipts(node, 0))),
        9 => span(Fault::Disk(true), Fault::Disk(false)),
        10 => span(Fault::Rising(true), Fault::Rising(false)),
        11 => span(Fault::BlockTip(random.between(20_000_000, 3_000_000_000).into()), Fault::BlockTip(0)),
        12 => span(Fault::Balance(random.below(1_000_000_000).into()), Fault::Balance(RICH)),
        13 | 14 => {
            let (returned, shorter) = (random.chance(500), random.chance(100));
            faults.push((at, Fault::Reorg { depth: random.between(1, 10), returned, shorter }));
        }
        15 => {
            let ledger = if random.chance(150) { Kept::Nothing } else { Kept::All };
            faults.push((at, Fault::Crash { ledger: if random.chance(100) { Kept::Older } else { ledger } }));
        }
        16 => {
            // What the other program sent is gone for good, what was sent after it waits.
            let depth = random.between(4, 9);
            faults.push((at, Fault::OtherProgram));
            faults.push((at + 3 * block_ms, Fault::Reorg { depth, returned: false, shorter: false }));
        }
        17 => (0..NODES).for_each(|node| span(Fault::Deaf(node, 300), Fault::Deaf(node, 0))),
        18 => span(Fault::Slow(200), Fault::Slow(0)),
        19 => span(Fault::FalseReceipts(node, 300), Fault::FalseReceipts(node, 0)),
        20 => span(Fault::Ahead(node, random.between(1, 5)), Fault::Ahead(node, 0)),
        21 => {
            span(Fault::FalseReceipts(node, 500), Fault::FalseReceipts(node, 0));
            span(Fault::Ahead(node, random.between(1, 100)), Fault::Ahead(node, 0));
        }
        22 => span(Fault::FalseVerdicts(node, 500), Fault::FalseVerdicts(node, 0)),
        23 => {
            let odd = [Odd::OneAtATime, Odd::Unknown, Odd::MoreGas][random.below(3) as usize];
            let nodes = if random.chance(500) { 0..NODES } else { node..node + 1 };
            nodes.for_each(|node| span(Fault::Odd(node, Some(odd)), Fault::Odd(node, None)));
        }
        24 => {
            // One that is asked first again and again, and believed by nobody else.
            span(Fault::First(Some(node)), Fault::First(None));
            span(Fault::Ahead(node, random.between(1, 3)), Fault::Ahead(node, 0));
        }
        _ => match random.below(3) {
            0 => faults.push((at, Fault::OtherProgram)),
            1 => faults.push((at, Fault::Replaces)),
            _ => (0..NODES).for_each(|node| faults.push((at, Fault::Emptied(node)))),
        },
    }
}

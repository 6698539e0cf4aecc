//! What a keeper's nodes show it of logs and of the condition: each answer comes from one node, which may be behind the one that
//! is followed, on another branch, or lie.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::primitives::B256;
use consensus::anchor::BlockRef;
use executor::LogEntry;
use keeper::driver::Event;
use keeper::jobs::probe::{Probed, Question};
use keeper::jobs::search::{Found, Hit, Stretch};
use keeper::jobs::trigger::SeenLog;

use super::World;
use super::queue::Happening;
use crate::sim::plan::{ASKED, EMITTER, EVENT};
use crate::sim::plant::Plant;

/// In thousandths: how many questions another node answers than the one that is followed, and how many lies a node that lies tells.
const ELSEWHERE: u64 = 200;
const LIES: u64 = 300;
/// Most blocks that such a node is behind.
const BEHIND_MAX: u64 = 2;

impl World<'_> {
    /// How long a question to a node takes.
    fn asked(&mut self) -> u64 {
        let slowest = if self.healed { 80 } else { 600 };
        self.random.between(5, slowest)
    }

    pub(super) fn search(&mut self, keeper: usize, stretch: Stretch) {
        let (delay, life) = (self.asked(), self.nodes[keeper].life);
        self.after(delay, Happening::Search { keeper, life, stretch });
    }

    pub(super) fn probe(&mut self, keeper: usize, block: BlockRef, questions: Arc<[Question]>) {
        let (delay, life) = (self.asked(), self.nodes[keeper].life);
        self.after(delay, Happening::Probe { keeper, life, block, questions });
    }

    /// The chain as the node has it that answers, from block 1 on.
    fn shown(&mut self, keeper: usize) -> Result<Vec<BlockRef>, String> {
        if self.now < self.nodes[keeper].outage_until {
            return Err("no RPC node answers".to_owned());
        }
        if self.healed || !self.random.chance(ELSEWHERE) {
            return Ok(self.nodes[keeper].held.clone());
        }
        let behind = self.random.between(0, BEHIND_MAX) as usize;
        let mut shown = match &self.left_branch {
            Some((branch, until)) if self.now < *until => branch.clone(),
            _ => self.chain.blocks.iter().map(|block| block.reference).collect(),
        };
        shown.truncate(shown.len() - behind);
        Ok(shown)
    }

    /// A search comes to its end.
    pub(super) fn searched(&mut self, keeper: usize, stretch: &Stretch) {
        let shown = self.shown(keeper);
        if let Ok(shown) = &shown {
            let followed = self.nodes[keeper].held.get(stretch.to as usize - 1).map(|block| block.hash);
            let is_other = shown.get(stretch.to as usize - 1).map(|block| block.hash) != followed;
            self.count("other_branch", u64::from(is_other && !self.plan.misled[keeper]));
        }
        let mut result = shown.and_then(|shown| self.find(stretch, &shown).map(|found| (found, shown)));
        if let Ok((found, shown)) = &mut result {
            self.falsify(keeper, stretch, found, shown);
        }
        let mut result = result.map(|(found, _)| found);
        if let Ok(found) = &mut result
            && self.bug == Some(Plant::SearchesOnce)
        {
            let searched = self.nodes[keeper].searched;
            found.hits.retain(|hit| hit.log.entry.block_number > searched);
            self.nodes[keeper].searched = searched.max(stretch.to);
        }
        self.feed(keeper, Event::Searched { number: stretch.number, result });
    }

    /// What `keeper::jobs::search` promises of a node that shows this chain.
    fn find(&self, stretch: &Stretch, shown: &[BlockRef]) -> Result<Found, String> {
        let at = |number: u64| shown.get(usize::try_from(number.checked_sub(1)?).ok()?).copied();
        let end = at(stretch.to).ok_or("the node has no such block")?;
        if stretch.end().is_some_and(|hash| hash != end.hash) {
            return Err("the node has another block".to_owned());
        }
        let mut found = Found::default();
        let mut taken: BTreeMap<(u64, u64), usize> = BTreeMap::new();
        for block in (stretch.from..=stretch.to).filter_map(at) {
            let known = self.chain.record.block(block.hash);
            for entry in known.iter().flat_map(|known| &known.logs) {
                let takes = |log: &LogEntry, wanted: &keeper::jobs::search::Wanted| {
                    wanted.filter.takes(log.address, &log.topics)
                };
                for wanted in stretch.wanted.iter().filter(|wanted| takes(entry, wanted)) {
                    let count = taken.entry((wanted.job, block.number)).or_default();
                    *count += 1;
                    if *count > wanted.filter.most_per_block() {
                        *found.dropped.entry(wanted.job).or_default() += 1;
                        continue;
                    }
                    let ripe = at(block.number + stretch.depth).ok_or("the node has no such block")?.timestamp;
                    let log = Arc::new(SeenLog { entry: entry.clone(), timestamp: block.timestamp });
                    found.hits.push(Hit { job: wanted.job, log, ripe });
                }
            }
        }
        Ok(found)
    }

    /// A node that lies hides logs, and makes others up.
    fn falsify(&mut self, keeper: usize, stretch: &Stretch, found: &mut Found, shown: &[BlockRef]) {
        if !self.plan.misled[keeper] || self.healed {
            return;
        }
        let before = found.hits.len();
        let random = &mut self.random;
        found.hits.retain(|_| !random.chance(LIES));
        let hidden = (before - found.hits.len()) as u64;
        self.count("hidden_log", hidden);
        let (Some(wanted), Some(block)) = (stretch.wanted.first(), shown.get(stretch.to as usize - 1)) else { return };
        let ripe = shown.get((stretch.to + stretch.depth) as usize - 1);
        if let Some(ripe) = ripe.filter(|_| self.random.chance(LIES)) {
            self.count("made_up_log", 1);
            let entry = LogEntry {
                address: EMITTER,
                topics: vec![EVENT, B256::ZERO, ASKED],
                data: self.random.bytes(8).into(),
                block_number: block.number,
                block_hash: block.hash,
                transaction_hash: B256::from_slice(&self.random.bytes(32)),
                log_index: 77,
            };
            let log = Arc::new(SeenLog { entry, timestamp: block.timestamp });
            found.hits.push(Hit { job: wanted.job, log, ripe: ripe.timestamp });
        }
    }

    /// The conditions have been asked about at a block.
    pub(super) fn probed(&mut self, keeper: usize, block: BlockRef, questions: &[Question]) {
        let shown = self.shown(keeper);
        let lies = self.plan.misled[keeper] && !self.healed && self.random.chance(LIES);
        self.count("false_condition", u64::from(lies));
        let result = shown.and_then(|shown| {
            let has = shown.get(block.number as usize - 1).is_some_and(|shown| shown.hash == block.hash);
            let is_met = self.chain.record.block(block.hash).is_some_and(|block| block.is_met);
            let (holds, jobs) = (is_met != lies, questions.iter().map(|question| question.job).collect());
            let probed = match holds {
                true => Probed { holding: jobs, ..Probed::default() },
                false => Probed { idle: jobs, ..Probed::default() },
            };
            if has { Ok(probed) } else { Err("the node does not have the block".to_owned()) }
        });
        self.feed(keeper, Event::Probed { block, result });
    }
}

//! One seed's run: the lane, its disk, the nodes and the chain over one queue of events.

mod ends;
mod faults;
mod questions;
mod wishes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes};
use keeper::chain::fees::Policy;
use keeper::chain::lane::{Event, Lane, Order, Terms};
use keeper::chain::nonce::Ledger;

use super::chain::{Chain, LEAST_BASE_FEE};
use super::checks::Checks;
use super::node::Node;
use super::pen::{Pen, read};
use super::plan::{ATTACK, CALM, Content, Fault, Kept, NODES, Plan, RICH, id_of};
use super::plants::{Plant, rules};
use crate::sim::random::{Fingerprint, Random};

const CHAIN_ID: u64 = 31337;
/// Blocks spent on a content before whoever wants it is told that it failed.
const PATIENCE: u64 = 40;

#[derive(Debug)]
enum Happening {
    /// Time passes for the lane.
    Tick,
    Block,
    Fault(Fault),
    Want(u64),
    /// Somebody else's settlement stands in the next block.
    Others(u64),
    /// An answer reaches the lane of this life.
    Answer(u64, Box<Event>),
    /// A transaction reaches the nodes.
    Arrive(u64, Bytes),
    /// The ledger is on disk.
    Synced(u64, u64, Box<Ledger>),
    Start,
    Calm,
}

#[derive(Debug)]
pub(super) struct World {
    plan: Plan,
    random: Random,
    verbose: bool,
    plant: Option<Plant>,
    pub(super) now: u64,
    count: u64,
    queue: BTreeMap<(u64, u64), Happening>,
    pub(super) chain: Chain,
    nodes: Vec<Node>,
    block_tip: u128,
    rising: bool,
    /// The node that is asked first.
    first: Option<usize>,
    /// Whether a lie about the count of nonces could not be told from the truth.
    fooled: bool,
    /// Per mille of answers that take some blocks.
    slow: u64,
    balance: u128,
    disk_full: bool,
    others: Vec<u64>,
    lane: Option<Lane>,
    life: u64,
    disk: Ledger,
    /// What is being written.
    writing: Option<Ledger>,
    /// Ledgers of earlier moments.
    backups: Vec<Ledger>,
    pub(super) contents: BTreeMap<u64, Content>,
    /// Whether whoever wants a content has an answer, and how many answers.
    answered: BTreeMap<u64, u32>,
    /// Since when whoever wants a content waits for an answer.
    waiting: BTreeMap<u64, u64>,
    /// What a start found on disk and nobody wants again but the ledger.
    owed: Vec<u64>,
    /// What nobody wants any more but the ledger.
    silent: BTreeSet<u64>,
    calm: bool,
    /// Most nonces any node showed used, and when, in the last moments.
    used: Vec<(u64, u64)>,
    pub(super) checks: Checks,
    pub(super) faults: BTreeMap<&'static str, u64>,
    pub(super) trace: Fingerprint,
    pub(super) events: u64,
}

impl World {
    pub(super) fn new(seed: u64, plant: Option<Plant>, verbose: bool) -> Self {
        let mut random = Random::new(seed);
        let plan = Plan::new(&mut random);
        let node = |client| Node { client, ..Node::default() };
        let mut world = Self {
            verbose,
            plant,
            now: 0,
            count: 0,
            queue: BTreeMap::new(),
            chain: Chain::new(plan.base_fee),
            nodes: (0..NODES).map(|_| node(random.below(4) as usize)).collect(),
            block_tip: 0,
            rising: false,
            first: None,
            fooled: false,
            slow: 0,
            balance: RICH,
            disk_full: false,
            others: Vec::new(),
            lane: None,
            life: 0,
            disk: Ledger::empty(CHAIN_ID, Address::repeat_byte(9)),
            writing: None,
            backups: Vec::new(),
            contents: plan.contents.iter().map(|content| (content.id, content.clone())).collect(),
            answered: BTreeMap::new(),
            waiting: BTreeMap::new(),
            owed: Vec::new(),
            silent: BTreeSet::new(),
            calm: false,
            used: Vec::new(),
            checks: Checks::new(seed, plan.block_ms),
            faults: BTreeMap::new(),
            trace: Fingerprint::default(),
            events: 0,
            random,
            plan,
        };
        world.checks.highest_base_fee = world.plan.base_fee;
        world.prepare();
        world
    }

    fn prepare(&mut self) {
        let block = self.plan.block_ms;
        self.at(0, Happening::Start);
        self.at(block, Happening::Block);
        self.at(ATTACK * block, Happening::Calm);
        for (at, fault) in self.plan.faults.clone() {
            self.at(at, Happening::Fault(fault));
        }
        for content in self.plan.contents.clone() {
            self.at(content.wanted_at, Happening::Want(content.id));
            if let Some(at) = content.others_at {
                self.at(at, Happening::Others(content.id));
            }
        }
    }

    fn at(&mut self, at: u64, happening: Happening) {
        self.count += 1;
        self.queue.insert((at, self.count), happening);
    }

    fn after(&mut self, least: u64, most: u64, happening: Happening) {
        let at = self.now + self.random.between(least, most);
        self.at(at, happening);
    }

    fn note(&mut self, fault: &'static str) {
        *self.faults.entry(fault).or_default() += 1;
    }

    fn tell(&self, what: impl FnOnce() -> String) {
        if self.verbose {
            eprintln!("{:>8} {}", self.now, what());
        }
    }

    pub(super) fn run(&mut self) {
        let end = (ATTACK + CALM) * self.plan.block_ms;
        while let Some(((at, _), happening)) = self.queue.pop_first() {
            if at > end {
                break;
            }
            self.now = at;
            self.events += 1;
            self.step(happening);
        }
        self.finish();
    }

    fn step(&mut self, happening: Happening) {
        match happening {
            Happening::Start => self.start(),
            Happening::Tick => self.tick(),
            Happening::Block => self.block(),
            Happening::Calm => self.be_calm(),
            Happening::Fault(fault) => self.fault(fault),
            Happening::Others(id) => self.others.push(id),
            Happening::Want(id) => self.want(id),
            Happening::Answer(life, event) if life == self.life => self.give(*event),
            Happening::Synced(life, revision, ledger) if life == self.life && !self.dies_writing() => {
                self.writing = None;
                if self.random.chance(100) {
                    self.backups.push((*ledger).clone());
                }
                self.disk = *ledger;
                self.give(Event::Written(revision));
            }
            Happening::Arrive(life, raw) => self.arrive(life, &raw),
            Happening::Answer(..) | Happening::Synced(..) => {}
        }
    }

    fn start(&mut self) {
        if self.lane.is_some() {
            return;
        }
        self.life += 1;
        let terms = Terms {
            block_time: self.plan.block_time(),
            patience: self.plan.block_time() * PATIENCE as u32,
            policy: Policy::default(),
            nodes: NODES,
        };
        self.tell(|| format!("starts with nonces {:?}", self.disk.entries.keys()));
        self.owe();
        self.checks.start();
        self.lane = Some(Lane::new(self.disk.clone(), terms, Arc::new(Pen), rules(self.plant)));
        self.after(1, 50, Happening::Tick);
    }

    fn tick(&mut self) {
        if self.lane.is_some() {
            self.give(Event::Tick);
            self.mind_waiting();
            let half = self.plan.block_ms / 2;
            self.after(half / 2, half, Happening::Tick);
        }
    }

    fn moment(&self) -> Duration {
        Duration::from_millis(self.now)
    }

    /// Brings the lane an event and carries out what it orders; it may be killed at any order.
    fn give(&mut self, event: Event) {
        let now = self.moment();
        let Some(lane) = &mut self.lane else { return };
        for order in lane.on(event, now) {
            if self.plan.kills && !self.calm && self.random.chance(3) {
                return self.crash(Kept::All, Some(order));
            }
            self.carry_out(order);
        }
    }

    fn carry_out(&mut self, order: Order) {
        let life = self.life;
        match order {
            Order::Look { hashes, second } => {
                let look = self.look(&hashes, second);
                self.answer(80, Event::Looked(look));
            }
            Order::Check { key, pending, .. } => {
                let verdict = self.check(id_of(key), pending);
                self.answer(80, Event::Checked { key, pending, verdict });
            }
            Order::Write { revision, ledger } => match self.disk_full {
                true => {
                    let event = Event::NotWritten("the disk is full".to_owned());
                    self.after(1, 10, Happening::Answer(life, Box::new(event)));
                }
                false => {
                    self.writing = Some(ledger.clone());
                    self.after(1, 20, Happening::Synced(life, revision, Box::new(ledger)));
                }
            },
            Order::Send { tx, raw } => self.send(tx, raw),
            Order::Done { key, ended } => self.done(id_of(key), &ended),
        }
    }

    fn send(&mut self, hash: B256, raw: Bytes) {
        let tx = read(&raw);
        debug_assert_eq!(tx.hash, hash);
        [tx.nonce, tx.content, tx.fees.max_fee as u64, self.now].iter().for_each(|word| self.trace.word(*word));
        self.tell(|| format!("sends nonce {} content {} at {:?}", tx.nonce, tx.content, tx.fees));
        let used = self.used.iter().map(|(_, mined)| *mined).max().unwrap_or_default();
        let mined = self.chain.mined(self.chain.head());
        self.checks.on_send(self.now, &tx, &self.disk, used, mined);
        let life = self.life;
        self.after(1, 60, Happening::Arrive(life, raw));
    }

    fn block(&mut self) {
        self.grow();
        let block = self.plan.block_ms;
        self.after(block, block, Happening::Block);
    }

    /// One more block, by the pool of one node.
    fn grow(&mut self) {
        let miner = self.random.below(NODES as u64) as usize;
        let most = self.random.below(6) as usize;
        let txs = self.nodes[miner].pick(&self.chain, self.block_tip, most);
        self.tell(|| {
            format!(
                "block {}: {:?}",
                self.chain.head() + 1,
                txs.iter().map(|tx| (tx.nonce, tx.content)).collect::<Vec<_>>()
            )
        });
        let contents = &self.contents;
        let worth = |id: u64, number: u64| {
            contents.get(&id).is_some_and(|it| it.is_possible() && it.last_block.is_none_or(|last| number <= last))
        };
        let others = std::mem::take(&mut self.others);
        others.iter().for_each(|_| *self.faults.entry("settled_by_others").or_default() += 1);
        self.chain.add(txs, &others, worth);
        let fee = self.chain.base_fee;
        self.chain.base_fee = match self.rising {
            true => (fee + fee / 8).min(200_000_000_000),
            false if fee > self.plan.base_fee => (fee - fee / 8).max(self.plan.base_fee),
            false => fee.max(LEAST_BASE_FEE),
        };
        self.checks.highest_base_fee = self.checks.highest_base_fee.max(self.chain.base_fee);
        self.settle_views();
    }

    /// After any change of the chain: pools let go of what is used, and the checks learn what is over.
    fn settle_views(&mut self) {
        let (now, head) = (self.now, self.chain.head());
        let mut used = self.chain.mined(head);
        for node in &mut self.nodes {
            let (seen, at) = node.view(&self.chain);
            let mined = seen.mined(at);
            used = used.max(mined);
            node.prune(mined);
        }
        let keep = 10_000 + 10 * self.plan.block_ms;
        self.used.retain(|(at, _)| at + keep >= now);
        self.used.push((now, used));
        for (id, content) in &self.contents {
            let settled = self.chain.settled_at(*id).is_some();
            let stale = content.last_block.is_some_and(|last| head >= last);
            self.checks.note_over(*id, now, settled || stale);
        }
    }
}

//! What goes wrong, and how it ends.

use consensus::Input;

use super::{Event, World};
use crate::sim::plan::{START, Strike};

impl World<'_> {
    /// Delays, in milliseconds, after which copies of a message arrive: none if it is lost.
    pub(super) fn route(&mut self, from: usize, to: usize) -> Vec<u64> {
        let calm = self.healed;
        let links = self.plan.links;
        if !calm {
            let at = self.elapsed();
            let cut = self.plan.cuts.iter().find(|cut| {
                let crosses =
                    if cut.one_way { cut.side[from] && !cut.side[to] } else { cut.side[from] != cut.side[to] };
                (cut.from..cut.to).contains(&at) && crosses
            });
            if let Some(cut) = cut {
                let kind = if cut.one_way { "partition_one_way" } else { "partition_total" };
                self.count(kind, 1);
                return Vec::new();
            }
            if self.random.chance(links.loss) {
                self.count("loss", 1);
                return Vec::new();
            }
        }
        let delay = 2 + self.random.below(if calm { 60 } else { links.delay });
        if calm {
            return vec![delay];
        }
        let mut delays = vec![delay];
        if self.random.chance(links.slow) {
            self.count("reorder", 1);
            delays[0] += self.random.below(links.slow_by);
        }
        if self.random.chance(links.duplication) {
            self.count("duplication", 1);
            let again = if self.random.chance(500) { 1 } else { 500 };
            delays.push(delay + self.random.below(again));
        }
        delays
    }

    pub(super) fn strike(&mut self, strike: Strike) {
        self.tell(|| format!("{strike:?}"));
        match strike {
            Strike::Crash { keeper, down } => self.crash(keeper, down),
            Strike::Storage { keeper, failure } => self.nodes[keeper].disk.fail(Some(failure)),
            Strike::Outage { keeper, length } => {
                self.count("rpc_outage", 1);
                self.nodes[keeper].outage_until = self.now + length;
            }
            Strike::Lag { keeper, blocks, length } => {
                self.count("lagging_view", 1);
                self.nodes[keeper].lag = (blocks, self.now + length);
            }
            Strike::Reorganise { depth } => {
                self.count("reorg", 1);
                let random = &mut self.random;
                let lost = self.chain.reorganise(depth, || random.chance(500));
                // What was orphaned may be mined again; the rest is lost for good.
                for transaction in lost {
                    if self.random.chance(500) {
                        self.mempool.push(transaction);
                    }
                }
            }
        }
    }

    fn crash(&mut self, keeper: usize, down: u64) {
        if self.nodes[keeper].engine.is_none() {
            return;
        }
        self.count("crash", 1);
        let (mid_write, kept) = (self.random.chance(500), self.random.below(1000));
        let lost = self.nodes[keeper].crash(mid_write, kept);
        self.count("lost_unsynced_write", u64::from(lost > 0));
        self.after(down, Event::Restart { keeper });
    }

    pub(super) fn start(&mut self, keeper: usize) {
        if self.nodes[keeper].engine.is_some() {
            return;
        }
        if let Err(why) = self.nodes[keeper].start(&self.keys[keeper], self.plan.pace, keeper, self.bug) {
            return self.checks.fail(self.elapsed(), "journal_lost", format!("keeper {keeper}: {why}"));
        }
        self.tell(|| format!("{keeper} starts"));
        self.poll(keeper);
        for other in (0..self.nodes.len()).filter(|&other| other != keeper) {
            let peer = self.keys[other].peer;
            self.feed(keeper, Input::PeerUp(peer));
        }
        for bytes in self.nodes[keeper].evidence.clone() {
            self.feed(keeper, Input::Kept(bytes));
        }
        self.tell_due(keeper);
        let life = self.nodes[keeper].life;
        let delay = self.random.below(1_000);
        self.after(delay, Event::House { keeper, life });
    }

    /// The faults end. Keepers whose clocks were off are set right, which takes a restart; hostile keepers fall silent
    /// or go on, as the plan says.
    pub(super) fn heal(&mut self) {
        debug_assert_eq!(self.now, (START + crate::sim::plan::HEAL) * 1000);
        let skewed: Vec<usize> = (0..self.nodes.len()).filter(|&keeper| self.plan.skews[keeper] != 0).collect();
        self.healed = true;
        for keeper in skewed {
            self.nodes[keeper].crash(false, 0);
            self.start(keeper);
        }
        for node in &mut self.nodes {
            node.outage_until = 0;
            node.lag = (0, 0);
            node.disk.fail(None);
        }
    }
}

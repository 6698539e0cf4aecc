//! What goes wrong, and how it ends.

use consensus::committee::PeerKey;
use keeper::driver::Event;

use super::World;
use super::queue::Happening;
use crate::sim::plan::{START, Strike};

/// For so many milliseconds some nodes do not know of a reorganisation.
const LEFT_BEHIND: u64 = 2_500;

impl World<'_> {
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
            Strike::Dispute(claim) => self.dispute(claim),
            Strike::Reorganise { depth } => {
                self.count("reorg", 1);
                let left = self.chain.blocks.iter().map(|block| block.reference).collect();
                self.left_branch = Some((left, self.now + LEFT_BEHIND));
                let (random, moved) = (&mut self.random, self.chain.moved_logs());
                let lost = self.chain.reorganise(depth, || random.chance(500));
                self.count("moved_log", self.chain.moved_logs() - moved);
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
        if self.nodes[keeper].core.is_none() {
            return;
        }
        self.count("crash", 1);
        let (mid_write, kept) = (self.random.chance(500), self.random.below(1000));
        let lost = self.nodes[keeper].crash(mid_write, kept);
        self.count("lost_unsynced_write", u64::from(lost > 0));
        self.tell_peers(keeper, Event::PeerDown);
        self.after(down, Happening::Restart { keeper });
    }

    pub(super) fn start(&mut self, keeper: usize) {
        if self.nodes[keeper].core.is_some() {
            return;
        }
        if let Err(why) =
            self.nodes[keeper].start(&self.keys[keeper], (self.plan.pace, self.plan.old[keeper]), keeper, self.bug)
        {
            return self.checks.fail(self.elapsed(), "journal_lost", format!("keeper {keeper}: {why}"));
        }
        self.tell(|| format!("{keeper} starts"));
        self.poll(keeper);
        for other in (0..self.nodes.len()).filter(|&other| other != keeper) {
            if self.nodes[other].core.is_some() {
                let peer = self.keys[other].peer;
                self.feed(keeper, Event::PeerUp(peer));
            }
        }
        self.tell_peers(keeper, Event::PeerUp);
        self.feed(keeper, Event::House);
        let life = self.nodes[keeper].life;
        let delay = self.random.below(1_000);
        self.after(delay, Happening::House { keeper, life });
    }

    /// The others notice that a keeper has come or gone.
    fn tell_peers(&mut self, keeper: usize, event: impl Fn(PeerKey) -> Event) {
        let peer = self.keys[keeper].peer;
        for other in (0..self.nodes.len()).filter(|&other| other != keeper) {
            self.feed(other, event(peer));
        }
    }

    /// The faults end. Keepers whose clocks were off, or whose nodes lied about the operator
    /// set, are set right, which takes a restart; hostile keepers fall silent
    /// or go on, as the plan says.
    pub(super) fn heal(&mut self) {
        debug_assert_eq!(self.now, (START + crate::sim::plan::HEAL) * 1000);
        let wrong = |keeper: &usize| self.plan.skews[*keeper] != 0 || self.plan.deceived[*keeper];
        let wrong: Vec<usize> = (0..self.nodes.len()).filter(wrong).collect();
        self.healed = true;
        for keeper in wrong {
            self.nodes[keeper].crash(false, 0);
            self.tell_peers(keeper, Event::PeerDown);
            self.start(keeper);
        }
        for node in &mut self.nodes {
            node.outage_until = 0;
            node.lag = (0, 0);
            node.disk.fail(None);
        }
    }
}

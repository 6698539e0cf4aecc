//! The decisions of the protocol that safety and liveness hang on, one function each: what they do by default is right.
//!
//! They are a seam for the simulator, which breaks one at a time to show that it would notice (`tests/src/sim/plant.rs`).
//! [`crate::Engine::new`] keeps them all; no shipped program asks for others, or holds any.

use std::fmt;

use crate::committee::{Committee, KeeperIndex, QUORUM_BPS};

/// Up to so many members with stake gossip is the rule: every message of it costs each node 0.1 to 0.2 ms, so a partial of each
/// of eight is a millisecond a batch, and everybody sees a quorum or a split at once. Of 16 they are 2.7 ms, of 64 thirteen, for
/// what costs a leader 5 us apiece over a stream of its own (measured: `research/performance.md` §3).
pub const GOSSIP_MAX: usize = 8;

/// What a keeper holds itself to. The numbers are those of the rules in `consensus/README.md`.
pub trait Laws: fmt::Debug + Send + Sync {
    /// Rule 2: the block whose epoch counts for an anchor is the anchor.
    fn epoch_block(&self, anchor: u64) -> u64 {
        anchor
    }

    /// Rule 2: whether so much of a committee's stake certifies.
    fn is_quorum(&self, committee: &Committee, stake: u128, quorum_bps: u16) -> bool {
        committee.is_quorum(stake, quorum_bps)
    }

    /// Rule 20: whether observations of so much of a committee's stake may be decided on.
    fn is_input_set(&self, committee: &Committee, stake: u128) -> bool {
        committee.is_quorum(stake, QUORUM_BPS)
    }

    /// Rule 3: the line of leaders is the one that everybody has drawn.
    fn line(&self, drawn: Vec<KeeperIndex>) -> Vec<KeeperIndex> {
        drawn
    }

    /// Rule 4: whether silence opens the next stage.
    fn silence_opens_a_stage(&self) -> bool {
        true
    }

    /// Rule 5: whether a signature waits until the journal has the report.
    fn awaits_journal(&self) -> bool {
        true
    }

    /// Rule 7: whether a partial counts, given what the check of its signature said.
    fn holds(&self, verified: bool) -> bool {
        verified
    }

    /// Rule 21: whether partials count that were added, given what the check of their sum said.
    fn sum_holds(&self, verified: bool) -> bool {
        verified
    }

    /// Rule 21: whether partials go straight to the leaders where so many members have stake.
    fn goes_straight(&self, members: usize) -> bool {
        members > GOSSIP_MAX
    }

    /// Rule 21: whether a partial that went straight is gossiped once that has not helped.
    fn falls_back(&self) -> bool {
        true
    }

    /// Rule 8: whether a second partial of one signer on one root adds its stake again.
    fn counts_again(&self) -> bool {
        false
    }

    /// Rule 9: whether a batch that failed is taken apart before it is assigned again.
    fn splits(&self) -> bool {
        true
    }

    /// Rule 15: whether a keeper that stands against more stake than agrees with it stops signing.
    fn heeds_doubt(&self) -> bool {
        true
    }

    /// Rule 17: whether a task is void once the block is orphaned in which it was seen that it is due.
    fn voids(&self) -> bool {
        true
    }

    /// Whether what a keeper sees before it has caught up with the chain is told once it has.
    fn tells_later(&self) -> bool {
        true
    }

    /// Rule 17: whether a task is open again when the block of its settlement is orphaned.
    fn reopens(&self) -> bool {
        true
    }
}

/// All of them, kept.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kept;

impl Laws for Kept {}

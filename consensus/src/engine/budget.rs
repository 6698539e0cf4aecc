//! How much signature work a peer may cause.
//!
//! Charged to the peer that sent a message, never to the signer it claims: otherwise anybody could use up another
//! keeper's share. A peer that forwards for everybody needs as much as everybody signs, so the budget of a window follows
//! from the committee and the batches this keeper knows of.

use std::collections::BTreeMap;

use super::Engine;
use crate::committee::PeerKey;
use crate::time::Time;

/// What a peer may cause in a window beside the partials of the batches known: certificates, evidence, and batches that
/// are assigned a moment later.
const SPARE: usize = 64;
/// Peers counted in one window; more than a committee has members, and than a keeper has connections.
const PEERS_MAX: usize = 1_024;

/// Signature checks caused in the current window, by peer.
#[derive(Clone, Debug, Default)]
pub(super) struct Budgets {
    window: u64,
    /// What a peer may cause; computed anew before anybody is turned away.
    limit: usize,
    used: BTreeMap<PeerKey, usize>,
}

impl Engine {
    /// Whether `peer` may cause another signature check in this window; counts it.
    pub(super) fn has_budget(&mut self, peer: PeerKey, now: Time) -> bool {
        let window = now.0 / 1000 / self.config.pace.window_seconds();
        if self.budgets.window != window {
            self.budgets = Budgets { window, limit: self.budget_of(window), used: BTreeMap::new() };
        }
        if self.budgets.used.len() >= PEERS_MAX && !self.budgets.used.contains_key(&peer) {
            return false;
        }
        let used = self.budgets.used.entry(peer).or_default();
        *used += 1;
        let used = *used;
        if used > self.budgets.limit {
            self.budgets.limit = self.budget_of(window);
        }
        used <= self.budgets.limit
    }

    /// Twice what there is to sign: a partial may come by gossip and again in the answer to a question.
    fn budget_of(&self, window: u64) -> usize {
        let members = self.committees.values().next_back().map_or(0, |committee| committee.size());
        let batches = self.collections.values().filter(|batch| batch.place.window + 1 >= window).count();
        SPARE + 2 * members * (batches + 2)
    }
}

//! How much signature work a peer may cause (rule 16).
//!
//! Charged to the peer that sent a message, never to the signer it claims: otherwise anybody could use up another
//! keeper's share. A peer that forwards for everybody needs as much as everybody signs, so the budget of a window follows
//! from the committee and the batches that keepers sign, of which no leader can make more than follow from what is due.

use std::collections::BTreeMap;

use crate::batches::Batches;
use crate::committee::PeerKey;
use crate::facts::Facts;
use crate::time::Time;

/// What a peer may cause in a window beside the partials of the batches known: certificates, evidence, and batches that
/// are assigned a moment later.
const SPARE: usize = 64;
/// Peers counted in one window; more than a committee has members, and than a keeper has connections.
const PEERS_MAX: usize = 1_024;

/// Signature checks caused in the current window, by peer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Budgets {
    window: u64,
    /// What a peer may cause; computed anew before anybody is turned away.
    limit: usize,
    used: BTreeMap<PeerKey, usize>,
}

impl Budgets {
    /// Whether `peer` may cause another signature check in this window; counts it.
    pub(crate) fn charge(
        &mut self,
        peer: PeerKey,
        (facts, batches, observing): (&Facts, &Batches, usize),
        now: Time,
    ) -> bool {
        let window = facts.pace().window_at(now);
        if self.window != window {
            *self = Self { window, limit: limit(window, facts, batches, observing), used: BTreeMap::new() };
        }
        if self.used.len() >= PEERS_MAX && !self.used.contains_key(&peer) {
            return false;
        }
        let used = self.used.entry(peer).or_default();
        *used += 1;
        let used = *used;
        if used > self.limit {
            self.limit = limit(window, facts, batches, observing);
        }
        used <= self.limit
    }
}

/// Twice what there is to sign: a partial or an observation may come by gossip and again in the answer to a question.
fn limit(window: u64, facts: &Facts, batches: &Batches, observing: usize) -> usize {
    let members = facts.committees().next().map_or(0, |committee| committee.size());
    let batches = batches.iter().filter(|batch| batch.is_sound() && batch.place().window + 1 >= window).count();
    SPARE + 2 * members * (batches + observing + 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::committee::KeeperIndex;
    use crate::facts::tests::{DOMAIN, due, facts, signing, task};
    use crate::leader::{Stage, Window};
    use crate::message::{Assignment, PlannedBatch};
    use crate::outbox::Outbox;
    use crate::sessions::Sessions;

    fn peer(number: u64) -> PeerKey {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&number.to_be_bytes());
        PeerKey(key)
    }

    #[test]
    fn a_peer_uses_up_its_own_budget_until_the_next_window() {
        let (facts, batches, mut budgets) = (facts(0, 1_000), Batches::default(), Budgets::default());
        // Five members, no batches: 64 + 2 * 5 * 2.
        for check in 0..84 {
            assert!(budgets.charge(peer(1), (&facts, &batches, 0), Time(1_000_000)), "check {check}");
        }
        assert!(!budgets.charge(peer(1), (&facts, &batches, 0), Time(1_001_999)));
        assert!(budgets.charge(peer(2), (&facts, &batches, 0), Time(1_001_999)), "another peer pays for itself");
        assert!(budgets.charge(peer(1), (&facts, &batches, 0), Time(1_002_000)), "the next window");
    }

    #[test]
    fn no_leader_raises_it_by_batches_that_nobody_signs() {
        let (facts, mut batches, mut sessions) = (facts(0, 1_000), Batches::default(), Sessions::default());
        sessions.learn(due(1, 1_000), &facts, Time(990_000), &mut Outbox::default());
        let plan = |job: u64| PlannedBatch { inputs: Vec::new(), attempt: 0, tasks: vec![task(job).into()] };
        let of_one = vec![plan(1); 20];
        let of_nobody = (2..22).map(plan).collect();
        for planned in [of_one, of_nobody] {
            let place = (Window(500), Stage(0), 0);
            let assignment = Assignment::signed(&DOMAIN, &signing(1), place, KeeperIndex(1), planned);
            let hash = assignment.hash(&DOMAIN);
            batches.open((hash, &assignment), &facts, &mut sessions, Time(999_000), &mut Outbox::default());
        }
        assert_eq!(limit(500, &facts, &batches, 0), SPARE + 2 * 5 * (2 + 2));
    }

    #[test]
    fn the_peers_counted_are_bounded() {
        let (facts, batches, mut budgets) = (facts(0, 1_000), Batches::default(), Budgets::default());
        let served = (0..5_000).filter(|&number| budgets.charge(peer(number), (&facts, &batches, 0), Time(1_000_000)));
        assert_eq!(served.count(), PEERS_MAX);
        assert!(budgets.charge(peer(0), (&facts, &batches, 0), Time(1_000_000)), "those that are known go on");
    }
}

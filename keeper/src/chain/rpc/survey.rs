//! Comparing what the nodes show, so that one that lags or shows another chain is left though it answers.
//!
//! What most other keepers have counts as well: it shows a lag that all nodes share, and which of two nodes is right.
//!
//! Two rounds: the newest block of each, then the block of one number that all of them should have. Most nodes decide;
//! where there is no majority nobody is blamed, and the disagreement is counted and logged.

use super::endpoint::{Place, Seen};
use super::{Node, Rpc};
use crate::chain::heads;
use alloy::primitives::B256;
use contracts::network::Network;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::{Duration, Instant};

/// Longest wait for one node's part.
const PATIENCE: Duration = Duration::from_secs(3);
/// Blocks, or seconds' worth of blocks, that a good node may be behind.
const USUAL_LAG: u64 = 3;
const USUAL_LAG_SECONDS: u64 = 4;
/// A node so far ahead of a majority that goes forward itself has made its blocks up.
const IMPOSSIBLE_LEAD: u64 = 64;

/// Blocks a good node of this network may be behind the newest one.
pub(super) fn usual_lag(network: &Network) -> u64 {
    network.blocks_in(USUAL_LAG_SECONDS).max(USUAL_LAG)
}

/// Where each node stands as its newest block shows, beside what most other keepers have, if that is known. `doubted`: those
/// that were seen to make blocks up; each stays one for as long as it is so far ahead, though the majority stands still.
fn levels(
    heads: &BTreeMap<usize, u64>,
    before: &BTreeMap<usize, u64>,
    doubted: &BTreeSet<usize>,
    usual_lag: u64,
    peers: Option<u64>,
) -> BTreeMap<usize, Place> {
    let mut numbers: Vec<u64> = heads.values().copied().collect();
    numbers.sort_unstable();
    let Some(most) = numbers.get(numbers.len().saturating_sub(1) / 2).copied() else { return BTreeMap::new() };
    // `most`, the lowest of the upper majority: most nodes show this block or a newer one.
    let far = most.saturating_add(IMPOSSIBLE_LEAD);
    let may_be_right = |place: &usize, head: u64| {
        head <= far
            || !doubted.contains(place)
            || peers.is_some_and(|peers| head <= peers.saturating_add(IMPOSSIBLE_LEAD))
    };
    let shown = heads.iter().filter(|(place, head)| may_be_right(place, **head)).map(|(_, head)| *head);
    let mut newest = shown.max().unwrap_or(most);
    let goes_on = |(place, head): (&usize, &u64)| {
        *head <= most.saturating_add(usual_lag) && before.get(place).is_some_and(|old| old < head)
    };
    let moving = heads.iter().filter(|seen| goes_on(*seen)).count();
    let confirmed_by_peers = peers.is_some_and(|peers| newest <= peers.saturating_add(IMPOSSIBLE_LEAD));
    if newest > far && moving * 2 > heads.len() && !confirmed_by_peers {
        newest = most.saturating_add(usual_lag);
    }
    newest = newest.max(peers.unwrap_or(0));
    let place = |head: u64| match newest.checked_sub(head) {
        None if head - newest > IMPOSSIBLE_LEAD => Place::Contradicting(head),
        Some(behind) if behind > usual_lag => Place::Lagging(behind),
        _ => Place::Level,
    };
    heads.iter().map(|(&node, &head)| (node, place(head))).collect()
}

/// The hash that more than half show, if there is one.
fn majority(hashes: &BTreeMap<usize, B256>) -> Option<B256> {
    let mut votes = BTreeMap::<B256, usize>::new();
    for hash in hashes.values() {
        *votes.entry(*hash).or_default() += 1;
    }
    votes.into_iter().find(|(_, votes)| votes * 2 > hashes.len()).map(|(hash, _)| hash)
}

impl Rpc {
    /// Asks every node for its newest block and compares. Quiet with one node and no peers: there is nothing to compare.
    pub async fn survey(&self) {
        let nodes = self.nodes_to_ask();
        let peers = self.board().peers_head();
        if nodes.is_empty() || (self.nodes().len() < 2 && peers.is_none()) {
            return;
        }
        let before: BTreeMap<usize, u64> =
            nodes.iter().filter_map(|node| Some((node.place, self.board().endpoint(node.place).head()?))).collect();
        let heads =
            ask(&nodes, |node| async move { heads::latest(&node.provider()).await.ok().map(|latest| latest.head) })
                .await;
        let numbers: BTreeMap<usize, u64> = heads.iter().map(|(place, head)| (*place, head.number)).collect();
        let doubted = numbers.keys().copied().filter(|place| self.board().endpoint(*place).is_doubted()).collect();
        let mut places = levels(&numbers, &before, &doubted, self.shared.usual_lag, peers);
        let level = |place: &usize| places.get(place) == Some(&Place::Level);
        let lowest = numbers.iter().filter(|(place, _)| level(place)).map(|(_, head)| *head).min();
        if let Some(number) = lowest.map(|lowest| lowest.saturating_sub(self.depth())) {
            let able: Vec<Node> =
                nodes.into_iter().filter(|node| numbers.get(&node.place).is_some_and(|head| *head >= number)).collect();
            let hashes =
                ask(
                    &able,
                    move |node| async move { heads::at(&node.provider(), number).await.ok().map(|head| head.hash) },
                )
                .await;
            match majority(&hashes) {
                Some(right) => {
                    let others = hashes.iter().filter(|(_, hash)| **hash != right);
                    places.extend(others.map(|(place, _)| (*place, Place::Contradicting(number))));
                }
                None if hashes.len() > 1 => self.note_disagreement(number, &hashes),
                None => {}
            }
        }
        self.note_survey(&numbers, places);
    }

    fn note_disagreement(&self, number: u64, hashes: &BTreeMap<usize, B256>) {
        self.count("nodes_disagree");
        let origins: Vec<&str> = hashes.keys().map(|place| self.origin(*place)).collect();
        tracing::warn!(
            number,
            nodes = origins.join(", "),
            "the RPC nodes show different blocks, and none has a majority"
        );
    }

    fn note_survey(&self, heads: &BTreeMap<usize, u64>, places: BTreeMap<usize, Place>) {
        let now = Instant::now();
        for (place, head) in heads {
            self.board().on(*place, Seen::Head(*head), now);
        }
        for (place, seen) in places {
            let before = self.board().endpoint(place).place();
            self.board().on(place, Seen::Compared(seen), now);
            let after = self.board().endpoint(place).place();
            let node = self.origin(place);
            match (before, after) {
                (Place::Level | Place::Unknown, Place::Lagging(blocks)) => {
                    self.count("node_lags");
                    tracing::warn!(node, blocks, "an RPC node lags behind the others: it is left");
                }
                (Place::Level | Place::Unknown | Place::Lagging(_), Place::Contradicting(number)) => {
                    self.count("node_contradicts");
                    tracing::error!(node, number, "an RPC node shows another block than most: it is left");
                }
                (Place::Lagging(_) | Place::Contradicting(_), Place::Level) => {
                    tracing::info!(node, "an RPC node shows what the others show again");
                }
                _ => {}
            }
        }
    }

    /// Blocks below the lowest newest one at which hashes are compared: nodes differ for a moment at the tip.
    fn depth(&self) -> u64 {
        self.confirmations().max(1)
    }
}

/// Asks nodes at the same time; those that do not answer in time are left out.
async fn ask<T, F, A>(nodes: &[Node], question: F) -> BTreeMap<usize, T>
where
    T: Send + 'static,
    F: Fn(Node) -> A,
    A: Future<Output = Option<T>> + Send + 'static,
{
    let mut asked = tokio::task::JoinSet::new();
    for node in nodes {
        let (node, answer) = (node.clone(), question(node.clone().waiting(false)));
        asked.spawn(async move {
            match tokio::time::timeout(PATIENCE, answer).await {
                Ok(answer) => Some((node.place, answer?)),
                Err(_) => {
                    node.distrust("no_answer", &format!("no answer within {} s", PATIENCE.as_secs()));
                    None
                }
            }
        });
    }
    asked.join_all().await.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;

//! All nodes of a network side by side: who is asked first, and what each has shown.

use super::endpoint::{Endpoint, Phase, Place, Seen};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How one node stands, for people and checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeView {
    /// Scheme, host and port; the rest of the URL may hold a key.
    pub origin: String,
    /// One word: fresh, good, limited, failing, wrong-chain, lagging, contradicting.
    pub state: &'static str,
    /// The newest block it showed.
    pub head: Option<u64>,
    /// How many blocks that is below the newest one of all nodes.
    pub lag: Option<u64>,
    /// What went wrong last, if anything has.
    pub last_error: Option<String>,
    /// Questions it answered.
    pub answers: u64,
    /// Questions it did not answer.
    pub failures: u64,
}

#[derive(Debug)]
pub(super) struct Board {
    endpoints: Vec<Endpoint>,
    /// The node that answered last: asked first as long as none is better, so that answers fit each other.
    current: usize,
    /// The newest block that most other keepers have, by their own word.
    peers_head: Option<u64>,
    counts: BTreeMap<&'static str, u64>,
}

impl Board {
    pub(super) fn new(nodes: usize) -> Self {
        Self { endpoints: vec![Endpoint::default(); nodes], current: 0, peers_head: None, counts: BTreeMap::new() }
    }

    pub(super) fn on(&mut self, place: usize, seen: Seen, now: Instant) {
        self.endpoints[place].on(seen, now);
    }

    pub(super) fn endpoint(&self, place: usize) -> &Endpoint {
        &self.endpoints[place]
    }

    pub(super) fn endpoint_mut(&mut self, place: usize) -> &mut Endpoint {
        &mut self.endpoints[place]
    }

    pub(super) fn len(&self) -> usize {
        self.endpoints.len()
    }

    /// The nodes to ask, best first; after one that failed its neighbours come in the order of the list.
    pub(super) fn order(&self, now: Instant) -> Vec<usize> {
        let count = self.endpoints.len();
        let mut ranked: Vec<_> = (0..count)
            .filter_map(|place| {
                let (rank, score) = self.endpoints[place].rank(now)?;
                Some((rank, score, (place + count - self.current) % count, place))
            })
            .collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|(.., place)| place).collect()
    }

    /// The newest block that most other keepers have, if they said so lately.
    pub(super) fn note_peers_head(&mut self, head: Option<u64>) {
        self.peers_head = head;
    }

    pub(super) fn peers_head(&self) -> Option<u64> {
        self.peers_head
    }

    /// Notes who answered.
    pub(super) fn keep_to(&mut self, place: usize) {
        self.current = place;
    }

    /// Time until the first limited node may be asked again.
    pub(super) fn pause(&self, now: Instant) -> Option<Duration> {
        let until = self.endpoints.iter().filter_map(|endpoint| endpoint.limited_until(now)).min()?;
        Some(until.saturating_duration_since(now))
    }

    pub(super) fn count(&mut self, reason: &'static str) {
        *self.counts.entry(reason).or_default() += 1;
    }

    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts.clone()
    }

    pub(super) fn views(&self, origins: impl Iterator<Item = String>) -> Vec<NodeView> {
        let newest = self.endpoints.iter().filter_map(Endpoint::head).max();
        let view = |(endpoint, origin): (&Endpoint, String)| {
            let (answers, failures) = endpoint.counts();
            NodeView {
                origin,
                state: state(endpoint),
                head: endpoint.head(),
                lag: newest.zip(endpoint.head()).map(|(newest, head)| newest - head),
                last_error: endpoint.last_error().map(str::to_owned),
                answers,
                failures,
            }
        };
        self.endpoints.iter().zip(origins).map(view).collect()
    }
}

fn state(endpoint: &Endpoint) -> &'static str {
    match (endpoint.phase(), endpoint.place()) {
        (Phase::WrongChain(_), _) => "wrong-chain",
        (_, Place::Contradicting(_)) => "contradicting",
        (Phase::Failing, _) => "failing",
        (Phase::Limited(_), _) => "limited",
        (_, Place::Lagging(_)) => "lagging",
        (Phase::Fresh, _) => "fresh",
        (Phase::Good, _) => "good",
    }
}

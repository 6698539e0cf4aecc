//! The way to the RPC nodes: several HTTP endpoints, none of which has the last word.
//!
//! ```text
//!                      ┌─ Rpc::provider   reads: the best node, another one when it fails or takes long
//!  caller ── alloy ────┤  Rpc::node       reads of one node, for answers that must fit each other
//!                      ├─ Rpc::broadcast  transactions: every node
//!                      └─ Rpc::survey     what each node shows, compared  ──►  Board: who is asked first
//! ```
//!
//! A node is used only after it answered with the right chain id, asked again after every failure; an answer that is
//! none (an error, `null`, a web page, the wrong id) is no verdict on the chain. Answers are capped in size and time.
//! Questions about logs go in as many parts as the node wants, see `rpc/logs.rs`. Nodes are named by their origin alone.

mod answer;
mod attempt;
mod board;
mod broadcast;
mod endpoint;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod http;
mod logs;
mod read;
mod secrets;
mod span;
mod survey;
mod words;

use super::{ChainConfig, ChainError};
use alloy::network::Ethereum;
use alloy::providers::RootProvider;
use alloy::rpc::client::RpcClient;
use alloy::transports::{TransportError, TransportErrorKind, TransportFut};
use alloy_json_rpc::{RequestPacket, ResponsePacket};
use attempt::Attempt;
use board::Board;
pub use board::NodeView;
use endpoint::{Phase, Seen};
use http::Wire;
use read::PERSISTENCE;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Most endpoints used.
const MAX_ENDPOINTS: usize = 16;
/// Longest wait for nodes that all want to be left alone.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The provider all reads and writes of the keeper go through.
pub type ChainProvider = RootProvider<Ethereum>;

/// A cheap handle on the nodes; clones share them.
#[derive(Clone, Debug)]
pub struct Rpc {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    wires: Vec<Wire>,
    board: Mutex<Board>,
    chain_id: u64,
    /// Blocks a good node may be behind the newest one.
    usual_lag: u64,
    confirmations: u64,
    network_file: PathBuf,
}

/// One of the nodes.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    rpc: Rpc,
    pub(crate) place: usize,
    /// Whether a question waits when the node asks for a pause, and is asked again.
    waits: bool,
}

impl Rpc {
    /// Prepares the endpoints of a network; nothing is sent yet.
    ///
    /// # Errors
    /// A URL that is not http or https, none at all, or more than 16.
    pub fn new(config: &ChainConfig) -> Result<Self, ChainError> {
        let network = &config.network;
        let invalid =
            |position, why: String| ChainError::InvalidUrl { position, why, network_file: config.network_file.clone() };
        let count = network.rpc_urls.len();
        if !(1..=MAX_ENDPOINTS).contains(&count) {
            return Err(invalid(count, format!("rpc_urls holds {count} URLs, 1 to {MAX_ENDPOINTS} are needed")));
        }
        let wires = network.rpc_urls.iter().enumerate();
        let wires = wires.map(|(index, text)| Wire::new(text).map_err(|why| invalid(index + 1, why)));
        let shared = Shared {
            wires: wires.collect::<Result<_, _>>()?,
            board: Mutex::new(Board::new(count)),
            chain_id: network.chain_id,
            usual_lag: survey::usual_lag(network),
            confirmations: network.confirmations,
            network_file: config.network_file.clone(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// A provider over all nodes.
    #[must_use]
    pub fn provider(&self) -> ChainProvider {
        RootProvider::new(RpcClient::new(self.clone(), false))
    }

    /// Counts something worth a metric; `reason` is its label.
    pub fn count(&self, reason: &'static str) {
        self.board().count(reason);
    }

    /// How often each reason was counted.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.board().counts()
    }

    /// The newest block that most other keepers have: a node far below it lags, however few nodes there are to compare.
    pub fn note_peers_head(&self, head: Option<u64>) {
        self.board().note_peers_head(head);
    }

    /// How each node stands, in the order of the network file.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeView> {
        self.board().views(self.shared.wires.iter().map(|wire| wire.origin.clone()))
    }

    /// Whether every node has shown that it serves another chain.
    #[must_use]
    pub fn is_other_chain(&self) -> bool {
        let board = self.board();
        (0..board.len()).all(|place| matches!(board.endpoint(place).phase(), Phase::WrongChain(_)))
    }

    /// The best node now, to be asked for as long as its answers must fit each other.
    pub(crate) async fn node(&self) -> Result<Node, ChainError> {
        let order = self.candidates().await.map_err(ChainError::Unreachable)?;
        Ok(self.at(order[0]))
    }

    /// The nodes that may be asked, best first.
    pub(crate) async fn ranked(&self) -> Result<Vec<Node>, ChainError> {
        let order = self.candidates().await.map_err(ChainError::Unreachable)?;
        Ok(order.into_iter().map(|place| self.at(place)).collect())
    }

    /// The first node of the network file.
    pub(crate) fn first(&self) -> Node {
        self.at(0)
    }

    fn at(&self, place: usize) -> Node {
        Node { rpc: self.clone(), place, waits: true }
    }

    /// Every node that does not want to be left alone, however it stands, in the order of the network file.
    pub(crate) fn nodes_to_ask(&self) -> Vec<Node> {
        let (board, now) = (self.board(), Instant::now());
        let open = (0..board.len()).filter(|place| board.endpoint(*place).limited_until(now).is_none());
        open.map(|place| self.at(place)).collect()
    }

    /// The other nodes that are as good as any, best first.
    pub(crate) fn others(&self, node: &Node) -> Vec<Node> {
        let (board, now) = (self.board(), Instant::now());
        let good =
            |place: &usize| *place != node.place && board.endpoint(*place).rank(now).is_some_and(|(rank, _)| rank == 0);
        board.order(now).into_iter().filter(good).map(|place| self.at(place)).collect()
    }

    /// The best node and the other good ones, each by itself: for what no single one may decide.
    ///
    /// # Errors
    /// None may be asked.
    pub(crate) async fn witnesses(&self) -> Result<Vec<ChainProvider>, ChainError> {
        let first = self.node().await?;
        let others = self.others(&first);
        Ok([vec![first], others].concat().iter().map(Node::provider).collect())
    }

    /// Whether a node wants to be left alone for a while: no fault of what it shows.
    pub(crate) fn is_limited(&self, node: &Node) -> bool {
        self.board().endpoint(node.place).limited_until(Instant::now()).is_some()
    }

    /// Whether another node that answers showed this block or a newer one last.
    pub(crate) fn others_show(&self, node: &Node, number: u64) -> bool {
        let others = self.others(node);
        others.iter().any(|other| self.board().endpoint(other.place).head().is_some_and(|head| head >= number))
    }

    /// Waits for as long as a node wants to be left alone; says whether that was short enough to wait for.
    async fn pause(&self, place: usize) -> bool {
        let now = Instant::now();
        let until = self.board().endpoint(place).limited_until(now).unwrap_or(now);
        let pause = until.saturating_duration_since(now);
        if pause <= LONGEST_WAIT {
            tokio::time::sleep(pause).await;
        }
        pause <= LONGEST_WAIT
    }

    /// How long until the first of the nodes that want to be left alone may be asked again, where that can be waited for.
    fn shortest_pause(&self) -> Option<Duration> {
        let (board, now) = (self.board(), Instant::now());
        let pauses = (0..board.len()).filter_map(|place| board.endpoint(place).limited_until(now));
        pauses.map(|until| until.saturating_duration_since(now)).filter(|pause| *pause <= LONGEST_WAIT).min()
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.shared.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn origin(&self, place: usize) -> &str {
        &self.shared.wires[place].origin
    }

    /// Words about the nodes without the keys of their URLs.
    pub(crate) fn masked(&self, words: &str) -> String {
        self.shared.wires.iter().fold(words.to_owned(), |words, wire| wire.secrets.mask(&words))
    }

    fn see(&self, place: usize, seen: Seen) {
        self.board().on(place, seen, Instant::now());
    }

    fn confirmations(&self) -> u64 {
        self.shared.confirmations
    }

    /// The nodes to ask, best first, at least one; waits a moment when all of them want to be left alone.
    ///
    /// # Errors
    /// None may be asked; words that name them.
    async fn candidates(&self) -> Result<Vec<usize>, String> {
        let (order, pause) = self.order();
        if !order.is_empty() {
            return Ok(order);
        }
        if let Some(pause) = pause.filter(|pause| *pause <= LONGEST_WAIT) {
            tokio::time::sleep(pause).await;
            let (order, _) = self.order();
            if !order.is_empty() {
                return Ok(order);
            }
        }
        let states = self.nodes().into_iter().map(|node| {
            let why = node.last_error.map(|error| format!(" ({error})")).unwrap_or_default();
            format!("{} is {}{why}", node.origin, node.state)
        });
        Err(states.collect::<Vec<_>>().join("; "))
    }

    fn order(&self) -> (Vec<usize>, Option<Duration>) {
        let (board, now) = (self.board(), Instant::now());
        (board.order(now), board.pause(now))
    }

    /// One question to one node, with everything that belongs to it: its chain id first, logs in parts. `patient`: a pause that
    /// it wants in the midst of many parts is waited for.
    async fn attempt(&self, place: usize, packet: &RequestPacket, patient: bool) -> Attempt {
        if let Err(none) = self.verify(place).await {
            return none;
        }
        match logs::Query::of(packet) {
            Some(query) => self.logs(place, packet, query, patient).await,
            None => self.undivided(place, packet, self.exchange(place, packet).await),
        }
    }
}

impl Node {
    /// The same, with patience or without: with it, as nodes are had, a long list of questions comes to its end however
    /// often the node asks for a pause; without it another node can take over at once.
    pub(crate) fn waiting(self, waits: bool) -> Self {
        Self { waits, ..self }
    }

    /// A provider that asks this node alone.
    pub(crate) fn provider(&self) -> ChainProvider {
        RootProvider::new(RpcClient::new(self.clone(), false))
    }

    pub(crate) fn origin(&self) -> &str {
        self.rpc.origin(self.place)
    }

    /// Holds against this node that its answer was not believable.
    pub(crate) fn distrust(&self, reason: &'static str, why: &str) {
        let _ = self.rpc.failed(self.place, reason, why);
    }
}

impl tower_service::Service<RequestPacket> for Rpc {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        let rpc = self.clone();
        if broadcast::is_transaction(&packet) { Box::pin(rpc.send(packet)) } else { Box::pin(rpc.read(packet)) }
    }
}

impl tower_service::Service<RequestPacket> for Node {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        let node = self.clone();
        Box::pin(async move {
            let begun = Instant::now();
            loop {
                let waits = node.waits && begun.elapsed() < PERSISTENCE;
                match node.rpc.ask(&node, &packet).await {
                    Attempt::Answered(answer) | Attempt::Refused(answer) => return Ok(answer),
                    Attempt::Limited(_) if waits && node.rpc.pause(node.place).await => {}
                    Attempt::Failed(why) | Attempt::Limited(why) => return Err(TransportErrorKind::custom_str(&why)),
                }
            }
        })
    }
}

#[cfg(test)]
mod tests;

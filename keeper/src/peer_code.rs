//! Job code from keeper to keeper, so that its creator's server may die: where `executor`, which knows hashes and bytes, meets the
//! mesh, which carries bytes.
//!
//! ```text
//!   executor: find(hash) ─► who has it? ─► up to eight peers at once ─► the first that has it gives all of it, piece by piece
//!                               ▲                                          │ its bytes have the hash
//!                               │                                          ├──────────────────────────► executor, cache
//!                               └── the next one that has it ◄─────────────┘ they have not, or it ends before
//!                                                                            it does: a fault of that peer alone
//!   mesh: question ─► the piece, from the executor's cache ─► mesh
//! ```
//!
//! One peer gives the whole of a code, so that a lie has one author. What a peer can cost: one component's bytes and half a minute,
//! once in ten minutes and ever less often ([`suspects`]), while the URL is asked all the same. Compiled code never travels.

mod answer;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod suspects;
mod transfer;
mod turn;
mod wire;

use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use p2p::{PeerId, Protocol, RequestError};
use tokio::task::JoinSet;

use crate::executor::{CodeSource, Sought};
use suspects::{Offence, Suspects};
use transfer::{Step, Transfer};

pub use answer::lend;
pub use wire::{ANSWER_LIMIT, QUESTION_LIMIT};
use wire::{Question, length_in};

/// How long a peer has to say whether it has a code, and, beside what the code's length allows, to give it.
const PATIENCE: Duration = Duration::from_secs(4);
/// The least that a peer must bring in a second.
const LEAST_RATE: u32 = 128 * 1024;
/// Times within one transfer that a peer which has no time now is asked again, and the longest wait before it.
const AGAIN: (u32, Duration) = (4, Duration::from_secs(2));

/// The mesh, as far as code is concerned.
pub trait Mesh: Send + Sync + 'static {
    /// This keeper.
    fn local(&self) -> PeerId;
    /// The connected peers.
    fn connected(&self) -> impl Future<Output = Vec<PeerId>> + Send;
    /// Asks one of them.
    fn ask(&self, peer: PeerId, question: Vec<u8>) -> impl Future<Output = Result<Vec<u8>, RequestError>> + Send;
    /// Holds against one of them what it has answered.
    fn blame(&self, peer: PeerId, reason: &'static str) -> impl Future<Output = ()> + Send;
}

impl Mesh for p2p::Handle {
    fn local(&self) -> PeerId {
        self.local_peer_id()
    }

    async fn connected(&self) -> Vec<PeerId> {
        self.peers().await.into_iter().map(|summary| summary.peer_id).collect()
    }

    async fn ask(&self, peer: PeerId, question: Vec<u8>) -> Result<Vec<u8>, RequestError> {
        self.request(peer, Protocol::Code, question).await
    }

    async fn blame(&self, peer: PeerId, reason: &'static str) {
        self.fault(peer, reason).await;
    }
}

/// The other keepers as a source of code. Clones share what they know of peers.
pub struct PeerCode<M> {
    mesh: Arc<M>,
    suspects: Arc<Mutex<Suspects>>,
    patience: Duration,
}

impl<M> Clone for PeerCode<M> {
    fn clone(&self) -> Self {
        Self { mesh: Arc::clone(&self.mesh), suspects: Arc::clone(&self.suspects), patience: self.patience }
    }
}

impl<M> Debug for PeerCode<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerCode").finish_non_exhaustive()
    }
}

impl<M: Mesh> CodeSource for PeerCode<M> {
    fn place(&self, hash: [u8; 32]) -> Sought<'_, usize> {
        Box::pin(async move { turn::place(&hash, self.mesh.local(), &self.free().await) })
    }

    fn find(&self, hash: [u8; 32]) -> Sought<'_, Option<Vec<u8>>> {
        Box::pin(self.look_for(hash))
    }
}

impl<M: Mesh> PeerCode<M> {
    /// A source that knows nothing of peers yet.
    pub fn new(mesh: M) -> Self {
        Self { mesh: Arc::new(mesh), suspects: Arc::default(), patience: PATIENCE }
    }

    /// The connected peers that nothing speaks against.
    async fn free(&self) -> Vec<PeerId> {
        let connected = self.mesh.connected().await;
        let (suspects, now) = (self.suspects(), Instant::now());
        connected.into_iter().filter(|peer| suspects.is_free(peer, now)).collect()
    }

    async fn look_for(&self, hash: [u8; 32]) -> Option<Vec<u8>> {
        let salt = getrandom::u64().unwrap_or_default();
        let mut asked = JoinSet::new();
        for peer in turn::choose(&hash, &self.free().await, salt) {
            let this = self.clone();
            asked.spawn(async move { this.asks_whether(peer, hash).await.map(|length| (peer, length)) });
        }
        // Those who answer meanwhile are asked for it if this one comes to nothing.
        while let Some(told) = asked.join_next().await {
            if let Ok(Some((peer, length))) = told
                && let Some(bytes) = self.fetch(peer, hash, length).await
            {
                return Some(bytes);
            }
        }
        None
    }

    /// The length of the component, if the peer has it.
    async fn asks_whether(&self, peer: PeerId, hash: [u8; 32]) -> Option<u32> {
        let question = Question { hash, offset: 0, count: 0 }.encode();
        let answer = match tokio::time::timeout(self.patience, self.mesh.ask(peer, question)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(RequestError::Unsupported)) => {
                self.strike(peer, Offence::Deaf);
                return None;
            }
            Ok(Err(RequestError::Timeout)) | Err(_) => {
                self.strike(peer, Offence::Slow);
                return None;
            }
            // It is busy, away, or has been asked a lot.
            Ok(Err(_)) => return None,
        };
        if answer.is_empty() {
            return None;
        }
        let length = length_in(&answer);
        if length.is_none() {
            self.lied(peer, "code_malformed").await;
        }
        length
    }

    /// All of a component from one peer, or nothing.
    async fn fetch(&self, peer: PeerId, hash: [u8; 32], length: u32) -> Option<Vec<u8>> {
        let most = self.patience + Duration::from_secs((length / LEAST_RATE).into());
        let Ok(end) = tokio::time::timeout(most, self.carry(peer, Transfer::begin(hash, length))).await else {
            self.strike(peer, Offence::Slow);
            return None;
        };
        match end {
            Ok(bytes) => {
                self.suspects().served(&peer);
                tracing::debug!(%peer, bytes = bytes.len(), "a peer gave a job's code");
                return Some(bytes);
            }
            Err(Offence::Lied(reason)) => self.lied(peer, reason).await,
            Err(offence) => self.strike(peer, offence),
        }
        None
    }

    async fn carry(&self, peer: PeerId, mut transfer: Transfer) -> Result<Vec<u8>, Offence> {
        let (mut left, longest) = AGAIN;
        loop {
            let answer = match self.mesh.ask(peer, transfer.question().encode()).await {
                Ok(answer) => answer,
                Err(RequestError::Resting(wait) | RequestError::Sated(wait)) if left > 0 => {
                    left -= 1;
                    tokio::time::sleep(wait.min(longest)).await;
                    continue;
                }
                Err(RequestError::Busy | RequestError::Closed) if left > 0 => {
                    left -= 1;
                    tokio::time::sleep(longest / 8).await;
                    continue;
                }
                Err(error) => {
                    tracing::debug!(%peer, %error, "a peer that had a job's code gave no more of it");
                    return Err(Offence::Slow);
                }
            };
            match transfer.take(&answer) {
                Step::Ask => {}
                Step::Done(bytes) => return Ok(bytes),
                Step::Ended(offence) => return Err(offence),
            }
        }
    }

    async fn lied(&self, peer: PeerId, reason: &'static str) {
        self.strike(peer, Offence::Lied(reason));
        self.mesh.blame(peer, reason).await;
    }

    fn strike(&self, peer: PeerId, offence: Offence) {
        self.suspects().strike(peer, offence, Instant::now());
    }

    fn suspects(&self) -> MutexGuard<'_, Suspects> {
        self.suspects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;

//! The store's async front: a bounded queue into one thread, so that what is kept and forgotten at once is forgotten in the end.

use std::thread::JoinHandle;

use alloy::primitives::B256;
use tokio::sync::{mpsc, oneshot};

use super::EvidenceStore;

/// Requests that may wait for the disk: as many as there are proofs to be kept at most.
const QUEUE: usize = 1_024;

/// A cloneable front of the store. The thread ends when the last one is dropped and what waits is done.
#[derive(Clone, Debug)]
pub struct EvidenceHandle {
    requests: mpsc::Sender<Request>,
}

#[derive(Debug)]
enum Request {
    Keep(Vec<u8>),
    Forget(B256),
    Load(oneshot::Sender<Vec<Vec<u8>>>),
}

impl EvidenceHandle {
    /// Moves a store into its thread. Join the thread after dropping the handles to know that all is on disk.
    ///
    /// # Panics
    /// When the operating system cannot start a thread.
    #[must_use]
    pub fn spawn(store: EvidenceStore) -> (Self, JoinHandle<()>) {
        let (requests, queue) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("evidence".to_owned())
            .spawn(move || serve(&store, queue))
            .expect("a keeper that cannot start its threads cannot run");
        (Self { requests }, thread)
    }

    /// Whether its thread is gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    /// Keeps a proof, in its gossip encoding. Never waits: with a disk that does not keep up, the proof stays in memory and in
    /// the mesh.
    pub fn keep(&self, bytes: Vec<u8>) {
        self.ask(Request::Keep(bytes));
    }

    /// Lets go of the proof whose bytes have this hash. Never waits: what stays is let go of at a later start.
    pub fn forget(&self, key: B256) {
        self.ask(Request::Forget(key));
    }

    /// All proofs kept, once what was asked for before is done.
    pub async fn load(&self) -> Vec<Vec<u8>> {
        let (answer, answered) = oneshot::channel();
        // Without its thread there is nothing to be had.
        let _ = self.requests.send(Request::Load(answer)).await;
        answered.await.unwrap_or_default()
    }

    fn ask(&self, request: Request) {
        if self.requests.try_send(request).is_err() {
            tracing::error!(waiting = QUEUE, "the disk does not keep up: evidence on it is not what it should be");
        }
    }
}

fn serve(store: &EvidenceStore, mut queue: mpsc::Receiver<Request>) {
    while let Some(request) = queue.blocking_recv() {
        match request {
            Request::Keep(bytes) => store.keep(&bytes),
            Request::Forget(key) => store.forget(key),
            Request::Load(answer) => drop(answer.send(store.load())),
        }
    }
}

#[cfg(test)]
mod tests;

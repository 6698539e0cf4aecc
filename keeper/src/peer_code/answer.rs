//! What this keeper gives to others of the code it runs.

use p2p::{Handle, PeerId, RequestId};

use super::wire::{Question, encode};
use crate::executor::Executor;

/// What a question that nobody asks in good faith is called in logs and metrics.
const MALFORMED: &str = "code_question_malformed";

/// Answers a peer's question for a piece of code: with nothing where this keeper has none of it, or cannot read what was asked,
/// which is held against the peer.
pub async fn lend(mesh: &Handle, executor: &Executor, (id, from): (RequestId, PeerId), question: &[u8]) {
    let answer = match Question::decode(question) {
        Some(Question { hash, offset, count }) => encode(executor.piece(hash, offset, count as usize).await.as_ref()),
        None => {
            mesh.fault(from, MALFORMED).await;
            Vec::new()
        }
    };
    if let Err(error) = mesh.respond(id, answer).await {
        tracing::debug!(%error, peer = %from, "could not give a peer code");
    }
}

//! What this keeper gives to others of the code it runs.

use super::wire::{Question, encode};
use crate::executor::Executor;

/// A question that nobody asks in good faith.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

impl Unreadable {
    /// What it is called in logs and metrics.
    pub const NAME: &'static str = "code_question_malformed";
}

/// The answer to a peer's question; empty when this keeper has nothing of what was asked for.
///
/// # Errors
/// [`Unreadable`]: it is to be held against the peer.
pub async fn answer(executor: &Executor, question: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let Question { hash, offset, count } = Question::decode(question).ok_or(Unreadable)?;
    Ok(encode(executor.piece(hash, offset, count as usize).await.as_ref()))
}

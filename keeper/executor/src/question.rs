//! One question to a contract at a task's anchor, for actions whose code is a contract: what it returned, or that it failed. It goes
//! through the same reader, caps and transcript as the chain reads of a job's code.
//!
//! How a call fails is not told here, and no part of the transcript: clients word it differently and some leave out the data, and
//! keepers must agree.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use alloy::primitives::{Address, Bytes};
use tokio::time::Instant;

use crate::chain_read::{ChainAnswer, ChainRequest};
use crate::reader::{ChainReader, Reading, RpcFailure};
use crate::run::BlockReference;
use crate::transcript::Transcript;
use crate::turns::{Bounds, Turns, customer};
use crate::wire::ChainRead;
use crate::{Abstain, MAX_CHAIN_BYTES};

/// Questions under way at one time.
const PLACES: usize = 8;
/// Of these, what jobs may hold together that were slow of late or said too much, or of which nothing is known. What a contract says
/// costs it gas: a revert with all that 10 million pay for takes 25 MB while it is read, and a second of a small machine.
const SLOW_PLACES: usize = 3;
/// Of these, what one job may hold.
const PLACES_EACH: usize = 2;
/// A question that takes so long makes its job slow.
const SLOW: Duration = Duration::from_millis(500);
/// Questions that may wait, of all jobs and of one.
const MAX_WAITING: [usize; 2] = [4096, 64];

/// A question to a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The job's number on chain: questions go by turns between jobs.
    pub job_id: u64,
    /// The anchor of the task.
    pub reference: BlockReference,
    /// The contract.
    pub to: Address,
    /// Calldata.
    pub data: Bytes,
}

/// What came of a question: equal on every honest keeper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It returned these bytes, which may be none, as where there is no contract.
    Returned(Bytes),
    /// The call failed: it reverted, ran out of its [gas](crate::CALL_GAS), or did what no contract may.
    Failed,
    /// Question and answer together are longer than [`MAX_CHAIN_BYTES`](crate::MAX_CHAIN_BYTES).
    TooLong,
}

/// A question that was put.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What came of it; an abstention is never signed.
    pub answer: Result<Answer, Abstain>,
    /// Commitment to question and answer (rule: `transcript.rs`).
    pub transcript_root: [u8; 32],
    /// How long the chain took to answer. Not how long the question waited for its turn.
    pub took: Duration,
}

/// Where questions are put.
#[derive(Debug)]
pub(crate) struct Questions {
    turns: Arc<Turns>,
    reader: Arc<dyn ChainReader>,
}

impl Questions {
    pub(crate) fn new(reader: Arc<dyn ChainReader>) -> Self {
        let turns = Turns::new(Bounds {
            places: PLACES,
            slow_places: SLOW_PLACES,
            places_each: PLACES_EACH,
            slow: SLOW,
            waiting: MAX_WAITING[0],
            waiting_each: MAX_WAITING[1],
        });
        Self { turns, reader }
    }

    /// Questions of quick jobs that there was no place for in time.
    pub(crate) fn unserved(&self) -> u64 {
        self.turns.unserved()
    }

    /// Puts a question when it is its job's turn; the chain has `patience` to answer.
    pub(crate) async fn ask(&self, question: Question, patience: Duration) -> Asked {
        let Question { job_id, reference, to, data } = question;
        let Some(mut turn) = self.turns.take(customer(job_id)).await else {
            return Asked { answer: Err(Abstain::Busy), transcript_root: [0; 32], took: Duration::ZERO };
        };
        turn.begin();
        let plain = Arc::new(Plain { reader: Arc::clone(&self.reader), said: AtomicUsize::new(0) });
        let mut transcript = Transcript::new(Arc::clone(&plain) as Arc<dyn ChainReader>, reference);
        let read = ChainRead::Request(ChainRequest::Call { to, data }.encode());
        let answer = transcript.read(&read, Instant::now() + patience).await;
        let took = transcript.waited();
        // Much is slow wherever it is read, though this node may be near.
        let said_too_much = plain.said.load(Ordering::Relaxed) > MAX_CHAIN_BYTES;
        turn.took(if said_too_much { took + 2 * SLOW } else { took });
        let unknown = || Abstain::RpcFailure("a question has no answer".to_owned());
        let answer = answer
            .ok_or_else(|| transcript.failure().cloned().unwrap_or_else(unknown))
            .and_then(|bytes| understood(&bytes));
        Asked { answer, transcript_root: transcript.root().0, took }
    }
}

fn understood(answer: &[u8]) -> Result<Answer, Abstain> {
    match ChainAnswer::decode(answer) {
        Ok(ChainAnswer::Data(data)) => Ok(Answer::Returned(data)),
        Ok(ChainAnswer::Reverted(_)) => Ok(Answer::Failed),
        Ok(ChainAnswer::Limit(_)) => Ok(Answer::TooLong),
        _ => Err(Abstain::HostFailure("a question to a contract was answered with something else".to_owned())),
    }
}

/// Reads of which all failures are alike: without the data of a revert, and with no difference between a client that has none to tell
/// and one that has. It is left out here, before anything is counted: else its length would make a difference.
#[derive(Debug)]
struct Plain {
    reader: Arc<dyn ChainReader>,
    /// Bytes that were returned, or reverted with.
    said: AtomicUsize,
}

impl ChainReader for Plain {
    fn read<'a>(&'a self, reference: &'a BlockReference, request: &'a ChainRequest) -> Reading<'a> {
        Box::pin(async move {
            let answer = self.reader.read(reference, request).await;
            if let Ok(ChainAnswer::Data(said) | ChainAnswer::Reverted(said)) = &answer {
                self.said.store(said.len(), Ordering::Relaxed);
            }
            match answer {
                Ok(ChainAnswer::Reverted(_)) | Err(RpcFailure::Untold(_)) => Ok(ChainAnswer::Reverted(Bytes::new())),
                other => other,
            }
        })
    }
}

#[cfg(test)]
mod tests;

//! The chain reads of one run: capped, answered, and committed to.

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{B256, keccak256};
use tokio::time::Instant;

use crate::Abstain;
use crate::chain_read::{ChainAnswer, ChainRequest};
use crate::reader::ChainReader;
use crate::run::BlockReference;
use crate::wire::ChainRead;

/// Chain reads per run.
pub const MAX_CHAIN_READS: u32 = 64;
/// Canonical bytes of all requests and answers of a run together.
pub const MAX_CHAIN_BYTES: usize = 256 << 10;
/// Blocks one read of logs may span.
pub const MAX_LOG_BLOCKS: u64 = 1024;
/// Logs one read may return.
pub const MAX_LOGS: usize = 256;

/// Answers a run's chain reads and folds them into one hash.
///
/// The root starts at zero and becomes `keccak256(root ++ keccak256(request) ++ keccak256(answer))` with every read, in order,
/// over the canonical bytes of [`ChainRequest`] and [`ChainAnswer`]. Reads that the caps refuse count too.
#[derive(Debug)]
pub(crate) struct Transcript {
    reader: Arc<dyn ChainReader>,
    reference: BlockReference,
    root: B256,
    reads_left: u32,
    bytes_left: usize,
    failure: Option<Abstain>,
    waited: Duration,
}

impl Transcript {
    /// An empty transcript.
    pub(crate) const fn new(reader: Arc<dyn ChainReader>, reference: BlockReference) -> Self {
        let (reads_left, bytes_left) = (MAX_CHAIN_READS, MAX_CHAIN_BYTES);
        Self { reader, reference, root: B256::ZERO, reads_left, bytes_left, failure: None, waited: Duration::ZERO }
    }

    /// The commitment to all reads so far; zero when there were none.
    pub(crate) const fn root(&self) -> B256 {
        self.root
    }

    /// Why a read went without an answer, if one did: then the run has no result.
    pub(crate) const fn failure(&self) -> Option<&Abstain> {
        self.failure.as_ref()
    }

    /// How long the run has waited for answers.
    pub(crate) const fn waited(&self) -> Duration {
        self.waited
    }

    /// Answers a read by `deadline`, with canonical bytes; without an answer, [`failure`](Self::failure) says why.
    pub(crate) async fn read(&mut self, read: &ChainRead, deadline: Instant) -> Option<Vec<u8>> {
        let (hash, answer) = match read {
            ChainRead::Request(request) => (keccak256(request), self.answer(request, deadline).await),
            ChainRead::TooLong(hash) => (B256::from(*hash), Ok(self.refuse_long())),
        };
        match answer {
            Ok(answer) => {
                let answer = answer.encode();
                let link = [self.root, hash, keccak256(&answer)].map(|part| part.0);
                self.root = keccak256(link.concat());
                Some(answer)
            }
            Err(failure) => {
                self.failure = Some(failure);
                None
            }
        }
    }

    /// One read less, or the answer that there is none left.
    fn count(&mut self) -> Result<(), ChainAnswer> {
        self.reads_left = self
            .reads_left
            .checked_sub(1)
            .ok_or_else(|| ChainAnswer::Limit(format!("more than {MAX_CHAIN_READS} chain reads in one run")))?;
        Ok(())
    }

    fn refuse_long(&mut self) -> ChainAnswer {
        self.count().err().unwrap_or_else(too_many_bytes)
    }

    async fn answer(&mut self, bytes: &[u8], deadline: Instant) -> Result<ChainAnswer, Abstain> {
        let Ok(request) = ChainRequest::decode(bytes) else {
            return Ok(ChainAnswer::Invalid("not a chain read".to_owned()));
        };
        if let Err(refusal) = self.count() {
            return Ok(refusal);
        }
        let Some(bytes_left) = self.bytes_left.checked_sub(bytes.len()) else {
            return Ok(too_many_bytes());
        };
        if let Some(refusal) = self.refuse(&request) {
            return Ok(refusal);
        }
        let begun = Instant::now();
        let reading = tokio::time::timeout_at(deadline, self.reader.read(&self.reference, &request)).await;
        self.waited += begun.elapsed();
        let answer = match reading {
            Err(_) => return Err(Abstain::Timeout),
            Ok(Err(failure)) => return Err(Abstain::RpcFailure(failure.to_string())),
            Ok(Ok(ChainAnswer::Logs(logs))) if logs.len() > MAX_LOGS => {
                return Ok(ChainAnswer::Limit(format!(
                    "more than {MAX_LOGS} logs; ask for fewer blocks or more topics"
                )));
            }
            Ok(Ok(answer)) => answer,
        };
        match bytes_left.checked_sub(answer.encode().len()) {
            Some(left) => {
                self.bytes_left = left;
                Ok(answer)
            }
            None => Ok(too_many_bytes()),
        }
    }

    /// What the protocol answers without asking the chain.
    fn refuse(&self, request: &ChainRequest) -> Option<ChainAnswer> {
        let ChainRequest::Logs { topics, from_block, to_block, .. } = request else { return None };
        let invalid = |why: &str| Some(ChainAnswer::Invalid(why.to_owned()));
        if topics.len() > 4 {
            return invalid("a log has at most 4 topics");
        }
        if *to_block > self.reference.number {
            return invalid("to-block is above the reference block");
        }
        match to_block.checked_sub(*from_block) {
            None => invalid("from-block is above to-block"),
            Some(span) if span >= MAX_LOG_BLOCKS => {
                Some(ChainAnswer::Limit(format!("more than {MAX_LOG_BLOCKS} blocks in one read of logs")))
            }
            Some(_) => None,
        }
    }
}

fn too_many_bytes() -> ChainAnswer {
    ChainAnswer::Limit(format!("more than {MAX_CHAIN_BYTES} bytes of chain reads in one run"))
}

#[cfg(test)]
mod tests;

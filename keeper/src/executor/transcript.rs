//! The chain reads of one run: capped, answered, and committed to.

use std::sync::Arc;

use alloy::primitives::{B256, keccak256};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::chain_read::{ChainAnswer, ChainRequest};
use super::reader::ChainReader;
use super::run::BlockReference;
use super::sandbox::{HostCalls, HostFailure};

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
pub struct Transcript {
    reader: Arc<dyn ChainReader>,
    reference: BlockReference,
    runtime: Handle,
    deadline: Instant,
    root: B256,
    reads_left: u32,
    bytes_left: usize,
}

impl Transcript {
    /// An empty transcript whose reads are made on `runtime` and end at `deadline`.
    pub(super) const fn new(
        reader: Arc<dyn ChainReader>,
        reference: BlockReference,
        runtime: Handle,
        deadline: Instant,
    ) -> Self {
        let (reads_left, bytes_left) = (MAX_CHAIN_READS, MAX_CHAIN_BYTES);
        Self { reader, reference, runtime, deadline, root: B256::ZERO, reads_left, bytes_left }
    }

    /// The commitment to all reads so far; zero when there were none.
    pub(super) const fn root(&self) -> B256 {
        self.root
    }

    fn answer(&mut self, bytes: &[u8]) -> Result<ChainAnswer, HostFailure> {
        let Ok(request) = ChainRequest::decode(bytes) else {
            return Ok(ChainAnswer::Invalid("not a chain read".to_owned()));
        };
        let Some(reads_left) = self.reads_left.checked_sub(1) else {
            return Ok(ChainAnswer::Limit(format!("more than {MAX_CHAIN_READS} chain reads in one run")));
        };
        self.reads_left = reads_left;
        let too_many_bytes =
            || ChainAnswer::Limit(format!("more than {MAX_CHAIN_BYTES} bytes of chain reads in one run"));
        let Some(bytes_left) = self.bytes_left.checked_sub(bytes.len()) else {
            return Ok(too_many_bytes());
        };
        if let Some(refusal) = self.refuse(&request) {
            return Ok(refusal);
        }
        let reading = tokio::time::timeout_at(self.deadline, self.reader.read(&self.reference, &request));
        let answer = match self.runtime.block_on(reading) {
            Err(_) => return Err(HostFailure::Deadline),
            Ok(Err(failure)) => return Err(HostFailure::Rpc(failure.0)),
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

impl HostCalls for Transcript {
    fn chain(&mut self, request: &[u8]) -> Result<Vec<u8>, HostFailure> {
        let answer = self.answer(request)?.encode();
        let link = [self.root, keccak256(request), keccak256(&answer)].map(|part| part.0);
        self.root = keccak256(link.concat());
        Ok(answer)
    }
}

#[cfg(test)]
mod tests;

//! Reads of the chain on behalf of jobs.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use thiserror::Error;

use super::BlockReference;
use super::chain_read::{ChainAnswer, ChainRequest};

/// The chain node did not give an answer that every keeper would get; the run ends as an abstention.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct RpcFailure(pub String);

/// A pending chain read.
pub type Reading<'a> = Pin<Box<dyn Future<Output = Result<ChainAnswer, RpcFailure>> + Send + 'a>>;

/// Answers a job's chain reads at one block.
pub trait ChainReader: Send + Sync + Debug {
    /// Answers `request` as of the block with hash `reference.hash`, which must be canonical.
    ///
    /// # Errors
    /// [`RpcFailure`] when the node cannot tell. A revert is an answer, not a failure.
    fn read<'a>(&'a self, reference: &'a BlockReference, request: &'a ChainRequest) -> Reading<'a>;
}

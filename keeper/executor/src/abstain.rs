//! Why a keeper has nothing to sign for a task.

use thiserror::Error;

/// The reason a run ended without a result that may be signed.
///
/// Everything here can differ from one keeper to the next (its RPC node, its load, what a web server answered it), so none
/// of it is ever part of a report.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Abstain {
    /// The code could not be fetched.
    #[error("the job's code is not available: {0}")]
    CodeUnavailable(String),
    /// The code is longer than [`MAX_CODE_BYTES`](crate::MAX_CODE_BYTES).
    #[error("the job's code is longer than {} bytes; publish a smaller component", crate::MAX_CODE_BYTES)]
    CodeTooLarge,
    /// What the URL serves is not what the job registered on chain.
    #[error(
        "what the job's URL serves does not have the SHA-256 hash the job registered on chain; publish that very file"
    )]
    CodeHashMismatch,
    /// The code has the registered hash but is no component of the world `keeper:job/job`.
    #[error("the job's code cannot run: {0}")]
    CodeInvalid(String),
    /// The chain node did not answer, or answered something that is neither a result nor a revert.
    #[error("a chain read failed: {0}; check the RPC node of this keeper")]
    RpcFailure(String),
    /// The watchdog stopped the run.
    #[error("the run took longer than the watchdog allows; the job is too slow or this keeper is overloaded")]
    Timeout,
    /// The guest used up the WebAssembly stack. Where that happens depends on the compiler, so it is never signed.
    #[error("the job used up the WebAssembly stack; its recursion is too deep")]
    StackOverflow,
    /// This machine could not do its part: memory, files, or a fault the sandbox cannot classify.
    #[error("this keeper could not run the job: {0}")]
    HostFailure(String),
    /// Too many runs wait already.
    #[error("too many runs are waiting on this keeper; give it more cores or fewer jobs")]
    Busy,
}

impl Abstain {
    /// A fixed name in snake case, for metrics and the API.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CodeUnavailable(_) => "code_unavailable",
            Self::CodeTooLarge => "code_too_large",
            Self::CodeHashMismatch => "code_hash_mismatch",
            Self::CodeInvalid(_) => "code_invalid",
            Self::RpcFailure(_) => "rpc_failure",
            Self::Timeout => "timeout",
            Self::StackOverflow => "stack_overflow",
            Self::HostFailure(_) => "host_failure",
            Self::Busy => "busy",
        }
    }
}

//! What the end of a run means to the protocol: said once, for all actions.

use std::time::Duration;

use alloy::primitives::{B256, Bytes};
use consensus::task::{Abstention, Outcome, Status};

use crate::executor::{Abstain, Ended};

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What is reported, or why nothing is.
    pub result: Result<Outcome, Abstention>,
    /// The reason of whatever is not a call, for people.
    pub reason: String,
    /// What it took by itself: not how long it waited for its turn.
    pub took: Duration,
}

impl Finding {
    /// Nothing to say, without a run.
    #[must_use]
    pub const fn none(why: Abstention, reason: String) -> Self {
        Self { result: Err(why), reason, took: Duration::ZERO }
    }

    /// Whether the chain itself has shown that there was nothing to run, see [`denies`].
    #[must_use]
    pub fn denies(&self) -> bool {
        self.result.as_ref().is_err_and(|why| denies(*why))
    }

    /// What the end of a run means to the protocol.
    pub(super) fn new(ended: Ended, transcript: B256, took: Duration) -> Self {
        let said = |status, data: Vec<u8>| {
            Ok(Outcome { status, data: Bytes::from(data), state_after: B256::ZERO, transcript })
        };
        match ended {
            Ended::Call(data) => Self { result: said(Status::Call, data), reason: String::new(), took },
            Ended::Skip(reason) => Self { result: said(Status::Skip, reason.clone().into_bytes()), reason, took },
            Ended::JobError(reason) => {
                Self { result: said(Status::JobError, reason.clone().into_bytes()), reason, took }
            }
            Ended::Abstain(reason) => {
                Self { result: Err(abstention(&reason)), reason: format!("{}: {reason}", reason.name()), took }
            }
        }
    }
}

/// Whether a run that ended so was denied by the chain itself, read at the anchor: a gas was too dear, the condition did not hold, the job
/// did not run. What this machine lacks, or a node does not tell, never says so.
#[must_use]
pub const fn denies(why: Abstention) -> bool {
    match why {
        Abstention::UnknownTask | Abstention::JobInactive => true,
        Abstention::CodeUnavailable
        | Abstention::ChainReadFailed
        | Abstention::Timeout
        | Abstention::HostFailure
        | Abstention::Busy
        | Abstention::JournalRefused
        | Abstention::NothingSeen => false,
    }
}

/// Why there is nothing to sign, as the protocol has it.
pub(super) fn abstention(reason: &Abstain) -> Abstention {
    match reason {
        Abstain::CodeUnavailable(_) | Abstain::CodeTooLarge | Abstain::CodeHashMismatch | Abstain::CodeInvalid(_) => {
            Abstention::CodeUnavailable
        }
        Abstain::RpcFailure(_) => Abstention::ChainReadFailed,
        Abstain::Timeout => Abstention::Timeout,
        Abstain::StackOverflow | Abstain::HostFailure(_) => Abstention::HostFailure,
        Abstain::Busy => Abstention::Busy,
    }
}

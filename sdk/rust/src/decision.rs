//! What a run decides, and how it fails.

use std::fmt;

use alloy_sol_types::abi::TokenSeq;
use alloy_sol_types::{SolCall, SolEvent, SolType, SolValue};

use crate::B256;
use crate::bindings::keeper::job::types::{Context, JobError, LogEntry, Outcome, Trigger};

/// What comes of a run.
pub type Decision = Result<Outcome, Error>;

/// Why a run has no outcome. All keepers see it alike: it is certified, and costs a quarter of the fee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// It will not get better by trying again: wrong parameters, a bug.
    Permanent(String),
    /// It may be different in the next run.
    Transient(String),
}

impl Error {
    /// One that stays.
    pub fn permanent(why: impl fmt::Display) -> Self {
        Self::Permanent(why.to_string())
    }

    /// One that may pass.
    pub fn transient(why: impl fmt::Display) -> Self {
        Self::Transient(why.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permanent(why) | Self::Transient(why) => to.write_str(why),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        match error {
            Error::Permanent(why) => Self::Permanent(why),
            Error::Transient(why) => Self::Transient(why),
        }
    }
}

/// Calls the job's target. At most 65,536 bytes of calldata.
///
/// # Errors
/// None; a [`Decision`] for the end of a run.
pub fn call<C: SolCall>(call: &C) -> Decision {
    Ok(Outcome::Call(call.abi_encode()))
}

/// Does nothing this time, and says why: at most 256 bytes of it are kept.
///
/// # Errors
/// None; a [`Decision`] for the end of a run.
pub fn skip(why: impl fmt::Display) -> Decision {
    Ok(Outcome::Skip(why.to_string()))
}

/// The job's parameters, as `abi.encode(…)` has them: `params::<(Address, U256)>(context)?`.
///
/// # Errors
/// They are something else: [`Error::Permanent`].
pub fn params<T>(context: &Context) -> Result<T, Error>
where
    T: SolValue + From<<<T as SolValue>::SolType as SolType>::RustType>,
    for<'a> <T::SolType as SolType>::Token<'a>: TokenSeq<'a>,
{
    T::abi_decode_params(&context.params).map_err(|error| Error::permanent(format!("the job's parameters: {error}")))
}

/// The event that made the run due.
///
/// # Errors
/// The run is due for something else, or for another event: [`Error::Permanent`].
pub fn event<E: SolEvent>(context: &Context) -> Result<E, Error> {
    match &context.trigger {
        Trigger::Log(log) => decode(log),
        _ => Err(Error::permanent("the run is not due for a log")),
    }
}

/// Reads a log as an event.
pub(crate) fn decode<E: SolEvent>(log: &LogEntry) -> Result<E, Error> {
    let topics = log.topics.iter().map(|topic| B256::try_from(topic.as_slice()));
    let topics: Vec<B256> =
        topics.collect::<Result<_, _>>().map_err(|_| Error::permanent("a topic that has not 32 bytes"))?;
    E::decode_raw_log_validate(topics, &log.data)
        .map_err(|error| Error::permanent(format!("a log that is no {}: {error}", E::SIGNATURE)))
}

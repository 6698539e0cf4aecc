//! When a job is due, and how the contract has it: `IJobManager.Trigger` and `triggerData`.

use alloy::primitives::{Address, B256, Bytes};
use alloy::sol_types::SolValue;

use super::TermsError;
use crate::IJobManager::Job;

const INTERVAL: u8 = 0;
const CRON: u8 = 1;
const ONCE: u8 = 2;
const BLOCKS: u8 = 3;
const LOG: u8 = 4;
const CONDITION: u8 = 5;
/// The interval that the contract keeps of a job with one run.
const NEVER_AGAIN: u32 = u32::MAX;

const fn name(number: u8) -> &'static str {
    match number {
        INTERVAL => "interval",
        CRON => "cron",
        ONCE => "once",
        BLOCKS => "blocks",
        LOG => "log",
        CONDITION => "condition",
        _ => "unknown",
    }
}

/// When a job is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TriggerTerms {
    /// Run k at `start + k * interval`; data: `abi.encode(uint64 start, uint32 interval)`.
    Interval {
        /// Unix seconds of run 0.
        start: u64,
        /// Seconds between runs.
        interval: u32,
    },
    /// Run k at minute k since 1970 in UTC, where that is one the pattern names; data: `abi.encode(string pattern)`.
    Cron {
        /// Five fields: minute, hour, day, month, weekday.
        pattern: String,
    },
    /// Run 0 at `moment`, and no other; data: `abi.encode(uint64 moment)`. The contract calls it one-shot.
    Once {
        /// Unix seconds.
        moment: u64,
    },
    /// Run k at block `first + k * every`; data: `abi.encode(uint64 first, uint32 every)`.
    Blocks {
        /// Number of the block of run 0.
        first: u64,
        /// Blocks between runs.
        every: u32,
    },
    /// A run for every log that fits.
    Log(LogTerms),
    /// A run at a block at which a call answers that it holds.
    Condition(ConditionTerms),
}

/// Which logs make a job due; data: `abi.encode` of the fields in their order, the topics one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTerms {
    /// The contract that emits them.
    pub emitter: Address,
    /// Bit i: topic i must be the one given.
    pub filter: u8,
    /// Zero where none is asked for.
    pub topics: [B256; 4],
    /// Blocks on top of a log before it makes the job due, those of the network at least.
    pub confirmations: u16,
    /// Most runs that one block makes due: of more logs the first ones.
    pub most_per_block: u16,
}

impl LogTerms {
    fn data(&self) -> Bytes {
        let Self { emitter, filter, topics: [a, b, c, d], confirmations, most_per_block } = *self;
        (emitter, u16::from(filter), a, b, c, d, confirmations, most_per_block).abi_encode_params().into()
    }

    fn decode(data: &[u8]) -> Result<Self, alloy::sol_types::Error> {
        // A byte is none of the types that encode by themselves; one of two bytes is written alike.
        type Fields = (Address, u16, B256, B256, B256, B256, u16, u16);
        let (emitter, filter, a, b, c, d, confirmations, most_per_block) = Fields::abi_decode_params_validate(data)?;
        let filter =
            u8::try_from(filter).map_err(|_| alloy::sol_types::Error::custom("a filter of more than eight bits"))?;
        Ok(Self { emitter, filter, topics: [a, b, c, d], confirmations, most_per_block })
    }
}

/// A call that tells whether a job is due: it is where the first word of the answer is not zero; data: `abi.encode` of the
/// fields in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionTerms {
    /// The contract that is asked.
    pub target: Address,
    /// What it is asked.
    pub call: Bytes,
    /// Blocks from one settlement to the next run at least.
    pub cooldown: u32,
}

impl TriggerTerms {
    /// The number of its kind, `IJobManager.Trigger`.
    #[must_use]
    pub const fn number(&self) -> u8 {
        match self {
            Self::Interval { .. } => INTERVAL,
            Self::Cron { .. } => CRON,
            Self::Once { .. } => ONCE,
            Self::Blocks { .. } => BLOCKS,
            Self::Log(_) => LOG,
            Self::Condition(_) => CONDITION,
        }
    }

    /// The word for its kind.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        name(self.number())
    }

    /// The word for the trigger of a job as the contract keeps it; `unknown` for a kind that is not known.
    #[must_use]
    pub const fn name_of(job: &Job) -> &'static str {
        name(job.trigger)
    }

    /// `triggerData` on chain.
    #[must_use]
    pub fn data(&self) -> Bytes {
        match self {
            Self::Interval { start, interval } => (*start, *interval).abi_encode_params().into(),
            Self::Cron { pattern } => pattern.abi_encode().into(),
            Self::Once { moment } => moment.abi_encode().into(),
            Self::Blocks { first, every } => (*first, *every).abi_encode_params().into(),
            Self::Log(terms) => terms.data(),
            Self::Condition(ConditionTerms { target, call, cooldown }) => {
                (*target, call.clone(), *cooldown).abi_encode_params().into()
            }
        }
    }

    /// Reads number and data as they are on chain. Whether the trigger makes sense is not looked at.
    ///
    /// # Errors
    /// A kind that is not known, or data that is not exactly what [`Self::data`] writes.
    pub fn decode(number: u8, data: &[u8]) -> Result<Self, TermsError> {
        let malformed = |_| TermsError::TriggerData(number);
        let terms = match number {
            INTERVAL => {
                let (start, interval) = <(u64, u32)>::abi_decode_params_validate(data).map_err(malformed)?;
                Self::Interval { start, interval }
            }
            CRON => Self::Cron { pattern: String::abi_decode_validate(data).map_err(malformed)? },
            ONCE => Self::Once { moment: u64::abi_decode_validate(data).map_err(malformed)? },
            BLOCKS => {
                let (first, every) = <(u64, u32)>::abi_decode_params_validate(data).map_err(malformed)?;
                Self::Blocks { first, every }
            }
            LOG => Self::Log(LogTerms::decode(data).map_err(malformed)?),
            CONDITION => {
                let (target, call, cooldown) =
                    <(Address, Bytes, u32)>::abi_decode_params_validate(data).map_err(malformed)?;
                Self::Condition(ConditionTerms { target, call, cooldown })
            }
            _ => return Err(TermsError::UnknownTrigger(number)),
        };
        if *terms.data() == *data { Ok(terms) } else { Err(TermsError::TriggerData(number)) }
    }

    /// When its first run is due, in Unix seconds or, of block numbers, a block; zero where there may be one at once. And its pace: seconds,
    /// for block numbers and conditions blocks.
    #[must_use]
    pub const fn schedule(&self) -> (u64, u32) {
        match *self {
            Self::Interval { start, interval } => (start, interval),
            Self::Cron { .. } => (0, 60),
            Self::Once { moment } => (moment, NEVER_AGAIN),
            Self::Blocks { first, every } => (first, every),
            Self::Log(_) => (0, 0),
            Self::Condition(ConditionTerms { cooldown, .. }) => (0, cooldown),
        }
    }

    /// The trigger of a job as far as the contract keeps it, by `JobManager.job`; `None` where only its events tell, and for
    /// a kind that is not known.
    #[must_use]
    pub const fn kept(job: &Job) -> Option<Self> {
        match job.trigger {
            INTERVAL => Some(Self::Interval { start: job.start, interval: job.interval }),
            ONCE => Some(Self::Once { moment: job.start }),
            BLOCKS => Some(Self::Blocks { first: job.start, every: job.interval }),
            _ => None,
        }
    }
}

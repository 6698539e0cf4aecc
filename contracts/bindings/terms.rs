//! A job's terms as Rust sees them, and the one place that knows the numbers of the contract's enums and how what belongs to
//! a trigger or an action is encoded. To add a kind: its variant, number, name and fields here; see ARCHITECTURE.md.

use alloy::primitives::{Address, B256, Bytes, aliases::U96};
use alloy::sol_types::SolValue;

use crate::IJobManager::{Job, JobParams};

mod dispute;
#[cfg(test)]
mod tests;

pub use dispute::DisputeStatus;

/// Numbers of `IJobManager.Trigger`.
mod trigger {
    pub(super) const INTERVAL: u8 = 0;
    pub(super) const CRON: u8 = 1;
    pub(super) const ONCE: u8 = 2;
    pub(super) const BLOCKS: u8 = 3;
    pub(super) const LOG: u8 = 4;
    pub(super) const CONDITION: u8 = 5;
    /// The interval that the contract keeps of a job with one run.
    pub(super) const NEVER_AGAIN: u32 = u32::MAX;

    pub(super) const fn name(number: u8) -> &'static str {
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
}

/// Numbers of `IJobManager.Action`, and the words for them.
mod action {
    pub(super) const WASM: u8 = 0;
    pub(super) const UPKEEP: u8 = 1;
    pub(super) const RESOLVER: u8 = 2;
    pub(super) const CALL: u8 = 3;

    pub(super) const fn name(number: u8) -> &'static str {
        match number {
            WASM => "wasm",
            UPKEEP => "upkeep",
            RESOLVER => "resolver",
            CALL => "call",
            _ => "unknown",
        }
    }
}

/// Why a job's terms cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// A trigger that this program does not know.
    #[error("trigger {0} is of a kind that this program does not know: update it")]
    UnknownTrigger(u8),
    /// An action that this program does not know.
    #[error("action {0} is of a kind that this program does not know: update it")]
    UnknownAction(u8),
    /// A policy about missed runs that this program does not know.
    #[error("missed-run policy {0} is of a kind that this program does not know: update it")]
    UnknownMissed(u8),
    /// The trigger's data is not what this kind of trigger takes.
    #[error("the data of trigger {0} does not decode")]
    TriggerData(u8),
    /// What the action brings is not what this kind of action takes.
    #[error("the terms of action {0} do not fit it")]
    ActionData(u8),
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
            Self::Interval { .. } => trigger::INTERVAL,
            Self::Cron { .. } => trigger::CRON,
            Self::Once { .. } => trigger::ONCE,
            Self::Blocks { .. } => trigger::BLOCKS,
            Self::Log(_) => trigger::LOG,
            Self::Condition(_) => trigger::CONDITION,
        }
    }

    /// The word for its kind.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        trigger::name(self.number())
    }

    /// The word for the trigger of a job as the contract keeps it; `unknown` for a kind that is not known.
    #[must_use]
    pub const fn name_of(job: &Job) -> &'static str {
        trigger::name(job.trigger)
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
            trigger::INTERVAL => {
                let (start, interval) = <(u64, u32)>::abi_decode_params_validate(data).map_err(malformed)?;
                Self::Interval { start, interval }
            }
            trigger::CRON => Self::Cron { pattern: String::abi_decode_validate(data).map_err(malformed)? },
            trigger::ONCE => Self::Once { moment: u64::abi_decode_validate(data).map_err(malformed)? },
            trigger::BLOCKS => {
                let (first, every) = <(u64, u32)>::abi_decode_params_validate(data).map_err(malformed)?;
                Self::Blocks { first, every }
            }
            trigger::LOG => Self::Log(LogTerms::decode(data).map_err(malformed)?),
            trigger::CONDITION => {
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
            Self::Once { moment } => (moment, trigger::NEVER_AGAIN),
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
            trigger::INTERVAL => Some(Self::Interval { start: job.start, interval: job.interval }),
            trigger::ONCE => Some(Self::Once { moment: job.start }),
            trigger::BLOCKS => Some(Self::Blocks { first: job.start, every: job.interval }),
            _ => None,
        }
    }
}

/// What a run of a job does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionTerms {
    /// Runs code, which decides what the target is called with.
    Wasm(WasmTerms),
    /// Asks the target whether it needs anything, and calls it with what it says then; no code.
    Upkeep(UpkeepTerms),
    /// Asks another contract whether the target is to be called, and with what; no code.
    Resolver(ResolverTerms),
    /// Calls the target with the same bytes every time; no code.
    Call(CallTerms),
}

/// The code of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WasmTerms {
    /// Where keepers fetch it.
    pub code_url: String,
    /// SHA-256 of the code.
    pub code_hash: B256,
    /// Handed to the code unchanged.
    pub params: Bytes,
}

/// A target that is asked first, as Chainlink's registries asked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpkeepTerms {
    /// Handed to `checkUpkeep` or `checkLog` unchanged; `params` on chain.
    pub check_data: Bytes,
}

/// A contract that is asked first, as Gelato asked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolverTerms {
    /// The contract; `params` on chain are `abi.encode(address resolver, bytes calldata)`.
    pub resolver: Address,
    /// What it is asked with.
    pub calldata: Bytes,
}

/// A call without code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallTerms {
    /// What the target is called with; `params` on chain.
    pub calldata: Bytes,
}

impl ActionTerms {
    /// The number of its kind, `IJobManager.Action`.
    #[must_use]
    pub const fn number(&self) -> u8 {
        match self {
            Self::Wasm(_) => action::WASM,
            Self::Upkeep(_) => action::UPKEEP,
            Self::Resolver(_) => action::RESOLVER,
            Self::Call(_) => action::CALL,
        }
    }

    /// The word for its kind.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        action::name(self.number())
    }

    /// The code it runs: `codeUrl`, `codeHash` (a part of the outcome hash) and `params` on chain.
    fn fields(&self) -> (&str, B256, Bytes) {
        match self {
            Self::Wasm(wasm) => (&wasm.code_url, wasm.code_hash, wasm.params.clone()),
            Self::Upkeep(upkeep) => ("", B256::ZERO, upkeep.check_data.clone()),
            Self::Resolver(ResolverTerms { resolver, calldata }) => {
                ("", B256::ZERO, (*resolver, calldata.clone()).abi_encode_params().into())
            }
            Self::Call(call) => ("", B256::ZERO, call.calldata.clone()),
        }
    }

    /// SHA-256 of its code, a part of the outcome hash; zero where there is none.
    #[must_use]
    pub fn code_hash(&self) -> B256 {
        self.fields().1
    }

    /// Reads the action out of what is on chain.
    ///
    /// # Errors
    /// A kind that is not known, or one that does not take what `params` brings.
    pub fn decode(params: &JobParams) -> Result<Self, TermsError> {
        let terms = match params.action {
            action::WASM => Self::Wasm(WasmTerms {
                code_url: params.codeUrl.clone(),
                code_hash: params.codeHash,
                params: params.params.clone(),
            }),
            action::UPKEEP => Self::Upkeep(UpkeepTerms { check_data: params.params.clone() }),
            action::RESOLVER => {
                let terms = <(Address, Bytes)>::abi_decode_params_validate(&params.params);
                let (resolver, calldata) = terms.map_err(|_| TermsError::ActionData(params.action))?;
                Self::Resolver(ResolverTerms { resolver, calldata })
            }
            action::CALL => Self::Call(CallTerms { calldata: params.params.clone() }),
            _ => return Err(TermsError::UnknownAction(params.action)),
        };
        let fits = terms.fields() == (params.codeUrl.as_str(), params.codeHash, params.params.clone());
        if fits { Ok(terms) } else { Err(TermsError::ActionData(params.action)) }
    }

    /// The word for the action of a job as the contract keeps it; `unknown` for a kind that is not known.
    #[must_use]
    pub const fn name_of(job: &Job) -> &'static str {
        action::name(job.action)
    }
}

/// What becomes of runs that came due while nobody could make them, `IJobManager.Missed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Missed {
    /// Each is made up for, in order, for as long as it may settle.
    #[default]
    All = 0,
    /// The newest alone: one is given up when the next is due.
    Once = 1,
    /// None: one is given up a minute after it was due.
    Skip = 2,
}

impl Missed {
    /// The policy of this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::All),
            1 => Some(Self::Once),
            2 => Some(Self::Skip),
            _ => None,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Once => "once",
            Self::Skip => "skip",
        }
    }
}

/// Where a job stops by itself, and what it does not pay for. The default has no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// No run due after this moment is made, in Unix seconds; zero: the job has no end.
    pub until: u64,
    /// So many runs of a version are made at most; zero: as many as come due.
    pub most_runs: u32,
    /// No run is made at a block with a higher base fee, in wei; zero: whatever gas costs.
    pub most_gas_price: u64,
    /// What becomes of runs that were missed.
    pub missed: Missed,
}

/// Everything a creator asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// When it is due.
    pub trigger: TriggerTerms,
    /// What a run does.
    pub action: ActionTerms,
    /// Contract that receives the outcome.
    pub target: Address,
    /// Gas its callback may use.
    pub callback_gas: u32,
    /// What fees are paid in; zero: the chain's own coin.
    pub token: Address,
    /// What one settled run costs, in the token's smallest unit.
    pub fee: U96,
    /// Share of stake that must agree, in hundredths of a percent.
    pub quorum_bps: u16,
    /// A run settled later than this many seconds after it was due costs half; zero: lateness is free.
    pub punctual_seconds: u16,
    /// Where it stops.
    pub limits: Limits,
}

impl Terms {
    /// As `createJob` and `update` take them.
    #[must_use]
    pub fn params(&self) -> JobParams {
        let (code_url, code_hash, params) = self.action.fields();
        JobParams {
            trigger: self.trigger.number(),
            triggerData: self.trigger.data(),
            action: self.action.number(),
            codeUrl: code_url.to_owned(),
            codeHash: code_hash,
            params,
            target: self.target,
            callbackGas: self.callback_gas,
            token: self.token,
            fee: self.fee,
            quorumBps: self.quorum_bps,
            punctualSeconds: self.punctual_seconds,
            until: self.limits.until,
            mostRuns: self.limits.most_runs,
            mostGasPrice: self.limits.most_gas_price,
            missed: self.limits.missed as u8,
        }
    }
}

impl TryFrom<&JobParams> for Terms {
    type Error = TermsError;

    fn try_from(params: &JobParams) -> Result<Self, TermsError> {
        Ok(Self {
            trigger: TriggerTerms::decode(params.trigger, &params.triggerData)?,
            action: ActionTerms::decode(params)?,
            target: params.target,
            callback_gas: params.callbackGas,
            token: params.token,
            fee: params.fee,
            quorum_bps: params.quorumBps,
            punctual_seconds: params.punctualSeconds,
            limits: Limits {
                until: params.until,
                most_runs: params.mostRuns,
                most_gas_price: params.mostGasPrice,
                missed: Missed::from_number(params.missed).ok_or(TermsError::UnknownMissed(params.missed))?,
            },
        })
    }
}

/// Where a job stands, `IJobManager.Status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum JobStatus {
    /// There is no such job.
    None = 0,
    /// Its runs come due.
    Active = 1,
    /// They do up to a moment, and its owner may let it go on.
    Paused = 2,
    /// They do up to a moment.
    Cancelled = 3,
}

impl JobStatus {
    /// The status of a job as the contract keeps it; [`Self::None`] also for a number that is not known.
    #[must_use]
    pub const fn of(job: &Job) -> Self {
        match job.status {
            1 => Self::Active,
            2 => Self::Paused,
            3 => Self::Cancelled,
            _ => Self::None,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "unknown",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
        }
    }
}

/// How a run ended: the `status` of reports, of a [`crate::Run`] and of a [`crate::SettledTask`].
pub mod ended {
    /// With bytes for the target.
    pub const CALL: u8 = 0;
    /// With a reason to do nothing.
    pub const SKIP: u8 = 1;
    /// In an error of the job's.
    pub const JOB_ERROR: u8 = 2;
}

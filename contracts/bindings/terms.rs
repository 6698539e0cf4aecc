//! A job's terms as Rust sees them, and the one place that knows the numbers of the contract's enums and how what belongs to
//! a trigger or an action is encoded. To add a kind: its variant, number, name and fields here; see ARCHITECTURE.md.

use alloy::primitives::{Address, aliases::U96};

use crate::IJobManager::{Job, JobParams};

mod action;
mod dispute;
mod limits;
#[cfg(test)]
mod tests;
mod trigger;

pub use action::{ActionTerms, CallTerms, ObservingTerms, ResolverTerms, UpkeepTerms, WasmTerms};
pub use dispute::DisputeStatus;
pub use limits::{Limits, Missed};
pub use trigger::{ConditionTerms, LogTerms, TriggerTerms};

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

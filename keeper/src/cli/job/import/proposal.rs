//! What an entry of an old registry becomes: everything of a job but its price and its first moment.

use alloy::primitives::{Address, B256, Bytes, aliases::U96, hex};
use contracts::terms::{
    ActionTerms, CallTerms, ConditionTerms, Limits, LogTerms, ResolverTerms, Terms, TriggerTerms, UpkeepTerms,
};
use serde_json::{Value, json};

use super::refusal::Refusal;
use crate::cli::job::flags::QUORUM_BPS;
use crate::jobs::trigger::{Earliest, Trigger};

/// Blocks from one run to the next of a condition: none of the old networks waited.
const COOLDOWN: u32 = 1;
/// Most runs that one block's logs make due: what registries performed at most in one transaction is of that size.
const LOGS_PER_BLOCK: u16 = 16;

/// A job that does what the entry did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli::job) struct Proposal {
    /// Which entry of which registry.
    pub(super) source: String,
    pub(super) due: Due,
    pub(super) deed: Deed,
    pub(super) target: Address,
    pub(super) callback_gas: u32,
    pub(super) limits: Limits,
    /// Who has called the target so far.
    pub(super) caller: Address,
    /// Functions of the target by which its owner seems to say who may call it.
    pub(super) setters: Vec<&'static str>,
    /// What is not as before, for people.
    pub(super) notes: Vec<String>,
}

/// When it is due, but for the moment from which on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// In Unix seconds and seconds; a start in the past keeps the rhythm, 0 is now.
    Interval { start: u64, interval: u32 },
    /// In minutes that the pattern names, in UTC.
    Cron { pattern: String },
    /// Once, as soon as may be.
    Once,
    /// Again after so many blocks.
    Blocks { every: u32 },
    /// For each log: bit i of `filter` says that topic i is asked for.
    Log { emitter: Address, filter: u8, topics: [B256; 4], confirmations: u16 },
    /// In each block in which the answer's first word is not zero.
    Condition { target: Address, call: Bytes },
}

/// What a run does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Asks the target itself, with these bytes, what it is to be called with.
    Upkeep { check_data: Bytes },
    /// Asks another contract.
    Resolver { resolver: Address, call: Bytes },
    /// Makes the same call each time.
    Call { calldata: Bytes },
}

impl Proposal {
    /// As what is asked for of a job, at a fee of `token`, with its first run at `soon` where it has a moment.
    pub(super) fn terms(&self, soon: Earliest, (token, fee): (Address, U96)) -> Result<Terms, Refusal> {
        Ok(Terms {
            trigger: self.due.terms(soon)?,
            action: self.deed.terms(),
            target: self.target,
            callback_gas: self.callback_gas,
            token,
            fee,
            quorum_bps: QUORUM_BPS,
            punctual_seconds: 0,
            limits: self.limits,
        })
    }

    /// What is not as before, and what is to be done about it, as rows for people.
    pub(in crate::cli::job) fn notes(&self, forwarder: Option<Address>) -> Vec<(&'static str, String)> {
        let notes = self.notes.iter().cloned().chain([self.admission(forwarder)]);
        notes.map(|note| ("note", note)).collect()
    }

    /// What is to be done about the target, where the job calls it from `forwarder`.
    pub(super) fn admission(&self, forwarder: Option<Address>) -> String {
        let forwarder = forwarder.map_or_else(|| "the job's forwarder".to_owned(), |address| address.to_string());
        let target = self.target;
        match self.setters.as_slice() {
            [] => format!(
                "calls to {target} came from {} and come from {forwarder} now: if it asks who calls, its owner has to let that in",
                self.caller
            ),
            setters => format!(
                "calls to {target} came from {} and come from {forwarder} now: its owner lets that in by {}",
                self.caller,
                setters.join(" or ")
            ),
        }
    }

    /// What it was, for people, with names.
    pub(in crate::cli::job) fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = vec![
            ("from", self.source.clone()),
            ("trigger", self.due.words()),
            ("action", self.deed.words()),
            ("callback gas", self.callback_gas.to_string()),
        ];
        if self.limits.most_runs != 0 {
            rows.push(("most runs", self.limits.most_runs.to_string()));
        }
        if self.limits.most_gas_price != 0 {
            rows.push(("most gas price", format!("{} wei of base fee", self.limits.most_gas_price)));
        }
        rows
    }

    /// The same for programs, and what is not as before.
    pub(in crate::cli::job) fn document(&self) -> Value {
        json!({
            "from": self.source,
            "trigger": self.due.document(),
            "action": self.deed.document(),
            "target": self.target,
            "callback_gas": self.callback_gas,
            "most_runs": self.limits.most_runs,
            "most_gas_price_wei": self.limits.most_gas_price.to_string(),
            "caller_before": self.caller,
            "setters": self.setters,
            "notes": self.notes,
        })
    }
}

impl Due {
    /// As a job's trigger.
    ///
    /// # Errors
    /// None is like it.
    fn terms(&self, soon: Earliest) -> Result<TriggerTerms, Refusal> {
        let terms = match self.clone() {
            Self::Interval { start: 0, interval } => TriggerTerms::Interval { start: soon.moment, interval },
            Self::Interval { start, interval } => TriggerTerms::Interval { start, interval },
            Self::Cron { pattern } => TriggerTerms::Cron { pattern },
            Self::Once => TriggerTerms::Once { moment: soon.moment },
            Self::Blocks { every } => TriggerTerms::Blocks { first: soon.block, every },
            Self::Log { emitter, filter, topics, confirmations } => {
                TriggerTerms::Log(LogTerms { emitter, filter, topics, confirmations, most_per_block: LOGS_PER_BLOCK })
            }
            Self::Condition { target, call } => {
                TriggerTerms::Condition(ConditionTerms { target, call, cooldown: COOLDOWN })
            }
        };
        let senseless = |why: String| Refusal::SenselessTrigger { why };
        let trigger = Trigger::new(&terms).map_err(|error| senseless(format!("{}: {error:#}", self.words())))?;
        // A start that is past keeps the rhythm.
        trigger.renewed(soon).ok_or_else(|| senseless(format!("no run can be due by it any more: {}", self.words())))
    }

    fn words(&self) -> String {
        match self {
            Self::Interval { start: 0, interval } => format!("every {interval} s"),
            Self::Interval { start, interval } => format!("every {interval} s in the rhythm of {start}"),
            Self::Cron { pattern } => format!("cron {pattern}, in UTC"),
            Self::Once => "once".to_owned(),
            Self::Blocks { every } => format!("every {every} blocks"),
            Self::Log { emitter, filter, topics, .. } => {
                let asked = (0..4).filter(|place| filter & (1 << place) != 0);
                let asked: Vec<_> = asked.map(|place| format!("topic {place} {}", topics[place])).collect();
                format!("logs of {emitter} with {}", asked.join(", "))
            }
            Self::Condition { target, call } => format!("{target} answers yes to {}", short(call)),
        }
    }

    fn document(&self) -> Value {
        match self {
            Self::Interval { start, interval } => json!({"kind": "interval", "start": start, "interval": interval}),
            Self::Cron { pattern } => json!({"kind": "cron", "pattern": pattern}),
            Self::Once => json!({"kind": "once"}),
            Self::Blocks { every } => json!({"kind": "blocks", "every": every}),
            Self::Log { emitter, filter, topics, confirmations } => json!({
                "kind": "log", "emitter": emitter, "filter": filter, "topics": topics, "confirmations": confirmations
            }),
            Self::Condition { target, call } => json!({"kind": "condition", "target": target, "call": call}),
        }
    }
}

impl Deed {
    /// As a job's action.
    fn terms(&self) -> ActionTerms {
        match self.clone() {
            Self::Upkeep { check_data } => ActionTerms::Upkeep(UpkeepTerms { check_data }),
            Self::Resolver { resolver, call } => ActionTerms::Resolver(ResolverTerms { resolver, calldata: call }),
            Self::Call { calldata } => ActionTerms::Call(CallTerms { calldata }),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Upkeep { check_data } if check_data.is_empty() => "upkeep".to_owned(),
            Self::Upkeep { check_data } => format!("upkeep with check data {}", short(check_data)),
            Self::Resolver { resolver, call } => format!("resolver {resolver}, asked {}", short(call)),
            Self::Call { calldata } => format!("call with {}", short(calldata)),
        }
    }

    fn document(&self) -> Value {
        match self {
            Self::Upkeep { check_data } => json!({"kind": "upkeep", "check_data": check_data}),
            Self::Resolver { resolver, call } => json!({"kind": "resolver", "resolver": resolver, "call": call}),
            Self::Call { calldata } => json!({"kind": "call", "calldata": calldata}),
        }
    }
}

/// The beginning of bytes, and how many there are.
fn short(bytes: &[u8]) -> String {
    match bytes.get(..36).filter(|start| start.len() < bytes.len()) {
        Some(start) => format!("{}… ({} bytes)", hex::encode_prefixed(start), bytes.len()),
        None => hex::encode_prefixed(bytes),
    }
}

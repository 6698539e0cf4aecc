//! Due at a block at which a call answers that it holds: the block's hash is the instance key. The leaders of a window look
//! for it, and every keeper that runs the task looks again, at its anchor.
//!
//! A condition holds where the call succeeds and the first word of its answer is not zero, so that `checkUpkeep(bytes)` and
//! Gelato's `checker()` are conditions as they are.

use std::sync::Arc;

use alloy::primitives::{Address, Bytes};
use anyhow::{Context, Result, ensure};
use clap::{Args, ValueHint};
use consensus::anchor::BlockRef;
use consensus::task::InstanceKey;
use contracts::terms::{ConditionTerms, Limits, Missed, TriggerTerms};

use super::kind::{Earliest, Kind, Run, Sighting, Told};
use crate::executor;
use crate::jobs::flags::read_bytes;

/// Longest call, in bytes; the contract's limit.
const CALL_MAX: usize = 4_096;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition(Arc<ConditionTerms>);

impl Condition {
    /// The condition of these terms; `None` where it could hold at every moment, or cannot be asked for.
    pub(super) fn new(terms: &ConditionTerms) -> Option<Self> {
        (terms.cooldown > 0 && !terms.target.is_zero() && terms.call.len() <= CALL_MAX)
            .then(|| Self(Arc::new(terms.clone())))
    }

    /// The contract that is asked.
    #[must_use]
    pub fn target(&self) -> Address {
        self.0.target
    }

    /// What it is asked.
    #[must_use]
    pub fn call(&self) -> &Bytes {
        &self.0.call
    }

    /// Blocks from one settlement to the next run, at least 1.
    #[must_use]
    pub fn cooldown(&self) -> u64 {
        self.0.cooldown.into()
    }

    /// The run that a block makes due at which it holds; `due` is when that is acted on, in Unix seconds.
    #[must_use]
    pub const fn run(&self, block: &BlockRef, due: u64) -> Run {
        Run::at_block(InstanceKey(block.hash), due, block.number, 0)
    }
}

/// Whether an answer to the call says that it holds.
#[must_use]
pub fn holds(answer: &[u8]) -> bool {
    answer.get(..32).is_some_and(|word| word.iter().any(|byte| *byte != 0))
}

impl Kind for Condition {
    fn told(&self, _: &Run, sighting: Option<&Sighting>) -> Told {
        let answer = match sighting {
            Some(Sighting::Answer(answer)) => answer.clone(),
            _ => Vec::new(),
        };
        Told { sequence: 0, trigger: executor::Trigger::Condition(answer) }
    }

    fn words(&self) -> String {
        let ConditionTerms { target, call, cooldown } = &*self.0;
        format!("when {target} answers {call} with yes, {cooldown} blocks apart")
    }

    fn flags(&self) -> Vec<(&'static str, String)> {
        let ConditionTerms { target, call, cooldown } = &*self.0;
        vec![
            ("trigger", "condition".to_owned()),
            ("condition", target.to_string()),
            ("condition-call", call.to_string()),
            ("cooldown", cooldown.to_string()),
        ]
    }

    fn renewed(&self, _: Earliest) -> Option<TriggerTerms> {
        Some(TriggerTerms::Condition(ConditionTerms::clone(&self.0)))
    }

    /// What nobody made in time is seen again where it still holds: there is no newest one to make up for.
    fn limits(&self, asked: Limits, _: u64) -> Result<Limits> {
        ensure!(
            asked.missed != Missed::Once,
            "--missed is once, and a condition's runs are not made up for: it is seen again where it still holds. \
             Leave --missed out, or say `all`, which means the same"
        );
        Ok(asked)
    }
}

/// Flags of a condition.
#[derive(Debug, Clone, Args)]
pub(super) struct ConditionFlags {
    /// The contract that is asked whether the job is due
    #[arg(long, value_name = "ADDRESS")]
    condition: Option<Address>,
    /// What it is asked: 0x-hex, or @FILE; it holds where the first word of the answer is not zero
    #[arg(long, value_name = "BYTES", value_hint = ValueHint::FilePath)]
    condition_call: Option<String>,
    /// Blocks from one run to the next, at least [default: 1]
    #[arg(long, value_name = "BLOCKS")]
    cooldown: Option<u32>,
}

impl ConditionFlags {
    pub(super) fn given(&self) -> Option<&'static str> {
        let given = [
            ("--condition", self.condition.is_some()),
            ("--condition-call", self.condition_call.is_some()),
            ("--cooldown", self.cooldown.is_some()),
        ];
        given.into_iter().find_map(|(flag, is_given)| is_given.then_some(flag))
    }

    pub(super) fn terms(&self) -> Result<TriggerTerms> {
        let target =
            self.condition.context("--condition is missing: say which contract is asked whether the job is due")?;
        let call = self
            .condition_call
            .as_deref()
            .context("--condition-call is missing: say what it is asked, 0x-hex or @FILE")?;
        let call = read_bytes(call, "--condition-call")?;
        ensure!(call.len() <= CALL_MAX, "--condition-call has {} bytes: at most {CALL_MAX}", call.len());
        let cooldown = self.cooldown.unwrap_or(1);
        ensure!(cooldown > 0, "--cooldown is 0: the job would run again in the very block that settles it");
        let terms = ConditionTerms { target, call, cooldown };
        ensure!(Condition::new(&terms).is_some(), "--condition is the zero address, which answers nothing");
        Ok(TriggerTerms::Condition(terms))
    }
}

//! Asks the target whether it needs anything, and calls it with what it says then: contracts that Chainlink Automation kept, unchanged.
//!
//! The check is asked as its registries asked it (`KeeperRegistry` 1.x, `KeeperRegistryLogicA2_1.checkUpkeep`): in an `eth_call` from
//! the zero address, so that `tx.origin` is zero, as `cannotExecute` demands, with 10,000,000 gas, the `checkGasLimit` of its
//! networks. Two things are not the same: `msg.sender` is the zero address too, where it was the registry, and what the call itself
//! costs (21,000 gas and its data) comes out of the gas.

use alloy::primitives::{Bytes, U256};
use alloy::sol_types::SolCall;
use anyhow::Result;
use clap::{Args, ValueHint};
use contracts::terms::{ActionTerms, UpkeepTerms};

use super::checked::{self, Verdict};
use super::{Hands, Made, Work};
use crate::executor::{Ended, MAX_OUTCOME_BYTES};
use crate::jobs::flags::read_bytes;
use crate::jobs::trigger::SeenLog;
use crate::jobs::{Rehearsal, Stage};

/// The interfaces `AutomationCompatibleInterface` and `ILogAutomation`.
mod abi {
    alloy::sol! {
        struct Log {
            uint256 index;
            uint256 timestamp;
            bytes32 txHash;
            uint256 blockNumber;
            bytes32 blockHash;
            address source;
            bytes32[] topics;
            bytes data;
        }

        function checkUpkeep(bytes checkData) external returns (bool upkeepNeeded, bytes performData);
        function checkLog(Log log, bytes checkData) external returns (bool upkeepNeeded, bytes performData);
        function performUpkeep(bytes performData) external;
    }
}

const NOT_NEEDED: &str = "not needed";
const TOO_MUCH: &str = "performData longer than an outcome may be";

/// Asks the target.
pub(super) async fn run(hands: Hands<'_>, terms: &UpkeepTerms, work: &Work) -> Made {
    checked::run(hands, work, (work.plan.terms.target, question(terms, work.log())), end).await
}

/// `checkLog` where a log is what makes the job due.
fn question(terms: &UpkeepTerms, log: Option<&SeenLog>) -> Bytes {
    let check_data = terms.check_data.clone();
    let data = match log {
        Some(log) => abi::checkLogCall { log: log.into(), checkData: check_data }.abi_encode(),
        None => abi::checkUpkeepCall { checkData: check_data }.abi_encode(),
    };
    data.into()
}

impl From<&SeenLog> for abi::Log {
    fn from(SeenLog { entry, timestamp }: &SeenLog) -> Self {
        Self {
            index: U256::from(entry.log_index),
            timestamp: U256::from(*timestamp),
            txHash: entry.transaction_hash,
            blockNumber: U256::from(entry.block_number),
            blockHash: entry.block_hash,
            source: entry.address,
            topics: entry.topics.clone(),
            data: entry.data.clone(),
        }
    }
}

fn end(verdict: Verdict) -> Ended {
    match verdict {
        Verdict::No(_) => Ended::Skip(NOT_NEEDED.to_owned()),
        Verdict::Yes(perform_data) => {
            let call = abi::performUpkeepCall { performData: perform_data };
            if call.abi_encoded_size() + 4 > MAX_OUTCOME_BYTES {
                return Ended::JobError(TOO_MUCH.to_owned());
            }
            Ended::Call(call.abi_encode())
        }
    }
}

pub(super) async fn rehearse(terms: &UpkeepTerms, stage: &Stage<'_>) -> Rehearsal {
    if stage.terms.trigger.name() == "log" {
        return Rehearsal::Untried("checkLog is asked about a log, and there is none yet".to_owned());
    }
    checked::rehearse(stage, (stage.terms.target, question(terms, None)), end).await
}

pub(super) fn flags(terms: &UpkeepTerms) -> Vec<(&'static str, String)> {
    vec![("action", "upkeep".to_owned()), ("check-data", terms.check_data.to_string())]
}

pub(super) fn rows(terms: &UpkeepTerms) -> Vec<(&'static str, String)> {
    vec![("check data", terms.check_data.to_string())]
}

/// Flags of an upkeep.
#[derive(Debug, Clone, Args)]
pub(super) struct UpkeepFlags {
    /// What the target's checkUpkeep or checkLog is asked with: 0x-hex, or @FILE [default: none]
    #[arg(long, value_name = "BYTES", value_hint = ValueHint::FilePath)]
    check_data: Option<String>,
}

impl UpkeepFlags {
    pub(super) fn given(&self) -> Option<&'static str> {
        self.check_data.as_ref().map(|_| "--check-data")
    }

    pub(super) fn terms(&self) -> Result<ActionTerms> {
        let check_data = read_bytes(self.check_data.as_deref().unwrap_or("0x"), "--check-data")?;
        Ok(ActionTerms::Upkeep(UpkeepTerms { check_data }))
    }
}

#[cfg(test)]
mod tests;

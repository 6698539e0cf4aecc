//! What `upkeep` and `resolver` have in common: a contract is asked at the anchor whether there is anything to do, and with what.
//!
//! | what came of it | outcome |
//! |---|---|
//! | it returns `(true, bytes)` | the room's own: a call |
//! | it returns `(false, bytes)` | a skip, for a reason of the room's own |
//! | it fails: reverts, runs out of gas, does what no contract may | a skip: Chainlink's registries took that for `not needed` too |
//! | it returns nothing, or anything else, or too much | a job error |
//! | the node does not answer, in time or at all, or has trouble of its own | none |
//!
//! Reasons are fixed: what a contract says when it fails is no part of the outcome, for not every client tells it
//! (`executor::is_failed_call`). What clients do not agree on must not decide a check: `BASEFEE` in an `eth_call` is zero with some and
//! the block's with others. Keepers then report different things, and the job alone comes to nothing by it.

use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes};

use super::{Hands, Made, Work};
use crate::executor::{Answer, Asked, BlockReference, Ended, Question};
use crate::jobs::{Rehearsal, Stage};

/// Longest calldata of a check, in bytes: what a log brings is in it. At 40 gas a byte (EIP-7623) it leaves half of the call's gas.
const CALLDATA_MAX: usize = 128 << 10;

const FAILED: &str = "the check failed: it reverted or ran out of gas";
const RETURNED_NOTHING: &str = "the check returned nothing: is there a contract where it was asked?";
const MALFORMED: &str = "the check did not return (bool, bytes)";
const RETURNED_TOO_MUCH: &str = "the check returned too much";
const ASKED_TOO_MUCH: &str = "the check was to be asked with more than 131072 bytes";

/// What a check came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is something to do, with this.
    Yes(Bytes),
    /// There is not, and this was returned beside.
    No(Bytes),
}

/// Asks a contract; `end` makes an outcome of its verdict.
pub(super) async fn run(
    hands: Hands<'_>,
    work: &Work,
    (to, data): (Address, Bytes),
    end: impl FnOnce(Verdict) -> Ended,
) -> Made {
    if data.len() > CALLDATA_MAX {
        return Made::without_code(Ended::JobError(ASKED_TOO_MUCH.to_owned()), B256::ZERO, Duration::ZERO);
    }
    let (anchor, chain_id) = (&work.anchor, hands.chain_id);
    let reference =
        BlockReference { chain_id, number: anchor.number, hash: anchor.hash.0, timestamp: anchor.timestamp };
    let question = Question { job_id: work.due.task.job.0, reference, to, data };
    let Asked { answer, transcript_root, took } = hands.executor.ask(question).await;
    let ended = match answer {
        Ok(answer) => verdict(&answer).map_or_else(|ended| ended, end),
        Err(reason) => Ended::Abstain(reason),
    };
    Made::without_code(ended, B256::from(transcript_root), took)
}

/// Asks now, as a run would, and tries what would come of it.
pub(super) async fn rehearse(
    stage: &Stage<'_>,
    (to, data): (Address, Bytes),
    end: impl FnOnce(Verdict) -> Ended,
) -> Rehearsal {
    let answer = match stage.ask(to, &data).await {
        Ok(answer) => Answer::Returned(answer),
        Err(why) => return Rehearsal::Idle(format!("the check fails now, which counts as no: {why}")),
    };
    match verdict(&answer).map_or_else(|ended| ended, end) {
        Ended::Call(call) => stage.deliver(&call.into()).await,
        Ended::Skip(why) => Rehearsal::Idle(why),
        Ended::JobError(why) => Rehearsal::Idle(format!("a run would end in an error: {why}")),
        Ended::Abstain(why) => Rehearsal::Untried(why.to_string()),
    }
}

fn verdict(answer: &Answer) -> Result<Verdict, Ended> {
    let error = |why: &str| Err(Ended::JobError(why.to_owned()));
    match answer {
        Answer::Failed => Err(Ended::Skip(FAILED.to_owned())),
        Answer::TooLong => error(RETURNED_TOO_MUCH),
        Answer::Returned(data) if data.is_empty() => error(RETURNED_NOTHING),
        Answer::Returned(data) => decode(data).map_or_else(|| error(MALFORMED), Ok),
    }
}

/// Reads `(bool, bytes)` as `abi.decode` does it in the contracts that asked before: the bool is 0 or 1; the bytes may stand anywhere,
/// end without padding, and have more behind them. Written out, for keepers must agree on what decodes whatever version of a library
/// they are built with.
pub(super) fn decode(data: &Bytes) -> Option<Verdict> {
    let word = |at: usize| data.get(at..at.checked_add(32)?);
    let number = |at: usize| {
        let (high, low) = word(at)?.split_at(24);
        let low = u64::from_be_bytes(low.try_into().ok()?);
        high.iter().all(|byte| *byte == 0).then(|| usize::try_from(low).ok()).flatten()
    };
    let (is_yes, at) = (number(0)?, number(32)?);
    let begin = at.checked_add(32)?;
    let end = begin.checked_add(number(at)?)?;
    let bytes = (end <= data.len()).then(|| data.slice(begin..end))?;
    match is_yes {
        0 => Some(Verdict::No(bytes)),
        1 => Some(Verdict::Yes(bytes)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

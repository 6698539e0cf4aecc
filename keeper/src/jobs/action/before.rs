//! What is looked at before an action, at the anchor: whether gas is not too dear there for the job, and whether its condition
//! holds there. It was seen to hold at the first attempt's anchor by a leader, whose word nobody takes: where it did not, there is no
//! such task, at no attempt, for else each leader could have each job run, and skip, and rest, whenever it likes. At a later attempt it
//! may hold no more, and then there is nothing to do.

use std::time::Duration;

use alloy::primitives::{B256, U256, keccak256};
use alloy::providers::Provider;
use consensus::anchor::BlockRef;
use consensus::task::Abstention;

use super::{Hands, Made, NotMade, Work};
use crate::chain::ChainProvider;
use crate::executor::{Answer, Asked, BlockReference, Ended, Question};
use crate::jobs::trigger::{Condition, Sighting, Watch, holds};

/// The fixed reason of the skip: what the call said is no part of it.
pub(super) const HOLDS_NO_MORE: &str = "the condition does not hold";
pub(super) const NEVER_HELD: &str = "the condition did not hold at the block that is said to have made the job due";
/// How the reason begins of a run that is not made because gas is too dear for its job.
pub const TOO_DEAR: &str = "gas_too_dear: ";

/// Whether a run that gave nothing to sign was not made because gas is too dear for its job, going by the reason: it is left out as its
/// creator wants it, and nobody has missed it.
#[must_use]
pub fn is_too_dear(reason: &str) -> bool {
    reason.starts_with(TOO_DEAR)
}

/// What was read before an action.
pub(super) struct Before {
    /// What the action is told, if it is another thing than was seen.
    pub(super) sighting: Option<Sighting>,
    /// The commitment to it; zero where nothing was read.
    transcript: B256,
}

impl Before {
    /// The commitment to all that a run has read, given that of its action.
    pub(super) fn with(&self, action: B256) -> B256 {
        match (self.transcript.is_zero(), action.is_zero()) {
            (true, _) => action,
            (_, true) => self.transcript,
            _ => keccak256([self.transcript.as_slice(), action.as_slice()].concat()),
        }
    }
}

/// Whether a gas costs no more at the anchor than the job pays for.
pub(in crate::jobs) async fn check_gas_price(provider: &ChainProvider, work: &Work) -> Result<(), NotMade> {
    let most = work.plan.terms.limits.most_gas_price;
    if most == 0 {
        return Ok(());
    }
    let base_fee = base_fee(provider, work.anchor.hash).await.map_err(|why| (Abstention::ChainReadFailed, why))?;
    if base_fee > U256::from(most) {
        let why = format!("{TOO_DEAR}at the anchor a gas costs {base_fee} wei, and the job pays for {most} at most");
        return Err((Abstention::JobInactive, why));
    }
    Ok(())
}

/// Looks whether the condition holds; gives how the run ends where it ends there.
pub(super) async fn look(hands: Hands<'_>, work: &Work) -> Result<Before, Result<Made, NotMade>> {
    let Watch::Condition(condition) = work.plan.trigger.watch() else {
        return Ok(Before { sighting: None, transcript: B256::ZERO });
    };
    let never_held = || Err(Err((Abstention::UnknownTask, NEVER_HELD.to_owned())));
    let seen = seen_at(work);
    if seen.hash != work.anchor.hash {
        match ask(hands, work, condition, &seen).await.answer {
            Ok(Answer::Returned(data)) if holds(&data) => {}
            Ok(_) => return never_held(),
            Err(why) => return Err(Ok(Made::without_code(Ended::Abstain(why), B256::ZERO, Duration::ZERO))),
        }
    }
    let Asked { answer, transcript_root, took } = ask(hands, work, condition, &work.anchor).await;
    let transcript = B256::from(transcript_root);
    match answer {
        Ok(Answer::Returned(data)) if holds(&data) => {
            Ok(Before { sighting: Some(Sighting::Answer(data.to_vec())), transcript })
        }
        Ok(_) if seen.hash == work.anchor.hash => never_held(),
        Ok(_) => Err(Ok(Made::without_code(Ended::Skip(HOLDS_NO_MORE.to_owned()), transcript, took))),
        Err(why) => Err(Ok(Made::without_code(Ended::Abstain(why), transcript, took))),
    }
}

/// The block at which a condition is said to have held.
fn seen_at(work: &Work) -> BlockRef {
    let number = work.due.anchor.rests_on().unwrap_or(work.anchor.number);
    BlockRef { number, hash: work.due.task.instance.0, timestamp: work.due.due }
}

async fn ask(hands: Hands<'_>, work: &Work, condition: &Condition, block: &BlockRef) -> Asked {
    let BlockRef { number, hash, timestamp } = *block;
    let reference = BlockReference { chain_id: hands.chain_id, number, hash: hash.0, timestamp };
    let (to, data) = (condition.target(), condition.call().clone());
    hands.executor.ask(Question { job_id: work.due.task.job.0, reference, to, data }).await
}

/// Wei for a gas in a block; zero on a chain without a fee market.
async fn base_fee(provider: &ChainProvider, block: B256) -> Result<U256, String> {
    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Header {
        base_fee_per_gas: Option<U256>,
    }
    let header: Result<Option<Header>, _> = provider.raw_request("eth_getBlockByHash".into(), (block, false)).await;
    match header {
        Ok(Some(header)) => Ok(header.base_fee_per_gas.unwrap_or_default()),
        Ok(None) => Err("the node does not have the anchor".to_owned()),
        Err(error) => Err(format!("reading the anchor's base fee: {error}")),
    }
}

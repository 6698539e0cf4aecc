//! What is looked at before an action, at the anchor: whether gas is not too dear there for the job, and whether its condition
//! holds there. It was seen to hold at the first attempt's anchor by a leader, whose word nobody takes; at a later attempt it may
//! hold no more, and then there is nothing to do.

use alloy::primitives::{B256, U256, keccak256};
use alloy::providers::Provider;
use consensus::task::Abstention;

use super::{Actions, Finding, Work};
use crate::executor::{Answer, Asked, BlockReference, Ended, Question};
use crate::jobs::trigger::{Sighting, Watch, holds};

/// The fixed reason of the skip: what the call said is no part of it.
const HOLDS_NO_MORE: &str = "the condition does not hold";

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

/// Looks; gives how the run ends where it ends there.
pub(super) async fn look(actions: &Actions, work: &Work) -> Result<Before, Finding> {
    let most = work.plan.terms.limits.most_gas_price;
    if most != 0 {
        let unread = |why: String| Finding::none(Abstention::ChainReadFailed, why);
        let base_fee = base_fee(actions, work.anchor.hash).await.map_err(unread)?;
        if base_fee > U256::from(most) {
            let why = format!("at the anchor a gas costs {base_fee} wei, and the job pays for {most} at most");
            return Err(Finding::none(Abstention::JobInactive, why));
        }
    }
    let Watch::Condition(condition) = work.plan.trigger.watch() else {
        return Ok(Before { sighting: None, transcript: B256::ZERO });
    };
    let (anchor, chain_id) = (&work.anchor, actions.chain_id);
    let reference =
        BlockReference { chain_id, number: anchor.number, hash: anchor.hash.0, timestamp: anchor.timestamp };
    let (to, data) = (condition.target(), condition.call().clone());
    let question = Question { job_id: work.due.task.job.0, reference, to, data };
    let Asked { answer, transcript_root, took } = actions.executor.ask(question).await;
    let transcript = B256::from(transcript_root);
    match answer {
        Ok(Answer::Returned(data)) if holds(&data) => {
            Ok(Before { sighting: Some(Sighting::Answer(data.to_vec())), transcript })
        }
        Ok(_) => Err(Finding::new(Ended::Skip(HOLDS_NO_MORE.to_owned()), transcript, took)),
        Err(why) => Err(Finding::new(Ended::Abstain(why), transcript, took)),
    }
}

/// Wei for a gas in a block; zero on a chain without a fee market.
async fn base_fee(actions: &Actions, block: B256) -> Result<U256, String> {
    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Header {
        base_fee_per_gas: Option<U256>,
    }
    let header: Result<Option<Header>, _> =
        actions.provider.raw_request("eth_getBlockByHash".into(), (block, false)).await;
    match header {
        Ok(Some(header)) => Ok(header.base_fee_per_gas.unwrap_or_default()),
        Ok(None) => Err("the node does not have the anchor".to_owned()),
        Err(error) => Err(format!("reading the anchor's base fee: {error}")),
    }
}

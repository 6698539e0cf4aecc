//! What blocks ask for at present, as the nodes show it.

use super::ChainError;
use super::fees::{self, Market};
use super::heads;
use super::rpc::ChainProvider;
use alloy::eips::BlockNumberOrTag;
use alloy::providers::Provider;

/// Blocks over which tips are looked at, and how many in a hundred paid less: the lowest tip was enough where there was
/// room, and a better one than some where there was none.
const TIP_BLOCKS: u64 = 5;
const TIP_PERCENTILES: [f64; 2] = [0.0, 25.0];

/// The base fee of the newest block, and a tip that was enough lately. One node's words: what is offered by them is capped
/// by [`fees::Policy`].
///
/// # Errors
/// No node shows its newest block.
pub(crate) async fn market(provider: &ChainProvider) -> Result<Market, ChainError> {
    let (latest, tip) = tokio::join!(heads::latest(provider), tip(provider));
    Ok(Market { base_fee: latest?.base_fee, tip })
}

/// A tip that was enough lately; nothing where the node knows none.
pub(crate) async fn tip(provider: &ChainProvider) -> Option<u128> {
    let history = provider.get_fee_history(TIP_BLOCKS, BlockNumberOrTag::Latest, &TIP_PERCENTILES);
    match history.await.ok().and_then(|history| fees::enough(&history.reward?, &history.gas_used_ratio)) {
        Some(paid) => Some(paid),
        None => provider.get_max_priority_fee_per_gas().await.ok(),
    }
}

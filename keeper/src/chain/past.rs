//! Looking through the past for one log of ours.

use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};

use super::{ChainError, Rpc, newest};

/// Blocks searched for a log at once; nodes that allow fewer are asked in parts.
const STRETCH: u64 = 10_000;

/// The newest log that `wanted` makes something of, looked for from the newest block back to `first`, a stretch at a time.
pub(crate) async fn newest_log<T>(
    rpc: &Rpc,
    first: u64,
    filter: &Filter,
    mut wanted: impl FnMut(&Log) -> Option<T>,
) -> Result<Option<T>, ChainError> {
    let (provider, mut to) = (rpc.provider(), newest(rpc).await?);
    let mut most = STRETCH;
    while to >= first {
        let from = to.saturating_sub(most - 1).max(first);
        let stretch = filter.clone().from_block(from).to_block(to);
        let mut logs = match provider.get_logs(&stretch).await.map_err(ChainError::from) {
            // Many parts, one of which was put off, or a gateway that gives up: fewer may come through.
            Err(ChainError::TooMuch(_) | ChainError::Unreachable(_)) if from < to => {
                most = (to - from).div_ceil(2);
                continue;
            }
            logs => logs?,
        };
        logs.sort_by_key(|log| (log.block_number, log.log_index));
        if let Some(found) = logs.iter().rev().find_map(&mut wanted) {
            return Ok(Some(found));
        }
        let Some(before) = from.checked_sub(1) else { break };
        (to, most) = (before, (most * 2).min(STRETCH));
    }
    Ok(None)
}

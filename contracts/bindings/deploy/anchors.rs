//! How far back an anchor may lie, chosen at deployment and never again: contracts keep it, keepers ask for it.
//!
//! An anchor lies back by what keepers leave for it to be certain when its task is due (confirmations and two blocks more), and
//! stands until it is too old; meanwhile the task is run, signed and settled. The next try is at another anchor, some windows
//! later. So 100 blocks are plenty where a block lasts a second or more, and 25 s where it lasts 250 ms.

use super::{ChainKind, DeployConfig, DeployError};

/// The fewest and the most: 100 blocks wherever that is time enough; chains know the hashes of 256.
const FEWEST: u64 = 100;
const MOST: u64 = 256;
/// How long an anchor should stand at least, in milliseconds.
const STANDS_MS: u64 = 100_000;
/// How long a dispute can be opened at least about what has settled at the oldest anchor: for a watching keeper to run it and to
/// send one transaction, in milliseconds and in blocks.
const DISPUTABLE_MS: u64 = 8_000;
const DISPUTABLE_BLOCKS: u64 = 12;
/// Windows between a task's first two tries.
const WINDOWS_OF_A_TRY: u64 = 4;

impl DeployConfig {
    /// How many blocks an anchor may lie back.
    ///
    /// # Errors
    /// [`DeployError::AnchorsTooOld`]: none would be young enough until the next try. [`DeployError::TooLittleProvable`]: what settles
    /// at the oldest could not be disputed any more, for which half of the blocks are that a report is provable.
    pub fn anchor_age(&self, chain: ChainKind) -> Result<u64, DeployError> {
        let block_ms = u64::try_from(self.block_time().as_millis()).unwrap_or(u64::MAX).max(1);
        let blocks = (STANDS_MS / block_ms).clamp(FEWEST, MOST);
        let stands_ms = block_ms.saturating_mul(blocks);
        // Headers tell seconds, so keepers count shorter blocks by the second.
        let counted_ms = block_ms.max(1_000);
        let confirmed_ms = block_ms.saturating_mul(self.confirmations).div_ceil(counted_ms).saturating_mul(counted_ms);
        let lag_ms = confirmed_ms.saturating_add(2 * counted_ms);
        let window_ms = counted_ms.max(2_000);
        if lag_ms.saturating_add(WINDOWS_OF_A_TRY * window_ms) > stands_ms {
            return Err(DeployError::AnchorsTooOld {
                confirmations: self.confirmations,
                blocks,
                seconds: stands_ms / 1_000,
                needed: lag_ms.saturating_add(WINDOWS_OF_A_TRY * window_ms) / 1_000,
            });
        }
        let provable = self.provable_blocks(chain)?;
        let disputable = blocks + (DISPUTABLE_MS / block_ms).max(DISPUTABLE_BLOCKS);
        if u64::from(provable) / 2 < disputable {
            return Err(DeployError::TooLittleProvable { provable, blocks, needed: disputable * 2 });
        }
        Ok(blocks)
    }
}

#[cfg(test)]
mod tests;

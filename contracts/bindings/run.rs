//! What a submitter says of a run, in one word: calldata and memory cost less so.

use alloy::primitives::U256;

#[cfg(test)]
mod tests;

/// A run as [`crate::ITaskManager::Entry`] names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Its job.
    pub job_id: u64,
    /// Version of the job.
    pub job_version: u32,
    /// Position of the report's anchor in the batch.
    pub anchor: u64,
    /// How it ended, see [`crate::terms::ended`].
    pub status: u8,
}

impl Run {
    /// From the highest bits: job id (64), version (32), anchor (64), unused (88), status (8).
    #[must_use]
    pub fn word(&self) -> U256 {
        let (job, version, anchor) = (U256::from(self.job_id), U256::from(self.job_version), U256::from(self.anchor));
        job << 192 | version << 160 | anchor << 96 | U256::from(self.status)
    }

    /// The run a word names; unused bits are left out.
    #[must_use]
    pub fn from_word(word: U256) -> Self {
        let [bytes @ .., status] = word.to_be_bytes::<32>();
        let number =
            |from: usize, to: usize| bytes[from..to].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let job_version = (number(8, 12) & u64::from(u32::MAX)) as u32;
        Self { job_id: number(0, 8), job_version, anchor: number(12, 20), status }
    }
}

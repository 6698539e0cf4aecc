//! What a job that looks outside decides on: the observations that a leader has listed, the same on every keeper.

use alloy_primitives::{B256, Bytes};

use crate::committee::KeeperIndex;

/// What one keeper saw, as it has signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Who.
    pub keeper: KeeperIndex,
    /// Its share of the committee's stake, in billionths, rounded down: fine enough that two thirds less a third stay more than a third.
    pub share: u32,
    /// What.
    pub bytes: Bytes,
}

/// An agreed set: of members that hold more than two thirds of the stake together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputSet {
    /// Its name, [`crate::message::input_set`]: the `inputHash` of reports that rest on it.
    pub hash: B256,
    /// What they saw, by index.
    pub seen: Vec<Seen>,
}

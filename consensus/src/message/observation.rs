//! The observation: what one keeper saw outside of the chain, for a job that looks there.

use alloy_primitives::{B256, keccak256};
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::assignment::PlannedTask;
use crate::bls::sign;
use crate::committee::{KeeperIndex, MEMBERS_MAX};
use crate::report::{Anchor, Domain};
use crate::task::{ATTEMPTS_MAX, Task, is_catch_up};

/// Largest observation, in bytes.
pub const OBSERVATION_LIMIT: usize = 16 * 1024;
/// Most bytes of what was seen: the rest of the limit is for the frame around them.
pub const SEEN_LIMIT: usize = 15 * 1024;

/// What one keeper saw, under its peer key. No keeper can tell a true one from a lie: what a job decides must hold with
/// less than a third of the stake lying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The task it was looked for.
    pub task: PlannedTask,
    /// Which try at it.
    pub attempt: u8,
    /// Number of the block that the try is pinned to.
    pub anchor_number: u64,
    /// Hash of that block.
    pub anchor_hash: ByteArray<32>,
    /// Epoch of the committee that counts at that block.
    pub epoch: u32,
    /// The sender's index in it.
    pub keeper: u16,
    /// What it saw, as the job's code wrote it down.
    pub seen: ByteBuf,
    /// ed25519 signature of its peer key over [`Observation::digest`].
    pub signature: ByteArray<64>,
}

impl Observation {
    /// Puts together and signs an observation.
    pub fn signed(
        domain: &Domain,
        key: &SigningKey,
        (task, attempt, anchor): (Task, u8, Anchor),
        (epoch, keeper): (u32, KeeperIndex),
        seen: Vec<u8>,
    ) -> Self {
        let mut observation = Self {
            task: task.into(),
            attempt,
            anchor_number: anchor.number,
            anchor_hash: ByteArray::new(anchor.hash.0),
            epoch,
            keeper: keeper.0,
            seen: ByteBuf::from(seen),
            signature: ByteArray::new([0; 64]),
        };
        observation.signature = ByteArray::new(sign(key, observation.digest(domain)));
        observation
    }

    /// What names an observation and what is signed: keccak256 over a fixed layout of all fields but the signature, with the
    /// hash of what was seen in its place, under a tag and the network's domain.
    pub fn digest(&self, domain: &Domain) -> B256 {
        let mut bytes = Vec::with_capacity(192);
        bytes.extend_from_slice(b"KeeperMesh observation");
        bytes.extend_from_slice(domain.separator().as_slice());
        bytes.extend_from_slice(&self.task.job.to_be_bytes());
        bytes.extend_from_slice(&self.task.version.to_be_bytes());
        bytes.extend_from_slice(&*self.task.instance);
        bytes.push(self.attempt);
        bytes.extend_from_slice(&self.anchor_number.to_be_bytes());
        bytes.extend_from_slice(&*self.anchor_hash);
        bytes.extend_from_slice(&self.epoch.to_be_bytes());
        bytes.extend_from_slice(&self.keeper.to_be_bytes());
        bytes.extend_from_slice(keccak256(&self.seen).as_slice());
        keccak256(bytes)
    }

    /// Whether its length and its attempt are within their limits.
    pub fn is_well_formed(&self) -> bool {
        let is_attempt = self.attempt < ATTEMPTS_MAX || is_catch_up(self.attempt);
        is_attempt && self.seen.len() <= SEEN_LIMIT && usize::from(self.keeper) < MEMBERS_MAX
    }

    /// The block that it is pinned to.
    pub fn anchor(&self) -> Anchor {
        Anchor { number: self.anchor_number, hash: B256::from(self.anchor_hash.into_array()) }
    }
}

//! What an engine needs to know at its start.

use alloy_primitives::Address;
use ed25519_dalek::SigningKey;

use crate::bls::SecretKey;
use crate::report::Domain;
use crate::time::Pace;

/// What an engine needs to know at its start.
#[derive(Clone)]
pub struct Config {
    /// Chain and contract everything signed is bound to.
    pub domain: Domain,
    /// The chain's pace.
    pub pace: Pace,
    /// How many blocks an anchor may lie back, as the contract was deployed: 1 to 256.
    pub anchor_age: u64,
    /// The operator this keeper acts for.
    pub operator: Address,
    /// Signs partials.
    pub secret: SecretKey,
    /// The keeper's mesh identity; signs assignments and abstentions.
    pub peer_key: SigningKey,
    /// 32 secret random bytes: the source of the weights of batch verification.
    pub seed: [u8; 32],
    /// What this keeper knows of what it has signed before.
    pub journal: JournalState,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("domain", &self.domain).field("operator", &self.operator).finish_non_exhaustive()
    }
}

/// What a keeper knows at its start of what its key has signed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalState {
    /// The key has never signed: nothing to know.
    New,
    /// The journal is the one the key signed with last.
    Intact,
    /// The journal is empty, or may be an older copy: only what is newer than anything anybody shows may be signed.
    Lost,
}

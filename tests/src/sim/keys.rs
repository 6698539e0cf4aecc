//! Who the keepers are, and the network they are on.

use alloy::primitives::{Address, keccak256};
use consensus::bls::SecretKey;
use consensus::committee::PeerKey;
use consensus::report::Domain;
use ed25519_dalek::SigningKey;

/// The network of all runs.
pub(super) const DOMAIN: Domain = Domain { chain_id: 31337, task_manager: Address::repeat_byte(0x11) };

/// A keeper's keys; made once per run of the program.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub(super) secret: SecretKey,
    pub(super) signing: SigningKey,
    pub(super) peer: PeerKey,
    pub(super) operator: Address,
}

impl Keys {
    pub(super) fn of(keeper: usize) -> Self {
        let mut entropy = [0x5a; 32];
        entropy[..8].copy_from_slice(&(keeper as u64).to_be_bytes());
        let signing = SigningKey::from_bytes(&entropy);
        let peer = PeerKey(signing.verifying_key().to_bytes());
        let operator = Address::from_word(keccak256(entropy));
        Self { secret: SecretKey::generate(&entropy), signing, peer, operator }
    }
}

//! Accounts whose secret keys are published: those that anvil and Hardhat derive from their well-known words.

use alloy::primitives::{Address, address};

use super::Error;

/// Chains that live on one machine, by the ids of anvil and Hardhat and of geth's development mode.
const LOCAL_CHAINS: [u64; 2] = [31337, 1337];

/// The first ten accounts of the words "test test test test test test test test test test test junk".
const PUBLISHED: [Address; 10] = [
    address!("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
    address!("0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
    address!("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"),
    address!("0x90F79bf6EB2c4f870365E785982E1f101E93b906"),
    address!("0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65"),
    address!("0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc"),
    address!("0x976EA74026E726554dB657fA54763abd0C3a0aa9"),
    address!("0x14dC79964da2C08b23698B3D3cc7Ca32193d9955"),
    address!("0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f"),
    address!("0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"),
];

/// Whether a chain is one of a single machine, where nothing is at stake.
#[must_use]
pub fn is_local(chain_id: u64) -> bool {
    LOCAL_CHAINS.contains(&chain_id)
}

/// Whether everybody has the key of an account.
#[must_use]
pub fn is_published(account: Address) -> bool {
    PUBLISHED.contains(&account)
}

/// Refuses such an account on a chain where something is at stake.
///
/// # Errors
/// [`Error::PublicKeyOfTests`].
pub fn refuse_published(account: Address, chain_id: u64) -> Result<(), Error> {
    match is_published(account) && !is_local(chain_id) {
        true => Err(Error::PublicKeyOfTests { address: account, chain_id }),
        false => Ok(()),
    }
}

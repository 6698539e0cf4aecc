//! What a transaction costs at worst, in wei: its gas, and on chains of the OP stack a fee for its bytes besides, which no
//! gas limit bounds and which nodes take out of the account like the gas (`l1Fee` in receipts). On Arbitrum data is paid as
//! gas, and is part of every estimate.

mod oracle;

use super::fees::Fees;
use alloy::primitives::U256;

pub(crate) use oracle::Oracle;

/// Most bytes of a transaction that nodes take; prices are asked for none and for so many.
pub const BYTES_MAX: u64 = 128 * 1024;
/// What a signed transaction has at most besides its calldata and signature, which the oracle adds: chain, nonce, two
/// fees, gas limit, receiver, and the lengths of all.
const ENVELOPE_BYTES: u64 = 93;
/// The parent chain's fees may double until it is included: like a base fee that holds for six full blocks in a row
/// (`fees::Policy::first`), and nodes look whether the account can pay what data costs then.
const GROWTH: u32 = 2;

/// What the bytes of a transaction cost at present, in wei; nothing where they have no fee of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataPrice {
    /// Of a transaction without bytes.
    pub empty: u128,
    /// Of one with [`BYTES_MAX`] that nothing compresses.
    pub full: u128,
}

impl DataPrice {
    /// What a transaction with so much calldata pays for its bytes at most. The oracle's bound is the larger one of a least
    /// fee and a line, so between two sizes it lies below the line through both.
    #[must_use]
    pub fn of(self, calldata: usize) -> U256 {
        let bytes = U256::from(calldata).saturating_add(U256::from(ENVELOPE_BYTES));
        let span = U256::from(self.full.saturating_sub(self.empty));
        // Rounded up, and once more for what the oracle rounds down.
        let share = span.saturating_mul(bytes).div_ceil(U256::from(BYTES_MAX));
        let least = U256::from(self.empty);
        if share.is_zero() && least.is_zero() {
            U256::ZERO
        } else {
            least.saturating_add(share).saturating_add(U256::ONE)
        }
    }
}

/// What a transaction costs at worst: all of its gas at the highest price it offers, and its data when that has become
/// dearer. What it is more than that nobody lets through.
#[must_use]
pub fn worst(gas_limit: u64, fees: Fees, data: DataPrice, calldata: usize) -> U256 {
    let gas = U256::from(fees.max_fee).saturating_mul(U256::from(gas_limit));
    gas.saturating_add(data.of(calldata).saturating_mul(U256::from(GROWTH)))
}

#[cfg(test)]
mod tests;

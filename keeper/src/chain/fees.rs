//! What a transaction pays per gas (EIP-1559), in wei.

const GWEI: u128 = 1_000_000_000;
/// Tip offered at first; the contract refunds this much and the base fee.
pub(crate) const TIP: u128 = GWEI;
/// No transaction of ours ever pays more than this per gas.
pub(crate) const CAP: u128 = 1_000 * GWEI;

/// Fees of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fees {
    pub(crate) max_fee: u128,
    pub(crate) tip: u128,
}

impl Fees {
    /// Holds for six full blocks in a row: the base fee grows by an eighth a block at most.
    pub(crate) fn first(base_fee: u128) -> Self {
        let max_fee = base_fee.saturating_mul(2).saturating_add(TIP).min(CAP);
        Self { max_fee, tip: TIP }
    }

    /// Fees that replace these in every pool: both an eighth higher (nodes ask for a tenth). `None` above the cap.
    pub(crate) fn raised(self, base_fee: u128) -> Option<Self> {
        let raise = |wei: u128| wei.saturating_add(wei.div_ceil(8));
        let tip = raise(self.tip);
        let max_fee = raise(self.max_fee).max(base_fee.saturating_mul(2).saturating_add(tip).min(CAP));
        (max_fee <= CAP && tip <= max_fee).then_some(Self { max_fee, tip })
    }
}

#[cfg(test)]
mod tests;

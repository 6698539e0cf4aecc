//! What a transaction pays per gas (EIP-1559), in wei: what the market asks, but no more than what is refunded and a set
//! loss.

use serde::{Deserialize, Serialize};

const GWEI: u128 = 1_000_000_000;

/// Fees of one attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fees {
    /// Most it pays in all.
    pub max_fee: u128,
    /// What it pays above the base fee.
    pub tip: u128,
}

impl Fees {
    /// The least fees that replace these in every pool: both an eighth higher (nodes ask for a tenth).
    #[must_use]
    pub fn replacing(self) -> Self {
        let raise = |wei: u128| wei.saturating_add(wei.div_ceil(8)).saturating_add(1);
        Self { max_fee: raise(self.max_fee), tip: raise(self.tip) }
    }

    fn at_least(self, other: Self) -> Self {
        Self { max_fee: self.max_fee.max(other.max_fee), tip: self.tip.max(other.tip) }
    }
}

/// What blocks ask for at present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Market {
    /// Of the newest block; zero on a chain without EIP-1559.
    pub base_fee: u128,
    /// A tip that was enough lately, if the node knows one.
    pub tip: Option<u128>,
}

/// Part of a block's gas from which on it counts as full.
const FULL: f64 = 0.9;

/// A tip that would have been enough in most of these blocks, by the lowest tip and a low one in each, and the part of its
/// gas that was used. Who pays more in a block with room pays for nothing.
#[must_use]
pub fn enough(tips: &[Vec<u128>], used: &[f64]) -> Option<u128> {
    let tip = |(tips, used): (&Vec<u128>, &f64)| if *used < FULL { tips.first() } else { tips.last() }.copied();
    let mut paid: Vec<u128> = tips.iter().zip(used).filter_map(tip).collect();
    paid.sort_unstable();
    paid.get(paid.len() / 2).copied()
}

/// How much may be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Wei above the base fee that the contract gives back for a gas. Offered at least: it costs nothing.
    pub refunded_tip: u128,
    /// Wei of tip a gas beyond it, which nobody gives back.
    pub loss: u128,
    /// No call ever pays more than this for a gas.
    pub max_fee: u128,
    /// Highest tip of a transaction to oneself that frees a nonce: it uses a tenth of a settlement's gas. And of one that a
    /// person sends, seldom and by hand.
    pub freeing_tip: u128,
}

impl Default for Policy {
    /// For a network whose tip is 0.01 gwei; a settlement of 240,000 gas loses 0.00002 coins at the very most.
    fn default() -> Self {
        Self { refunded_tip: GWEI / 100, loss: GWEI / 100 * 9, max_fee: 1_000 * GWEI, freeing_tip: 2 * GWEI }
    }
}

impl Policy {
    /// For a network with this tip, `IJobManager.tip` in wei.
    #[must_use]
    pub fn of(tip: u128) -> Self {
        Self { refunded_tip: tip, ..Self::default() }
    }

    /// The fees of a first attempt. Holds for six full blocks in a row: the base fee grows by an eighth a block at most.
    /// `None` while the base fee alone is above the cap.
    #[must_use]
    pub fn first(&self, market: Market) -> Option<Fees> {
        let fees = self.asked(market, self.first_tip());
        (market.base_fee.saturating_add(fees.tip) <= self.max_fee).then_some(fees)
    }

    /// Fees that replace `old` and follow the market. `None` where they would pass the caps: what is refunded and the
    /// loss for the tip; four base fees, but never more than [`Self::max_fee`], for the whole.
    #[must_use]
    pub fn raised(&self, old: Fees, market: Market) -> Option<Fees> {
        let most_tip = self.refunded_tip.saturating_add(self.loss);
        let most = market.base_fee.saturating_mul(4).saturating_add(most_tip).min(self.max_fee);
        let fees = old.replacing().at_least(self.asked(market, self.first_tip()));
        (fees.tip <= most_tip && fees.max_fee <= most).then_some(fees)
    }

    /// Fees by which a transaction to oneself takes the place of `old`; what the market asks where that would cost too
    /// much, which does where pools have dropped the old one.
    #[must_use]
    pub fn freeing(&self, old: Option<Fees>, market: Market) -> Fees {
        let asked = self.asked(market, self.freeing_tip);
        let fees = old.map_or(asked, |old| old.replacing().at_least(asked));
        if fees.tip <= self.freeing_tip && fees.max_fee <= self.max_fee { fees } else { asked }
    }

    /// The fees of a transaction that a person sends once. Nobody gives any of it back, so what the market asks is paid, but
    /// no more than the caps: one node names it. `None` while the base fee alone is above them.
    #[must_use]
    pub fn by_hand(&self, market: Market) -> Option<Fees> {
        let fees = self.asked(market, self.freeing_tip);
        (market.base_fee.saturating_add(fees.tip) <= self.max_fee).then_some(fees)
    }

    /// Highest tip to begin with: a third of the loss, so that there is room for raises. What replaces another transaction
    /// has to offer a higher tip too, even where it is the base fee that has grown.
    fn first_tip(&self) -> u128 {
        self.refunded_tip.saturating_add(self.loss / 3)
    }

    fn asked(&self, market: Market, most_tip: u128) -> Fees {
        let tip = market.tip.unwrap_or_default().clamp(self.refunded_tip, most_tip.max(self.refunded_tip));
        let max_fee = market.base_fee.saturating_mul(2).saturating_add(tip).min(self.max_fee.max(tip));
        Fees { max_fee, tip }
    }
}

#[cfg(test)]
mod tests;

//! Gas of settling, and what it costs those who send.

use alloy::primitives::U256;
use serde::Serialize;

use super::Percentiles;
use crate::swarm::ledger::{Ledger, Transaction};

/// Gas of settling: of a transaction, and of a transaction shared out among the tasks it settled; and its price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the keys are the documentation")]
pub struct Gas {
    pub settle: Percentiles,
    pub per_task: Percentiles,
    pub cost: Cost,
}

/// What all transactions to the TaskManager cost their senders, what of that those cost that settled nothing, and what jobs
/// gave back. Wei as decimals; `_each` in gwei a settlement; `price_wei` what settlements paid for a gas.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the keys are the documentation")]
pub struct Cost {
    pub settlements: u64,
    pub paid_wei: String,
    pub wasted_wei: String,
    pub refunded_wei: String,
    pub paid_gwei_each: Option<u64>,
    pub refunded_gwei_each: Option<u64>,
    pub price_wei: Percentiles,
}

impl Gas {
    pub(in crate::swarm) fn new(ledger: &Ledger, refunded: U256) -> Self {
        let settling = || ledger.transactions.iter().filter(|each| each.settled > 0);
        let shares = settling().flat_map(|each| {
            std::iter::repeat_n(each.gas_used / each.settled, usize::try_from(each.settled).unwrap_or(usize::MAX))
        });
        Self {
            settle: Percentiles::of(settling().map(|each| each.gas_used).collect()),
            per_task: Percentiles::of(shares.collect()),
            cost: Cost::new(settling().count() as u64, ledger, refunded),
        }
    }
}

impl Cost {
    /// The same for people.
    #[must_use]
    pub fn words(&self) -> String {
        let gwei = |amount: Option<u64>| amount.map_or("nothing".to_owned(), |amount| format!("{amount} gwei"));
        format!(
            "{} settlements: each cost its submitter {} at the defaults, and gave back {}",
            self.settlements,
            gwei(self.paid_gwei_each),
            gwei(self.refunded_gwei_each)
        )
    }

    fn new(settlements: u64, ledger: &Ledger, refunded: U256) -> Self {
        let cost = |each: &Transaction| U256::from(each.gas_used).saturating_mul(U256::from(each.price));
        let sum = |all: &mut dyn Iterator<Item = &Transaction>| all.map(cost).fold(U256::ZERO, U256::saturating_add);
        let paid = sum(&mut ledger.transactions.iter());
        let wasted = sum(&mut ledger.transactions.iter().filter(|each| each.settled == 0));
        let prices = ledger.transactions.iter().filter(|each| each.settled > 0).map(|each| each.price);
        let gwei = U256::from(1_000_000_000_u64);
        let each = |wei: U256| (wei / gwei).checked_div(U256::from(settlements)).map(|gwei| gwei.saturating_to());
        Self {
            settlements,
            paid_wei: paid.to_string(),
            wasted_wei: wasted.to_string(),
            refunded_wei: refunded.to_string(),
            paid_gwei_each: each(paid),
            refunded_gwei_each: each(refunded),
            price_wei: Percentiles::of(prices.map(|price| u64::try_from(price).unwrap_or(u64::MAX)).collect()),
        }
    }
}

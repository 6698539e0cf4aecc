//! Gas of settling, and what it costs those who send.

use alloy::primitives::U256;
use serde::Serialize;

use super::Percentiles;
use crate::swarm::ledger::Ledger;

/// Gas of settling: of a transaction, and of a transaction shared out among the tasks it settled; and its price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the keys are the documentation")]
pub struct Gas {
    pub settle: Percentiles,
    pub per_task: Percentiles,
    pub cost: Cost,
}

/// What all transactions to the TaskManager cost their senders, wasted ones too, and what jobs gave back. Wei as decimals;
/// `_each` in gwei a settlement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the keys are the documentation")]
pub struct Cost {
    pub settlements: u64,
    pub paid_wei: String,
    pub refunded_wei: String,
    pub paid_gwei_each: Option<u64>,
    pub refunded_gwei_each: Option<u64>,
}

impl Gas {
    pub(super) fn new(ledger: &Ledger, refunded: U256) -> Self {
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
    fn new(settlements: u64, ledger: &Ledger, refunded: U256) -> Self {
        let costs =
            ledger.transactions.iter().map(|each| U256::from(each.gas_used).saturating_mul(U256::from(each.price)));
        let paid = costs.fold(U256::ZERO, U256::saturating_add);
        let gwei = U256::from(1_000_000_000_u64);
        let each = |wei: U256| (wei / gwei).checked_div(U256::from(settlements)).map(|gwei| gwei.saturating_to());
        Self {
            settlements,
            paid_wei: paid.to_string(),
            refunded_wei: refunded.to_string(),
            paid_gwei_each: each(paid),
            refunded_gwei_each: each(refunded),
        }
    }
}

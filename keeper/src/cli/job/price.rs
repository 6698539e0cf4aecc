//! What runs of a job cost, and how many there are: figures for `cost`, and for what is shown before a job is listed.

use std::time::{Duration, SystemTime};

use alloy::primitives::U256;
use anyhow::Result;
use contracts::IJobManager::Job;
use contracts::JobManager;
use contracts::terms::{Limits, Terms, TriggerTerms};

use crate::chain::{ChainError, market};
use crate::cli::chain::{Chain, coin};
use crate::cli::currency::Currency;
use crate::jobs::trigger::Trigger;

/// Gas that a settlement of one task takes besides its callback, where all keepers are there: settle_1_n64_absent0_refunded in
/// contracts/snapshots/gas.json.
pub(super) const USUAL_GAS: u64 = 250_000;
/// What keeping the run for a log takes besides, `Covering.LOG_GAS`.
const LOG_GAS: u64 = 23_000;
const LOG: &str = "log";
/// Most runs that are counted one by one.
const MAX_COUNTED: usize = 3_000_000;
/// Digits of an amount that is about so much.
const SIGNIFICANT_DIGITS: usize = 6;
const DAY: u64 = 86_400;
const MONTH: u64 = 30 * DAY;
const YEAR: u64 = 365 * DAY;

/// What a run costs at the gas price of now.
#[derive(Debug, Clone)]
pub(super) struct Price {
    pub(super) currency: Currency,
    pub(super) fee: U256,
    /// Wei for a gas: the base fee and the network's tip.
    pub(super) gas_price: U256,
    /// Wei for gas, at the most that is charged: for a settlement that brings nothing else.
    pub(super) most_gas: U256,
    /// The same as it usually is, by itself; together with other tasks it is less.
    pub(super) usual_gas: U256,
}

/// What a job's price follows from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asks {
    fee: U256,
    callback_gas: u32,
    is_log: bool,
}

impl Asks {
    pub(super) fn of(job: &Job) -> Self {
        let is_log = TriggerTerms::name_of(job) == LOG;
        Self { fee: U256::from(job.fee), callback_gas: job.callbackGas, is_log }
    }
}

impl From<&Terms> for Asks {
    fn from(terms: &Terms) -> Self {
        let is_log = terms.trigger.name() == LOG;
        Self { fee: U256::from(terms.fee), callback_gas: terms.callback_gas, is_log }
    }
}

/// Which runs there are.
#[derive(Debug, Clone)]
pub(super) struct Runs {
    trigger: Option<Trigger>,
    limits: Limits,
}

impl Price {
    /// Of a run, by the contract's own word; of a job that is not listed by its word on what any run costs. `used`: gas that the
    /// callback is known to use.
    pub(super) async fn of(
        chain: &Chain,
        id: Option<u64>,
        currency: Currency,
        asks: Asks,
        used: Option<u64>,
    ) -> Result<Self> {
        let manager = JobManager::new(chain.network.contracts.job_manager, &chain.provider);
        let tip = manager.tip().call().await.map_err(ChainError::from)?;
        let gas_price = U256::from(market(&chain.provider).await?.base_fee).saturating_add(tip);
        // There is no job 0: what its run costs is that of any but for fee and callback.
        let most = manager.mostCost(id.unwrap_or(0), gas_price).call().await.map_err(ChainError::from)?;
        let kept = if asks.is_log { LOG_GAS } else { 0 };
        let besides = gas_price.saturating_mul(U256::from(kept.saturating_add(asks.callback_gas.into())));
        let usual = USUAL_GAS.saturating_add(kept).saturating_add(used.unwrap_or(asks.callback_gas.into()));
        let most_gas = if id.is_some() { most.gas } else { most.gas.saturating_add(besides) };
        let usual_gas = gas_price.saturating_mul(U256::from(usual)).min(most_gas);
        Ok(Self { currency, fee: asks.fee, gas_price, most_gas, usual_gas })
    }

    /// Where the network's contracts are not known: the base fee alone, and all the callback's gas unless it is known.
    pub(super) async fn guessed(chain: &Chain, asks: Asks, used: Option<u64>) -> Result<Self> {
        let gas_price = U256::from(market(&chain.provider).await?.base_fee);
        let kept = if asks.is_log { LOG_GAS } else { 0 };
        let gas = |callback: u64| {
            gas_price.saturating_mul(U256::from(USUAL_GAS.saturating_add(kept).saturating_add(callback)))
        };
        let (most_gas, usual_gas) = (gas(asks.callback_gas.into()), gas(used.unwrap_or(asks.callback_gas.into())));
        Ok(Self { currency: Currency::Coin, fee: asks.fee, gas_price, most_gas, usual_gas })
    }

    /// So many runs: at the most, and as it usually is.
    pub(super) fn words(&self, runs: u64) -> String {
        let runs = U256::from(runs);
        let fee = self.fee.saturating_mul(runs);
        let [most, usual] = [self.most_gas, self.usual_gas].map(|gas| gas.saturating_mul(runs));
        match self.currency {
            Currency::Coin => {
                format!("up to {}, usually {}", about(fee.saturating_add(most)), about(fee.saturating_add(usual)))
            }
            Currency::Token(_) => {
                format!("{} and up to {} for gas, usually {}", self.currency.show(fee), about(most), about(usual))
            }
        }
    }

    /// How many runs these amounts pay for, each at the most that it may cost.
    pub(super) fn paid(&self, amount: U256, gas: U256) -> U256 {
        let of = |amount: U256, cost: U256| amount.checked_div(cost).unwrap_or(U256::MAX);
        match self.currency {
            Currency::Coin => of(amount, self.fee.saturating_add(self.most_gas)),
            Currency::Token(_) => of(amount, self.fee).min(of(gas, self.most_gas)),
        }
    }

    /// How many runs what is set aside for a job pays for. None while the contract says that the job cannot pay: then no keeper runs
    /// it, whatever is there.
    pub(super) fn left(&self, job: &Job) -> U256 {
        if job.covered { self.paid(U256::from(job.escrow), U256::from(job.gas)) } else { U256::ZERO }
    }
}

impl Runs {
    pub(super) fn new(trigger: &TriggerTerms, limits: Limits) -> Self {
        Self { trigger: Trigger::new(trigger).ok(), limits }
    }

    fn due(&self, from: u64) -> impl Iterator<Item = u64> {
        let until = if self.limits.until == 0 { u64::MAX } else { self.limits.until };
        let runs = self.trigger.as_ref().map(|trigger| trigger.runs(from, until).map(|run| run.due));
        let most = if self.limits.most_runs == 0 { MAX_COUNTED } else { self.limits.most_runs as usize };
        runs.into_iter().flatten().take(most.min(MAX_COUNTED))
    }

    /// How many are due in a day and in 30, from the first one on that is not past; none where nobody knows ahead.
    pub(super) fn in_day_and_month(&self, now: u64) -> Option<[u64; 2]> {
        let first = self.due(now).next()?;
        let within = |span: u64| self.due(first).take_while(|due| *due - first < span).count() as u64;
        Some([within(DAY), within(MONTH)])
    }

    /// The same in a year of 365 days: of an interval worked out, of a pattern counted.
    pub(super) fn in_year(&self, now: u64) -> Option<u64> {
        let first = self.due(now).next()?;
        let Some(Trigger::Interval(_)) = self.trigger else {
            return Some(self.due(first).take_while(|due| *due - first < YEAR).count() as u64);
        };
        let period = u64::from(self.trigger.as_ref()?.period()?);
        let within = match self.limits.until {
            0 => YEAR,
            until => YEAR.min(until.saturating_sub(first).saturating_add(1)),
        };
        let most = if self.limits.most_runs == 0 { u64::MAX } else { self.limits.most_runs.into() };
        Some(within.div_ceil(period).min(most))
    }

    /// When the last of so many is due, in unix seconds, and whether there are no more after it in any case; none where nobody
    /// knows ahead, or it is too far off to be counted.
    pub(super) fn last(&self, now: u64, runs: U256) -> Option<(u64, bool)> {
        let runs = usize::try_from(runs).unwrap_or(usize::MAX);
        let mut last = None;
        for (number, due) in self.due(now).enumerate() {
            if number >= runs {
                return last.map(|due| (due, false));
            }
            last = Some(due);
        }
        let is_counted_out = runs >= MAX_COUNTED && self.limits.until == 0 && self.limits.most_runs == 0;
        last.filter(|_| !is_counted_out || self.is_single()).map(|due| (due, true))
    }

    fn is_single(&self) -> bool {
        self.trigger.as_ref().is_some_and(|trigger| trigger.period().is_none())
    }
}

/// An amount of coin that nobody pays to the last wei, rounded up.
pub(super) fn about(wei: U256) -> String {
    let digits = wei.to_string().len();
    let unit = U256::from(10).pow(U256::from(digits.saturating_sub(SIGNIFICANT_DIGITS)));
    coin(wei.div_ceil(unit).saturating_mul(unit))
}

/// A moment as people read it, in UTC.
pub(super) fn date(moment: u64) -> String {
    // Beyond the year 9999 a date has another shape.
    if moment > 253_402_300_799 {
        return moment.to_string();
    }
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(moment))
}

#[cfg(test)]
mod tests;

//! What a job asks for, as flags: those of its trigger and action come from their rooms, the rest is here.

use alloy::primitives::{Address, B256, U256, aliases::U96};
use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use contracts::terms::{ActionTerms, Limits, Missed, Terms, TriggerTerms};

use crate::cli::chain::{Chain, gwei, parse_amount};
use crate::cli::currency::{Amount, Currency, TokenName};
use crate::cli::filed::{Asked, Word};
use crate::cli::{Exit, WithExit};
use crate::jobs::action::{self, ActionFlags};
use crate::jobs::flags::{Start, parse_start};
use crate::jobs::trigger::{Earliest, Trigger, TriggerFlags};

/// The share of stake that must agree where nobody says, in hundredths of a percent.
pub(super) const QUORUM_BPS: u16 = 6667;
/// How far ahead the first run lies where nobody says, in seconds and in blocks: listing the job takes some.
const LEAD_SECONDS: u64 = 60;
const LEAD_BLOCKS: u64 = 10;

/// Flags that an update may change, and those that tell what it may not.
#[derive(Debug, Clone, Args)]
pub(super) struct TermsFlags {
    #[command(flatten)]
    pub(super) trigger: TriggerFlags,
    #[command(flatten)]
    pub(super) action: ActionFlags,
    /// Contract that receives the outcome
    #[arg(long, value_name = "ADDRESS")]
    target: Address,
    /// Gas the target's callback may use
    #[arg(long, default_value_t = 200_000)]
    callback_gas: u32,
    /// What it pays in: a token that the network lists, by address or symbol [default: the chain's coin]
    #[arg(long, value_name = "TOKEN")]
    pub(super) token: Option<TokenName>,
    /// What one run costs: 0.001ether, 20gwei, or wei; with --token in whole tokens, such as 1.5
    #[arg(long, value_name = "AMOUNT")]
    pub(super) fee: Amount,
    /// Share of stake that must agree, in hundredths of a percent
    #[arg(long, default_value_t = QUORUM_BPS)]
    quorum_bps: u16,
    /// A run settled later than this many seconds after it was due costs half; 0: lateness is free
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    punctual: u16,
    /// No run due later is made: unix seconds, RFC 3339, or now+30d by the chain's clock; 0: the job has no end [default: 0]
    #[arg(long, value_name = "MOMENT", value_parser = parse_start)]
    until: Option<Start>,
    /// So many runs are made at the most; 0: as many as come due
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    most_runs: u32,
    /// No run is made while a gas costs more, by the block's base fee: 30gwei; 0: whatever it costs
    #[arg(long, default_value = "0", value_name = "AMOUNT", value_parser = parse_amount)]
    most_gas_price: U256,
    /// What becomes of runs that nobody could make in time
    #[arg(long, default_value = "all")]
    missed: MissedName,
}

/// `--missed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum MissedName {
    /// Each is made up for, in order
    All,
    /// The newest alone is made up for, besides those of the last minute; not with logs and conditions
    Once,
    /// None is
    Skip,
}

impl From<MissedName> for Missed {
    fn from(name: MissedName) -> Self {
        match name {
            MissedName::All => Self::All,
            MissedName::Once => Self::Once,
            MissedName::Skip => Self::Skip,
        }
    }
}

/// Flags of `keeper job create`.
#[derive(Debug, Clone, Args)]
pub(super) struct CreateFlags {
    #[command(flatten)]
    pub(super) terms: TermsFlags,
    /// What is set aside for runs now: 0.1ether; with --token in whole tokens
    #[arg(long, value_name = "AMOUNT")]
    pub(super) fund: Amount,
    /// What is set aside for gas now, with --token: 0.1ether. A job that pays in coin pays its gas out of --fund
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount)]
    pub(super) gas_fund: Option<U256>,
    /// Your own choice, once: with your address it makes the one that calls the target; random if left out
    #[arg(long, value_name = "32 BYTES")]
    pub(super) salt: Option<B256>,
}

/// The chain's present, which moments are relative to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    /// Unix seconds of the newest block.
    pub(super) time: u64,
    /// Its number.
    pub(super) block: u64,
}

impl Now {
    pub(super) async fn of(chain: &Chain) -> Result<Self> {
        let head = crate::chain::latest(&chain.provider).await.exit(Exit::Chain)?.head;
        Ok(Self { time: head.timestamp, block: head.number })
    }

    /// The next second and block.
    pub(super) const fn next(self) -> Earliest {
        Earliest { moment: self.time.saturating_add(1), block: self.block.saturating_add(1) }
    }

    /// When a job that is listed now can have its first run.
    pub(super) const fn soon(self) -> Earliest {
        Earliest { moment: self.time.saturating_add(LEAD_SECONDS), block: self.block.saturating_add(LEAD_BLOCKS) }
    }
}

impl TermsFlags {
    /// What can be found wrong without asking the chain; gives the action.
    pub(super) fn check(&self) -> Result<ActionTerms> {
        self.trigger.fit().exit(Exit::Usage)?;
        self.action.terms().or_else(|error| {
            let is_file = error.chain().any(|cause| cause.is::<std::io::Error>());
            Err(error).exit(if is_file { Exit::NotFound } else { Exit::Usage })
        })
    }

    /// The trigger asked for.
    pub(super) fn trigger(&self, now: Now) -> Result<TriggerTerms> {
        self.trigger.terms(now.time, now.block).exit(Exit::Usage)
    }

    /// All that is asked for, with this trigger and action; its first run is due at `from` or later.
    pub(super) fn terms(
        &self,
        (trigger, action): (TriggerTerms, ActionTerms),
        currency: &Currency,
        (now, from): (Now, Earliest),
    ) -> Result<Terms> {
        let fee = currency.read(&self.fee, "--fee").exit(Exit::Usage)?;
        let fee =
            U96::checked_from_limbs_slice(fee.as_limbs()).context("--fee does not fit 96 bits").exit(Exit::Usage)?;
        let limits = self.limits(&trigger, now, from.moment).exit(Exit::Usage)?;
        Ok(Terms {
            trigger,
            action,
            target: self.target,
            callback_gas: self.callback_gas,
            token: currency.address(),
            fee,
            quorum_bps: self.quorum_bps,
            punctual_seconds: self.punctual,
            limits,
        })
    }

    fn limits(&self, trigger: &TriggerTerms, now: Now, from: u64) -> Result<Limits> {
        let until = self.until.map_or(0, |until| until.at(now.time));
        ensure!(
            until == 0 || until > now.time,
            "--until is {until}, which is past: the chain's clock shows {}",
            now.time
        );
        let most_gas_price =
            u64::try_from(self.most_gas_price).ok().context("--most-gas-price does not fit 64 bits")?;
        let asked = Limits { until, most_runs: self.most_runs, most_gas_price, missed: self.missed.into() };
        Trigger::new(trigger).ok().map_or(Ok(asked), |trigger| trigger.limits(asked, from))
    }
}

/// Terms as flags that ask for them: what an update starts from, and how two terms are told apart.
#[derive(Debug, Clone)]
pub(super) struct Spelt {
    pub(super) trigger: Vec<(&'static str, String)>,
    pub(super) action: Vec<(&'static str, String)>,
    pub(super) rest: Vec<(&'static str, String)>,
}

impl Spelt {
    pub(super) fn of(terms: &Terms, currency: &Currency) -> Self {
        let Limits { until, most_runs, most_gas_price, missed } = terms.limits;
        let rest = vec![
            ("target", terms.target.to_string()),
            ("callback-gas", terms.callback_gas.to_string()),
            ("fee", currency.write(U256::from(terms.fee))),
            ("quorum-bps", terms.quorum_bps.to_string()),
            ("punctual", terms.punctual_seconds.to_string()),
            ("until", until.to_string()),
            ("most-runs", most_runs.to_string()),
            ("most-gas-price", gwei(U256::from(most_gas_price))),
            ("missed", missed.name().to_owned()),
        ];
        let trigger = Trigger::new(&terms.trigger).ok().map(|trigger| trigger.flags()).unwrap_or_default();
        Self { trigger, action: action::flags(&terms.action), rest }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &(&'static str, String)> {
        [&self.trigger, &self.action, &self.rest].into_iter().flatten()
    }

    /// As if they had been typed, below what was: without those of a trigger or action in whose place another kind is asked for.
    pub(super) fn below<T: Args>(&self, asked: &Asked<T>) -> Vec<Word> {
        let stays = |kind: &[(&'static str, String)]| {
            kind.first().is_some_and(|(flag, name)| asked.value(flag).is_none_or(|other| *other == **name))
        };
        let kinds = [&self.trigger, &self.action].into_iter().filter(|kind| stays(kind));
        let flags = kinds.chain([&self.rest]).flatten();
        flags.map(|(flag, value)| Word::new(flag, value)).collect()
    }
}

/// Terms whose first run lies ahead, in their old rhythm; as they were where there is none.
pub(super) fn ahead(terms: Terms, earliest: Earliest) -> Terms {
    let renewed = Trigger::new(&terms.trigger).ok().and_then(|trigger| trigger.renewed(earliest));
    Terms { trigger: renewed.unwrap_or_else(|| terms.trigger.clone()), ..terms }
}

#[cfg(test)]
mod tests;

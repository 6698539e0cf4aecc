//! `keeper job cost`: what a job costs, before it is listed or after.

use alloy::primitives::U256;
use anyhow::Result;
use clap::Args;
use contracts::terms::Terms;
use serde_json::{Value, json};

use super::flags::{Now, Spelt, TermsFlags, ahead};
use super::price::{Price, Runs, about, date};
use super::{existing, newest_terms};
use crate::cli::chain::{Chain, coin, gwei, parse_amount};
use crate::cli::currency::{self, Amount, Currency};
use crate::cli::filed::{Asked, Filed};
use crate::cli::output::{answer, rows};
use crate::cli::{Exit, Global, WithExit};

/// Flags that `job.toml` may have and that cost nothing.
const IDLE: [&str; 1] = ["salt"];

/// Flags of `keeper job cost`.
#[derive(Debug, Clone, Args)]
pub struct CostArgs {
    /// Job id; left out: of a job that is not listed yet, by --file or its flags
    id: Option<u64>,
    #[command(flatten)]
    flags: Filed<CostFlags>,
}

/// What a job asks for and is given.
#[derive(Debug, Clone, Args)]
struct CostFlags {
    #[command(flatten)]
    terms: TermsFlags,
    /// What would be set aside for runs: 0.1ether; with --token in whole tokens
    #[arg(long, value_name = "AMOUNT")]
    fund: Option<Amount>,
    /// What would be set aside for gas, with --token
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount)]
    gas_fund: Option<U256>,
}

/// A job and what there is for it.
struct Case {
    id: Option<u64>,
    /// Whether the terms are those of the listed job, or others that were given in their place.
    is_as_listed: bool,
    terms: Terms,
    currency: Currency,
    /// What is set aside for fees and for gas, where anything is said of it.
    funds: Option<[U256; 2]>,
    is_covered: bool,
}

pub(in crate::cli) async fn cost(global: &Global, args: CostArgs) -> Result<Exit> {
    let settings = global.settings()?;
    let asked = args.flags.read(&IDLE)?;
    let chain = Chain::connect(global, &settings).await?;
    let now = Now::of(&chain).await?;
    let case = match args.id {
        Some(id) => listed(&chain, id, asked, now).await?,
        None => planned(&chain, asked.over(Vec::new())?, now).await?,
    };
    let terms = &case.terms;
    let id = case.id.filter(|_| case.is_as_listed);
    let price = Price::of(&chain, id, case.currency.clone(), terms.into(), None).await?;
    let runs = Runs::new(&terms.trigger, terms.limits);
    let (document, text) = told(&case, &price, &runs, now.time);
    answer(global, document, &text);
    Ok(Exit::Success)
}

/// A job that is listed, with terms in place of its own where some are given.
async fn listed(chain: &Chain, id: u64, asked: Asked<CostFlags>, now: Now) -> Result<Case> {
    let (job, _) = existing(chain, id).await?;
    let currency = currency::by_address(chain, job.token).await;
    let present = newest_terms(chain, id).await?;
    let is_as_listed = present.is_some() && !asked.has_any::<TermsFlags>();
    let terms = match present {
        Some(terms) if is_as_listed => terms,
        present => {
            let spelt = present.map(|terms| Spelt::of(&ahead(terms, now.next()), &currency));
            let below = spelt.map_or(Vec::new(), |spelt| spelt.below(&asked));
            let flags = asked.over(below)?.terms;
            let both = (flags.trigger(now)?, flags.check()?);
            flags.terms(both, &currency, (now, now.next()))?
        }
    };
    let funds = Some([U256::from(job.escrow), U256::from(job.gas)]);
    Ok(Case { id: Some(id), is_as_listed, terms, currency, funds, is_covered: job.covered })
}

/// A job that is not listed.
async fn planned(chain: &Chain, flags: CostFlags, now: Now) -> Result<Case> {
    let action = flags.terms.check()?;
    let currency = currency::by_name(chain, flags.terms.token.as_ref()).await?;
    super::pay::check_gas(&currency, flags.gas_fund, "--gas-fund")?;
    let terms = flags.terms.terms((flags.terms.trigger(now)?, action), &currency, (now, now.next()))?;
    let fund = flags.fund.map(|amount| currency.read(&amount, "--fund")).transpose().exit(Exit::Usage)?;
    let funds = fund.map(|amount| [amount, flags.gas_fund.unwrap_or_default()]);
    Ok(Case { id: None, is_as_listed: false, terms, currency, funds, is_covered: true })
}

fn told(case: &Case, price: &Price, runs: &Runs, now: u64) -> (Value, String) {
    let mut lines = vec![
        ("runs", super::spell::trigger_of(&case.terms.trigger)),
        ("fee", case.currency.show(price.fee) + ", a quarter of it where there is nothing to do"),
        (
            "gas",
            format!(
                "at {}, up to {}, usually {} or less",
                gwei(price.gas_price),
                about(price.most_gas),
                about(price.usual_gas)
            ),
        ),
        ("a run", price.words(1)),
    ];
    let counted = runs.in_day_and_month(now);
    if let Some([day, month]) = counted {
        lines.push(("in a day", format!("{day} runs: {}", price.words(day))));
        lines.push(("in 30 days", format!("{month} runs: {}", price.words(month))));
    } else {
        lines.push(("in a day", "as often as it happens".to_owned()));
    }
    let left = case.funds.map(|[amount, gas]| if case.is_covered { price.paid(amount, gas) } else { U256::ZERO });
    let last = left.and_then(|left| runs.last(now, left));
    if let (Some([amount, gas]), Some(left)) = (case.funds, left) {
        let gas = if case.currency == Currency::Coin { String::new() } else { format!(" and {} for gas", coin(gas)) };
        lines.push(("set aside", case.currency.show(amount) + &gas));
        let until = match last {
            Some((moment, false)) => format!("; they last until {}", date(moment)),
            Some((moment, true)) => format!("; the last of all is due {}", date(moment)),
            None => String::new(),
        };
        lines.push(("runs left", format!("{left} at the most that each may cost{until}")));
    }
    let document = json!({
        "id": case.id,
        "token": case.currency.address(),
        "fee": price.fee.to_string(),
        "gas_price_wei": price.gas_price.to_string(),
        "most_gas_wei": price.most_gas.to_string(),
        "usual_gas_wei": price.usual_gas.to_string(),
        "runs_in_day": counted.map(|[day, _]| day),
        "runs_in_30_days": counted.map(|[_, month]| month),
        "runs_left": left.map(|left| left.to_string()),
        "last_run_paid": last.map(|(moment, _)| moment),
    });
    (document, rows(&lines))
}

//! What a job costs that does what an entry did, and listing it.

use std::str::FromStr;

use alloy::primitives::{Address, U256, aliases::U96};
use anyhow::{Error, Result};
use contracts::JobManager;
use contracts::terms::Terms;
use serde_json::json;

use super::proposal::Proposal;
use crate::chain::ChainError;
use crate::cli::chain::{Broadcast, Chain, Key};
use crate::cli::currency::{self, Amount, Currency, TokenName};
use crate::cli::filed::{Asked, Word};
use crate::cli::job::create::{Draft, Wanted, payment, random};
use crate::cli::job::flags::{CreateFlags, Now, Spelt};
use crate::cli::job::price::Price;
use crate::cli::output::{answer, rows};
use crate::cli::{Exit, Global, WithExit};

/// Runs that are paid for where nobody says how much is to be set aside.
const RUNS: u64 = 10;

/// Lists the job; without `--broadcast` shows all of it, though the account could not list it yet.
pub(super) async fn offer(
    global: &Global,
    chain: &Chain,
    (key, broadcast): (Result<Key>, Broadcast),
    (proposal, asked): (Proposal, Asked<CreateFlags>),
) -> Result<Exit> {
    let (wanted, price) = wanted(chain, proposal, asked).await?;
    let owner = key.as_ref().ok().map(Key::address);
    let done = match key {
        Ok(key) => Draft::act(chain, key, &wanted).await,
        Err(error) => Err(error),
    };
    match done {
        Ok((draft, done)) => draft.tell(global, done).await,
        Err(error) if broadcast.is_asked() => Err(error),
        Err(error) => show(global, chain, (&wanted, &price), (owner, &error)).await,
    }
}

/// The job: what is asked for over what the entry says, and its price.
async fn wanted(chain: &Chain, mut proposal: Proposal, asked: Asked<CreateFlags>) -> Result<(Wanted, Price)> {
    let token: Option<Result<TokenName>> = asked.value("token").map(|name| name.to_string_lossy().parse());
    let token = token.transpose().exit(Exit::Usage)?;
    let currency = currency::by_name(chain, token.as_ref()).await?;
    let manager = JobManager::new(chain.network.contracts.job_manager, &chain.provider);
    let least = manager.leastFee(currency.address()).call().await.map_err(ChainError::from)?;
    let now = Now::of(chain).await?;
    let gaps = Gaps::of(&asked);
    let mut flags = over(&proposal, asked, now, (&currency, least))?;
    let terms = terms(&flags, &currency, now)?;
    let price = Price::of(chain, None, currency.clone(), (&terms).into(), None).await?;
    gaps.fill(&mut flags, &price)?;
    (proposal.callback_gas, proposal.limits) = (terms.callback_gas, terms.limits);
    proposal.notes.extend(gaps.notes());
    let salt = flags.salt.map_or_else(random, Ok)?;
    let payment = payment(&flags, currency)?;
    Ok((Wanted { terms, payment, salt, origin: Some(proposal) }, price))
}

/// The flags that are given, over those that ask for what the entry says.
fn over(
    proposal: &Proposal,
    asked: Asked<CreateFlags>,
    now: Now,
    (currency, least): (&Currency, U96),
) -> Result<CreateFlags> {
    let entry = proposal.terms(now.soon(), (currency.address(), least));
    let entry = entry.or_else(|refusal| {
        let exit = refusal.exit();
        Err(refusal).exit(exit)
    })?;
    let mut below = Spelt::of(&entry, currency).below(&asked);
    // Filled in once it is known what a run costs.
    below.push(Word::new("fund", "0"));
    asked.over(below)
}

fn terms(flags: &CreateFlags, currency: &Currency, now: Now) -> Result<Terms> {
    let both = (flags.terms.trigger(now)?, flags.terms.check()?);
    flags.terms.terms(both, currency, (now, now.next()))
}

/// Amounts that nobody named.
#[derive(Debug, Clone, Copy)]
struct Gaps {
    fee: bool,
    fund: bool,
}

impl Gaps {
    fn of(asked: &Asked<CreateFlags>) -> Self {
        let is_missing = |flag| asked.value(flag).is_none();
        Self { fee: is_missing("fee"), fund: is_missing("fund") }
    }

    /// Sets aside what a few runs cost at the most.
    fn fill(self, flags: &mut CreateFlags, price: &Price) -> Result<()> {
        let [fee, gas] = [price.fee, price.most_gas].map(|of_run| of_run.saturating_mul(U256::from(RUNS)));
        let is_token = price.currency != Currency::Coin;
        if self.fund {
            let amount = if is_token { fee } else { fee.saturating_add(gas) };
            flags.fund = Amount::from_str(&price.currency.write(amount))?;
        }
        if is_token {
            flags.gas_fund.get_or_insert(gas);
        }
        Ok(())
    }

    fn notes(self) -> impl Iterator<Item = String> {
        let fee = "its fee is the least that this network takes: give --fee for another".to_owned();
        let fund = format!("so much is set aside as {RUNS} runs cost at the most: give --fund for another amount");
        [(self.fee, fee), (self.fund, fund)].into_iter().filter_map(|(is_missing, note)| is_missing.then_some(note))
    }
}

/// Shows the job that this account could not list now, and why.
async fn show(
    global: &Global,
    chain: &Chain,
    (wanted, price): (&Wanted, &Price),
    (owner, error): (Option<Address>, &Error),
) -> Result<Exit> {
    let forwarder = match owner {
        Some(owner) => Some(wanted.forwarder(chain, owner).await?),
        None => None,
    };
    let mut document = wanted.document(owner, forwarder);
    let why = format!("{error:#}");
    if let Some(fields) = document.as_object_mut() {
        fields.extend([("sent".to_owned(), json!(false)), ("why_not".to_owned(), json!(why))]);
    }
    let mut lines = wanted.rows(forwarder, price);
    lines.extend(wanted.origin.iter().flat_map(|origin| origin.notes(forwarder)));
    lines.push(("not yet", format!("it cannot be listed like this: {why}")));
    answer(global, document, &format!("{}nothing was sent\n", rows(&lines)));
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests;

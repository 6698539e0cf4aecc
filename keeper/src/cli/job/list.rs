//! `keeper job list` and `keeper job show`: jobs as the contract keeps them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use alloy::primitives::{Address, U256};
use anyhow::Result;
use clap::{Args, ValueEnum};
use contracts::IJobManager::Job;
use contracts::terms::{JobStatus, TriggerTerms};
use serde_json::{Value, json};

use super::price::{Asks, Price};
use super::{existing, newest_params, spell};
use crate::chain::{Listing, jobs};
use crate::cli::chain::{Chain, coin};
use crate::cli::currency::{self, Currency};
use crate::cli::output::{answer, rows};
use crate::cli::{Exit, Global};
use crate::jobs::trigger;

/// Jobs that `job list` shows at most; the newest.
const MAX_LISTED: usize = 1000;
/// Jobs that are looked through for those asked for; the newest.
const MAX_LOOKED: u64 = 10_000;

/// Flags of `keeper job list`.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// Only those of this owner
    #[arg(long, value_name = "ADDRESS")]
    owner: Option<Address>,
    /// Only those that stand so
    #[arg(long)]
    status: Option<StatusName>,
    /// Only those with this trigger
    #[arg(long)]
    trigger: Option<trigger::Name>,
}

/// `--status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StatusName {
    /// Runs come due
    Active,
    /// Its owner may let it go on
    Paused,
    /// Over for good
    Cancelled,
}

impl ListArgs {
    const fn is_any(&self) -> bool {
        self.owner.is_none() && self.status.is_none() && self.trigger.is_none()
    }

    fn fits(&self, job: &Job) -> bool {
        let status = self.status.map(|status| match status {
            StatusName::Active => JobStatus::Active,
            StatusName::Paused => JobStatus::Paused,
            StatusName::Cancelled => JobStatus::Cancelled,
        });
        self.owner.is_none_or(|owner| owner == job.owner)
            && status.is_none_or(|status| status == JobStatus::of(job))
            && self.trigger.is_none_or(|trigger| trigger.is(TriggerTerms::name_of(job)))
    }
}

pub(in crate::cli) async fn list(global: &Global, args: &ListArgs) -> Result<Exit> {
    let chain = Chain::connect_to_read(global, &global.settings()?).await?;
    let most = if args.is_any() { MAX_LISTED as u64 } else { MAX_LOOKED };
    let found = chain.doubted(jobs(&chain.provider, chain.network.contracts.job_manager, None, most).await).await?;
    let looked = found.jobs.len() as u64;
    let Listing { now, count, jobs } = found;
    let fitting: Vec<_> = jobs.into_iter().filter(|(_, job)| args.fits(job)).collect();
    let shown = &fitting[fitting.len().saturating_sub(MAX_LISTED)..];
    let currencies = currency::each(&chain, shown.iter().map(|(_, job)| job.token)).await;
    let text = text(&currencies, shown, [looked, count], (now, fitting.len()));
    let documents: Vec<Value> = shown.iter().map(|(id, job)| spell::job_document(*id, job, now)).collect();
    answer(global, json!({"jobs": documents, "count": count, "looked_through": looked}), &text);
    Ok(Exit::Success)
}

fn text(
    currencies: &BTreeMap<Address, Currency>,
    shown: &[(u64, Job)],
    [looked, count]: [u64; 2],
    (now, fitting): (u64, usize),
) -> String {
    let mut text = String::new();
    if looked < count {
        writeln!(text, "of {count} jobs, the newest {looked}:").unwrap_or_default();
    }
    if shown.len() < fitting {
        writeln!(text, "the newest {} of {fitting}:", shown.len()).unwrap_or_default();
    }
    for (id, job) in shown {
        let currency = currencies.get(&job.token).unwrap_or(&Currency::Coin);
        text.push_str(&spell::job_line(*id, job, currency, now));
    }
    if count == 0 {
        text.push_str("no jobs yet: create one with `keeper job create`\n");
    } else if shown.is_empty() {
        text.push_str("none of the jobs is like that\n");
    }
    text
}

pub(in crate::cli) async fn show(global: &Global, id: u64) -> Result<Exit> {
    let chain = Chain::connect_to_read(global, &global.settings()?).await?;
    let (job, now) = existing(&chain, id).await?;
    let currency = currency::by_address(&chain, job.token).await;
    let params = newest_params(&chain, id).await?;
    let price = Price::of(&chain, Some(id), currency.clone(), Asks::of(&job), None).await?;
    let left = price.left(&job);
    let mut document = spell::job_document(id, &job, now);
    let mut lines = spell::job_rows(id, &job, params.as_ref(), &currency, now);
    if let Some(fields) = document.as_object_mut() {
        fields.insert("runs_left".to_owned(), Value::from(left.to_string()));
        if let Currency::Token(token) = &currency {
            fields.insert("token_symbol".to_owned(), json!(token.symbol));
            fields.insert("token_decimals".to_owned(), json!(token.decimals));
        }
        if let Some(params) = &params {
            fields.insert("trigger".to_owned(), Value::from(spell::trigger_in(&job, params)));
            fields.insert("trigger_data".to_owned(), json!(params.triggerData));
            fields.insert("code_url".to_owned(), Value::from(params.codeUrl.clone()));
            fields.insert("params".to_owned(), json!(params.params));
        }
    }
    lines.extend(params.iter().flat_map(spell::action_rows));
    lines.push(("escrow", currency.show(U256::from(job.escrow))));
    if currency != Currency::Coin {
        lines.push(("for gas", coin(U256::from(job.gas))));
    }
    lines.push(("deposit", coin(U256::from(job.deposit))));
    let cost = price.words(1);
    lines.push(("can pay", if job.covered { "yes".to_owned() } else { format!("no: a run costs {cost}") }));
    lines.push(("runs left", format!("{left}, each at {cost}")));
    answer(global, document, &rows(&lines));
    Ok(Exit::Success)
}

//! `keeper job create`: lists a job, or shows what listing it would do.

use std::fmt::Write as _;

use alloy::primitives::{Address, B256, U256};
use alloy::rpc::types::Log;
use anyhow::{Context, Result, anyhow};
use clap::Args;
use contracts::JobManager;
use contracts::terms::Terms;
use serde_json::{Value, json};

use super::flags::{CreateFlags, Now};
use super::pay::{Approval, Payment, check_gas};
use super::price::{Price, about};
use super::{spell, tell, tell_tried};
use crate::chain::{ChainError, Receipt};
use crate::cli::chain::{Actor, Broadcast, Chain, Done, coin};
use crate::cli::currency::{self, Currency};
use crate::cli::filed::Filed;
use crate::cli::output::rows;
use crate::cli::{Exit, Global, WithExit};
use crate::jobs::{Rehearsal, Stage, action};

/// What help says besides, since flags that a file may give are none that clap demands.
pub(in crate::cli) const NEEDED: &str = "\
Needed, here or in --file: --target, --fee, --fund, with --token also --gas-fund, and what trigger and action take:
  keeper job create --every 5m --action call --calldata 0xd09de08a --target ADDRESS --fee 0.001ether --fund 0.1ether
What that would do is shown; with --broadcast it is done.";

/// Flags of `keeper job create`.
#[derive(Debug, Clone, Args)]
pub struct CreateArgs {
    #[command(flatten)]
    flags: Filed<CreateFlags>,
    #[command(flatten)]
    broadcast: Broadcast,
}

/// A job about to be listed.
struct Draft {
    chain: Chain,
    actor: Actor,
    terms: Terms,
    payment: Payment,
    /// Wei that come back when the job has ended.
    deposit: U256,
    salt: B256,
    approval: Approval,
}

pub(in crate::cli) async fn create(global: &Global, args: CreateArgs) -> Result<Exit> {
    let settings = global.settings()?;
    let flags = args.flags.read(&[])?.over(Vec::new())?;
    let action = flags.terms.check()?;
    let key = args.broadcast.key(global, &settings)?;
    let chain = Chain::connect(global, &settings).await?;
    let currency = currency::by_name(&chain, flags.terms.token.as_ref()).await?;
    let now = Now::of(&chain).await?;
    let terms = flags.terms.terms((flags.terms.trigger(now)?, action), &currency, (now, now.next()))?;
    let payment = payment(&flags, currency)?;
    let deposit = check_price(&chain, &payment.currency, U256::from(terms.fee)).await?;
    let salt = flags.salt.map_or_else(random, Ok)?;
    let actor = key.on(&chain).await?;
    payment.check_coin(&chain, &actor, deposit).await?;
    let approval = payment.approve(&chain, &actor).await?;
    let draft = Draft { chain, actor, terms, payment, deposit, salt, approval };
    match draft.act().await? {
        Done::Sent(receipt) => draft.listed(global, &receipt),
        Done::Tried(gas) => draft.propose(global, gas).await,
    }
}

fn payment(flags: &CreateFlags, currency: Currency) -> Result<Payment> {
    check_gas(&currency, flags.gas_fund, "--gas-fund")?;
    let amount = currency.read(&flags.fund, "--fund").exit(Exit::Usage)?;
    let gas = match (&currency, flags.gas_fund) {
        (Currency::Token(_), None) => {
            let missing =
                "--gas-fund is missing: gas is paid in coin, out of what is set aside for it, such as 0.1ether";
            return Err(anyhow!(missing)).exit(Exit::Usage);
        }
        (_, gas) => gas.unwrap_or_default(),
    };
    Ok(Payment { currency, amount, gas })
}

fn random() -> Result<B256> {
    let mut salt = B256::ZERO;
    getrandom::fill(salt.as_mut_slice()).context("the operating system gives no random numbers")?;
    Ok(salt)
}

/// Refuses what the contract would, in words that say what it takes; gives the listing deposit.
pub(super) async fn check_price(chain: &Chain, currency: &Currency, fee: U256) -> Result<U256> {
    let manager = JobManager::new(chain.network.contracts.job_manager, &chain.provider);
    let least = manager.leastFee(currency.address()).call().await.map_err(ChainError::from)?;
    let deposit = manager.listingDeposit().call().await.map_err(ChainError::from)?;
    if fee < U256::from(least) {
        let (is, takes) = (currency.show(fee), currency.show(U256::from(least)));
        return Err(anyhow!("--fee is {is}, and a run must cost {takes} or more here (FeeTooLow)")).exit(Exit::Usage);
    }
    Ok(U256::from(deposit))
}

impl Draft {
    /// Coin that goes with the call.
    fn value(&self) -> U256 {
        self.payment.coin().saturating_add(self.deposit)
    }

    async fn act(&self) -> Result<Done> {
        // What is not approved yet is left out of the trial.
        let funding = if self.approval == Approval::Missing { U256::ZERO } else { self.payment.amount };
        let call = JobManager::createJobCall { params: self.terms.params(), funding, salt: self.salt };
        self.actor.act("create the job", self.chain.network.contracts.job_manager, &call, self.value()).await
    }

    /// What is the same before and after.
    fn document(&self, forwarder: Address) -> Value {
        let (start, interval) = self.terms.trigger.schedule();
        json!({
            "owner": self.actor.account(),
            "forwarder": forwarder,
            "salt": self.salt,
            "trigger": spell::trigger_of(&self.terms.trigger),
            "action": self.terms.action.name(),
            "start": start,
            "interval": interval,
            "code_hash": self.terms.action.code_hash(),
            "token": self.terms.token,
            "fee": self.terms.fee.to_string(),
            "escrow": self.payment.amount.to_string(),
            "gas_wei": self.payment.gas.to_string(),
            "deposit_wei": self.deposit.to_string(),
        })
    }

    fn listed(&self, global: &Global, receipt: &Receipt) -> Result<Exit> {
        let manager = self.chain.network.contracts.job_manager;
        let created = receipt.logs.iter().filter(|log| log.address() == manager);
        let created = created.filter_map(|log| log.log_decode::<JobManager::JobCreated>().ok()).next();
        let is_covered = |log: &Log| log.log_decode::<JobManager::JobCovered>().is_ok_and(|log| log.inner.data.covered);
        let can_pay = receipt.logs.iter().any(|log| log.address() == manager && is_covered(log));
        let event = created.context("the transaction succeeded but announced no job").exit(Exit::Chain)?.inner.data;
        // From what was sent and the event alone: the node that is asked next may not have the job's block yet.
        let (id, forwarder) = (event.jobId, event.forwarder);
        let mut document = self.document(forwarder);
        let approvals = if let Approval::Given(sent) = &self.approval { sent.as_slice() } else { &[] };
        if let Some(fields) = document.as_object_mut() {
            let more = json!({"id": id, "can_pay": can_pay, "approvals": approvals, "gas_used": receipt.gas_used});
            fields.extend(more.as_object().cloned().unwrap_or_default());
        }
        let trigger = spell::trigger_of(&self.terms.trigger);
        let mut text = format!("job {id} runs {trigger}; calls to the target come from {forwarder}\n");
        if !can_pay {
            let see = format!("see `keeper job show {id}`, `keeper job fund {id}`");
            writeln!(text, "it cannot pay for a run yet, and runs nowhere: {see}").unwrap_or_default();
        }
        Ok(tell(global, document, &text, receipt))
    }

    /// Tells what would be listed, what it would cost, and what its first run would do.
    async fn propose(&self, global: &Global, gas: u64) -> Result<Exit> {
        let (chain, terms) = (&self.chain, &self.terms);
        let manager = JobManager::new(chain.network.contracts.job_manager, &chain.provider);
        let asked = manager.forwarderFor(self.actor.account(), self.salt).call().await;
        let forwarder = asked.map_err(ChainError::from)?;
        let rehearsal = action::rehearse(&Stage { provider: &chain.provider, terms, forwarder }).await;
        let used = if let Rehearsal::Taken { gas } = rehearsal { gas } else { None };
        let price = Price::of(chain, None, self.payment.currency.clone(), terms.into(), used).await?;
        let runs = price.paid(self.payment.amount, self.payment.gas);
        let mut document = self.document(forwarder);
        if let Some(fields) = document.as_object_mut() {
            let first_run = json!({"outcome": rehearsal.name(), "says": rehearsal.to_string(), "gas": used});
            fields.insert("first_run".to_owned(), first_run);
            fields.insert("value_wei".to_owned(), json!(self.value().to_string()));
            fields.insert("needs_approval".to_owned(), json!(self.approval == Approval::Missing));
            fields.insert("runs_paid".to_owned(), json!(runs.to_string()));
        }
        let mut lines = vec![
            ("runs", format!("{}, {}", terms.action.name(), spell::trigger_of(&terms.trigger))),
            ("target", terms.target.to_string()),
            ("called from", forwarder.to_string()),
            ("salt", format!("{}, give it again to have that address", self.salt)),
            ("a run", price.words(1)),
            ("set aside", format!("{}: {runs} runs at the most that each may cost", self.payment.words())),
            ("deposit", format!("{}, which comes back when the job has ended", coin(self.deposit))),
            (
                "sends",
                format!(
                    "{}, and about {} for gas",
                    coin(self.value()),
                    about(price.gas_price.saturating_mul(U256::from(gas)))
                ),
            ),
            ("first run", warned(&rehearsal)),
        ];
        if self.approval == Approval::Missing {
            let amount = self.payment.currency.show(self.payment.amount);
            let first = format!("of {amount} for the JobManager comes first; the rest was tried without it");
            lines.push(("approval", first));
        }
        Ok(tell_tried(global, document, &rows(&lines), gas))
    }
}

/// What the first run would do, and whether to worry.
pub(super) fn warned(rehearsal: &Rehearsal) -> String {
    let doubt = "; that is as it should be where the target is still to be told whom to trust: \"called from\"";
    match rehearsal {
        Rehearsal::Refused(_) => format!("WARNING: {rehearsal}{doubt}"),
        _ => rehearsal.to_string(),
    }
}

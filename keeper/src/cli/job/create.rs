//! `keeper job create`: lists a job, or shows what listing it would do.

use std::fmt::Write as _;

use alloy::eips::BlockId;
use alloy::primitives::{Address, B256, U256};
use alloy::rpc::types::Log;
use anyhow::{Context, Result, anyhow};
use clap::Args;
use contracts::JobManager;
use contracts::terms::Terms;
use serde_json::{Value, json};

use super::flags::{CreateFlags, Now};
use super::import::Proposal;
use super::pay::{Approval, Payment, check_gas};
use super::price::{Price, about};
use super::{spell, tell, tell_tried};
use crate::chain::{ChainError, Receipt};
use crate::cli::chain::{Actor, Broadcast, Chain, Done, Key, coin};
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

/// A job that is to be listed.
pub(super) struct Wanted {
    pub(super) terms: Terms,
    pub(super) payment: Payment,
    pub(super) salt: B256,
    /// Where all that was not asked for is from.
    pub(super) origin: Option<Proposal>,
}

/// A job about to be listed.
pub(super) struct Draft<'a> {
    chain: &'a Chain,
    actor: Actor,
    wanted: &'a Wanted,
    /// Wei that come back when the job has ended.
    deposit: U256,
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
    let salt = flags.salt.map_or_else(random, Ok)?;
    let wanted = Wanted { terms, payment, salt, origin: None };
    let (draft, done) = Draft::act(&chain, key, &wanted).await?;
    draft.tell(global, done).await
}

pub(super) fn payment(flags: &CreateFlags, currency: Currency) -> Result<Payment> {
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

pub(super) fn random() -> Result<B256> {
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

impl Wanted {
    /// Who its target will see calling.
    pub(super) async fn forwarder(&self, chain: &Chain, owner: Address) -> Result<Address> {
        let manager = JobManager::new(chain.network.contracts.job_manager, &chain.provider);
        Ok(manager.forwarderFor(owner, self.salt).call().await.map_err(ChainError::from)?)
    }

    /// What can be told before and after.
    pub(super) fn document(&self, owner: Option<Address>, forwarder: Option<Address>) -> Value {
        let Self { terms, payment, salt, origin } = self;
        let (start, interval) = terms.trigger.schedule();
        let mut document = json!({
            "owner": owner,
            "forwarder": forwarder,
            "salt": salt,
            "trigger": spell::trigger_of(&terms.trigger),
            "action": terms.action.name(),
            "start": start,
            "interval": interval,
            "code_hash": terms.action.code_hash(),
            "token": terms.token,
            "fee": terms.fee.to_string(),
            "escrow": payment.amount.to_string(),
            "gas_wei": payment.gas.to_string(),
        });
        if let (Some(fields), Some(origin)) = (document.as_object_mut(), origin) {
            fields.insert("entry".to_owned(), origin.document());
        }
        document
    }

    /// What is asked for, and what that costs.
    pub(super) fn rows(&self, forwarder: Option<Address>, price: &Price) -> Vec<(&'static str, String)> {
        let Self { terms, payment, salt, origin } = self;
        let runs = price.paid(payment.amount, payment.gas);
        let mut rows = origin.as_ref().map(Proposal::rows).unwrap_or_default();
        rows.extend([
            ("runs", format!("{}, {}", terms.action.name(), spell::trigger_of(&terms.trigger))),
            ("target", terms.target.to_string()),
            ("called from", forwarder.map_or_else(|| "the job's forwarder".to_owned(), |address| address.to_string())),
            ("salt", format!("{salt}, give it again to have that address")),
            ("a run", price.words(1)),
            ("set aside", format!("{}: {runs} runs at the most that each may cost", payment.words())),
        ]);
        rows
    }
}

impl<'a> Draft<'a> {
    /// Lists it, or tries to.
    pub(super) async fn act(chain: &'a Chain, key: Key, wanted: &'a Wanted) -> Result<(Self, Done)> {
        let Wanted { terms, payment, salt, .. } = wanted;
        let deposit = check_price(chain, &payment.currency, U256::from(terms.fee)).await?;
        let actor = key.on(chain).await?;
        payment.check_coin(chain, &actor, deposit).await?;
        let approval = payment.approve(chain, &actor).await?;
        let draft = Self { chain, actor, wanted, deposit, approval };
        // What is not approved yet is left out of the trial.
        let funding = if draft.approval == Approval::Missing { U256::ZERO } else { payment.amount };
        let call = JobManager::createJobCall { params: terms.params(), funding, salt: *salt };
        let manager = chain.network.contracts.job_manager;
        let done = draft.actor.act("create the job", manager, &call, draft.value()).await?;
        Ok((draft, done))
    }

    /// Tells what was done.
    pub(super) async fn tell(&self, global: &Global, done: Done) -> Result<Exit> {
        match done {
            Done::Sent(receipt) => self.listed(global, &receipt),
            Done::Tried(gas) => self.propose(global, gas).await,
        }
    }

    /// Coin that goes with the call.
    fn value(&self) -> U256 {
        self.wanted.payment.coin().saturating_add(self.deposit)
    }

    /// What is the same before and after.
    fn document(&self, forwarder: Address) -> Value {
        let mut document = self.wanted.document(Some(self.actor.account()), Some(forwarder));
        if let Some(fields) = document.as_object_mut() {
            fields.insert("deposit_wei".to_owned(), json!(self.deposit.to_string()));
        }
        document
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
        let trigger = spell::trigger_of(&self.wanted.terms.trigger);
        let mut text = format!("job {id} runs {trigger}; calls to the target come from {forwarder}\n");
        if !can_pay {
            let see = format!("see `keeper job show {id}`, `keeper job fund {id}`");
            writeln!(text, "it cannot pay for a run yet, and runs nowhere: {see}").unwrap_or_default();
        }
        if let Some(origin) = &self.wanted.origin {
            text += &rows(&origin.notes(Some(forwarder)));
        }
        Ok(tell(global, document, &text, receipt))
    }

    /// Tells what would be listed, what it would cost, and what its first run would do.
    async fn propose(&self, global: &Global, gas: u64) -> Result<Exit> {
        let (chain, Wanted { terms, payment, .. }) = (self.chain, self.wanted);
        let forwarder = self.wanted.forwarder(chain, self.actor.account()).await?;
        let rehearsal =
            action::rehearse(&Stage { provider: &chain.provider, terms, forwarder, block: BlockId::latest() }).await;
        let used = if let Rehearsal::Taken { gas } = rehearsal { gas } else { None };
        let price = Price::of(chain, None, payment.currency.clone(), terms.into(), used).await?;
        let mut document = self.document(forwarder);
        if let Some(fields) = document.as_object_mut() {
            let first_run = json!({"outcome": rehearsal.name(), "says": rehearsal.to_string(), "gas": used});
            fields.insert("first_run".to_owned(), first_run);
            fields.insert("value_wei".to_owned(), json!(self.value().to_string()));
            fields.insert("needs_approval".to_owned(), json!(self.approval == Approval::Missing));
            fields.insert("runs_paid".to_owned(), json!(price.paid(payment.amount, payment.gas).to_string()));
        }
        let mut lines = self.wanted.rows(Some(forwarder), &price);
        lines.extend([
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
        ]);
        if self.approval == Approval::Missing {
            let amount = payment.currency.show(payment.amount);
            let first = format!("of {amount} for the JobManager comes first; the rest was tried without it");
            lines.push(("approval", first));
        }
        lines.extend(self.wanted.origin.iter().flat_map(|origin| origin.notes(Some(forwarder))));
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

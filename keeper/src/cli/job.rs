//! `keeper job`: list jobs on chain, look at them, and end them.

use std::fmt::Write as _;

use alloy::primitives::{Address, B256, U256, aliases::U96};
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use anyhow::{Context, Result, anyhow};
use clap::Args;
use contracts::terms::{ActionTerms, Limits, Terms};
use contracts::{IJobManager, JobManager};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::chain::{Chain, money, parse_amount};
use super::output::{answer, rows};
use super::{Exit, Global, WithExit};
use crate::chain::{ChainError, market};
use crate::jobs::action::ActionFlags;
use crate::jobs::trigger::TriggerFlags;
use crate::keystore::{Keystore, Password};

mod import;
mod life;
mod runs;
mod spell;

pub(super) use import::{ImportCommand, run as import};
pub(super) use life::{FundArgs, WithdrawArgs, cancel, fund, pause, resume, withdraw};
pub(super) use runs::{RunsArgs, WatchArgs, runs, watch};

/// Jobs that `job list` shows at most; the newest.
const MAX_LISTED: u64 = 1000;
/// Jobs asked for at the same time.
const PARALLEL: usize = 16;

/// Flags of `keeper job create`.
#[derive(Debug, Clone, Args)]
pub struct CreateArgs {
    #[command(flatten)]
    trigger: TriggerFlags,
    #[command(flatten)]
    action: ActionFlags,
    /// Contract that receives the outcome
    #[arg(long, value_name = "ADDRESS")]
    target: Address,
    /// Gas the target's callback may use
    #[arg(long, default_value_t = 200_000)]
    callback_gas: u32,
    /// What one run costs: 0.001ether, 20gwei, or wei
    #[arg(long, value_parser = parse_amount)]
    fee: U256,
    /// What is set aside for runs now: 0.1ether
    #[arg(long, value_parser = parse_amount)]
    fund: U256,
    /// Share of stake that must agree, in hundredths of a percent
    #[arg(long, default_value_t = 6667)]
    quorum_bps: u16,
    /// A run settled later than this many seconds after it was due costs half; 0: lateness is free
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    punctual: u16,
    /// Your own choice, once: with your address it makes the one that calls the target; random if left out
    #[arg(long, value_name = "32 BYTES")]
    salt: Option<B256>,
}

impl CreateArgs {
    /// What can be found wrong without asking the chain; gives the action.
    fn check(&self) -> Result<(ActionTerms, U96)> {
        self.trigger.fit().exit(Exit::Usage)?;
        let action = self.action.terms().or_else(|error| {
            let is_file = error.chain().any(|cause| cause.is::<std::io::Error>());
            Err(error).exit(if is_file { Exit::NotFound } else { Exit::Usage })
        })?;
        let fee = U96::checked_from_limbs_slice(self.fee.as_limbs());
        Ok((action, fee.context("--fee does not fit 96 bits").exit(Exit::Usage)?))
    }

    fn salt(&self) -> Result<B256> {
        if let Some(salt) = self.salt {
            return Ok(salt);
        }
        let mut salt = B256::ZERO;
        getrandom::fill(salt.as_mut_slice()).context("the operating system gives no random numbers")?;
        Ok(salt)
    }
}

pub(super) async fn create(global: &Global, args: CreateArgs) -> Result<Exit> {
    let settings = global.settings()?;
    let (action, fee) = args.check()?;
    let password = Password::obtain(settings.password_file.as_deref(), false)?;
    let wallet = Keystore::at(&global.paths()?.keystores()).open_wallet(&password)?;
    let chain = Chain::connect(global, &settings).await?;
    let terms = Terms {
        trigger: {
            let newest = chain.newest().await?;
            args.trigger.terms(newest.timestamp, newest.number).exit(Exit::Usage)?
        },
        action,
        target: args.target,
        callback_gas: args.callback_gas,
        token: Address::ZERO,
        fee,
        quorum_bps: args.quorum_bps,
        punctual_seconds: args.punctual,
        limits: Limits::default(),
    };
    let deposit = check_price(&chain, args.fee).await?;
    let sender = chain.sender(wallet).await?;
    let manager = chain.network.contracts.job_manager;
    let call = JobManager::createJobCall { params: terms.params(), funding: args.fund, salt: args.salt()? };
    let receipt = sender.send("create the job", manager, &call, args.fund.saturating_add(deposit)).await?;
    let created = receipt.logs.iter().filter(|log| log.address() == manager);
    let created = created.filter_map(|log| log.log_decode::<JobManager::JobCreated>().ok()).next();
    let is_covered = |log: &Log| log.log_decode::<JobManager::JobCovered>().is_ok_and(|log| log.inner.data.covered);
    let can_pay = receipt.logs.iter().any(|log| log.address() == manager && is_covered(log));
    let event = created.context("the transaction succeeded but announced no job").exit(Exit::Chain)?.inner.data;
    // From what was sent and the event alone: the node that is asked next may not have the job's block yet.
    let (start, interval) = terms.trigger.schedule();
    let trigger = spell::trigger_of(&terms.trigger);
    let document = json!({
        "id": event.jobId,
        "owner": event.owner,
        "forwarder": event.forwarder,
        "trigger": trigger,
        "action": terms.action.name(),
        "start": start,
        "interval": interval,
        "code_hash": terms.action.code_hash(),
        "fee_wei": args.fee.to_string(),
        "escrow_wei": args.fund.to_string(),
        "deposit_wei": deposit.to_string(),
        "can_pay": can_pay,
        "transaction": receipt.tx,
        "gas_used": receipt.gas_used,
    });
    let (id, forwarder) = (event.jobId, event.forwarder);
    let mut text = format!("job {id} runs {trigger}; calls to the target come from {forwarder}\n");
    if !can_pay {
        writeln!(
            text,
            "it cannot pay for a run yet, and runs nowhere: see `keeper job show {id}`, `keeper job fund {id}`"
        )
        .unwrap_or_default();
    }
    answer(global, document, &text);
    Ok(Exit::Success)
}

pub(super) async fn list(global: &Global) -> Result<Exit> {
    let chain = Chain::connect(global, &global.settings()?).await?;
    let manager = JobManager::new(chain.network.contracts.job_manager, chain.provider.clone());
    let count = manager.jobCount().call().await.map_err(ChainError::from)?;
    let first = count.saturating_sub(MAX_LISTED) + 1;
    let mut jobs = Vec::new();
    let mut text = String::new();
    if first > 1 {
        writeln!(text, "of {count} jobs, the newest {MAX_LISTED}:").unwrap_or_default();
    }
    // Asked for at the same time, told in their order.
    for part in (first..=count).collect::<Vec<_>>().chunks(PARALLEL) {
        let mut asked = JoinSet::new();
        for &id in part {
            let manager = manager.clone();
            asked.spawn(async move { (id, manager.job(id).call().await) });
        }
        let mut answers = asked.join_all().await;
        answers.sort_unstable_by_key(|(id, _)| *id);
        for (id, job) in answers {
            let job = job.map_err(ChainError::from)?;
            text.push_str(&spell::job_line(id, &job));
            jobs.push(spell::job_document(id, &job));
        }
    }
    if jobs.is_empty() {
        text.push_str("no jobs yet: create one with `keeper job create`\n");
    }
    answer(global, json!({"jobs": jobs, "count": count}), &text);
    Ok(Exit::Success)
}

pub(super) async fn show(global: &Global, id: u64) -> Result<Exit> {
    let chain = Chain::connect(global, &global.settings()?).await?;
    let job = existing(&chain, id).await?;
    let mut document = spell::job_document(id, &job);
    let params = terms(&chain, id).await?;
    if let (Some(params), Some(fields)) = (&params, document.as_object_mut()) {
        fields.insert("code_url".to_owned(), Value::from(params.codeUrl.clone()));
        fields.insert("params".to_owned(), json!(params.params));
    }
    let mut lines = spell::job_rows(id, &job);
    lines.extend(params.iter().flat_map(spell::action_rows));
    let (left, cost) = runs_left(&chain, id, &job).await?;
    if let Some(fields) = document.as_object_mut() {
        fields.insert("runs_left".to_owned(), Value::from(left.to_string()));
    }
    lines.push(("escrow", money(job.token, U256::from(job.escrow))));
    if !job.token.is_zero() {
        lines.push(("for gas", money(Address::ZERO, U256::from(job.gas))));
    }
    lines.push(("deposit", money(Address::ZERO, U256::from(job.deposit))));
    lines.push(("can pay", if job.covered { "yes".to_owned() } else { format!("no: a run may cost {cost}") }));
    lines.push(("runs left", format!("{left}, each at up to {cost}")));
    answer(global, document, &rows(&lines));
    Ok(Exit::Success)
}

/// The job with this number.
async fn existing(chain: &Chain, id: u64) -> Result<IJobManager::Job> {
    let manager = JobManager::new(chain.network.contracts.job_manager, &chain.provider);
    let count = manager.jobCount().call().await.map_err(ChainError::from)?;
    if id == 0 || id > count {
        return Err(anyhow!("there is no job {id}: jobs have the numbers 1 to {count}, see `keeper job list`"))
            .exit(Exit::NotFound);
    }
    Ok(manager.job(id).call().await.map_err(ChainError::from)?)
}

/// What the job's owner asked for last, when it was created or updated; only the log holds it. `None` where the node keeps
/// no old logs.
async fn terms(chain: &Chain, id: u64) -> Result<Option<IJobManager::JobParams>> {
    let manager = chain.network.contracts.job_manager;
    let events = vec![JobManager::JobCreated::SIGNATURE_HASH, JobManager::JobUpdated::SIGNATURE_HASH];
    let filter = Filter::new().address(manager).event_signature(events).topic1(U256::from(id));
    chain.newest_log(&filter, 0, |log| terms_in(log, manager, id)).await
}

/// What a job's owner asked for in this log, if it is one of those.
fn terms_in(log: &Log, manager: Address, id: u64) -> Option<IJobManager::JobParams> {
    let created = log.log_decode::<JobManager::JobCreated>().map(|log| (log.inner.data.jobId, log.inner.data.params));
    let updated = |_| log.log_decode::<JobManager::JobUpdated>();
    let event = created.or_else(|error| updated(error).map(|log| (log.inner.data.jobId, log.inner.data.params)));
    event.ok().filter(|(job, _)| log.address() == manager && *job == id).map(|(_, params)| params)
}

/// How many runs are paid for at today's gas price, and what one may cost, in words.
async fn runs_left(chain: &Chain, id: u64, job: &IJobManager::Job) -> Result<(U256, String)> {
    let manager = JobManager::new(chain.network.contracts.job_manager, &chain.provider);
    let tip = manager.tip().call().await.map_err(ChainError::from)?;
    let price = U256::from(market(&chain.provider).await?.base_fee).saturating_add(tip);
    let most = manager.mostCost(id, price).call().await.map_err(ChainError::from)?;
    let cost = format!("{} and {} for gas", money(job.token, most.fee), money(Address::ZERO, most.gas));
    Ok((spell::runs_left(job, most.fee, most.gas), cost))
}

/// Refuses what the contract would, in words that say what it takes; gives the listing deposit.
async fn check_price(chain: &Chain, fee: U256) -> Result<U256> {
    let manager = JobManager::new(chain.network.contracts.job_manager, &chain.provider);
    let least = manager.leastFee(Address::ZERO).call().await.map_err(ChainError::from)?;
    let deposit = manager.listingDeposit().call().await.map_err(ChainError::from)?;
    if fee < U256::from(least) {
        let (is, takes) = (money(Address::ZERO, fee), money(Address::ZERO, U256::from(least)));
        return Err(anyhow!("--fee is {is}, and a run must cost {takes} or more here (FeeTooLow)")).exit(Exit::Usage);
    }
    Ok(U256::from(deposit))
}

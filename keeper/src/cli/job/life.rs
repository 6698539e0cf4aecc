//! `keeper job pause|resume|cancel|withdraw|fund`: what its owner does with a job.

use alloy::primitives::{Address, U256};
use alloy::sol_types::SolEvent;
use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use contracts::IJobManager::Job;
use contracts::JobManager;
use contracts::terms::JobStatus;
use serde_json::json;

use super::spell::status;
use super::{existing, money};
use crate::chain::{ChainError, Receipt};
use crate::cli::chain::{Chain, Sender, parse_amount};
use crate::cli::output::answer;
use crate::cli::{Exit, Global, WithExit};
use crate::keystore::{Keystore, Password};

/// Flags of `keeper job fund`.
#[derive(Debug, Clone, Args)]
pub struct FundArgs {
    /// Job id
    id: u64,
    /// How much: 0.1ether, 20gwei, or wei; 0: only look again whether it can pay, when gas has become cheaper
    #[arg(long, value_parser = parse_amount, required_unless_present = "gas")]
    amount: Option<U256>,
    /// How much for gas, of a job that pays in a token
    #[arg(long, value_parser = parse_amount)]
    gas: Option<U256>,
}

/// Flags of `keeper job withdraw`.
#[derive(Debug, Clone, Args)]
pub struct WithdrawArgs {
    /// Job id
    id: u64,
    /// How much: 0.1ether, 20gwei, or wei, of a token its smallest unit [default: all that is left]
    #[arg(long, value_parser = parse_amount)]
    amount: Option<U256>,
    /// How much of what is set aside for gas, of a job that pays in a token [default: all, unless --amount is given]
    #[arg(long, value_parser = parse_amount)]
    gas: Option<U256>,
    /// Who gets it [default: the owner]
    #[arg(long)]
    to: Option<Address>,
}

/// A job of the wallet, and the means to change it.
struct Owned {
    chain: Chain,
    sender: Sender,
    id: u64,
    job: Job,
}

impl Owned {
    async fn open(global: &Global, id: u64) -> Result<Self> {
        let settings = global.settings()?;
        let password = Password::obtain(settings.password_file.as_deref(), false)?;
        let wallet = Keystore::at(&global.paths()?.keystores()).open_wallet(&password)?;
        let chain = Chain::connect(global, &settings).await?;
        let job = existing(&chain, id).await?;
        if job.owner != wallet.address() {
            let (owner, account) = (job.owner, wallet.address());
            let error = anyhow!(
                "job {id} belongs to {owner}, not to {account}: use the data directory (--datadir) that has its key"
            );
            return Err(error).exit(Exit::Key);
        }
        let sender = chain.sender(wallet).await?;
        Ok(Self { chain, sender, id, job })
    }

    /// Refuses unless the job is in one of the states.
    fn require(&self, states: &[JobStatus], what: &str) -> Result<()> {
        let checked: Result<()> = (|| {
            ensure!(states.contains(&JobStatus::of(&self.job)), "job {} is {}: {what}", self.id, status(&self.job));
            Ok(())
        })();
        checked.exit(Exit::Chain)
    }

    /// The moment from which nothing that was due under the job can settle any more, unix seconds.
    async fn closed_at(&self) -> Result<u64> {
        let expiry = self.manager().EXPIRY_SECONDS().call().await.map_err(ChainError::from)?;
        Ok(self.job.inactiveFrom.saturating_add(u64::from(expiry)))
    }

    /// What of escrow and of what is set aside for gas is asked for: all of both, unless one of them is named.
    fn asked(&self, amount: Option<U256>, gas: Option<U256>) -> [U256; 2] {
        match (amount, gas) {
            (None, None) => [U256::from(self.job.escrow), U256::from(self.job.gas)],
            (amount, gas) => [amount.unwrap_or_default(), gas.unwrap_or_default()],
        }
    }

    fn manager(&self) -> JobManager::JobManagerInstance<&crate::chain::ChainProvider> {
        JobManager::new(self.chain.network.contracts.job_manager, &self.chain.provider)
    }

    async fn send(&self, what: &str, call: &impl alloy::sol_types::SolCall) -> Result<Receipt> {
        self.sender.send(what, self.chain.network.contracts.job_manager, call, U256::ZERO).await
    }

    /// The event that a transaction must have left behind.
    fn event<E: SolEvent>(&self, receipt: &Receipt) -> Result<E> {
        let logs = receipt.logs.iter().filter(|log| log.address() == self.chain.network.contracts.job_manager);
        let found = logs.filter_map(|log| log.log_decode::<E>().ok()).next();
        Ok(found
            .with_context(|| format!("the transaction left no {} behind", E::SIGNATURE))
            .exit(Exit::Chain)?
            .inner
            .data)
    }
}

pub(in crate::cli) async fn pause(global: &Global, id: u64) -> Result<Exit> {
    let owned = Owned::open(global, id).await?;
    owned.require(&[JobStatus::Active], "only an active job can be paused")?;
    let receipt = owned.send("pause the job", &JobManager::pauseCall { jobId: id }).await?;
    let event: JobManager::JobPaused = owned.event(&receipt)?;
    let document = json!({"id": id, "inactive_from": event.inactiveFrom, "transaction": receipt.tx});
    answer(global, document, &format!("job {id} is paused; what is due until {} still runs\n", event.inactiveFrom));
    Ok(Exit::Success)
}

pub(in crate::cli) async fn resume(global: &Global, id: u64) -> Result<Exit> {
    let owned = Owned::open(global, id).await?;
    owned.require(&[JobStatus::Paused], "only a paused job can be resumed")?;
    let (closed_at, now) = (owned.closed_at().await?, owned.chain.now().await?);
    if now < closed_at {
        let error = anyhow!(
            "job {id} can be resumed from {closed_at} on, in {} s: until then what was due before its pause may settle",
            closed_at - now
        );
        return Err(error).exit(Exit::Chain);
    }
    let receipt = owned.send("resume the job", &JobManager::resumeCall { jobId: id }).await?;
    let event: JobManager::JobResumed = owned.event(&receipt)?;
    let document = json!({
        "id": id,
        "version": event.version,
        "start": event.activeFrom,
        "transaction": receipt.tx,
    });
    answer(global, document, &format!("job {id} runs again from {}, as version {}\n", event.activeFrom, event.version));
    Ok(Exit::Success)
}

pub(in crate::cli) async fn cancel(global: &Global, id: u64) -> Result<Exit> {
    let owned = Owned::open(global, id).await?;
    owned.require(
        &[JobStatus::Active, JobStatus::Paused],
        "it runs no more; take its money out with `keeper job withdraw`",
    )?;
    let receipt = owned.send("cancel the job", &JobManager::cancelCall { jobId: id }).await?;
    let event: JobManager::JobCancelled = owned.event(&receipt)?;
    let document = json!({"id": id, "inactive_from": event.inactiveFrom, "transaction": receipt.tx});
    let text = format!(
        "job {id} ends at {}; what is due until then still runs. Take out the rest with `keeper job withdraw {id}`\n",
        event.inactiveFrom
    );
    answer(global, document, &text);
    Ok(Exit::Success)
}

/// Anybody may fund a job that is not cancelled.
pub(in crate::cli) async fn fund(global: &Global, args: &FundArgs) -> Result<Exit> {
    let settings = global.settings()?;
    let password = Password::obtain(settings.password_file.as_deref(), false)?;
    let wallet = Keystore::at(&global.paths()?.keystores()).open_wallet(&password)?;
    let chain = Chain::connect(global, &settings).await?;
    let id = args.id;
    let (amount, gas) = (args.amount.unwrap_or_default(), args.gas.unwrap_or_default());
    let job = existing(&chain, id).await?;
    let checked: Result<()> = (|| {
        ensure!(JobStatus::of(&job) != JobStatus::Cancelled, "job {id} is cancelled: nothing would run for the money");
        ensure!(
            job.token.is_zero() || amount.is_zero(),
            "job {id} pays in token {}: call fund on the JobManager after an approval",
            job.token
        );
        ensure!(!job.token.is_zero() || gas.is_zero(), "job {id} pays in coin, and gas out of that: use --amount");
        Ok(())
    })();
    checked.exit(Exit::Usage)?;
    let sender = chain.sender(wallet).await?;
    let owned = Owned { chain, sender, id, job };
    // A token comes by allowance: then coin is for gas alone.
    let value = if owned.job.token.is_zero() { amount } else { gas };
    let call = JobManager::fundCall { jobId: id, amount };
    let manager = owned.chain.network.contracts.job_manager;
    let receipt = owned.sender.send("fund the job", manager, &call, value).await?;
    // As the node that showed the receipt has it, or another that is as far.
    let contract = owned.manager();
    let at = |block| {
        let call = contract.job(id).block(block);
        async move { call.call().await.map_err(ChainError::from) }
    };
    let job = owned.chain.after(&receipt, at).await?;
    let document = json!({
        "id": id,
        "amount": amount.to_string(),
        "escrow": job.escrow.to_string(),
        "gas": job.gas.to_string(),
        "can_pay": job.covered,
        "transaction": receipt.tx,
    });
    let (escrow, gas) = (money(job.token, U256::from(job.escrow)), money(Address::ZERO, U256::from(job.gas)));
    let gas = if job.token.is_zero() { String::new() } else { format!(" and {gas} for gas") };
    let runs =
        if job.covered { "can pay for its next run" } else { "cannot pay for its next run: see `keeper job show`" };
    answer(global, document, &format!("job {id} has {escrow} set aside now{gas}, and {runs}\n"));
    Ok(Exit::Success)
}

/// The first call asks for the money, a later one takes it. What is left of a job that has ended is asked for already.
pub(in crate::cli) async fn withdraw(global: &Global, args: &WithdrawArgs) -> Result<Exit> {
    let owned = Owned::open(global, args.id).await?;
    let open = owned.manager().withdrawal(args.id).call().await.map_err(ChainError::from)?;
    let now = owned.chain.now().await?;
    if JobStatus::of(&owned.job) == JobStatus::Cancelled {
        let closed_at = owned.closed_at().await?;
        let left = owned.asked(None, None);
        let checked: Result<()> = (|| {
            let any = !owned.job.deposit.is_zero() || left != [U256::ZERO; 2];
            ensure!(any, "nothing of job {}'s money is left", owned.id);
            Ok(())
        })();
        checked.exit(Exit::Usage)?;
        if now >= closed_at {
            return pay_out(global, &owned, args).await;
        }
        tell_when(global, &owned, left, closed_at, now, None);
        return Ok(Exit::Success);
    }
    if open.availableAt == 0 {
        return request(global, &owned, args, now).await;
    }
    if now >= open.availableAt {
        return pay_out(global, &owned, args).await;
    }
    let other = args.amount.is_some_and(|amount| amount != open.amount);
    if other || args.gas.is_some_and(|gas| gas != open.gas) {
        return request(global, &owned, args, now).await;
    }
    tell_when(global, &owned, [open.amount, open.gas], open.availableAt, now, None);
    Ok(Exit::Success)
}

async fn request(global: &Global, owned: &Owned, args: &WithdrawArgs, now: u64) -> Result<Exit> {
    let (id, token) = (owned.id, owned.job.token);
    let [amount, gas] = owned.asked(args.amount, args.gas);
    let [escrow, gas_left] = owned.asked(None, None);
    let checked: Result<()> = (|| {
        ensure!(!escrow.is_zero() || !gas_left.is_zero(), "nothing of job {id}'s money is left");
        let zero = "--amount is zero: name what you want back, or leave the flag out for all of it";
        ensure!(!amount.is_zero() || !gas.is_zero(), zero);
        for (flag, token, asked, left) in [("--amount", token, amount, escrow), ("--gas", Address::ZERO, gas, gas_left)]
        {
            let (asked_for, has) = (money(token, asked), money(token, left));
            ensure!(asked <= left, "{flag} is {asked_for}, but job {id} has {has} left");
        }
        Ok(())
    })();
    checked.exit(Exit::Usage)?;
    let call = JobManager::requestWithdrawalCall { jobId: id, amount, gas };
    let receipt = owned.send("request the withdrawal", &call).await?;
    let event: JobManager::WithdrawalRequested = owned.event(&receipt)?;
    tell_when(global, owned, [event.amount, event.gas], event.availableAt, now, Some(&receipt));
    Ok(Exit::Success)
}

fn tell_when(
    global: &Global,
    owned: &Owned,
    [amount, gas]: [U256; 2],
    available_at: u64,
    now: u64,
    receipt: Option<&Receipt>,
) {
    let (id, token) = (owned.id, owned.job.token);
    let document = json!({
        "id": id,
        "state": "requested",
        "amount": amount.to_string(),
        "gas": gas.to_string(),
        "token": token,
        "available_at": available_at,
        "transaction": receipt.map(|receipt| receipt.tx),
    });
    let text = format!(
        "{} of job {id} can be taken from {available_at} on, in {} s, when nothing due by now can settle any more: run \
         this command again then\n",
        money(token, amount),
        available_at.saturating_sub(now)
    );
    answer(global, document, &text);
}

async fn pay_out(global: &Global, owned: &Owned, args: &WithdrawArgs) -> Result<Exit> {
    let (id, token) = (owned.id, owned.job.token);
    let to = args.to.unwrap_or(owned.job.owner);
    let receipt = owned.send("withdraw", &JobManager::withdrawCall { jobId: id, to }).await?;
    let event: JobManager::JobWithdrawn = owned.event(&receipt)?;
    let returned = owned.event::<JobManager::DepositReturned>(&receipt);
    let deposit = returned.map_or(U256::ZERO, |event| event.amount);
    let document = json!({
        "id": id,
        "state": "paid",
        "amount": event.amount.to_string(),
        "gas": event.gas.to_string(),
        "deposit": deposit.to_string(),
        "token": token,
        "to": to,
        "escrow": event.escrow.to_string(),
        "transaction": receipt.tx,
    });
    let mut parts = vec![money(token, event.amount)];
    parts.extend((!event.gas.is_zero()).then(|| format!("{} for gas", money(Address::ZERO, event.gas))));
    parts.extend((!deposit.is_zero()).then(|| format!("the deposit of {}", money(Address::ZERO, deposit))));
    let text = format!("{} of job {id} went to {to}; {} are left\n", parts.join(", "), money(token, event.escrow));
    answer(global, document, &text);
    Ok(Exit::Success)
}

//! `keeper job fund|withdraw`: what is set aside for a job, and comes back.

use alloy::primitives::{Address, U256};
use anyhow::{Result, ensure};
use clap::Args;
use contracts::JobManager;
use contracts::terms::JobStatus;
use serde_json::json;

use super::life::Owned;
use super::{existing, money, tell, tell_tried};
use crate::chain::{ChainError, Receipt};
use crate::cli::chain::{Broadcast, Chain, Done, coin, parse_amount};
use crate::cli::output::answer;
use crate::cli::{Exit, Global, WithExit};

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
    #[command(flatten)]
    broadcast: Broadcast,
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
    #[command(flatten)]
    broadcast: Broadcast,
}

/// Anybody may fund a job that is not cancelled.
pub(in crate::cli) async fn fund(global: &Global, args: &FundArgs) -> Result<Exit> {
    let settings = global.settings()?;
    let key = args.broadcast.key(global, &settings)?;
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
    let actor = key.on(&chain).await?;
    let owned = Owned { chain, actor, id, job };
    // A token comes by allowance: then coin is for gas alone.
    let value = if owned.job.token.is_zero() { amount } else { gas };
    let call = JobManager::fundCall { jobId: id, amount };
    let manager = owned.chain.network.contracts.job_manager;
    let receipt = match owned.actor.act("fund the job", manager, &call, value).await? {
        Done::Sent(receipt) => receipt,
        Done::Tried(gas) => {
            let document = json!({"id": id, "amount": amount.to_string(), "value_wei": value.to_string()});
            return Ok(tell_tried(global, document, &format!("job {id} would get {}\n", coin(value)), gas));
        }
    };
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
    });
    let (escrow, gas) = (money(job.token, U256::from(job.escrow)), money(Address::ZERO, U256::from(job.gas)));
    let gas = if job.token.is_zero() { String::new() } else { format!(" and {gas} for gas") };
    let runs =
        if job.covered { "can pay for its next run" } else { "cannot pay for its next run: see `keeper job show`" };
    Ok(tell(global, document, &format!("job {id} has {escrow} set aside now{gas}, and {runs}\n"), &receipt))
}

/// The first call asks for the money, a later one takes it. What is left of a job that has ended is asked for already.
pub(in crate::cli) async fn withdraw(global: &Global, args: &WithdrawArgs) -> Result<Exit> {
    let owned = Owned::open(global, args.id, args.broadcast).await?;
    let open = owned.manager().withdrawal(args.id).call().await.map_err(ChainError::from)?;
    let now = owned.chain.now().await?;
    if JobStatus::of(&owned.job) == JobStatus::Cancelled {
        let closed_at = owned.closed_at().await?;
        let left = asked(&owned, None, None);
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
    let [amount, gas] = asked(owned, args.amount, args.gas);
    let [escrow, gas_left] = asked(owned, None, None);
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
    let receipt = match owned.act("request the withdrawal", &call).await? {
        Done::Sent(receipt) => receipt,
        Done::Tried(used) => {
            let document = json!({"id": id, "state": "open", "amount": amount.to_string(), "gas": gas.to_string(), "token": token});
            let text = format!("{} of job {id} would be asked for\n", money(token, amount));
            return Ok(tell_tried(global, document, &text, used));
        }
    };
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
        "sent": receipt.is_some(),
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
    let receipt = match owned.act("withdraw", &JobManager::withdrawCall { jobId: id, to }).await? {
        Done::Sent(receipt) => receipt,
        Done::Tried(used) => {
            let text = format!("what was asked for of job {id}, or is left of it, would go to {to} now\n");
            return Ok(tell_tried(global, json!({"id": id, "state": "due", "token": token, "to": to}), &text, used));
        }
    };
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
    });
    let mut parts = vec![money(token, event.amount)];
    parts.extend((!event.gas.is_zero()).then(|| format!("{} for gas", money(Address::ZERO, event.gas))));
    parts.extend((!deposit.is_zero()).then(|| format!("the deposit of {}", money(Address::ZERO, deposit))));
    let text = format!("{} of job {id} went to {to}; {} are left\n", parts.join(", "), money(token, event.escrow));
    Ok(tell(global, document, &text, &receipt))
}

/// What of escrow and of what is set aside for gas is asked for: all of both, unless one of them is named.
fn asked(owned: &Owned, amount: Option<U256>, gas: Option<U256>) -> [U256; 2] {
    match (amount, gas) {
        (None, None) => [U256::from(owned.job.escrow), U256::from(owned.job.gas)],
        (amount, gas) => [amount.unwrap_or_default(), gas.unwrap_or_default()],
    }
}

//! `keeper job fund|withdraw`: what is set aside for a job, and comes back.

use alloy::primitives::{Address, U256};
use anyhow::{Result, ensure};
use clap::Args;
use contracts::IJobManager::Job;
use contracts::JobManager;
use contracts::terms::JobStatus;
use serde_json::json;

use super::life::Owned;
use super::pay::{Approval, Payment, check_gas};
use super::{existing, tell, tell_tried};
use crate::chain::{ChainError, Receipt};
use crate::cli::chain::{Broadcast, Chain, Done, coin, parse_amount};
use crate::cli::currency::{self, Amount, Currency};
use crate::cli::output::answer;
use crate::cli::{Exit, Global, WithExit};

/// Flags of `keeper job fund`.
#[derive(Debug, Clone, Args)]
pub struct FundArgs {
    /// Job id
    id: u64,
    /// How much: 0.1ether, 20gwei, or wei; of a job that pays in a token in whole tokens, such as 1.5; 0: only look again
    /// whether it can pay, when gas has become cheaper
    #[arg(long, required_unless_present = "gas")]
    amount: Option<Amount>,
    /// How much for gas, of a job that pays in a token
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount)]
    gas: Option<U256>,
    #[command(flatten)]
    broadcast: Broadcast,
}

/// Flags of `keeper job withdraw`.
#[derive(Debug, Clone, Args)]
pub struct WithdrawArgs {
    /// Job id
    id: u64,
    /// How much: 0.1ether, 20gwei, or wei; of a job that pays in a token in whole tokens [default: all that is left]
    #[arg(long)]
    amount: Option<Amount>,
    /// How much of what is set aside for gas, of a job that pays in a token [default: all, unless --amount is given]
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount)]
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
    let (job, _) = existing(&chain, id).await?;
    let checked: Result<()> = (|| {
        ensure!(JobStatus::of(&job) != JobStatus::Cancelled, "job {id} is cancelled: nothing would run for the money");
        Ok(())
    })();
    checked.exit(Exit::Usage)?;
    let currency = currency::by_address(&chain, job.token).await;
    check_gas(&currency, args.gas, "--gas")?;
    let amount = args.amount.as_ref().map(|amount| currency.read(amount, "--amount")).transpose().exit(Exit::Usage)?;
    let payment = Payment { currency, amount: amount.unwrap_or_default(), gas: args.gas.unwrap_or_default() };
    let actor = key.on(&chain).await?;
    payment.check_coin(&chain, &actor, U256::ZERO).await?;
    let approval = payment.approve(&chain, &actor).await?;
    // What is not approved yet is left out of the trial.
    let funding = if approval == Approval::Missing { U256::ZERO } else { payment.amount };
    let call = JobManager::fundCall { jobId: id, amount: funding };
    match actor.act("fund the job", chain.network.contracts.job_manager, &call, payment.coin()).await? {
        Done::Sent(receipt) => funded(global, &chain, id, &payment, &receipt).await,
        Done::Tried(gas) => {
            let needs_approval = approval == Approval::Missing;
            let document = json!({
                "id": id,
                "amount": payment.amount.to_string(),
                "value_wei": payment.coin().to_string(),
                "needs_approval": needs_approval,
            });
            let first = if needs_approval { "; the JobManager would be approved to take it first" } else { "" };
            let text = format!("job {id} would get {}{first}\n", payment.words());
            Ok(tell_tried(global, document, &text, gas))
        }
    }
}

async fn funded(global: &Global, chain: &Chain, id: u64, payment: &Payment, receipt: &Receipt) -> Result<Exit> {
    // As the node that showed the receipt has it, or another that is as far.
    let contract = JobManager::new(chain.network.contracts.job_manager, &chain.provider);
    let at = |block| {
        let call = contract.job(id).block(block);
        async move { call.call().await.map_err(ChainError::from) }
    };
    let job = chain.after(receipt, at).await?;
    let document = json!({
        "id": id,
        "amount": payment.amount.to_string(),
        "escrow": job.escrow.to_string(),
        "gas": job.gas.to_string(),
        "can_pay": job.covered,
    });
    let held = Payment { currency: payment.currency.clone(), amount: U256::from(job.escrow), gas: U256::from(job.gas) };
    let runs =
        if job.covered { "can pay for its next run" } else { "cannot pay for its next run: see `keeper job show`" };
    Ok(tell(global, document, &format!("job {id} has {} set aside now, and {runs}\n", held.words()), receipt))
}

/// A withdrawal of a job's money.
struct Withdrawal {
    owned: Owned,
    currency: Currency,
    /// What is asked for, of escrow and of what is set aside for gas, where either is named.
    named: [Option<U256>; 2],
    to: Address,
    /// The chain's time, unix seconds.
    now: u64,
}

/// The first call asks for the money, a later one takes it. What is left of a job that has ended is asked for already.
pub(in crate::cli) async fn withdraw(global: &Global, args: &WithdrawArgs) -> Result<Exit> {
    let owned = Owned::open(global, args.id, args.broadcast).await?;
    let open = owned.manager().withdrawal(args.id).call().await.map_err(ChainError::from)?;
    let now = owned.chain.now().await?;
    let currency = currency::by_address(&owned.chain, owned.job.token).await;
    let amount = args.amount.as_ref().map(|amount| currency.read(amount, "--amount")).transpose().exit(Exit::Usage)?;
    let to = args.to.unwrap_or(owned.job.owner);
    let this = Withdrawal { owned, currency, named: [amount, args.gas], to, now };
    if JobStatus::of(&this.owned.job) == JobStatus::Cancelled {
        return this.of_ended(global).await;
    }
    if open.availableAt == 0 {
        return this.request(global).await;
    }
    if now >= open.availableAt {
        return this.pay_out(global).await;
    }
    let asked = [open.amount, open.gas];
    if this.named.iter().zip(asked).any(|(named, asked)| named.is_some_and(|named| named != asked)) {
        return this.request(global).await;
    }
    this.tell_when(global, asked, open.availableAt, None);
    Ok(Exit::Success)
}

impl Withdrawal {
    async fn of_ended(&self, global: &Global) -> Result<Exit> {
        let closed_at = self.owned.closed_at().await?;
        let left = all(&self.owned.job);
        let checked: Result<()> = (|| {
            let any = !self.owned.job.deposit.is_zero() || left != [U256::ZERO; 2];
            ensure!(any, "nothing of job {}'s money is left", self.owned.id);
            Ok(())
        })();
        checked.exit(Exit::Usage)?;
        if self.now >= closed_at {
            return self.pay_out(global).await;
        }
        self.tell_when(global, left, closed_at, None);
        Ok(Exit::Success)
    }

    /// What is asked for: all that is left, unless a part of it is named.
    fn asked(&self) -> [U256; 2] {
        match self.named {
            [None, None] => all(&self.owned.job),
            named => named.map(Option::unwrap_or_default),
        }
    }

    async fn request(&self, global: &Global) -> Result<Exit> {
        let (id, [amount, gas], left) = (self.owned.id, self.asked(), all(&self.owned.job));
        let checked: Result<()> = (|| {
            ensure!(left != [U256::ZERO; 2], "nothing of job {id}'s money is left");
            let zero = "--amount is zero: name what you want back, or leave the flag out for all of it";
            ensure!(!amount.is_zero() || !gas.is_zero(), zero);
            let of = [("--amount", &self.currency, amount, left[0]), ("--gas", &Currency::Coin, gas, left[1])];
            for (flag, currency, asked, left) in of {
                let (asked_for, has) = (currency.show(asked), currency.show(left));
                ensure!(asked <= left, "{flag} is {asked_for}, but job {id} has {has} left");
            }
            Ok(())
        })();
        checked.exit(Exit::Usage)?;
        let call = JobManager::requestWithdrawalCall { jobId: id, amount, gas };
        let receipt = match self.owned.act("request the withdrawal", &call).await? {
            Done::Sent(receipt) => receipt,
            Done::Tried(used) => {
                let document = json!({
                    "id": id,
                    "state": "open",
                    "amount": amount.to_string(),
                    "gas": gas.to_string(),
                    "token": self.owned.job.token,
                });
                let text = format!("{} of job {id} would be asked for\n", self.currency.show(amount));
                return Ok(tell_tried(global, document, &text, used));
            }
        };
        let event: JobManager::WithdrawalRequested = self.owned.event(&receipt)?;
        self.tell_when(global, [event.amount, event.gas], event.availableAt, Some(&receipt));
        Ok(Exit::Success)
    }

    fn tell_when(&self, global: &Global, [amount, gas]: [U256; 2], available_at: u64, receipt: Option<&Receipt>) {
        let id = self.owned.id;
        let document = json!({
            "id": id,
            "state": "requested",
            "amount": amount.to_string(),
            "gas": gas.to_string(),
            "token": self.owned.job.token,
            "available_at": available_at,
            "sent": receipt.is_some(),
            "transaction": receipt.map(|receipt| receipt.tx),
        });
        let text = format!(
            "{} of job {id} can be taken from {available_at} on, in {} s, when nothing due by now can settle any more: run \
             this command again then\n",
            self.currency.show(amount),
            available_at.saturating_sub(self.now)
        );
        answer(global, document, &text);
    }

    async fn pay_out(&self, global: &Global) -> Result<Exit> {
        let (id, token, to) = (self.owned.id, self.owned.job.token, self.to);
        let receipt = match self.owned.act("withdraw", &JobManager::withdrawCall { jobId: id, to }).await? {
            Done::Sent(receipt) => receipt,
            Done::Tried(used) => {
                let document = json!({"id": id, "state": "due", "token": token, "to": to});
                let text = format!("what was asked for of job {id}, or is left of it, would go to {to} now\n");
                return Ok(tell_tried(global, document, &text, used));
            }
        };
        let event: JobManager::JobWithdrawn = self.owned.event(&receipt)?;
        let returned = self.owned.event::<JobManager::DepositReturned>(&receipt);
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
        let mut parts = vec![self.currency.show(event.amount)];
        parts.extend((!event.gas.is_zero()).then(|| format!("{} for gas", coin(event.gas))));
        parts.extend((!deposit.is_zero()).then(|| format!("the deposit of {}", coin(deposit))));
        let left = self.currency.show(event.escrow);
        let text = format!("{} of job {id} went to {to}; {left} are left\n", parts.join(", "));
        Ok(tell(global, document, &text, &receipt))
    }
}

/// All that is set aside: for fees, and for gas where that is apart.
fn all(job: &Job) -> [U256; 2] {
    [U256::from(job.escrow), U256::from(job.gas)]
}

//! `keeper job create`: lists a job.

use std::fmt::Write as _;

use alloy::primitives::{Address, B256, U256, aliases::U96};
use alloy::rpc::types::Log;
use anyhow::{Context, Result, anyhow};
use clap::Args;
use contracts::JobManager;
use contracts::terms::{ActionTerms, Limits, Terms};
use serde_json::json;

use super::{money, spell, tell, tell_tried};
use crate::chain::ChainError;
use crate::cli::chain::{Broadcast, Chain, Done, coin, parse_amount};
use crate::cli::{Exit, Global, WithExit};
use crate::jobs::action::ActionFlags;
use crate::jobs::trigger::TriggerFlags;

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
    #[command(flatten)]
    broadcast: Broadcast,
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

pub(in crate::cli) async fn create(global: &Global, args: CreateArgs) -> Result<Exit> {
    let settings = global.settings()?;
    let (action, fee) = args.check()?;
    let key = args.broadcast.key(global, &settings)?;
    let chain = Chain::connect(global, &settings).await?;
    let terms = Terms {
        trigger: args.trigger.terms(chain.now().await?).exit(Exit::Usage)?,
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
    let owner = key.address();
    let actor = key.on(&chain).await?;
    let manager = chain.network.contracts.job_manager;
    let salt = args.salt()?;
    let call = JobManager::createJobCall { params: terms.params(), funding: args.fund, salt };
    let value = args.fund.saturating_add(deposit);
    let receipt = match actor.act("create the job", manager, &call, value).await? {
        Done::Sent(receipt) => receipt,
        Done::Tried(gas) => return propose(global, &chain, &terms, (owner, salt), value, gas).await,
    };
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
    Ok(tell(global, document, &text, &receipt))
}

/// Tells what would be listed.
async fn propose(
    global: &Global,
    chain: &Chain,
    terms: &Terms,
    (owner, salt): (Address, B256),
    value: U256,
    gas: u64,
) -> Result<Exit> {
    let manager = JobManager::new(chain.network.contracts.job_manager, &chain.provider);
    let forwarder = manager.forwarderFor(owner, salt).call().await.map_err(ChainError::from)?;
    let trigger = spell::trigger_of(&terms.trigger);
    let document = json!({
        "owner": owner,
        "forwarder": forwarder,
        "salt": salt,
        "trigger": trigger,
        "action": terms.action.name(),
        "code_hash": terms.action.code_hash(),
        "value_wei": value.to_string(),
    });
    let text = format!(
        "a job would be listed that runs {trigger}; {} would be sent. With --salt {salt} calls to the target come from \
         {forwarder}\n",
        coin(value)
    );
    Ok(tell_tried(global, document, &text, gas))
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

//! Money on its way into a job: coin goes with the call, a token is taken by the JobManager once that is allowed to.

use alloy::primitives::{Address, B256, U256};
use alloy::providers::Provider;
use anyhow::{Result, anyhow, ensure};
use contracts::PlayMoney;

use crate::chain::ChainError;
use crate::cli::chain::{Actor, Chain, Done, coin};
use crate::cli::currency::Currency;
use crate::cli::{Exit, WithExit};

/// What a verb pays into a job.
#[derive(Debug, Clone)]
pub(super) struct Payment {
    pub(super) currency: Currency,
    /// For fees, in the smallest unit.
    pub(super) amount: U256,
    /// For gas in wei, where fees are in a token.
    pub(super) gas: U256,
}

/// Whether the JobManager may take the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Approval {
    /// It may, or there is none to take; the transactions that were sent for it.
    Given(Vec<B256>),
    /// Not yet: that would be sent first.
    Missing,
}

impl Payment {
    /// Coin that goes with the call.
    pub(super) fn coin(&self) -> U256 {
        if self.currency == Currency::Coin { self.amount } else { self.gas }
    }

    /// `1.5 USDC, and 0.1 ether for gas`
    pub(super) fn words(&self) -> String {
        let amount = self.currency.show(self.amount);
        match self.currency {
            Currency::Token(_) => format!("{amount}, and {} for gas", Currency::Coin.show(self.gas)),
            Currency::Coin => amount,
        }
    }

    /// Refuses an account that does not hold the coin that goes with the call, and so much besides.
    pub(super) async fn check_coin(&self, chain: &Chain, actor: &Actor, besides: U256) -> Result<()> {
        let (account, needed) = (actor.account(), self.coin().saturating_add(besides));
        let held = chain.provider.get_balance(account).await.map_err(ChainError::from)?;
        if held < needed {
            let (held, needed) = (coin(held), coin(needed));
            return Err(anyhow!("account {account} holds {held}, this takes {needed} and gas")).exit(Exit::Chain);
        }
        Ok(())
    }

    /// Sees to it that the JobManager may take what is paid, and no more: approves it if the actor sends.
    ///
    /// # Errors
    /// The account does not hold so much of the token.
    pub(super) async fn approve(&self, chain: &Chain, actor: &Actor) -> Result<Approval> {
        let Currency::Token(token) = &self.currency else { return Ok(Approval::Given(Vec::new())) };
        let (account, spender) = (actor.account(), chain.network.contracts.job_manager);
        let contract = PlayMoney::new(token.address, &chain.provider);
        let held = contract.balanceOf(account).call().await.map_err(ChainError::from)?;
        if held < self.amount {
            let (held, needed) = (self.currency.show(held), self.currency.show(self.amount));
            return Err(anyhow!("account {account} holds {held}, this takes {needed}")).exit(Exit::Chain);
        }
        let allowed = contract.allowance(account, spender).call().await.map_err(ChainError::from)?;
        if allowed >= self.amount {
            return Ok(Approval::Given(Vec::new()));
        }
        // Some tokens take a new allowance only where there is none.
        let mut steps = vec![self.amount];
        if !allowed.is_zero() {
            steps.insert(0, U256::ZERO);
        }
        let mut sent = Vec::new();
        for amount in steps {
            match approve(actor, token.address, spender, amount).await? {
                Done::Sent(receipt) => sent.push(receipt.tx),
                Done::Tried(_) => return Ok(Approval::Missing),
            }
        }
        Ok(Approval::Given(sent))
    }
}

async fn approve(actor: &Actor, token: Address, spender: Address, amount: U256) -> Result<Done> {
    let call = PlayMoney::approveCall { spender, value: amount };
    actor.act("approve the token", token, &call, U256::ZERO).await
}

/// How an amount for gas fits a job: only one that pays in a token has it apart.
pub(super) fn check_gas(currency: &Currency, gas: Option<U256>, flag: &str) -> Result<()> {
    let checked: Result<()> = (|| {
        let has_token = *currency != Currency::Coin;
        ensure!(
            has_token || gas.is_none(),
            "{flag} is for jobs that pay in a token: in coin gas is paid out of the rest"
        );
        Ok(())
    })();
    checked.exit(Exit::Usage)
}

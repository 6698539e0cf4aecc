//! Coins for an account of somebody who joins a running swarm by hand.
//!
//! They come from the node's last account: the swarm counts the nonces of the first one by itself. Several may be
//! funded at once, by processes that know nothing of each other and all send from that account, so any of them may find
//! its nonce taken, and tries the next one.

use std::path::Path;
use std::time::Duration;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256};
use alloy::providers::{Provider, ProviderBuilder, RootProvider};
use alloy::rpc::client::RpcClient;
use alloy::rpc::types::TransactionRequest;
use alloy::transports::layers::RetryBackoffLayer;
use anyhow::{Context, Result, bail};
use contracts::network::Network;
use tokio::time::Instant;

use super::network::operator_coins;
use super::numbers::is_taken;

/// A local chain mines within a second; many transfers at once take a block or two more.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);
const TRANSFER_GAS: u64 = 21_000;
/// A node that refuses now and then is asked again, so often and after so many milliseconds.
const RETRIES: u32 = 10;
const RETRY_PAUSE_MS: u64 = 200;

/// Gives an account 10 coins of the chain that a network file names, and waits until they are there.
///
/// # Errors
/// When the file cannot be read, the chain is not a local one, or the transfer does not arrive.
pub async fn fund(account: Address, network: &Path) -> Result<()> {
    let network = Network::load(network)?;
    let url = network.rpc_urls.first().context("the network file names no RPC node")?;
    // Without fillers: a nonce is chosen here, anew for each try.
    let again = RetryBackoffLayer::new(RETRIES, RETRY_PAUSE_MS, u64::MAX);
    let client = RpcClient::builder().layer(again).http(url.parse()?);
    let provider: RootProvider = ProviderBuilder::default().connect_client(client);
    let accounts = provider.get_accounts().await.with_context(|| format!("{url} does not answer"))?;
    let from = accounts.last().with_context(|| format!("{url} signs for nobody: it is not a local chain"))?;
    let deadline = Instant::now() + PATIENCE;
    while !transfer(&provider, *from, account, deadline).await? {
        // Somebody else was faster.
        if Instant::now() >= deadline {
            bail!("{url} does not take a transfer from {from}: others took each of its nonces for a minute");
        }
        tokio::time::sleep(PAUSE).await;
    }
    eprintln!("{account} got 10 coins");
    Ok(())
}

/// Transfers the coins with the account's next nonce; false when somebody else has it.
async fn transfer(provider: &RootProvider, from: Address, to: Address, deadline: Instant) -> Result<bool> {
    let nonce = provider.get_transaction_count(from).pending().await?;
    match send(provider, from, to, nonce).await? {
        Some(transaction) => arrived(provider, transaction, from, nonce, deadline).await,
        None => Ok(false),
    }
}

/// Sends the transfer with this nonce; `None` when the nonce is taken.
async fn send(provider: &RootProvider, from: Address, to: Address, nonce: u64) -> Result<Option<B256>> {
    let fees = provider.estimate_eip1559_fees().await?;
    let transfer = TransactionRequest::default()
        .with_from(from)
        .with_to(to)
        .with_value(operator_coins())
        .with_nonce(nonce)
        .with_gas_limit(TRANSFER_GAS)
        .with_max_fee_per_gas(fees.max_fee_per_gas)
        .with_max_priority_fee_per_gas(fees.max_priority_fee_per_gas);
    match provider.send_transaction(transfer).await {
        Ok(pending) => Ok(Some(*pending.tx_hash())),
        Err(error) if error.as_error_resp().is_some_and(|answer| is_taken(&answer.message)) => Ok(None),
        Err(error) => Err(error).context("the chain refuses the transfer"),
    }
}

/// Waits until the transfer is mined; false when another transaction took its nonce after all.
async fn arrived(
    provider: &RootProvider,
    transaction: B256,
    from: Address,
    nonce: u64,
    deadline: Instant,
) -> Result<bool> {
    loop {
        // First the nonce: once it is used, the receipt is there or never will be.
        let used = provider.get_transaction_count(from).await? > nonce;
        match provider.get_transaction_receipt(transaction).await? {
            Some(receipt) if receipt.status() => return Ok(true),
            Some(_) => bail!("the transfer failed in transaction {transaction}"),
            None if used => return Ok(false),
            None if Instant::now() > deadline => bail!("transaction {transaction} is not mined: does the chain run?"),
            None => tokio::time::sleep(PAUSE).await,
        }
    }
}

#[cfg(test)]
mod tests;

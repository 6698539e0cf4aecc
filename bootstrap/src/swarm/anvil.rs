//! The local chain: anvil, the platform binary itself. (Its npm wrapper for node would survive as an orphan.)

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::ChildStdout;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use alloy::contract::RawCallBuilder;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::TransactionReceipt;
use anyhow::{Context, Result, anyhow, bail};

use super::numbers::Numbers;
use crate::process::{CommandLine, Process, Spawner, tail};
use crate::wait::until;

/// anvil's chain id.
pub const CHAIN_ID: u64 = 31337;
/// The first account is the swarm's own, the second one the stirrer's, the last one pays for whoever joins by hand (see `fund`).
const ACCOUNTS: &str = "3";
/// Time between blocks where nothing else is wanted.
pub const BLOCK_TIME: Duration = Duration::from_secs(1);
/// anvil answers within a second; a machine under load may take a while.
const PATIENCE: Duration = Duration::from_secs(30);
/// A transaction is in a block within a few of them, however many came at once.
const MINED: Duration = Duration::from_secs(60);
/// From then on one that is in no block counts as lost, and is sent again, so often in all: soon, for what it lists may be due soon.
const LOST: Duration = Duration::from_secs(3);
const TIMES_SENT: usize = 20;
/// What anvil prints before its address when it is ready.
const READY: &str = "Listening on ";

/// A running chain.
#[derive(Debug)]
pub struct Anvil {
    process: Process,
    url: String,
    provider: DynProvider,
    faucet: Address,
    stirrer: Address,
    block_time: Duration,
}

impl Anvil {
    /// Starts a chain with a block every `block_time` on a free loopback port; with `states` it remembers the state of so many blocks
    /// only, and none on disk.
    ///
    /// # Errors
    /// When anvil cannot be found or does not come up.
    pub async fn start(spawner: &Spawner, directory: &Path, block_time: Duration, states: Option<u32>) -> Result<Self> {
        Self::start_at(Ipv4Addr::LOCALHOST.into(), spawner, directory, (block_time, states)).await
    }

    /// The same on a free port of `host`.
    pub(super) async fn start_at(
        host: IpAddr,
        spawner: &Spawner,
        directory: &Path,
        (block_time, states): (Duration, Option<u32>),
    ) -> Result<Self> {
        let line = CommandLine::new("anvil", &find()?, &directory.join("anvil.log")).with([
            "--host",
            &host.to_string(),
            "--block-time",
            &block_time.as_secs_f64().to_string(),
            "--chain-id",
            &CHAIN_ID.to_string(),
            "--accounts",
            ACCOUNTS,
            "--balance",
            "1000000000",
            "--port",
            "0",
            "--cache-path",
            &directory.join("anvil").to_string_lossy(),
        ]);
        let line = match states {
            Some(states) => line.with(["--prune-history", &states.to_string()]),
            None => line,
        };
        let (process, address) = launch(spawner, &line).await?;
        let url = format!("http://{address}");
        let provider = ProviderBuilder::new().connect_http(url.parse()?).erased();
        let accounts = provider.get_accounts().await.context("anvil does not answer")?;
        let [faucet, stirrer, ..] = accounts[..] else { bail!("anvil has {} accounts", accounts.len()) };
        Ok(Self { process, url, provider, faucet, stirrer, block_time })
    }

    /// Its JSON-RPC address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A client; transactions "from" [`Self::faucet`] are signed by anvil.
    #[must_use]
    pub const fn provider(&self) -> &DynProvider {
        &self.provider
    }

    /// An account with plenty of coins, which anvil signs for.
    #[must_use]
    pub const fn faucet(&self) -> Address {
        self.faucet
    }

    /// The same for the stirrer alone, whose numbers nobody else takes.
    #[must_use]
    pub(super) const fn stirrer(&self) -> Address {
        self.stirrer
    }

    /// Time between its blocks.
    #[must_use]
    pub const fn block_time(&self) -> Duration {
        self.block_time
    }

    /// The process, to stop or to look at.
    pub const fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// Sends coins from an account the node signs for and waits until they are there.
///
/// # Errors
/// When the chain refuses or a transfer does not arrive.
pub(super) async fn transfer_all(
    provider: &DynProvider,
    from: Address,
    to: impl IntoIterator<Item = Address>,
    amount: U256,
) -> Result<()> {
    let (mut numbers, mut sent) = (Numbers::default(), Vec::new());
    for to in to {
        let transfer = RawCallBuilder::new_raw(provider, Bytes::new()).from(from).to(to).value(amount);
        sent.push((to, numbers.send(provider, from, |nonce| transfer.clone().nonce(nonce)).await?));
    }
    for (to, tx) in sent {
        if !mined(provider, tx, &format!("the transfer to {to}")).await?.status() {
            bail!("the transfer of {amount} wei to {to} failed in transaction {tx}");
        }
    }
    Ok(())
}

/// The receipt of a transaction, once it is in a block. It is asked for again and again, for whoever waits for the block
/// that it is in may wait for one that has passed.
///
/// # Errors
/// When it does not come.
pub async fn mined(provider: &DynProvider, tx: B256, what: &str) -> Result<TransactionReceipt> {
    until(&format!("{what}, transaction {tx}"), MINED, || async {
        match provider.get_transaction_receipt(tx).await {
            Ok(Some(receipt)) => Ok(receipt),
            Ok(None) => Err("it is in no block".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    })
    .await
}

/// The receipt of the first of these transactions that succeeds. One that is in no block after a while was lost: the node
/// numbers what it signs for itself, and now and then gives two one nonce, or leaves one out. Then `again` sends the same once
/// more, which must do nothing where the first arrives after all.
///
/// # Errors
/// When none comes, or all fail.
pub(super) async fn mined_or_sent_again<F, Fut>(
    provider: &DynProvider,
    first: B256,
    what: &str,
    mut again: F,
) -> Result<TransactionReceipt>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<B256>>,
{
    let (mut sent, mut tries, mut refused) = (vec![first], 1, String::new());
    loop {
        let waited_for = format!("{what}, one of the transactions {sent:?}{refused}");
        let found = until(&waited_for, LOST, || async {
            let mut failed = 0;
            for tx in &sent {
                match provider.get_transaction_receipt(*tx).await {
                    Ok(Some(receipt)) if receipt.status() => return Ok(Some(receipt)),
                    Ok(Some(_)) => failed += 1,
                    Ok(None) => {}
                    Err(error) => return Err(error.to_string()),
                }
            }
            if failed == sent.len() { Ok(None) } else { Err("it is in no block".to_owned()) }
        });
        match found.await {
            Ok(Some(receipt)) => return Ok(receipt),
            Ok(None) => bail!("{what} failed in each of the transactions {sent:?}"),
            Err(error) if tries == TIMES_SENT => return Err(error),
            // Where it cannot be sent again, the first one may have arrived just now.
            Err(_) => match again().await {
                Ok(tx) => sent.push(tx),
                Err(error) => refused = format!(" (sent again it is refused: {error:#})"),
            },
        }
        tries += 1;
    }
}

async fn launch(spawner: &Spawner, line: &CommandLine) -> Result<(Process, String)> {
    let mut process = spawner.start(line, true)?;
    let output = process.take_output().ok_or_else(|| anyhow!("no pipe to anvil"))?;
    let ready = read_on(output)?;
    let address = tokio::task::spawn_blocking(move || ready.recv_timeout(PATIENCE)).await?;
    match address {
        Ok(address) => Ok((process, address)),
        Err(_) => bail!("anvil did not come up: {}\n{}", line.text(), tail(process.log(), 8)),
    }
}

/// Reads anvil's output to its end, so that the pipe never fills; hands on the address it listens on.
fn read_on(output: ChildStdout) -> Result<Receiver<String>> {
    let (found, ready) = sync_channel(1);
    std::thread::Builder::new().name("anvil output".to_owned()).spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some(address) = line.strip_prefix(READY) {
                let _ = found.try_send(address.trim().to_owned());
            }
        }
    })?;
    Ok(ready)
}

/// `$ANVIL`, then PATH. `swarm.sh` and `tests/run.sh` set `$ANVIL` to the pinned npm package's binary.
fn find() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("ANVIL") {
        let path = PathBuf::from(path);
        if path.is_file() {
            return Ok(path);
        }
        bail!("ANVIL={} is not a file; unset it or name the anvil binary", path.display());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join("anvil")).find(|file| file.is_file()).ok_or_else(|| {
        anyhow!("anvil is not on PATH and ANVIL is not set; bootstrap/swarm.sh and tests/run.sh get it from npm")
    })
}

#[cfg(test)]
mod tests;

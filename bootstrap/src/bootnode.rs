//! The bootnode: a stable address from which new keepers find the others. It keeps an address book (Kademlia), tells
//! peers how they look from outside (identify), and knows neither keys of operators nor the chain.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use p2p::{Config, Event, Identity, Multiaddr, Registry, Role};
use sd_notify::NotifyState;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// How often it is looked whether the addresses are still those that were written.
const LOOK: Duration = Duration::from_secs(10);

/// What the bootnode needs to know.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Address to listen on, over TCP, or over QUIC such as /ip4/0.0.0.0/udp/7419/quic-v1; may be given several times
    // Not over QUIC by itself, see `p2p::Config::default`.
    #[arg(long, default_value = "/ip4/0.0.0.0/tcp/7419", value_name = "MULTIADDR")]
    pub listen: Vec<Multiaddr>,
    /// Address under which others reach it, when that is not one it listens on
    #[arg(long, value_name = "MULTIADDR")]
    pub external: Vec<Multiaddr>,
    /// network.toml of the network it serves
    #[arg(long, value_name = "FILE", required_unless_present = "domain", conflicts_with = "domain")]
    pub network: Option<PathBuf>,
    /// The network's domain, 16 hexadecimal digits, in place of --network
    #[arg(long, value_name = "HEX")]
    pub domain: Option<String>,
    /// File with its ed25519 key; made at the first start, so that the address stays
    #[arg(long, default_value = "bootnode.key", value_name = "FILE")]
    pub identity_file: PathBuf,
    /// File its addresses are written to, one a line, once it listens
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print each address as a JSON object
    #[arg(long)]
    pub json: bool,
}

impl Options {
    fn domain8(&self) -> Result<String> {
        match (&self.domain, &self.network) {
            (Some(domain), _) => Ok(domain.trim_start_matches("0x").to_owned()),
            (None, Some(path)) => Ok(contracts::network::Network::load(path)?.domain8()),
            (None, None) => bail!("neither --network nor --domain: the bootnode must know which network it serves"),
        }
    }
}

/// Serves until `shutdown`.
///
/// Every address it listens on goes to `output`, with the peer id at its end, as soon as it listens there. Where that, or
/// `--out`, cannot be written, it says so and serves on: keepers need it more than its addresses are needed.
///
/// # Errors
/// A setting that cannot work, an unreadable identity, or an address that cannot be listened on.
pub async fn run(options: Options, mut output: impl Write, shutdown: CancellationToken) -> Result<()> {
    let identity = Identity::load_or_create(&options.identity_file)?;
    let config = Config {
        listen: options.listen.clone(),
        external: options.external.clone(),
        bootnodes: Vec::new(),
        domain8: options.domain8()?,
        role: Role::Bootnode,
        ..Config::default()
    };
    let mut registry = Registry::default();
    let (handle, mut events, service) = p2p::build(config, &identity, &mut registry)?;
    let mut service = tokio::spawn(service.run(shutdown.clone()));
    let mut book = Book { external: options.external, out: options.out, written: Vec::new() };
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            // First: of a mesh that has stopped no address is left, and the file is to keep them.
            () = shutdown.cancelled() => break,
            event = events.recv() => match event {
                Some(Event::Listening(address)) => {
                    if let Err(error) = announce(&mut output, &address, options.json) {
                        tracing::warn!(%address, "cannot print an address, and go on without: {error:#}");
                    }
                    book.show(&handle.listeners().await);
                    tell(&[NotifyState::Ready, NotifyState::Status(&format!("serving at {address}"))]);
                }
                Some(_) => {}
                None => break,
            },
            // Nobody tells of an address that is no more, and a file that could not be written is tried again.
            _ = looks.tick() => {
                book.show(&handle.listeners().await);
                // Both loops went round: this one, and the mesh's, which has answered.
                tell(&[NotifyState::Watchdog]);
            }
        }
    }
    tell(&[NotifyState::Stopping]);
    shutdown.cancel();
    (&mut service).await.context("the mesh service stopped in disorder")?;
    Ok(())
}

/// Tells the service manager, where there is one (`NOTIFY_SOCKET`). Peers are served whether it hears or not.
fn tell(states: &[NotifyState<'_>]) {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    // Without holding up the mesh where the manager does not read for a while, as when it is replaced.
    if let Err(error) = tokio::task::block_in_place(|| sd_notify::notify(states)) {
        tracing::debug!(%error, "cannot tell the service manager at NOTIFY_SOCKET how this bootnode is");
    }
}

/// What `--out` names, kept true. Peers are served whether it can be written or not.
struct Book {
    external: Vec<Multiaddr>,
    out: Option<PathBuf>,
    written: Vec<Multiaddr>,
}

impl Book {
    /// Writes the addresses others reach it at, if they are not what is written.
    fn show(&mut self, listeners: &[Multiaddr]) {
        let Some(path) = &self.out else { return };
        let addresses = [&self.external, listeners].concat();
        // Before the first one is listened at there is nothing that anybody waits for.
        if listeners.is_empty() && self.written.is_empty() || addresses == self.written {
            return;
        }
        match write_addresses(path, &addresses) {
            Ok(()) => self.written = addresses,
            Err(error) => tracing::warn!("peers are served, but the file of addresses is out of date: {error:#}"),
        }
    }
}

/// How the process ends: 7 for an address that cannot be listened on, as `keeper` does, else 1.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if matches!(error.downcast_ref(), Some(p2p::Error::Listen { .. })) { 7 } else { 1 }
}

fn announce(output: &mut impl Write, address: &Multiaddr, json: bool) -> Result<()> {
    if json {
        writeln!(output, "{}", serde_json::json!({"schema": 1, "multiaddr": address.to_string()}))?;
    } else {
        writeln!(output, "{address}")?;
    }
    output.flush().context("cannot print the address")
}

/// Writes beside the file, then renames: whoever waits for the file never reads half an address.
fn write_addresses(path: &Path, addresses: &[Multiaddr]) -> Result<()> {
    let text: String = addresses.iter().map(|address| format!("{address}\n")).collect();
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.new", std::process::id()));
    std::fs::write(&temporary, text)
        .and_then(|()| std::fs::rename(&temporary, path))
        .with_context(|| format!("cannot write --out {}", path.display()))
}

#[cfg(test)]
mod tests;

//! The bootnode: a stable address from which new keepers find the others. It keeps an address book (Kademlia), tells
//! peers how they look from outside (identify), and knows neither keys of operators nor the chain.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use p2p::{Config, Event, Identity, Multiaddr, Registry, Role};
use tokio_util::sync::CancellationToken;

/// What the bootnode needs to know.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Address to listen on; may be given several times
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
/// Every address it listens on goes to `output`, with the peer id at its end, as soon as it listens there.
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
    let (_handle, mut events, service) = p2p::build(config, &identity, &mut registry)?;
    let mut service = tokio::spawn(service.run(shutdown.clone()));
    let mut addresses = options.external.clone();
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(Event::Listening(address)) => {
                    announce(&mut output, &address, options.json)?;
                    addresses.push(address);
                    if let Some(path) = &options.out {
                        write_addresses(path, &addresses)?;
                    }
                }
                Some(_) => {}
                None => break,
            },
            () = shutdown.cancelled() => break,
        }
    }
    shutdown.cancel();
    (&mut service).await.context("the mesh service stopped in disorder")?;
    Ok(())
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
    let temporary = path.with_extension("tmp");
    std::fs::write(&temporary, text)
        .and_then(|()| std::fs::rename(&temporary, path))
        .with_context(|| format!("cannot write --out {}", path.display()))
}

#[cfg(test)]
mod tests;

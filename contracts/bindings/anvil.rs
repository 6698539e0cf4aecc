//! A local chain for the tests of this crate.

use std::error::Error;
use std::path::PathBuf;
use std::process::Stdio;

use alloy::primitives::Address;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A chain that ends with the test.
pub(crate) struct Anvil {
    pub(crate) url: String,
    pub(crate) provider: DynProvider,
    _process: Child,
}

/// anvil from `$ANVIL`, else the one `npm ci` puts below contracts/, else from PATH.
fn anvil_binary() -> PathBuf {
    if let Some(path) = std::env::var_os("ANVIL") {
        return path.into();
    }
    let npm = PathBuf::from("node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil");
    if npm.exists() { npm } else { "anvil".into() }
}

impl Anvil {
    pub(crate) async fn start(arguments: &[&str]) -> Result<Self, Box<dyn Error>> {
        let binary = anvil_binary();
        let mut process = Command::new(&binary)
            .args(["--port", "0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{}: {error}; run `npm ci` in contracts/ or set ANVIL", binary.display()))?;
        let mut output = BufReader::new(process.stdout.take().ok_or("anvil has no stdout")?);
        let mut line = String::new();
        while output.read_line(&mut line).await? != 0 {
            if let Some(address) = line.trim().strip_prefix("Listening on ") {
                let url = format!("http://{address}");
                let provider = ProviderBuilder::new().connect_http(url.parse()?).erased();
                // it tells of every call: a full pipe would stop it
                tokio::spawn(async move { tokio::io::copy(&mut output, &mut tokio::io::sink()).await });
                return Ok(Self { url, provider, _process: process });
            }
            line.clear();
        }
        Err("anvil ended before it listened".into())
    }

    pub(crate) async fn has_code(&self, address: Address) -> Result<bool, Box<dyn Error>> {
        Ok(!self.provider.get_code_at(address).await?.is_empty())
    }
}

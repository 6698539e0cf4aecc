//! EigenLayer's real core on a local chain.
//!
//! The contracts are EigenLayer's own (core v1.4, creation code from the crate `eigen-utils`), with its waiting times cut
//! to what a test can wait for. Three parts that `eigen-utils` has no code for are stood in for: the pauser registry,
//! the strategy, and the proxies, which are OpenZeppelin's ERC-1967 without an admin.

mod core;
mod enrol;

pub use crate::core::{Core, deploy};
pub use enrol::{DEPOSIT, enrol};

use alloy::primitives::Address;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use anyhow::{Context, Result};

/// Gas of any transaction here; the largest creation takes 6 million. Estimates are of no use: most transactions rest on
/// others that are not mined yet.
const GAS: u64 = 8_000_000;

/// A client of a local node, and the first account that node signs for.
///
/// # Errors
/// When the node does not answer, or signs for nobody.
pub async fn connect(url: &str) -> Result<(DynProvider, Address)> {
    let endpoint = url.parse().with_context(|| format!("--rpc-url {url} is no URL"))?;
    let provider = ProviderBuilder::new().connect_http(endpoint).erased();
    let accounts = provider.get_accounts().await.with_context(|| format!("no answer from --rpc-url {url}"))?;
    let first = accounts.first().with_context(|| format!("{url} signs for nobody: it is not a local chain"))?;
    Ok((provider, *first))
}

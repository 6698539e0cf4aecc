//! `eigenlayer`: puts EigenLayer's core on a local chain, and makes accounts operators of it. Started by the swarm.

use std::path::PathBuf;

use alloy::primitives::Address;
use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use eigenlayer::{Core, connect, deploy, enrol};

/// EigenLayer's real core on a local chain.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Deploy the core and write where it is
    Deploy {
        /// JSON-RPC endpoint of the chain
        #[arg(long, value_name = "URL")]
        rpc_url: String,
        /// File to write, JSON
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Make accounts operators with 100 tokens at stake
    Enrol {
        /// JSON-RPC endpoint of the chain; it must be anvil
        #[arg(long, value_name = "URL")]
        rpc_url: String,
        /// What `deploy` wrote
        #[arg(long, value_name = "FILE")]
        core: PathBuf,
        /// The accounts
        #[arg(required = true)]
        operators: Vec<Address>,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Deploy { rpc_url, out } => {
            let (provider, deployer) = connect(&rpc_url).await?;
            let core = deploy(&provider, deployer).await?;
            std::fs::write(&out, serde_json::to_string_pretty(&core)?)
                .with_context(|| format!("cannot write --out {}", out.display()))
        }
        Command::Enrol { rpc_url, core: file, operators } => {
            let text =
                std::fs::read_to_string(&file).with_context(|| format!("cannot read --core {}", file.display()))?;
            let core: Core = serde_json::from_str(&text)
                .with_context(|| format!("--core {} is not what `eigenlayer deploy` writes", file.display()))?;
            let (provider, _) = connect(&rpc_url).await?;
            enrol(&provider, &core, &operators).await
        }
    }
}

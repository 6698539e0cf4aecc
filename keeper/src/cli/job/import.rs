//! `keeper job import`: reads an entry of a keeper network that is no more, and proposes the job that does the same.
//!
//! Nothing of it is believed: an entry that makes no sense here, or that a registry lies about, ends in a [`Refusal`] with a
//! name. What is proposed is shown whole before anything is sent.

mod ask;
mod chainlink;
mod gelato;
mod offchain;
mod proposal;
mod refusal;

use alloy::primitives::{Address, B256, U256};
use anyhow::Result;
use clap::{Args, Subcommand};

use self::ask::Reader;
use self::proposal::Proposal;
use self::refusal::Refusal;
use crate::chain::newest_log;
use crate::cli::chain::Chain;
use crate::cli::output::{answer, rows};
use crate::cli::{Exit, Global, WithExit};

/// Most that the contract takes of a call, and of an action's parameters.
const MAX_CALL_BYTES: usize = 4_096;
/// Most gas that a callback may use.
const MAX_CALLBACK_GAS: u32 = 500_000;

/// `keeper job import ...`
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// An upkeep of Chainlink Automation, from a registry of version 2.0 to 2.3
    ChainlinkUpkeep(ChainlinkArgs),
    /// A task of Gelato, from its contract Automate
    GelatoTask(GelatoArgs),
}

/// Flags of `keeper job import chainlink-upkeep`.
#[derive(Debug, Clone, Args)]
pub struct ChainlinkArgs {
    /// The registry, a KeeperRegistry or AutomationRegistry
    #[arg(long, value_name = "ADDRESS")]
    registry: Address,
    /// The upkeep's id, decimal or 0x-hex
    #[arg(long, value_name = "NUMBER")]
    id: U256,
    #[command(flatten)]
    wish: Wish,
}

/// Flags of `keeper job import gelato-task`.
#[derive(Debug, Clone, Args)]
pub struct GelatoArgs {
    /// The contract Automate
    #[arg(long, value_name = "ADDRESS")]
    automate: Address,
    /// The task's id
    #[arg(long, value_name = "32 BYTES")]
    task_id: B256,
    /// The block since which the task's creation is looked for
    #[arg(long, default_value_t = 0, value_name = "BLOCK")]
    since: u64,
    #[command(flatten)]
    wish: Wish,
}

/// What the job's owner wants otherwise than it was.
#[derive(Debug, Clone, Copy, Default, Args)]
struct Wish {
    /// Gas the target's callback may use [default: as it was]
    #[arg(long)]
    callback_gas: Option<u32>,
    /// Take it up though it was cancelled there
    #[arg(long)]
    cancelled: bool,
}

pub(in crate::cli) async fn run(global: &Global, command: ImportCommand) -> Result<Exit> {
    let chain = Chain::connect(global, &global.settings()?).await?;
    let proposal = read(&chain, command).await.map_err(|refusal| (refusal.exit(), refusal));
    let proposal = proposal.or_else(|(exit, refusal)| Err(refusal).exit(exit))?;
    let mut lines = proposal.rows();
    lines.push(("note", proposal.admission(None)));
    answer(global, proposal.document(), &rows(&lines));
    Ok(Exit::Success)
}

async fn read(chain: &Chain, command: ImportCommand) -> Result<Proposal, Refusal> {
    let reader = Reader::new(chain.provider.clone()).await?;
    match command {
        ImportCommand::ChainlinkUpkeep(args) => chainlink::read(&reader, args.registry, args.id, args.wish).await,
        ImportCommand::GelatoTask(GelatoArgs { automate, task_id: task, since, wish }) => {
            let filter = gelato::filter(automate, task);
            let created = newest_log(&chain.rpc, since, &filter, |log| gelato::created(log, automate, task)).await?;
            let created = created.ok_or(Refusal::NoSuchTask { automate, task, since })?;
            gelato::read(&reader, automate, created, wish).await
        }
    }
}

/// Gas of the callback: as wished, else as it was.
fn callback_gas(wish: Wish, before: u32) -> Result<u32, Refusal> {
    match wish.callback_gas.unwrap_or(before) {
        0 => Err(Refusal::NoGas),
        asked if asked > MAX_CALLBACK_GAS => Err(Refusal::TooMuchGas { asked, most: MAX_CALLBACK_GAS }),
        gas => Ok(gas),
    }
}

#[cfg(test)]
mod tests;

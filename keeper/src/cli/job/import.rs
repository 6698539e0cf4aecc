//! `keeper job import`: reads an entry of a keeper network that is no more, and proposes the job that does the same, or lists it.
//!
//! ```text
//!  registry ──► entry ──► proposal ──► flags of `keeper job create`, under those that are given ──► what `create` does
//! ```
//!
//! Nothing of an entry is believed: one that makes no sense here, or that a registry lies about, ends in a [`Refusal`] with a
//! name. What is proposed is shown whole before anything is sent.

mod ask;
mod chainlink;
#[cfg(feature = "fuzz")]
pub(super) mod fuzz;
mod gelato;
mod offchain;
mod offer;
mod proposal;
mod refusal;

use alloy::primitives::{Address, B256, U256};
use anyhow::Result;
use clap::{Args, Subcommand};

use self::ask::Reader;
pub(super) use self::proposal::Proposal;
use self::refusal::Refusal;
use super::flags::CreateFlags;
use crate::chain::newest_log;
use crate::cli::chain::{Broadcast, Chain};
use crate::cli::filed::{Asked, Filed};
use crate::cli::{Exit, Global, WithExit};

/// Most that the contract takes of a call, and of an action's parameters.
const MAX_CALL_BYTES: usize = 4_096;
/// Most gas that a callback may use.
const MAX_CALLBACK_GAS: u32 = 500_000;

/// `keeper job import ...`
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// An upkeep of Chainlink Automation, from a registry of version 2.0 to 2.3
    #[command(after_help = PROPOSED)]
    ChainlinkUpkeep(Box<ChainlinkArgs>),
    /// A task of Gelato, from its contract Automate
    #[command(after_help = PROPOSED)]
    GelatoTask(Box<GelatoArgs>),
}

/// What help says besides.
const PROPOSED: &str = "\
What the entry says stands where no flag says otherwise; the fee is the least that the network takes, and what ten runs cost at the
most is set aside, where --fee and --fund do not name other amounts. All of it is shown; with --broadcast the job is listed.";

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
    terms: Taken,
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
    terms: Taken,
}

/// What is asked for besides, and what is done with it.
#[derive(Debug, Clone, Args)]
struct Taken {
    /// Take it up though it was cancelled there
    #[arg(long)]
    cancelled: bool,
    #[command(flatten)]
    flags: Filed<CreateFlags>,
    #[command(flatten)]
    broadcast: Broadcast,
}

/// What the job's owner wants otherwise than it was, as far as reading it goes.
#[derive(Debug, Clone, Copy, Default)]
struct Wish {
    /// Gas the target's callback may use; none: as it was.
    callback_gas: Option<u32>,
    /// Whether it is taken up though it was cancelled there.
    cancelled: bool,
}

/// Which entry.
#[derive(Debug, Clone, Copy)]
enum Which {
    Upkeep { registry: Address, id: U256 },
    Task { automate: Address, task: B256, since: u64 },
}

impl ImportCommand {
    fn parts(self) -> (Which, Taken) {
        match self {
            Self::ChainlinkUpkeep(args) => {
                let ChainlinkArgs { registry, id, terms } = *args;
                (Which::Upkeep { registry, id }, terms)
            }
            Self::GelatoTask(args) => {
                let GelatoArgs { automate, task_id: task, since, terms } = *args;
                (Which::Task { automate, task, since }, terms)
            }
        }
    }
}

impl Wish {
    fn of(asked: &Asked<CreateFlags>, cancelled: bool) -> Self {
        let callback_gas = asked.value("callback-gas").and_then(|gas| gas.to_str()?.parse().ok());
        Self { callback_gas, cancelled }
    }
}

pub(in crate::cli) async fn run(global: &Global, command: ImportCommand) -> Result<Exit> {
    let settings = global.settings()?;
    let (which, Taken { cancelled, flags, broadcast }) = command.parts();
    let asked = flags.read(&[])?;
    let key = broadcast.key(global, &settings);
    let chain = Chain::connect(global, &settings).await?;
    let proposal = read(&chain, which, Wish::of(&asked, cancelled)).await;
    let proposal = proposal.or_else(|refusal| {
        let exit = refusal.exit();
        Err(refusal).exit(exit)
    })?;
    offer::offer(global, &chain, (key, broadcast), (proposal, asked)).await
}

async fn read(chain: &Chain, which: Which, wish: Wish) -> Result<Proposal, Refusal> {
    let reader = Reader::new(chain.provider.clone()).await?;
    match which {
        Which::Upkeep { registry, id } => chainlink::read(&reader, registry, id, wish).await,
        Which::Task { automate, task, since } => {
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

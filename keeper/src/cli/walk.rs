//! What a newcomer lacks before `keeper join` can run, one step after the other: network file, folders, keys, coin,
//! registration. What is there is not asked about, so the same command goes on wherever it was left.

mod place;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use alloy::primitives::{Address, U256};
use anyhow::{Context, Result, anyhow};
use contracts::network::Network;

use super::chain::coin;
use super::terminal::Terminal;
use super::{Exit, Global, NodeFlags, WithExit};
use crate::keystore::{Error, Keystore, Password};

/// Where an operator stands before its keeper has run.
enum Standing {
    /// In the registry.
    Registered,
    /// Its account holds too little to register.
    Poor {
        /// What it has.
        has: U256,
        /// What it takes.
        needs: U256,
    },
    /// It could register.
    Able,
    /// The chain cannot be asked, for this reason.
    Unknown(String),
}

/// What the steps stand on: files and chain.
trait Ground {
    /// The network file, if one is named.
    fn network(&self) -> Result<Option<PathBuf>>;
    /// Names the network file for good.
    fn name_network(&mut self, file: &Path) -> Result<()>;
    /// The operator, if there are keys.
    fn operator(&self) -> Result<Option<Address>>;
    /// Makes folders, config file, mesh identity and keys.
    fn make_keys(&mut self) -> Result<Address>;
    /// Asks the chain.
    async fn standing(&mut self, operator: Address) -> Standing;
    /// Lets some time pass.
    async fn pause(&mut self);
    /// Allocates stake and registers.
    async fn register(&mut self) -> Result<u16>;
}

/// Walks through what is missing, with somebody at the terminal. The settings that came of it, and the password if it was
/// needed.
pub(super) async fn through(
    mut person: impl Terminal,
    global: Global,
    node: &NodeFlags,
) -> Result<(Global, Option<Password>)> {
    let mut place = place::Place::new(global, node.clone());
    walk(&mut person, &mut place).await?;
    Ok(place.leave())
}

/// Without a terminal: what is missing is an error that has the next command.
pub(super) fn next(global: &Global, node: &NodeFlags) -> Result<()> {
    if node.settings(global)?.network.is_none() {
        // What is said of that has the flag, the variable and the key already.
        return Ok(());
    }
    match Keystore::at(&global.paths()?.keystores()).public() {
        Err(error @ Error::Missing { .. }) => {
            let mut line = "keeper keys new".to_owned();
            let flags = [("--datadir", &global.datadir), ("--password-file", &global.password_file)];
            for (flag, value) in flags.into_iter().filter_map(|(flag, value)| Some((flag, value.as_ref()?))) {
                line.push_str(&format!(" {flag} {}", value.display()));
            }
            Err(error).with_context(|| format!("this keeper cannot join yet; the next command is: {line}"))
        }
        _ => Ok(()),
    }
}

async fn walk(terminal: &mut impl Terminal, ground: &mut impl Ground) -> Result<()> {
    if ground.network()?.is_none() {
        let file = ask_for_network(terminal)?;
        ground.name_network(&file)?;
    }
    let operator = match ground.operator()? {
        Some(operator) => operator,
        None => {
            terminal.say(
                "This data directory has no keys yet: a BLS key that signs results, and a wallet that is the operator.",
            );
            agree(terminal, "Make them now?")?;
            let operator = ground.make_keys()?;
            terminal
                .say(&format!("The operator is {operator}. Back up the keys once it runs: keeper backup create FILE"));
            operator
        }
    };
    let mut told = false;
    loop {
        match ground.standing(operator).await {
            Standing::Registered => return Ok(()),
            Standing::Unknown(why) => {
                terminal.say(&format!("The chain cannot be asked now, so registration is looked at later: {why}"));
                return Ok(());
            }
            Standing::Poor { has, needs } => {
                if !told {
                    let (has, needs) = (coin(has), coin(needs));
                    terminal.say(&format!(
                        "{operator} holds {has}, and registering takes up to {needs}: send it some coin. Waiting for it; \
                         Ctrl-C stops, and the same command goes on from here."
                    ));
                }
                told = true;
                ground.pause().await;
            }
            Standing::Able => {
                agree(
                    terminal,
                    &format!("{operator} is not registered yet. Register it now, with all of its deposit?"),
                )?;
                let index = ground.register().await?;
                terminal.say(&format!("Registered with index {index}; it counts from the next epoch."));
                return Ok(());
            }
        }
    }
}

/// The path of a network file that can be read; asked for until one can.
fn ask_for_network(terminal: &mut impl Terminal) -> Result<PathBuf> {
    terminal.say("Which network? Its deployer has written a network.toml: chain, contracts, bootnodes.");
    loop {
        let typed = terminal.ask("Path of the network file:")?.ok_or_else(left).exit(Exit::Usage)?;
        if typed.is_empty() {
            continue;
        }
        let path = std::path::absolute(&typed).context("that is no path")?;
        match Network::load(&path) {
            Ok(_) => return Ok(path),
            Err(error) => terminal.say(&error.to_string()),
        }
    }
}

/// Goes on with Enter or yes.
fn agree(terminal: &mut impl Terminal, question: &str) -> Result<()> {
    let typed = terminal.ask(&format!("{question} [Y/n]"))?;
    match typed.map(|typed| typed.to_lowercase()).as_deref() {
        Some("" | "y" | "yes") => Ok(()),
        _ => Err(left()).exit(Exit::Failure),
    }
}

fn left() -> anyhow::Error {
    anyhow!("left before the end: nothing more was done, and the same command goes on from here")
}

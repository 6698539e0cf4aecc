//! `swarm`: a whole network on this machine, for trying, showing and testing. Started by `bootstrap/swarm.sh`.

use std::path::PathBuf;
use std::process::ExitCode;

use alloy::primitives::Address;
use anyhow::Result;
use bootstrap::swarm::proof::Proof;
use bootstrap::swarm::{Options, Swarm, demo, fund, run, watch, welcome};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

/// Starts a chain, the contracts, a bootnode, keepers and example jobs; stays up until Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "swarm", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A tour in under three minutes: tasks settle, a leader is killed on its turn, keepers are cut off and come back, a liar is slashed
    Demo,
    /// Give an account 10 coins of a running swarm's chain
    Fund {
        /// The account
        address: Address,
        /// The swarm's network.toml
        #[arg(long, value_name = "FILE")]
        network: PathBuf,
    },
}

/// What a swarm is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// What the flags say.
    Serve,
    /// The tour.
    Show,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    bootstrap::logs_to_stderr();
    if let Some(reason) = cli.options.unavailable() {
        eprintln!("swarm: {reason}");
        return ExitCode::from(2);
    }
    let done = match cli.command {
        Some(Command::Fund { address, network }) => fund(address, &network).await,
        Some(Command::Demo) => serve(cli.options, Purpose::Show).await,
        None => serve(cli.options, Purpose::Serve).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("swarm: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Sets up, runs, takes down. Ctrl-C and SIGTERM end each phase in order; the children die with us in any case.
async fn serve(options: Options, purpose: Purpose) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stopped = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    tokio::pin!(stopped);
    let mut swarm = tokio::select! {
        started = Swarm::start_with_examples(options.clone()) => started?,
        () = &mut stopped => return interrupted(&options, purpose),
    };
    let result = tokio::select! {
        result = work(&mut swarm, &options, purpose) => result,
        () = &mut stopped => interrupted(&options, purpose),
    };
    swarm.stop().await;
    result
}

/// Ctrl-C is how a swarm that stays up ends; one that was to prove something has not.
fn interrupted(options: &Options, purpose: Purpose) -> Result<()> {
    if options.stops() || purpose == Purpose::Show {
        Err(anyhow::anyhow!("interrupted before all was shown"))
    } else {
        Ok(())
    }
}

async fn work(swarm: &mut Swarm, options: &Options, purpose: Purpose) -> Result<()> {
    if purpose == Purpose::Show {
        return demo(swarm).await.map(drop);
    }
    if !options.stops() {
        print(&welcome(swarm));
        return watch(swarm).await;
    }
    let proof = run(swarm).await?;
    let text = if options.json { serde_json::to_string(&proof)? } else { serde_json::to_string_pretty(&proof)? };
    print(&text);
    check(swarm, &proof)
}

fn check(swarm: &Swarm, proof: &Proof) -> Result<()> {
    let counted = swarm.jobs().first().map_or(0, |job| job.id);
    let broken = proof.broken_promises(counted);
    if broken.is_empty() {
        return Ok(());
    }
    Err(anyhow::anyhow!(broken.join("; ")))
}

#[expect(clippy::print_stdout, reason = "standard output is where the answer goes")]
fn print(text: &str) {
    println!("{text}");
}

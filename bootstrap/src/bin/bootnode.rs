//! `bootnode`: the address from which keepers join the mesh.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use bootstrap::bootnode::{Options, exit_code, run};
use bootstrap::dnsaddr::{DnsaddrArgs, records};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// An address book for keepers: holds no operator keys and needs no chain.
#[derive(Debug, Parser)]
#[command(name = "bootnode", version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the DNS records by which keepers find this bootnode under a name
    Dnsaddr(DnsaddrArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    bootstrap::logs_to_stderr();
    let done = match cli.command {
        Some(Command::Dnsaddr(args)) => records(&args).and_then(print),
        None => serve(cli.options).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without `eprintln`, which panics where nobody reads it.
            let _ = writeln!(std::io::stderr(), "Error: {error:?}");
            ExitCode::from(exit_code(&error))
        }
    }
}

fn print(text: String) -> Result<()> {
    std::io::stdout().write_all(text.as_bytes()).context("cannot print the records")
}

async fn serve(options: Options) -> Result<()> {
    let shutdown = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stopper = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopper.cancel();
    });
    run(options, std::io::stdout(), shutdown).await
}

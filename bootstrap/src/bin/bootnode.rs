//! `bootnode`: the address from which keepers join the mesh.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use bootstrap::bootnode::{Options, exit_code, run};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// An address book for keepers: holds no operator keys and needs no chain.
#[derive(Debug, Parser)]
#[command(name = "bootnode", version)]
struct Cli {
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    bootstrap::logs_to_stderr();
    match serve(cli.options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without `eprintln`, which panics where nobody reads it.
            let _ = writeln!(std::io::stderr(), "Error: {error:?}");
            ExitCode::from(exit_code(&error))
        }
    }
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

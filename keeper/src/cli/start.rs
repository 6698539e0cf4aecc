//! From the process's start to its exit code.

use std::process::ExitCode;

use clap::Parser;

use super::{Cli, Command, Exit, report_failure, run, start_logs, worker};

/// Reads the command line, starts logs and the runtime, and turns the outcome into an exit code.
#[must_use]
pub fn main() -> ExitCode {
    let command_line = Cli::parse();
    if let Command::Worker(args) = &command_line.command {
        return worker::run(args);
    }
    let json = command_line.global.json;
    let outcome = start_logs(&command_line).and_then(|()| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(run(command_line))
    });
    let exit = outcome.unwrap_or_else(|error| {
        report_failure(&error, json);
        Exit::of(&error)
    });
    ExitCode::from(exit.code())
}

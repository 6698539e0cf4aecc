//! The `keeper` binary: reads the command line, starts logs and the runtime, and turns the outcome into an exit code.

use std::process::ExitCode;

use clap::Parser;
use keeper::cli::{self, Cli, Exit};

fn main() -> ExitCode {
    let command_line = Cli::parse();
    let json = command_line.global.json;
    let outcome = cli::start_logs(&command_line).and_then(|()| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(cli::run(command_line))
    });
    let exit = outcome.unwrap_or_else(|error| {
        cli::report_failure(&error, json);
        Exit::of(&error)
    });
    ExitCode::from(exit.code())
}

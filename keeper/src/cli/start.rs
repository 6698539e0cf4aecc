//! From the process's start to its exit code.

use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue};

use super::{Cli, Command, Exit, report_failure, run, start_logs, worker};

/// Reads the command line, starts logs and the runtime, and turns the outcome into an exit code.
#[must_use]
pub fn main() -> ExitCode {
    let command_line = Cli::try_parse().unwrap_or_else(|error| without_url(error).exit());
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

/// A URL that is wrong is not repeated: it may hold a key.
pub(super) fn without_url(mut error: clap::Error) -> clap::Error {
    let is_rpc = error.get(ContextKind::InvalidArg).is_some_and(|argument| argument.to_string().contains("--rpc-url"));
    let is_url = error.get(ContextKind::InvalidValue).is_some_and(|value| value.to_string().contains("://"));
    if is_rpc || is_url {
        error.insert(ContextKind::InvalidValue, ContextValue::String("(not shown)".to_owned()));
    }
    error
}

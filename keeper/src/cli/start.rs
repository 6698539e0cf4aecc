//! From the process's start to its exit code.

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use clap::error::{ContextKind, ContextValue};

use super::{Cli, Command, Exit, report_failure, run, start_logs, worker};
use crate::memory;

/// How long threads that are still at work may hold up the end of the process.
const THREADS_PATIENCE: Duration = Duration::from_secs(2);

/// Reads the command line, starts logs and the runtime, and turns the outcome into an exit code.
#[must_use]
pub fn main() -> ExitCode {
    let command_line = Cli::try_parse().unwrap_or_else(|error| without_url(error).exit());
    if let Command::Worker(args) = &command_line.command {
        return worker::run(args);
    }
    memory::keep_little();
    let json = command_line.global.json;
    let outcome = start_logs(&command_line).and_then(|()| to_its_end(run(command_line))?);
    let exit = outcome.unwrap_or_else(|error| {
        report_failure(&error, json);
        Exit::of(&error)
    });
    ExitCode::from(exit.code())
}

/// Runs on a runtime of its own, and does not wait for threads that hang in the operating system, as one does that asks a
/// name server which does not answer. What must be on disk is there by now: whatever writes it was waited for.
fn to_its_end<T>(work: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("could not start the runtime")?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(THREADS_PATIENCE);
    Ok(outcome)
}

/// A URL that is wrong is not repeated: it may hold a key.
pub(super) fn without_url(mut error: clap::Error) -> clap::Error {
    let is_rpc = error.get(ContextKind::InvalidArg).is_some_and(|argument| argument.to_string().contains("--rpc-url"));
    let is_url = error.get(ContextKind::InvalidValue).is_some_and(|value| value.to_string().contains("://"));
    if is_rpc || is_url {
        error.insert(ContextKind::InvalidValue, ContextValue::String("(not shown)".to_owned()));
    }
    // One that stands where none is expected, as the second of two without a comma.
    for place in [ContextKind::InvalidArg, ContextKind::InvalidSubcommand] {
        if error.get(place).is_some_and(|value| value.to_string().contains("://")) {
            error.insert(place, ContextValue::String("(a URL, not shown)".to_owned()));
        }
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_hangs_does_not_hold_up_the_end() {
        let (release, hung) = std::sync::mpsc::channel::<()>();
        let (started, starts) = tokio::sync::oneshot::channel();
        let begun = std::time::Instant::now();
        let outcome = to_its_end(async {
            tokio::task::spawn_blocking(move || {
                let _ = started.send(());
                hung.recv()
            });
            starts.await.map(|()| 7)
        });
        assert!(matches!(outcome, Ok(Ok(7))));
        assert!(begun.elapsed() < Duration::from_secs(60), "it is not waited for");
        drop(release);
    }
}

//! From the process's start to its exit code.

use std::ffi::OsString;
use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, FromArgMatches};

use super::origin::Given;
use super::{Cli, Code, Command, Exit, WithExit, argv, report_failure, run, start_logs, worker};
use crate::memory;

/// How long threads that are still at work may hold up the end of the process.
const THREADS_PATIENCE: Duration = Duration::from_secs(2);

/// Reads the command line, starts logs and the runtime, and turns the outcome into an exit code.
#[must_use]
pub fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    // Before it is read: what cannot be read is to be told in JSON too.
    let json = words.iter().any(|word| word == "--json");
    if let Some(error) = argv::secret(&words) {
        return failed(&error, json);
    }
    let command_line = match parse(words) {
        Ok(command_line) => command_line,
        Err(error) if error.use_stderr() => return failed(&misspelt(error), json),
        // Help and version are answers.
        Err(error) => error.exit(),
    };
    if let Command::Worker(args) = &command_line.command {
        return worker::run(args);
    }
    memory::keep_little();
    let json = command_line.global.json;
    let outcome = start_logs(&command_line).and_then(|()| to_its_end(run(command_line))?);
    outcome.map_or_else(|error| failed(&error, json), |exit| ExitCode::from(exit.code()))
}

fn failed(error: &anyhow::Error, json: bool) -> ExitCode {
    report_failure(error, json);
    ExitCode::from(Exit::of(error).code())
}

/// Reads a command line, and notes which settings it and the environment give.
pub(super) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let matches = unset_empty(Cli::command()).try_get_matches_from(words)?;
    let mut command_line = Cli::from_arg_matches(&matches)?;
    command_line.global.given = Given::of(&matches);
    Ok(command_line)
}

/// A variable that is set to nothing is not set: files of containers write `KEEPER_RPC_URL: ${KEEPER_RPC_URL:-}`.
fn unset_empty(command: clap::Command) -> clap::Command {
    let is_empty = |flag: &clap::Arg| flag.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    let command = command.mut_args(|flag| if is_empty(&flag) { flag.env(None::<&'static str>) } else { flag });
    command.mut_subcommands(unset_empty)
}

/// A command line that cannot be read, in clap's words.
fn misspelt(error: clap::Error) -> anyhow::Error {
    let words = without_secret(error).to_string();
    let words = words.strip_prefix("error: ").unwrap_or(&words).trim_end().replace("\n\n", "\n");
    Err::<(), _>(anyhow!(words)).code(Code::CommandLine).expect_err("it is an error")
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

/// A URL that is wrong is not repeated, for it may hold a key, nor is what looks like a key itself.
pub(super) fn without_secret(mut error: clap::Error) -> clap::Error {
    let is_rpc = error.get(ContextKind::InvalidArg).is_some_and(|argument| argument.to_string().contains("--rpc-url"));
    let hides = |value: &ContextValue| value.to_string().contains("://") || argv::is_key(&value.to_string());
    let is_secret = error.get(ContextKind::InvalidValue).is_some_and(hides);
    if is_rpc || is_secret {
        error.insert(ContextKind::InvalidValue, ContextValue::String("(not shown)".to_owned()));
    }
    // One that stands where none is expected, as the second of two without a comma.
    for place in [ContextKind::InvalidArg, ContextKind::InvalidSubcommand] {
        if error.get(place).is_some_and(hides) {
            error.insert(place, ContextValue::String("(a URL or a key, not shown)".to_owned()));
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

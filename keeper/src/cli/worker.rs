//! `keeper worker`: the process in which job code is compiled and run. Started by a keeper, never by hand; see `executor::cell`.

use std::process::ExitCode;

use clap::Args;
use executor::Role;

/// Flags of `keeper worker`.
#[derive(Debug, Clone, Args)]
pub struct WorkerArgs {
    /// What it is for: run or compile
    pub role: Role,
}

/// Before logs, files and threads: a worker has none of them.
pub(crate) fn run(args: &WorkerArgs) -> ExitCode {
    executor::cell::main(args.role)
}

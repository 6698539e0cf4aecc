//! A keeper that signs two results of every task, or a wrong one of a single run: for `bootstrap/swarm.sh --equivocate` and
//! `--wrong-result`, and an honest one of another version of the wire for `tests/e2e/versions.rs`, alone. Never run it with stake
//! that is worth something.

use std::process::ExitCode;

fn main() -> ExitCode {
    keeper::cli::main()
}

//! A keeper that signs two results of every task, or a wrong one of a single run: for `bootstrap/swarm.sh --equivocate` and
//! `--wrong-result` alone. Never run it with stake
//! that is worth something.

use std::process::ExitCode;

fn main() -> ExitCode {
    keeper::cli::main()
}

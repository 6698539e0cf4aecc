//! A keeper that signs two results of every task: for `bootstrap/swarm.sh --equivocate` alone. Never run it with stake
//! that is worth something.

use std::process::ExitCode;

fn main() -> ExitCode {
    keeper::cli::main()
}

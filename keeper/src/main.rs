//! The `keeper` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    keeper::cli::main()
}

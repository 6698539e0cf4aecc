//! The cell by itself, as `keeper worker` starts it: `executor-cell worker run|compile`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(2).and_then(|word| word.parse().ok()) {
        Some(role) => executor::cell::main(role),
        None => ExitCode::from(2),
    }
}

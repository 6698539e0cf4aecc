//! What a network needs around its keepers: the bootnode new ones start from, and a whole network on one machine.
//!
//! ```text
//!   swarm (this process)
//!   ├── anvil           the chain                     ┐
//!   ├── bootnode        the address book              │ real processes; each dies with the swarm,
//!   ├── keeper × N      joined through the bootnode   │ however the swarm dies
//!   ├── sweeper         removes the directory         ┘
//!   ├── CodeServer      serves the example jobs' code over HTTP on loopback
//!   ├── Ledger          what the chain's blocks say was settled
//!   └── Reports         what the keepers' APIs say about latency
//! ```
//!
//! [`swarm::Swarm`] is the handle that the `swarm` binary and the end to end tests share.

use std::ffi::OsStr;
use std::io::IsTerminal;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub mod bootnode;
pub mod dnsaddr;
pub mod process;
pub mod swarm;
pub mod sweeper;
pub mod wait;

/// Sends the program's log to standard error; `RUST_LOG` chooses how much. In colour on a terminal, plain in a file;
/// of libp2p's own lines one a minute of each kind.
pub fn logs_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    let colour = in_colour(std::io::stderr().is_terminal(), std::env::var_os("NO_COLOR").as_deref());
    // A log that nobody reads any more, or a full disk, ends nothing: the layer would print that, and so panic.
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colour);
    let lines = lines.log_internal_errors(false);
    tracing_subscriber::registry().with(filter).with(p2p::Quiet::default()).with(lines).init();
}

/// <https://no-color.org>: a variable that is set and not empty.
fn in_colour(is_terminal: bool, no_color: Option<&OsStr>) -> bool {
    is_terminal && no_color.is_none_or(OsStr::is_empty)
}

#[cfg(test)]
mod tests {
    use super::in_colour;

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        for (is_terminal, no_color, colour) in [
            (true, None, true),
            (true, Some(""), true),
            (true, Some("1"), false),
            (false, None, false),
            (false, Some(""), false),
        ] {
            assert_eq!(in_colour(is_terminal, no_color.map(str::as_ref)), colour, "{is_terminal} {no_color:?}");
        }
    }
}

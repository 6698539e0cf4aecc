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

pub mod bootnode;
pub mod process;
pub mod swarm;
pub mod sweeper;
pub mod wait;

/// Sends the program's log to standard error; `RUST_LOG` chooses how much.
pub fn logs_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

//! What Rust knows of the contracts: typed bindings with creation bytecode, `network.toml`, and the deployer.
//!
//! The bindings are made from `contracts/artifacts/*.json`, so compiling them needs no Solidity compiler;
//! `contracts/build.sh --check` proves that the artifacts match the sources. Meaning, units and errors of every function
//! are documented where they are fixed: in `contracts/src/interfaces/*.sol`.

mod abi;
#[cfg(test)]
mod anvil;
pub mod deploy;
#[cfg(test)]
mod differential;
mod errors;
pub mod network;
mod run;
mod settled;
pub mod terms;
pub mod text;
pub mod url;

pub use abi::allocation::{IAllocationManager, LocalAllocationManager};
pub use abi::challenger::ITaskManager::Certificate as RulingCertificate;
pub use abi::challenger::{Challenger, IChallenger, ReportLib};
pub use abi::examples::{Counter, Feed, PlayMoney, Resolved, Ringer, Tank, Upkept};
pub use abi::forwarder::JobForwarder;
pub use abi::jobs::{IJobManager, JobManager};
pub use abi::proxy::ERC1967Proxy;
pub use abi::reader::JobReader;
pub use abi::registry::{IKeeperRegistry, KeeperRegistry};
pub use abi::service::ServiceManager;
pub use abi::tasks::{ITaskManager, TaskManager};
pub use abi::timelock::TimelockController;
pub use errors::error_name;
pub use run::Run;
pub use settled::{SettledTask, settled_tasks};

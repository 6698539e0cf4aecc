//! Whether the contracts of these sources may take the place of those of a network.

use alloy::primitives::{Address, B256, keccak256};
use alloy::providers::Provider;
use alloy::sol_types::SolConstructor;

use super::DeployError;
use crate::network::Network;
use crate::{JobForwarder, JobManager};

/// Checks that the forwarders of a network stay where they are. Each job's stands at an address that follows from the code
/// it was created with, and all targets know it by that: a `JobManager` with other code for forwarders would look for every
/// one where there is none.
///
/// # Errors
/// [`DeployError::ForwarderChanged`], or the node fails.
pub async fn check_upgrade<P: Provider>(provider: &P, network: &Network) -> Result<(), DeployError> {
    let contracts = &network.contracts;
    let jobs = JobManager::new(contracts.job_manager, provider);
    let on_chain = jobs.forwarderCodeHash().call().await;
    let on_chain = on_chain.map_err(DeployError::unreadable)?;
    let ours = forwarder_code_hash(contracts.task_manager);
    if ours == on_chain { Ok(()) } else { Err(DeployError::ForwarderChanged { on_chain, ours }) }
}

fn forwarder_code_hash(task_manager: Address) -> B256 {
    let constructor = JobForwarder::constructorCall { taskManager_: task_manager };
    keccak256([JobForwarder::BYTECODE.as_ref(), &constructor.abi_encode()].concat())
}

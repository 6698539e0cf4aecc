//! Contracts that nobody here wrote run unchanged.

mod by_hand;
mod import;
mod mesh;
mod registries;

use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes};
use alloy::providers::Provider;
use alloy::sol_types::SolValue;
use anyhow::Result;
use bootstrap::process::Spawner;
use bootstrap::swarm::anvil::Anvil;
use serde_json::Value;
use tests::unchanged::abi::LogTriggerConfig;
use tests::unchanged::{Contract, Due, Registered, Workshop};

/// A chain alone, for what needs no keepers.
struct Bench {
    anvil: Anvil,
    workshop: Workshop,
    _spawner: Spawner,
    _directory: tempfile::TempDir,
}

impl Bench {
    async fn start() -> Result<Self> {
        let (directory, spawner) = (tempfile::tempdir()?, Spawner::new()?);
        let anvil = Anvil::start(&spawner, directory.path(), Duration::from_millis(200), None).await?;
        let workshop = Workshop::new(anvil.provider().clone(), anvil.faucet())?;
        Ok(Self { anvil, workshop, _spawner: spawner, _directory: directory })
    }

    /// Lets seconds pass.
    async fn pass(&self, seconds: u64) -> Result<()> {
        let provider = self.anvil.provider();
        let _: Value = provider.raw_request("evm_increaseTime".into(), [seconds]).await?;
        let _: Value = provider.raw_request("evm_mine".into(), ()).await?;
        Ok(())
    }
}

/// A contract as its owner registered it.
fn registered(contract: &Contract) -> Registered {
    let log = match contract.due {
        Due::Condition { .. } => Bytes::new(),
        Due::Log { emitter, topic0 } => {
            let config = LogTriggerConfig { contractAddress: emitter, topic0, ..log_trigger() };
            config.abi_encode().into()
        }
    };
    Registered { target: contract.target, gas: contract.gas, log, ..Registered::default() }
}

fn log_trigger() -> LogTriggerConfig {
    let none = B256::ZERO;
    LogTriggerConfig {
        contractAddress: Address::ZERO,
        filterSelector: 0,
        topic0: none,
        topic1: none,
        topic2: none,
        topic3: none,
    }
}

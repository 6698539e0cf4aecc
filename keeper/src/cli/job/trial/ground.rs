//! Where a run is tried: a chain by its network file, or any node by its URL alone.

use std::path::PathBuf;
use std::time::Duration;

use alloy::primitives::{Address, B256, keccak256};
use alloy::providers::{Provider, RootProvider};
use anyhow::{Context, Result, anyhow};
use clap::Args;
use consensus::anchor::BlockRef;
use consensus::time::Pace;
use contracts::JobManager;
use contracts::network::{Contracts, Network};

use crate::chain::{ChainConfig, ChainError, Head, Rpc, head_at};
use crate::cli::chain::Chain;
use crate::cli::{Exit, Global, WithExit};
use crate::keystore::Keystore;

/// How long a node may take to say which chain it serves.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who calls the target.
#[derive(Debug, Clone, Args)]
pub(in crate::cli::job) struct Caller {
    /// Whose job it would be: with the salt that makes the address that calls the target [default: your wallet's account]
    #[arg(long, value_name = "ADDRESS")]
    owner: Option<Address>,
    /// The address that calls the target, in place of the job's own
    #[arg(long, value_name = "ADDRESS", conflicts_with = "owner")]
    called_from: Option<Address>,
}

/// The one who calls the target, and whether that is the job's own forwarder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forwarder {
    pub(super) address: Address,
    pub(super) whose: Whose,
}

/// What is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// It is the one that the job would have, with its owner and salt.
    TheJobs,
    /// It was named.
    Named,
    /// It stands in for one that is not known: the contracts, the owner or the salt are not.
    StandIn,
}

/// A chain to try runs on.
pub(in crate::cli::job) struct Ground {
    pub(in crate::cli::job) chain: Chain,
    /// Whether the network's contracts are known, and there.
    pub(super) has_contracts: bool,
}

impl Ground {
    /// A network's, or that of the node that `--rpc-url` alone names.
    ///
    /// # Errors
    /// Neither is named, or no node answers.
    pub(in crate::cli::job) async fn open(global: &Global) -> Result<Self> {
        let settings = global.settings()?;
        let by_url = global.network.is_none() && !global.rpc_urls.is_empty();
        if !by_url && settings.network.is_some() {
            return Ok(Self { chain: Chain::connect(global, &settings).await?, has_contracts: true });
        }
        let url = settings.rpc_urls.first().context(
            "there is no chain to try it on: pass --network network.toml, or --rpc-url with any node or fork, such as an anvil",
        );
        let url = url.exit(Exit::Usage)?.clone();
        let node: RootProvider = RootProvider::new_http(url);
        let asked = tokio::time::timeout(PATIENCE, node.get_chain_id()).await;
        let chain_id = asked.map_err(|_| anyhow!("it does not answer in {} s", PATIENCE.as_secs()));
        let chain_id = chain_id.and_then(|asked| asked.map_err(|error| anyhow!(ChainError::from(error))));
        let chain_id =
            chain_id.context("the node of --rpc-url does not say which chain it serves").exit(Exit::Chain)?;
        let network = bare(chain_id, settings.rpc_urls.iter().map(ToString::to_string).collect());
        let config = ChainConfig { network, network_file: PathBuf::from("(--rpc-url)") };
        Ok(Self { chain: Chain::over(Rpc::new(&config)?, config), has_contracts: false })
    }

    /// The block with this number, or the newest confirmed one.
    ///
    /// # Errors
    /// No node shows it.
    pub(in crate::cli::job) async fn block(&self, number: Option<u64>) -> Result<BlockRef> {
        let newest = self.chain.newest().await?;
        let number = number.unwrap_or_else(|| newest.number.saturating_sub(self.chain.network.confirmations));
        self.at(number).await
    }

    pub(super) async fn at(&self, number: u64) -> Result<BlockRef> {
        let Head { number, hash, timestamp, .. } = head_at(&self.chain.provider, number).await.exit(Exit::Chain)?;
        Ok(BlockRef { number, hash, timestamp })
    }

    /// Seconds from a block's time until what it shows is acted on.
    pub(super) fn confirmed_seconds(&self) -> u64 {
        let network = &self.chain.network;
        Pace::of(network.block_time(), network.confirmations).confirmed_seconds
    }

    /// Who calls the target of a job with this salt.
    pub(super) async fn forwarder(&self, global: &Global, caller: &Caller, salt: Option<B256>) -> Result<Forwarder> {
        if let Some(address) = caller.called_from {
            return Ok(Forwarder { address, whose: Whose::Named });
        }
        let wallet = || Keystore::at(&global.paths().ok()?.keystores()).wallet_address().ok();
        let owner = caller.owner.or_else(wallet);
        let stand_in = Address::from_slice(&keccak256("the forwarder of a job that is not listed")[12..]);
        let (true, Some(owner)) = (self.has_contracts, owner) else {
            return Ok(Forwarder { address: stand_in, whose: Whose::StandIn });
        };
        let manager = JobManager::new(self.chain.network.contracts.job_manager, &self.chain.provider);
        let made = manager.forwarderFor(owner, salt.unwrap_or_default()).call().await.map_err(ChainError::from)?;
        Ok(Forwarder { address: made, whose: if salt.is_some() { Whose::TheJobs } else { Whose::StandIn } })
    }
}

impl Forwarder {
    /// As people read it.
    pub(super) fn words(&self) -> String {
        let Self { address, whose } = self;
        match whose {
            Whose::TheJobs => format!("{address}, which the job will have with this owner and salt"),
            Whose::Named => format!("{address}, as asked for"),
            Whose::StandIn => {
                format!(
                    "{address}, a stand-in: the job's own follows from network, owner and --salt; --called-from names another"
                )
            }
        }
    }
}

/// What is known of a network by its nodes alone.
fn bare(chain_id: u64, rpc_urls: Vec<String>) -> Network {
    let nowhere = Contracts {
        keeper_registry: Address::ZERO,
        job_manager: Address::ZERO,
        task_manager: Address::ZERO,
        service_manager: Address::ZERO,
        challenger: Address::ZERO,
        allocation_manager: Address::ZERO,
        strategy: Address::ZERO,
    };
    Network {
        chain_id,
        rpc_urls,
        deploy_block: 0,
        bootnodes: Vec::new(),
        confirmations: 0,
        block_seconds: 1,
        block_milliseconds: None,
        epoch_seconds: 1,
        contracts: nowhere,
    }
}

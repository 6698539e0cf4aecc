//! What the chain says to a receipt: whose operator table that is, where the task settled, what its job asked for.

use std::path::PathBuf;

use alloy::primitives::Address;
use alloy::providers::Provider;
use alloy::sol_types::SolValue;
use anyhow::{Context, Result, anyhow};
use contracts::network::{Contracts, Network};
use contracts::{KeeperRegistry, SettledTask, TaskManager};

use crate::chain::{ChainConfig, ChainError, Receipt as Mined, Rpc, head_at};
use crate::cli::chain::Chain;
use crate::cli::dispute::Which;
use crate::cli::receipt::{History, settled_in};
use crate::cli::{Exit, Global, WithExit};
use crate::jobs::flags::RunName;
use crate::receipt::{Receipt, Refusal, chunks_of};

/// What goes unasked where the network's file is not there.
const WITHOUT_A_NETWORK: &str =
    "whether those are your network's contracts, and what the job asked for: --network network.toml";

/// A chain, and whether its contracts are known by more than the receipt's word.
pub(super) struct Witness {
    chain: Chain,
    registry: Address,
    has_network: bool,
}

impl Witness {
    /// The network's chain, or the node that `--rpc-url` alone names with the contracts that the receipt names.
    pub(super) async fn call(global: &Global, receipt: &Receipt) -> Result<Self> {
        let settings = global.settings()?;
        let by_url = global.network.is_none() && !global.rpc_urls.is_empty();
        if !by_url {
            let chain = Chain::connect(global, &settings).await?;
            let registry = chain.network.contracts.keeper_registry;
            return Ok(Self { chain, registry, has_network: true });
        }
        let urls = settings.rpc_urls.iter().map(ToString::to_string).collect();
        let config = ChainConfig { network: named_by(receipt, urls), network_file: PathBuf::from("(--rpc-url)") };
        let chain = Chain::over(Rpc::new(&config)?, config);
        let manager = TaskManager::new(receipt.task_manager, &chain.provider);
        let said = manager.registry().call().await.map_err(ChainError::from);
        let registry =
            said.with_context(|| format!("asking the receipt's contract {} for its registry", receipt.task_manager));
        Ok(Self { registry: registry.exit(Exit::Chain)?, chain, has_network: false })
    }

    /// What it refuses, and what it was not asked.
    pub(super) async fn hear(&self, receipt: &Receipt) -> Result<(Vec<Refusal>, Option<&'static str>)> {
        let mut refused = Refused(Vec::new());
        let network = &self.chain.network;
        refused.equal("chain_id", &receipt.chain_id, &network.chain_id);
        refused.equal("task_manager", &receipt.task_manager, &network.contracts.task_manager);
        if !refused.0.is_empty() {
            return Ok((refused.0, None));
        }
        let manager = TaskManager::new(receipt.task_manager, &self.chain.provider);
        let separator = manager.domainSeparator().call().await.map_err(ChainError::from)?;
        if separator != receipt.domain().separator() {
            refused.note("task_manager", "the contract there signs under another name");
            return Ok((refused.0, None));
        }
        self.anchor(receipt, &mut refused).await?;
        self.committee(receipt, &mut refused).await?;
        self.settlement(receipt, &mut refused).await?;
        Ok((refused.0, (!self.has_network).then_some(WITHOUT_A_NETWORK)))
    }

    async fn anchor(&self, receipt: &Receipt, refused: &mut Refused) -> Result<()> {
        let head = head_at(&self.chain.provider, receipt.anchor.number).await?;
        refused.equal("anchor.hash", &receipt.anchor.hash, &head.hash);
        Ok(())
    }

    async fn committee(&self, receipt: &Receipt, refused: &mut Refused) -> Result<()> {
        let registry = KeeperRegistry::new(self.registry, &self.chain.provider);
        let (epoch, part) = (receipt.batch.epoch, &receipt.committee);
        let newest = registry.currentEpoch().call().await.map_err(ChainError::from)?;
        if epoch == 0 || epoch > newest {
            refused.note("batch.epoch", format!("the chain has the epochs 1 to {newest}"));
            return Ok(());
        }
        let info = registry.epochInfo(epoch).call().await.map_err(ChainError::from)?;
        refused.equal("committee.table_root", &part.table_root, &info.tableRoot);
        refused.equal("committee.active_from", &part.active_from, &info.activeFrom);
        let rows = registry.committee(epoch).call().await.map_err(ChainError::from)?;
        let code = self.chain.provider.get_code_at(info.table).await.map_err(ChainError::from)?;
        refused.equal("committee.key_chunks", &Some(part.key_chunks.clone()), &chunks_of(&code, rows.len()));
        refused.equal("committee.members", &part.members.len(), &rows.len());
        for (index, (ours, theirs)) in part.members.iter().zip(&rows).enumerate() {
            let field = |name: &str| format!("committee.members.{index}.{name}");
            refused.equal(&field("operator"), &ours.operator, &theirs.operator);
            refused.equal(&field("stake"), &ours.stake, &theirs.stake.to());
            refused.equal(&field("bls_key"), &ours.bls_key, &theirs.blsKey);
        }
        Ok(())
    }

    async fn settlement(&self, receipt: &Receipt, refused: &mut Refused) -> Result<()> {
        let (part, task) = (&receipt.settlement, receipt.task());
        let which = Which { job: task.job.0, run: RunName(task.instance), version: Some(task.version) };
        let found = settled_in(&self.chain, part.transaction, which).await?;
        let Some((settled, mined)) = found else {
            refused.note("settlement.transaction", "it is in no block, or did not settle this task");
            return Ok(());
        };
        refused.equal("settlement.block", &part.block, &mined.block);
        refused.equal("settlement.submitter", &part.submitter, &settled.submitter);
        refused.equal("settlement.delivered", &part.delivered, &settled.delivered);
        refused.equal("settlement.late_seconds", &part.late_seconds, &settled.seconds_late);
        self.content(receipt, (&settled, &mined), refused);
        if self.has_network {
            self.terms(receipt, refused).await?;
        }
        Ok(())
    }

    /// Whether that is what settled.
    fn content(&self, receipt: &Receipt, (settled, mined): (&SettledTask, &Mined), refused: &mut Refused) {
        let Some(report) = receipt.report() else { return };
        refused.equal("outcome.hash", &report.outcome_hash, &settled.outcome_hash);
        refused.equal("outcome.status", &(report.status as u8), &settled.status);
        refused.equal("anchor.number", &report.anchor.number, &settled.anchor_number);
        let ours = mined.logs.iter().filter(|log| log.address() == receipt.task_manager);
        let batches = ours.filter_map(|log| log.log_decode::<TaskManager::BatchSettled>().ok());
        let batch = (receipt.batch.root, receipt.batch.epoch);
        if !batches.map(|log| (log.inner.data.root, log.inner.data.epoch)).any(|settled| settled == batch) {
            refused.note("batch.root", "the transaction settled no such batch");
        }
    }

    /// Whether the job asked for that, and the run was due as it says.
    async fn terms(&self, receipt: &Receipt, refused: &mut Refused) -> Result<()> {
        let history = History::of(&self.chain);
        let Some(report) = receipt.report() else { return Ok(()) };
        let plan = history.plan(&report).await.map_err(|unable| anyhow!(unable.why)).exit(Exit::Chain)?;
        let asked = plan.terms.params().abi_encode();
        if receipt.terms[..] != asked[..] {
            refused.note("terms", "that is not what the job asked for in this version");
        }
        let Some(tape) = &receipt.run else { return Ok(()) };
        let trial = history.trial(&report).await.map_err(|unable| anyhow!(unable.why)).exit(Exit::Chain)?;
        refused.equal("run.anchor.timestamp", &tape.trial.anchor.timestamp, &trial.anchor.timestamp);
        refused.equal("run.due", &tape.trial.run, &trial.run);
        refused.equal("run.seen", &tape.trial.sighting, &trial.sighting);
        Ok(())
    }
}

struct Refused(Vec<Refusal>);

impl Refused {
    fn note(&mut self, field: &str, why: impl Into<String>) {
        self.0.push(Refusal::new(field, why));
    }

    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, field: &str, said: &T, shown: &T) {
        if said != shown {
            self.note(field, format!("it says {said:?}, and the chain {shown:?}"));
        }
    }
}

/// A network of which nothing is known but what the receipt says.
fn named_by(receipt: &Receipt, rpc_urls: Vec<String>) -> Network {
    let contracts = Contracts {
        keeper_registry: Address::ZERO,
        job_manager: Address::ZERO,
        task_manager: receipt.task_manager,
        service_manager: Address::ZERO,
        challenger: Address::ZERO,
        allocation_manager: Address::ZERO,
        strategy: Address::ZERO,
    };
    Network {
        chain_id: receipt.chain_id,
        rpc_urls,
        deploy_block: 0,
        bootnodes: Vec::new(),
        confirmations: 0,
        block_seconds: 1,
        block_milliseconds: None,
        epoch_seconds: 1,
        contracts,
    }
}

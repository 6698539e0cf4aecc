//! What a driver is made of: the services it calls, and the core with its engine.

use std::sync::Arc;

use anyhow::{Context, Result};
use consensus::engine;
use consensus::report::Domain;
use consensus::time::{EXPIRY_SECONDS, Pace};
use contracts::network::Network;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Front, Setup};
use crate::archive::ArchiveHandle;
use crate::chain::{ChainConfig, Constants, Rpc, Submitter};
use crate::driver::{About, Core, Services};
use crate::evidence::EvidenceHandle;
use crate::executor::{Executor, ExecutorConfig, RpcReader, WorkerProgram};
use crate::health::Limits;
use crate::jobs::Past;
use crate::jobs::action::Actions;
use crate::jobs::trial::LOCAL_CHAIN_ID;
use crate::journal::JournalHandle;
use crate::peer_code::PeerCode;

pub(super) fn services(
    (setup, constants): (&Setup, &Constants),
    chain: &ChainConfig,
    rpc: &Rpc,
    front: &Front,
    (journal, evidence, archive): (JournalHandle, EvidenceHandle, ArchiveHandle),
    history: watch::Receiver<Option<String>>,
    stop: &CancellationToken,
) -> Result<Services> {
    let reader = RpcReader::over(alloy::providers::Provider::erased(rpc.provider()), Arc::new(rpc.clone()));
    let local = chain.network.chain_id == LOCAL_CHAIN_ID;
    let executor = ExecutorConfig {
        cache_dir: setup.config.cache_dir.clone(),
        allow_private_targets: local,
        max_concurrent: std::thread::available_parallelism().map_or(1, usize::from),
        worker: WorkerProgram::this(),
    };
    let others = PeerCode::new(front.mesh.clone());
    let (wallet, datadir) = (setup.keys.wallet.clone(), setup.paths.data());
    let submitter = Submitter::new(rpc, wallet, chain, datadir, constants.tip, stop.clone())?;
    Ok(Services {
        mesh: front.mesh.clone(),
        actions: Actions {
            chain_id: chain.network.chain_id,
            job_manager: chain.network.contracts.job_manager,
            provider: rpc.provider(),
            executor: Arc::new(
                Executor::among(executor, Arc::new(reader), Arc::new(others))?
                    .with_secrets(Arc::clone(&setup.secrets) as Arc<_>),
            ),
        },
        journal,
        submitter: Arc::new(submitter.with_anchors_of(constants.anchor_age)),
        provider: rpc.provider(),
        rpc: rpc.clone(),
        past: past_of(chain, rpc),
        evidence,
        archive,
        history,
        scene: front.scene.clone(),
        pulse: front.pulse.clone(),
        alerts: front.alerts.clone(),
        limits: Limits { min_balance: setup.config.min_balance, datadir: datadir.to_owned() },
    })
}

fn past_of(chain: &ChainConfig, rpc: &Rpc) -> Past {
    let network = &chain.network;
    let pace = Pace::of(network.block_time(), network.confirmations);
    Past::new(rpc.clone(), network.contracts.job_manager, network.deploy_block, pace)
}

pub(super) fn core(
    setup: Setup,
    (chain, constants): (&ChainConfig, &Constants),
    journal: engine::JournalState,
) -> Result<Core> {
    let pace = Pace::of(chain.network.block_time(), chain.network.confirmations);
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).context("the operating system gives no random numbers")?;
    let domain = domain(&chain.network);
    let operator = setup.keys.wallet.address();
    let engine = engine::Config {
        domain,
        pace,
        anchor_age: constants.anchor_age,
        operator,
        secret: setup.keys.bls,
        peer_key: ed25519_dalek::SigningKey::from_bytes(&setup.identity.secret_seed()),
        seed,
        journal,
    };
    let about = About {
        chain_id: chain.network.chain_id,
        domain: domain.name(),
        operator,
        peer_id: setup.identity.peer_id().to_string(),
        peer_key: setup.identity.public_key(),
        pace,
        backfill_blocks: chain.network.blocks_in(EXPIRY_SECONDS),
        challenge: setup.config.challenge,
        #[cfg(feature = "equivocate")]
        pen: crate::driver::equivocate::Pen {
            secret: engine.secret.clone(),
            domain,
            wrong_run: crate::driver::equivocate::wrong_run(),
        },
    };
    Ok(Core::new(consensus::Engine::new(engine), about))
}

pub(super) fn domain(network: &Network) -> Domain {
    Domain { chain_id: network.chain_id, task_manager: network.contracts.task_manager }
}

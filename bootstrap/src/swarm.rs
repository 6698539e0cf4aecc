//! A whole network on this machine: chain, contracts, bootnode, keepers, example jobs. Everything is real but the stake.

pub mod anvil;
pub mod api;
pub mod code_server;
mod demo;
mod dice;
pub mod dispute;
pub mod eigenlayer;
mod enrol;
mod feed;
mod fund;
mod jobs;
pub mod keepers;
mod kill;
pub mod ledger;
mod listing;
mod miner;
pub mod network;
mod news;
pub mod numbers;
mod options;
mod places;
mod progress;
pub mod proof;
mod proxies;
mod reorganiser;
mod reports;
mod run;
mod setup;
mod slashing;
mod stirred;
mod stirrer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;
use anyhow::{Context, Result, bail};

pub use demo::{Shown, demo};
pub use fund::fund;
pub use jobs::{JobRequest, JobSpec, RHYTHM, code_hash};
pub use options::{JobSet, Options};
pub use places::{Place, Places};
pub use progress::welcome;
pub use reorganiser::Reorganisations;
pub use run::{cost, run, watch};

use crate::process::{Process, Spawner, tail};
use crate::sweeper::Sweeper;
use anvil::Anvil;
use code_server::CodeServer;
use eigenlayer::EigenLayer;
use feed::FeedDriver;
use keepers::{Keeper, Setting, binary};
use ledger::{Follower, Watched};
use network::Deployed;
use progress::Progress;
use proof::Kill;
use proxies::Proxies;
use reorganiser::Reorganiser;
use reports::Reports;
use stirrer::Stirrer;

/// A running network. Fields drop from top to bottom: keepers first, the directory last.
#[derive(Debug)]
pub struct Swarm {
    /// The keepers, in the order they were added.
    pub keepers: Vec<Keeper>,
    jobs: Vec<JobSpec>,
    kills: Vec<Kill>,
    equivocators: Vec<Address>,
    /// Keepers that certify a wrong result, and the dispute of it.
    wrong: Vec<Address>,
    dispute: Option<u64>,
    all_ruled_against: bool,
    feed: Option<FeedDriver>,
    stirrer: Option<Stirrer>,
    reports: Option<Reports>,
    reorganiser: Option<Reorganiser>,
    proxies: Option<Proxies>,
    follower: Follower,
    code_server: CodeServer,
    /// None once it was killed on purpose.
    bootnode: Option<Process>,
    anvil: Anvil,
    /// Where stake is kept, if not by the stand-in.
    eigenlayer: Option<EigenLayer>,
    deployed: Deployed,
    setting: Arc<Setting>,
    options: Options,
    progress: Progress,
    sweeper: Sweeper,
}

/// What keepers meet the chain through, if they are to meet it as it is.
async fn proxied(options: &Options, spawner: &Spawner, anvil: &Anvil, directory: &Path) -> Result<Option<Proxies>> {
    if !options.rough {
        return Ok(None);
    }
    Proxies::start(spawner, anvil.url(), options.seed, directory).await.map(Some)
}

impl Swarm {
    /// Sets up chain, contracts and bootnode, and starts as many keepers as the options say; returns when all are ready
    /// and in the epoch's committee.
    ///
    /// # Errors
    /// When a part does not come up: which, why, and the end of its log. Nothing is left behind.
    pub async fn start(options: Options) -> Result<Self> {
        let mut swarm = Self::joining(options).await?;
        swarm.meet().await?;
        Ok(swarm)
    }

    /// The same with the example jobs, which are listed while the keepers come up: the first task settles the earlier.
    ///
    /// # Errors
    /// As [`Self::start`], and [`Self::list_examples`].
    pub async fn start_with_examples(options: Options) -> Result<Self> {
        if options.rough {
            // Those who drive what the jobs look at are told of blocks that are taken back, from the beginning.
            let mut swarm = Self::start(options).await?;
            swarm.list_examples().await?;
            return Ok(swarm);
        }
        let mut swarm = Self::joining(options).await?;
        let start = swarm.offer_examples().await?;
        swarm.meet().await?;
        swarm.await_code(start).await?;
        Ok(swarm)
    }

    /// Sets up chain, contracts and bootnode, and starts the keepers.
    async fn joining(options: Options) -> Result<Self> {
        let mut swarm = Self::without_keepers(options).await?;
        let count = swarm.options.keepers;
        let names: Vec<String> = (1..=count).map(|number| format!("keeper-{number}")).collect();
        swarm.register(&names).await?;
        swarm.choose_wrong().await?;
        network::snapshot(&swarm.anvil, &swarm.deployed.network).await?;
        swarm.progress.say(&format!("{count} keepers registered, epoch 1 opened"));
        swarm.choose_equivocators()?;
        for (keeper, place) in swarm.keepers.iter_mut().zip(swarm.options.places.keepers.clone()) {
            keeper.live_at(place);
        }
        for keeper in &mut swarm.keepers {
            keeper.join()?;
        }
        Ok(swarm)
    }

    /// Returns when all keepers are ready and know each other; from then on the chain is as rough as the options say.
    async fn meet(&mut self) -> Result<()> {
        let count = self.keepers.len();
        for position in 0..count {
            let keeper = &mut self.keepers[position];
            if position == 0 {
                keeper.reached().await?;
                self.say_page();
            }
            let keeper = &mut self.keepers[position];
            keeper.ready().await?;
            keeper.meets(count - 1).await?;
        }
        self.progress.say(&format!("{count} keepers ready"));
        self.reports = Some(Reports::start(&self.setting));
        self.start_reorganising().await
    }

    /// Chain, contracts and bootnode only.
    ///
    /// # Errors
    /// When a part does not come up.
    pub async fn without_keepers(options: Options) -> Result<Self> {
        let options = options.placed();
        let progress = Progress::start();
        let (program, bootnode_program) = (binary("keeper")?, binary("bootnode")?);
        let (directory, mut sweeper) = setup::workplace(&options)?;
        if options.keep {
            sweeper.keep();
        }
        let cache = options.cache_dir()?;
        std::fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
        let spawner = Arc::new(Spawner::new()?);
        let anvil =
            Anvil::start_at(options.places.chain, &spawner, &directory, (options.block_time(), options.states)).await?;
        progress.say(&format!("chain {} at {}", anvil::CHAIN_ID, anvil.url()));
        let eigenlayer = match options.eigenlayer {
            true => Some(EigenLayer::deploy(&spawner, anvil.url(), &directory).await?),
            false => None,
        };
        let staking = eigenlayer.as_ref().map(EigenLayer::staking);
        let mut deployed = network::deploy_to(&anvil, &directory, staking, options.jobs).await?;
        progress.say(&format!("contracts deployed, {}", deployed.file.display()));
        let proxies = proxied(&options, &spawner, &anvil, &directory).await?;
        if let Some(proxies) = &proxies {
            progress.say(&format!("keepers see it through {}", proxies.urls().join(", ")));
            deployed.network.rpc_urls = proxies.urls().to_vec();
        }
        let (bootnode, address) =
            setup::start_bootnode(&spawner, &bootnode_program, &directory, (&deployed.file, &options.places.bootnode))
                .await?;
        deployed.network.bootnodes = vec![address.clone()];
        deployed.network.save(&deployed.file)?;
        progress.say(&format!("bootnode at {address}"));
        let password = directory.join("password");
        std::fs::write(&password, "a local swarm has nothing to hide")?;
        let setting = Arc::new(Setting {
            spawner,
            program,
            directory,
            network: deployed.file.clone(),
            bootnode: address,
            cache,
            password,
            client: reqwest::Client::new(),
        });
        let watched = Watched { task_manager: deployed.network.contracts.task_manager, stirred: deployed.stirred };
        Ok(Self {
            keepers: Vec::new(),
            jobs: Vec::new(),
            kills: Vec::new(),
            equivocators: Vec::new(),
            wrong: Vec::new(),
            dispute: None,
            all_ruled_against: false,
            feed: None,
            stirrer: None,
            reports: None,
            reorganiser: None,
            proxies,
            follower: Follower::start(anvil.provider().clone(), watched, deployed.network.deploy_block),
            code_server: CodeServer::start(options.places.chain).await?,
            bootnode: Some(bootnode),
            anvil,
            eigenlayer,
            deployed,
            setting,
            options,
            progress,
            sweeper,
        })
    }

    /// Fails when a process that should run has ended.
    ///
    /// # Errors
    /// Names the process and shows the end of its log.
    pub fn check_alive(&mut self) -> Result<()> {
        let keepers = self.keepers.iter_mut().filter_map(Keeper::process);
        let proxies = self.proxies.as_mut().map(Proxies::process);
        for process in [self.anvil.process()].into_iter().chain(&mut self.bootnode).chain(proxies).chain(keepers) {
            if let Some(status) = process.ended() {
                bail!("{} ended unexpectedly ({status}):\n{}", process.name(), tail(process.log(), 15));
            }
        }
        Ok(())
    }

    /// Stops everything in order: keepers first, so that they can finish, then bootnode and chain.
    pub async fn stop(mut self) {
        for keeper in &mut self.keepers {
            if let Some(process) = keeper.process() {
                process.signal(nix::sys::signal::Signal::SIGTERM);
            }
        }
        for keeper in &mut self.keepers {
            keeper.stop().await;
        }
        if let Some(bootnode) = &mut self.bootnode {
            bootnode.stop(Duration::from_secs(5)).await;
        }
        self.anvil.process().stop(Duration::from_secs(2)).await;
    }

    /// SIGKILL to the bootnode: from then on nobody expects it to run.
    pub fn kill_bootnode(&mut self) {
        if let Some(mut bootnode) = self.bootnode.take() {
            bootnode.kill();
        }
    }

    /// The chain.
    pub const fn anvil(&mut self) -> &mut Anvil {
        &mut self.anvil
    }

    /// The contracts.
    #[must_use]
    pub const fn deployed(&self) -> &Deployed {
        &self.deployed
    }

    /// What the keepers have in common.
    #[must_use]
    pub const fn setting(&self) -> &Arc<Setting> {
        &self.setting
    }

    /// The jobs listed so far.
    #[must_use]
    pub fn jobs(&self) -> &[JobSpec] {
        &self.jobs
    }

    /// What the chain says.
    #[must_use]
    pub const fn follower(&self) -> &Follower {
        &self.follower
    }

    /// The web server with the jobs' code.
    #[must_use]
    pub const fn code_server(&self) -> &CodeServer {
        &self.code_server
    }

    /// Stops the web server with the jobs' code: whoever has it not yet must have it from other keepers.
    pub async fn close_code_server(&mut self) {
        self.code_server.close().await;
    }

    /// The folder with data directories and logs.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.sweeper.directory()
    }

    /// Where the keepers of this machine keep compiled job code; one that joins by hand shares it.
    pub fn cache_dir(&self) -> &Path {
        &self.setting.cache
    }

    /// The contract that the example jobs call.
    #[must_use]
    pub const fn target(&self) -> Address {
        self.deployed.examples.counter
    }
}

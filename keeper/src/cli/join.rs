//! `keeper join`: run an operator node.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use contracts::network::Network;
use p2p::Multiaddr;
use serde_json::json;
use url::Url;

use super::terminal::Person;
use super::{Exit, Global, NodeFile, output, walk};
use crate::config::{Bootnode, Coin, Config, Sentry, Settings, webhook};
use crate::keystore::{Keystore, others_may_read, refuse_published};
use crate::node::{self, Reachable, Setup};
use crate::{paths, shutdown};

/// Flags of `keeper join`.
#[derive(Debug, Clone, Default, Args)]
pub struct JoinArgs {
    /// Settings.
    #[command(flatten)]
    pub node: NodeFlags,
    /// Start although the journal is missing and the key is registered: only if the key never signed, or its journal
    /// is lost for good
    #[arg(long)]
    pub accept_empty_journal: bool,
}

/// The settings of a node that are flags of `keeper join`, see [`crate::config::KEYS`].
#[derive(Debug, Clone, Default, Args)]
pub struct NodeFlags {
    /// Where to find the mesh: /ip4/203.0.113.7/tcp/7419/p2p/12D3KooW...; repeat or separate by commas
    #[arg(
        long = "bootnode",
        visible_alias = "bootnodes",
        env = "KEEPER_BOOTNODE",
        hide_env_values = true,
        value_name = "MULTIADDR",
        value_delimiter = ','
    )]
    pub bootnodes: Vec<Bootnode>,
    /// Peer id that may connect though it is no operator, such as a relay of yours; repeat or separate by commas
    #[arg(
        long = "sentry",
        env = "KEEPER_SENTRY",
        hide_env_values = true,
        value_name = "PEER_ID",
        value_delimiter = ','
    )]
    pub sentries: Vec<Sentry>,
    /// Address to listen on for peers, over TCP, or over QUIC such as /ip4/0.0.0.0/udp/7419/quic-v1; repeatable [default: /ip4/0.0.0.0/tcp/7419]
    #[arg(long, env = "KEEPER_LISTEN", hide_env_values = true, value_name = "MULTIADDR", value_delimiter = ',')]
    pub listen: Vec<Multiaddr>,
    /// Address to tell peers in addition, behind a NAT, such as /ip4/203.0.113.7/tcp/7419; repeatable
    #[arg(
        long = "external-addr",
        env = "KEEPER_EXTERNAL_ADDR",
        hide_env_values = true,
        value_name = "MULTIADDR",
        value_delimiter = ','
    )]
    pub external_addrs: Vec<Multiaddr>,
    /// Most peers to look for [default: 64]
    #[arg(long, env = "KEEPER_MAX_PEERS", hide_env_values = true, value_name = "NUMBER")]
    pub max_peers: Option<usize>,
    /// Where the read-only API listens [default: 127.0.0.1:7420]
    #[arg(long, env = "KEEPER_API_ADDR", hide_env_values = true, value_name = "IP:PORT")]
    pub api_addr: Option<SocketAddr>,
    /// Where Prometheus finds the metrics [default: 127.0.0.1:7421]
    #[arg(long, env = "KEEPER_METRICS_ADDR", hide_env_values = true, value_name = "IP:PORT")]
    pub metrics_addr: Option<SocketAddr>,
    /// Directory for job code, may be shared between keepers [default: cache in the data directory]
    #[arg(long, env = "KEEPER_CACHE_DIR", hide_env_values = true, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
    /// Prove misbehaviour of other keepers on chain, at the price of a transaction [default: true]
    #[arg(
        long,
        env = "KEEPER_CHALLENGE",
        hide_env_values = true,
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        overrides_with = "no_challenge"
    )]
    pub challenge: Option<bool>,
    /// Leave proofs of misbehaviour to other keepers
    #[arg(long, overrides_with = "challenge")]
    pub no_challenge: bool,
    /// Where this keeper is, in your words, shown to the whole mesh: up to 32 characters
    #[arg(long, env = "KEEPER_REGION", hide_env_values = true, value_name = "LABEL")]
    pub region: Option<String>,
    /// Coin below which the check `gas` is red: 0.05ether, 20gwei, or wei
    #[arg(long, env = "KEEPER_MIN_BALANCE", hide_env_values = true, value_name = "AMOUNT")]
    pub min_balance: Option<Coin>,
    /// URL that is told by POST of every check that turns red, or fine again
    #[arg(
        long = "alert-webhook",
        env = "KEEPER_ALERT_WEBHOOK",
        hide_env_values = true,
        value_name = "URL",
        value_parser = webhook
    )]
    pub alert_webhook: Option<Url>,
}

impl NodeFlags {
    /// Flags and environment, then the config file.
    ///
    /// # Errors
    /// When the config file is wrong.
    pub fn settings(&self, global: &Global) -> Result<Settings> {
        let flags = Settings {
            bootnodes: self.bootnodes.clone(),
            sentries: self.sentries.clone(),
            listen: self.listen.clone(),
            external_addrs: self.external_addrs.clone(),
            max_peers: self.max_peers,
            api_addr: self.api_addr,
            metrics_addr: self.metrics_addr,
            cache_dir: self.cache_dir.clone(),
            challenge: if self.no_challenge { Some(false) } else { self.challenge },
            region: self.region.clone(),
            min_balance: self.min_balance,
            alert_webhook: self.alert_webhook.clone(),
            ..Settings::default()
        };
        Ok(flags.or(global.settings()?))
    }

    /// The same, and the defaults.
    ///
    /// # Errors
    /// When the config file is wrong, or no network file is named.
    pub fn config(&self, global: &Global) -> Result<Config> {
        let paths = global.paths()?;
        Ok(Config::merge(self.settings(global)?, &global.config_file(&paths), paths.cache())?)
    }
}

pub(crate) async fn run(args: JoinArgs, global: &Global) -> Result<Exit> {
    let (mut global, mut password) = (global.clone(), None);
    match Person::present() {
        Some(person) => (global, password) = Box::pin(walk::through(person, global, &args.node)).await?,
        None => walk::next(&global, &args.node)?,
    }
    let global = &global;
    let config = args.node.config(global)?;
    let network = Network::load(&config.network)?;
    let paths = global.paths()?;
    paths.create()?;
    let lock: paths::DataLock = paths.lock()?;
    let password = password.map_or_else(|| global.password(&global.settings()?, false), Ok)?;
    warn_of_open(config.password_file.as_deref());
    let keystore = Keystore::at(&paths.keystores());
    let open = move || Ok::<_, crate::keystore::Error>((keystore.open(&password)?, keystore.secrets(&password)?));
    let (keys, secrets) = tokio::task::spawn_blocking(open).await.context("opening the keys")??;
    refuse_published(keys.wallet.address(), network.chain_id)?;
    let identity = p2p::Identity::load_or_create(&paths.identity())?;
    let operator = keys.wallet.address();
    let peer_id = identity.peer_id();
    let shutdown = shutdown::on_signal().context("could not watch for signals")?;
    tracing::info!(
        %operator,
        %peer_id,
        chain_id = network.chain_id,
        network = %config.network.display(),
        datadir = %paths.data().display(),
        "keeper {} starts",
        env!("CARGO_PKG_VERSION")
    );
    let chain = (network.chain_id, config.network.display().to_string(), network.contracts.task_manager);
    let config_file = global.config_file(&paths);
    let announce = |reachable: &Reachable| {
        let listen: Vec<String> = reachable.listen.iter().map(ToString::to_string).collect();
        let file = NodeFile {
            pid: std::process::id(),
            peer_id: peer_id.to_string(),
            operator: operator.to_string(),
            listen,
            api_addr: reachable.api.to_string(),
            metrics_addr: reachable.metrics.to_string(),
        };
        file.write(&paths)?;
        let [config_file, data] = [&config_file, paths.data()].map(|path| path.display().to_string());
        let place = [
            ("network", format!("chain {}, {}", chain.0, chain.1)),
            ("task manager", chain.2.to_string()),
            ("config file", config_file),
            ("data directory", data),
        ];
        output::answer(global, json!(file), &banner(&file, place));
        Ok(())
    };
    let setup = Setup {
        config,
        network,
        keys,
        secrets: Arc::new(secrets),
        identity,
        paths: paths.clone(),
        accept_empty_journal: args.accept_empty_journal,
    };
    let ended = Box::pin(node::run(setup, shutdown, announce)).await;
    drop(lock);
    ended.map(|()| Exit::Success)
}

/// What a keeper says when it has started: who and where it is.
fn banner(file: &NodeFile, place: [(&str, String); 4]) -> String {
    let [network, task_manager, config_file, data] = place;
    output::rows(&[
        ("keeper", env!("CARGO_PKG_VERSION").to_owned()),
        network,
        task_manager,
        ("operator", file.operator.clone()),
        ("peer id", file.peer_id.clone()),
        config_file,
        data,
        ("listening", file.listen.join(" ")),
        ("api", format!("http://{}", file.api_addr)),
        ("metrics", format!("http://{}/metrics", file.metrics_addr)),
    ])
}

/// A password that others can read is told of, not refused: secrets of containers are mounted so.
fn warn_of_open(file: Option<&Path>) {
    if let Some((file, mode)) = file.and_then(|file| Some((file, others_may_read(file)?))) {
        let mode = format!("{mode:04o}");
        tracing::warn!(file = %file.display(), mode, "others can read the password file: chmod 600");
    }
}

//! `keeper join`: run an operator node.

use anyhow::{Context, Result};
use contracts::network::Network;
use serde_json::json;

use super::{Exit, Global, JoinArgs, NodeFile, WithExit, output};
use crate::keystore::{Keystore, Password};
use crate::node::{self, Reachable, Setup};
use crate::{paths, shutdown};

pub(crate) async fn run(args: JoinArgs, global: &Global) -> Result<Exit> {
    let config = args.config(global)?;
    let network = Network::load(&config.network)?;
    let paths = global.paths()?;
    paths.create()?;
    let lock: paths::DataLock = paths.lock()?;
    let password = Password::obtain(config.password_file.as_deref(), false)?;
    let keystore = Keystore::at(&paths.keystores());
    let keys = tokio::task::spawn_blocking(move || keystore.open(&password)).await.context("opening the keys")??;
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
        let text = output::rows(&[
            ("operator", file.operator.clone()),
            ("listening", file.listen.join(" ")),
            ("api", format!("http://{}", file.api_addr)),
            ("metrics", format!("http://{}/metrics", file.metrics_addr)),
        ]);
        output::answer(global, json!(file), &text);
        Ok(())
    };
    let setup = Setup {
        config,
        network,
        keys,
        identity,
        paths: paths.clone(),
        accept_empty_journal: args.accept_empty_journal,
    };
    let ended = node::run(setup, shutdown, announce).await;
    drop(lock);
    ended.map(|()| Exit::Success).map_err(|error| match error.downcast_ref::<p2p::Error>() {
        Some(_) => Err::<(), _>(error).exit(Exit::Network).unwrap_err(),
        None => error,
    })
}

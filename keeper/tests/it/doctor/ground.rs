//! Where faults are planted: an operator that is registered and well, and copies of its data directory.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use axum::routing::post;
use axum::{Json, Router};
use contracts::ServiceManager;
use contracts::network::Network;
use keeper::paths::{DataLock, Paths};
use rough::{Proxy, Script};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::keeper_process::{Home, Said};
use crate::on_chain::{Anvil, document, operator};

/// Blocks before the first fault: more than a node may lag.
const BLOCKS: usize = 13;

/// A node of libp2p, for as long as it lives: a bootnode of some network, of some version of the wire.
pub(super) struct Node {
    pub(super) address: String,
    stop: CancellationToken,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Node {
    pub(super) async fn start(domain8: &str, wire: u16) -> Self {
        let config = p2p::Config {
            listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()],
            domain8: domain8.to_owned(),
            wire,
            role: p2p::Role::Bootnode,
            admission: p2p::Admission::Everybody,
            ..p2p::Config::default()
        };
        let built = p2p::build(config, &p2p::Identity::generate(), &mut p2p::Registry::default());
        let (mesh, events, service) = built.unwrap();
        let stop = CancellationToken::new();
        let running = stop.clone();
        tokio::spawn(async move {
            // What it has to say is of no interest, but must find an ear.
            let _events = events;
            Box::pin(service.run(running)).await;
        });
        loop {
            if let Some(address) = mesh.listeners().await.first() {
                return Self { address: address.to_string(), stop };
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A chain, a bootnode, and an operator with nothing wrong.
pub(super) struct Ground {
    pub(super) anvil: Anvil,
    home: Home,
    /// Alive as long as this.
    _bootnode: Node,
    pub(super) network: Network,
}

/// A copy of the operator's home in which something is wrong.
pub(super) struct Case {
    pub(super) home: Home,
    pub(super) network: Network,
    /// A line of shell that runs before the program, in mounts of its own; `$DATA` is the data directory.
    pub(super) before: Option<&'static str>,
    /// What must live while the doctor looks.
    held: Held,
}

#[derive(Default)]
struct Held {
    ports: Vec<TcpListener>,
    proxies: Vec<Proxy>,
    nodes: Vec<Node>,
    locks: Vec<DataLock>,
}

impl Ground {
    pub(super) async fn new() -> Self {
        let anvil = Anvil::start().await;
        let home = Home::with_keys();
        let mut network = anvil.deployment.network.clone();
        let bootnode = Node::start(&network.domain8(), p2p::WIRE).await;
        network.bootnodes = vec![bootnode.address.clone()];
        // Two nodes: one alone has the last word, which the doctor says.
        network.rpc_urls.push(network.rpc_urls[0].replace("127.0.0.1", "localhost"));
        let file = home.path("network.toml");
        network.save(&file).unwrap();
        anvil.give(operator(&home), 10).await;
        document(&home, file.to_str().unwrap(), &["operator", "register"]);
        let free = "api_addr = \"127.0.0.1:0\"\nmetrics_addr = \"127.0.0.1:0\"\nlisten = [\"/ip4/127.0.0.1/tcp/0\"]\n";
        home.write("data/config.toml", free);
        for _ in 0..BLOCKS {
            anvil.ask("evm_mine", json!([])).await;
        }
        Self { anvil, home, _bootnode: bootnode, network }
    }

    pub(super) fn operator(&self) -> Address {
        operator(&self.home)
    }

    pub(super) fn case(&self) -> Case {
        let home = Home::new();
        let copied = Command::new("cp").arg("-a").arg(self.home.data()).arg(home.data()).status().unwrap();
        assert!(copied.success());
        Case { home, network: self.network.clone(), before: None, held: Held::default() }
    }

    /// What the doctor says of it, with a block that is new.
    pub(super) async fn examine(&self, case: &Case) -> Said {
        self.anvil.ask("evm_mine", json!([])).await;
        let file = case.home.path("network.toml");
        case.network.save(&file).unwrap();
        let verb = ["doctor", "--json", "--network", file.to_str().unwrap()];
        // The proxies and the bootnode answer meanwhile.
        tokio::task::block_in_place(|| match case.before {
            Some(before) => apart(before, &case.home, &verb),
            None => case.home.keeper(&verb),
        })
    }

    /// The chain as it is now; [`Self::back`] undoes what came after.
    pub(super) async fn mark(&self) -> Value {
        self.anvil.provider.raw_request("evm_snapshot".into(), json!([])).await.unwrap()
    }

    pub(super) async fn back(&self, mark: Value) {
        self.anvil.ask("evm_revert", json!([mark])).await;
    }

    /// The Challenger has the operator ejected, as it does with whoever signed two results.
    pub(super) async fn eject(&self) {
        let contracts = &self.network.contracts;
        let challenger = contracts.challenger;
        self.anvil.ask("anvil_impersonateAccount", json!([challenger])).await;
        self.anvil.ask("anvil_setBalance", json!([challenger, "0xde0b6b3a7640000"])).await;
        let service = ServiceManager::new(contracts.service_manager, &self.anvil.provider);
        let call = service.eject(self.operator()).from(challenger).into_transaction_request();
        let request = TransactionRequest { gas: Some(1_000_000), ..call };
        let sent = self.anvil.provider.send_transaction(request).await.unwrap();
        assert!(sent.get_receipt().await.unwrap().status());
    }

    pub(super) async fn leave_with(&self, wei: u64) {
        self.anvil.ask("anvil_setBalance", json!([self.operator(), U256::from(wei)])).await;
    }
}

impl Case {
    pub(super) fn data(&self) -> PathBuf {
        self.home.data()
    }

    /// The one keystore whose name begins so.
    pub(super) fn keystore(&self, prefix: &str) -> PathBuf {
        let entries = std::fs::read_dir(self.data().join("keystores")).unwrap().map(|entry| entry.unwrap().path());
        let is_meant = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(prefix);
        entries.into_iter().find(is_meant).unwrap()
    }

    /// Has a port taken, and gives back which.
    pub(super) fn take_port(&mut self) -> u16 {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        self.held.ports.push(taken);
        port
    }

    /// A keeper that holds the directory and does not answer.
    pub(super) fn hang(&mut self) {
        self.held.locks.push(Paths::resolve(Some(&self.data())).unwrap().lock().unwrap());
    }

    /// The first node is like this.
    pub(super) async fn node(&mut self, script: Script) {
        let proxy = Proxy::start(&self.network.rpc_urls[0], script, 7).await.unwrap();
        self.network.rpc_urls[0] = proxy.url();
        self.held.proxies.push(proxy);
    }

    /// The first node is of another chain, and that is all it says.
    pub(super) async fn node_of(&mut self, chain_id: u64) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.network.rpc_urls[0] = format!("http://{}", listener.local_addr().unwrap());
        let answer =
            move || async move { Json(json!({"jsonrpc": "2.0", "id": 1, "result": format!("{chain_id:#x}")})) };
        let router = Router::new().route("/", post(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
    }

    /// The only bootnode is of this network and this version.
    pub(super) async fn bootnode(&mut self, domain8: &str, wire: u16) {
        let node = Node::start(domain8, wire).await;
        self.network.bootnodes = vec![node.address.clone()];
        self.held.nodes.push(node);
    }
}

pub(super) fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

/// Runs the program after a line of shell, in mounts of its own: disks that are full or read-only touch nothing else.
fn apart(before: &str, home: &Home, verb: &[&str]) -> Said {
    let own = if nix::unistd::geteuid().is_root() { "--mount" } else { "--map-root-user" };
    let output = Command::new("unshare")
        .args([own, "--mount", "sh", "-c", &format!("{before} && exec \"$@\""), "sh"])
        .arg(env!("CARGO_BIN_EXE_keeper"))
        .args(verb)
        .arg("--datadir")
        .arg(home.data())
        .arg("--password-file")
        .arg(home.path("password"))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("DATA", home.data())
        .output()
        .expect("unshare is part of util-linux");
    Said {
        code: output.status.code().expect("it was not killed"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

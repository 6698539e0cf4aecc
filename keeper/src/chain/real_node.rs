//! A real anvil for tests, with the real contracts on it.

use super::{ChainConfig, Rpc};
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::{Provider, ProviderBuilder, RootProvider};
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::sol_types::SolCall;
use contracts::deploy::{DeployConfig, Deployment, deploy};
use contracts::terms::{ActionTerms, Limits, Terms, TriggerTerms, WasmTerms};
use contracts::{IJobManager, JobManager};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Where `npm ci` in `contracts/` puts the program.
const FROM_NPM: &str = "../contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil";

pub(crate) struct Anvil {
    child: Child,
    pub(crate) url: String,
    pub(crate) provider: RootProvider,
    pub(crate) accounts: Vec<Address>,
}

impl Anvil {
    pub(crate) async fn start(port: u16, arguments: &[&str]) -> Self {
        let mut child = Command::new(program())
            .args(["--port", &port.to_string(), "--order", "fifo"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("anvil starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let address = loop {
            let line = lines.next_line().await.expect("anvil's output is text").expect("anvil tells where it listens");
            if let Some(address) = line.strip_prefix("Listening on ") {
                break address.to_owned();
            }
        };
        // Nobody reads on: anvil must not stop at a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let url = format!("http://{address}");
        let provider: RootProvider =
            ProviderBuilder::default().connect_http(url.parse().expect("anvil's address is a URL"));
        let accounts = provider.get_accounts().await.expect("anvil answers");
        Self { child, url, provider, accounts }
    }

    /// Lets it end by itself.
    pub(crate) async fn interrupt(mut self) {
        let process = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-INT", &process]).status().await.expect("kill can be run");
        assert!(sent.success());
        self.child.wait().await.expect("anvil ends");
    }

    pub(crate) async fn deploy(&self) -> Deployment {
        let config = DeployConfig::local(self.accounts[0], &self.url);
        deploy(&self.provider, &config).await.expect("the contracts can be deployed")
    }

    pub(crate) async fn ask<T: alloy_json_rpc::RpcRecv>(&self, method: &'static str, params: serde_json::Value) -> T {
        self.provider.raw_request(method.into(), params).await.expect("anvil answers")
    }

    pub(crate) async fn mine(&self, blocks: u64) {
        self.ask::<serde_json::Value>("anvil_mine", serde_json::json!([format!("{blocks:#x}")])).await;
    }

    /// Sends from the first account and waits until it is mined.
    pub(crate) async fn send(&self, to: Address, call: &impl SolCall, value: u64) -> TransactionReceipt {
        let request = TransactionRequest::default()
            .with_from(self.accounts[0])
            .with_to(to)
            .with_value(U256::from(value))
            .with_input(call.abi_encode());
        let pending = self.provider.send_transaction(request).await.expect("anvil takes the transaction");
        let pending = pending.with_timeout(Some(Duration::from_secs(20)));
        let receipt = pending.get_receipt().await.expect("the transaction is mined");
        assert!(receipt.status(), "the transaction reverted");
        receipt
    }

    pub(crate) async fn create_job(&self, deployment: &Deployment, code_hash: B256) -> TransactionReceipt {
        let params = job_params(deployment, code_hash);
        let call = JobManager::createJobCall { params, funding: U256::from(JOB_FUNDING), salt: code_hash };
        self.send(deployment.network.contracts.job_manager, &call, JOB_FUNDING + LISTING_DEPOSIT).await
    }
}

/// What a job of these tests is funded with, enough for some runs, and what listing it takes on a local network, in wei.
const JOB_FUNDING: u64 = 100_000_000_000_000_000;
const LISTING_DEPOSIT: u64 = 10_000_000_000_000_000;

pub(crate) fn job_params(deployment: &Deployment, code_hash: B256) -> IJobManager::JobParams {
    job_params_for(deployment.examples.as_ref().expect("the examples are deployed").counter, code_hash)
}

pub(crate) fn job_params_for(target: Address, code_hash: B256) -> IJobManager::JobParams {
    let code =
        WasmTerms { code_url: "https://example.org/job.wasm".to_owned(), code_hash, params: Bytes::from_static(b"{}") };
    let terms = Terms {
        trigger: TriggerTerms::Interval { start: 4_000_000_000, interval: 60 },
        action: ActionTerms::Wasm(code),
        target,
        callback_gas: 100_000,
        token: Address::ZERO,
        fee: alloy::primitives::Uint::from(1_000_000_000_u64),
        quorum_bps: 6667,
        punctual_seconds: 0,
        limits: Limits::default(),
    };
    terms.params()
}

pub(crate) fn config(deployment: &Deployment, urls: &[&str]) -> ChainConfig {
    let mut network = deployment.network.clone();
    network.rpc_urls = urls.iter().map(|url| (*url).to_owned()).collect();
    ChainConfig { network, network_file: PathBuf::from("network.toml") }
}

pub(crate) fn rpc(config: &ChainConfig) -> Rpc {
    Rpc::new(config).expect("the URLs are valid")
}

fn program() -> PathBuf {
    let from_npm = PathBuf::from(FROM_NPM);
    let on_path = std::env::var_os("PATH")
        .into_iter()
        .flat_map(|paths| std::env::split_paths(&paths).map(|folder| folder.join("anvil")).collect::<Vec<_>>());
    let candidates = std::env::var_os("ANVIL").map(PathBuf::from).into_iter().chain(on_path).chain([from_npm]);
    candidates.into_iter().find(|file| file.is_file()).unwrap_or_else(|| {
        panic!("anvil is missing: run `npm ci --ignore-scripts` in contracts/, put anvil on PATH, or name it in $ANVIL")
    })
}

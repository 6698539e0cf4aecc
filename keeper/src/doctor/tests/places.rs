//! What the doctor is shown: a data directory, a network, a node that says what it is told to say.

use std::path::{Path, PathBuf};

use alloy::primitives::Address;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use contracts::network::{Contracts, Network};
use serde_json::{Value, json};

use super::super::Subject;
use crate::config::Settings;
use crate::keystore::{Keystore, Password, Strength};
use crate::paths::Paths;

/// The clock of everything here, in milliseconds.
pub(super) const NOW: u64 = 1_800_000_000_000;

pub(super) fn network() -> Network {
    let contract = Address::repeat_byte;
    Network {
        chain_id: 17_000,
        rpc_urls: vec!["http://127.0.0.1:1".to_owned()],
        deploy_block: 1,
        bootnodes: Vec::new(),
        confirmations: 2,
        block_seconds: 12,
        block_milliseconds: None,
        epoch_seconds: 3_600,
        contracts: Contracts {
            keeper_registry: contract(1),
            job_manager: contract(2),
            task_manager: contract(3),
            service_manager: contract(4),
            challenger: contract(5),
            allocation_manager: contract(6),
            strategy: contract(7),
        },
    }
}

/// A data directory, removed at the end.
pub(super) struct Place {
    directory: tempfile::TempDir,
    pub(super) paths: Paths,
    pub(super) settings: Settings,
}

impl Place {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let paths = Paths::resolve(Some(&directory.path().join("data"))).unwrap();
        paths.create().unwrap();
        Self { directory, paths, settings: Settings::default() }
    }

    /// With cheap keys, an identity, and the password's file named.
    pub(super) fn with_keys(mut self) -> Self {
        let password = Password::new("correct horse");
        Keystore::at(&self.paths.keystores()).create(&password, Strength::Light).unwrap();
        p2p::Identity::load_or_create(&self.paths.identity()).unwrap();
        std::fs::write(self.password(), "correct horse\n").unwrap();
        self.settings.password_file = Some(self.password());
        self
    }

    pub(super) fn data(&self) -> &Path {
        self.paths.data()
    }

    pub(super) fn password(&self) -> PathBuf {
        self.directory.path().join("password")
    }

    pub(super) fn subject(&self) -> Subject {
        Subject {
            paths: self.paths.clone(),
            config_file: self.paths.config().to_owned(),
            settings: self.settings.clone(),
            network: Some((self.directory.path().join("network.toml"), network())),
            running: None,
            now_ms: NOW,
        }
    }
}

/// What a node says.
#[derive(Clone, Copy)]
pub(super) struct Answers {
    pub(super) chain_id: u64,
    pub(super) timestamp: u64,
    pub(super) code: &'static str,
    pub(super) web_page: bool,
}

impl Default for Answers {
    fn default() -> Self {
        Self { chain_id: 17_000, timestamp: NOW / 1_000 - 5, code: "0x6001", web_page: false }
    }
}

/// A node that answers so, on this machine.
pub(super) async fn node(answers: Answers) -> String {
    async fn answer(State(answers): State<Answers>, Json(question): Json<Value>) -> Response {
        if answers.web_page {
            return Html("<p>Welcome</p>").into_response();
        }
        let result = match question["method"].as_str() {
            Some("eth_chainId") => json!(format!("{:#x}", answers.chain_id)),
            Some("eth_getBlockByNumber") => {
                json!({"number": "0x64", "timestamp": format!("{:#x}", answers.timestamp)})
            }
            Some("eth_getCode") => json!(answers.code),
            _ => Value::Null,
        };
        Json(json!({"jsonrpc": "2.0", "id": question["id"], "result": result})).into_response()
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/", post(answer)).with_state(answers);
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

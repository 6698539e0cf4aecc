//! `network.toml`: everything a keeper must know to join a network. The deployer writes it; keepers and the swarm read it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use alloy::primitives::{Address, B256, hex};
use alloy::sol_types::{Eip712Domain, eip712_domain};
use serde::{Deserialize, Serialize};

use crate::{text, url};

#[cfg(test)]
mod tests;

/// One network: a chain, the contracts on it, and the constants that all its keepers must agree on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// EIP-155 chain id; part of everything that is signed.
    pub chain_id: u64,
    /// JSON-RPC endpoints over HTTP, tried in order.
    pub rpc_urls: Vec<String>,
    /// Block of the first deployment transaction: no event of ours is older.
    pub deploy_block: u64,
    /// libp2p multiaddrs with a peer id at the end.
    #[serde(default)]
    pub bootnodes: Vec<String>,
    /// Blocks on top of a block before it counts as settled.
    pub confirmations: u64,
    /// Seconds between blocks, 1 where they are shorter.
    pub block_seconds: u64,
    /// Milliseconds between blocks where that is less than a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_milliseconds: Option<u64>,
    /// Shortest time between two operator sets, in seconds; the registry enforces it.
    pub epoch_seconds: u64,
    /// Where the contracts are.
    pub contracts: Contracts,
}

/// Addresses of the contracts of one network (the proxies', where there are proxies).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contracts {
    /// Operators, keys, epochs.
    pub keeper_registry: Address,
    /// Jobs and their money.
    pub job_manager: Address,
    /// Settlement; the contract that signatures are bound to.
    pub task_manager: Address,
    /// The AVS address at EigenLayer.
    pub service_manager: Address,
    /// Where misbehaviour is proven and punished.
    pub challenger: Address,
    /// EigenLayer's AllocationManager, or the local stand-in.
    pub allocation_manager: Address,
    /// The staked asset's strategy.
    pub strategy: Address,
}

impl Contracts {
    /// The contracts by the names they have in `network.toml`. All but the strategy must have code.
    pub fn named(&self) -> [(&'static str, Address); 7] {
        [
            ("keeper_registry", self.keeper_registry),
            ("job_manager", self.job_manager),
            ("task_manager", self.task_manager),
            ("service_manager", self.service_manager),
            ("challenger", self.challenger),
            ("allocation_manager", self.allocation_manager),
            ("strategy", self.strategy),
        ]
    }
}

/// Why a network file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The file cannot be read.
    #[error("cannot read network file {path}: {source}; give the network.toml that contracts/deploy.sh wrote")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write network file {path}: {source}; check that its directory exists and is writable")]
    Write {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is no TOML of the right shape.
    #[error("network file {path} is malformed: {message}")]
    Malformed {
        /// The file.
        path: String,
        /// Place and reason.
        message: String,
    },
    /// A value that cannot work.
    #[error("network file {path}: {key} {why}")]
    Value {
        /// The file.
        path: String,
        /// The key that holds it.
        key: String,
        /// What is wrong with it and how to mend it.
        why: String,
    },
}

/// Writes a new file beside another one.
fn write_beside(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<PathBuf> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    // Left by an interrupted run; its mode would stay.
    let _ = fs::remove_file(&beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
    file.write_all(bytes)?;
    Ok(beside.into())
}

/// Longest time between two blocks, in seconds: what follows from it is added and multiplied.
const MAX_BLOCK_SECONDS: u64 = 86_400;
/// Largest network file that is read: the seven addresses and two short lists take far less.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Where and what is wrong with a TOML file, as its reader shows it; but a line with a URL is not repeated, as URLs hold keys.
#[must_use]
pub fn reason(error: &toml::de::Error, text: &str) -> String {
    let shown = error.to_string();
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    // A URL without its scheme is one too: so may be whatever stands in a list of nodes, or where one was meant.
    let up_to = text.split_inclusive('\n').take(line).collect::<String>().to_lowercase();
    let of_nodes = up_to.rfind("rpc").is_some_and(|from| up_to[from..].lines().skip(1).all(|line| !line.contains('=')));
    if !shown.contains("://") && !of_nodes {
        return shown;
    }
    let is_harmless = |message: &&str| !(message.contains("://") || (of_nodes && message.contains('"')));
    let what = Some(error.message()).filter(is_harmless);
    let what = what.unwrap_or("the value is wrong; nodes are a list of URLs in quotes: rpc_urls = [\"https://…\"]");
    format!("line {line} (not shown, as URLs hold keys): {what}")
}

impl Network {
    /// Reads and checks a network file.
    ///
    /// # Errors
    /// The file is unreadable, over 64 KiB, malformed, or holds a value that cannot work; the error names file and key.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, NetworkError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let read = |source| NetworkError::Read { path: name.clone(), source };
        let size = fs::metadata(path).map_err(read)?.len();
        if size > MAX_FILE_BYTES {
            let message = format!("it has {size} bytes, more than {MAX_FILE_BYTES}");
            return Err(NetworkError::Malformed { path: name, message });
        }
        Self::read(&fs::read(path).map_err(read)?, &name)
    }

    /// Reads and checks the bytes of the network file called `name`.
    ///
    /// # Errors
    /// As of [`Network::load`].
    pub fn read(bytes: &[u8], name: &str) -> Result<Self, NetworkError> {
        let malformed = |message| NetworkError::Malformed { path: name.to_owned(), message };
        let text = text::decode(bytes).map_err(|why| malformed(why.to_owned()))?;
        let network: Self = toml::from_str(&text).map_err(|error| malformed(reason(&error, &text)))?;
        network.check().map_err(|(key, why)| NetworkError::Value { path: name.to_owned(), key, why })?;
        Ok(network)
    }

    /// Writes the file: first beside it, then in its place, so that no reader sees half of it. One with a URL that may hold
    /// a key is its owner's alone to read.
    ///
    /// # Errors
    /// The directory is missing or not writable.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), NetworkError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let text = toml::to_string(self)
            .map_err(|error| NetworkError::Malformed { path: name.clone(), message: error.to_string() })?;
        let mode = if self.holds_a_key() { 0o600 } else { 0o666 };
        write_beside(path, mode, text.as_bytes())
            .and_then(|beside| fs::rename(beside, path))
            .map_err(|source| NetworkError::Write { path: name, source })
    }

    /// Finds out whether [`Network::save`] could write there, as far as that can be told beforehand.
    ///
    /// # Errors
    /// It could not.
    pub fn check_writable(path: impl AsRef<Path>) -> Result<(), NetworkError> {
        let path = path.as_ref();
        let written = match fs::metadata(path) {
            Ok(there) if there.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            _ => write_beside(path, 0o600, b"").and_then(fs::remove_file),
        };
        written.map_err(|source| NetworkError::Write { path: path.display().to_string(), source })
    }

    /// Whether one of the URLs has a part that may be a key.
    #[must_use]
    pub fn holds_a_key(&self) -> bool {
        self.rpc_urls.iter().any(|url| url::may_hold_a_key(url))
    }

    /// Length of a window of leader rotation in seconds.
    pub fn window_seconds(&self) -> u64 {
        self.block_seconds.max(2)
    }

    /// Time between two blocks.
    pub fn block_time(&self) -> Duration {
        self.block_milliseconds.map_or(Duration::from_secs(self.block_seconds), Duration::from_millis)
    }

    /// How many blocks so many seconds have.
    pub fn blocks_in(&self, seconds: u64) -> u64 {
        let blocks = Duration::from_secs(seconds).as_millis() / self.block_time().as_millis().max(1);
        u64::try_from(blocks).unwrap_or(u64::MAX)
    }

    /// The EIP-712 domain that batches are signed under.
    pub fn domain(&self) -> Eip712Domain {
        eip712_domain! {
            name: "KeeperMesh",
            version: "1",
            chain_id: self.chain_id,
            verifying_contract: self.contracts.task_manager,
        }
    }

    /// Hash of [`Network::domain`]; `TaskManager.domainSeparator()` returns the same 32 bytes.
    pub fn domain_separator(&self) -> B256 {
        self.domain().separator()
    }

    /// The first 8 bytes of the domain separator as 16 hex digits: names the network in topics and protocols.
    pub fn domain8(&self) -> String {
        hex::encode(&self.domain_separator()[..8])
    }

    fn check(&self) -> Result<(), (String, String)> {
        let wrong = |key: &str, why: &str| Err((key.to_owned(), why.to_owned()));
        if self.chain_id == 0 {
            return wrong("chain_id", "is 0; no chain has that id");
        }
        if self.rpc_urls.is_empty() {
            return wrong("rpc_urls", "is empty; name at least one JSON-RPC endpoint");
        }
        if self.block_seconds == 0 {
            return wrong(
                "block_seconds",
                "is 0; it is 1 where blocks are shorter, and block_milliseconds says how long",
            );
        }
        if self.block_seconds > MAX_BLOCK_SECONDS {
            return wrong("block_seconds", "is more than a day; it is the time between two blocks, such as 12");
        }
        if self.block_milliseconds.is_some_and(|span| self.block_seconds != 1 || !(1..1000).contains(&span)) {
            return wrong("block_milliseconds", "is for blocks of 1 to 999 ms, with block_seconds = 1; leave it out");
        }
        if self.epoch_seconds == 0 {
            return wrong("epoch_seconds", "is 0; it must be what the registry was deployed with");
        }
        for (name, address) in self.contracts.named() {
            if address.is_zero() {
                return wrong(&format!("contracts.{name}"), "is the zero address; deploy the contracts first");
            }
        }
        Ok(())
    }
}

//! The digest on disk: one line that says what it is of, with a checksum, and one with the logs.

use super::{Digest, Kept};
use crate::chain::logs::topics;
use crate::chain::{ChainConfig, Head};
use alloy::primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Name in the data directory.
const FILE: &str = "chain-digest.json";
/// Of another version nothing is believed.
const VERSION: u32 = 4;
/// Largest file read or written.
const MAX_BYTES: usize = 256 * 1024 * 1024;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Label {
    version: u32,
    chain_id: u64,
    deploy_block: u64,
    /// keccak256 of the contracts' addresses and of what is read of their logs: a file of a program that read less lacks some.
    contracts: B256,
    number: u64,
    hash: B256,
    parent: B256,
    timestamp: u64,
    /// SHA-256 of the block, as above, and the line below.
    checksum: B256,
}

/// Where the digest is kept. Nothing rests on the file, so no failure here is more than a line in the log.
#[derive(Clone, Debug)]
pub(crate) struct DigestFile {
    path: PathBuf,
}

impl DigestFile {
    pub(crate) fn in_dir(datadir: &Path) -> Self {
        Self { path: datadir.join(FILE) }
    }

    /// The block and logs in the file, if it is whole and of this network.
    pub(crate) fn read(&self, config: &ChainConfig) -> Option<(Head, Vec<Kept>)> {
        let file = match std::fs::File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => return self.useless(&error.to_string()),
        };
        let mut bytes = Vec::new();
        if let Err(error) = file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes) {
            return self.useless(&error.to_string());
        }
        self.decode(config, &bytes).map_or_else(|why| self.useless(&why), Some)
    }

    /// The block and logs in the bytes of such a file.
    ///
    /// # Errors
    /// Words for why it is of no use.
    pub(super) fn decode(&self, config: &ChainConfig, bytes: &[u8]) -> Result<(Head, Vec<Kept>), String> {
        if bytes.len() > MAX_BYTES {
            return Err("it is too large".to_owned());
        }
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or("it is cut off")?;
        let (label, logs) = (&bytes[..end], &bytes[end + 1..]);
        let label: Label = serde_json::from_slice(label).map_err(|_| "it is of another version")?;
        let head = Head { number: label.number, hash: label.hash, parent: label.parent, timestamp: label.timestamp };
        if label != self.label(config, &head, logs) {
            return Err("it is damaged, or of another network or version".to_owned());
        }
        serde_json::from_slice(logs).map(|logs| (head, logs)).map_err(|error| error.to_string())
    }

    /// The content of the file for a digest; `head` is its block.
    ///
    /// # Errors
    /// Words for why there is none.
    pub(crate) fn encode(&self, config: &ChainConfig, head: &Head, digest: &Digest) -> Result<Vec<u8>, String> {
        let logs = digest.logs().ok_or_else(|| digest.trouble().unwrap_or_default())?;
        let logs = serde_json::to_vec(&logs).map_err(|error| error.to_string())?;
        let label = self.label(config, head, &logs);
        let mut bytes = serde_json::to_vec(&label).map_err(|error| error.to_string())?;
        bytes.push(b'\n');
        bytes.extend_from_slice(&logs);
        if bytes.len() > MAX_BYTES {
            return Err(format!("it would take {} bytes, more than {MAX_BYTES}", bytes.len()));
        }
        Ok(bytes)
    }

    /// Replaces the file. A crash leaves the old one, and a torn one fails its checksum.
    pub(crate) fn write(&self, bytes: &[u8]) {
        let new = self.path.with_extension("json.new");
        match std::fs::write(&new, bytes).and_then(|()| std::fs::rename(&new, &self.path)) {
            Ok(()) => tracing::debug!(bytes = bytes.len(), "wrote down what the chain's history comes to"),
            Err(error) => {
                let file = self.path.display();
                tracing::warn!(%file, %error, "could not be written: the next start reads the whole history");
            }
        }
    }

    /// Removes the file: the chain does not have its block.
    pub(crate) fn remove(&self) {
        let _ = std::fs::remove_file(&self.path);
    }

    fn label(&self, config: &ChainConfig, head: &Head, logs: &[u8]) -> Label {
        let contracts = config.network.contracts.named();
        let mut sum = Sha256::new();
        sum.update([head.number.to_be_bytes(), head.timestamp.to_be_bytes()].concat());
        sum.update(head.hash);
        sum.update(head.parent);
        sum.update(logs);
        let addresses = contracts.iter().flat_map(|(_, address)| address.to_vec());
        let read: Vec<u8> = addresses.chain(topics().into_iter().flatten()).collect();
        Label {
            version: VERSION,
            chain_id: config.network.chain_id,
            deploy_block: config.network.deploy_block,
            contracts: keccak256(read),
            number: head.number,
            hash: head.hash,
            parent: head.parent,
            timestamp: head.timestamp,
            checksum: B256::from_slice(&sum.finalize()),
        }
    }

    fn useless<T>(&self, why: &str) -> Option<T> {
        tracing::warn!(file = %self.path.display(), why, "not used: the chain's history is read from the deploy block");
        None
    }
}

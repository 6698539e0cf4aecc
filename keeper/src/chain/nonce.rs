//! The ledger of nonces: which transaction a nonce belongs to, written down before the transaction is sent.
//!
//! A nonce belongs to one content for ever; only its fees are raised. So neither a crash between writing and sending,
//! nor a node that forgets a transaction, nor a reorganisation that brings it back makes two different transactions
//! compete for one nonce. One file, replaced as a whole and synced.

use super::ChainError;
use super::fees::Fees;
use alloy::primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

const VERSION: u32 = 1;
/// Transactions remembered after they were included, so that they can be sent again after a reorganisation.
const REMEMBERED: usize = 16;
/// Largest ledger read.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// What is sent under one nonce.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Intent {
    pub(crate) nonce: u64,
    pub(crate) to: Address,
    pub(crate) input: Bytes,
    pub(crate) gas_limit: u64,
    /// Signed transactions, each with higher fees than the one before it. Never empty.
    pub(crate) attempts: Vec<Attempt>,
    /// Whether the nonce was seen used.
    pub(crate) closed: bool,
}

/// One signed transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attempt {
    pub(crate) tx: B256,
    /// Wei per gas; below 1,000 gwei, so 64 bits hold it.
    max_fee: u64,
    tip: u64,
    /// EIP-2718 bytes.
    pub(crate) raw: Bytes,
}

impl Attempt {
    pub(crate) fn new(tx: B256, fees: Fees, raw: Bytes) -> Self {
        Self { tx, max_fee: saturate(fees.max_fee), tip: saturate(fees.tip), raw }
    }

    pub(crate) fn fees(&self) -> Fees {
        Fees { max_fee: self.max_fee.into(), tip: self.tip.into() }
    }
}

fn saturate(wei: u128) -> u64 {
    u64::try_from(wei).unwrap_or(u64::MAX)
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    chain_id: u64,
    address: Address,
    /// By nonce.
    intents: Vec<Intent>,
}

/// The ledger of one account on one chain.
#[derive(Debug)]
pub(crate) struct Ledger {
    file: PathBuf,
    content: Content,
}

impl Ledger {
    /// Opens the ledger, or starts an empty one where there is no file.
    ///
    /// # Errors
    /// The file cannot be read, is damaged, newer than this program, or belongs to another account or chain.
    pub(crate) fn open(file: &Path, chain_id: u64, address: Address) -> Result<Self, ChainError> {
        let broken = |why: String| ChainError::Ledger { file: file.to_owned(), why };
        let content = match File::open(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Content { version: VERSION, chain_id, address, intents: Vec::new() }
            }
            Err(error) => return Err(broken(format!("cannot be read: {error}"))),
            Ok(opened) => {
                let mut bytes = Vec::new();
                opened
                    .take(MAX_FILE_BYTES)
                    .read_to_end(&mut bytes)
                    .map_err(|error| broken(format!("cannot be read: {error}")))?;
                serde_json::from_slice(&bytes).map_err(|error| {
                    broken(format!(
                        "is damaged ({error}); move it away once none of this account's transactions is pending"
                    ))
                })?
            }
        };
        if content.version != VERSION {
            return Err(broken(format!("has version {}, this program knows {VERSION}", content.version)));
        }
        if (content.chain_id, content.address) != (chain_id, address) {
            return Err(broken(format!(
                "belongs to {} on chain {}, this keeper is {address} on chain {chain_id}; use another data directory",
                content.address, content.chain_id
            )));
        }
        if content.intents.iter().any(|intent| intent.attempts.is_empty())
            || content.intents.windows(2).any(|pair| pair[0].nonce >= pair[1].nonce)
        {
            return Err(broken("is damaged (its entries contradict each other); move it away once none of this account's transactions is pending".to_owned()));
        }
        Ok(Self { file: file.to_owned(), content })
    }

    /// The lowest nonce whose transaction was not seen included.
    pub(crate) fn first_open(&self) -> Option<&Intent> {
        self.content.intents.iter().find(|intent| !intent.closed)
    }

    /// The nonce for new content, when the chain has included `included` of this account's transactions: the lowest
    /// one that belongs to nothing, so gaps are filled.
    pub(crate) fn free_nonce(&self, included: u64) -> u64 {
        let mut nonce = included;
        for intent in &self.content.intents {
            if intent.nonce == nonce {
                nonce += 1;
            }
        }
        nonce
    }

    /// Opens again what a reorganisation took off the chain; says whether there was anything.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn reopen(&mut self, included: u64) -> Result<bool, ChainError> {
        let mut changed = false;
        for intent in &mut self.content.intents {
            if intent.closed && intent.nonce >= included {
                intent.closed = false;
                changed = true;
            }
        }
        if changed {
            self.save()?;
        }
        Ok(changed)
    }

    /// Gives a nonce to a content. Once this returns, the transaction may be sent.
    ///
    /// # Errors
    /// The nonce belongs to something already, or the file cannot be written; then nothing may be sent.
    pub(crate) fn begin(&mut self, intent: Intent) -> Result<(), ChainError> {
        let place = self.content.intents.partition_point(|known| known.nonce < intent.nonce);
        if self.content.intents.get(place).is_some_and(|known| known.nonce == intent.nonce) {
            return Err(self.broken(format!("nonce {} belongs to another transaction", intent.nonce)));
        }
        self.content.intents.insert(place, intent);
        let closed = self.content.intents.iter().filter(|intent| intent.closed).count();
        if closed > REMEMBERED
            && let Some(oldest) = self.content.intents.iter().position(|intent| intent.closed)
        {
            self.content.intents.remove(oldest);
        }
        self.save()
    }

    /// Adds an attempt with higher fees. Once this returns, it may be sent.
    ///
    /// # Errors
    /// The nonce is unknown, or the file cannot be written; then nothing may be sent.
    pub(crate) fn raise(&mut self, nonce: u64, attempt: Attempt) -> Result<(), ChainError> {
        let Some(intent) = self.content.intents.iter_mut().find(|intent| intent.nonce == nonce) else {
            return Err(self.broken(format!("nonce {nonce} belongs to no transaction")));
        };
        intent.attempts.push(attempt);
        self.save()
    }

    /// Notes that a nonce was used on the chain.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn close(&mut self, nonce: u64) -> Result<(), ChainError> {
        for intent in self.content.intents.iter_mut().filter(|intent| intent.nonce == nonce) {
            intent.closed = true;
        }
        self.save()
    }

    fn broken(&self, why: String) -> ChainError {
        ChainError::Ledger { file: self.file.clone(), why }
    }

    /// Writes a new file, syncs it, and puts it in the place of the old one. Takes a few milliseconds, so the caller's
    /// thread is held; there is one transaction at a time.
    fn save(&self) -> Result<(), ChainError> {
        self.replace_file()
            .map_err(|error| self.broken(format!("cannot be written: {error}; is the disk full or read-only?")))
    }

    fn replace_file(&self) -> io::Result<()> {
        let fresh = self.file.with_extension("new");
        let mut file = File::create(&fresh)?;
        file.write_all(&serde_json::to_vec(&self.content)?)?;
        file.sync_all()?;
        fs::rename(&fresh, &self.file)?;
        match self.file.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;

//! The ledger's file: JSON with a version, replaced as a whole and synced.

use crate::chain::error::ChainError;
use crate::chain::fees::Fees;
use crate::chain::nonce::{Attempt, Call, Entry, Ledger};
use alloy::primitives::{Address, B256, Bytes, keccak256};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

const VERSION: u32 = 2;
/// Largest ledger read.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// How every damage is mended.
const MEND: &str = "move it away once none of this account's transactions is pending";

/// Where an account's ledger is kept.
#[derive(Clone, Debug)]
pub struct LedgerFile {
    file: PathBuf,
    texts: Arc<Mutex<Texts>>,
}

/// What the calls of the last ledger look like in the file, by nonce. They make up nearly all of it and hardly ever change, while
/// the ledger is written for every transaction: spelt out anew each time, those of 64 KiB held up all that were to be sent.
pub(super) type Texts = BTreeMap<u64, (Call, Box<RawValue>)>;

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// A ledger as it is read, with entries of their own, and as it is written, with those of a ledger.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content<E> {
    version: u32,
    chain_id: u64,
    address: Address,
    floor: u64,
    entries: Vec<E>,
}

/// An [`Entry`] whose call has its text already.
#[derive(Serialize)]
struct Spelt<'a> {
    nonce: u64,
    key: B256,
    call: &'a RawValue,
    gas_limit: u64,
    attempts: &'a [Attempt],
}

/// What programs before version 2 wrote.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldContent {
    #[serde(rename = "version")]
    _version: u32,
    chain_id: u64,
    address: Address,
    intents: Vec<OldIntent>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldIntent {
    nonce: u64,
    to: Address,
    input: Bytes,
    gas_limit: u64,
    attempts: Vec<OldAttempt>,
    closed: bool,
}

#[derive(Deserialize)]
struct OldAttempt {
    tx: B256,
    max_fee: u64,
    tip: u64,
}

impl<'a> Spelt<'a> {
    fn of(entry: &'a Entry, call: &'a RawValue) -> Self {
        let Entry { nonce, key, gas_limit, ref attempts, .. } = *entry;
        Self { nonce, key, call, gas_limit, attempts }
    }
}

impl LedgerFile {
    /// Reads the ledger, or starts an empty one where there is no file.
    ///
    /// # Errors
    /// The file cannot be read, is damaged, newer than this program, or belongs to another account or chain.
    pub fn open(file: &Path, chain_id: u64, address: Address) -> Result<(Self, Ledger), ChainError> {
        let own = Self { file: file.to_owned(), texts: Arc::default() };
        let mut bytes = Vec::new();
        match File::open(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok((own, Ledger::empty(chain_id, address)));
            }
            Err(error) => return Err(own.refused("read", &error)),
            Ok(opened) => {
                opened.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(|error| own.refused("read", &error))?
            }
        };
        let ledger = decode(&bytes).map_err(|why| own.broken(why))?;
        if (ledger.chain_id, ledger.address) != (chain_id, address) {
            return Err(own.broken(format!(
                "belongs to {} on chain {}, this keeper is {address} on chain {chain_id}; use another data directory",
                ledger.address, ledger.chain_id
            )));
        }
        Ok((own, ledger))
    }

    /// Writes a new file, syncs it, and puts it in the place of the old one. Takes a few milliseconds.
    ///
    /// # Errors
    /// The file cannot be written; then nothing of what is new in the ledger may be sent.
    pub fn save(&self, ledger: &Ledger) -> Result<(), ChainError> {
        self.replace(ledger).map_err(|error| self.refused("written", &error))
    }

    fn refused(&self, action: &str, error: &io::Error) -> ChainError {
        let why = format!("cannot be {action}: {error}; is the disk full or read-only?");
        ChainError::Ledger { file: self.file.clone(), why, system: error.raw_os_error() }
    }

    fn replace(&self, ledger: &Ledger) -> io::Result<()> {
        let fresh = self.file.with_extension("new");
        let mut file = File::create(&fresh)?;
        file.write_all(&encode(ledger, &mut self.texts.lock().unwrap_or_else(PoisonError::into_inner))?)?;
        file.sync_all()?;
        fs::rename(&fresh, &self.file)?;
        match self.file.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }

    fn broken(&self, why: String) -> ChainError {
        ChainError::Ledger { file: self.file.clone(), why, system: None }
    }
}

/// The file of a ledger; `texts` are those of the ledger before it, and become its own.
pub(super) fn encode(ledger: &Ledger, texts: &mut Texts) -> io::Result<Vec<u8>> {
    let mut before = std::mem::take(texts);
    for Entry { nonce, call, .. } in ledger.entries.values() {
        let text = match before.remove(nonce) {
            Some((known, text)) if known == *call => text,
            _ => serde_json::value::to_raw_value(call)?,
        };
        texts.insert(*nonce, (call.clone(), text));
    }
    let entries = ledger.entries.values().zip(texts.values());
    let entries = entries.map(|(entry, (_, call))| Spelt::of(entry, call)).collect();
    let Ledger { chain_id, address, floor, .. } = *ledger;
    Ok(serde_json::to_vec(&Content { version: VERSION, chain_id, address, floor, entries })?)
}

pub(super) fn decode(bytes: &[u8]) -> Result<Ledger, String> {
    let damaged = |error: serde_json::Error| format!("is damaged ({error}); {MEND}");
    let Versioned { version } = serde_json::from_slice(bytes).map_err(damaged)?;
    let ledger = match version {
        1 => old(serde_json::from_slice(bytes).map_err(damaged)?),
        VERSION => new(serde_json::from_slice(bytes).map_err(damaged)?),
        newer => return Err(format!("has version {newer}, this program knows 1 to {VERSION}; use a newer program")),
    };
    ledger.ok_or_else(|| format!("is damaged (its entries contradict each other); {MEND}"))
}

/// `None` if the entries contradict each other.
fn new(content: Content<Entry>) -> Option<Ledger> {
    let Content { chain_id, address, floor, entries, .. } = content;
    let ordered = entries.windows(2).all(|pair| pair[0].nonce < pair[1].nonce);
    let sound = ordered && entries.iter().all(|entry| !entry.attempts.is_empty());
    let entries = entries.into_iter().map(|entry| (entry.nonce, entry)).collect();
    sound.then_some(Ledger { chain_id, address, floor, entries })
}

fn old(content: OldContent) -> Option<Ledger> {
    let OldContent { chain_id, address, intents, .. } = content;
    let ordered = intents.windows(2).all(|pair| pair[0].nonce < pair[1].nonce);
    if !ordered || intents.iter().any(|intent| intent.attempts.is_empty()) {
        return None;
    }
    let closed = intents.iter().filter(|intent| intent.closed).map(|intent| intent.nonce.saturating_add(1));
    let floor = closed.max().unwrap_or_default();
    let open = intents.into_iter().filter(|intent| !intent.closed);
    let entries = open.map(|intent| (intent.nonce, intent.into())).collect();
    Some(Ledger { chain_id, address, floor, entries })
}

impl From<OldIntent> for Entry {
    fn from(intent: OldIntent) -> Self {
        let OldIntent { nonce, to, input, gas_limit, attempts, .. } = intent;
        let key = keccak256([to.as_slice(), &input].concat());
        let fees = |old: &OldAttempt| Fees { max_fee: old.max_fee.into(), tip: old.tip.into() };
        let attempts = attempts.iter().map(|old| Attempt { tx: old.tx, key, fees: fees(old) }).collect();
        let call = Call { to, input, gas_floor: gas_limit, last_block: None, counts: false };
        Self { nonce, key, call, gas_limit, attempts }
    }
}

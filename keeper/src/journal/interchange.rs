//! Carrying a key's signing history from one machine to another, in the manner of EIP-3076 (slashing protection
//! interchange format): one JSON file, which only ever adds to what a journal refuses.
//!
//! ```json
//! {
//!   "metadata": {"format": "keeper-mesh-journal", "version": 1, "domain": "0x…32", "chain_id": 1, "task_manager": "0x…20"},
//!   "data": [{"key": "0x…96", "watermark": 0, "reports": [
//!     {"task": "0x…32", "anchor_number": 7, "anchor_hash": "0x…32", "input_set": "0x…32", "digest": "0x…32"}]}]
//! }
//! ```
//!
//! `key` is the compressed BLS public key, `domain` the EIP-712 domain separator. Importing takes the union of the
//! reports and the higher of the watermarks. A file of another key or network, or one that names another report at a
//! place the journal knows, is refused whole: then somebody signed twice already, and a person has to look.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use alloy::primitives::{Address, B256, FixedBytes};
use serde::{Deserialize, Serialize};

use super::book::{Book, Conflict};
use super::{Error, FileStorage, Identity, Journal, MAX_JOURNAL_BYTES, Record, Storage, format};

const FORMAT: &str = "keeper-mesh-journal";
const VERSION: u32 = 1;
/// Largest file read or written, in bytes: some 600,000 reports, a thousand times what a pruned journal holds.
pub const MAX_INTERCHANGE_BYTES: u64 = 256 * 1024 * 1024;
/// Highest block number taken for one: no chain gets there, and above it a typing error would silence a key for good.
pub const MAX_ANCHOR: u64 = 1 << 48;

/// Why a file was not exported or imported. The journal is as it was.
#[derive(Debug, thiserror::Error)]
pub enum InterchangeError {
    /// The file cannot be read.
    #[error("could not read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// More than [`MAX_INTERCHANGE_BYTES`].
    #[error("{path} is larger than {MAX_INTERCHANGE_BYTES} bytes: no journal is; check that it is the right file")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Not an interchange file, or a damaged one.
    #[error("{path} is no journal export: {why}; export it again from where the key last ran")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        why: String,
    },
    /// Written by a later release.
    #[error(
        "{path} has version {found}, this keeper reads version {VERSION}: use the keeper that wrote it, or a newer one"
    )]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// The version it names.
        found: u32,
    },
    /// The history of another key.
    #[error("{path} holds the history of key {found}, this data directory has key {own}: take the file of that key")]
    OtherKey {
        /// The file.
        path: PathBuf,
        /// The key in the file.
        found: String,
        /// The key of the data directory.
        own: String,
    },
    /// The history on another chain or contract.
    #[error("{path} is of another network: its {field} is {found}, that of the network file is {own}")]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// The field of its metadata.
        field: &'static str,
        /// What it says.
        found: String,
        /// What the network file says.
        own: String,
    },
    /// Two different reports at one place.
    #[error(
        "{path} names report {found} for task {task} at anchor {anchor_number}, but {recorded} is recorded there: two \
         keepers have signed with this key, or the file was changed; nothing was imported. Find out which before this \
         key signs again"
    )]
    Conflict {
        /// The file.
        path: PathBuf,
        /// The task.
        task: String,
        /// The anchor's number in the file.
        anchor_number: u64,
        /// What was recorded first.
        recorded: String,
        /// What the file says.
        found: String,
    },
    /// The journal itself.
    #[error(transparent)]
    Journal(#[from] Error),
}

/// Whose history, in the words of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// BLS public key, compressed.
    pub key: [u8; 96],
    /// EIP-712 domain separator of the TaskManager.
    pub domain: B256,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The contract reports are signed for.
    pub task_manager: Address,
}

impl Owner {
    /// The identity of this owner's journal.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity::new(&self.key, self.domain)
    }
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Reports the journal did not know and remembers now.
    pub added: usize,
    /// Reports it remembers.
    pub reports: usize,
    /// First anchor number that can be recorded.
    pub watermark: u64,
    /// Whether there was no journal before.
    pub created: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    metadata: Metadata,
    data: Vec<History>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    format: String,
    version: u32,
    domain: B256,
    chain_id: u64,
    task_manager: Address,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct History {
    key: FixedBytes<96>,
    watermark: u64,
    reports: Vec<Report>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    task: B256,
    anchor_number: u64,
    anchor_hash: B256,
    input_set: B256,
    digest: B256,
}

/// Enough of any version to tell which one it is.
#[derive(Deserialize)]
struct Title {
    metadata: TitleMetadata,
}

#[derive(Deserialize)]
struct TitleMetadata {
    format: String,
    version: u32,
}

/// The history of a journal as an interchange file. `path` is where it will be written, for messages.
///
/// # Errors
/// [`InterchangeError::TooLarge`] for a journal that was never pruned; run the keeper, which prunes it.
pub fn export<S: Storage>(journal: &Journal<S>, owner: &Owner, path: &Path) -> Result<Vec<u8>, InterchangeError> {
    let reports = journal.book.records().map(|record| Report {
        task: record.task_id,
        anchor_number: record.anchor_number,
        anchor_hash: record.anchor_hash,
        input_set: record.input_hash,
        digest: record.digest,
    });
    let history = History { key: FixedBytes(owner.key), watermark: journal.watermark(), reports: reports.collect() };
    let metadata = Metadata {
        format: FORMAT.to_owned(),
        version: VERSION,
        domain: owner.domain,
        chain_id: owner.chain_id,
        task_manager: owner.task_manager,
    };
    let document = Document { metadata, data: vec![history] };
    let bytes = serde_json::to_vec_pretty(&document).expect("a document of numbers and hex strings serialises");
    if bytes.len() as u64 > MAX_INTERCHANGE_BYTES {
        return Err(InterchangeError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

/// Adds the history in `file` to the journal at `journal`, which is made if there is none; it counts as intact then.
///
/// # Errors
/// Every variant of [`InterchangeError`]; on each the journal is as it was.
pub fn import(journal: &Path, owner: &Owner, file: &Path) -> Result<Imported, InterchangeError> {
    let history = parse(&read(file)?, owner, file)?;
    import_in(FileStorage::lock(journal)?, journal, owner.identity(), &history, file)
}

/// As [`import`], into a given storage.
pub(super) fn import_in(
    mut storage: impl Storage,
    journal: &Path,
    identity: Identity,
    (watermark, records): &(u64, Vec<Record>),
    file: &Path,
) -> Result<Imported, InterchangeError> {
    let failed = |action: &'static str| move |error: io::Error| Error::io(journal, action, &error);
    let bytes = storage.read(MAX_JOURNAL_BYTES).map_err(failed("read"))?;
    let created = bytes.is_none();
    let before = match bytes {
        Some(bytes) => format::decode(&bytes, identity, journal)?.book,
        None => Book::default(),
    };
    let after = before.union(records, *watermark).map_err(|Conflict { position, recorded }| {
        let record = records[position];
        let [task, recorded, found] = [record.task_id, recorded, record.digest].map(|word| word.to_string());
        InterchangeError::Conflict { path: file.to_owned(), task, anchor_number: record.anchor_number, recorded, found }
    })?;
    // One replacement, and only when everything has been checked: a crash leaves the journal of before, never an
    // empty one that would pass for intact.
    storage.replace(&format::encode(identity, &after)).map_err(failed("written"))?;
    let known = after.records().filter(|record| before.knows(record)).count();
    Ok(Imported { added: after.len() - known, reports: after.len(), watermark: after.watermark(), created })
}

fn read(path: &Path) -> Result<Vec<u8>, InterchangeError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_INTERCHANGE_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(|source| InterchangeError::Read { path: path.to_owned(), source })?;
    if bytes.len() as u64 > MAX_INTERCHANGE_BYTES {
        return Err(InterchangeError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

/// The highest watermark and all reports of a file of this owner.
pub(super) fn parse(bytes: &[u8], owner: &Owner, path: &Path) -> Result<(u64, Vec<Record>), InterchangeError> {
    let malformed = |why: String| InterchangeError::Malformed { path: path.to_owned(), why };
    let title: Title = serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
    if title.metadata.format != FORMAT {
        return Err(malformed(format!("its format is not {FORMAT:?}")));
    }
    if title.metadata.version > VERSION {
        return Err(InterchangeError::NewerVersion { path: path.to_owned(), found: title.metadata.version });
    }
    if title.metadata.version == 0 {
        return Err(malformed("version 0 never was".to_owned()));
    }
    let document: Document = serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
    same_network(&document.metadata, owner, path)?;
    if document.data.is_empty() {
        return Err(malformed("it holds no key's history".to_owned()));
    }
    let (mut watermark, mut records) = (0, Vec::new());
    for history in document.data {
        let own = FixedBytes(owner.key);
        if history.key != own {
            let [found, own] = [history.key, own].map(|key| key.to_string());
            return Err(InterchangeError::OtherKey { path: path.to_owned(), found, own });
        }
        let numbers = history.reports.iter().map(|report| report.anchor_number);
        if let Some(number) = numbers.chain([history.watermark]).find(|number| *number > MAX_ANCHOR) {
            return Err(malformed(format!("{number} is no block number")));
        }
        watermark = watermark.max(history.watermark);
        records.extend(history.reports.into_iter().map(|report| Record {
            task_id: report.task,
            anchor_number: report.anchor_number,
            anchor_hash: report.anchor_hash,
            input_hash: report.input_set,
            digest: report.digest,
        }));
    }
    Ok((watermark, records))
}

fn same_network(metadata: &Metadata, owner: &Owner, path: &Path) -> Result<(), InterchangeError> {
    let fields = [
        ("chain_id", metadata.chain_id.to_string(), owner.chain_id.to_string()),
        ("task_manager", metadata.task_manager.to_string(), owner.task_manager.to_string()),
        ("domain", metadata.domain.to_string(), owner.domain.to_string()),
    ];
    match fields.into_iter().find(|(_, found, own)| found != own) {
        Some((field, found, own)) => Err(InterchangeError::OtherNetwork { path: path.to_owned(), field, found, own }),
        None => Ok(()),
    }
}

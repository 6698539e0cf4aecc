//! How a journal is laid out in its file. Integers are big-endian.
//!
//! ```text
//! header   magic 8 | version 4 | zero 4 | key hash 32 | chain domain 32 | check 16                      96 bytes
//! group    magic 4 | count 4 | check 8 | count × entry | check 8                              24 + 144 × count
//! entry    kind 8 | number 8 | task 32 | anchor hash 32 | input hash 32 | digest 32                    144 bytes
//! ```
//!
//! Kind 1 is a report at anchor `number`; kind 2 is a watermark, `number` being the first anchor that is not refused,
//! the rest zero. A check is the front of a SHA-256 over the bytes before it in its part; groups put their offset in
//! the file in front, so a group is valid at its own place only.
//!
//! Groups are synced one by one, so only the last can be unfinished. An unfinished group is one that ends early, or
//! that has a stretch the disk never wrote (a disk sector of zeros). A wrong check without either is damage, and so is
//! whatever comes before a whole group: taking it for unfinished would drop reports that have been signed.

use std::path::Path;

use alloy::primitives::B256;
use sha2::{Digest, Sha256};

use super::book::Book;
use super::{Error, Identity, Record};

const MAGIC: &[u8; 8] = b"KPRJRNL\n";
/// The layout that is written.
pub const VERSION: u32 = 1;
const HEADER: usize = 96;
const GROUP_MAGIC: &[u8; 4] = b"GRP\n";
const GROUP_HEAD: usize = 16;
const ENTRY: usize = 144;
const GROUP_CHECK: usize = 8;
const SECTOR: usize = 512;
const REPORT: u64 = 1;
const WATERMARK: u64 = 2;
/// Entries per group when a whole journal is written; larger groups are read all the same.
const ENTRIES_PER_GROUP: usize = 4096;

/// What a journal file holds.
pub(super) struct Content {
    pub(super) book: Book,
    /// Bytes of an unfinished group at the end.
    pub(super) torn: usize,
}

/// A whole journal.
pub(super) fn encode(identity: Identity, book: &Book) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + GROUP_HEAD + GROUP_CHECK + ENTRY * (book.len() + 1));
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(identity.key_hash.as_slice());
    bytes.extend_from_slice(identity.domain.as_slice());
    let check = check::<16>(&[&bytes]);
    bytes.extend_from_slice(&check);
    if book.watermark() > 0 {
        let group = group(bytes.len(), &[watermark_entry(book.watermark())]);
        bytes.extend_from_slice(&group);
    }
    let entries: Vec<_> = book.records().map(|record| report_entry(&record)).collect();
    for entries in entries.chunks(ENTRIES_PER_GROUP) {
        let group = group(bytes.len(), entries);
        bytes.extend_from_slice(&group);
    }
    bytes
}

/// A group of reports to be appended at `offset`.
pub(super) fn encode_group(offset: usize, records: &[Record]) -> Vec<u8> {
    let entries: Vec<_> = records.iter().map(report_entry).collect();
    group(offset, &entries)
}

/// Reads a journal file. `path` is for messages.
pub(super) fn decode(bytes: &[u8], identity: Identity, path: &Path) -> Result<Content, Error> {
    read_header(bytes, identity, path)?;
    let mut book = Book::default();
    let mut offset = HEADER;
    while offset < bytes.len() {
        let corrupt = |what| Error::Corrupt { path: path.to_owned(), offset, what };
        match read_group(bytes, offset) {
            Ok(entries) => {
                for entry in entries.chunks_exact(ENTRY) {
                    take_entry(&mut book, entry).map_err(corrupt)?;
                }
                offset += GROUP_HEAD + entries.len() + GROUP_CHECK;
            }
            Err(Broken::Unfinished) if is_followed(bytes, offset) => {
                return Err(corrupt("a group is missing or overwritten, and whole ones follow"));
            }
            Err(Broken::Unfinished) => break,
            Err(Broken::Damaged(what)) => return Err(corrupt(what)),
        }
    }
    Ok(Content { book, torn: bytes.len() - offset })
}

/// Whose journal it is, by its own word; nothing for what is too short to be one.
pub(super) fn identity(bytes: &[u8]) -> Option<Identity> {
    let (key_hash, domain) = (bytes.get(16..48)?, bytes.get(48..80)?);
    Some(Identity { key_hash: B256::from_slice(key_hash), domain: B256::from_slice(domain) })
}

fn read_header(bytes: &[u8], identity: Identity, path: &Path) -> Result<(), Error> {
    let corrupt = |what| Error::Corrupt { path: path.to_owned(), offset: 0, what };
    // A journal comes into being by a rename of a complete file, so not even its creation can be half done.
    let header = bytes.get(..HEADER).ok_or_else(|| corrupt("it is shorter than its header"))?;
    if &header[..8] != MAGIC {
        return Err(corrupt("it is not a journal"));
    }
    // Before the check: a later version may compute it differently.
    let found = u32::from_be_bytes(array(&header[8..12]));
    if found > VERSION {
        return Err(Error::NewerVersion { path: path.to_owned(), found, known: VERSION });
    }
    let (content, expected) = header.split_at(HEADER - 16);
    if check::<16>(&[content]) != expected {
        return Err(corrupt("its header does not match its check"));
    }
    if content[16..48] != *identity.key_hash {
        return Err(Error::OtherKey { path: path.to_owned() });
    }
    if content[48..80] != *identity.domain {
        return Err(Error::OtherChain { path: path.to_owned() });
    }
    Ok(())
}

enum Broken {
    /// The write never finished: nothing of it was answered.
    Unfinished,
    /// It was finished and changed later.
    Damaged(&'static str),
}

/// The entries of the group at `offset`, checked.
fn read_group(bytes: &[u8], offset: usize) -> Result<&[u8], Broken> {
    let rest = &bytes[offset..];
    let Some(head) = rest.get(..GROUP_HEAD) else { return Err(Broken::Unfinished) };
    let broken = |end: usize, what| {
        let unwritten = has_unwritten_sector(bytes, offset, end);
        if unwritten { Broken::Unfinished } else { Broken::Damaged(what) }
    };
    if &head[..4] != GROUP_MAGIC || check::<8>(&[&place(offset), &head[..8]]) != head[8..] {
        return Err(broken(bytes.len(), "the head of a group does not match its check"));
    }
    let count = u32::from_be_bytes(array(&head[4..8])) as usize;
    let entries_end = GROUP_HEAD.saturating_add(count.saturating_mul(ENTRY));
    let end = entries_end.saturating_add(GROUP_CHECK);
    let Some(group) = rest.get(..end) else { return Err(Broken::Unfinished) };
    let (content, expected) = group.split_at(entries_end);
    if check::<8>(&[&place(offset), content]) != expected {
        return Err(broken(offset + end, "the reports of a group do not match their check"));
    }
    Ok(&content[GROUP_HEAD..])
}

/// Whether a whole group stands anywhere behind `offset`. Groups are synced one after the other, so nothing that was only
/// unfinished has one behind it.
fn is_followed(bytes: &[u8], offset: usize) -> bool {
    let behind = offset + 1..bytes.len().saturating_sub(GROUP_HEAD);
    behind.into_iter().any(|place| bytes[place..].starts_with(GROUP_MAGIC) && read_group(bytes, place).is_ok())
}

/// Whether a sector's share of `bytes[start..end]` is all zeros: allocated by the file system, never written.
fn has_unwritten_sector(bytes: &[u8], start: usize, end: usize) -> bool {
    let mut from = start;
    while from < end {
        let to = (from / SECTOR * SECTOR + SECTOR).min(end);
        if bytes[from..to].iter().all(|byte| *byte == 0) {
            return true;
        }
        from = to;
    }
    false
}

fn take_entry(book: &mut Book, entry: &[u8]) -> Result<(), &'static str> {
    let kind = u64::from_be_bytes(array(&entry[..8]));
    let number = u64::from_be_bytes(array(&entry[8..16]));
    let word = |position: usize| B256::from_slice(&entry[16 + 32 * position..48 + 32 * position]);
    match kind {
        REPORT => {
            let record = Record {
                task_id: word(0),
                anchor_number: number,
                anchor_hash: word(1),
                input_hash: word(2),
                digest: word(3),
            };
            book.restore(&record).map_err(|_| "a report contradicts an earlier one")
        }
        WATERMARK => {
            book.prune(number);
            Ok(())
        }
        _ => Err("an entry of unknown kind"),
    }
}

fn group(offset: usize, entries: &[[u8; ENTRY]]) -> Vec<u8> {
    let count = u32::try_from(entries.len()).expect("callers pass at most ENTRIES_PER_GROUP or the writer's cap");
    let mut bytes = Vec::with_capacity(GROUP_HEAD + ENTRY * entries.len() + GROUP_CHECK);
    bytes.extend_from_slice(GROUP_MAGIC);
    bytes.extend_from_slice(&count.to_be_bytes());
    let head = check::<8>(&[&place(offset), &bytes]);
    bytes.extend_from_slice(&head);
    entries.iter().for_each(|entry| bytes.extend_from_slice(entry));
    let whole = check::<8>(&[&place(offset), &bytes]);
    bytes.extend_from_slice(&whole);
    bytes
}

fn report_entry(record: &Record) -> [u8; ENTRY] {
    entry(REPORT, record.anchor_number, [record.task_id, record.anchor_hash, record.input_hash, record.digest])
}

fn watermark_entry(watermark: u64) -> [u8; ENTRY] {
    entry(WATERMARK, watermark, [B256::ZERO; 4])
}

fn entry(kind: u64, number: u64, words: [B256; 4]) -> [u8; ENTRY] {
    let mut bytes = [0; ENTRY];
    bytes[..8].copy_from_slice(&kind.to_be_bytes());
    bytes[8..16].copy_from_slice(&number.to_be_bytes());
    for (place, word) in bytes[16..].chunks_exact_mut(32).zip(words) {
        place.copy_from_slice(word.as_slice());
    }
    bytes
}

/// The first `N` bytes of the SHA-256 of the parts put together.
fn check<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    array(&hasher.finalize()[..N])
}

fn place(offset: usize) -> [u8; 8] {
    (offset as u64).to_be_bytes()
}

/// A slice whose length the caller fixed, as an array.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the caller cut the slice to this length")
}

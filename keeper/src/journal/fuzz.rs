//! What a journal's files may contain, for fuzz targets (`tests/fuzz`).

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use alloy::primitives::{Address, B256};

use super::book::Book;
use super::interchange::{self, Owner};
use super::{Identity, Journal, Missing, Record, Storage, format};

const FILE: &str = "journal";
const IDENTITY: Identity = Identity { key_hash: B256::repeat_byte(1), domain: B256::repeat_byte(2) };
/// Of an entry here: kind, number, and one byte for each of its words.
const SHORT: usize = 6;

fn record(number: u64, task: u8) -> Record {
    let word = B256::repeat_byte;
    Record { task_id: word(task), anchor_number: number, anchor_hash: word(3), input_hash: word(4), digest: word(5) }
}

fn book() -> Book {
    let mut book = Book::from_anchor(7);
    for number in 8..12 {
        book.restore(&record(number, number.to_le_bytes()[0])).expect("they do not contradict each other");
    }
    book
}

/// What was read is written, and read again, as the same.
fn same_again(content: &format::Content) {
    let bytes = format::encode(IDENTITY, &content.book);
    let again = format::decode(&bytes, IDENTITY, Path::new(FILE)).expect("it reads what it writes");
    assert!(again.book == content.book && again.torn == 0, "nothing that was signed is forgotten");
}

/// A journal's file, by its bytes.
pub fn journal(bytes: &[u8]) {
    if let Ok(content) = format::decode(bytes, IDENTITY, Path::new(FILE)) {
        assert!(content.torn <= bytes.len());
        same_again(&content);
    }
    let _ = format::identity(bytes);
}

/// Journals: an empty one, one with reports, and one that a crash has torn.
#[must_use]
pub fn journal_seeds() -> Vec<Vec<u8>> {
    let whole = format::encode(IDENTITY, &book());
    let appended = [whole.clone(), format::encode_group(whole.len(), &[record(12, 12), record(13, 13)])].concat();
    let torn = appended[..appended.len() - 30].to_vec();
    vec![format::encode(IDENTITY, &Book::default()), whole, appended, torn]
}

/// The entries of a journal whose checks are right: six bytes make a report each.
pub fn entries(bytes: &[u8]) {
    let mut file = format::encode(IDENTITY, &Book::default());
    for group in bytes.chunks(3 * SHORT) {
        let records: Vec<Record> = group.as_chunks::<SHORT>().0.iter().map(short).collect();
        file.extend(format::encode_group(file.len(), &records));
    }
    match format::decode(&file, IDENTITY, Path::new(FILE)) {
        Ok(content) => {
            assert_eq!(content.torn, 0, "every check is right");
            same_again(&content);
            // A cut anywhere is a write that never ended, and costs no more than its own group.
            let cut = &file[..file.len() - bytes.len().min(20)];
            let before = format::decode(cut, IDENTITY, Path::new(FILE)).expect("a torn end is no damage");
            assert!(before.book.records().all(|record| content.book.knows(&record)), "nothing is made up");
        }
        Err(error) => assert!(error.to_string().contains("contradicts"), "{error}"),
    }
}

fn short([task, number, anchor, input, digest, more]: &[u8; SHORT]) -> Record {
    let word = |byte: &u8| B256::repeat_byte(*byte % 4);
    Record {
        task_id: word(task),
        anchor_number: u64::from(*number) << (more % 57),
        anchor_hash: word(anchor),
        input_hash: word(input),
        digest: word(digest),
    }
}

/// Reports of different tasks, and two that contradict each other.
#[must_use]
pub fn entries_seeds() -> Vec<Vec<u8>> {
    vec![
        vec![1, 2, 3, 0, 1, 0, 2, 2, 3, 0, 1, 0, 3, 9, 1, 1, 1, 8],
        vec![1, 2, 3, 0, 1, 0, 1, 2, 3, 0, 2, 0],
        Vec::new(),
    ]
}

fn owner() -> Owner {
    let (domain, task_manager) = (B256::repeat_byte(2), Address::repeat_byte(3));
    Owner { key: [9; 96], domain, chain_id: 31337, task_manager }
}

/// A file that carries a history from one machine to another.
pub fn interchange(bytes: &[u8]) {
    let path = Path::new("history.json");
    let Ok(history) = interchange::parse(bytes, &owner(), path) else { return };
    let journal = Memory::default();
    let imported = interchange::import_in(journal.clone(), Path::new(FILE), owner().identity(), &history, path);
    if imported.is_ok() {
        let bytes = journal.bytes().clone().expect("an import leaves a journal");
        let content = format::decode(&bytes, owner().identity(), Path::new(FILE)).expect("and a sound one");
        assert!(content.book.watermark() >= history.0, "a watermark never goes down");
    }
}

/// A history of some reports.
#[must_use]
pub fn interchange_seeds() -> Vec<Vec<u8>> {
    let mut journal = Journal::open_in(Memory::default(), Path::new(FILE), owner().identity(), Missing::CreateAbove(7))
        .expect("memory");
    journal.record(&[record(8, 8), record(9, 9)]).expect("memory");
    vec![interchange::export(&journal, &owner(), Path::new("history.json")).expect("short")]
}

/// A journal's storage in memory; clones share it.
#[derive(Clone, Debug, Default)]
struct Memory(Arc<Mutex<Option<Vec<u8>>>>);

impl Memory {
    fn bytes(&self) -> MutexGuard<'_, Option<Vec<u8>>> {
        self.0.lock().expect("nobody panics while it is held")
    }
}

impl Storage for Memory {
    fn read(&mut self, _: u64) -> io::Result<Option<Vec<u8>>> {
        Ok(self.bytes().clone())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes().get_or_insert_default().extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        *self.bytes() = Some(bytes.to_vec());
        Ok(())
    }
}

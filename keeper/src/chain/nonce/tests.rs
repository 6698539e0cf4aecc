use super::{Attempt, Intent, Ledger, REMEMBERED};
use crate::chain::fees::Fees;
use alloy::primitives::{Address, B256, Bytes};
use std::fs;
use std::path::{Path, PathBuf};

const CHAIN: u64 = 31337;

fn account() -> Address {
    Address::repeat_byte(9)
}

fn intent(nonce: u64, input: &'static [u8]) -> Intent {
    Intent {
        nonce,
        to: Address::repeat_byte(3),
        input: Bytes::from_static(input),
        gas_limit: 21_000,
        attempts: vec![attempt(1)],
        closed: false,
    }
}

fn attempt(number: u8) -> Attempt {
    let raw = Bytes::from(vec![number; 100]);
    Attempt::new(B256::repeat_byte(number), Fees { max_fee: u128::from(number), tip: 1 }, raw)
}

fn open(file: &Path) -> Ledger {
    Ledger::open(file, CHAIN, account()).expect("the ledger opens")
}

fn fresh() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("transactions.json");
    (folder, file)
}

#[test]
fn a_nonce_never_gets_a_second_content() {
    let (_folder, file) = fresh();
    let mut ledger = open(&file);
    ledger.begin(intent(4, b"one")).expect("nonce 4 is free");
    for mut ledger in [ledger, open(&file)] {
        let error = ledger.begin(intent(4, b"two")).expect_err("nonce 4 is taken").to_string();
        assert!(error.contains("nonce 4 belongs to another transaction"), "{error}");
        ledger.close(4).expect("it can be closed");
        ledger.begin(intent(4, b"two")).expect_err("a used nonce is taken for ever");
        assert_eq!(open(&file).content.intents[0].input, Bytes::from_static(b"one"));
    }
}

#[test]
fn everything_is_on_disk_when_a_step_returns() {
    let (_folder, file) = fresh();
    let mut ledger = open(&file);
    assert_eq!(open(&file).first_open(), None);
    ledger.begin(intent(0, b"one")).expect("free");
    assert_eq!(open(&file).first_open(), Some(&intent(0, b"one")));
    ledger.raise(0, attempt(2)).expect("known");
    assert_eq!(open(&file).first_open().map(|intent| intent.attempts.len()), Some(2));
    ledger.raise(7, attempt(2)).expect_err("unknown");
    ledger.close(0).expect("known");
    assert_eq!(open(&file).first_open(), None);
    assert!(!ledger.reopen(1).expect("nothing to do"));
    assert!(ledger.reopen(0).expect("the chain went back"));
    assert_eq!(open(&file).first_open().map(|intent| intent.nonce), Some(0));
}

#[test]
fn gaps_are_filled_and_known_nonces_skipped() {
    let (_folder, file) = fresh();
    let mut ledger = open(&file);
    assert_eq!(ledger.free_nonce(5), 5);
    ledger.begin(intent(6, b"later")).expect("free");
    assert_eq!(ledger.free_nonce(5), 5);
    ledger.begin(intent(5, b"earlier")).expect("free");
    assert_eq!(ledger.free_nonce(5), 7);
    assert_eq!(ledger.free_nonce(6), 7);
    assert_eq!(ledger.free_nonce(9), 9);
    assert_eq!(ledger.first_open().map(|intent| intent.nonce), Some(5), "the lowest goes first");
}

#[test]
fn only_closed_entries_are_forgotten() {
    let (_folder, file) = fresh();
    let mut ledger = open(&file);
    ledger.begin(intent(0, b"open")).expect("free");
    for nonce in 1..100 {
        ledger.begin(intent(nonce, b"done")).expect("free");
        ledger.close(nonce).expect("known");
    }
    let ledger = open(&file);
    assert_eq!(ledger.first_open().map(|intent| intent.nonce), Some(0));
    assert!(ledger.content.intents.len() <= REMEMBERED + 2, "{} entries", ledger.content.intents.len());
    assert_eq!(ledger.free_nonce(99), 100);
}

#[test]
fn a_damaged_file_is_refused_and_named() {
    let (_folder, file) = fresh();
    let mut ledger = open(&file);
    ledger.begin(intent(0, b"one")).expect("free");
    let whole = fs::read(&file).expect("it was written");
    for cut in 0..whole.len() {
        fs::write(&file, &whole[..cut]).expect("the folder is writable");
        let error = Ledger::open(&file, CHAIN, account()).expect_err("cut off").to_string();
        assert!(error.contains("transactions.json") && error.contains("move it away"), "{error}");
    }
    let text = String::from_utf8(whole).expect("JSON");
    for (old, new) in [("\"version\":1", "\"version\":2"), ("\"attempts\":[{", "\"attempts\":[],\"x\":[{")] {
        assert!(text.contains(old), "{text}");
        fs::write(&file, text.replace(old, new)).expect("the folder is writable");
        Ledger::open(&file, CHAIN, account()).expect_err(new);
    }
}

#[test]
fn a_ledger_of_another_account_or_chain_is_refused() {
    let (_folder, file) = fresh();
    open(&file).begin(intent(0, b"one")).expect("free");
    let error = Ledger::open(&file, CHAIN, Address::repeat_byte(8)).expect_err("another account").to_string();
    assert!(error.contains("belongs to 0x0909"), "{error}");
    Ledger::open(&file, 1, account()).expect_err("another chain");
}

#[test]
fn nothing_is_promised_that_could_not_be_written() {
    let (folder, file) = fresh();
    let mut ledger = open(&file);
    drop(folder);
    let error = ledger.begin(intent(0, b"one")).expect_err("the folder is gone").to_string();
    assert!(error.contains("cannot be written"), "{error}");
}

#[test]
fn a_half_written_replacement_does_not_matter() {
    let (_folder, file) = fresh();
    open(&file).begin(intent(0, b"one")).expect("free");
    fs::write(file.with_extension("new"), b"{half").expect("the folder is writable");
    assert_eq!(open(&file).first_open(), Some(&intent(0, b"one")));
}

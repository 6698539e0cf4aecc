use super::{Attempt, Call, Entry, Ledger, LedgerFile, file};
use crate::chain::fees::Fees;
use alloy::primitives::{Address, B256, Bytes};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

const CHAIN: u64 = 31337;

fn account() -> Address {
    Address::repeat_byte(9)
}

fn entry(nonce: u64, input: &'static [u8]) -> Entry {
    let key = B256::with_last_byte(7);
    let call = Call {
        to: Address::repeat_byte(3),
        input: Bytes::from_static(input),
        gas_floor: 5,
        last_block: Some(9),
        counts: true,
    };
    let fees = Fees { max_fee: u128::from(u64::MAX) * 3, tip: 1 };
    Entry { nonce, key, call, gas_limit: 21_000, attempts: vec![Attempt { tx: B256::repeat_byte(1), key, fees }] }
}

fn open(file: &Path) -> Result<(LedgerFile, Ledger), String> {
    LedgerFile::open(file, CHAIN, account()).map_err(|error| error.to_string())
}

fn fresh() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("transactions.json");
    (folder, file)
}

fn filled(file: &Path) -> Ledger {
    let (own, mut ledger) = open(file).expect("the ledger opens");
    ledger.floor = 3;
    ledger.entries = [(4, entry(4, b"one")), (6, entry(6, b"two"))].into();
    own.save(&ledger).expect("the folder is writable");
    ledger
}

#[test]
fn what_is_written_is_read_again() {
    let (_folder, file) = fresh();
    assert_eq!(open(&file).expect("none yet").1, Ledger::empty(CHAIN, account()));
    let ledger = filled(&file);
    assert_eq!(open(&file).expect("sound").1, ledger);
}

/// Calls keep the text they were spelt in once; whatever else becomes of a nonce, the file says what the ledger says.
#[test]
fn what_changes_under_a_nonce_is_written_anew() {
    let (_folder, file) = fresh();
    let (own, mut ledger) = open(&file).expect("none yet");
    let changes: [fn(&mut Ledger); 7] = [
        |ledger| drop(ledger.entries.insert(4, entry(4, b"one"))),
        |ledger| drop(ledger.entries.insert(5, entry(5, b"two"))),
        |ledger| ledger.entries.values_mut().for_each(|entry| entry.attempts.push(entry.attempts[0].clone())),
        // Another content, and another certificate over the same one.
        |ledger| drop(ledger.entries.insert(4, entry(4, b"three"))),
        |ledger| ledger.entries.values_mut().for_each(|entry| entry.call.last_block = Some(77)),
        |ledger| drop(ledger.entries.insert(5, Entry { key: B256::ZERO, ..entry(5, b"") })),
        |ledger| drop(ledger.entries.remove(&4)),
    ];
    for change in changes {
        change(&mut ledger);
        // Whoever writes is one of several that share what was spelt.
        own.clone().save(&ledger).expect("the folder is writable");
        assert_eq!(open(&file).expect("sound").1, ledger);
    }
    let mut texts = file::Texts::new();
    let mut spelt = |ledger: &Ledger| {
        file::encode(ledger, &mut texts).expect("it can be written");
        texts.values().map(|(_, text)| text.get().as_ptr()).collect::<Vec<_>>()
    };
    ledger.entries = [(4, entry(4, &[7; 65_536]))].into();
    let before = spelt(&ledger);
    ledger.entries.insert(5, entry(5, b"two"));
    assert_eq!(spelt(&ledger)[0], before[0], "a call is spelt once");
}

#[test]
fn a_damaged_file_is_refused_and_named() {
    let (_folder, file) = fresh();
    filled(&file);
    let whole = fs::read(&file).expect("it was written");
    for cut in 0..whole.len() {
        fs::write(&file, &whole[..cut]).expect("the folder is writable");
        let error = open(&file).expect_err("cut off");
        assert!(error.contains("transactions.json") && error.contains("move it away"), "{error}");
    }
    let text = String::from_utf8(whole).expect("JSON");
    let damages = [
        ("\"version\":2", "\"version\":3", "this program knows"),
        ("\"nonce\":6", "\"nonce\":4", "contradict each other"),
        ("\"attempts\":[{", "\"attempts\":[],\"x\":[{", "move it away"),
        ("\"floor\"", "\"flour\"", "move it away"),
    ];
    for (old, new, why) in damages {
        assert!(text.contains(old), "{text}");
        fs::write(&file, text.replace(old, new)).expect("the folder is writable");
        let error = open(&file).expect_err(new);
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn a_file_of_version_1_is_read() {
    let (_folder, file) = fresh();
    let attempt = |number: u8| json!({"tx": B256::repeat_byte(number), "max_fee": 100 + u64::from(number), "tip": 1, "raw": "0x0102"});
    let intent = |nonce: u64, closed: bool| {
        json!({"nonce": nonce, "to": Address::repeat_byte(3), "input": "0x0a0b", "gas_limit": 500_000,
            "attempts": [attempt(1), attempt(2)], "closed": closed})
    };
    let content = json!({"version": 1, "chain_id": CHAIN, "address": account(),
        "intents": [intent(0, false), intent(1, true), intent(2, true), intent(5, false)]});
    fs::write(&file, content.to_string()).expect("the folder is writable");
    let (_, ledger) = open(&file).expect("an old ledger");
    assert_eq!(ledger.floor, 3, "what was closed is not used again");
    assert_eq!(ledger.entries.keys().copied().collect::<Vec<_>>(), [0, 5]);
    let entry = &ledger.entries[&5];
    assert_eq!((entry.gas_limit, entry.attempts.len(), entry.attempts[1].fees.max_fee), (500_000, 2, 102));
    assert!(entry.attempts.iter().all(|attempt| attempt.key == entry.key) && !entry.is_idle());
    let broken = content.to_string().replace("\"nonce\":5", "\"nonce\":0");
    fs::write(&file, broken).expect("the folder is writable");
    assert!(open(&file).expect_err("broken").contains("move it away"));
}

#[test]
fn a_ledger_of_another_account_or_chain_is_refused() {
    let (_folder, file) = fresh();
    filled(&file);
    let error = LedgerFile::open(&file, CHAIN, Address::repeat_byte(8)).expect_err("another account").to_string();
    assert!(error.contains("belongs to 0x0909"), "{error}");
    LedgerFile::open(&file, 1, account()).expect_err("another chain");
}

#[test]
fn what_cannot_be_written_says_so() {
    let (folder, file) = fresh();
    let (own, ledger) = open(&file).expect("none yet");
    drop(folder);
    let error = own.save(&ledger).expect_err("the folder is gone").to_string();
    assert!(error.contains("cannot be written"), "{error}");
}

#[test]
fn a_half_written_replacement_does_not_matter() {
    let (_folder, file) = fresh();
    let ledger = filled(&file);
    fs::write(file.with_extension("new"), b"{half").expect("the folder is writable");
    assert_eq!(open(&file).expect("sound").1, ledger);
}

#[test]
fn a_content_is_known_by_its_key_or_by_what_it_is() {
    let entry = entry(4, b"one");
    let other = Call { gas_floor: 0, last_block: None, ..entry.call.clone() };
    assert!(entry.holds(entry.key, &Call { input: Bytes::new(), ..other.clone() }));
    assert!(entry.holds(B256::repeat_byte(2), &other));
    assert!(!entry.holds(B256::repeat_byte(2), &Call { input: Bytes::new(), ..other }));
    let idle = Entry::idle(4, account());
    assert!(!idle.holds(B256::ZERO, &idle.call), "a transfer to oneself is nobody's content");
}

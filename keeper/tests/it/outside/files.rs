//! Files, passwords and words as they are found: the real program reads them, or ends with an exit code and a reason.

use alloy::primitives::B256;
use keeper::cli::Exit;
use keeper::journal::{Identity, Journal, Missing, Record};
use serde_json::Value;

use crate::keeper_process::{Home, Said};

/// How a verb ends.
#[derive(Clone, Copy, Debug)]
enum Then {
    /// It does what it is for.
    GoesOn,
    /// With this exit code and these words.
    Ends(Exit, &'static [&'static str]),
}
use Then::{Ends, GoesOn};

/// Where the journal of a home is, and what it is of.
fn journal(home: &Home) -> std::path::PathBuf {
    home.data().join("journal.bin")
}

fn record(anchor_number: u64) -> Record {
    Record {
        task_id: B256::repeat_byte(1),
        anchor_number,
        anchor_hash: B256::from(alloy::primitives::U256::from(anchor_number)),
        input_hash: B256::ZERO,
        digest: B256::repeat_byte(7),
    }
}

/// Makes a journal of `groups` groups of twenty reports, and changes its bytes.
fn damaged(home: &Home, groups: u64, damage: impl Fn(&mut Vec<u8>)) -> Said {
    let key = consensus::bls::SecretKey::generate(&[1; 32]).public_key().to_bytes();
    let identity = Identity::new(&key, B256::ZERO);
    std::fs::create_dir_all(home.data()).unwrap();
    let path = journal(home);
    let mut open = Journal::open(&path, identity, Missing::Create).unwrap();
    for group in 0..groups {
        let records: Vec<Record> = (0..20).map(|number| record(1 + 20 * group + number)).collect();
        open.record(&records).unwrap();
    }
    drop(open);
    let mut bytes = std::fs::read(&path).unwrap();
    damage(&mut bytes);
    std::fs::write(&path, bytes).unwrap();
    // What `keeper join` meets, with the exit code it would end with.
    match Journal::open(&path, identity, Missing::Refuse) {
        Ok(journal) => said(0, &format!("{} reports", journal.len())),
        Err(error) => said(Exit::of(&error.clone().into()).code().into(), &format!("error: {error}")),
    }
}

fn said(code: i32, words: &str) -> Said {
    Said { code, stdout: words.to_owned(), stderr: words.to_owned() }
}

/// Shows the keys after the wallet's file has been put under another name, with another content.
fn wallet(home: &Home, name: impl Fn(&str) -> String, content: impl Fn(&str) -> Vec<u8>) -> Said {
    let folder = home.data().join("keystores");
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let file = files.into_iter().find(|path| path.to_string_lossy().contains("ecdsa-")).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let named: Value = serde_json::from_str(&text).unwrap();
    let address = named["address"].as_str().unwrap().to_owned();
    std::fs::remove_file(&file).unwrap();
    keeper::keystore::write_private(&folder.join(name(&address)), &content(&text)).unwrap();
    // Opens both keys; makes none, for none is missing.
    home.keeper(&["keys", "new", "--light-scrypt"])
}

fn utc(address: &str) -> String {
    format!("UTC--2026-11-28T10-00-00.000000000Z--{address}")
}

fn without_address(text: &str) -> Vec<u8> {
    let mut file: Value = serde_json::from_str(text).unwrap();
    file.as_object_mut().unwrap().remove("address");
    file.to_string().into_bytes()
}

fn utf16(text: &str) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

fn password(home: &Home, bytes: &[u8]) -> Said {
    let file = home.path("other-password");
    std::fs::write(&file, bytes).unwrap();
    home.keeper_with(&["keys", "new", "--light-scrypt"], &file)
}

/// Shows what becomes of a keystore that others can read.
fn opened(home: &Home) -> Said {
    let folder = home.data().join("keystores");
    let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
    home.keeper(&["keys", "new", "--light-scrypt"])
}

/// The program with a secret in a variable of its environment; whatever it says is given back as an error's text.
fn with_secret(home: &Home, arguments: &[&str], variable: &str, value: &str) -> Said {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_keeper"))
        .args(arguments)
        .arg("--datadir")
        .arg(home.data())
        .env_clear()
        .env(variable, value)
        .output()
        .unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!text.contains("s3cret"), "{text}");
    said(output.status.code().unwrap(), &text)
}

/// The first of the keys that anvil prints.
const KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

type Row = (&'static str, fn(&Home) -> Said, Then);

/// Zeros in the third group of five, as a sector that was lost.
fn lose_a_sector(bytes: &mut [u8]) {
    let sector = (bytes.len() / 2).next_multiple_of(512);
    bytes[sector..sector + 512].fill(0);
}

#[rustfmt::skip]
fn table() -> Vec<Row> {
    vec![
        ("a bit of the journal has flipped", |home| damaged(home, 5, |bytes| bytes[3_000] ^= 1), Ends(Exit::Data, &["damaged at byte", "backup", "--accept-empty-journal"])),
        ("a sector in the middle of the journal is gone", |home| damaged(home, 5, |bytes| lose_a_sector(bytes)), Ends(Exit::Data, &["damaged at byte", "whole ones follow"])),
        ("the last write to the journal never ended", |home| damaged(home, 5, |bytes| bytes.truncate(bytes.len() - 700)), GoesOn),
        ("the journal is another file", |home| damaged(home, 1, |bytes| *bytes = b"hello".to_vec()), Ends(Exit::Data, &["damaged"])),
        ("the journal is gone", |home| damaged(home, 1, |_| ()).also(|| { std::fs::remove_file(journal(home)).unwrap(); reopen(home) }), Ends(Exit::Protection, &["no journal", "--accept-empty-journal"])),
        ("a wallet of geth, under its own name", |home| wallet(home, utc, |text| text.into()), GoesOn),
        ("a wallet of cast, without an address", |home| wallet(home, utc, without_address), GoesOn),
        ("a wallet of cast under a name of its owner's", |home| wallet(home, |_| "ecdsa-mine".into(), without_address), Ends(Exit::Key, &["names no address", "cast wallet address"])),
        ("a wallet with a byte-order mark", |home| wallet(home, utc, |text| format!("\u{feff}{text}").into()), GoesOn),
        ("a wallet in UTF-16", |home| wallet(home, utc, utf16), GoesOn),
        ("a wallet that is no text", |home| wallet(home, utc, |_| vec![0x80, 0x81]), Ends(Exit::Key, &["UTC--", "save it as UTF-8"])),
        ("a keystore that others can read", opened, Ends(Exit::Key, &["K-KEY-08", "mode 0640", "chmod 600"])),
        ("a password in the environment", |home| with_secret(home, &["keys", "new"], "KEEPER_PASSWORD", "s3cret"), Ends(Exit::Key, &["K-KEY-11", "KEEPER_PASSWORD_FILE"])),
        ("a variable that is set to nothing", |home| with_secret(home, &["config", "show"], "KEEPER_RPC_URL", ""), GoesOn),
        ("a private key on the command line", |home| home.keeper(&["join", "--private-key", KEY]), Ends(Exit::Usage, &["K-USE-02", "--private-key", "not used"])),
        ("a private key in place of a file", |home| home.keeper(&["keys", "import", KEY]), Ends(Exit::Usage, &["K-USE-02", "an argument"])),
        ("a password with a byte-order mark", |home| password(home, "\u{feff}correct horse\n".as_bytes()), GoesOn),
        ("a password in UTF-16 with Windows line ends", |home| password(home, &utf16("correct horse\r\n")), GoesOn),
        ("a password that is no text", |home| password(home, &[0x80, 0x81]), Ends(Exit::Key, &["other-password", "save it as UTF-8"])),
        ("a secret in the environment, and somebody asks for help", |home| with_secret(home, &["join", "--help"], "KEEPER_RPC_URL", "http://user:s3cret@node"), GoesOn),
        ("a secret in the wrong variable, and somebody asks for help", |home| with_secret(home, &["join", "--help"], "KEEPER_LISTEN", "http://user:s3cret@node"), GoesOn),
        ("a secret in a URL that is none", |home| with_secret(home, &["status"], "KEEPER_RPC_URL", "http://user:s3cret@[node"), Ends(Exit::Usage, &["--rpc-url", "not shown"])),
        ("a secret in a URL where nobody answers", |home| with_secret(home, &["status"], "KEEPER_API_URL", "http://user:s3cret@127.0.0.1:1"), Ends(Exit::NotReady, &["no keeper answers at http://127.0.0.1:1"])),
    ]
}

fn reopen(home: &Home) -> Said {
    let error = Journal::open(&journal(home), Identity::new(&[1; 96], B256::ZERO), Missing::Refuse).unwrap_err();
    said(Exit::of(&error.clone().into()).code().into(), &format!("error: {error}"))
}

impl Said {
    /// What comes after.
    fn also(self, next: impl FnOnce() -> Self) -> Self {
        self.succeeded();
        next()
    }
}

pub(super) fn names() -> Vec<&'static str> {
    table().into_iter().map(|(name, ..)| name).collect()
}

#[test]
fn files_are_read_or_refused_with_a_code_and_a_reason() {
    for (name, fault, then) in table() {
        let home = Home::with_keys();
        let said = fault(&home);
        let (code, words) = match then {
            GoesOn => (Exit::Success, &[][..]),
            Ends(exit, words) => (exit, words),
        };
        assert_eq!(said.code, i32::from(code.code()), "{name}: {said:?}");
        assert!(!said.stderr.contains(KEY.trim_start_matches("0x")), "{name}: {said:?}");
        assert!(words.iter().all(|word| said.stderr.contains(word)), "{name}: {said:?}");
    }
}

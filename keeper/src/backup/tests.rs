use alloy::primitives::B256;

use super::*;
use crate::journal::{Identity, Journal, Missing, Record};

/// A data directory with keys, a config file and a journal that knows of reports at these anchors.
struct Home {
    directory: tempfile::TempDir,
}

fn password() -> Password {
    Password::new("correct horse")
}

impl Home {
    fn empty() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn with(anchors: &[u64]) -> Self {
        let home = Self::empty();
        let paths = home.paths();
        Keystore::at(&paths.keystores()).create(&password(), Strength::Light).unwrap();
        p2p::Identity::load_or_create(&paths.identity()).unwrap();
        fs::write(paths.config(), "max_peers = 3\n").unwrap();
        fs::create_dir(paths.cache()).unwrap();
        fs::write(paths.cache().join("code"), "large").unwrap();
        fs::write(paths.archive(), "a record").unwrap();
        home.sign(anchors);
        home
    }

    fn paths(&self) -> Paths {
        Paths::resolve(Some(self.directory.path())).unwrap()
    }

    fn journal(&self) -> Journal {
        let key = Keystore::at(&self.paths().keystores()).public().unwrap().bls.to_bytes();
        Journal::open(&self.paths().journal(), Identity::new(&key, B256::repeat_byte(9)), Missing::Create).unwrap()
    }

    fn sign(&self, anchors: &[u64]) {
        let mut journal = self.journal();
        for anchor in anchors {
            let [task_id, anchor_hash, digest] =
                [1, 2, 3].map(|salt| B256::from([u8::try_from(*anchor).unwrap() ^ salt; 32]));
            let record = Record { task_id, anchor_number: *anchor, anchor_hash, input_hash: B256::ZERO, digest };
            journal.record(&[record]).unwrap();
        }
    }

    fn gather(&self) -> Backup {
        let paths = self.paths();
        Backup::gather(&paths, paths.config(), None, &password()).unwrap()
    }

    /// A backup of it, as a file.
    fn backed_up(&self) -> PathBuf {
        let file = self.directory.path().join("backup");
        fs::write(&file, self.gather().seal(&password(), Strength::Light).unwrap()).unwrap();
        file
    }

    fn restore(&self, file: &Path, keep_journal: bool) -> Result<Restored, Error> {
        let paths = self.paths();
        Backup::open(file, &password())?.restore(&paths, paths.config(), keep_journal)
    }
}

#[test]
fn a_keeper_moves_whole_and_without_what_can_be_had_again() {
    let old = Home::with(&[5, 7]);
    let file = old.backed_up();
    let sealed = fs::read(&file).unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains("max_peers"), "nothing is to be read in it");
    let new = Home::empty();
    let restored = new.restore(&file, false).unwrap();
    assert_eq!((restored.written.len(), restored.kept.len()), (5, 0));
    let (before, after) = (old.paths(), new.paths());
    for file in [Paths::identity, Paths::journal] {
        assert_eq!(fs::read(file(&before)).unwrap(), fs::read(file(&after)).unwrap());
    }
    let keys = Keystore::at(&after.keystores()).open(&password()).unwrap();
    assert_eq!(keys.wallet.address(), Keystore::at(&before.keystores()).public().unwrap().operator);
    assert!(after.restored().exists(), "the next start is told that the journal may be old");
    assert!(!after.cache().exists() && !after.archive().exists());
    assert_eq!(new.journal().len(), 2);
}

#[test]
fn an_older_journal_takes_no_newer_ones_place_without_a_word() {
    let home = Home::with(&[5]);
    let file = home.backed_up();
    home.sign(&[6]);
    let error = home.restore(&file, false).unwrap_err();
    assert!(matches!(error, Error::Older { own: 6, backup: 5, .. }), "{error}");
    assert!(error.to_string().contains("--keep-journal"));
    assert_eq!(home.journal().len(), 2, "nothing was written");
    let restored = home.restore(&file, true).unwrap();
    assert!(restored.written.is_empty(), "{restored:?}");
    assert_eq!(home.journal().len(), 2);
    assert!(!home.paths().restored().exists());
}

/// Signed elsewhere at an anchor of its own, which no height tells.
#[test]
fn a_journal_that_knows_other_signatures_is_newer_whatever_its_height() {
    let home = Home::with(&[5]);
    let before = fs::read(home.paths().journal()).unwrap();
    home.sign(&[9]);
    let file = home.backed_up();
    fs::write(home.paths().journal(), before).unwrap();
    home.sign(&[8]);
    assert!(matches!(home.restore(&file, false), Err(Error::Older { own: 8, backup: 9, .. })));
}

#[test]
fn a_backup_of_the_same_history_brings_back_what_is_missing() {
    let home = Home::with(&[5]);
    let file = home.backed_up();
    fs::remove_file(home.paths().journal()).unwrap();
    fs::remove_file(Keystore::at(&home.paths().keystores()).public().unwrap().bls_path).unwrap();
    let restored = home.restore(&file, false).unwrap();
    assert_eq!((restored.written.len(), restored.kept.len()), (2, 3), "{restored:?}");
    assert_eq!(home.journal().len(), 1);
}

#[test]
fn another_operators_directory_is_left_alone() {
    let (one, two) = (Home::with(&[5]), Home::with(&[5]));
    let error = two.restore(&one.backed_up(), false).unwrap_err();
    assert!(matches!(error, Error::Other { .. }), "{error}");
    let fresh = Home::empty();
    p2p::Identity::load_or_create(&fresh.paths().identity()).unwrap();
    let error = fresh.restore(&one.backed_up(), false).unwrap_err();
    assert!(matches!(&error, Error::Other { path } if path.ends_with("p2p.key")), "{error}");
    assert!(!fresh.paths().keystores().exists());
}

#[test]
fn what_is_no_backup_or_was_changed_is_refused_and_writes_nothing() {
    let home = Home::with(&[5]);
    let file = home.backed_up();
    let good = fs::read(&file).unwrap();
    assert!(matches!(Backup::open(&file, &Password::new("wrong")), Err(Error::Unopened { .. })));
    let text = String::from_utf8_lossy(&good).into_owned();
    let line = text.lines().next().unwrap();
    let body = &good[line.len() + 1..];
    let headed = |line: &str| [line.as_bytes(), b"\n", body].concat();
    let mut last = good.clone();
    *last.last_mut().unwrap() ^= 1;
    for (name, bytes) in [
        ("empty", Vec::new()),
        ("a line", b"keeper\n".to_vec()),
        ("no line", vec![b'x'; 5_000]),
        ("half", good[..good.len() / 2].to_vec()),
        ("a bit", last),
        ("dear", headed(&line.replace("\"n\":4096", "\"n\":4294967295"))),
        ("version", headed(&line.replace("\"version\":1", "\"version\":2"))),
        ("another nonce", headed(&line.replace("\"nonce\":\"", "\"nonce\":\"0"))),
    ] {
        assert_ne!(bytes, good, "{name}");
        fs::write(&file, bytes).unwrap();
        let error = home.restore(&file, false).unwrap_err();
        assert!(matches!(error, Error::Malformed { .. } | Error::Unopened { .. }), "{name}: {error}");
    }
}

/// Whoever has the password may have made the archive: its names lead nowhere else.
#[test]
fn names_lead_nowhere_else() {
    for name in
        ["../p2p.key", "/etc/passwd", "keystores/../p2p.key", "keystores/", "keystores/.ssh", "cache/x", "a\0b", ""]
    {
        assert!(!is_known(name), "{name:?}");
    }
    let file = |name: &str| (name.to_owned(), Zeroizing::new(b"x".to_vec()));
    assert!(unpack(&pack(&[file("LOCK")])).unwrap_err().contains("LOCK"));
    assert!(unpack(&pack(&[file("p2p.key"), file("p2p.key")])).unwrap_err().contains("twice"));
    assert_eq!(unpack(&pack(&[file("keystores/bls-1.json")])).unwrap().len(), 1);
    let mut link = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    link.append_link(&mut header, "p2p.key", "/etc/passwd").unwrap();
    assert!(unpack(&link.into_inner().unwrap()).is_err());
}

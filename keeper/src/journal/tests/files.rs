//! Journals in real files: locks, foreign and damaged ones.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use super::*;

/// Where a group ends in the file, and the records up to there.
type GroupEnd = (usize, Vec<Record>);

/// A closed journal with three groups: its bytes and the ends of its groups, the header's first.
fn three_groups() -> (tempfile::TempDir, PathBuf, Vec<u8>, Vec<GroupEnd>) {
    let (directory, path, mut journal) = fresh();
    let mut known = Vec::new();
    let mut ends = vec![(fs::metadata(&path).unwrap().len() as usize, Vec::new())];
    for group in [vec![record(1, 1, 1)], vec![record(2, 2, 1), record(3, 2, 1)], vec![record(4, 3, 1)]] {
        journal.record(&group).unwrap();
        known.extend(group);
        ends.push((fs::metadata(&path).unwrap().len() as usize, known.clone()));
    }
    drop(journal);
    let bytes = fs::read(&path).unwrap();
    (directory, path, bytes, ends)
}

#[test]
fn cut_off_at_any_byte_it_keeps_every_finished_group() {
    let (_directory, path, bytes, ends) = three_groups();
    for length in 0..=bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        let opened = Journal::open(&path, identity(), Missing::Refuse);
        let Some((_, expected)) = ends.iter().rev().find(|(end, _)| *end <= length) else {
            // Not even the header: journals are created by a rename of a whole file, so this is damage.
            assert!(matches!(opened, Err(Error::Corrupt { offset: 0, .. })), "{length} bytes: {opened:?}");
            continue;
        };
        let mut journal = opened.unwrap_or_else(|error| panic!("{length} bytes: {error}"));
        assert_eq!(journal.len(), expected.len(), "{length} bytes");
        // It can be written again, and what was written is found at the next start.
        journal.record(&[record(9, 9, 9)]).unwrap();
        drop(journal);
        let mut journal = Journal::open(&path, identity(), Missing::Refuse).unwrap();
        assert_eq!(journal.len(), expected.len() + 1);
        for known in expected {
            refused(journal.record(&[Record { digest: B256::repeat_byte(0xee), ..*known }]).unwrap());
        }
    }
}

/// Whoever looks at a stopped keeper's journal reads what a start would, and changes nothing: not even a torn end goes.
#[test]
fn looked_at_it_stays_as_it_is() {
    let (_directory, path, bytes, ends) = three_groups();
    let torn = &bytes[..bytes.len() - 1];
    fs::write(&path, torn).unwrap();
    let before = fs::metadata(&path).unwrap();
    let found = Inspected::open(&path, identity()).unwrap();
    assert_eq!(found.reports(), ends[ends.len() - 2].1.len());
    let after = fs::metadata(&path).unwrap();
    assert_eq!((before.ino(), before.modified().unwrap()), (after.ino(), after.modified().unwrap()));
    assert_eq!(fs::read(&path).unwrap(), torn);
    // Nor does it need the lock: a keeper that runs goes on.
    let _running = Journal::open(&path, identity(), Missing::Refuse).unwrap();
    Inspected::open(&path, identity()).unwrap();
    let other = Identity { key_hash: B256::repeat_byte(0x77), ..identity() };
    assert!(matches!(Inspected::open(&path, other), Err(Error::OtherKey { .. })));
    assert!(matches!(Inspected::open(&path.join("nowhere"), identity()), Err(Error::Io { .. })));
    assert!(matches!(Inspected::open(&path.with_extension("none"), identity()), Err(Error::Missing { .. })));
}

#[test]
fn with_any_bit_flipped_it_does_not_open() {
    let (_directory, path, bytes, _ends) = three_groups();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &flipped).unwrap();
        let opened = Journal::open(&path, identity(), Missing::Refuse);
        assert!(matches!(opened, Err(Error::Corrupt { .. } | Error::NewerVersion { .. })), "bit {bit}: {opened:?}");
        assert_eq!(fs::read(&path).unwrap(), flipped, "bit {bit}: a refused journal is left as it was");
    }
}

#[test]
fn sectors_never_written_at_the_end_are_cut_off() {
    let (_directory, path, mut bytes, _ends) = three_groups();
    // A power loss can leave the length of the last group on disk and zeros in its place.
    let group: Vec<_> = (0..20).map(|anchor| record(5, 50 + anchor, 1)).collect();
    let offset = bytes.len();
    bytes.extend(format::encode_group(offset, &group));
    for sector in (offset.next_multiple_of(512)..bytes.len()).step_by(512) {
        let mut torn = bytes.clone();
        let end = (sector + 512).min(torn.len());
        torn[sector..end].fill(0);
        fs::write(&path, &torn).unwrap();
        assert_eq!(Journal::open(&path, identity(), Missing::Refuse).unwrap().len(), 4, "sector at {sector}");
    }
    fs::write(&path, &bytes).unwrap();
    assert_eq!(Journal::open(&path, identity(), Missing::Refuse).unwrap().len(), 24);
}

#[test]
fn damage_in_the_middle_is_told_with_its_place() {
    let (_directory, path, mut bytes, ends) = three_groups();
    let second_group = ends[1].0;
    bytes[second_group + 40] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let error = Journal::open(&path, identity(), Missing::Refuse).unwrap_err();
    assert!(matches!(&error, Error::Corrupt { offset, .. } if *offset == second_group), "{error}");
    let message = error.to_string();
    assert!(message.contains("journal.bin") && message.contains("backup"), "{message}");
}

/// Zeros look like a write that never finished, but a whole group behind them was written after it.
#[test]
fn zeros_in_the_middle_are_damage_and_what_follows_is_not_rewritten_away() {
    let (_directory, path, bytes, _) = three_groups();
    let mut file = bytes;
    let group: Vec<_> = (0..20).map(|anchor| record(5, 50 + anchor, 1)).collect();
    let first = file.len();
    file.extend(format::encode_group(first, &group));
    let last = file.len();
    file.extend(format::encode_group(last, &[record(6, 80, 1)]));
    for sector in (first.next_multiple_of(512)..last - 512).step_by(512) {
        let mut damaged = file.clone();
        damaged[sector..sector + 512].fill(0);
        fs::write(&path, &damaged).unwrap();
        let error = Journal::open(&path, identity(), Missing::Refuse).unwrap_err();
        assert!(matches!(error, Error::Corrupt { offset, .. } if offset == first), "{error}");
        assert!(error.to_string().contains("whole ones follow"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), damaged, "a refused journal is left as it was");
    }
    // The head of a group gone with the zeros, so that nothing tells its length.
    let mut damaged = file.clone();
    damaged[first..first + 600].fill(0);
    fs::write(&path, &damaged).unwrap();
    assert!(matches!(Journal::open(&path, identity(), Missing::Refuse), Err(Error::Corrupt { .. })));
    fs::write(&path, &file[..last + 30]).unwrap();
    assert_eq!(Journal::open(&path, identity(), Missing::Refuse).unwrap().len(), 24, "a torn end is still one");
}

#[test]
fn groups_moved_or_repeated_are_damage() {
    let (_directory, path, bytes, ends) = three_groups();
    let first = bytes[ends[0].0..ends[1].0].to_vec();
    fs::write(&path, [&bytes[..], &first].concat()).unwrap();
    assert!(matches!(Journal::open(&path, identity(), Missing::Refuse), Err(Error::Corrupt { .. })));
}

#[test]
fn journals_of_another_key_or_chain_are_refused() {
    let (_directory, path, journal) = fresh();
    drop(journal);
    let other_key = Identity::new(&[8; 96], identity().domain);
    assert!(matches!(Journal::open(&path, other_key, Missing::Create), Err(Error::OtherKey { .. })));
    let other_chain = Identity { domain: B256::ZERO, ..identity() };
    assert!(matches!(Journal::open(&path, other_chain, Missing::Create), Err(Error::OtherChain { .. })));
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let (_directory, path, journal) = fresh();
    drop(journal);
    let mut bytes = fs::read(&path).unwrap();
    bytes[11] = 2;
    fs::write(&path, &bytes).unwrap();
    let error = Journal::open(&path, identity(), Missing::Create).unwrap_err();
    assert_eq!(error, Error::NewerVersion { path, found: 2, known: 1 });
}

#[test]
fn a_missing_journal_is_created_only_when_allowed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.bin");
    let error = Journal::open(&path, identity(), Missing::Refuse).unwrap_err();
    assert_eq!(error, Error::Missing { path: path.clone() });
    assert!(!path.exists());
    Journal::open(&path, identity(), Missing::Create).unwrap();
    Journal::open(&path, identity(), Missing::Refuse).unwrap();
}

#[test]
fn a_journal_begun_above_an_anchor_refuses_what_its_key_may_have_signed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.bin");
    for missing in [Missing::CreateAbove(50), Missing::Refuse, Missing::CreateAbove(90)] {
        // Reopened, also by somebody who would start higher or empty, it is as it was made.
        let mut journal = Journal::open(&path, identity(), missing).unwrap();
        assert_eq!(journal.watermark(), 50);
        refused(journal.record(&[record(1, 49, 1)]).unwrap());
        assert_eq!(journal.record(&[record(1, 50, 1)]).unwrap(), Answer::Recorded);
    }
}

#[test]
fn other_files_are_no_journals() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.bin");
    for content in [&b""[..], b"hello", &[0; 4096]] {
        fs::write(&path, content).unwrap();
        assert!(matches!(Journal::open(&path, identity(), Missing::Create), Err(Error::Corrupt { .. })));
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}

#[test]
fn it_opens_once_at_a_time() {
    let (_directory, path, journal) = fresh();
    assert_eq!(Journal::open(&path, identity(), Missing::Refuse).unwrap_err(), Error::InUse { path: path.clone() });
    drop(journal);
    Journal::open(&path, identity(), Missing::Refuse).unwrap();
}

/// Set for the child of the next test: the journal to hold.
const HELD: &str = "KEEPER_TEST_HELD_JOURNAL";

#[test]
fn hold_a_journal_for_another_process() {
    let Ok(path) = std::env::var(HELD) else { return };
    let _journal = Journal::open(Path::new(&path), identity(), Missing::Refuse).unwrap();
    writeln!(std::io::stdout(), "held").unwrap();
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}

#[test]
fn another_process_keeps_it_locked_until_it_is_killed() {
    let (_directory, path, journal) = fresh();
    drop(journal);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "journal::tests::files::hold_a_journal_for_another_process", "--nocapture"])
        .env(HELD, &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("held")), "the child did not get the journal");
    assert!(matches!(Journal::open(&path, identity(), Missing::Refuse), Err(Error::InUse { .. })));
    child.kill().unwrap();
    child.wait().unwrap();
    Journal::open(&path, identity(), Missing::Refuse).unwrap();
}

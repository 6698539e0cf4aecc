//! Every call of the journal to the operating system fails once, in every way a call can fail, and the machine crashes
//! in every way it can crash; then the recovery fails as well. Whatever happens, nothing signed is signed otherwise.

mod disk;

use std::collections::BTreeMap;

use super::*;
use crate::journal::interchange::{InterchangeError, import_in};
use disk::{CRASHES, FAULTS, Fault, Lie, ModelDisk};

/// What was answered with "may be signed": the digest at each (task, anchor hash).
type Signed = BTreeMap<(B256, B256), B256>;

fn path() -> &'static Path {
    Path::new("data/journal.bin")
}

fn open(disk: &ModelDisk) -> Result<Journal<FileStorage<ModelDisk>>, Error> {
    Journal::open_in(FileStorage::on(disk.clone(), path()), path(), identity(), Missing::Create)
}

/// Asks for a group, and enters what may be signed. Returns how many reports contradict what was signed before.
fn sign(journal: &mut Journal<FileStorage<ModelDisk>>, group: &[Record], signed: &mut Signed) -> Result<usize, Error> {
    let Answer::Recorded = journal.record(group)? else { return Ok(0) };
    let entered = group.iter().map(|one| ((one.task_id, one.anchor_hash), one.digest));
    let doubled = entered.filter(|(place, digest)| *signed.entry(*place).or_insert(*digest) != *digest);
    Ok(doubled.count())
}

/// A keeper's life: a start, groups, a pruning, an end, an import, another start, groups. Stops at the first failure,
/// as a keeper does, unless it `mends` the journal and goes on. The digests differ from life to life, as if its jobs gave
/// other results each time.
fn live(disk: &ModelDisk, digest: u8, mends: bool, signed: &mut Signed) -> Result<usize, Error> {
    let mut doubled = 0;
    for part in 0..2 {
        let mut journal = open(disk)?;
        for step in 0..4 {
            let anchor = 10 * part + step;
            let group = [record(1, anchor, digest), record(2, anchor, digest)];
            match sign(&mut journal, &group, signed) {
                Ok(more) => doubled += more,
                Err(error) => {
                    let again = journal.record(&[record(3, anchor, 1)]);
                    assert!(matches!(again, Err(Error::Poisoned { .. })), "a failed write must close the journal");
                    if !mends {
                        return Err(error);
                    }
                    journal.mend()?;
                    let other = [record(1, anchor, digest + 100)];
                    doubled += sign(&mut journal, &other, signed)?;
                    doubled += sign(&mut journal, &group, signed)?;
                }
            }
            if step == 2
                && let Err(error) = journal.prune(10 * part)
            {
                assert!(matches!(journal.record(&group), Err(Error::Poisoned { .. })));
                return Err(error);
            }
        }
        drop(journal);
        let history = (0, vec![record(7, 10 * part, 7), record(8, 10 * part, 8)]);
        let storage = FileStorage::on(disk.clone(), path());
        match import_in(storage, path(), identity(), &history, Path::new("in.json")) {
            Ok(_) => {
                let entries = history.1.iter().map(|one| ((one.task_id, one.anchor_hash), one.digest));
                signed.extend(entries);
            }
            Err(InterchangeError::Journal(error)) => return Err(error),
            // In a second life the first one's import is there already, or below the watermark.
            Err(error) => panic!("{error}"),
        }
    }
    Ok(doubled)
}

/// After a crash: a start, and other digests for everything that was ever signed. Returns how many pass.
fn tempt(disk: &ModelDisk, signed: &mut Signed) -> Result<usize, Error> {
    let mut journal = open(disk)?;
    let mut doubled = 0;
    for anchor in (0..4).chain(10..14) {
        for task in [1, 2, 7, 8] {
            doubled += sign(&mut journal, &[record(task, anchor, 0xee)], signed)?;
        }
    }
    Ok(doubled)
}

/// Runs one schedule: call `call` fails, the machine crashes, perhaps recovery fails and crashes too. Returns how many
/// reports are signed twice; an error if the journal does not open on a disk that works again.
fn schedule(
    lie: Lie,
    call: usize,
    fault: Fault,
    crash: disk::Crash,
    again: Option<(usize, Fault)>,
) -> Result<usize, Error> {
    let mut signed = Signed::new();
    let disk = ModelDisk::failing_at(call, fault, lie);
    let mut doubled = live(&disk, 1, false, &mut signed).unwrap_or(0);
    let mut disk = disk.after(crash, None);
    if again.is_some() {
        disk = disk.after(disk::Crash::Process, again);
        doubled += live(&disk, 2, false, &mut signed).unwrap_or(0);
        disk = disk.after(crash, None);
    }
    Ok(doubled + tempt(&disk, &mut signed)?)
}

/// As [`schedule`] on an honest disk, where the journal must open.
fn honest(call: usize, fault: Fault, crash: disk::Crash, again: Option<(usize, Fault)>) -> usize {
    schedule(Lie::None, call, fault, crash, again).unwrap_or_else(|error| {
        panic!("call {call} fails ({fault:?}), then {crash:?}, then {again:?}: the journal does not open: {error}")
    })
}

/// The calls of a life in which nothing fails, and which of them write.
fn calls_of_a_life() -> (usize, Vec<usize>) {
    let disk = ModelDisk::failing_at(0, Fault::Clean, Lie::None);
    let mut signed = Signed::new();
    assert_eq!(live(&disk, 1, false, &mut signed).unwrap(), 0);
    assert_eq!(signed.len(), 20);
    (disk.calls(), disk.writes())
}

#[test]
fn a_journal_mended_after_a_failed_write_signs_nothing_twice() {
    let (calls, _) = calls_of_a_life();
    for call in 1..=calls {
        for fault in FAULTS {
            for crash in CRASHES {
                let (disk, mut signed) = (ModelDisk::failing_at(call, fault, Lie::None), Signed::new());
                let doubled = live(&disk, 1, true, &mut signed).unwrap_or(0);
                let tempted = tempt(&disk.after(crash, None), &mut signed);
                assert_eq!((doubled, tempted), (0, Ok(0)), "call {call} fails ({fault:?}), then {crash:?}");
            }
        }
    }
}

#[test]
fn whatever_call_fails_and_however_it_crashes_nothing_is_signed_twice() {
    let (calls, _) = calls_of_a_life();
    assert!(calls > 40, "{calls} calls are too few to prove anything");
    let (mut schedules, mut doubled) = (0, 0);
    for call in 1..=calls {
        for fault in FAULTS {
            for crash in CRASHES {
                doubled += honest(call, fault, crash, None);
                schedules += 1;
                for again in 1..=12 {
                    doubled += honest(call, fault, crash, Some((again, fault)));
                    schedules += 1;
                }
            }
        }
    }
    eprintln!("{schedules} schedules over {calls} calls: {doubled} double signatures");
    assert_eq!(doubled, 0);
}

#[test]
fn a_write_torn_at_any_byte_is_survived() {
    let (mut schedules, mut doubled) = (0, 0);
    for call in calls_of_a_life().1 {
        // A group of two is 312 bytes; whole journals are longer, and torn only before they have their name.
        for bytes in (0..320).step_by(3) {
            for crash in CRASHES {
                doubled += honest(call, Fault::Torn(bytes), crash, None);
                schedules += 1;
            }
        }
    }
    eprintln!("{schedules} torn writes: {doubled} double signatures");
    assert_eq!(doubled, 0);
}

#[test]
fn a_disk_that_lies_about_syncing_is_noticed_here() {
    // The tests above have teeth: without the syncs of content or of names, the same schedules sign twice.
    for lie in [Lie::Content, Lie::Names] {
        let mut doubled = 0;
        for call in 1..=calls_of_a_life().0 {
            for crash in CRASHES {
                // A journal that does not open signs nothing.
                doubled += schedule(lie, call, Fault::Clean, crash, None).unwrap_or(0);
            }
        }
        eprintln!("a disk that does not sync {lie:?}: {doubled} double signatures");
        assert!(doubled > 0, "{lie:?}");
    }
}

#[test]
fn what_a_replacement_left_behind_does_no_harm() {
    // Real files: the stages at which a crash can leave a replacement, and a replacement that cannot begin.
    for left in [&b""[..], b"KPRJRNL\n", &[0; 300]] {
        let (_directory, path, mut journal) = fresh();
        journal.record(&[record(1, 5, 1)]).unwrap();
        drop(journal);
        std::fs::write(path.with_extension("new"), left).unwrap();
        let mut journal = Journal::open(&path, identity(), Missing::Refuse).unwrap();
        refused(journal.record(&[record(1, 5, 2)]).unwrap());
    }
    let (_directory, path, mut journal) = fresh();
    journal.record(&[record(1, 5, 1)]).unwrap();
    std::fs::create_dir(path.with_extension("new")).unwrap();
    let error = journal.prune(3).unwrap_err();
    assert!(matches!(&error, Error::Io { .. }), "{error}");
    assert!(matches!(journal.record(&[record(2, 5, 1)]), Err(Error::Poisoned { .. })));
    drop(journal);
    assert!(matches!(Journal::open(&path, identity(), Missing::Refuse), Err(Error::Io { .. })));
    std::fs::remove_dir(path.with_extension("new")).unwrap();
    refused(Journal::open(&path, identity(), Missing::Refuse).unwrap().record(&[record(1, 5, 2)]).unwrap());
}

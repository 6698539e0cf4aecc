//! A disk that fails at every call in turn, and loses what was not synced.

use std::io;
use std::sync::{Arc, Mutex};

use super::*;

/// What a crash leaves of bytes that were written and not synced.
#[derive(Debug, Clone, Copy)]
enum Crash {
    /// The process died: the kernel has everything.
    Process,
    /// The machine died: only what was synced is left.
    Power,
    /// The machine died: half of the rest got to the disk as well.
    HalfPower,
}

/// What a failing call has done before it failed.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// Nothing.
    Clean,
    /// Half of it.
    Half,
    /// All of it, only the answer was an error.
    Done,
}

#[derive(Debug, Default)]
struct Disk {
    /// What a reader sees.
    content: Option<Vec<u8>>,
    /// How much of it is on stable storage.
    synced: usize,
    calls: usize,
    fail_at: Option<(usize, Fault)>,
}

#[derive(Debug, Clone, Default)]
struct FaultyStorage(Arc<Mutex<Disk>>);

impl FaultyStorage {
    fn failing_at(call: usize, fault: Fault) -> Self {
        Self(Arc::new(Mutex::new(Disk { fail_at: Some((call, fault)), ..Disk::default() })))
    }

    /// The disk after a crash, in working order.
    fn after(&self, crash: Crash) -> Self {
        let disk = self.0.lock().unwrap();
        let content = disk.content.clone().map(|mut bytes| {
            let kept = match crash {
                Crash::Process => bytes.len(),
                Crash::Power => disk.synced,
                Crash::HalfPower => disk.synced + (bytes.len() - disk.synced) / 2,
            };
            bytes.truncate(kept);
            bytes
        });
        let synced = content.as_ref().map_or(0, Vec::len);
        Self(Arc::new(Mutex::new(Disk { content, synced, ..Disk::default() })))
    }

    /// Counts a call and tells how it fails, if it does.
    fn call(&self) -> Option<Fault> {
        let mut disk = self.0.lock().unwrap();
        disk.calls += 1;
        disk.fail_at.filter(|(call, _)| *call == disk.calls).map(|(_, fault)| fault)
    }
}

fn broken<T>() -> io::Result<T> {
    Err(io::Error::other("the disk broke"))
}

impl Storage for FaultyStorage {
    fn read(&mut self, _limit: u64) -> io::Result<Option<Vec<u8>>> {
        if self.call().is_some() {
            return broken();
        }
        Ok(self.0.lock().unwrap().content.clone())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let fault = self.call();
        let written = match fault {
            None | Some(Fault::Done) => bytes,
            Some(Fault::Half) => &bytes[..bytes.len() / 2],
            Some(Fault::Clean) => &[],
        };
        self.0.lock().unwrap().content.as_mut().expect("replaced first").extend_from_slice(written);
        fault.map_or(Ok(()), |_| broken())
    }

    fn sync(&mut self) -> io::Result<()> {
        let fault = self.call();
        let mut disk = self.0.lock().unwrap();
        if matches!(fault, None | Some(Fault::Done)) {
            disk.synced = disk.content.as_ref().map_or(0, Vec::len);
        }
        fault.map_or(Ok(()), |_| broken())
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        let fault = self.call();
        let mut disk = self.0.lock().unwrap();
        if matches!(fault, None | Some(Fault::Done)) {
            disk.content = Some(bytes.to_vec());
            disk.synced = bytes.len();
        }
        fault.map_or(Ok(()), |_| broken())
    }
}

fn open(storage: FaultyStorage) -> Result<Journal<FaultyStorage>, Error> {
    Journal::open_in(storage, Path::new("journal.bin"), identity(), Missing::Create)
}

/// A keeper's life: groups, a pruning, a restart; returns the reports that were answered with "may be signed".
fn live(storage: &FaultyStorage) -> Vec<Record> {
    let mut signed = Vec::new();
    for life in 0..2 {
        let Ok(mut journal) = open(storage.clone()) else { return signed };
        for step in 0..4 {
            let anchor = 10 * life + step;
            let group = [record(1, anchor, 1), record(2, anchor, 1)];
            match journal.record(&group) {
                Ok(outcome) => {
                    assert_eq!(outcome, Outcome::Recorded);
                    signed.extend(group);
                }
                Err(_) => {
                    let again = journal.record(&[record(3, anchor, 1)]);
                    assert!(matches!(again, Err(Error::Poisoned { .. })), "a failed write must close the journal");
                    return signed;
                }
            }
            if step == 2 && journal.prune(10 * life).is_err() {
                assert!(matches!(journal.record(&group), Err(Error::Poisoned { .. })));
                return signed;
            }
        }
    }
    signed
}

#[test]
fn whatever_call_fails_and_however_it_crashes_nothing_signed_is_forgotten() {
    let healthy = FaultyStorage::default();
    assert_eq!(live(&healthy).len(), 16);
    let calls = healthy.0.lock().unwrap().calls;
    assert!(calls > 20, "{calls} calls are too few to prove anything");
    for call in 1..=calls {
        for fault in [Fault::Clean, Fault::Half, Fault::Done] {
            let storage = FaultyStorage::failing_at(call, fault);
            let signed = live(&storage);
            for crash in [Crash::Process, Crash::Power, Crash::HalfPower] {
                let case = format!("call {call} fails ({fault:?}), then {crash:?}");
                let mut journal = open(storage.after(crash)).unwrap_or_else(|error| panic!("{case}: {error}"));
                for known in &signed {
                    let other = Record { digest: B256::repeat_byte(0xee), ..*known };
                    assert!(matches!(journal.record(&[other]), Ok(Outcome::Refused(_))), "{case}: {known:?}");
                }
            }
        }
    }
}

#[test]
fn without_the_sync_a_power_loss_would_be_noticed_here() {
    // The test above has teeth: a storage whose sync does nothing forgets.
    #[derive(Debug, Clone, Default)]
    struct Unsynced(FaultyStorage);
    impl Storage for Unsynced {
        fn read(&mut self, limit: u64) -> io::Result<Option<Vec<u8>>> {
            self.0.read(limit)
        }
        fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.0.append(bytes)
        }
        fn sync(&mut self) -> io::Result<()> {
            Ok(())
        }
        fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.0.replace(bytes)
        }
    }
    let storage = Unsynced::default();
    let path = Path::new("journal.bin");
    let mut journal = Journal::open_in(storage.clone(), path, identity(), Missing::Create).unwrap();
    journal.record(&[record(1, 5, 1)]).unwrap();
    let mut journal = open(storage.0.after(Crash::Power)).unwrap();
    assert_eq!(journal.record(&[record(1, 5, 2)]).unwrap(), Outcome::Recorded);
}

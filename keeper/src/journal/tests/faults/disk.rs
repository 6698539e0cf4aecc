//! A file system in memory that fails at a chosen call, and loses at a crash what was not synced: contents and names
//! apart, as POSIX allows.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::journal::Disk;

const SECTOR: usize = 512;

/// How much a failing call has done before it failed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    /// Nothing.
    Clean,
    /// Half of it: a short write.
    Half,
    /// This many bytes of it, if it is a write.
    Torn(usize),
    /// All of it, only the answer was an error.
    Done,
}

pub(super) const FAULTS: [Fault; 3] = [Fault::Clean, Fault::Half, Fault::Done];

/// What a crash leaves of contents and names that were not synced.
#[derive(Debug, Clone, Copy)]
pub(super) enum Crash {
    /// The process died: the kernel has everything.
    Process,
    /// The machine died: only what was synced is left.
    Power,
    /// Half of the contents got to the disk as well.
    HalfPower,
    /// The files' lengths got to the disk as well, without the contents: zeros.
    Zeros,
    /// And every other sector of the contents.
    Patchy,
    /// The names got to the disk as well, without the contents.
    Names,
}

pub(super) const CRASHES: [Crash; 6] =
    [Crash::Process, Crash::Power, Crash::HalfPower, Crash::Zeros, Crash::Patchy, Crash::Names];

/// What the disk claims to have synced and has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Lie {
    #[default]
    None,
    Content,
    Names,
}

#[derive(Debug, Clone, Default)]
struct Content {
    bytes: Vec<u8>,
    synced: usize,
}

#[derive(Debug, Default)]
struct State {
    contents: Vec<Content>,
    names: BTreeMap<PathBuf, usize>,
    synced_names: BTreeMap<PathBuf, usize>,
    calls: usize,
    /// The numbers of the calls that wrote.
    writes: Vec<usize>,
    fail_at: Option<(usize, Fault)>,
    lie: Lie,
}

impl State {
    /// Counts a call and tells how it fails, if it does.
    fn call(&mut self) -> Option<Fault> {
        self.calls += 1;
        self.fail_at.filter(|(call, _)| *call == self.calls).map(|(_, fault)| fault)
    }
}

/// What is left of a content.
fn remains(content: &Content, crash: Crash) -> Content {
    let (written, synced) = (content.bytes.len(), content.synced);
    let kept = match crash {
        Crash::Process | Crash::Zeros | Crash::Patchy => written,
        Crash::Power | Crash::Names => synced,
        Crash::HalfPower => synced + (written - synced) / 2,
    };
    let mut bytes = content.bytes[..kept].to_vec();
    // A sector gets to the disk whole or not at all; where it does not, zeros follow what was synced.
    let lost = |place: usize| match crash {
        Crash::Zeros => true,
        Crash::Patchy => (place / SECTOR).is_multiple_of(2),
        _ => false,
    };
    (synced..kept).filter(|place| lost(*place)).for_each(|place| bytes[place] = 0);
    // What a dead process wrote is still in the kernel's memory, and no safer than before.
    let synced = if matches!(crash, Crash::Process) { synced } else { bytes.len() };
    Content { bytes, synced }
}

/// The disk; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct ModelDisk(Arc<Mutex<State>>);

impl ModelDisk {
    /// An empty disk whose call number `call` (from 1) fails.
    pub(super) fn failing_at(call: usize, fault: Fault, lie: Lie) -> Self {
        Self(Arc::new(Mutex::new(State { fail_at: Some((call, fault)), lie, ..State::default() })))
    }

    /// The disk after a crash, and where it fails next.
    pub(super) fn after(&self, crash: Crash, fail_at: Option<(usize, Fault)>) -> Self {
        let state = self.0.lock().unwrap();
        let names = match crash {
            Crash::Process | Crash::Names => state.names.clone(),
            _ => state.synced_names.clone(),
        };
        let contents = state.contents.iter().map(|content| remains(content, crash)).collect();
        let synced_names = if matches!(crash, Crash::Process) { state.synced_names.clone() } else { names.clone() };
        let lie = state.lie;
        Self(Arc::new(Mutex::new(State { contents, names, synced_names, fail_at, lie, ..State::default() })))
    }

    pub(super) fn calls(&self) -> usize {
        self.0.lock().unwrap().calls
    }

    pub(super) fn writes(&self) -> Vec<usize> {
        self.0.lock().unwrap().writes.clone()
    }
}

fn answer<T>(fault: Option<Fault>, value: T) -> io::Result<T> {
    if fault.is_some() { Err(io::Error::other("the disk broke")) } else { Ok(value) }
}

impl Disk for ModelDisk {
    type File = usize;

    fn read(&mut self, path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let mut state = self.0.lock().unwrap();
        let fault = state.call();
        let bytes = state.names.get(path).map(|inode| state.contents[*inode].bytes.clone());
        assert!(bytes.as_ref().is_none_or(|bytes| bytes.len() as u64 <= limit));
        answer(fault, bytes)
    }

    fn create(&mut self, path: &Path) -> io::Result<usize> {
        let mut state = self.0.lock().unwrap();
        let fault = state.call();
        let inode = state.contents.len();
        if matches!(fault, None | Some(Fault::Done)) {
            state.contents.push(Content::default());
            state.names.insert(path.to_owned(), inode);
        }
        answer(fault, inode)
    }

    fn write(&mut self, file: &mut usize, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let fault = state.call();
        let number = state.calls;
        state.writes.push(number);
        let written = match fault {
            None | Some(Fault::Done) => bytes.len(),
            Some(Fault::Half) => bytes.len() / 2,
            Some(Fault::Torn(most)) => most.min(bytes.len()),
            Some(Fault::Clean) => 0,
        };
        state.contents[*file].bytes.extend_from_slice(&bytes[..written]);
        answer(fault, ())
    }

    fn sync(&mut self, file: &mut usize) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let fault = state.call();
        if state.lie != Lie::Content {
            let content = &mut state.contents[*file];
            match fault {
                None | Some(Fault::Done) => content.synced = content.bytes.len(),
                Some(Fault::Half) => {
                    let middle = content.synced.midpoint(content.bytes.len()) / SECTOR * SECTOR;
                    content.synced = content.synced.max(middle);
                }
                Some(Fault::Clean | Fault::Torn(_)) => {}
            }
        }
        answer(fault, ())
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let fault = state.call();
        if matches!(fault, None | Some(Fault::Done)) {
            let inode = state.names.remove(from).expect("it was created");
            state.names.insert(to.to_owned(), inode);
        }
        answer(fault, ())
    }

    fn sync_directory(&mut self, _path: &Path) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let fault = state.call();
        if state.lie != Lie::Names && matches!(fault, None | Some(Fault::Done)) {
            state.synced_names = state.names.clone();
        }
        answer(fault, ())
    }
}

//! What is kept, how much of it, and what becomes of it when files and disks fail.

mod bounds;
mod faults;
mod queue;
mod runs;

use std::path::{Path, PathBuf};

use alloy::primitives::{Address, B256};
use consensus::task::{InstanceKey, JobId, Task};
use consensus::time::Time;
use tempfile::TempDir;

use super::file::Archive;
use super::{Bounds, Change, Entry, Owner, Reader, Settlement};

/// The second that the tests begin at.
const START: u64 = 1_800_000_000;
const OWNER: Owner = Owner { domain: B256::repeat_byte(0xd0), operator: Address::repeat_byte(0x0a) };

fn task(job: u64, run: u64) -> Task {
    Task { job: JobId(job), version: 1, instance: InstanceKey::from_run(run) }
}

/// Something that happened to a task so many seconds after the start.
fn entry(task: Task, second: u64, change: Change) -> Entry {
    Entry { task, at: Time::from_seconds(START + second), change }
}

fn due(task: Task, second: u64) -> Entry {
    entry(task, second, Change::Due { due: START + second })
}

fn settlement(second: u64, submitter: Address) -> Settlement {
    Settlement {
        block: second,
        timestamp: START + second,
        seconds_late: 2,
        anchor: 7,
        tx: B256::repeat_byte(0x77),
        submitter,
        status: 0,
        delivered: true,
    }
}

/// A place for a file, and the file.
fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.sqlite");
    (directory, path)
}

fn open(path: &Path) -> Archive {
    Archive::open(path, OWNER, Bounds::default()).unwrap()
}

/// The numbers of a job's runs in a file, the last due first.
fn runs_in(path: &Path, job: u64) -> Vec<u64> {
    let found = Reader::open(path).unwrap().newest(JobId(job), 100_000, false).unwrap();
    found.iter().map(|found| found.task.instance.run().unwrap()).collect()
}

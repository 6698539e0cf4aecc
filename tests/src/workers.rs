//! Keepers and their worker processes, by what the kernel knows of them.

use std::time::Duration;

use anyhow::{Context, Result};
use bootstrap::swarm::keepers::Keeper;
use executor::processes::{self, process};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The worker processes of a running keeper that run jobs.
///
/// # Errors
/// When the keeper does not say its process id, or /proc cannot be read.
pub fn of(keeper: &Keeper) -> Result<Vec<u32>> {
    let parent = keeper.node()?.pid;
    let mut workers = Vec::new();
    for entry in std::fs::read_dir("/proc").context("reading /proc")?.flatten() {
        let id = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
        // Processes come and go.
        let worker = id
            .filter(|id| process(*id).is_some_and(|process| process.parent == parent && process.name == "keeper-run"));
        workers.extend(worker);
    }
    Ok(workers)
}

/// Kills the workers of a keeper, as nobody would who means well. How many there were.
///
/// # Errors
/// As [`of`].
pub fn kill_all(keeper: &Keeper) -> Result<usize> {
    let workers = of(keeper)?;
    for worker in &workers {
        // It may have ended meanwhile.
        let _ = kill(Pid::from_raw(worker.cast_signed()), Signal::SIGKILL);
    }
    Ok(workers.len())
}

/// Resident memory of a process in bytes.
///
/// # Errors
/// When there is no such process.
pub fn resident(id: u32) -> Result<u64> {
    processes::resident(id).context("a process without resident memory")
}

/// Processor time that a process and those of its children that have ended have used so far.
///
/// # Errors
/// When there is no such process.
pub fn processor_time(id: u32) -> Result<Duration> {
    let process = process(id).context("no such process")?;
    Ok(process.used + process.used_by_ended)
}

/// What a keeper and its workers use.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Processor time so far.
    pub time: Duration,
    /// Resident memory of the keeper in bytes.
    pub keeper: u64,
    /// That of its workers together.
    pub workers: u64,
}

/// What a running keeper and its workers use now.
///
/// # Errors
/// When it does not say its process id, or ended.
pub fn usage(keeper: &Keeper) -> Result<Usage> {
    let own = keeper.node()?.pid;
    let mut usage = Usage { time: processor_time(own)?, keeper: resident(own)?, workers: 0 };
    for worker in of(keeper)? {
        // One may have ended meanwhile; its keeper's children's time has it then.
        usage.time += processor_time(worker).unwrap_or_default();
        usage.workers += resident(worker).unwrap_or(0);
    }
    Ok(usage)
}

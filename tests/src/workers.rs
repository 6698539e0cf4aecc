//! Keepers and their worker processes, by what the kernel knows of them.

use std::time::Duration;

use anyhow::{Context, Result};
use bootstrap::swarm::keepers::Keeper;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The worker processes of a running keeper that run jobs.
///
/// # Errors
/// When the keeper does not say its process id, or /proc cannot be read.
pub fn of(keeper: &Keeper) -> Result<Vec<u32>> {
    let parent = keeper.node()?.pid.to_string();
    let mut workers = Vec::new();
    for entry in std::fs::read_dir("/proc").context("reading /proc")?.flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // Processes come and go.
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let Some((name, rest)) = stat.rsplit_once(") ") else { continue };
        if name.ends_with("(keeper-run") && rest.split_whitespace().nth(1) == Some(&parent) {
            workers.push(process);
        }
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
pub fn resident(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("a process without resident memory")?;
    Ok(line.split_whitespace().nth(1).context("VmRSS without a number")?.parse::<u64>()? * 1024)
}

/// Processor time that a process and those of its children that have ended have used so far.
///
/// # Errors
/// When there is no such process.
pub fn processor_time(process: u32) -> Result<Duration> {
    /// The kernel counts in hundredths of a second on every architecture there is (`USER_HZ`, see proc(5)).
    const TICKS_PER_SECOND: u64 = 100;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, rest) = stat.rsplit_once(") ").context("a stat without a name")?;
    // utime, stime, cutime, cstime: fields 14 to 17, where the state, the first one behind the name, is field 3.
    let ticks: u64 = rest.split_whitespace().skip(11).take(4).map(|field| field.parse().unwrap_or(0)).sum();
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
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

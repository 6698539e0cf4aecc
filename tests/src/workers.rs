//! The worker processes of keepers, by what the kernel knows of them.

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

//! What became of a swarm's tasks, from its job specs and the chain's logs alone; and what its keepers said.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use bootstrap::swarm::{Swarm, ledger::unix_ms};
use bootstrap::wait::until;

/// Counts of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tasks {
    /// Runs that were due.
    pub due: u64,
    /// Of those, runs that did not settle.
    pub missed: usize,
    /// Settlements of a task that had settled before.
    pub doubled: usize,
}

/// Ends the jobs, gives their last runs `patience` to settle, and counts.
///
/// # Errors
/// When the chain refuses to pause a job.
pub async fn end(swarm: &mut Swarm, patience: Duration) -> Result<Tasks> {
    swarm.pause_jobs().await?;
    let due = swarm.jobs().iter().map(|job| job.runs_until(u64::MAX)).sum();
    // When not everything settles, the counts say so better than an error here.
    let _ = until("the last settlements", patience, || {
        let (missed, all_due) = (missed(swarm), due_by_now(swarm) == due);
        async move { if missed == 0 && all_due { Ok(()) } else { Err(format!("{missed} tasks have not settled")) } }
    })
    .await;
    let doubled = swarm.follower().look(|ledger| {
        let mut tasks: Vec<_> = ledger.settlements.iter().map(|each| each.task_id).collect();
        tasks.sort_unstable();
        let all = tasks.len();
        tasks.dedup();
        all - tasks.len()
    });
    Ok(Tasks { due, missed: missed(swarm), doubled })
}

fn due_by_now(swarm: &Swarm) -> u64 {
    swarm.jobs().iter().map(|job| job.runs_until(unix_ms() / 1000)).sum()
}

/// Runs that are due by now and not settled.
fn missed(swarm: &Swarm) -> usize {
    swarm.follower().look(|ledger| {
        let settled: BTreeSet<_> = ledger.settlements.iter().map(|each| (each.job_id, each.run)).collect();
        let runs = swarm.jobs().iter().flat_map(|job| (0..job.runs_until(unix_ms() / 1000)).map(|run| (job.id, run)));
        runs.filter(|run| !settled.contains(run)).count()
    })
}

/// Proofs of equivocation that keepers with these data directories have kept.
pub fn evidence(datadirs: impl IntoIterator<Item = PathBuf>) -> Vec<PathBuf> {
    let folders = datadirs.into_iter().map(|datadir| datadir.join("evidence"));
    folders.filter_map(|folder| folder.read_dir().ok()).flatten().flatten().map(|entry| entry.path()).collect()
}

/// How often the keepers' logs in a swarm's directory say something.
#[must_use]
pub fn said(directory: &Path, what: &str) -> usize {
    let entries = directory.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    let logs = entries.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    logs.map(|log| std::fs::read_to_string(log).unwrap_or_default().matches(what).count()).sum()
}

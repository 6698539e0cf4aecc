//! What something costs keepers while it goes on: their resident memory, and what they say of themselves.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use bootstrap::swarm::Swarm;
use bootstrap::swarm::api::{self, Status};
use bootstrap::wait::until;
use tokio::task::JoinHandle;

use crate::workers::resident;

/// Between two looks at memory; every fourth time the keepers are asked for their status too.
const EVERY: Duration = Duration::from_millis(250);

/// A running keeper: who, where and which process.
#[derive(Clone, Debug)]
struct Watched {
    name: String,
    datadir: PathBuf,
    pid: u32,
}

#[derive(Debug, Default)]
struct Seen {
    /// Most memory of each keeper.
    peak: Vec<u64>,
    /// What keepers said of themselves that was not "ready".
    complaints: BTreeSet<String>,
}

/// Watches keepers until it is taken down.
#[derive(Debug)]
pub struct Watch {
    keepers: Vec<Watched>,
    before: Vec<u64>,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

/// What a watch has seen, in bytes for each keeper.
#[derive(Debug)]
pub struct Toll {
    /// Memory at the start.
    pub before: Vec<u64>,
    /// Most memory.
    pub peak: Vec<u64>,
    /// What keepers said of themselves that was not "ready".
    pub complaints: BTreeSet<String>,
}

impl Watch {
    /// Starts to watch the keepers that run now.
    ///
    /// # Errors
    /// When one of them does not.
    pub fn start(swarm: &Swarm) -> Result<Self> {
        let watched = swarm.keepers.iter().map(|keeper| {
            let pid = keeper.node()?.pid;
            Ok(Watched { name: keeper.name().to_owned(), datadir: keeper.datadir(), pid })
        });
        let keepers = watched.collect::<Result<Vec<_>>>()?;
        let before = memory(&keepers)?;
        let seen = Arc::new(Mutex::new(Seen { peak: before.clone(), complaints: BTreeSet::new() }));
        let task = tokio::spawn(watch(keepers.clone(), swarm.setting().client.clone(), Arc::clone(&seen)));
        Ok(Self { keepers, before, seen, task })
    }

    /// What it has seen so far.
    #[must_use]
    pub fn toll(&self) -> Toll {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Toll { before: self.before.clone(), peak: seen.peak.clone(), complaints: seen.complaints.clone() }
    }

    /// Waits until no keeper has more than `spare` bytes above what it had at the start; what they have then.
    ///
    /// # Errors
    /// When that takes longer than `patience`.
    pub async fn given_back(&self, spare: u64, patience: Duration) -> Result<Vec<u64>, String> {
        until("the memory to be given back", patience, || async {
            let now = memory(&self.keepers).map_err(|error| format!("{error:#}"))?;
            let back = now.iter().zip(&self.before).all(|(now, before)| *now <= before + spare);
            if back { Ok(now) } else { Err(format!("{:?} bytes before, now {now:?}", self.before)) }
        })
        .await
        .map_err(|error| format!("{error:#}"))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn memory(keepers: &[Watched]) -> Result<Vec<u64>> {
    keepers.iter().map(|keeper| resident(keeper.pid).with_context(|| format!("{} has gone", keeper.name))).collect()
}

async fn watch(keepers: Vec<Watched>, client: reqwest::Client, seen: Arc<Mutex<Seen>>) {
    for look in 0_u64.. {
        let now = memory(&keepers).unwrap_or_default();
        for (peak, now) in seen.lock().unwrap_or_else(PoisonError::into_inner).peak.iter_mut().zip(now) {
            *peak = now.max(*peak);
        }
        for keeper in keepers.iter().filter(|_| look.is_multiple_of(4)) {
            let status = api::get::<Status>(&client, &keeper.datadir, "/v1/status").await;
            let said = complaints(&keeper.name, status);
            seen.lock().unwrap_or_else(PoisonError::into_inner).complaints.extend(said);
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn complaints(name: &str, status: Result<Status>) -> Vec<String> {
    match status {
        Ok(status) if status.ready => Vec::new(),
        Ok(status) => {
            let wrong = status.checks.iter().filter(|(_, check)| !check.ok);
            wrong.map(|(check, what)| format!("{name}: {check}: {}", what.message)).collect()
        }
        Err(error) => vec![format!("{name}: {error:#}")],
    }
}

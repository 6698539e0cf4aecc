//! When certificates stood, as the keepers' APIs report it. Collected while they run: a killed keeper forgets.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alloy::primitives::B256;
use tokio::task::JoinHandle;

use super::api::{self, Run};
use super::keepers::Setting;

/// An API shows the newest 512 runs: many times what comes in this long.
const EVERY: Duration = Duration::from_secs(2);

type Certified = BTreeMap<B256, u64>;

/// Asks all keepers of a swarm again and again; dropping it stops that.
#[derive(Debug)]
pub(super) struct Reports {
    certified: Arc<Mutex<Certified>>,
    setting: Arc<Setting>,
    task: JoinHandle<()>,
}

impl Reports {
    /// Starts asking.
    pub(super) fn start(setting: &Arc<Setting>) -> Self {
        let certified = Arc::default();
        let (shared, asked) = (Arc::clone(&certified), Arc::clone(setting));
        let task = tokio::spawn(async move {
            loop {
                collect(&asked, &shared).await;
                tokio::time::sleep(EVERY).await;
            }
        });
        Self { certified, setting: Arc::clone(setting), task }
    }

    /// Per task: the least milliseconds from due to a certificate that any keeper reports. Asks once more first.
    pub(super) async fn certified(&self) -> Certified {
        collect(&self.setting, &self.certified).await;
        self.certified.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Reports {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn collect(setting: &Setting, certified: &Mutex<Certified>) {
    for datadir in datadirs(setting) {
        // A keeper that is down reports nothing; the others saw the same certificates.
        let Ok(runs) = api::get::<Vec<Run>>(&setting.client, &datadir, "/v1/runs").await else { continue };
        let mut certified = certified.lock().unwrap_or_else(PoisonError::into_inner);
        for run in runs {
            let (Ok(task), Some(after)) = (run.task_id.parse::<B256>(), run.certified_ms) else { continue };
            certified.entry(task).and_modify(|least| *least = after.min(*least)).or_insert(after);
        }
    }
}

/// Every folder in which a keeper runs, those added later included.
fn datadirs(setting: &Setting) -> Vec<PathBuf> {
    let Ok(entries) = setting.directory.read_dir() else { return Vec::new() };
    entries.flatten().map(|entry| entry.path()).filter(|path| path.join("node.json").is_file()).collect()
}

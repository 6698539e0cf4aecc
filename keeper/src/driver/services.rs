//! The parts of a keeper that carry out orders.

use std::sync::Arc;

use tokio::sync::watch;

use crate::archive::ArchiveHandle;
use crate::chain::{ChainProvider, Rpc, Submitter};
use crate::evidence::EvidenceHandle;
use crate::health::{Alerts, Limits};
use crate::heartbeat::PulseHandle;
use crate::jobs::Past;
use crate::jobs::action::Actions;
use crate::journal::JournalHandle;
use crate::scene::Scene;

/// Cheap handles on all of them; clones share them.
#[derive(Clone, Debug)]
pub struct Services {
    /// The mesh.
    pub mesh: p2p::Handle,
    /// Runs jobs.
    pub actions: Actions,
    /// The sign-once journal.
    pub journal: JournalHandle,
    /// Sends transactions.
    pub submitter: Arc<Submitter>,
    /// Reads the chain.
    pub provider: ChainProvider,
    /// The nodes behind it, and how often they failed.
    pub rpc: Rpc,
    /// What jobs were to do under earlier versions.
    pub past: Past,
    /// Proofs of equivocation, on disk.
    pub evidence: EvidenceHandle,
    /// What happened to each task, on disk.
    pub archive: ArchiveHandle,
    /// Why the watcher does not write down what the chain's history comes to, if it does not.
    pub history: watch::Receiver<Option<String>>,
    /// What is seen of the mesh, for the page.
    pub scene: Scene,
    /// Hears the other keepers' heartbeats.
    pub pulse: PulseHandle,
    /// Tells the operator's webhook.
    pub alerts: Alerts,
    /// What the health rules go by.
    pub limits: Limits,
}

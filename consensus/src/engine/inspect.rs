//! What the simulator and the keeper that equivocates on purpose look at, and nothing else does.

use std::sync::Arc;

use super::Engine;
use crate::committee::Committee;
use crate::effect::BatchKey;
use crate::report::Anchor;
use crate::task::Task;

/// What the reports of a batch rest on.
#[derive(Clone, Debug)]
pub struct BatchBasis {
    /// Its tasks, in the order of the leaves.
    pub tasks: Vec<Task>,
    /// Their anchors.
    pub anchors: Vec<Anchor>,
    /// The committee that signs.
    pub committee: Arc<Committee>,
}

/// How much an engine holds, in entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Tasks.
    pub sessions: usize,
    /// Planned batches.
    pub collections: usize,
    /// Assignments.
    pub plans: usize,
    /// Messages held back.
    pub held: usize,
    /// Partials waiting for the journal.
    pub unspoken: usize,
    /// Moments at which it means to look at something.
    pub agenda: usize,
}

impl Engine {
    /// What a batch rests on here; `None` if it is unknown or its anchors are not certain.
    pub fn inspect_batch(&self, key: BatchKey) -> Option<BatchBasis> {
        let collection = self.collections.get(&key)?;
        let basis = collection.basis.as_ref()?;
        Some(BatchBasis {
            tasks: collection.tasks.clone(),
            anchors: basis.anchors.clone(),
            committee: Arc::clone(&basis.committee),
        })
    }

    /// How much it holds.
    pub fn sizes(&self) -> Sizes {
        Sizes {
            sessions: self.sessions.len(),
            collections: self.collections.len(),
            plans: self.plans.len(),
            held: self.held.len(),
            unspoken: self.unspoken.len(),
            agenda: self.agenda.len(),
        }
    }
}

//! What the simulator and the keeper that equivocates on purpose look at, and nothing else does.

use std::sync::Arc;

use super::Engine;
use crate::committee::Committee;
use crate::message::BatchKey;
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
    pub batches: usize,
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
        let basis = self.batches.get(&key)?.basis()?;
        let (tasks, anchors, committee) = (basis.tasks.clone(), basis.anchors.clone(), Arc::clone(&basis.committee));
        Some(BatchBasis { tasks, anchors, committee })
    }

    /// How much it holds.
    pub fn sizes(&self) -> Sizes {
        Sizes {
            sessions: self.sessions.len(),
            batches: self.batches.len(),
            plans: self.plans.len(),
            held: self.held.len(),
            unspoken: self.batches.iter().filter(|batch| batch.is_persisting()).count(),
            agenda: self.agenda.len(),
        }
    }
}

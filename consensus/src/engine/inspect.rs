//! What the simulator's hostile keepers and the keeper that equivocates on purpose look at, and nothing else does.

use std::sync::Arc;

use alloy_primitives::B256;

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
    /// What they are decided on; zero for jobs that do not look outside.
    pub input_set: B256,
}

impl Engine {
    /// What a batch rests on here; `None` if it is unknown or its anchors are not certain.
    pub fn inspect_batch(&self, key: BatchKey) -> Option<BatchBasis> {
        let basis = self.batches.get(&key)?.basis()?;
        let (tasks, anchors, committee) = (basis.tasks.clone(), basis.anchors.clone(), Arc::clone(&basis.committee));
        Some(BatchBasis { tasks, anchors, committee, input_set: basis.input_set })
    }
}

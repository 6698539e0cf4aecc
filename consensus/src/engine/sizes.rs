//! How much an engine holds: everything in it is bounded, and the simulator looks after every event.

use super::Engine;

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
    /// Moments at which it means to look at something.
    pub agenda: usize,
}

impl Engine {
    /// How much it holds.
    pub fn sizes(&self) -> Sizes {
        Sizes {
            sessions: self.sessions.len(),
            batches: self.batches.len(),
            plans: self.plans.len(),
            held: self.held.len(),
            agenda: self.agenda.len(),
        }
    }
}

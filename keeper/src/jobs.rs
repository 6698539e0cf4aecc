//! Jobs: which there are, when they are due, and what a run of one does.
//!
//! Every kind has one room: a trigger `trigger/<kind>.rs`, an action `action/<kind>.rs`. How their terms stand on chain is
//! known to `contracts::terms` alone.

pub mod action;
mod at_anchor;
mod book;
pub(crate) mod flags;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod job;
mod past;
pub mod probe;
mod rehearsal;
mod schedule;
pub mod search;
pub mod tape;
pub mod trial;
pub mod trigger;

pub use at_anchor::Standing;
pub use book::{JobBook, SettledAt};
pub use job::{Activity, Job, JobState, NotRun, Plan};
pub use past::{Past, WasDue};
pub use rehearsal::{Rehearsal, Stage};
pub use schedule::Schedule;

#[cfg(test)]
mod tests;

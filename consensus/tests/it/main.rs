//! Whole-crate tests of the protocol: a seeded network of real engines in memory, and the known answers shared with the
//! contracts.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod answers;
mod bench;
mod disputes;
mod doubt;
mod early;
mod limits;
mod network;
mod observing;
mod scenarios;
mod stopped;
mod straight;
mod vectors;

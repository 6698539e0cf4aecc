#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod agenda;
pub mod aggregator;
pub mod anchor;
mod batch;
mod batches;
pub mod bls;
mod budgets;
pub mod certificate;
pub mod codec;
pub mod committee;
mod config;
pub mod dispute;
mod disputes;
pub mod effect;
pub mod engine;
mod facts;
pub mod fault;
mod held;
pub mod input;
pub mod inputs;
pub mod laws;
pub mod leader;
pub mod merkle;
pub mod message;
mod outbox;
mod plans;
mod proofs;
pub mod report;
mod ruling;
mod session;
mod sessions;
mod settlement;
mod start;
pub mod task;
pub mod time;
mod windows;

pub use effect::Effect;
pub use engine::{Config, Engine, JournalState};
pub use input::Input;
pub use laws::Laws;
pub use message::evidence;

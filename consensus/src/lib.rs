#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod aggregator;
pub mod anchor;
pub mod bls;
pub mod certificate;
pub mod codec;
pub mod collection;
pub mod committee;
pub mod effect;
pub mod engine;
pub mod evidence;
pub mod fault;
pub mod input;
pub mod leader;
pub mod merkle;
pub mod message;
#[cfg(feature = "simulation")]
pub mod plant;
pub mod report;
pub mod session;
pub mod task;
pub mod time;

pub use effect::Effect;
pub use engine::Engine;
pub use input::Input;

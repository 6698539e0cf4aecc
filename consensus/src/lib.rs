#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod aggregator;
pub mod bls;
pub mod certificate;
pub mod codec;
pub mod committee;
pub mod fault;
pub mod leader;
pub mod merkle;
pub mod message;
pub mod report;
pub mod task;

//! Under construction.

pub mod chain;
pub mod executor;

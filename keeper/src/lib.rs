//! Under construction.

pub mod chain;

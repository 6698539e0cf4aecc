//! Under construction.

pub mod api;
pub mod chain;
pub mod cli;
pub mod config;
pub mod driver;
pub mod evidence;
pub mod executor;
pub mod jobs;
pub mod journal;
pub mod keystore;
pub mod metrics;
pub mod node;
pub mod paths;
pub mod shutdown;
pub mod view;

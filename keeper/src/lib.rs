//! Under construction.

pub mod api;
pub mod chain;
pub mod cli;
pub mod config;
pub mod driver;
pub mod evidence;
pub mod journal;
pub mod keystore;
pub mod metrics;
pub mod node;
pub mod paths;
pub mod scheduler;
pub mod shutdown;
pub mod view;

pub use ::executor;

//! The whole system with real processes: a chain, a bootnode, keepers, and what may happen to them.
//!
//! Tests marked `ignored` take minutes; `tests/run.sh --all` runs them too. Everything needs the binaries, so run it
//! through `tests/run.sh`, which builds them first.

mod alerts;
mod bad_input;
mod bad_jobs;
mod bad_triggers;
mod base_fee;
mod busy;
mod churn;
mod cleanup;
mod code_server_dies;
mod dispute;
mod equivocation;
mod foreign;
mod free_work;
mod health;
mod hostile_jobs;
mod kills;
mod kinds;
mod late_joiner;
mod leader_killed;
mod load;
mod logs;
mod metrics;
mod money;
mod newcomer;
mod other_set;
mod parts;
mod receipts;
mod restart;
mod rough;
mod sandbox;
mod settles;
mod soak;
mod start;
mod stopped;
mod supervised;
mod unchanged;
mod versions;
mod workers;

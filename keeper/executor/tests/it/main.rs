//! Jobs through the whole executor: its workers are real processes.

mod compiling;
mod confinement;
mod determinism;
mod examples;
mod fixtures;
mod hostile;
mod library;
mod losses;
mod machine;
mod outside;
mod runs;
#[allow(dead_code, reason = "shared with the unit tests of the fetcher, which use all of it")]
#[path = "../../src/fetch/tests/server.rs"]
mod server;
mod support;

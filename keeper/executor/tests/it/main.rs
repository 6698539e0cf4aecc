//! Jobs through the whole executor: its workers are real processes.

mod compiling;
mod confinement;
mod examples;
mod hostile;
mod library;
mod losses;
mod runs;
#[path = "../../src/fetch/tests/server.rs"]
mod server;
mod support;

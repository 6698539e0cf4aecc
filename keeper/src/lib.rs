//! A keeper: the node that runs due tasks, signs what came of them, and settles what a quorum has signed.
//!
//! It joins three crates that do not know each other: [`consensus`] decides, `p2p` carries, `contracts` binds. Start
//! reading at [`node`], which builds the parts and draws every channel between them; then [`driver`], the loop through
//! which everything goes, and its [`driver::Core`], the keeper without its hands.
//!
//! ```text
//!   chain::Watcher ──► ┌────────┐ ──► executor      runs a task's code, had by its URL or from peers (peer_code)
//!   p2p::Service ────► │ driver │ ──► journal       holds every report before it is signed
//!   finished work ───► └────────┘ ──► p2p::Service, chain::Submitter, view ──► api, metrics
//! ```

pub mod api;
pub mod archive;
pub mod backup;
pub mod chain;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod driver;
pub mod evidence;
pub mod health;
pub mod heartbeat;
pub mod jobs;
pub mod journal;
pub mod keystore;
mod lock;
mod memory;
pub mod metrics;
pub mod node;
mod notify;
pub mod paths;
pub mod peer_code;
pub mod receipt;
pub mod scene;
pub mod shutdown;
pub mod text;
pub mod topics;
pub mod view;
pub mod why;

pub use ::executor;

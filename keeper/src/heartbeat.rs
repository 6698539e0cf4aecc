//! Signs of life: every ten seconds each keeper says how it fares, signed by its peer key, on the mesh's topic `h`. So every
//! keeper can show the whole mesh, without a server that anybody would have to ask.
//!
//! ```text
//!   mesh ── messages of topic h ──► inbox 256 ──► ┌───────┐ ── verdict ──► mesh
//!   view (watch) ───────────────────────────────► │ Pulse │ ── own heartbeat, every 10 s ──► mesh
//!   links and round trips of the mesh ──────────► └───────┘ ── watch: MeshView ──► `GET /api/v1/mesh`, health rules, metrics
//! ```
//!
//! | room | what |
//! |---|---|
//! | `message.rs` | the heartbeat on the wire, its caps, its signature |
//! | `company.rs` | the machine: what of a heartbeat is believed, and what is kept of whom |
//! | `picture.rs` | what is shown of the mesh |
//! | `reach.rs` | whether others can open connections to this keeper |
//! | `pulse.rs` | the hands: hears, judges, beats |
//!
//! Nothing of the protocol reads any of this: heartbeats decide nothing, hold up nothing, and are judged off the loop.

mod company;
mod message;
mod picture;
mod pulse;
mod reach;

pub use company::{Company, FRESH, GAP, Member, Tally, WINDOW};
pub use message::{HEARTBEAT_LIMIT, Heartbeat, LINKS_MAX, Link, short};
pub use picture::{KeeperView, LinkView, MeshView, SILENT_MS, State, routes};
pub use pulse::{Heard, PERIOD, Pulse, PulseHandle, Pulser};
pub use reach::Reach;

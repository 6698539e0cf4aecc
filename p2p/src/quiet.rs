//! libp2p's own log: it writes a line for each thing that a peer does, and peers may do a lot.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// How the programs of others that carry the mesh call themselves in the log.
const TARGETS: [&str; 7] = ["libp2p", "multistream_select", "yamux", "quinn", "hickory", "netlink", "rw_stream_sink"];
/// Between two lines of one kind.
const PAUSE: Duration = Duration::from_secs(60);

/// When each kind of line was written last: a kind is a place in a source file.
#[derive(Debug, Default)]
struct Pauses(BTreeMap<(&'static str, u32), Instant>);

impl Pauses {
    fn passes(&mut self, kind: (&'static str, u32), now: Instant) -> bool {
        let rested = self.0.get(&kind).is_none_or(|last| now >= *last + PAUSE);
        if rested {
            self.0.insert(kind, now);
        }
        rested
    }
}

/// Lets one line a minute of each kind of libp2p's pass, and everything else. What is debug or trace has been asked for
/// and passes as well. A layer beside the filter that chooses levels.
#[derive(Debug, Default)]
pub struct Quiet(Mutex<Pauses>);

impl<S: Subscriber> Layer<S> for Quiet {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let line = event.metadata();
        if *line.level() > tracing::Level::INFO || !TARGETS.iter().any(|target| line.target().starts_with(target)) {
            return true;
        }
        let kind = (line.file().unwrap_or_default(), line.line().unwrap_or_default());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).passes(kind, Instant::now())
    }
}

#[cfg(test)]
mod tests;

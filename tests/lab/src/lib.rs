//! A switch between network namespaces, in user space: for kernels without netem, which delays and loses packets.
//!
//! ```text
//!   namespace 1   tap ──► reader 1 ──┐                                       ┌──► tap   namespace 1
//!   namespace 2   tap ──► reader 2 ──┼──► switch: whom for? cut? lost? when? ┼──► tap   namespace 2
//!   orders, a line each ─────────────┘    a queue of frames by their moment  └──► tap   namespace 3
//! ```
//!
//! Frames of one way keep their order, as on a wire. What is lost is drawn from a seed; when a frame comes is the
//! kernel's, so two runs are alike and not the same.

pub mod order;
pub mod tap;
pub mod wire;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

pub use order::Order;
pub use tap::Tap;
pub use wire::Wire;

/// Something that the switch hears of.
#[derive(Debug)]
pub enum Event {
    /// A frame came in by a port.
    Frame {
        /// The port, from 0.
        from: usize,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// Somebody says how it is to be from now on.
    Order(Order),
    /// Nobody is left who could say anything.
    End,
}

/// Hands frames on, at their moments, until nobody is left who gives orders. `told` is where each order is confirmed.
///
/// # Errors
/// A port that cannot be written to, or nobody who reads what is told.
pub fn run(ports: &mut [impl Write], events: &Receiver<Event>, seed: u64, told: &mut impl Write) -> anyhow::Result<()> {
    let mut wire = Wire::new(ports.len(), seed);
    let mut queue: BTreeMap<(Instant, u64), (usize, Vec<u8>)> = BTreeMap::new();
    let mut number = 0;
    loop {
        let now = Instant::now();
        while let Some(entry) = queue.first_entry().filter(|entry| entry.key().0 <= now) {
            let (to, bytes) = entry.remove();
            // A port whose namespace is going away loses what is for it.
            let _ = ports[to].write_all(&bytes);
        }
        let next = queue.first_key_value().map_or(Duration::from_secs(60), |((at, _), _)| *at - now);
        match events.recv_timeout(next) {
            Ok(Event::Frame { from, bytes }) => {
                for (to, at) in wire.take(from, &bytes, Instant::now()) {
                    number += 1;
                    queue.insert((at, number), (to, bytes.clone()));
                }
            }
            Ok(Event::Order(order)) => {
                wire.obey(&order);
                writeln!(told, "{order}")?;
                told.flush()?;
            }
            Ok(Event::End) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

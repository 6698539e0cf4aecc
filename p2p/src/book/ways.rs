//! Which transport is tried first, by what has worked from here.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use libp2p::PeerId;

use crate::reach::Transport;

/// Peers that were reached over TCP after QUIC had failed: after so many, and none over QUIC, it is this machine's network.
const ENOUGH: usize = 3;
/// For so long TCP goes first then; firewalls are mended.
const PAUSE: Duration = Duration::from_secs(600);

/// Where UDP is dropped without a word, every dial over QUIC costs its time-out: three of them say so.
pub(super) struct Ways {
    in_vain: BTreeSet<PeerId>,
    tcp_until: Option<Instant>,
}

impl Ways {
    pub(super) const fn new() -> Self {
        Self { in_vain: BTreeSet::new(), tcp_until: None }
    }

    pub(super) fn first(&self, now: Instant) -> Transport {
        if self.tcp_until.is_some_and(|until| now < until) { Transport::Tcp } else { Transport::Quic }
    }

    /// A peer has let us in over QUIC.
    pub(super) fn quic_works(&mut self) {
        self.in_vain.clear();
        self.tcp_until = None;
    }

    /// A peer has let us in over TCP, after QUIC had failed.
    pub(super) fn quic_failed(&mut self, peer: PeerId, now: Instant) {
        if self.first(now) == Transport::Tcp {
            return;
        }
        self.in_vain.insert(peer);
        if self.in_vain.len() >= ENOUGH {
            self.in_vain.clear();
            self.tcp_until = Some(now + PAUSE);
            tracing::warn!(
                peers = ENOUGH,
                minutes = PAUSE.as_secs() / 60,
                "peers are reached over TCP and not over QUIC, so TCP goes first for a while; if that goes on, let outgoing UDP through"
            );
        }
    }
}

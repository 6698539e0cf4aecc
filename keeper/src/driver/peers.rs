//! The connected peers: whose turn it is to be asked, and who has not shown yet which operator set it sees.
//!
//! A peer is asked for its status when it connects, and again, at most every [`PAUSE`], as long as the newest epoch it has
//! shown is older than this keeper's: it may have entered the epoch a moment later, or its answer was lost. Without that,
//! rule 15 (doubt) would rest on what peers saw an epoch ago.

use std::time::Duration;

use consensus::committee::PeerKey;
use consensus::time::Time;

/// Pause between two questions for one peer's status.
const PAUSE: Duration = Duration::from_secs(2);
/// Most peers remembered: more than a keeper has connections. Whoever comes beyond is served, and not asked.
const PEERS_MAX: usize = 1_024;

#[derive(Clone, Copy, Debug)]
struct Peer {
    key: PeerKey,
    /// The epoch it has shown last; 0 before that.
    shown: u32,
    asked: Option<Time>,
}

/// The connected peers, in the order questions go round.
#[derive(Debug, Default)]
pub(super) struct Peers {
    peers: Vec<Peer>,
    turn: usize,
}

impl Peers {
    /// A peer connected, and is asked for its status at once.
    pub(super) fn up(&mut self, key: PeerKey, now: Time) {
        self.down(key);
        if self.peers.len() < PEERS_MAX {
            self.peers.push(Peer { key, shown: 0, asked: Some(now) });
        }
    }

    pub(super) fn down(&mut self, key: PeerKey) {
        self.peers.retain(|peer| peer.key != key);
    }

    pub(super) fn count(&self) -> usize {
        self.peers.len()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = PeerKey> {
        self.peers.iter().map(|peer| peer.key)
    }

    /// The next one to ask among those that `may` be asked.
    pub(super) fn next(&mut self, may: impl Fn(PeerKey) -> bool) -> Option<PeerKey> {
        let count = self.peers.len();
        let place = (0..count).map(|step| (self.turn + step) % count).find(|&place| may(self.peers[place].key))?;
        self.turn = (place + 1) % count;
        Some(self.peers[place].key)
    }

    /// A peer has shown the epoch it is in.
    pub(super) fn showed(&mut self, key: PeerKey, epoch: u32) {
        self.peers.iter_mut().filter(|peer| peer.key == key).for_each(|peer| peer.shown = epoch);
    }

    /// Those among whom `may` be asked that have not shown `epoch` or a later one, and are not being asked.
    pub(super) fn take_behind(&mut self, epoch: u32, now: Time, may: impl Fn(PeerKey) -> bool) -> Vec<PeerKey> {
        let rested = |peer: &&mut Peer| peer.asked.is_none_or(|asked| now >= asked.plus(PAUSE));
        let behind = self.peers.iter_mut().filter(|peer| peer.shown < epoch).filter(rested);
        let behind = behind.filter(|peer| may(peer.key)).map(|peer| {
            peer.asked = Some(now);
            peer.key
        });
        behind.collect()
    }
}

#[cfg(test)]
mod tests;

//! The connected peers: whose turn it is to be asked, and who has not shown yet which operator set it sees.
//!
//! A peer is asked for its status when it connects, and again, at most every [`PAUSE`], as long as the newest epoch it has
//! shown is older than this keeper's: it may have entered the epoch a moment later, or its answer was lost. Without that,
//! rule 15 (doubt) would rest on what peers saw an epoch ago. All others are asked every [`REGULAR`]: their heads and clocks
//! tell this keeper whether its own nodes and its clock are right.

use std::time::Duration;

use consensus::committee::PeerKey;
use consensus::time::Time;

/// Pause between two questions for one peer's status.
const PAUSE: Duration = Duration::from_secs(2);
/// Pause between two questions for one peer's head and clock.
const REGULAR: Duration = Duration::from_secs(10);
/// What a peer showed longer ago than this is no word on the present.
const FRESH: Duration = Duration::from_secs(30);
/// Most peers remembered: more than a keeper has connections. Whoever comes beyond is served, and not asked.
const PEERS_MAX: usize = 1_024;

#[derive(Clone, Copy, Debug)]
struct Peer {
    key: PeerKey,
    /// The epoch it has shown last; 0 before that.
    shown: u32,
    asked: Option<Time>,
    /// When it showed its head and clock last, and what they were.
    showed: Option<(Time, Shown)>,
}

/// What a peer showed of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// The epoch it is in; 0 before its first.
    pub(super) epoch: u32,
    /// Its newest block at the confirmation depth.
    pub(super) head: u64,
    /// How far its clock is ahead of this one, in milliseconds.
    pub(super) clock_ms: i64,
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
            self.peers.push(Peer { key, shown: 0, asked: Some(now), showed: None });
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

    /// A peer has shown itself.
    pub(super) fn showed(&mut self, key: PeerKey, shown: Shown, now: Time) {
        for peer in self.peers.iter_mut().filter(|peer| peer.key == key) {
            (peer.shown, peer.showed) = (shown.epoch, Some((now, shown)));
        }
    }

    /// What peers have shown lately.
    pub(super) fn shown(&self, now: Time) -> impl Iterator<Item = (PeerKey, Shown)> {
        // What was shown in a future is of before the clock was set back.
        let fresh = move |(at, _): &(Time, Shown)| *at <= now && now < at.plus(FRESH);
        self.peers.iter().filter_map(move |peer| Some((peer.key, peer.showed.filter(fresh)?.1)))
    }

    /// Those among whom `may` be asked whose time it is: sooner those that have not shown `epoch` or a later one.
    pub(super) fn take_due(&mut self, epoch: u32, now: Time, may: impl Fn(PeerKey) -> bool) -> Vec<PeerKey> {
        let pause = |peer: &Peer| if peer.shown < epoch { PAUSE } else { REGULAR };
        let rested = |peer: &&mut Peer| peer.asked.is_none_or(|asked| now < asked || now >= asked.plus(pause(peer)));
        let behind = self.peers.iter_mut().filter(rested);
        let behind = behind.filter(|peer| may(peer.key)).map(|peer| {
            peer.asked = Some(now);
            peer.key
        });
        behind.collect()
    }
}

#[cfg(test)]
mod tests;

//! Where peers say that they are, signed by themselves: anybody may pass such a record on, nobody can make one up.
//!
//! A record is libp2p's signed peer record (RFC 0003, in the envelope of RFC 0002), so it names its peer, at most eight
//! addresses, and a number that rises: the second in which it was signed. The store keeps the newest one of each peer.
//! What a peer brings of itself, over a connection of its own, counts whatever its number is, for clocks are set back.
//!
//! ```text
//!               better than what is held: News, for the address book
//!   (a record) ─────────────────────────────────────────────────────► held ──► passed on, and kept on disk
//!     ├─ known, older, its peer not admitted, no room: nothing           └─ its peer is admitted no more: gone
//!     └─ too long, unreadable, not signed by the peer it names: Wrong, held against whoever brought it
//! ```

use std::collections::BTreeMap;
use std::time::SystemTime;

use libp2p::core::{PeerRecord, SignedEnvelope};
use libp2p::identity::Keypair;
use libp2p::{Multiaddr, PeerId};

use crate::identity::public_key_of;
use crate::reach::MOST_CLAIMED;

mod wire;

pub(crate) use wire::{Known, SIZES, known_from_bytes, protocol_name, records_from_bytes};

/// Longest record, in bytes: eight addresses, a key and a signature are half of that.
pub(crate) const MOST_RECORD_BYTES: usize = 1024;
/// Most records held: as many as the registry's list can have.
const MOST_RECORDS: usize = 1024;
/// Most records of one answer.
pub(crate) const MOST_AT_ONCE: usize = 64;

/// What is wrong with a record, or with what is said about records, in every view of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// Longer, or with more addresses, than any that an honest peer signs.
    TooLong,
    /// No record in its one encoding, or no list of them.
    Unreadable,
    /// Not signed by the peer that it names.
    False,
}

impl Wrong {
    /// The reason of the fault.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::TooLong => "record_too_long",
            Self::Unreadable => "record_unreadable",
            Self::False => "record_false",
        }
    }
}

/// Where a peer says that it is, which was not known before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) peer: PeerId,
    /// As the peer signed them: at most eight, of any kind.
    pub(crate) addresses: Vec<Multiaddr>,
}

struct Held {
    envelope: Vec<u8>,
    /// The second, since 1970, in which the peer signed it.
    sequence: u64,
    /// Whether the peer has brought it itself.
    is_first_hand: bool,
    /// When it came, in the order of all that came.
    arrival: u64,
}

/// The newest record of each peer, this node's own among them.
pub(crate) struct Records {
    signer: Keypair,
    local: PeerId,
    /// What this node's own record says.
    signed: Vec<Multiaddr>,
    held: BTreeMap<PeerId, Held>,
    arrivals: u64,
    /// Whose record was passed on last: the next answer goes on after it, so that nobody's is left out for long.
    turn: Option<PeerId>,
}

impl Records {
    pub(crate) fn new(signer: Keypair) -> Self {
        let local = signer.public().to_peer_id();
        Self { signer, local, signed: Vec::new(), held: BTreeMap::new(), arrivals: 0, turn: None }
    }

    /// Signs a record of this node's own, if it says anything new.
    pub(crate) fn sign(&mut self, addresses: Vec<Multiaddr>) {
        // libp2p takes the number of a record from the clock, and panics at one that is before 1970.
        let has_time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).is_ok();
        if addresses.is_empty() || addresses == self.signed || !has_time {
            return;
        }
        match PeerRecord::new_interop(&self.signer, addresses.clone()) {
            Ok(record) => {
                let sequence = record.seq();
                self.signed = addresses;
                self.hold(self.local, record.into_signed_envelope().into_protobuf_encoding(), sequence, true);
            }
            Err(error) => tracing::warn!(%error, "this node's addresses could not be signed: others hear of it later"),
        }
    }

    /// Looks at a record that a peer has brought. None when it says nothing new, or is of a peer that is not admitted.
    pub(crate) fn take(
        &mut self,
        bytes: &[u8],
        from: &PeerId,
        is_admitted: impl Fn(&PeerId) -> bool,
    ) -> Result<Option<News>, Wrong> {
        let record = read(bytes)?;
        let (peer, sequence, addresses) = (record.peer_id(), record.seq(), record.addresses().to_vec());
        if peer == self.local || !is_admitted(&peer) {
            return Ok(None);
        }
        let is_first_hand = peer == *from;
        if let Some(known) = self.held.get_mut(&peer) {
            if known.envelope == bytes {
                known.is_first_hand |= is_first_hand;
                return Ok(None);
            }
            if !is_first_hand && sequence <= known.sequence {
                return Ok(None);
            }
        } else if !self.has_room(is_first_hand) {
            return Ok(None);
        }
        self.hold(peer, bytes.to_vec(), sequence, is_first_hand);
        Ok(Some(News { peer, addresses }))
    }

    /// Takes a record from the address book on disk.
    pub(crate) fn restore(&mut self, bytes: &[u8]) -> Result<(), Wrong> {
        let nobody = self.local;
        self.take(bytes, &nobody, |_| true).map(|_| ())
    }

    fn hold(&mut self, peer: PeerId, envelope: Vec<u8>, sequence: u64, is_first_hand: bool) {
        self.arrivals += 1;
        self.held.insert(peer, Held { envelope, sequence, is_first_hand, arrival: self.arrivals });
    }

    /// Makes room for one more. What others tell finds none when all places are taken; a peer that speaks for itself gets
    /// the place of what was only told, or of what came first.
    fn has_room(&mut self, is_first_hand: bool) -> bool {
        if self.held.len() < MOST_RECORDS {
            return true;
        }
        if !is_first_hand {
            return false;
        }
        let others = self.held.iter().filter(|(peer, _)| **peer != self.local);
        let worst = others.min_by_key(|(_, held)| (held.is_first_hand, held.arrival)).map(|(peer, _)| *peer);
        worst.is_some_and(|worst| self.held.remove(&worst).is_some())
    }

    /// Forgets the records of peers that are not admitted any more.
    pub(crate) fn retain(&mut self, is_admitted: impl Fn(&PeerId) -> bool) {
        self.held.retain(|peer, _| *peer == self.local || is_admitted(peer));
    }

    /// What is held, for a question to a peer.
    pub(crate) fn known(&self) -> Vec<u8> {
        wire::known_to_bytes(self.held.iter().filter_map(|(peer, held)| Some((public_key_of(peer)?, held.sequence))))
    }

    /// The answer to a peer that holds so much: the next of the records that it lacks or has older.
    pub(crate) fn answer(&mut self, known: &Known) -> Vec<u8> {
        let lacks = |peer: &PeerId, held: &Held| {
            public_key_of(peer).is_some_and(|key| known.get(&key).is_none_or(|sequence| *sequence < held.sequence))
        };
        let lacking: Vec<&PeerId> =
            self.held.iter().filter(|(peer, held)| lacks(peer, held)).map(|(peer, _)| peer).collect();
        // This node's own first: nobody else may have it yet.
        let own = lacking.iter().filter(|peer| ***peer == self.local);
        let others = lacking.iter().filter(|peer| ***peer != self.local);
        let (done, next): (Vec<&PeerId>, Vec<&PeerId>) =
            others.copied().partition(|peer| self.turn.is_some_and(|last| **peer <= last));
        let chosen: Vec<PeerId> = own.copied().chain(next).chain(done).take(MOST_AT_ONCE).copied().collect();
        self.turn = chosen.iter().rfind(|peer| **peer != self.local).copied().or(self.turn);
        wire::records_to_bytes(chosen.iter().filter_map(|peer| Some(self.held.get(peer)?.envelope.as_slice())))
    }

    /// What is worth keeping on disk: the records of others.
    pub(crate) fn memory(&self) -> Vec<Vec<u8>> {
        let others = self.held.iter().filter(|(peer, _)| **peer != self.local);
        others.map(|(_, held)| held.envelope.clone()).collect()
    }

    /// How many are held.
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }
}

/// Reads a record, and believes nothing of it: it has to verify, to be of the peer that signed it, and to be in the one
/// encoding that there is of it.
fn read(bytes: &[u8]) -> Result<PeerRecord, Wrong> {
    if bytes.len() > MOST_RECORD_BYTES {
        return Err(Wrong::TooLong);
    }
    let envelope = SignedEnvelope::from_protobuf_encoding(bytes).map_err(|_| Wrong::Unreadable)?;
    if envelope.clone().into_protobuf_encoding() != bytes {
        return Err(Wrong::Unreadable);
    }
    let record = PeerRecord::from_signed_envelope_interop(envelope).map_err(|_| Wrong::False)?;
    if record.addresses().len() > MOST_CLAIMED {
        return Err(Wrong::TooLong);
    }
    Ok(record)
}

#[cfg(test)]
mod tests;

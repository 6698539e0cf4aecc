//! The heartbeat: what a keeper says of itself, as it travels. CBOR in its one encoding, like every message of the mesh; what is
//! signed is no CBOR but its fields one after the other.

use alloy::primitives::{B256, keccak256};
use consensus::codec::{self, CodecError};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

/// Longest heartbeat, in bytes. One with every list and text at its limit has 2,390.
pub const HEARTBEAT_LIMIT: usize = 3 * 1024;
/// Most links in one: those of a mesh in which everybody is connected to everybody.
pub const LINKS_MAX: usize = 64;
/// Most checks that one names; a keeper makes fewer.
const FAILING_MAX: usize = 32;
/// Longest version, region, and name of a check, in bytes.
const WORD_MAX: usize = 32;
/// Longest round trip that is told, in milliseconds.
const RTT_MAX: u32 = 60_000;

/// One keeper at one moment, in its own words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Whose it is: the ed25519 key of the registry.
    pub peer_key: ByteArray<32>,
    /// A number that this process drew when it began: another one means that the keeper was started anew.
    pub boot: u64,
    /// The keeper's clock, milliseconds since the Unix epoch. Each heartbeat of a process has a later one.
    pub stamp_ms: u64,
    /// Version of the software.
    pub version: String,
    /// Where its operator says that it is; may be empty.
    pub region: String,
    /// Number of its newest block at the confirmation depth; 0 before the first.
    pub head: u64,
    /// Hash of that block.
    pub head_hash: ByteArray<32>,
    /// Time of that block, in Unix seconds.
    pub head_time: u64,
    /// The epoch it is in; 0 before the first.
    pub epoch: u32,
    /// Tasks that are due and have come to no end there.
    pub queue: u32,
    /// How long its wallet lasts at what it spent lately, in seconds; `None` while it spends nothing.
    pub runway_seconds: Option<u64>,
    /// Names of the checks that are red there.
    pub failing: Vec<String>,
    /// Whom it is connected to, [`LINKS_MAX`] at most.
    pub links: Vec<Link>,
    /// By `peer_key`, over [`Heartbeat::hash`].
    pub signature: Bytes64,
}

/// A signature's bytes; all zero before it is signed.
pub(crate) type Bytes64 = ByteArray<64>;

/// A connection to another keeper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Link {
    /// Beginning of the other's peer key ([`short`]): enough to know it among those registered.
    pub peer: u64,
    /// The last round trip, in milliseconds; `None` before the first.
    pub rtt_ms: Option<u32>,
}

/// The first eight bytes of a peer key, as a number.
#[must_use]
pub fn short(peer_key: &[u8; 32]) -> u64 {
    peer_key.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

impl Heartbeat {
    /// As it travels, signed for the network whose domain separator this is.
    #[must_use]
    pub fn seal(mut self, separator: &B256, key: &SigningKey) -> Vec<u8> {
        self.peer_key = ByteArray::new(key.verifying_key().to_bytes());
        self.failing.truncate(FAILING_MAX);
        self.links.truncate(LINKS_MAX);
        self.signature = ByteArray::new(key.sign(self.hash(separator).as_slice()).to_bytes());
        codec::encode(&self)
    }

    /// Reads one, whoever sent it.
    ///
    /// # Errors
    /// [`CodecError`] for bytes that are no heartbeat, or not in its one encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::decode(bytes, HEARTBEAT_LIMIT)
    }

    /// Whether counts and words are within bounds, the words such as may be shown to anybody.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        let is_label = |text: &str| text.len() <= WORD_MAX && text.chars().all(|c| c == ' ' || c.is_ascii_graphic());
        let is_name = |text: &String| {
            (1..=WORD_MAX).contains(&text.len())
                && text.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        is_label(&self.version)
            && is_label(&self.region)
            && self.failing.len() <= FAILING_MAX
            && self.failing.iter().all(is_name)
            && self.links.len() <= LINKS_MAX
            && self.links.iter().all(|link| link.rtt_ms.is_none_or(|rtt| rtt <= RTT_MAX))
    }

    /// Whether its own key signed it for this network.
    #[must_use]
    pub fn is_signed(&self, separator: &B256) -> bool {
        let signature = Signature::from_bytes(&self.signature);
        VerifyingKey::from_bytes(&self.peer_key)
            .is_ok_and(|key| key.verify_strict(self.hash(separator).as_slice(), &signature).is_ok())
    }

    /// What the peer key signs: keccak256 over a tag, the domain and all fields but the signature, texts and lists with their
    /// lengths before them.
    #[must_use]
    pub fn hash(&self, separator: &B256) -> B256 {
        let mut bytes = Vec::with_capacity(512);
        bytes.extend_from_slice(b"KeeperMesh heartbeat");
        bytes.extend_from_slice(separator.as_slice());
        bytes.extend_from_slice(&*self.peer_key);
        for number in [self.boot, self.stamp_ms, self.head, self.head_time] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(&*self.head_hash);
        bytes.extend_from_slice(&self.epoch.to_be_bytes());
        bytes.extend_from_slice(&self.queue.to_be_bytes());
        put_option(&mut bytes, self.runway_seconds);
        put_text(&mut bytes, &self.version);
        put_text(&mut bytes, &self.region);
        put_length(&mut bytes, self.failing.len());
        for name in &self.failing {
            put_text(&mut bytes, name);
        }
        put_length(&mut bytes, self.links.len());
        for link in &self.links {
            bytes.extend_from_slice(&link.peer.to_be_bytes());
            put_option(&mut bytes, link.rtt_ms.map(u64::from));
        }
        keccak256(bytes)
    }

    /// A link as it may be told: a longer round trip than [`RTT_MAX`] is told as that.
    #[must_use]
    pub fn link(peer_key: &[u8; 32], rtt_ms: Option<f64>) -> Link {
        // A float that is cast stays within the bounds of the number.
        let rtt_ms = rtt_ms.map(|rtt| (rtt.round() as u32).min(RTT_MAX));
        Link { peer: short(peer_key), rtt_ms }
    }
}

fn put_length(bytes: &mut Vec<u8>, length: usize) {
    bytes.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_length(bytes, text.len());
    bytes.extend_from_slice(text.as_bytes());
}

fn put_option(bytes: &mut Vec<u8>, number: Option<u64>) {
    bytes.push(u8::from(number.is_some()));
    bytes.extend_from_slice(&number.unwrap_or_default().to_be_bytes());
}

#[cfg(test)]
mod tests;

//! Questions and answers about records, as bytes. Neither has two encodings of one value.
//!
//! - A question is what the asker holds: for each peer its key (ed25519, 32 bytes) and the number of its record (8 bytes,
//!   big endian), in the order of the keys.
//! - An answer is records: the length of each (2 bytes, big endian), then its envelope (protobuf).

use std::collections::BTreeMap;

use super::{MOST_AT_ONCE, MOST_RECORD_BYTES, MOST_RECORDS, Wrong};
use crate::requests::Sizes;

/// A key and a number.
const KNOWN_BYTES: usize = 32 + 8;

/// The longest messages, in bytes.
pub(crate) const SIZES: Sizes =
    Sizes { request: MOST_RECORDS * KNOWN_BYTES, answer: MOST_AT_ONCE * (2 + MOST_RECORD_BYTES) };

/// What a peer holds: keys (ed25519) and the numbers of their records.
pub(crate) type Known = BTreeMap<[u8; 32], u64>;

/// The name of the protocol in the network `domain8`.
pub(crate) fn protocol_name(domain8: &str) -> String {
    format!("/kpr/{domain8}/records/1")
}

pub(super) fn known_to_bytes(known: impl Iterator<Item = ([u8; 32], u64)>) -> Vec<u8> {
    let sorted: Known = known.take(MOST_RECORDS).collect();
    sorted.into_iter().flat_map(|(key, sequence)| key.into_iter().chain(sequence.to_be_bytes())).collect()
}

/// Reads a question.
pub(crate) fn known_from_bytes(bytes: &[u8]) -> Result<Known, Wrong> {
    let (entries, rest) = bytes.as_chunks::<KNOWN_BYTES>();
    if !rest.is_empty() || entries.len() > MOST_RECORDS {
        return Err(Wrong::Unreadable);
    }
    let mut known = Known::new();
    for entry in entries {
        let (key, sequence) = entry.split_first_chunk::<32>().ok_or(Wrong::Unreadable)?;
        let sequence: [u8; 8] = sequence.try_into().map_err(|_| Wrong::Unreadable)?;
        if known.last_key_value().is_some_and(|(last, _)| last >= key) {
            return Err(Wrong::Unreadable);
        }
        known.insert(*key, u64::from_be_bytes(sequence));
    }
    Ok(known)
}

/// Writes an answer. A record that is too long to be told of is left out: there are none such.
pub(super) fn records_to_bytes<'a>(envelopes: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for envelope in envelopes.filter(|envelope| envelope.len() <= MOST_RECORD_BYTES).take(MOST_AT_ONCE) {
        bytes.extend(u16::try_from(envelope.len()).unwrap_or(0).to_be_bytes());
        bytes.extend(envelope);
    }
    bytes
}

/// Reads an answer: the envelopes in it, at most [`MOST_AT_ONCE`].
pub(crate) fn records_from_bytes(mut bytes: &[u8]) -> Result<Vec<&[u8]>, Wrong> {
    let mut envelopes = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        if length > MOST_RECORD_BYTES {
            return Err(Wrong::TooLong);
        }
        let (envelope, rest) = rest.split_at_checked(length).ok_or(Wrong::Unreadable)?;
        if length == 0 || envelopes.len() == MOST_AT_ONCE {
            return Err(Wrong::Unreadable);
        }
        envelopes.push(envelope);
        bytes = rest;
    }
    if bytes.is_empty() { Ok(envelopes) } else { Err(Wrong::Unreadable) }
}

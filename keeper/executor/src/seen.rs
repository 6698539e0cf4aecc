//! What keepers saw: the bytes that each signs, and what they decide on together.
//!
//! The bytes are `abi.encode((string,bytes)[])`. A keeper may sign any bytes at all, so whatever is none of that counts as having
//! seen nothing: on every keeper alike.

use alloy::primitives::Bytes;
use alloy::sol_types::SolValue;

/// Longest encoding of what one keeper saw, in bytes.
pub const MAX_SEEN_BYTES: usize = 15 << 10;
/// Most observations of one keeper in one run.
pub const MAX_OBSERVATIONS: usize = 64;

/// One thing that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The job's own name for it.
    pub key: String,
    /// What was seen.
    pub value: Vec<u8>,
}

/// What one keeper saw, as it has signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeeperSeen {
    /// Its index in the committee.
    pub keeper: u16,
    /// Its share of the committee's stake, in billionths, rounded down.
    pub share: u32,
    /// The bytes that it signed; they may be anything.
    pub bytes: Vec<u8>,
}

impl KeeperSeen {
    /// What it says that it saw: nothing, where its bytes are no observations.
    #[must_use]
    pub fn items(&self) -> Vec<Observation> {
        decode(&self.bytes).unwrap_or_default()
    }
}

/// The bytes to sign.
///
/// # Errors
/// Too many, or too long: what is wrong, in words.
pub fn encode(seen: &[Observation]) -> Result<Vec<u8>, String> {
    if seen.len() > MAX_OBSERVATIONS {
        return Err(format!("{} observations, more than {MAX_OBSERVATIONS}", seen.len()));
    }
    let rows: Vec<(String, Bytes)> = seen.iter().map(|one| (one.key.clone(), one.value.clone().into())).collect();
    let bytes = rows.abi_encode();
    match bytes.len() > MAX_SEEN_BYTES {
        true => Err(format!("observations of {} bytes, more than {MAX_SEEN_BYTES}", bytes.len())),
        false => Ok(bytes),
    }
}

/// Reads such bytes back; `None` for what [`encode`] would not have written.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<Vec<Observation>> {
    if bytes.len() > MAX_SEEN_BYTES {
        return None;
    }
    let rows = Vec::<(String, Bytes)>::abi_decode_validate(bytes).ok()?;
    let seen: Vec<_> = rows.into_iter().map(|(key, value)| Observation { key, value: value.into() }).collect();
    (encode(&seen).as_deref() == Ok(bytes)).then_some(seen)
}

#[cfg(test)]
mod tests;

//! The wire codec: CBOR (RFC 8949) with one encoding per value. The only user of serde_cbor.
//!
//! serde_cbor is unmaintained and lenient (RUSTSEC-2021-0127), so: the size is capped before anything is read, structs
//! are packed (integer keys), and a decoded value must encode to the very bytes it came from. One value thus has one
//! encoding, and gossip one message id for it. Nothing that is signed or hashed for consensus is ever CBOR.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_cbor::ser::{IoWrite, Serializer};
use thiserror::Error;

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CodecError {
    /// More bytes than a message of this kind may have.
    #[error("{size} bytes are over the limit of {limit}")]
    TooLarge {
        /// Bytes received.
        size: usize,
        /// The cap of this kind of message.
        limit: usize,
    },
    /// Not CBOR, or not this kind of message.
    #[error("not a message of this kind")]
    Malformed,
    /// Readable, but not the one encoding of what it says.
    #[error("not the canonical encoding")]
    NotCanonical,
}

/// Encodes a message.
pub fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "messages are plain data: writing them to memory cannot fail")]
    serde_cbor::ser::to_vec_packed(message).expect("plain data")
}

/// Decodes a message of at most `limit` bytes, and refuses any encoding but the one [`encode`] gives.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, CodecError> {
    if bytes.len() > limit {
        return Err(CodecError::TooLarge { size: bytes.len(), limit });
    }
    let message: T = serde_cbor::from_slice(bytes).map_err(|_| CodecError::Malformed)?;
    let mut rest = Remaining(bytes);
    let same = message.serialize(&mut Serializer::new(IoWrite::new(&mut rest)).packed_format()).is_ok();
    if same && rest.0.is_empty() { Ok(message) } else { Err(CodecError::NotCanonical) }
}

/// What is still to be written of bytes that are known already: writing anything else fails.
struct Remaining<'a>(&'a [u8]);

impl io::Write for Remaining<'_> {
    fn write(&mut self, written: &[u8]) -> io::Result<usize> {
        self.0 = self.0.strip_prefix(written).ok_or(io::ErrorKind::InvalidData)?;
        Ok(written.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! What a keeper and its workers say to each other over two pipes. Nothing here is signed or seen by other keepers.
//!
//! ```text
//! frame   u32 length of the rest | u64 number | u8 tag | body          integers are little-endian
//! bytes   u32 length | bytes      text is bytes of UTF-8
//! ```
//!
//! The number names one exchange (a run or a compilation); the keeper draws it at random and the worker repeats it, so
//! that nothing said early, late or for another run is ever taken for an answer. The keeper trusts no field: every length is held
//! against what is left and against its cap, every tag and text is checked, and nothing may follow a body.

mod bytes;
mod order;
mod said;

use thiserror::Error;

pub(crate) use bytes::{Cursor, put_bytes, put_list};
pub(crate) use order::{Call, Input, Order};
pub use said::Confinement;
pub(crate) use said::{ChainRead, End, Hello, Output, Said};

use crate::cache::MAX_COMPILED_BYTES;
use crate::{MAX_CHAIN_BYTES, MAX_CODE_BYTES, MAX_OUTCOME_BYTES};

/// Version of these frames. Both sides are one program, so another version is another program.
pub(crate) const VERSION: u32 = 5;

/// Bytes of log messages kept per run.
pub(crate) const MAX_LOG_BYTES: usize = 64 << 10;
/// What an entry of the log costs besides its bytes, so that empty ones cannot pile up either.
pub(crate) const LOG_ENTRY_COST: usize = 16;
/// Longest text of a failure, in bytes.
pub(crate) const MAX_FAILURE_BYTES: usize = 1024;

/// Bytes of a frame before its body, length field aside.
pub(crate) const HEAD: usize = 9;
/// Longest hello.
pub(crate) const MAX_HELLO: usize = 256;
/// Longest frame of a worker that runs a job: a chain read, which is longer than a request to the web may be, or an outcome with
/// its logs.
pub(crate) const MAX_RUNNING: usize = {
    let done = MAX_OUTCOME_BYTES + MAX_LOG_BYTES + 4 * (MAX_LOG_BYTES / LOG_ENTRY_COST) + 1024;
    let read = MAX_CHAIN_BYTES + 1024;
    if done > read { done } else { read }
};
/// Longest frame of a worker that compiles.
pub(crate) const MAX_COMPILING: usize = MAX_COMPILED_BYTES + 1024;
/// Longest frame of a keeper: compiled code, a component, or a run with its parameters.
pub(crate) const MAX_ORDER: usize = {
    let code = if MAX_COMPILED_BYTES > MAX_CODE_BYTES { MAX_COMPILED_BYTES } else { MAX_CODE_BYTES };
    code + 1024
};

/// Bytes that are not a frame of this protocol.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

/// A whole frame: length, number, tag and body.
pub(crate) fn frame(number: u64, tag: u8, body: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    bytes.extend(number.to_le_bytes());
    bytes.push(tag);
    body(&mut bytes);
    let length = u32::try_from(bytes.len() - 4).expect("a frame is far below 4 GiB");
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes
}

/// Checks the length field of a frame against the cap of the moment.
pub(crate) fn length(field: [u8; 4], cap: usize) -> Result<usize, Malformed> {
    let length = u32::from_le_bytes(field) as usize;
    if length < HEAD {
        return Err(Malformed("a frame without number and tag"));
    }
    if length > cap {
        return Err(Malformed("a frame longer than it may be"));
    }
    Ok(length)
}

/// Splits a frame without its length field into number, tag and body.
pub(crate) fn split(frame: &[u8]) -> Result<(u64, u8, Cursor<'_>), Malformed> {
    let mut cursor = Cursor::new(frame);
    Ok((cursor.u64()?, cursor.u8()?, cursor))
}

#[cfg(test)]
mod tests;

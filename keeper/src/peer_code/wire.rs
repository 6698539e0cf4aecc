//! How a piece of code is asked for, and given.
//!
//! ```text
//! question   hash 32 | offset 4 | count 4       big endian; a count of 0 asks whether there is anything to be had
//! answer     length of the whole 4 | the piece  or nothing at all: I do not have it
//! ```
//!
//! A piece has `count` bytes, or what is left behind `offset`. Anything else is a fault of whoever sent it.

use crate::executor::{MAX_CODE_BYTES, MAX_PIECE_BYTES, Piece};

/// Longest question, in bytes; there is no shorter one.
pub const QUESTION_LIMIT: usize = 40;
/// Longest answer, in bytes.
pub const ANSWER_LIMIT: usize = LENGTH_BYTES + MAX_PIECE_BYTES;
const LENGTH_BYTES: usize = 4;

/// One question for a piece of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// SHA-256 of the whole.
    pub(super) hash: [u8; 32],
    /// Where the piece begins, in bytes.
    pub(super) offset: u32,
    /// Its length in bytes, at most [`MAX_PIECE_BYTES`].
    pub(super) count: u32,
}

impl Question {
    pub(super) fn encode(&self) -> Vec<u8> {
        [&self.hash[..], &self.offset.to_be_bytes(), &self.count.to_be_bytes()].concat()
    }

    /// `None` for anything that nobody asks in good faith.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (hash, rest) = bytes.split_first_chunk()?;
        let (offset, rest) = rest.split_first_chunk()?;
        let (count, rest) = rest.split_first_chunk()?;
        let (offset, count) = (u32::from_be_bytes(*offset), u32::from_be_bytes(*count));
        let in_bounds = rest.is_empty() && offset as usize <= MAX_CODE_BYTES && count as usize <= MAX_PIECE_BYTES;
        in_bounds.then_some(Self { hash: *hash, offset, count })
    }
}

/// An answer.
pub(super) fn encode(piece: Option<&Piece>) -> Vec<u8> {
    piece.map(|piece| [&piece.length.to_be_bytes()[..], &piece.bytes].concat()).unwrap_or_default()
}

/// The length that an answer without a piece tells; `None` for anything that no component can have, and for more than was asked for.
pub(super) fn length_in(answer: &[u8]) -> Option<u32> {
    let (length, piece) = parts(answer)?;
    piece.is_empty().then_some(length)
}

/// The whole's length, and the piece. `None`: no component is so long, or so short.
pub(super) fn parts(answer: &[u8]) -> Option<(u32, &[u8])> {
    let (length, piece) = answer.split_first_chunk::<LENGTH_BYTES>()?;
    let length = u32::from_be_bytes(*length);
    (1..=MAX_CODE_BYTES).contains(&(length as usize)).then_some((length, piece))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_have_one_length_and_stay_in_bounds() {
        let question = Question { hash: [7; 32], offset: 4 << 20, count: 128 << 10 };
        let bytes = question.encode();
        assert_eq!(bytes.len(), QUESTION_LIMIT);
        assert_eq!(Question::decode(&bytes), Some(question));
        for wrong in [&bytes[..39], &[], &[&bytes[..], &[0]].concat()] {
            assert_eq!(Question::decode(wrong), None);
        }
        for wrong in [Question { offset: (4 << 20) + 1, ..question }, Question { count: (128 << 10) + 1, ..question }] {
            assert_eq!(Question::decode(&wrong.encode()), None);
        }
    }

    #[test]
    fn answers_tell_a_length_that_a_component_can_have() {
        assert!(encode(None).is_empty());
        let piece = Piece { length: 5, bytes: b"job".to_vec() };
        let bytes = encode(Some(&piece));
        assert_eq!(parts(&bytes), Some((5, &b"job"[..])));
        assert_eq!(length_in(&bytes), None, "more than was asked for");
        assert_eq!(length_in(&bytes[..4]), Some(5));
        for wrong in [&[][..], &[0, 0, 5], &[0; 4], &[0xff; 4], &(1 + (4_u32 << 20)).to_be_bytes()] {
            assert_eq!(parts(wrong), None, "{wrong:?}");
        }
        let most = Piece { length: 4 << 20, bytes: vec![1; MAX_PIECE_BYTES] };
        assert_eq!(encode(Some(&most)).len(), ANSWER_LIMIT);
    }
}

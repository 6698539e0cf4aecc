//! One component on its way from one peer.
//!
//! ```text
//!            piece as asked for, not the last        the last, and the hash is right
//!   Asking ─────────────────────────────► (itself) ────────────────────────────────► done
//!     ├── nothing: the peer has it no more ─► ended, slow
//!     └── another length than before, a piece too short or too long, another hash ─► ended, a lie
//! ```

use sha2::{Digest, Sha256};

use super::suspects::Offence;
use super::wire::{Question, parts};
use crate::executor::MAX_PIECE_BYTES;

/// What has come of a component so far.
#[derive(Debug)]
pub(super) struct Transfer {
    hash: [u8; 32],
    length: u32,
    bytes: Vec<u8>,
}

/// What follows from an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The next question is due.
    Ask,
    /// All of it is here, and has the hash.
    Done(Vec<u8>),
    /// There is nothing more to be had from this peer.
    Ended(Offence),
}

impl Transfer {
    /// A component of which a peer has said that it has so many bytes of it. Memory is taken as they come.
    pub(super) const fn begin(hash: [u8; 32], length: u32) -> Self {
        Self { hash, length, bytes: Vec::new() }
    }

    /// What to ask next.
    pub(super) fn question(&self) -> Question {
        let (offset, count) = self.next();
        Question { hash: self.hash, offset, count }
    }

    /// Takes an answer to that question.
    pub(super) fn take(&mut self, answer: &[u8]) -> Step {
        if answer.is_empty() {
            return Step::Ended(Offence::Slow);
        }
        let (_, count) = self.next();
        let Some(piece) = parts(answer)
            .filter(|(length, piece)| *length == self.length && piece.len() == count as usize)
            .map(|(_, piece)| piece)
        else {
            return Step::Ended(Offence::Lied("code_malformed"));
        };
        self.bytes.extend_from_slice(piece);
        if self.bytes.len() < self.length as usize {
            return Step::Ask;
        }
        if Sha256::digest(&self.bytes)[..] != self.hash[..] {
            return Step::Ended(Offence::Lied("code_wrong"));
        }
        Step::Done(std::mem::take(&mut self.bytes))
    }

    /// Where the next piece begins, and its length.
    fn next(&self) -> (u32, u32) {
        let offset = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        let left = self.length.saturating_sub(offset);
        (offset, left.min(u32::try_from(MAX_PIECE_BYTES).unwrap_or(u32::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(length: u32, piece: &[u8]) -> Vec<u8> {
        [&length.to_be_bytes()[..], piece].concat()
    }

    fn begun(bytes: &[u8]) -> Transfer {
        Transfer::begin(Sha256::digest(bytes).into(), u32::try_from(bytes.len()).expect("short"))
    }

    #[test]
    fn pieces_make_the_whole() {
        for length in [1, MAX_PIECE_BYTES, MAX_PIECE_BYTES + 1, 4 << 20] {
            let whole: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).expect("small")).collect();
            let (mut transfer, mut questions) = (begun(&whole), 0);
            let came = loop {
                let Question { offset, count, .. } = transfer.question();
                questions += 1;
                let piece = &whole[offset as usize..][..count as usize];
                match transfer.take(&answer(u32::try_from(length).expect("short"), piece)) {
                    Step::Ask => {}
                    Step::Done(bytes) => break bytes,
                    Step::Ended(offence) => panic!("{offence:?}"),
                }
            };
            assert!(came == whole);
            assert_eq!(questions, length.div_ceil(MAX_PIECE_BYTES));
        }
    }

    #[test]
    fn whatever_is_not_as_it_was_asked_for_is_a_lie() {
        let whole = vec![7; MAX_PIECE_BYTES + 100];
        let length = u32::try_from(whole.len()).expect("short");
        let first = &whole[..MAX_PIECE_BYTES];
        for wrong in [
            answer(length, &first[1..]),
            answer(length, &whole[..=MAX_PIECE_BYTES]),
            answer(length, &[]),
            answer(length + 1, first),
            answer(0, first),
            answer(u32::MAX, first),
            vec![0],
        ] {
            assert_eq!(begun(&whole).take(&wrong), Step::Ended(Offence::Lied("code_malformed")), "{}", wrong.len());
        }
        let mut transfer = begun(&whole);
        assert_eq!(transfer.take(&answer(length, first)), Step::Ask);
        assert_eq!(transfer.take(&answer(length, &[6; 100])), Step::Ended(Offence::Lied("code_wrong")));
        // Whoever has it no more has done no wrong.
        assert_eq!(begun(&whole).take(&[]), Step::Ended(Offence::Slow));
    }
}

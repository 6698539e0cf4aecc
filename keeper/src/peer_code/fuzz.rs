//! Questions for pieces of code, and answers, for fuzz targets (`tests/fuzz`).

use super::wire::{self, ANSWER_LIMIT, QUESTION_LIMIT, Question};
use crate::executor::{MAX_CODE_BYTES, MAX_PIECE_BYTES, Piece};

/// A peer's question.
pub fn question(bytes: &[u8]) {
    if let Some(question) = Question::decode(bytes) {
        assert_eq!(question.encode(), bytes, "a question has one encoding");
        assert!(
            bytes.len() == QUESTION_LIMIT && question.count as usize <= MAX_PIECE_BYTES,
            "a piece within its limit"
        );
    }
}

/// Questions for a piece, and for whether there is anything.
#[must_use]
pub fn question_seeds() -> Vec<Vec<u8>> {
    [(0, 0), (4 << 20, 128 << 10)].map(|(offset, count)| Question { hash: [7; 32], offset, count }.encode()).to_vec()
}

/// A peer's answer.
pub fn answer(bytes: &[u8]) {
    let Some((length, piece)) = wire::parts(bytes) else { return };
    assert!(length > 0 && length as usize <= MAX_CODE_BYTES, "no component is so long");
    let again = wire::encode(Some(&Piece { length, bytes: piece.to_vec() }));
    assert!(again == bytes && (again.len() <= ANSWER_LIMIT || piece.len() > MAX_PIECE_BYTES));
    assert_eq!(wire::length_in(bytes).is_some(), piece.is_empty());
}

/// Answers with a piece, with a length alone, and with nothing.
#[must_use]
pub fn answer_seeds() -> Vec<Vec<u8>> {
    let piece = |bytes: &[u8]| wire::encode(Some(&Piece { length: 5, bytes: bytes.to_vec() }));
    vec![piece(b"job"), piece(b""), wire::encode(None)]
}

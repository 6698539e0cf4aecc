//! What ends a run from our side, and the length of what is said about it.

/// Why one of our own host functions or limits ended a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stop {
    /// The guest did what no keeper allows. Signed, so the text must be the same everywhere.
    #[error("{0}")]
    Guest(&'static str),
    /// The guest used its fuel up in a host call.
    #[error("out of fuel")]
    OutOfFuel,
    /// A host call went unanswered. Never signed.
    #[error("a host call went unanswered")]
    Unanswered,
    /// This machine failed. Never signed.
    #[error("{0}")]
    Machine(String),
}

/// Cuts a text at the last character boundary within `limit` bytes.
pub(super) fn cut(mut text: String, limit: usize) -> String {
    text.truncate(text.floor_char_boundary(limit));
    text
}

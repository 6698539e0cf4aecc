//! Other places that a component may be had from than its URL.

use std::fmt::Debug;
use std::pin::Pin;

/// What a [`CodeSource`] answers, when it has.
pub type Sought<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A place that components are to be had from by their SHA-256, such as the other keepers of a network.
///
/// Nothing that it says is believed: bytes are kept only when they have the hash. It sees to it by itself that one question takes a
/// bounded time (two minutes at the most; then it is given up) and that nobody is asked without end.
pub trait CodeSource: Send + Sync + Debug {
    /// How many others go to the URL of this code before this keeper does, so that not all ask one server at the same moment. 0: it
    /// is the first.
    fn place(&self, hash: [u8; 32]) -> Sought<'_, usize>;

    /// Looks once for the component with this hash: all its bytes, or `None` when nobody who was asked has it now.
    fn find(&self, hash: [u8; 32]) -> Sought<'_, Option<Vec<u8>>>;
}

/// A part of a component, for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Bytes of the whole component.
    pub length: u32,
    /// What was asked for of it; less where the component ends.
    pub bytes: Vec<u8>,
}

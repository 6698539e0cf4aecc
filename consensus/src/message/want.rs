//! The want protocol: what a keeper asks of a peer, and what it is answered.

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

/// Largest question, in bytes.
pub const WANT_LIMIT: usize = 1024;
/// Largest answer, in bytes.
pub const HAVE_LIMIT: usize = 128 * 1024;

/// Asks a peer for what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Want {
    /// An assignment, by its hash.
    Assignment(ByteArray<32>),
    /// Partials of one batch.
    Partials {
        /// Hash of the assignment.
        assignment: ByteArray<32>,
        /// The batch's position in it.
        batch: u8,
        /// Bitmap of the signers whose partials are held already.
        known: ByteBuf,
    },
    /// Observations that a batch lists.
    Observations {
        /// Hash of the assignment.
        assignment: ByteArray<32>,
        /// The batch's position in it.
        batch: u8,
        /// Bitmap of the positions in its list that are held already.
        known: ByteBuf,
    },
    /// Everything remembered that one keeper has signed: what a keeper asks about itself when it starts.
    SignedBy(u16),
}

/// The answer to a [`Want`]; messages in their gossip encoding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Have {
    /// The answering keeper's newest block.
    pub head: u64,
    /// The assignments that were asked for, or that the partials belong to.
    pub assignments: Vec<ByteBuf>,
    /// Partials the asker lacks.
    pub partials: Vec<ByteBuf>,
    /// The certificate of the batch that was asked for, which makes its partials needless.
    pub certificate: Option<ByteBuf>,
    /// Observations the asker lacks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observations: Vec<ByteBuf>,
}

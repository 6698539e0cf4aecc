//! What keepers send each other: one room per kind, with its wire shape, its caps and the checks that need no context.
//!
//! To add a kind: its room, its line in the list below, and its arm in `engine/receive.rs`.

pub mod assignment;
pub mod certificate;
pub mod evidence;
pub mod observation;
pub mod partial;
pub mod report;
pub mod ruling;
pub mod want;

use crate::codec::{self, CodecError};
use crate::committee::PeerKey;

pub use crate::bls::sign;
pub use assignment::{
    ASSIGNMENT_LIMIT, ASSIGNMENTS_MAX, Assignment, BATCHES_MAX, BatchKey, Listed, PlannedBatch, PlannedTask, input_set,
};
pub use certificate::{CERTIFICATE_LIMIT, CertificateMessage};
pub use evidence::{EVIDENCE_LIMIT, Evidence};
pub use observation::{OBSERVATION_LIMIT, Observation, SEEN_LIMIT};
pub use partial::{Finding, PARTIAL_LIMIT, Partial, reports};
pub use report::ReportMessage;
pub use ruling::{RULING_LIMIT, Ruling};
pub use want::{HAVE_LIMIT, Have, WANT_LIMIT, Want};

/// Names a message, of gossip or straight, that awaits its verdict; chosen by the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageTag(pub u64);

/// How a message came, and so who answers for it: its verdict names this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// As gossip: the mesh charges whoever passed it on.
    Gossip(MessageTag),
    /// Straight from the one who says it (rule 21): what is wrong in every view of the chain is its fault alone.
    Straight(MessageTag, PeerKey),
    /// In this peer's own answer to a question. What is wrong there in every view of the chain is its fault alone: it has
    /// checked what it hands out, or ought to have.
    Answer(PeerKey),
}

/// Writes down the kinds of gossip: the channel of each, the message on it, and how many bytes that may have.
macro_rules! kinds {
    ($($(#[$meaning:meta])* $channel:ident: $kind:ident($shape:ident) up to $limit:ident,)*) => {
        /// The kinds of gossip, one topic each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Channel {
            $(#[doc = concat!("[`", stringify!($shape), "`]")] $channel,)*
        }

        /// A decoded gossip message.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[expect(clippy::large_enum_variant, reason = "read, considered and dropped one at a time; few are held")]
        pub enum Message {
            $($(#[$meaning])* $kind($shape),)*
        }

        impl Message {
            /// Reads a message of the given channel.
            ///
            /// # Errors
            /// [`CodecError`] for bytes that are no such message, or not in its one encoding.
            pub fn decode(channel: Channel, bytes: &[u8]) -> Result<Self, CodecError> {
                Ok(match channel {
                    $(Channel::$channel => Self::$kind(codec::decode(bytes, $limit)?),)*
                })
            }
        }
    };
}

kinds! {
    /// A leader's plan.
    Assignments: Assignment(Assignment) up to ASSIGNMENT_LIMIT,
    /// A keeper's signature.
    Partials: Partial(Partial) up to PARTIAL_LIMIT,
    /// A quorum's signature.
    Certificates: Certificate(CertificateMessage) up to CERTIFICATE_LIMIT,
    /// Proof of two contradicting signatures.
    Evidence: Evidence(Evidence) up to EVIDENCE_LIMIT,
    /// What a keeper saw outside.
    Observations: Observation(Observation) up to OBSERVATION_LIMIT,
    /// A keeper's word on a dispute.
    Rulings: Ruling(Ruling) up to RULING_LIMIT,
}

#[cfg(test)]
mod tests;

//! Misbehaviour as data. A fault never stops a loop: it is a verdict on a message, or something to tell the operator.

use alloy_primitives::B256;

use crate::committee::KeeperIndex;
use crate::message::BatchKey;
use crate::task::Task;

/// Why a gossip message was not accepted. `Reject` what is wrong in every view of the chain, `Ignore` what could be
/// right for a keeper that sees another head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Bytes over the limit of the topic.
    TooLarge,
    /// Bytes that are no message of the topic.
    Malformed,
    /// A readable message in another encoding than its only one.
    NotCanonical,
    /// Counts, lengths or statuses out of bounds.
    OutOfBounds,
    /// A signature that is no point, outside the subgroup, or infinity.
    InvalidPoint,
    /// A BLS signature that does not verify.
    InvalidSignature,
    /// A peer-key signature that does not verify.
    InvalidPeerSignature,
    /// The sender does not lead that window and stage.
    NotLeader,
    /// The claimed signer is not a member with stake.
    NotMember,
    /// The findings do not fit the batch they name.
    WrongBatch,
    /// The bitmap has the wrong length, stray bits, or no bits.
    InvalidBitmap,
    /// The signers hold less than the quorum of stake.
    BelowQuorum,
    /// Evidence that proves nothing.
    InvalidEvidence,
    /// Seen before.
    Duplicate,
    /// Too far in the past or the future.
    OutOfWindow,
    /// It rests on an epoch, a job or a block not known here.
    UnknownContext,
    /// A second, different message where only one is allowed.
    Conflicting,
    /// More of it than a keeper keeps.
    OverLimit,
    /// It came straight to a keeper that does not lead its batch.
    Misdirected,
    /// It came straight, and not from the one whose word it is.
    NotSender,
}

impl Reason {
    /// Name in snake case, for metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::NotCanonical => "not_canonical",
            Self::OutOfBounds => "out_of_bounds",
            Self::InvalidPoint => "invalid_point",
            Self::InvalidSignature => "invalid_signature",
            Self::InvalidPeerSignature => "invalid_peer_signature",
            Self::NotLeader => "not_leader",
            Self::NotMember => "not_member",
            Self::WrongBatch => "wrong_batch",
            Self::InvalidBitmap => "invalid_bitmap",
            Self::BelowQuorum => "below_quorum",
            Self::InvalidEvidence => "invalid_evidence",
            Self::Duplicate => "duplicate",
            Self::OutOfWindow => "out_of_window",
            Self::UnknownContext => "unknown_context",
            Self::Conflicting => "conflicting",
            Self::OverLimit => "over_limit",
            Self::Misdirected => "misdirected",
            Self::NotSender => "not_sender",
        }
    }
}

/// What gossip does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Good: pass it on.
    Accept,
    /// Not passed on; nobody is blamed.
    Ignore(Reason),
    /// Not passed on; the peer that sent it loses score.
    Reject(Reason),
}

/// How a message fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A verdict.
    Judged(Verdict),
    /// The verdict follows when signatures are checked.
    Pending,
    /// It rests on something not known yet: to be tried again when that has come.
    Early(Awaits),
}

/// What a message rests on that is not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Awaits {
    /// The assignment of this hash.
    Assignment(B256),
    /// The blocks that a batch is about, or others in their place.
    Basis(BatchKey),
    /// The committee of an epoch.
    Epoch(u32),
    /// The leaders of a window.
    Line,
    /// The dispute of this number on chain.
    Dispute(u64),
    /// This try at a task.
    Attempt(Task, u8),
}

/// Misbehaviour of a keeper, as opposed to that of the peer that relayed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It signed two different findings on one batch.
    Equivocation(KeeperIndex),
    /// As a leader it sent two different assignments with one number.
    ConflictingAssignment(KeeperIndex),
    /// As a leader it listed observations of no quorum, or of somebody who is no member.
    UnfitInputs(KeeperIndex),
}

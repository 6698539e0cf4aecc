//! This keeper's own word on a batch.

use std::sync::Arc;

use alloy_primitives::{B256, keccak256};
use serde_bytes::{ByteArray, ByteBuf};

use super::basis::Basis;
use crate::effect::PersistToken;
use crate::facts::Facts;
use crate::message::{BatchKey, Finding, Partial};
use crate::report::Leaves;
use crate::session::Attempt;
use crate::sessions::Sessions;
use crate::task::Abstention;
use crate::time::Time;

/// Where this keeper's own partial is.
///
/// ```text
///   Silent ── has something to say of every task ──► Persisting ── the journal has it ──► Spoken
///     ▲  └──────────────── abstains on one ──────────────┼──────────────────────────────────▲
///     └───────────── the journal refuses it ─────────────┘
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    /// Not made yet.
    Silent,
    /// Made, and waiting for the journal.
    Persisting(Box<Unsigned>),
    /// Sent, at this time.
    Spoken(Time),
}

/// A partial that lacks its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unsigned {
    /// What the journal's answer will name.
    pub(crate) token: PersistToken,
    /// The partial.
    pub(crate) partial: Partial,
    /// What its root stands for.
    pub(crate) leaves: Arc<Leaves>,
    /// What is to be signed.
    pub(crate) digest: B256,
}

/// This keeper's findings, if it is a member and has one on every task of the batch. It bears a signature only if it
/// abstains (rule 6).
pub(crate) fn draft(key: BatchKey, attempt: u8, basis: &Basis, facts: &Facts, sessions: &Sessions) -> Option<Partial> {
    let index = facts.my_index(&basis.committee)?;
    let mut findings = Vec::with_capacity(basis.tasks.len());
    let mut tag = index.0.to_be_bytes().to_vec();
    for (task, anchor) in basis.tasks.iter().zip(&basis.anchors) {
        match sessions.get(task)?.said(attempt, basis.input_set)? {
            Attempt::Running { .. } => return None,
            Attempt::Reported { report, outcome } if report.anchor == *anchor => {
                findings.push(Finding::reported(report.status, report.outcome_hash));
                tag.extend_from_slice(outcome.transcript.as_slice());
            }
            // The anchor moved under a reorganisation after the job ran: this attempt is lost here.
            Attempt::Reported { .. } => findings.push(Finding::abstained(Abstention::ChainReadFailed as u8)),
            Attempt::Refused { .. } => findings.push(Finding::abstained(Abstention::JournalRefused as u8)),
            Attempt::Abstained(_, reason) => findings.push(Finding::abstained(*reason as u8)),
        }
    }
    let mut partial = Partial {
        assignment: ByteArray::new(key.assignment.0),
        batch: key.batch,
        keeper: index.0,
        root: ByteArray::new([0; 32]),
        findings,
        execution_tag: ByteArray::new(keccak256(tag).0),
        signature: ByteBuf::new(),
    };
    if partial.abstains() {
        let hash = partial.abstention_hash(facts.domain());
        partial.signature = ByteBuf::from(facts.sign_as_peer(hash));
    }
    Some(partial)
}

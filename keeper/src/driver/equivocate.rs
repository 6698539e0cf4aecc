//! A keeper that signs two results of every task, or, with [`WRONG_RUN`] set, a wrong one of a single run that it knows with others of
//! its kind; for tests of the Challenger. With [`WIRE`] set it is an honest one of another version, as a network has two of in an
//! upgrade. Compiled under the cargo feature
//! `equivocate` alone, into a program of its own; tests/layers.sh sees to it that no shipped one holds it.

use alloy::primitives::{B256, keccak256};
use consensus::Engine;
use consensus::certificate::batch_root;
use consensus::codec;
use consensus::effect::BatchKey;
use consensus::message::{Channel, Finding, Message, Partial, reports};
use consensus::task::{Outcome, Status, Task};
use serde_bytes::{ByteArray, ByteBuf};

use crate::jobs::JobBook;

/// Names the variable with the number of the run, of the first job there is, whose result is to be wrong.
const WRONG_RUN: &str = "KEEPER_WRONG_RUN";

/// Names the variable with the version of the wire that it speaks, in place of this release's.
const WIRE: &str = "KEEPER_WIRE";

/// The version of the wire that was asked for.
fn other_wire() -> Option<u16> {
    std::env::var(WIRE).ok().and_then(|version| version.parse().ok())
}

/// The version of the wire that it speaks.
pub(crate) fn wire() -> u16 {
    other_wire().unwrap_or(p2p::WIRE)
}

/// The release that it calls itself: another version of the wire comes with another one.
pub(crate) fn release() -> String {
    other_wire().map_or_else(|| env!("CARGO_PKG_VERSION").to_owned(), |version| format!("{version}.0.0"))
}

/// The run whose result is to be wrong; for one of another version a run that never comes.
pub(crate) fn wrong_run() -> Option<u64> {
    let asked = std::env::var(WRONG_RUN).ok().and_then(|run| run.parse().ok());
    other_wire().map(|_| u64::MAX).or(asked)
}

/// What second results are signed with.
#[derive(Clone, Debug)]
pub struct Pen {
    /// The run whose result is wrong; then nothing is signed twice.
    pub wrong_run: Option<u64>,
    /// The operator's BLS key.
    pub secret: consensus::bls::SecretKey,
    /// What signatures are bound to.
    pub domain: consensus::report::Domain,
}

/// Another result for the first task of a partial that is about to be sent, behind the journal's back.
pub(super) fn second_word(engine: &Engine, pen: &Pen, channel: Channel, sent: &[u8]) -> Option<Vec<u8>> {
    let Ok(Message::Partial(partial)) = Message::decode(channel, sent) else {
        return None;
    };
    if pen.wrong_run.is_some() {
        return None;
    }
    let key = BatchKey { assignment: B256::from(partial.assignment.into_array()), batch: partial.batch };
    let basis = engine.inspect_batch(key)?;
    let mut findings = partial.findings.clone();
    let first = findings.first_mut()?;
    let (_, outcome_hash) = first.report()?;
    *first = Finding::reported(Status::Call, keccak256(outcome_hash));
    let root = batch_root(&reports(&basis.tasks, &basis.anchors, basis.input_set, &findings)?);
    let digest = pen.domain.batch_digest(basis.committee.epoch(), root);
    let signature = ByteBuf::from(pen.secret.sign(digest.as_slice()).to_bytes());
    tracing::warn!("keeper-equivocate signs two results of one task on purpose");
    Some(codec::encode(&Partial { root: ByteArray::new(root.0), findings, signature, ..partial }))
}

/// Makes a run's outcome a wrong one, if it is the one: the same bytes and one more, which a target takes all the same.
pub(super) fn falsify(pen: &Pen, book: &JobBook, task: &Task, outcome: &mut Outcome) {
    let first = book.jobs().next().map(|job| job.id);
    if first == Some(task.job.0) && pen.wrong_run.is_some() && task.instance.run() == pen.wrong_run {
        tracing::warn!("keeper-equivocate says something wrong of a task on purpose");
        outcome.data = [&outcome.data[..], &[0xff]].concat().into();
    }
}

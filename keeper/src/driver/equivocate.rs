//! A keeper that signs two results of every task, for tests of the Challenger. Compiled under the cargo feature
//! `equivocate` alone, into a program of its own; tests/layers.sh sees to it that no shipped one holds it.

use alloy::primitives::keccak256;
use consensus::certificate::batch_root;
use consensus::codec;
use consensus::message::{Channel, Finding, Message, Partial, reports};
use consensus::task::Status;
use serde_bytes::{ByteArray, ByteBuf};

use super::Driver;

/// What second results are signed with.
#[derive(Clone, Debug)]
pub struct Pen {
    /// The operator's BLS key.
    pub secret: consensus::bls::SecretKey,
    /// What signatures are bound to.
    pub domain: consensus::report::Domain,
}

impl Driver {
    /// Contradicts a partial that was just sent, behind the journal's back.
    pub(super) async fn say_otherwise(&self, sent: &[u8]) {
        let Some(other) = self.second_word(sent) else {
            return;
        };
        tracing::warn!("keeper-equivocate signs two results of one task on purpose");
        if let Err(error) = self.services.mesh.publish(p2p::Topic::Partials, codec::encode(&other)).await {
            tracing::warn!(%error, "could not publish the second result");
        }
    }

    fn second_word(&self, sent: &[u8]) -> Option<Partial> {
        let Ok(Message::Partial(partial)) = Message::decode(Channel::Partials, sent) else {
            return None;
        };
        let basis = self.engine.inspect_batch(partial.key())?;
        let mut findings = partial.findings.clone();
        let first = findings.first_mut()?;
        let (_, outcome_hash) = first.report()?;
        *first = Finding::reported(Status::Call, keccak256(outcome_hash));
        let root = batch_root(&reports(&basis.tasks, &basis.anchors, &findings)?);
        let digest = self.about.pen.domain.batch_digest(basis.committee.epoch(), root);
        let signature = ByteBuf::from(self.about.pen.secret.sign(digest.as_slice()).to_bytes());
        Some(Partial { root: ByteArray::new(root.0), findings, signature, ..partial })
    }
}

//! What is said of a dispute: this keeper's own ruling, and what it makes of others'.

use std::sync::Arc;

use alloy_primitives::B256;
use serde_bytes::ByteArray;

use super::words::Words;
use super::{AGAIN, AgreedRuling, DOUBT_MOST, Dispute, EPOCHS_MAX, Own};
use crate::bls::Signature;
use crate::codec;
use crate::committee::{Committee, KeeperIndex};
use crate::effect::Effect;
use crate::facts::Facts;
use crate::fault::{Reason, Verdict};
use crate::message::{Channel, Ruling};
use crate::outbox::Outbox;
use crate::time::Time;

impl Dispute {
    fn leaf(&self) -> B256 {
        self.about.report.leaf()
    }

    /// Signs and says what this keeper knows, once to every committee, and again from time to time. Where more stake says otherwise
    /// it is run again before, less and less often: it may have been a moment's bad answer of a node.
    pub(super) fn speak(&mut self, facts: &mut Facts, now: Time, outbox: &mut Outbox) {
        let Own::Known(answer, said) = self.own else { return };
        let Some(committee) = facts.committees().next().cloned() else { return };
        let root = committee.table_root();
        let is_rested = said.is_none_or(|(before, at)| before != root || now < at || now >= at.plus(AGAIN));
        let me = facts.my_index(&committee).filter(|_| is_rested && !facts.is_doubtful(&committee));
        let Some(me) = me else { return };
        if said.is_some() && self.may_doubt(now) && self.words.values().any(|words| words.outweigh(answer)) {
            self.doubts += 1;
            self.doubted = now;
            self.own = Own::Due(now, 0, Some(answer));
            return;
        }
        let digest = facts.domain().ruling_digest(committee.epoch(), self.id, self.leaf(), answer);
        let signature = facts.sign(digest);
        self.own = Own::Known(answer, Some((root, now)));
        let ruling = Ruling {
            dispute: self.id,
            report: ByteArray::new(self.leaf().0),
            table: ByteArray::new(root.0),
            epoch: committee.epoch(),
            keeper: me.0,
            status: answer.status as u8,
            outcome_hash: ByteArray::new(answer.outcome_hash.0),
            signature: ByteArray::new(signature.to_bytes()),
        };
        self.words_of(committee).add_own((me, answer), signature, digest, facts);
        outbox.effect(Effect::Broadcast { channel: Channel::Rulings, bytes: codec::encode(&ruling) });
    }

    /// What becomes of another keeper's word without looking at its signature; `None` if that is worth a look.
    pub(crate) fn glance(&self, ruling: &Ruling, committee: &Committee, head: u64) -> Option<Verdict> {
        let Some(answer) = ruling.answer() else { return Some(Verdict::Reject(Reason::OutOfBounds)) };
        // Its signer sees another chain, where the number is another dispute's, or the epoch's another committee's.
        if *ruling.report != self.leaf().0 || *ruling.table != committee.table_root().0 {
            return Some(Verdict::Ignore(Reason::UnknownContext));
        }
        let signer = KeeperIndex(ruling.keeper);
        if committee.member(signer).is_none() {
            return Some(Verdict::Reject(Reason::NotMember));
        }
        let oldest = self.words.keys().next().copied().unwrap_or_default();
        let has_room = self.words.len() < EPOCHS_MAX || ruling.epoch >= oldest;
        if !self.is_open() || self.is_past(head) || !has_room || ruling.epoch < self.from_epoch {
            return Some(Verdict::Ignore(Reason::OutOfWindow));
        }
        let words = self.words.get(&ruling.epoch).filter(|words| words.are_of(committee))?;
        match words.has_said(signer, answer) {
            true => Some(Verdict::Ignore(Reason::Duplicate)),
            false => words.has_said_enough(signer).then_some(Verdict::Ignore(Reason::Conflicting)),
        }
    }

    fn may_doubt(&self, now: Time) -> bool {
        let pause = AGAIN.saturating_mul(1u32.checked_shl(self.doubts).unwrap_or(u32::MAX)).min(DOUBT_MOST);
        self.doubts == 0 || now >= self.doubted.plus(pause) || now < self.doubted
    }

    /// Takes in another keeper's word that is worth a look; `committee` is that of its epoch.
    pub(crate) fn take(
        &mut self,
        ruling: &Ruling,
        committee: &Arc<Committee>,
        facts: &mut Facts,
        now: Time,
        outbox: &mut Outbox,
    ) -> Verdict {
        let Some(answer) = ruling.answer() else { return Verdict::Reject(Reason::OutOfBounds) };
        let Ok(signature) = Signature::from_bytes(&*ruling.signature) else {
            return Verdict::Reject(Reason::InvalidPoint);
        };
        let digest = facts.domain().ruling_digest(ruling.epoch, self.id, self.leaf(), answer);
        let word = (KeeperIndex(ruling.keeper), answer);
        if !self.words_of(committee.clone()).add(word, signature, digest, facts) {
            return Verdict::Reject(Reason::InvalidSignature);
        }
        self.look(facts, now, outbox);
        Verdict::Accept
    }

    /// What is collected under an epoch. That of the oldest one makes room, and that of a committee that was orphaned.
    fn words_of(&mut self, committee: Arc<Committee>) -> &mut Words {
        let epoch = committee.epoch();
        self.words.retain(|other, words| *other != epoch || words.are_of(&committee));
        if self.words.len() >= EPOCHS_MAX && !self.words.contains_key(&epoch) {
            self.words.pop_first();
        }
        self.words.entry(epoch).or_insert_with(|| Words::under(committee))
    }

    /// What a quorum says together, under the newest epoch in which there is one.
    pub(super) fn agreed(&self) -> Option<AgreedRuling> {
        self.words.range(self.from_epoch..).rev().find_map(|(&epoch, words)| {
            let (answer, signers, signature) = words.agreed()?;
            let committee_size = words.committee_size();
            Some(AgreedRuling { dispute: self.id, answer, epoch, signers, signature, committee_size })
        })
    }
}

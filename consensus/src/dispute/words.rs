//! What the members of one committee have said on a dispute, and whether a quorum says the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::B256;

use super::{Answer, RULING_QUORUM_BPS};
use crate::aggregator::{Added, Aggregator};
use crate::bls::Signature;
use crate::committee::{Committee, KeeperIndex, SignerSet};
use crate::facts::Facts;

/// Answers that one member may give: what its node said first may have been wrong, and nobody is punished for another word.
const ANSWERS_MAX: usize = 3;

/// What each member has said, which counts for all that it said.
#[derive(Clone, Debug)]
pub(super) struct Words {
    committee: Arc<Committee>,
    said: BTreeMap<KeeperIndex, Vec<Answer>>,
    sums: BTreeMap<Answer, Aggregator<()>>,
}

impl Words {
    /// Nobody of this committee has said anything yet.
    pub(super) fn under(committee: Arc<Committee>) -> Self {
        Self { committee, said: BTreeMap::new(), sums: BTreeMap::new() }
    }

    /// Whether they are that committee's: a number may be another's after a reorganisation.
    pub(super) fn are_of(&self, committee: &Committee) -> bool {
        self.committee.table_root() == committee.table_root()
    }

    /// Whether more stake says something else, all alike, than says this.
    pub(super) fn outweigh(&self, answer: Answer) -> bool {
        let stake = |answer: &Answer| self.sums.get(answer).map_or(0, Aggregator::stake);
        self.sums.keys().any(|other| *other != answer && stake(other) > stake(&answer))
    }

    /// Whether a member has said this.
    pub(super) fn has_said(&self, signer: KeeperIndex, answer: Answer) -> bool {
        self.said.get(&signer).is_some_and(|said| said.contains(&answer))
    }

    /// Whether a member has said as much as is listened to.
    pub(super) fn has_said_enough(&self, signer: KeeperIndex) -> bool {
        self.said.get(&signer).is_some_and(|said| said.len() >= ANSWERS_MAX)
    }

    /// This keeper's own word.
    pub(super) fn add_own(
        &mut self,
        (me, answer): (KeeperIndex, Answer),
        signature: Signature,
        digest: B256,
        facts: &Facts,
    ) {
        if !self.has_said(me, answer) {
            self.said.entry(me).or_default().push(answer);
            self.sum(answer, digest, facts).add_own(me, signature);
        }
    }

    /// Another member's word; false if the signature is not its own.
    pub(super) fn add(
        &mut self,
        (signer, answer): (KeeperIndex, Answer),
        signature: Signature,
        digest: B256,
        facts: &mut Facts,
    ) -> bool {
        let mut sum = self.sums.remove(&answer).unwrap_or_else(|| self.empty(digest, facts));
        let is_valid = sum.add(signer, signature, ()) == Added::Pending
            && sum.verify(|| facts.draw_weight()).iter().all(|checked| checked.is_valid());
        if is_valid {
            self.said.entry(signer).or_default().push(answer);
        }
        if !sum.signers().is_empty() {
            self.sums.insert(answer, sum);
        }
        is_valid
    }

    fn sum(&mut self, answer: Answer, digest: B256, facts: &Facts) -> &mut Aggregator<()> {
        let empty = self.empty(digest, facts);
        self.sums.entry(answer).or_insert(empty)
    }

    fn empty(&self, digest: B256, facts: &Facts) -> Aggregator<()> {
        Aggregator::new(digest, self.committee.clone(), facts.laws().clone())
    }

    /// What a quorum says together, who they are, and the sum of their signatures.
    pub(super) fn agreed(&self) -> Option<(Answer, SignerSet, Signature)> {
        self.sums.iter().find_map(|(&answer, sum)| {
            let (signers, signature) = sum.aggregate(RULING_QUORUM_BPS)?;
            Some((answer, signers, signature))
        })
    }

    /// Rows of the committee.
    pub(super) fn committee_size(&self) -> usize {
        self.committee.size()
    }
}

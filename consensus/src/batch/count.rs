//! What the keepers have said of a batch, and how much stake stands behind each root.
//!
//! Keepers may disagree on what the tasks of a batch produced, so there is one [`Aggregator`] per distinct root and at
//! most one verified partial per signer. When no root can reach the quorum any more the batch has failed, and
//! [`Count::agreed`] says which of its tasks a quorum would sign together.

mod agreed;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use alloy_primitives::B256;

use super::basis::Basis;
use crate::aggregator::{Added, Aggregator, Proof};
use crate::bls::{Point, Signature};
use crate::certificate::Certificate;
use crate::committee::{KeeperIndex, PeerKey, SignerSet};
use crate::fault::{Awaits, Fate, Reason, Verdict};
use crate::message::{Finding, Partial, Source};
use crate::report::{Domain, Leaves, Report};
use crate::time::{SUM_DELAY, Time, VERIFY_DELAY};

#[derive(Clone, Debug)]
struct Heard {
    findings: Vec<Finding>,
    bytes: Vec<u8>,
    /// Whether its signature was verified by itself, and not in a sum with those of others: only then others are told.
    is_alone: bool,
    /// Whether it came straight: nobody has passed it on.
    is_straight: bool,
}

/// A partial that waits for its signature to be checked.
#[derive(Clone, Debug)]
struct Candidate {
    source: Source,
    findings: Vec<Finding>,
    signature: Point,
    bytes: Vec<u8>,
}

/// What a keeper has said under its signature.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    /// Who.
    pub(crate) signer: KeeperIndex,
    /// What.
    pub(crate) leaves: Arc<Leaves>,
    /// The signature.
    pub(crate) signature: Point,
    /// Whether that was verified by itself, and not in a sum with those of others.
    pub(crate) is_alone: bool,
}

/// A partial after its signature was checked.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    /// How it came.
    pub(crate) source: Source,
    /// What becomes of that.
    pub(crate) verdict: Verdict,
    /// What its signer has said by it; `None` if the signature is not the signer's.
    pub(crate) said: Option<Said>,
}

#[derive(Clone, Debug)]
struct Root {
    leaves: Arc<Leaves>,
    aggregator: Aggregator<Candidate>,
}

impl Root {
    fn new(leaves: Arc<Leaves>, basis: &Basis, domain: &Domain) -> Self {
        let digest = basis.digest(leaves.root(), domain);
        let (committee, laws) = (Arc::clone(&basis.committee), Arc::clone(&basis.laws));
        Self { leaves, aggregator: Aggregator::new(digest, committee, laws) }
    }

    /// Whether findings amount to its reports.
    fn says(&self, findings: &[Finding]) -> bool {
        let said = |report: &Report| Some((report.status, report.outcome_hash));
        self.leaves.reports.iter().map(said).eq(findings.iter().map(Finding::report))
    }
}

/// The partials of one batch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count {
    heard: BTreeMap<KeeperIndex, Heard>,
    roots: BTreeMap<B256, Root>,
    /// When what is pending is to be verified.
    verify_at: Option<Time>,
}

impl Count {
    /// Takes in a partial whose shape has been checked ([`Partial::is_well_formed`]). Origin, then signature.
    pub(crate) fn take(
        &mut self,
        partial: &Partial,
        bytes: &[u8],
        source: Source,
        basis: &Basis,
        domain: &Domain,
        now: Time,
    ) -> Fate {
        /* -------- origin -------- */
        let signer = KeeperIndex(partial.keeper);
        let Some(member) = basis.committee.member(signer) else {
            return Fate::Judged(Verdict::Reject(Reason::NotMember));
        };
        if partial.findings.len() != basis.tasks.len() {
            return Fate::Judged(Verdict::Reject(Reason::WrongBatch));
        }
        let sender = if let Source::Straight(_, peer) = source { Some(peer) } else { None };
        // A peer key may have changed with an epoch that not everybody sees yet: nobody's fault.
        if sender.is_some_and(|peer| peer != member.peer_key) {
            return Fate::Judged(Verdict::Ignore(Reason::NotSender));
        }
        if let Some(verdict) = self.knows(signer, partial, bytes, source) {
            return Fate::Judged(verdict);
        }
        /* -------- signature -------- */
        if partial.abstains() {
            return Fate::Judged(self.take_abstention(partial, bytes, (&member.peer_key, sender.is_some()), domain));
        }
        // What came straight is added to others of its kind: whether it is in the subgroup is asked of the sum.
        let point = Point::from_bytes(&partial.signature);
        let checked = point.and_then(|point| if sender.is_some() { Ok(None) } else { point.check().map(Some) });
        let (Ok(signature), Ok(checked)) = (point, checked) else {
            return Fate::Judged(Verdict::Reject(Reason::InvalidPoint));
        };
        /* -------- process -------- */
        let candidate = Candidate { source, findings: partial.findings.clone(), signature, bytes: bytes.to_vec() };
        let root = match self.root_of(partial, basis, domain) {
            Ok(root) => root,
            Err(fate) => return fate,
        };
        let (added, delay) = match checked {
            Some(signature) => (root.aggregator.add(signer, signature, candidate), VERIFY_DELAY),
            None => (root.aggregator.add_straight(signer, signature, candidate), SUM_DELAY),
        };
        match added {
            Added::Pending => {
                let at = now.plus(delay);
                self.verify_at = Some(self.verify_at.map_or(at, |known| known.min(at)));
                Fate::Pending
            }
            Added::Duplicate => Fate::Judged(Verdict::Ignore(Reason::Duplicate)),
            Added::NotMember => Fate::Judged(Verdict::Reject(Reason::NotMember)),
            Added::Full => Fate::Judged(Verdict::Ignore(Reason::OverLimit)),
        }
    }

    fn take_abstention(
        &mut self,
        partial: &Partial,
        bytes: &[u8],
        (key, is_straight): (&PeerKey, bool),
        domain: &Domain,
    ) -> Verdict {
        let signer = KeeperIndex(partial.keeper);
        let Ok(signature) = <&[u8; 64]>::try_from(partial.signature.as_slice()) else {
            return Verdict::Reject(Reason::OutOfBounds);
        };
        if !key.has_signed(partial.abstention_hash(domain), signature) {
            return Verdict::Reject(Reason::InvalidPeerSignature);
        }
        if self.heard.contains_key(&signer) {
            return Verdict::Ignore(Reason::Conflicting);
        }
        let (findings, bytes) = (partial.findings.clone(), bytes.to_vec());
        self.heard.insert(signer, Heard { findings, bytes, is_alone: true, is_straight });
        Verdict::Accept
    }

    /// The verdict on a partial whose signer has said the same before. What came straight and is gossiped now is passed on, as it
    /// was not before; what was verified only in a sum is looked at once more for that.
    fn knows(&self, signer: KeeperIndex, partial: &Partial, bytes: &[u8], source: Source) -> Option<Verdict> {
        let heard = self.heard.get(&signer).filter(|heard| heard.findings == partial.findings)?;
        match source {
            Source::Gossip(_) | Source::Answer(_) if !heard.is_alone => None,
            Source::Gossip(_) if heard.is_straight && heard.bytes == bytes => Some(Verdict::Accept),
            Source::Gossip(_) | Source::Answer(_) | Source::Straight(..) => Some(Verdict::Ignore(Reason::Duplicate)),
        }
    }

    /// The aggregator of a partial's root, if its findings amount to it; costs no hashing for a root that is known. New
    /// roots are refused once there are as many as members: each member signs at most one, so more can only be noise.
    fn root_of(&mut self, partial: &Partial, basis: &Basis, domain: &Domain) -> Result<&mut Root, Fate> {
        let root = B256::from(partial.root.into_array());
        // Whoever signed it sees other blocks, unless this keeper is to see them yet.
        let elsewhere = Fate::Early(Awaits::Basis(partial.key()));
        let full = self.roots.len() > basis.committee.size();
        match self.roots.entry(root) {
            Entry::Occupied(known) => {
                if known.get().says(&partial.findings) {
                    Ok(known.into_mut())
                } else {
                    Err(elsewhere)
                }
            }
            Entry::Vacant(vacant) => {
                let reports = basis.reports(&partial.findings).ok_or(elsewhere)?;
                let leaves = Arc::new(Leaves::of(reports));
                if leaves.root() != root {
                    return Err(elsewhere);
                }
                if full {
                    return Err(Fate::Judged(Verdict::Ignore(Reason::OverLimit)));
                }
                Ok(vacant.insert(Root::new(leaves, basis, domain)))
            }
        }
    }

    /// The reports that findings amount to with their leaves, if somebody has said as much.
    pub(crate) fn leaves_of(&self, findings: &[Finding]) -> Option<Arc<Leaves>> {
        self.roots.values().find(|root| root.says(findings)).map(|root| Arc::clone(&root.leaves))
    }

    /// Counts this keeper's own partial. An abstaining one has no leaves and no BLS signature.
    pub(crate) fn take_own(
        &mut self,
        partial: &Partial,
        signed: Option<(Arc<Leaves>, Signature)>,
        bytes: &[u8],
        basis: &Basis,
        domain: &Domain,
    ) {
        let signer = KeeperIndex(partial.keeper);
        if let Some((leaves, signature)) = signed {
            let root = self.roots.entry(leaves.root());
            root.or_insert_with(|| Root::new(leaves, basis, domain)).aggregator.add_own(signer, signature);
        }
        let (findings, bytes) = (partial.findings.clone(), bytes.to_vec());
        self.heard.insert(signer, Heard { findings, bytes, is_alone: true, is_straight: false });
    }

    /// Whether pending signatures should be checked now: their time has come, they may complete a quorum, or they are the last
    /// to be added.
    pub(crate) fn should_verify(&self, basis: &Basis, now: Time) -> bool {
        self.verify_at.is_some_and(|at| now >= at)
            || self.roots.values().any(|root| root.aggregator.is_promising(basis.quorum_bps))
            || self.has_all_to_sum(basis)
    }

    fn has_all_to_sum(&self, basis: &Basis) -> bool {
        let summing: SignerSet = self.roots.values().flat_map(|root| root.aggregator.summing()).collect();
        !summing.is_empty()
            && summing.iter().chain(self.heard().iter()).collect::<SignerSet>().count() >= members(basis)
    }

    /// When pending signatures are to be checked at the latest; `None` if there are none.
    pub(crate) fn verify_at(&self) -> Option<Time> {
        self.verify_at
    }

    /// Checks all pending signatures and gives the verdicts, with what each valid one says.
    pub(crate) fn verify(&mut self, mut weight: impl FnMut() -> u64) -> Vec<Verified> {
        self.verify_at = None;
        let mut results = Vec::new();
        for root in self.roots.values_mut() {
            for checked in root.aggregator.verify(&mut weight) {
                let (signer, proof) = (checked.signer, checked.proof);
                let Candidate { source, findings, signature, bytes } = checked.tag;
                if proof == Proof::None {
                    let verdict = Verdict::Reject(Reason::InvalidSignature);
                    results.push(Verified { source, verdict, said: None });
                    continue;
                }
                let differs =
                    |heard: &Heard| heard.findings != findings && !heard.findings.iter().any(Finding::abstains);
                let is_alone = proof == Proof::Alone;
                let verdict = if self.heard.get(&signer).is_some_and(differs) {
                    Verdict::Ignore(Reason::Conflicting)
                } else {
                    let is_straight = matches!(source, Source::Straight(..));
                    self.heard.insert(signer, Heard { findings, bytes, is_alone, is_straight });
                    Verdict::Accept
                };
                let said = Some(Said { signer, leaves: Arc::clone(&root.leaves), signature, is_alone });
                results.push(Verified { source, verdict, said });
            }
        }
        self.roots.retain(|_, root| root.aggregator.stake() > 0 || root.aggregator.has_pending());
        results
    }

    /// Gives up on partials whose signatures nobody has looked at; returns how they came.
    pub(crate) fn give_up(&mut self) -> Vec<Source> {
        let pending = self.roots.values_mut().flat_map(|root| root.aggregator.drop_pending());
        pending.map(|candidate| candidate.source).collect()
    }

    /// The certificate of the root that has a quorum, with every signer known so far (rule 8).
    pub(crate) fn certify(&self, basis: &Basis) -> Option<Certificate> {
        self.roots.values().find_map(|root| {
            let (signers, signature) = root.aggregator.aggregate(basis.quorum_bps)?;
            let reports = root.leaves.reports.clone();
            Some(Certificate { epoch: basis.committee.epoch(), reports, signers, signature })
        })
    }

    /// Whether every member has been heard.
    pub(crate) fn is_complete(&self, basis: &Basis) -> bool {
        self.heard.len() >= members(basis)
    }

    /// Whether no root can reach the quorum, whatever the members that were not heard yet say (rule 9).
    pub(crate) fn is_hopeless(&self, basis: &Basis) -> bool {
        let heard = basis.stake_of(&self.heard());
        let best = self.roots.values().map(|root| root.aggregator.stake()).max().unwrap_or(0);
        basis.blocks_quorum(heard - best.min(heard))
    }

    /// Whose partials, abstaining ones included, are known.
    pub(crate) fn heard(&self) -> SignerSet {
        self.heard.keys().copied().collect()
    }

    /// The bytes of a signer's verified partial, for its signer and for proofs, who look at it themselves.
    pub(crate) fn partial_of(&self, signer: KeeperIndex) -> Option<&[u8]> {
        self.heard.get(&signer).map(|heard| heard.bytes.as_slice())
    }

    /// The bytes of the partials of all signers not in `known`, as far as each is good alone: who hands it out answers for it.
    pub(crate) fn partials_beyond(&self, known: SignerSet) -> impl Iterator<Item = &[u8]> {
        let beyond = self.heard.iter().filter(move |(signer, heard)| heard.is_alone && !known.contains(**signer));
        beyond.map(|(_, heard)| heard.bytes.as_slice())
    }
}

/// How many have stake.
fn members(basis: &Basis) -> usize {
    basis.committee.members().iter().filter(|member| member.stake > 0).count()
}

#[cfg(test)]
mod tests;

//! What the keepers have said of a batch, and how much stake stands behind each root.
//!
//! Keepers may disagree on what the tasks of a batch produced, so there is one [`Aggregator`] per distinct root and at
//! most one verified partial per signer. When no root can reach the quorum any more the batch has failed, and
//! [`Count::agreed`] says which of its tasks a quorum would sign together.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use alloy_primitives::B256;

use super::basis::Basis;
use crate::aggregator::{Added, Aggregator};
use crate::bls::Signature;
use crate::certificate::Certificate;
use crate::committee::{KeeperIndex, SignerSet};
use crate::fault::{Awaits, Fate, Reason, Verdict};
use crate::message::{Finding, Partial, Source};
use crate::report::{Domain, Leaves, Report};
use crate::task::Task;
use crate::time::{Time, VERIFY_DELAY};

#[derive(Clone, Debug)]
struct Heard {
    findings: Vec<Finding>,
    bytes: Vec<u8>,
}

/// A partial that waits for its signature to be checked.
#[derive(Clone, Debug)]
struct Candidate {
    source: Source,
    findings: Vec<Finding>,
    signature: Signature,
    bytes: Vec<u8>,
}

/// A partial after its signature was checked.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    /// How it came.
    pub(crate) source: Source,
    /// What becomes of that.
    pub(crate) verdict: Verdict,
    /// What its signer has said by it; `None` if the signature is not the signer's.
    pub(crate) said: Option<(KeeperIndex, Arc<Leaves>, Signature)>,
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
        if self.heard.get(&signer).is_some_and(|heard| heard.findings == partial.findings) {
            return Fate::Judged(Verdict::Ignore(Reason::Duplicate));
        }
        /* -------- signature -------- */
        if partial.abstains() {
            let Ok(signature) = <&[u8; 64]>::try_from(partial.signature.as_slice()) else {
                return Fate::Judged(Verdict::Reject(Reason::OutOfBounds));
            };
            if !member.peer_key.has_signed(partial.abstention_hash(domain), signature) {
                return Fate::Judged(Verdict::Reject(Reason::InvalidPeerSignature));
            }
            if self.heard.contains_key(&signer) {
                return Fate::Judged(Verdict::Ignore(Reason::Conflicting));
            }
            self.heard.insert(signer, Heard { findings: partial.findings.clone(), bytes: bytes.to_vec() });
            return Fate::Judged(Verdict::Accept);
        }
        let Ok(signature) = Signature::from_bytes(&partial.signature) else {
            return Fate::Judged(Verdict::Reject(Reason::InvalidPoint));
        };
        /* -------- process -------- */
        let candidate = Candidate { source, findings: partial.findings.clone(), signature, bytes: bytes.to_vec() };
        let root = match self.root_of(partial, basis, domain) {
            Ok(root) => root,
            Err(fate) => return fate,
        };
        match root.aggregator.add(signer, signature, candidate) {
            Added::Pending => {
                self.verify_at.get_or_insert(now.plus(VERIFY_DELAY));
                Fate::Pending
            }
            Added::Duplicate => Fate::Judged(Verdict::Ignore(Reason::Duplicate)),
            Added::NotMember => Fate::Judged(Verdict::Reject(Reason::NotMember)),
            Added::Full => Fate::Judged(Verdict::Ignore(Reason::OverLimit)),
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
        self.heard.insert(signer, Heard { findings: partial.findings.clone(), bytes: bytes.to_vec() });
    }

    /// Whether pending signatures should be checked now: their time has come, or they may complete a quorum.
    pub(crate) fn should_verify(&self, basis: &Basis, now: Time) -> bool {
        self.verify_at.is_some_and(|at| now >= at)
            || self.roots.values().any(|root| root.aggregator.is_promising(basis.quorum_bps))
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
                let Candidate { source, findings, signature, bytes } = checked.tag;
                if !checked.valid {
                    let verdict = Verdict::Reject(Reason::InvalidSignature);
                    results.push(Verified { source, verdict, said: None });
                    continue;
                }
                let differs =
                    |heard: &Heard| heard.findings != findings && !heard.findings.iter().any(Finding::abstains);
                let verdict = if self.heard.get(&checked.signer).is_some_and(differs) {
                    Verdict::Ignore(Reason::Conflicting)
                } else {
                    self.heard.insert(checked.signer, Heard { findings, bytes });
                    Verdict::Accept
                };
                let said = Some((checked.signer, Arc::clone(&root.leaves), signature));
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
        let members = basis.committee.members().iter().filter(|member| member.stake > 0).count();
        self.heard.len() >= members
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

    /// The bytes of a signer's verified partial.
    pub(crate) fn partial_of(&self, signer: KeeperIndex) -> Option<&[u8]> {
        self.heard.get(&signer).map(|heard| heard.bytes.as_slice())
    }

    /// The bytes of the partials of all signers not in `known`.
    pub(crate) fn partials_beyond(&self, known: SignerSet) -> impl Iterator<Item = &[u8]> {
        self.heard.iter().filter(move |(signer, _)| !known.contains(**signer)).map(|(_, heard)| heard.bytes.as_slice())
    }

    /// The tasks that one quorum reports on alike, largest support first, as long as the same keepers carry them all.
    pub(crate) fn agreed(&self, basis: &Basis) -> Vec<Task> {
        let mut supports: Vec<(usize, SignerSet)> = (0..basis.tasks.len())
            .filter_map(|position| Some((position, self.largest_support(position, basis)?)))
            .collect();
        supports.sort_by_key(|(position, signers)| (std::cmp::Reverse(basis.stake_of(signers)), *position));
        let mut carriers: Option<SignerSet> = None;
        let mut agreed = Vec::new();
        for (position, signers) in supports {
            let common: SignerSet = match &carriers {
                None => signers,
                Some(carriers) => signers.iter().filter(|&index| carriers.contains(index)).collect(),
            };
            if basis.is_quorum(basis.stake_of(&common)) {
                carriers = Some(common);
                agreed.push(position);
            }
        }
        agreed.sort_unstable();
        agreed.into_iter().map(|position| basis.tasks[position]).collect()
    }

    fn largest_support(&self, position: usize, basis: &Basis) -> Option<SignerSet> {
        let mut supports: BTreeMap<&Finding, SignerSet> = BTreeMap::new();
        for (&signer, heard) in &self.heard {
            let finding = heard.findings.get(position).filter(|finding| !finding.abstains());
            if let Some(finding) = finding {
                supports.entry(finding).or_default().insert(signer);
            }
        }
        supports.into_values().max_by_key(|signers| basis.stake_of(signers))
    }
}

#[cfg(test)]
mod tests;

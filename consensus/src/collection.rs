//! One planned batch on its way from partials to a certificate to the chain.
//!
//! Keepers may disagree on what the tasks of a batch produced, so there is one [`Aggregator`] per distinct root and at
//! most one verified partial per signer. When no root can reach the quorum any more the batch has failed, and
//! [`Collection::agreed`] says which of its tasks a quorum would sign together.
//!
//! Whose turn it is to submit is counted from the local moment of quorum, never from a wall clock: a keeper that
//! finished late does not believe that others have missed their turns.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use alloy_primitives::B256;

use crate::aggregator::{Added, Aggregator};
use crate::bls::Signature;
use crate::certificate::Certificate;
use crate::committee::{Committee, KeeperIndex, SignerSet};
use crate::effect::{BatchKey, PersistToken, SignRecord};
use crate::fault::{Reason, Verdict};
use crate::input::MessageTag;
use crate::merkle;
use crate::message::{Finding, Partial, is_signed_by};
use crate::report::{Anchor, Domain, Report};
use crate::task::Task;
use crate::time::{FAST_SKIP, GRACE, Time, VERIFY_DELAY};

/// What the reports of a batch rest on; known once all its anchors are certain.
#[derive(Clone, Debug)]
pub struct Basis {
    /// The anchor of each task.
    pub anchors: Vec<Anchor>,
    /// The committee of the epoch active at all of them.
    pub committee: Arc<Committee>,
    /// The largest quorum any of the jobs asks for.
    pub quorum_bps: u16,
}

/// Where this keeper's own partial is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// Not made yet.
    Silent,
    /// Made, and waiting for the journal.
    Persisting(PersistToken),
    /// Sent, at this time.
    Spoken(Time),
}

#[derive(Clone, Debug)]
struct Heard {
    findings: Vec<Finding>,
    bytes: Vec<u8>,
}

/// A partial that waits for its signature to be checked.
#[derive(Clone, Debug)]
struct Candidate {
    message: Option<MessageTag>,
    findings: Vec<Finding>,
    signature: Signature,
    bytes: Vec<u8>,
}

/// A partial after its signature was checked.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The gossip message it came as.
    pub message: Option<MessageTag>,
    /// What becomes of that.
    pub verdict: Verdict,
    /// What its signer has said by it; `None` if the signature is not the signer's.
    pub said: Option<(KeeperIndex, Arc<Leaves>, Signature)>,
}

/// What a root stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaves {
    /// The reports, in the order of the batch.
    pub reports: Vec<Report>,
    /// Their leaves: hashed once, needed for every signer.
    pub hashes: Vec<B256>,
}

impl Leaves {
    /// Hashes reports.
    pub fn of(reports: Vec<Report>) -> Self {
        let hashes = reports.iter().map(Report::leaf).collect();
        Self { reports, hashes }
    }

    /// The root above them.
    pub fn root(&self) -> B256 {
        merkle::root(&self.hashes)
    }

    /// What the journal must hold before the root is signed.
    pub fn records(&self) -> Vec<SignRecord> {
        self.reports.iter().zip(&self.hashes).map(|(report, &leaf)| SignRecord::new(report, leaf)).collect()
    }
}

#[derive(Clone, Debug)]
struct Root {
    leaves: Arc<Leaves>,
    aggregator: Aggregator<Candidate>,
}

/// Who assigned a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The window it was assigned for.
    pub window: u64,
    /// The stage its leader led at.
    pub stage: u8,
    /// The leader.
    pub leader: KeeperIndex,
}

/// Whose turn it is to submit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Place in the line, counted from the stage that assigned the batch.
    pub place: usize,
    /// When the turn began.
    pub opened: Time,
    /// Whether this keeper has submitted in it.
    pub sent: bool,
}

/// What became of a partial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// A verdict at once.
    Judged(Verdict),
    /// The verdict follows when signatures are checked.
    Pending,
    /// The anchors are not known yet: try again.
    TooEarly,
}

/// The state of one planned batch.
#[derive(Clone, Debug)]
pub struct Collection {
    /// Its name.
    pub key: BatchKey,
    /// Its tasks, in the order of the leaves.
    pub tasks: Vec<Task>,
    /// Which try at them it is.
    pub attempt: u8,
    /// Who assigned it.
    pub place: Place,
    /// What its reports rest on.
    pub basis: Option<Basis>,
    /// This keeper's own partial.
    pub own: Own,
    /// The first certificate of it, and when it was there.
    pub certificate: Option<(Certificate, Time)>,
    /// Whose turn it is to submit, once there is a certificate.
    pub turn: Option<Turn>,
    /// When it became clear that no root reaches the quorum.
    pub failed: Option<Time>,
    /// When what is pending is to be verified.
    pub verify_at: Option<Time>,
    /// When a peer was last asked for what is missing.
    pub asked: Option<Time>,
    heard: BTreeMap<KeeperIndex, Heard>,
    roots: BTreeMap<B256, Root>,
}

impl Collection {
    /// A batch nobody has signed yet.
    pub fn new(key: BatchKey, tasks: Vec<Task>, attempt: u8, place: Place) -> Self {
        Self {
            key,
            tasks,
            attempt,
            place,
            basis: None,
            own: Own::Silent,
            certificate: None,
            turn: None,
            failed: None,
            verify_at: None,
            asked: None,
            heard: BTreeMap::new(),
            roots: BTreeMap::new(),
        }
    }

    /// Takes in a partial whose shape has been checked ([`Partial::is_well_formed`]). Origin, then signature.
    pub fn take(
        &mut self,
        partial: &Partial,
        bytes: &[u8],
        message: Option<MessageTag>,
        domain: &Domain,
        now: Time,
    ) -> Taken {
        let Some(basis) = &self.basis else {
            return Taken::TooEarly;
        };
        /* -------- origin -------- */
        let signer = KeeperIndex(partial.keeper);
        let Some(member) = basis.committee.member(signer) else {
            return Taken::Judged(Verdict::Reject(Reason::NotMember));
        };
        if partial.findings.len() != self.tasks.len() {
            return Taken::Judged(Verdict::Reject(Reason::WrongBatch));
        }
        if self.heard.get(&signer).is_some_and(|heard| heard.findings == partial.findings) {
            return Taken::Judged(Verdict::Ignore(Reason::Duplicate));
        }
        /* -------- signature -------- */
        if partial.abstains() {
            let Ok(signature) = <&[u8; 64]>::try_from(partial.signature.as_slice()) else {
                return Taken::Judged(Verdict::Reject(Reason::OutOfBounds));
            };
            if !is_signed_by(partial.abstention_hash(domain), signature, member.peer_key) {
                return Taken::Judged(Verdict::Reject(Reason::InvalidPeerSignature));
            }
            if self.heard.contains_key(&signer) {
                return Taken::Judged(Verdict::Ignore(Reason::Conflicting));
            }
            self.heard.insert(signer, Heard { findings: partial.findings.clone(), bytes: bytes.to_vec() });
            return Taken::Judged(Verdict::Accept);
        }
        let Ok(signature) = Signature::from_bytes(&partial.signature) else {
            return Taken::Judged(Verdict::Reject(Reason::InvalidPoint));
        };
        /* -------- process -------- */
        let candidate = Candidate { message, findings: partial.findings.clone(), signature, bytes: bytes.to_vec() };
        let root = match self.root_of(&partial.findings, B256::from(partial.root.into_array()), domain) {
            Ok(root) => root,
            Err(taken) => return taken,
        };
        match root.aggregator.add(signer, signature, candidate) {
            Added::Pending => {
                self.verify_at.get_or_insert(now.plus(VERIFY_DELAY));
                Taken::Pending
            }
            Added::Duplicate => Taken::Judged(Verdict::Ignore(Reason::Duplicate)),
            Added::NotMember => Taken::Judged(Verdict::Reject(Reason::NotMember)),
            Added::Full => Taken::Judged(Verdict::Ignore(Reason::OverLimit)),
        }
    }

    /// The aggregator of a root, if these findings amount to it; costs no hashing for a root that is known. New roots are
    /// refused once there are as many as members: each member signs at most one, so more can only be noise.
    fn root_of(&mut self, findings: &[Finding], root: B256, domain: &Domain) -> Result<&mut Root, Taken> {
        let full = self.basis.as_ref().is_none_or(|basis| self.roots.len() > basis.committee.size());
        match self.roots.entry(root) {
            Entry::Occupied(known) => {
                let said = |report: &Report| Some((report.status, report.outcome_hash));
                let same = known.get().leaves.reports.iter().map(said).eq(findings.iter().map(Finding::report));
                if same { Ok(known.into_mut()) } else { Err(Taken::TooEarly) }
            }
            Entry::Vacant(vacant) => {
                let basis = self.basis.as_ref().ok_or(Taken::TooEarly)?;
                let reports = reports(&self.tasks, &basis.anchors, findings).ok_or(Taken::TooEarly)?;
                let leaves = Arc::new(Leaves::of(reports));
                if leaves.root() != root {
                    return Err(Taken::TooEarly);
                }
                if full {
                    return Err(Taken::Judged(Verdict::Ignore(Reason::OverLimit)));
                }
                let digest = domain.batch_digest(basis.committee.epoch(), root);
                let aggregator = Aggregator::new(digest, Arc::clone(&basis.committee));
                Ok(vacant.insert(Root { leaves, aggregator }))
            }
        }
    }

    /// Counts this keeper's own partial. An abstaining one has no BLS signature.
    pub fn take_own(&mut self, partial: &Partial, signature: Option<Signature>, bytes: &[u8], domain: &Domain) {
        let signer = KeeperIndex(partial.keeper);
        if let Some(signature) = signature
            && let Ok(root) = self.root_of(&partial.findings, B256::from(partial.root.into_array()), domain)
        {
            root.aggregator.add_own(signer, signature);
        }
        self.heard.insert(signer, Heard { findings: partial.findings.clone(), bytes: bytes.to_vec() });
    }

    /// Whether pending signatures should be checked now: their time has come, or they may complete a quorum.
    pub fn should_verify(&self, now: Time) -> bool {
        let Some(basis) = &self.basis else {
            return false;
        };
        self.verify_at.is_some_and(|at| now >= at)
            || self.roots.values().any(|root| root.aggregator.is_promising(basis.quorum_bps))
    }

    /// Checks all pending signatures and gives the verdicts, with what each valid one says.
    pub fn verify(&mut self, mut coefficient: impl FnMut() -> u64) -> Vec<Verified> {
        self.verify_at = None;
        let mut results = Vec::new();
        for root in self.roots.values_mut() {
            for checked in root.aggregator.verify(&mut coefficient) {
                let Candidate { message, findings, signature, bytes } = checked.tag;
                if !checked.valid {
                    let verdict = Verdict::Reject(Reason::InvalidSignature);
                    results.push(Verified { message, verdict, said: None });
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
                results.push(Verified { message, verdict, said });
            }
        }
        self.roots.retain(|_, root| root.aggregator.stake() > 0 || root.aggregator.has_pending());
        results
    }

    /// The bytes of a signer's verified partial.
    pub fn partial_of(&self, signer: KeeperIndex) -> Option<&[u8]> {
        self.heard.get(&signer).map(|heard| heard.bytes.as_slice())
    }

    /// Starts over, because the chain has moved under it: its anchors are others now, and nothing said counts for them.
    /// Returns the messages that had no verdict yet.
    pub fn reset(&mut self) -> Vec<MessageTag> {
        let unjudged = self.unjudged();
        let (key, attempt, place) = (self.key, self.attempt, self.place);
        *self = Self::new(key, std::mem::take(&mut self.tasks), attempt, place);
        unjudged
    }

    /// Gives up on partials whose signatures nobody has looked at; returns the messages they came as.
    pub fn unjudged(&mut self) -> Vec<MessageTag> {
        let pending = self.roots.values_mut().flat_map(|root| root.aggregator.drop_pending());
        pending.filter_map(|candidate| candidate.message).collect()
    }

    /// The certificate of the root that has a quorum, with every signer known so far.
    pub fn certify(&self) -> Option<Certificate> {
        let basis = self.basis.as_ref()?;
        self.roots.values().find_map(|root| {
            let (signers, signature) = root.aggregator.aggregate(basis.quorum_bps)?;
            Some(Certificate {
                epoch: basis.committee.epoch(),
                reports: root.leaves.reports.clone(),
                signers,
                signature,
            })
        })
    }

    /// Whether every member has been heard.
    pub fn is_complete(&self) -> bool {
        let members = |basis: &Basis| basis.committee.members().iter().filter(|member| member.stake > 0).count();
        self.basis.as_ref().is_some_and(|basis| self.heard.len() >= members(basis))
    }

    /// Whether no root can reach the quorum, whatever the members that were not heard yet say.
    pub fn is_hopeless(&self) -> bool {
        let Some(basis) = &self.basis else {
            return false;
        };
        let heard = basis.committee.stake_of(&self.heard()).unwrap_or(0);
        let best = self.roots.values().map(|root| root.aggregator.stake()).max().unwrap_or(0);
        basis.committee.blocks_quorum(heard - best.min(heard), basis.quorum_bps)
    }

    /// Whose partials, abstaining ones included, are known.
    pub fn heard(&self) -> SignerSet {
        self.heard.keys().copied().collect()
    }

    /// The bytes of the partials of all signers not in `known`.
    pub fn partials_beyond(&self, known: &SignerSet) -> impl Iterator<Item = &Vec<u8>> {
        let known = *known;
        self.heard.iter().filter(move |(signer, _)| !known.contains(**signer)).map(|(_, heard)| &heard.bytes)
    }

    /// The tasks that one quorum reports on alike, largest support first, as long as the same keepers carry them all.
    pub fn agreed(&self) -> Vec<Task> {
        let Some(basis) = &self.basis else {
            return Vec::new();
        };
        let stake = |signers: &SignerSet| basis.committee.stake_of(signers).unwrap_or(0);
        let mut supports: Vec<(usize, SignerSet)> = (0..self.tasks.len())
            .filter_map(|position| Some((position, self.largest_support(position, &stake)?)))
            .collect();
        supports.sort_by_key(|(position, signers)| (std::cmp::Reverse(stake(signers)), *position));
        let mut carriers: Option<SignerSet> = None;
        let mut agreed = Vec::new();
        for (position, signers) in supports {
            let common: SignerSet = match &carriers {
                None => signers,
                Some(carriers) => signers.iter().filter(|&index| carriers.contains(index)).collect(),
            };
            if basis.committee.is_quorum(stake(&common), basis.quorum_bps) {
                carriers = Some(common);
                agreed.push(position);
            }
        }
        agreed.sort_unstable();
        agreed.into_iter().map(|position| self.tasks[position]).collect()
    }

    fn largest_support(&self, position: usize, stake: &impl Fn(&SignerSet) -> u128) -> Option<SignerSet> {
        let mut supports: BTreeMap<&Finding, SignerSet> = BTreeMap::new();
        for (&signer, heard) in &self.heard {
            let finding = heard.findings.get(position).filter(|finding| !finding.abstains());
            if let Some(finding) = finding {
                supports.entry(finding).or_default().insert(signer);
            }
        }
        supports.into_values().max_by_key(|signers| stake(signers))
    }

    /// Moves the turn on: a turn ends when its keeper has shown itself silent, or when its time is up.
    pub fn advance_turn(&mut self, now: Time, line: &[KeeperIndex], stage: u64) -> Option<Turn> {
        let mut turn = self.turn?;
        while let Some(&keeper) = line.get(turn.place % line.len().max(1)) {
            let length = if self.heard.contains_key(&keeper) { stage } else { FAST_SKIP };
            let end = turn.opened.plus(length);
            if now < end {
                break;
            }
            turn = Turn { place: turn.place + 1, opened: end, sent: false };
        }
        self.turn = Some(turn);
        Some(turn)
    }

    /// When the keeper whose turn it is submits: the first in line waits a little for further signers.
    pub fn submit_at(&self, turn: &Turn) -> Time {
        if turn.place == 0 && !self.is_complete() { turn.opened.plus(GRACE) } else { turn.opened }
    }
}

/// The reports that findings amount to; `None` if one abstains or is malformed.
pub fn reports(tasks: &[Task], anchors: &[Anchor], findings: &[Finding]) -> Option<Vec<Report>> {
    let rows = tasks.iter().zip(anchors).zip(findings);
    rows.map(|((&task, &anchor), finding)| {
        let (status, outcome_hash) = finding.report()?;
        Some(Report { task, anchor, input_set: B256::ZERO, status, outcome_hash })
    })
    .collect()
}

#[cfg(test)]
mod tests;

//! Partials of one root on their way to a certificate.
//!
//! # How it works
//!
//! A partial is first only *pending*: its signer and shape are right, its signature has not been looked at. What is pending
//! is verified together and, if that fails, halved until the bad ones stand alone. So k bad ones cost about k * log2(n)
//! checks, and nobody is blamed from an unverified part. There are two ways to verify together:
//!
//! * *Weighted*, for what came by gossip and is passed on to others: one pairing equation under random weights
//!   ([`crate::bls::verify_same_message`]). What holds so holds alone ([`Proof::Alone`]).
//! * *Summed*, for what its signer sent straight to this keeper, which passes it on to nobody: the plain sum of the points,
//!   its subgroup and one pairing equation. It costs less than half, and says that all of it together is what the signers
//!   together have signed ([`Proof::InSum`]): enough for a certificate, and for nothing else (`aggregator/sum.rs`).
//!
//! After poanetwork/hbbft `threshold_sign`, with the batch check of lighthouse's attestation verification.

mod sum;
mod weights;

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::B256;

use crate::bls::{Point, PublicKey, Signature, sum_points, verify_same_message};
use crate::committee::{Committee, KeeperIndex, SignerSet};
use crate::laws::Laws;

pub use weights::Weights;

/// How many unverified partials may claim one signer at a time: garbage cannot shadow the honest one, nor pile up.
const PENDING_PER_SIGNER: usize = 2;

/// What became of a partial that was handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It waits for verification.
    Pending,
    /// This signer has a verified one already.
    Duplicate,
    /// The signer is not a member of the committee.
    NotMember,
    /// Too many unverified ones claim this signer; try again after the next verification.
    Full,
}

/// What a check has said of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It is the signer's.
    Alone,
    /// The sum that it is in is its signers': it counts, and says nothing by itself.
    InSum,
    /// It is not the signer's.
    None,
}

/// A partial whose signature has been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked<T> {
    /// What the caller gave with the partial.
    pub tag: T,
    /// The signer it claims.
    pub signer: KeeperIndex,
    /// What the look has said.
    pub proof: Proof,
}

impl<T> Checked<T> {
    /// Whether it counts.
    pub fn is_valid(&self) -> bool {
        self.proof != Proof::None
    }
}

/// A partial nobody has looked at: `S` is what its bytes have been read as.
#[derive(Clone, Debug)]
struct Pending<T, S> {
    tag: T,
    signer: KeeperIndex,
    key: PublicKey,
    signature: S,
}

/// A verified partial.
#[derive(Clone, Copy, Debug)]
struct Counted {
    point: Point,
    is_alone: bool,
}

/// Collects the partials of one batch root; `T` is whatever the caller wants back with the verdict on one.
#[derive(Clone, Debug)]
pub struct Aggregator<T> {
    digest: B256,
    committee: Arc<Committee>,
    laws: Arc<dyn Laws>,
    verified: BTreeMap<KeeperIndex, Counted>,
    verified_stake: u128,
    /// To be weighted.
    pending: Vec<Pending<T, Signature>>,
    /// To be summed; one of each signer.
    straight: Vec<Pending<T, Point>>,
    /// Whether somebody's point in a sum turned out wrong alone: nothing is summed any more.
    is_betrayed: bool,
}

impl<T: Clone> Aggregator<T> {
    /// An empty collection for `digest`, to be signed by `committee`.
    pub fn new(digest: B256, committee: Arc<Committee>, laws: Arc<dyn Laws>) -> Self {
        Self {
            digest,
            committee,
            laws,
            verified: BTreeMap::new(),
            verified_stake: 0,
            pending: Vec::new(),
            straight: Vec::new(),
            is_betrayed: false,
        }
    }

    /// Takes in a partial whose signature nobody has checked, to be verified as what is passed on: weighted.
    pub fn add(&mut self, signer: KeeperIndex, signature: Signature, tag: T) -> Added {
        let Some(member) = self.committee.member(signer) else {
            return Added::NotMember;
        };
        if self.verified.get(&signer).is_some_and(|counted| counted.is_alone) && !self.laws.counts_again() {
            return Added::Duplicate;
        }
        let claims = self.pending.iter().filter(|pending| pending.signer == signer);
        if claims.count() >= PENDING_PER_SIGNER {
            return Added::Full;
        }
        self.pending.push(Pending { tag, signer, key: member.key, signature });
        Added::Pending
    }

    /// Takes in a partial that its signer sent to this keeper alone, to be verified in a sum.
    pub fn add_straight(&mut self, signer: KeeperIndex, point: Point, tag: T) -> Added {
        let Some(member) = self.committee.member(signer) else {
            return Added::NotMember;
        };
        let waiting = self.straight.iter().find(|pending| pending.signer == signer);
        match waiting {
            _ if self.verified.contains_key(&signer) => Added::Duplicate,
            Some(pending) if pending.signature == point => Added::Duplicate,
            Some(_) => Added::Full,
            None => {
                self.straight.push(Pending { tag, signer, key: member.key, signature: point });
                Added::Pending
            }
        }
    }

    /// Takes in a signature this keeper made itself.
    pub fn add_own(&mut self, signer: KeeperIndex, signature: Signature) {
        self.count(signer, Counted { point: signature.into(), is_alone: true });
    }

    fn count(&mut self, signer: KeeperIndex, counted: Counted) {
        if let Some(member) = self.committee.member(signer) {
            let fresh = self.verified.insert(signer, counted).is_none();
            if fresh || self.laws.counts_again() {
                self.verified_stake += member.stake;
            }
        }
    }

    /// Verifies everything pending, and says of each partial whether it holds. `coefficient` draws the random weights.
    pub fn verify(&mut self, mut coefficient: impl FnMut() -> u64) -> Vec<Checked<T>> {
        let (pending, straight) = (std::mem::take(&mut self.pending), std::mem::take(&mut self.straight));
        let mut checked = Vec::with_capacity(pending.len() + straight.len());
        let pending = self.verify_straight(straight, pending, &mut checked);
        let signed: Vec<_> = pending.iter().map(|pending| (pending.key, pending.signature)).collect();
        let valid = self.weigh(&signed, &mut coefficient);
        for (Pending { tag, signer, signature, .. }, valid) in pending.into_iter().zip(valid) {
            let proof = if valid { Proof::Alone } else { Proof::None };
            if valid {
                self.count_alone(signer, signature, &mut coefficient);
            }
            checked.push(Checked { tag, signer, proof });
        }
        checked
    }

    /// Of each signature whether it is its key's.
    fn weigh(&self, signed: &[(PublicKey, Signature)], coefficient: &mut dyn FnMut() -> u64) -> Vec<bool> {
        let mut valid = Vec::with_capacity(signed.len());
        self.weigh_part(signed, coefficient, &mut valid);
        valid
    }

    fn weigh_part(&self, part: &[(PublicKey, Signature)], coefficient: &mut dyn FnMut() -> u64, valid: &mut Vec<bool>) {
        if part.is_empty() {
            return;
        }
        let coefficients: Vec<u64> = part.iter().map(|_| coefficient()).collect();
        let holds = self.laws.holds(verify_same_message(self.digest.as_slice(), part, &coefficients));
        if holds || part.len() == 1 {
            valid.extend(part.iter().map(|_| holds));
        } else {
            let (left, right) = part.split_at(part.len() / 2);
            self.weigh_part(left, coefficient, valid);
            self.weigh_part(right, coefficient, valid);
        }
    }

    /// Gives up on everything pending.
    pub fn drop_pending(&mut self) -> impl Iterator<Item = T> {
        let straight = std::mem::take(&mut self.straight).into_iter().map(|pending| pending.tag);
        std::mem::take(&mut self.pending).into_iter().map(|pending| pending.tag).chain(straight)
    }

    fn claimed(&self) -> impl Iterator<Item = KeeperIndex> {
        let straight = self.straight.iter().map(|pending| pending.signer);
        self.pending.iter().map(|pending| pending.signer).chain(straight)
    }

    /// Whether verifying what is pending could complete a quorum that is not there yet.
    pub fn is_promising(&self, quorum_bps: u16) -> bool {
        if !self.has_pending() || self.has_quorum(quorum_bps) {
            return false;
        }
        let signers: SignerSet = self.claimed().filter(|signer| !self.counts(*signer)).collect();
        let claimed: u128 = signers.iter().filter_map(|signer| Some(self.committee.member(signer)?.stake)).sum();
        self.laws.is_quorum(&self.committee, self.verified_stake + claimed, quorum_bps)
    }

    /// Whether a signer's partial counts.
    fn counts(&self, signer: KeeperIndex) -> bool {
        self.verified.contains_key(&signer) && !self.laws.counts_again()
    }

    /// Whether anything waits for verification.
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty() || !self.straight.is_empty()
    }

    /// Whose partials wait to be verified in a sum.
    pub fn summing(&self) -> impl Iterator<Item = KeeperIndex> {
        self.straight.iter().map(|pending| pending.signer)
    }

    /// Whether the verified partials carry the quorum.
    pub fn has_quorum(&self, quorum_bps: u16) -> bool {
        self.laws.is_quorum(&self.committee, self.verified_stake, quorum_bps)
    }

    /// Stake whose partials are verified.
    pub fn stake(&self) -> u128 {
        self.verified_stake
    }

    /// Whose partials are verified.
    pub fn signers(&self) -> SignerSet {
        self.verified.keys().copied().collect()
    }

    /// Sum of the verified signatures; `None` below the quorum, or if they cancel out to infinity.
    pub fn aggregate(&self, quorum_bps: u16) -> Option<(SignerSet, Signature)> {
        if !self.has_quorum(quorum_bps) {
            return None;
        }
        let points: Vec<Point> = self.verified.values().map(|counted| counted.point).collect();
        Some((self.signers(), sum_points(&points)?))
    }
}

#[cfg(test)]
mod tests;

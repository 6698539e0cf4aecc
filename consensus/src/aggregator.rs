//! Partials of one root on their way to a certificate.
//!
//! # How it works
//!
//! A partial is first only *pending*: its signer and shape are right, its signature has not been looked at. Pending
//! partials are verified together, with one pairing equation under random weights ([`crate::bls::verify_same_message`]);
//! only if that fails are they halved until the bad ones stand alone. So the good case costs two pairings however many
//! keepers sign, nobody is counted or blamed from an unverified part, and k bad ones cost about k * log2(n) checks.
//!
//! After poanetwork/hbbft `threshold_sign`, with the batch check of lighthouse's attestation verification.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::{B256, keccak256};

use crate::bls::{PublicKey, Signature, aggregate_signatures, verify_same_message};
use crate::committee::{Committee, KeeperIndex, SignerSet};
use crate::laws::Laws;

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

/// A partial whose signature has been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked<T> {
    /// What the caller gave with the partial.
    pub tag: T,
    /// The signer it claims.
    pub signer: KeeperIndex,
    /// Whether the signature is the signer's.
    pub valid: bool,
}

#[derive(Clone, Debug)]
struct Pending<T> {
    tag: T,
    signer: KeeperIndex,
    key: PublicKey,
    signature: Signature,
}

/// Collects the partials of one batch root; `T` is whatever the caller wants back with the verdict on one.
#[derive(Clone, Debug)]
pub struct Aggregator<T> {
    digest: B256,
    committee: Arc<Committee>,
    laws: Arc<dyn Laws>,
    verified: BTreeMap<KeeperIndex, Signature>,
    verified_stake: u128,
    pending: Vec<Pending<T>>,
}

impl<T: Clone> Aggregator<T> {
    /// An empty collection for `digest`, to be signed by `committee`.
    pub fn new(digest: B256, committee: Arc<Committee>, laws: Arc<dyn Laws>) -> Self {
        Self { digest, committee, laws, verified: BTreeMap::new(), verified_stake: 0, pending: Vec::new() }
    }

    /// Takes in a partial whose signature nobody has checked.
    pub fn add(&mut self, signer: KeeperIndex, signature: Signature, tag: T) -> Added {
        let Some(member) = self.committee.member(signer) else {
            return Added::NotMember;
        };
        if self.verified.contains_key(&signer) && !self.laws.counts_again() {
            return Added::Duplicate;
        }
        let claims = self.pending.iter().filter(|pending| pending.signer == signer);
        if claims.count() >= PENDING_PER_SIGNER {
            return Added::Full;
        }
        self.pending.push(Pending { tag, signer, key: member.key, signature });
        Added::Pending
    }

    /// Takes in a signature this keeper made itself.
    pub fn add_own(&mut self, signer: KeeperIndex, signature: Signature) {
        if let Some(member) = self.committee.member(signer) {
            let fresh = self.verified.insert(signer, signature).is_none();
            if fresh || self.laws.counts_again() {
                self.verified_stake += member.stake;
            }
        }
    }

    /// Verifies everything pending, and says of each partial whether it holds. `coefficient` draws the random weights.
    pub fn verify(&mut self, mut coefficient: impl FnMut() -> u64) -> Vec<Checked<T>> {
        let pending = std::mem::take(&mut self.pending);
        let mut checked = Vec::with_capacity(pending.len());
        self.verify_part(&pending, &mut coefficient, &mut checked);
        checked
    }

    fn verify_part(&mut self, part: &[Pending<T>], coefficient: &mut dyn FnMut() -> u64, out: &mut Vec<Checked<T>>) {
        if part.is_empty() {
            return;
        }
        let signed: Vec<_> = part.iter().map(|pending| (pending.key, pending.signature)).collect();
        let coefficients: Vec<u64> = signed.iter().map(|_| coefficient()).collect();
        let valid = verify_same_message(self.digest.as_slice(), &signed, &coefficients);
        let valid = self.laws.holds(valid);
        if valid || part.len() == 1 {
            for pending in part {
                if valid {
                    self.add_own(pending.signer, pending.signature);
                }
                out.push(Checked { tag: pending.tag.clone(), signer: pending.signer, valid });
            }
        } else {
            let (left, right) = part.split_at(part.len() / 2);
            self.verify_part(left, coefficient, out);
            self.verify_part(right, coefficient, out);
        }
    }

    /// Gives up on everything pending.
    pub fn drop_pending(&mut self) -> impl Iterator<Item = T> {
        std::mem::take(&mut self.pending).into_iter().map(|pending| pending.tag)
    }

    /// Whether verifying what is pending could complete a quorum that is not there yet.
    pub fn is_promising(&self, quorum_bps: u16) -> bool {
        if self.pending.is_empty() || self.has_quorum(quorum_bps) {
            return false;
        }
        let signers: SignerSet = self.pending.iter().map(|pending| pending.signer).collect();
        let claimed: u128 = signers.iter().filter_map(|signer| Some(self.committee.member(signer)?.stake)).sum();
        self.laws.is_quorum(&self.committee, self.verified_stake + claimed, quorum_bps)
    }

    /// Whether anything waits for verification.
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
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
        let signatures: Vec<Signature> = self.verified.values().copied().collect();
        Some((self.signers(), aggregate_signatures(&signatures)?))
    }
}

/// Where the random weights of batch verification come from: hashed from a seed that nobody else knows, so that equal
/// inputs give equal runs.
#[derive(Clone)]
pub struct Weights {
    seed: [u8; 32],
    drawn: u64,
    /// The hash that the next ones are cut from: it is long enough for four.
    hash: B256,
}

impl Weights {
    /// Weights from 32 secret random bytes.
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0, hash: B256::ZERO }
    }

    /// The next one.
    pub fn draw(&mut self) -> u64 {
        let place = (self.drawn % 4) as usize;
        if place == 0 {
            let mut bytes = [0; 40];
            bytes[..32].copy_from_slice(&self.seed);
            bytes[32..].copy_from_slice(&self.drawn.to_be_bytes());
            self.hash = keccak256(bytes);
        }
        self.drawn += 1;
        self.hash.as_chunks().0.get(place).map_or(0, |chunk| u64::from_be_bytes(*chunk))
    }
}

impl std::fmt::Debug for Weights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Weights({} drawn)", self.drawn)
    }
}

#[cfg(test)]
mod tests;

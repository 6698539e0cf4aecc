//! Partials verified in a plain sum: why that is enough for a certificate, and for nothing else.
//!
//! Two colluders may send `s1 + d` and `s2 - d`: neither is a signature, and the sum is right. A certificate is nothing but a
//! sum, and this one is as true as any: nobody but the two can have made it without both of their keys (every key is
//! registered with a proof of possession), so both have signed, and nobody else is in it who has not. What their parts are
//! worth alone is another matter, so whatever rests on one signature alone waits for [`Proof::Alone`]: blame, evidence,
//! and handing a partial to a peer, which would find it wrong and hold that against this keeper.
//!
//! What counts in a sum may be shown alone later (its signer gossips it too). If that is the same point, the rest of the sum
//! is as right as before. If it is another one, the first was wrong alone, and whoever was in the sum with it is looked at
//! again, weighted; at that root nothing is summed any more. Without that a colluder could have the true `s1` put in the
//! place of `s1 + d`, and what is left would be no certificate. For the same reason a signer has one point in a sum.

use super::{Aggregator, Checked, Counted, Pending, Proof};
use crate::bls::{Point, PublicKey, Signature, aggregate_keys, sum_points};
use crate::committee::KeeperIndex;

impl<T: Clone> Aggregator<T> {
    /// Verifies what came straight in sums. What is not to be summed any more joins what is weighted.
    pub(super) fn verify_straight(
        &mut self,
        straight: Vec<Pending<T, Point>>,
        mut weighted: Vec<Pending<T, Signature>>,
        out: &mut Vec<Checked<T>>,
    ) -> Vec<Pending<T, Signature>> {
        if !self.is_betrayed {
            self.verify_sum(&straight, out);
            return weighted;
        }
        for Pending { tag, signer, key, signature: point } in straight {
            match point.check() {
                Ok(signature) => weighted.push(Pending { tag, signer, key, signature }),
                Err(_) => out.push(Checked { tag, signer, proof: Proof::None }),
            }
        }
        weighted
    }

    /// Adds the points of a part, and looks at the sum; halves the part if that is not right.
    fn verify_sum(&mut self, part: &[Pending<T, Point>], out: &mut Vec<Checked<T>>) {
        let is_alone = part.len() == 1;
        let holds = !part.is_empty() && self.is_right_in_sum(part);
        if holds || is_alone {
            let proof = match (holds, is_alone) {
                (false, _) => Proof::None,
                (true, true) => Proof::Alone,
                (true, false) => Proof::InSum,
            };
            for Pending { tag, signer, signature: point, .. } in part {
                if holds {
                    self.count(*signer, Counted { point: *point, is_alone });
                }
                out.push(Checked { tag: tag.clone(), signer: *signer, proof });
            }
        } else if !part.is_empty() {
            let (left, right) = part.split_at(part.len() / 2);
            self.verify_sum(left, out);
            self.verify_sum(right, out);
        }
    }

    fn is_right_in_sum(&self, part: &[Pending<T, Point>]) -> bool {
        let points: Vec<Point> = part.iter().map(|pending| pending.signature).collect();
        let keys: Vec<PublicKey> = part.iter().map(|pending| pending.key).collect();
        let sum = sum_points(&points).zip(aggregate_keys(&keys));
        self.laws.sum_holds(sum.is_some_and(|(sum, key)| sum.verify(self.digest.as_slice(), &key)))
    }

    /// Counts a signature that holds alone. If another point of its signer stood in a sum, that one was wrong alone, and so was
    /// somebody else's in it.
    pub(super) fn count_alone(
        &mut self,
        signer: KeeperIndex,
        signature: Signature,
        coefficient: &mut dyn FnMut() -> u64,
    ) {
        let point = Point::from(signature);
        let before = self.verified.get(&signer).copied();
        self.count(signer, Counted { point, is_alone: true });
        if before.is_some_and(|before| !before.is_alone && before.point != point) {
            self.take_sums_apart(coefficient);
        }
    }

    fn take_sums_apart(&mut self, coefficient: &mut dyn FnMut() -> u64) {
        self.is_betrayed = true;
        let summed: Vec<(KeeperIndex, Point)> = self
            .verified
            .iter()
            .filter(|(_, counted)| !counted.is_alone)
            .map(|(&signer, counted)| (signer, counted.point))
            .collect();
        let mut signed = Vec::with_capacity(summed.len());
        for (signer, point) in summed {
            let Some((key, stake)) = self.committee.member(signer).map(|member| (member.key, member.stake)) else {
                continue;
            };
            self.verified.remove(&signer);
            self.verified_stake = self.verified_stake.saturating_sub(stake);
            signed.extend(point.check().ok().map(|signature| (signer, (key, signature))));
        }
        let pairs: Vec<_> = signed.iter().map(|(_, pair)| *pair).collect();
        let valid = self.weigh(&pairs, coefficient);
        for ((signer, (_, signature)), _) in signed.into_iter().zip(valid).filter(|(_, valid)| *valid) {
            self.add_own(signer, signature);
        }
    }
}

//! Partials that came straight, and are added.

use super::*;
use crate::bls::BlsError;

/// The order of the group, less one: big-endian, as secrets are.
const LAST: [u8; 32] = {
    let words: [u64; 4] = [0x73ed_a753_299d_7d48, 0x3339_d808_09a1_d805, 0x53bd_a402_fffe_5bfe, 0xffff_ffff_0000_0000];
    let mut bytes = [0; 32];
    let mut place = 0;
    while place < 32 {
        bytes[place] = words[place / 8].to_be_bytes()[place % 8];
        place += 1;
    }
    bytes
};

fn one() -> SecretKey {
    let mut bytes = [0; 32];
    bytes[31] = 1;
    SecretKey::from_bytes(&bytes).unwrap()
}

/// What two colluders send: each its signature and something that is not there in the sum of both.
fn colluding(first: u16, second: u16) -> [Point; 2] {
    let difference = [one(), SecretKey::from_bytes(&LAST).unwrap()].map(|key| key.sign(DIGEST.as_slice()));
    let of =
        |keeper: u16, difference: Signature| sum_points(&[partial(keeper).into(), difference.into()]).unwrap().into();
    [of(first, difference[0]), of(second, difference[1])]
}

fn straight(aggregator: &mut Aggregator<u32>, keeper: u16, point: impl Into<Point>) -> Added {
    aggregator.add_straight(KeeperIndex(keeper), point.into(), u32::from(keeper))
}

fn proofs(checked: &[Checked<u32>]) -> Vec<(u32, Proof)> {
    checked.iter().map(|checked| (checked.tag, checked.proof)).collect()
}

fn never() -> u64 {
    panic!("a sum has no weights")
}

/// What would be sent verifies, or there is nothing.
fn is_sound(aggregator: &Aggregator<u32>, members: usize) -> Option<usize> {
    let (signers, signature) = aggregator.aggregate(QUORUM_BPS)?;
    let key = committee_of(&vec![1; members]).key_of(&signers).unwrap();
    assert!(signature.verify(DIGEST.as_slice(), &key), "{signers:?}");
    Some(signers.count())
}

#[test]
fn good_partials_are_added_and_looked_at_once() {
    let mut aggregator = aggregator(&[1; 16]);
    for keeper in 0..16 {
        assert_eq!(straight(&mut aggregator, keeper, partial(keeper)), Added::Pending);
        assert_eq!(aggregator.is_promising(QUORUM_BPS), keeper >= 10);
    }
    assert!(aggregator.aggregate(QUORUM_BPS).is_none() && aggregator.summing().count() == 16);
    let checked = aggregator.verify(never);
    assert!(checked.iter().all(|checked| checked.proof == Proof::InSum), "it says nothing of one alone");
    assert_eq!((is_sound(&aggregator, 16), aggregator.has_pending()), (Some(16), false));
}

#[test]
fn bad_ones_are_found_alone_and_the_rest_counts() {
    let mut aggregator = aggregator(&[1; 16]);
    for keeper in 0..16 {
        straight(&mut aggregator, keeper, if keeper == 5 { partial(77) } else { partial(keeper) });
    }
    let checked = aggregator.verify(never);
    let bad: Vec<_> = checked.iter().filter(|checked| !checked.is_valid()).map(|checked| checked.tag).collect();
    assert_eq!((bad, aggregator.stake(), is_sound(&aggregator, 16)), (vec![5], 15, Some(15)));
    assert!(checked.contains(&Checked { tag: 4, signer: KeeperIndex(4), proof: Proof::Alone }), "its neighbour is");
}

/// A certificate is a sum: theirs is as true as any, and both have signed it.
#[test]
fn two_that_are_right_only_together_count_together_and_are_proof_of_nothing() {
    let mut aggregator = aggregator(&[1; 4]);
    let [first, second] = colluding(0, 1);
    straight(&mut aggregator, 0, first);
    straight(&mut aggregator, 1, second);
    straight(&mut aggregator, 2, partial(2));
    assert!(aggregator.verify(never).iter().all(|checked| checked.proof == Proof::InSum));
    assert_eq!(is_sound(&aggregator, 4), Some(3));
}

/// Halved, they stand alone, and alone each of them is wrong.
#[test]
fn where_something_else_is_wrong_they_are_found_as_well() {
    let mut aggregator = aggregator(&[1; 4]);
    let [first, second] = colluding(0, 3);
    for (keeper, point) in [(0, first), (1, partial(1).into()), (2, partial(9).into()), (3, second)] {
        straight(&mut aggregator, keeper, point);
    }
    let checked = aggregator.verify(never);
    let expected = [(0, Proof::None), (1, Proof::Alone), (2, Proof::None), (3, Proof::None)];
    assert_eq!((proofs(&checked), aggregator.stake()), (expected.to_vec(), 1));
}

/// With the true signature in the place of the one in the sum, what is left would be no certificate.
#[test]
fn a_colluder_that_shows_its_true_signature_later_takes_nobody_with_it_but_the_other() {
    let mut aggregator = aggregator(&[1; 5]);
    let [first, second] = colluding(0, 1);
    for (keeper, point) in [(0, first), (1, second), (2, partial(2).into()), (3, partial(3).into())] {
        straight(&mut aggregator, keeper, point);
    }
    aggregator.verify(never);
    assert_eq!(is_sound(&aggregator, 5), Some(4));
    assert_eq!(aggregator.add(KeeperIndex(0), partial(0), 100), Added::Pending, "it came by gossip");
    let mut drawn = 0;
    assert_eq!(proofs(&aggregator.verify(weights(&mut drawn))), [(100, Proof::Alone)]);
    assert_eq!((aggregator.stake(), is_sound(&aggregator, 5)), (3, None), "the other one is gone");
    assert!(aggregator.signers() == [0, 2, 3].map(KeeperIndex).into_iter().collect());
    // From now on nothing is summed there.
    let [first, second] = colluding(1, 4);
    straight(&mut aggregator, 1, first);
    straight(&mut aggregator, 4, second);
    assert_eq!(proofs(&aggregator.verify(weights(&mut drawn))), [(1, Proof::None), (4, Proof::None)]);
    straight(&mut aggregator, 4, partial(4));
    assert_eq!(proofs(&aggregator.verify(weights(&mut drawn))), [(4, Proof::Alone)]);
    assert_eq!(is_sound(&aggregator, 5), Some(4));
}

#[test]
fn one_that_is_gossiped_too_is_good_alone_from_then_on() {
    let mut aggregator = aggregator(&[1; 4]);
    for keeper in 0..3 {
        assert_eq!(straight(&mut aggregator, keeper, partial(keeper)), Added::Pending);
    }
    aggregator.verify(never);
    let mut drawn = 0;
    assert_eq!(aggregator.add(KeeperIndex(1), partial(1), 8), Added::Pending);
    assert_eq!(proofs(&aggregator.verify(weights(&mut drawn))), [(8, Proof::Alone)]);
    assert_eq!((aggregator.stake(), is_sound(&aggregator, 4)), (3, Some(3)), "it counts once");
    assert_eq!(aggregator.add(KeeperIndex(1), partial(1), 9), Added::Duplicate);
    // Garbage in the name of one that counts changes nothing.
    assert_eq!(aggregator.add(KeeperIndex(2), partial(50), 9), Added::Pending);
    assert_eq!(proofs(&aggregator.verify(weights(&mut drawn))), [(9, Proof::None)]);
    assert_eq!(is_sound(&aggregator, 4), Some(3));
}

/// Two of one signer in one sum would be two colluders in one.
#[test]
fn a_signer_has_one_point_in_a_sum() {
    let mut aggregator = aggregator(&[1; 4]);
    assert_eq!(straight(&mut aggregator, 0, partial(0)), Added::Pending);
    assert_eq!(straight(&mut aggregator, 0, partial(0)), Added::Duplicate);
    assert_eq!(straight(&mut aggregator, 0, partial(70)), Added::Full);
    assert_eq!(straight(&mut aggregator, 9, partial(9)), Added::NotMember);
    assert_eq!(aggregator.add(KeeperIndex(0), partial(0), 7), Added::Pending, "gossip stands beside it");
    let mut drawn = 0;
    assert_eq!(proofs(&aggregator.verify(weights(&mut drawn))), [(0, Proof::Alone), (7, Proof::Alone)]);
    assert_eq!(straight(&mut aggregator, 0, partial(70)), Added::Duplicate, "what counts is not shadowed");
    assert_eq!(aggregator.stake(), 1);
    straight(&mut aggregator, 1, partial(1));
    assert_eq!(aggregator.drop_pending().collect::<Vec<_>>(), [1]);
}

#[test]
fn a_point_outside_the_subgroup_is_no_signature_in_a_sum_either() {
    let outside = (0..64u8).find_map(|x| {
        let mut bytes = [0; 48];
        (bytes[0], bytes[47]) = (0x80, x);
        Point::from_bytes(&bytes).ok()
    });
    let outside = outside.expect("half of them lie on the curve");
    assert_eq!(outside.check(), Err(BlsError::Subgroup));
    assert_eq!(sum_points(&[outside, partial(0).into()]), None);
    let mut aggregator = aggregator(&[1; 4]);
    straight(&mut aggregator, 0, outside);
    straight(&mut aggregator, 1, partial(1));
    assert_eq!(proofs(&aggregator.verify(never)), [(0, Proof::None), (1, Proof::Alone)]);
}

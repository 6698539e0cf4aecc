use super::*;
use crate::bls::SecretKey;
use crate::committee::QUORUM_BPS;
use crate::committee::tests::committee_of;
use crate::laws::Kept;

mod straight;

const DIGEST: B256 = B256::repeat_byte(0xd1);

fn aggregator(stakes: &[u128]) -> Aggregator<u32> {
    Aggregator::new(DIGEST, Arc::new(committee_of(stakes)), Arc::new(Kept))
}

fn partial(keeper: u16) -> Signature {
    SecretKey::generate(&[keeper as u8 + 1; 32]).sign(DIGEST.as_slice())
}

/// Weights that count the equations: each check draws one per partial.
fn weights(drawn: &mut usize) -> impl FnMut() -> u64 + '_ {
    move || {
        *drawn += 1;
        (*drawn as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

#[test]
fn good_partials_are_verified_together() {
    let mut aggregator = aggregator(&[1; 64]);
    for keeper in 0..64 {
        assert_eq!(aggregator.add(KeeperIndex(keeper), partial(keeper), u32::from(keeper)), Added::Pending);
    }
    assert!(aggregator.aggregate(QUORUM_BPS).is_none(), "nothing counts before it is verified");
    let mut drawn = 0;
    let checked = aggregator.verify(weights(&mut drawn));
    assert!(checked.len() == 64 && checked.iter().all(|checked| checked.proof == Proof::Alone));
    assert_eq!(drawn, 64, "one equation for all");
    let (signers, signature) = aggregator.aggregate(QUORUM_BPS).unwrap();
    let key = committee_of(&[1; 64]).key_of(&signers).unwrap();
    assert!(signers.count() == 64 && signature.verify(DIGEST.as_slice(), &key));
}

#[test]
fn bad_partials_are_found_and_the_rest_counts() {
    let mut aggregator = aggregator(&[1; 16]);
    for keeper in 0..16 {
        let signature = if keeper == 3 || keeper == 11 { partial(keeper + 100) } else { partial(keeper) };
        aggregator.add(KeeperIndex(keeper), signature, u32::from(keeper));
    }
    let mut drawn = 0;
    let checked = aggregator.verify(weights(&mut drawn));
    let bad: Vec<u32> = checked.iter().filter(|checked| !checked.is_valid()).map(|checked| checked.tag).collect();
    assert_eq!(bad, [3, 11]);
    assert_eq!(aggregator.stake(), 14);
    assert!(!aggregator.signers().contains(KeeperIndex(3)));
}

#[test]
fn garbage_cannot_shadow_the_honest_partial() {
    let mut aggregator = aggregator(&[1; 4]);
    assert_eq!(aggregator.add(KeeperIndex(2), partial(50), 1), Added::Pending);
    assert_eq!(aggregator.add(KeeperIndex(2), partial(2), 2), Added::Pending);
    assert_eq!(aggregator.add(KeeperIndex(2), partial(51), 3), Added::Full);
    let mut drawn = 0;
    let checked = aggregator.verify(weights(&mut drawn));
    assert_eq!(
        checked.iter().map(|checked| (checked.tag, checked.is_valid())).collect::<Vec<_>>(),
        [(1, false), (2, true)]
    );
    assert_eq!(aggregator.add(KeeperIndex(2), partial(2), 4), Added::Duplicate);
    assert_eq!(aggregator.stake(), 1, "one signer counts once");
}

#[test]
fn a_signer_counts_once_however_often_it_signs() {
    let mut aggregator = aggregator(&[1; 4]);
    aggregator.add(KeeperIndex(0), partial(0), 1);
    aggregator.add(KeeperIndex(0), partial(0), 2);
    let mut drawn = 0;
    aggregator.verify(weights(&mut drawn));
    aggregator.add_own(KeeperIndex(0), partial(0));
    assert_eq!(aggregator.stake(), 1);
}

#[test]
fn strangers_and_rows_without_stake_are_no_members() {
    let mut aggregator = aggregator(&[1, 0, 1]);
    assert_eq!(aggregator.add(KeeperIndex(1), partial(1), 0), Added::NotMember);
    assert_eq!(aggregator.add(KeeperIndex(3), partial(3), 0), Added::NotMember);
}

#[test]
fn verification_is_called_for_when_it_may_complete_a_quorum() {
    let mut aggregator = aggregator(&[100; 5]);
    for keeper in 0..3 {
        aggregator.add(KeeperIndex(keeper), partial(keeper), 0);
        assert!(!aggregator.is_promising(QUORUM_BPS));
    }
    aggregator.add(KeeperIndex(2), partial(2), 0);
    assert!(!aggregator.is_promising(QUORUM_BPS), "a claim twice over is one claim");
    aggregator.add(KeeperIndex(3), partial(3), 0);
    assert!(aggregator.is_promising(QUORUM_BPS));
}

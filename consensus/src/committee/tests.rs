use super::*;
use crate::bls::SecretKey;

pub(crate) fn committee_of(stakes: &[u128]) -> Committee {
    let members = (0u8..)
        .zip(stakes)
        .map(|(seed, &stake)| Member {
            operator: Address::repeat_byte(seed + 1),
            stake,
            peer_key: PeerKey([seed + 1; 32]),
            key: SecretKey::generate(&[seed + 1; 32]).public_key(),
        })
        .collect();
    Committee::new(3, 10, B256::repeat_byte(7), members).unwrap()
}

#[test]
fn quorum_is_by_stake_and_more_than_two_thirds() {
    let committee = committee_of(&[3333, 3334, 3333]);
    assert!(!committee.is_quorum(6666, QUORUM_BPS));
    assert!(committee.is_quorum(6667, QUORUM_BPS));
    assert!(committee.is_quorum(6667, 0), "a job cannot ask for less");
    assert!(!committee.is_quorum(8000, 9000));
}

#[test]
fn two_quorums_overlap_in_more_than_a_third() {
    for total in [1u128, 2, 3, 4, 5, 7, 100, 9_999, 10_000, (1 << 96) - 1] {
        let committee = committee_of(&[total]);
        let smallest =
            (0..=1).map(|d| (total * 6667).div_ceil(10_000) + d).find(|&s| committee.is_quorum(s, 0)).unwrap();
        assert!(3 * (2 * smallest - total) > total, "total {total}");
        assert!(!committee.is_quorum(smallest - 1, 0));
    }
}

#[test]
fn rows_without_stake_are_not_members() {
    let committee = committee_of(&[5, 0, 5]);
    assert!(committee.member(KeeperIndex(1)).is_none());
    assert_eq!(committee.index_of(PeerKey([2; 32])), None);
    assert_eq!(committee.index_of(PeerKey([3; 32])), Some(KeeperIndex(2)));
    let with_stray: SignerSet = [KeeperIndex(0), KeeperIndex(1)].into_iter().collect();
    assert_eq!(committee.stake_of(&with_stray), None);
    assert_eq!(committee.key_of(&with_stray), None);
}

#[test]
fn impossible_committees_are_refused() {
    let member = committee_of(&[1]).members()[0].clone();
    let many = vec![member.clone(); MEMBERS_MAX + 1];
    assert_eq!(Committee::new(1, 0, B256::ZERO, many), Err(CommitteeError::TooLarge(257)));
    assert_eq!(Committee::new(1, 0, B256::ZERO, vec![]), Err(CommitteeError::Stake));
    let rich = Member { stake: u128::MAX, ..member };
    assert_eq!(Committee::new(1, 0, B256::ZERO, vec![rich.clone(), rich]), Err(CommitteeError::Stake));
}

#[test]
fn bitmaps_have_one_length_and_no_stray_bits() {
    let set: SignerSet = [0, 4, 8].map(KeeperIndex).into_iter().collect();
    assert_eq!(set.to_bytes(9), vec![0x11, 0x01]);
    assert_eq!(SignerSet::from_bytes(&[0x11, 0x01], 9), Some(set));
    assert_eq!(SignerSet::from_bytes(&[0x11, 0x01], 8), None, "too long");
    assert_eq!(SignerSet::from_bytes(&[0x11, 0x02], 9), None, "stray bit");
    assert_eq!(SignerSet::from_bytes(&[0x11], 9), None, "too short");
    assert_eq!(SignerSet::from_bytes(&[0; 33], 257), None);
    let mut full = SignerSet::default();
    assert!((0..256).all(|i| full.insert(KeeperIndex(i))));
    assert!(!full.insert(KeeperIndex(3)) && !full.insert(KeeperIndex(256)));
    assert_eq!(full.count(), 256);
}

use super::*;
use crate::bls::sign;
use crate::facts::tests::{DOMAIN, block, committee, signing, task};
use crate::laws::Kept;

fn observation(keeper: u16, seen: &[u8]) -> Observation {
    let place = (task(1), 0, block(998).into());
    Observation::signed(&DOMAIN, &signing(keeper), place, (1, KeeperIndex(keeper)), seen.to_vec())
}

fn began() -> Observed {
    let mut observed = Observed::default();
    observed.begin(0, block(998).into());
    observed
}

fn take(observed: &mut Observed, observation: &Observation, now: u64) -> bool {
    let digest = observation.digest(&DOMAIN);
    let round = observed.round_mut(0).unwrap();
    round.take((observation, digest, vec![]), &committee(1, 1, 5), &Kept, Time(now))
}

#[test]
fn a_leader_may_list_what_two_thirds_saw_a_moment_later_or_all_at_once() {
    let mut observed = began();
    for keeper in 0..3 {
        assert!(!take(&mut observed, &observation(keeper, b"7"), 10), "{keeper}");
    }
    assert_eq!(observed.round(0).unwrap().ready(), None, "60 %");
    assert!(take(&mut observed, &observation(3, b"7"), 20));
    assert_eq!(observed.round(0).unwrap().ready(), Some(Time(20).plus(GATHER)));
    assert!(take(&mut observed, &observation(4, b"7"), 30));
    assert_eq!(observed.round(0).unwrap().ready(), Some(Time(30)), "there is nobody else to wait for");
    assert_eq!(observed.round(0).unwrap().listed().len(), 5);
}

#[test]
fn the_first_word_of_a_keeper_counts_unless_a_leader_lists_the_second() {
    let mut observed = began();
    let (first, second) = (observation(2, b"7"), observation(2, b"8"));
    let glance = |observed: &Observed, one: &Observation| observed.glance(one, one.digest(&DOMAIN));
    assert_eq!(glance(&observed, &first), Glance::New);
    take(&mut observed, &first, 10);
    assert_eq!((glance(&observed, &first), glance(&observed, &second)), (Glance::Known, Glance::Second));
    let listed = [Listed { keeper: 2, digest: ByteArray::new(second.digest(&DOMAIN).0) }];
    assert_eq!(observed.round_mut(0).unwrap().missing(&listed), [0]);
    assert_eq!(glance(&observed, &second), Glance::New);
    take(&mut observed, &second, 11);
    assert!(observed.round_mut(0).unwrap().missing(&listed).is_empty());
    assert_ne!(observed.round(0).unwrap().listed(), listed, "its own list has the first");
    let hash = B256::repeat_byte(1);
    let set = observed.round(0).unwrap().undecided(hash, &listed, &committee(1, 1, 5)).unwrap();
    assert_eq!((set.seen[0].share, &set.seen[0].bytes[..]), (200_000_000, &b"8"[..]));
    observed.round_mut(0).unwrap().decided.insert(hash, Attempt::Running { anchor: block(998) });
    assert_eq!(observed.round(0).unwrap().undecided(hash, &listed, &committee(1, 1, 5)), None, "once");
}

#[test]
fn what_is_early_late_elsewhere_or_too_much_is_told_apart() {
    let mut observed = began();
    let glance = |observed: &Observed, one: &Observation| observed.glance(one, one.digest(&DOMAIN));
    let one = observation(1, b"7");
    assert_eq!(glance(&observed, &Observation { attempt: 1, ..one.clone() }), Glance::Early);
    let elsewhere = Observation { anchor_hash: ByteArray::new([9; 32]), ..one.clone() };
    assert_eq!(glance(&observed, &elsewhere), Glance::Elsewhere);
    for attempt in 1..=2 {
        observed.begin(attempt, block(999).into());
    }
    assert_eq!(glance(&observed, &one), Glance::Over, "two rounds are kept");
    let mut full = began();
    let large = vec![7; crate::message::SEEN_LIMIT];
    let keepers = (0..256).take_while(|&keeper| {
        let one = observation(keeper, &large);
        let fits = glance(&full, &one) == Glance::New;
        if fits {
            take(&mut full, &one, 1);
        }
        fits
    });
    assert_eq!(keepers.count(), ROUND_BYTES_MAX / crate::message::SEEN_LIMIT);
    assert_eq!(glance(&full, &observation(200, &large)), Glance::Full);
    full.let_go();
    assert_eq!(full.bytes(), 0);
    full.rewind(997);
    assert!(full.round(0).is_none());
}

/// What is signed names the try, the block and the network: it is nothing elsewhere.
#[test]
fn a_signature_is_for_one_try_at_one_block_by_one_keeper() {
    let one = observation(1, b"7");
    let member = |keeper: u16| committee(1, 1, 5).members()[usize::from(keeper)].peer_key;
    assert!(member(1).has_signed(one.digest(&DOMAIN), &one.signature));
    let others = [
        Observation { attempt: 1, ..one.clone() },
        Observation { anchor_number: 7, ..one.clone() },
        Observation { anchor_hash: ByteArray::new([1; 32]), ..one.clone() },
        Observation { epoch: 2, ..one.clone() },
        Observation { keeper: 2, ..one.clone() },
        Observation { seen: serde_bytes::ByteBuf::from(b"8"), ..one.clone() },
        Observation { task: task(2).into(), ..one.clone() },
    ];
    for other in others {
        assert!(!member(1).has_signed(other.digest(&DOMAIN), &one.signature), "{other:?}");
    }
    let mallet = Observation { signature: ByteArray::new(sign(&signing(2), one.digest(&DOMAIN))), ..one };
    assert!(!member(1).has_signed(mallet.digest(&DOMAIN), &mallet.signature));
}

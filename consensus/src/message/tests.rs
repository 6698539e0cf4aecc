use alloy_primitives::{Address, B256};
use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use serde::Serialize;
use serde_bytes::{ByteArray, ByteBuf};

use super::*;
use crate::committee::{KeeperIndex, PeerKey};
use crate::leader::{Stage, Window};
use crate::report::Domain;
use crate::task::{InstanceKey, Status};

const DOMAIN: Domain = Domain { chain_id: 31337, task_manager: Address::repeat_byte(0x11) };

fn planned(job: u64) -> PlannedTask {
    PlannedTask { job, version: 1, instance: ByteArray::new(InstanceKey::from_run(5).0.0) }
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn assignment(batches: Vec<PlannedBatch>) -> Assignment {
    Assignment::signed(&DOMAIN, &key(), (Window(9), Stage(1), 2), KeeperIndex(3), batches)
}

fn partial(findings: Vec<Finding>, signature: usize) -> Partial {
    Partial {
        assignment: ByteArray::new([1; 32]),
        batch: 0,
        keeper: 2,
        root: ByteArray::new([4; 32]),
        findings,
        execution_tag: ByteArray::new([2; 32]),
        signature: ByteBuf::from(vec![3; signature]),
    }
}

fn round_trip(channel: Channel, message: &impl Serialize, expected: Message) {
    let bytes = serde_cbor::ser::to_vec_packed(message).unwrap();
    assert_eq!(Message::decode(channel, &bytes), Ok(expected));
}

#[test]
fn messages_read_back_as_what_they_are() {
    let plan = assignment(vec![PlannedBatch { inputs: Vec::new(), attempt: 0, tasks: vec![planned(1), planned(2)] }]);
    round_trip(Channel::Assignments, &plan, Message::Assignment(plan.clone()));
    let one = partial(vec![Finding::reported(Status::Call, B256::repeat_byte(1)), Finding::abstained(2)], 64);
    round_trip(Channel::Partials, &one, Message::Partial(one.clone()));
    for want in [
        Want::Assignment(ByteArray::new([5; 32])),
        Want::Partials { assignment: ByteArray::new([5; 32]), batch: 3, known: ByteBuf::from([1]) },
        Want::Observations { assignment: ByteArray::new([5; 32]), batch: 3, known: ByteBuf::from([1]) },
        Want::SignedBy(7),
    ] {
        assert_eq!(codec::decode::<Want>(&codec::encode(&want), WANT_LIMIT), Ok(want));
    }
}

/// Known answers: whoever changes the wire sees it here, and another codec can be checked against them.
#[test]
fn the_bytes_on_the_wire_are_known() {
    let one = partial(vec![Finding::reported(Status::Skip, B256::repeat_byte(0xab))], 48);
    let hex = alloy_primitives::hex::encode(codec::encode(&one));
    let expected = format!(
        "a7005820{}01000202035820{}0481a20001015820{}055820{}065830{}",
        "01".repeat(32),
        "04".repeat(32),
        "ab".repeat(32),
        "02".repeat(32),
        "03".repeat(48)
    );
    assert_eq!(hex, expected);
    let seen = Observation {
        task: planned(1),
        attempt: 0,
        anchor_number: 7,
        anchor_hash: ByteArray::new([9; 32]),
        epoch: 2,
        keeper: 3,
        seen: ByteBuf::from([1, 2]),
        signature: ByteArray::new([8; 64]),
    };
    let expected = format!(
        "a800a3000101010258{}{}0501000207035820{}0402050306420102075840{}",
        "20",
        "00".repeat(31),
        "09".repeat(32),
        "08".repeat(64)
    );
    assert_eq!(alloy_primitives::hex::encode(codec::encode(&seen)), expected);
    let alone = PlannedBatch { attempt: 0, tasks: vec![planned(1)], inputs: Vec::new() };
    let listed = Listed { keeper: 3, digest: ByteArray::new([9; 32]) };
    let bytes = codec::encode(&PlannedBatch { inputs: vec![listed], ..alone.clone() });
    let before = alloy_primitives::hex::encode(codec::encode(&alone));
    let expected = format!("a3{}0281a200030158 20{}", &before[2..], "09".repeat(32)).replace(' ', "");
    assert_eq!(
        alloy_primitives::hex::encode(bytes),
        expected,
        "what looks outside has a third field, and no other batch"
    );
    let want = codec::encode(&Want::SignedBy(7));
    assert_eq!(alloy_primitives::hex::encode(want), "a1685369676e6564427907", "a map of one: variant name, value");
}

#[test]
fn a_second_encoding_of_a_value_is_refused() {
    let want = codec::encode(&Want::SignedBy(7));
    // 7 as a two-byte integer, an indefinite map, and a byte too many.
    let name = &want[1..want.len() - 1];
    let long_number = [&[0xa1], name, &[0x18, 0x07]].concat();
    let indefinite = [&[0xbf], name, &[0x07, 0xff]].concat();
    for other in [long_number, indefinite, [want.clone(), vec![0]].concat()] {
        let read = codec::decode::<Want>(&other, WANT_LIMIT);
        assert!(matches!(read, Err(CodecError::NotCanonical | CodecError::Malformed)), "{other:?}: {read:?}");
    }
    let too_large = codec::decode::<Want>(&vec![0; WANT_LIMIT + 1], WANT_LIMIT);
    assert_eq!(too_large, Err(CodecError::TooLarge { size: WANT_LIMIT + 1, limit: WANT_LIMIT }));
}

#[test]
fn an_assignment_is_signed_whole() {
    let plan = assignment(vec![PlannedBatch { inputs: Vec::new(), attempt: 0, tasks: vec![planned(1)] }]);
    let leader = PeerKey(key().verifying_key().to_bytes());
    assert!(leader.has_signed(plan.hash(&DOMAIN), &plan.signature));
    assert!(!PeerKey([9; 32]).has_signed(plan.hash(&DOMAIN), &plan.signature));
    assert!(!leader.has_signed(plan.hash(&Domain { chain_id: 1, ..DOMAIN }), &plan.signature));
    let changes: [fn(&mut Assignment); 8] = [
        |plan| plan.window += 1,
        |plan| plan.stage += 1,
        |plan| plan.number += 1,
        |plan| plan.leader += 1,
        |plan| plan.batches[0].attempt += 1,
        |plan| plan.batches[0].tasks[0].job += 1,
        |plan| plan.batches[0].inputs.push(Listed { keeper: 0, digest: ByteArray::new([0; 32]) }),
        |plan| plan.batches.push(PlannedBatch { inputs: Vec::new(), attempt: 0, tasks: vec![planned(8)] }),
    ];
    for change in changes {
        let mut changed = plan.clone();
        change(&mut changed);
        assert!(!leader.has_signed(changed.hash(&DOMAIN), &changed.signature));
        assert_ne!(changed.hash(&DOMAIN), plan.hash(&DOMAIN));
    }
}

#[test]
fn counts_out_of_bounds_are_not_well_formed() {
    let tasks = |count: u64| PlannedBatch { inputs: Vec::new(), attempt: 0, tasks: (0..count).map(planned).collect() };
    assert!(assignment(vec![tasks(256)]).is_well_formed());
    assert!(!assignment(vec![tasks(257)]).is_well_formed());
    assert!(!assignment(vec![tasks(0)]).is_well_formed());
    assert!(!assignment(vec![]).is_well_formed());
    assert!(!assignment(vec![tasks(1); BATCHES_MAX + 1]).is_well_formed());
    assert!(
        !assignment(vec![PlannedBatch {
            inputs: Vec::new(),
            attempt: crate::task::ATTEMPTS_MAX,
            tasks: vec![planned(1)]
        }])
        .is_well_formed()
    );
    assert!(
        !assignment(vec![PlannedBatch { inputs: Vec::new(), attempt: 0, tasks: vec![planned(1), planned(1)] }])
            .is_well_formed()
    );
    let listed = |keepers: &[u16]| {
        let digest = ByteArray::new([7; 32]);
        keepers.iter().map(|&keeper| Listed { keeper, digest }).collect::<Vec<_>>()
    };
    let looking = |count: u64, keepers: &[u16]| PlannedBatch { inputs: listed(keepers), ..tasks(count) };
    assert!(assignment(vec![looking(1, &[0, 3, 9])]).is_well_formed());
    for (count, keepers) in [(2, &[0, 3][..]), (1, &[3, 0]), (1, &[3, 3])] {
        assert!(!assignment(vec![looking(count, keepers)]).is_well_formed(), "{count} tasks on {keepers:?}");
    }
    assert!(!assignment(vec![looking(1, &(0..257).collect::<Vec<_>>())]).is_well_formed());
    let mut late = assignment(vec![tasks(1)]);
    late.number = ASSIGNMENTS_MAX;
    assert!(!late.is_well_formed());
}

#[test]
fn findings_and_signature_must_fit_each_other() {
    let reported = Finding::reported(Status::Call, B256::ZERO);
    assert!(partial(vec![reported.clone()], 48).is_well_formed());
    assert!(!partial(vec![reported.clone()], 64).is_well_formed());
    assert!(partial(vec![reported.clone(), Finding::abstained(1)], 64).is_well_formed());
    assert!(!partial(vec![reported.clone(), Finding::abstained(1)], 48).is_well_formed());
    assert!(!partial(vec![], 48).is_well_formed());
    assert!(!partial(vec![reported.clone(); 257], 48).is_well_formed());
    for (status, length) in [(0, 31), (0, 33), (3, 32), (255, 0), (255, 2), (255, 32)] {
        let odd = Finding { status, detail: ByteBuf::from(vec![0; length]) };
        assert!(!partial(vec![odd], 48).is_well_formed(), "status {status} with {length} bytes");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        for channel in [Channel::Assignments, Channel::Partials, Channel::Certificates, Channel::Evidence, Channel::Rulings] {
            let _ = Message::decode(channel, &bytes);
        }
        let _ = codec::decode::<Want>(&bytes, WANT_LIMIT);
        let _ = codec::decode::<Have>(&bytes, HAVE_LIMIT);
    }

    #[test]
    fn a_flipped_bit_is_never_the_same_message(bit in 0usize..1_000) {
        let one = partial(vec![Finding::reported(Status::Call, B256::repeat_byte(1))], 48);
        let mut bytes = codec::encode(&one);
        let bit = bit % (bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_ne!(Message::decode(Channel::Partials, &bytes), Ok(Message::Partial(one)));
    }
}

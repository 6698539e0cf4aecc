use libp2p::core::SignedEnvelope;
use libp2p::identity::Keypair;
use libp2p::{Multiaddr, PeerId};

use super::{
    MOST_AT_ONCE, MOST_RECORD_BYTES, MOST_RECORDS, News, Records, Wrong, known_from_bytes, records_from_bytes,
};

fn key(seed: u16) -> Keypair {
    let mut secret = [7; 32];
    secret[..2].copy_from_slice(&seed.to_be_bytes());
    Keypair::ed25519_from_bytes(secret).expect("32 bytes")
}

fn peer(seed: u16) -> PeerId {
    key(seed).public().to_peer_id()
}

fn address(port: usize) -> Multiaddr {
    format!("/ip4/203.0.113.7/tcp/{port}").parse().expect("well formed")
}

fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn field(number: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(number << 3 | 2);
    varint(bytes.len() as u64, out);
    out.extend(bytes);
}

/// A record that names `names`, signed by `signer`.
fn record_of(signer: &Keypair, names: &PeerId, sequence: u64, addresses: &[Multiaddr]) -> Vec<u8> {
    let mut payload = Vec::new();
    field(1, &names.to_bytes(), &mut payload);
    payload.push(2 << 3);
    varint(sequence, &mut payload);
    for address in addresses {
        let mut info = Vec::new();
        field(1, &address.to_vec(), &mut info);
        field(3, &info, &mut payload);
    }
    let envelope = SignedEnvelope::new(signer, "libp2p-peer-record".to_owned(), vec![3, 1], payload);
    envelope.expect("signed").into_protobuf_encoding()
}

fn record(seed: u16, sequence: u64, port: usize) -> Vec<u8> {
    record_of(&key(seed), &peer(seed), sequence, &[address(port)])
}

fn take(records: &mut Records, bytes: &[u8], from: u16) -> Result<Option<News>, Wrong> {
    records.take(bytes, &peer(from), |_| true)
}

fn ports(news: Result<Option<News>, Wrong>) -> Vec<Multiaddr> {
    news.expect("nothing wrong").map(|news| news.addresses).unwrap_or_default()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_is_on_the_wire_is_known() {
    let record = record(1, 1_700_000_000, 7419);
    assert_eq!(hexadecimal(&record), include_str!("known-record.txt").trim());
    let mut records = Records::new(key(0));
    records.restore(&record).expect("true");
    let key = "b659bb25a89e304bd748282ae0ffef73cae6dab1dd3ed39d91b507a1aec08d5a";
    assert_eq!(hexadecimal(&records.known()), format!("{key}000000006553f100"));
    let answer = records.answer(&known_from_bytes(&[]).expect("nobody"));
    assert_eq!(hexadecimal(&answer), format!("{:04x}{}", record.len(), hexadecimal(&record)));
    assert_eq!(records_from_bytes(&answer), Ok(vec![record.as_slice()]));
}

#[test]
fn what_this_node_signs_is_believed_by_others() {
    let mut records = Records::new(key(1));
    records.sign(Vec::new());
    assert_eq!(records.len(), 0, "it is nowhere yet");
    let addresses: Vec<Multiaddr> = (1..=8).map(address).collect();
    records.sign(addresses.clone());
    records.sign(addresses.clone());
    assert!(records.memory().is_empty(), "what is its own is not kept");
    let answer = records.answer(&known_from_bytes(&[]).expect("nobody"));
    let envelopes = records_from_bytes(&answer).expect("an answer");
    let mut other = Records::new(key(2));
    assert_eq!(take(&mut other, envelopes[0], 3), Ok(Some(News { peer: peer(1), addresses })));
    assert_eq!(other.memory(), [envelopes[0]]);
    assert!(records.answer(&known_from_bytes(&other.known()).expect("a question")).is_empty(), "it has all of it");
}

#[test]
fn the_newest_counts_and_what_a_peer_brings_itself() {
    let mut records = Records::new(key(0));
    assert_eq!(ports(take(&mut records, &record(1, 100, 1), 2)), [address(1)]);
    assert_eq!(take(&mut records, &record(1, 100, 1), 2), Ok(None), "known");
    assert_eq!(take(&mut records, &record(1, 99, 2), 2), Ok(None), "older");
    assert_eq!(take(&mut records, &record(1, 100, 2), 2), Ok(None), "as old");
    assert_eq!(ports(take(&mut records, &record(1, 101, 3), 2)), [address(3)]);
    assert_eq!(ports(take(&mut records, &record(1, 50, 4), 1)), [address(4)], "its clock was set back");
    assert_eq!(records.memory(), [record(1, 50, 4)]);
    assert_eq!(take(&mut records, &record(0, 500, 5), 2), Ok(None), "nobody tells this node where it is");
    let nobody = |_: &PeerId| false;
    assert_eq!(records.take(&record(2, 1, 1), &peer(2), nobody), Ok(None), "not admitted");
    records.retain(nobody);
    assert!(records.memory().is_empty());
}

#[test]
fn what_is_wrong_is_told_apart_and_changes_nothing() {
    let mut records = Records::new(key(0));
    let good = record(1, 100, 1);
    let long: Multiaddr = format!("/dns4/{}/tcp/1", "x".repeat(MOST_RECORD_BYTES)).parse().expect("well formed");
    let mut forged = good.clone();
    *forged.last_mut().expect("a signature") ^= 1;
    let addresses: Vec<Multiaddr> = (1..=9).map(address).collect();
    let legacy = libp2p::core::PeerRecord::new(&key(1), vec![address(1)]).expect("signed").into_signed_envelope();
    for (bytes, wrong) in [
        (record_of(&key(1), &peer(2), 100, &[address(1)]), Wrong::False),
        (forged, Wrong::False),
        (legacy.into_protobuf_encoding(), Wrong::False),
        (record_of(&key(1), &peer(1), 100, &[long]), Wrong::TooLong),
        (record_of(&key(1), &peer(1), 100, &addresses), Wrong::TooLong),
        (Vec::new(), Wrong::Unreadable),
        (vec![0xff; 100], Wrong::Unreadable),
        // One value has one encoding: fields that nobody knows are no part of it.
        ([&good[..], &[0x7a, 1, 0]].concat(), Wrong::Unreadable),
    ] {
        assert_eq!(take(&mut records, &bytes, 1), Err(wrong), "{}", hexadecimal(&bytes));
    }
    assert_eq!(records.len(), 0);
}

#[test]
fn an_answer_holds_so_many_and_nobody_is_left_out_for_long() {
    let mut records = Records::new(key(0));
    records.sign(vec![address(1)]);
    for seed in 1..=200 {
        records.restore(&record(seed, 1, 1)).expect("true");
    }
    let nobody = known_from_bytes(&[]).expect("nobody");
    let mut told = std::collections::BTreeSet::new();
    for round in 0..4 {
        let answer = records.answer(&nobody);
        let envelopes = records_from_bytes(&answer).expect("an answer");
        assert_eq!(envelopes.len(), MOST_AT_ONCE, "round {round}");
        let mut other = Records::new(key(999));
        let first = take(&mut other, envelopes[0], 999).expect("true").expect("new");
        assert_eq!(first.peer, peer(0), "its own comes first");
        told.extend(envelopes.into_iter().map(<[u8]>::to_vec));
    }
    assert_eq!(told.len(), 201, "who does not take them does not hide the others");
}

#[test]
fn the_store_is_bounded_and_whoever_speaks_for_itself_finds_room() {
    let mut records = Records::new(key(0));
    records.sign(vec![address(1)]);
    let most = u16::try_from(MOST_RECORDS).expect("small");
    for seed in 1..most {
        take(&mut records, &record(seed, 1, 1), if seed == 2 { 2 } else { 5000 }).expect("true");
    }
    assert_eq!(records.len(), MOST_RECORDS);
    assert_eq!(take(&mut records, &record(4000, 1, 1), 5000), Ok(None), "hearsay waits");
    assert!(take(&mut records, &record(4001, 1, 1), 4001).expect("true").is_some());
    assert_eq!(records.len(), MOST_RECORDS);
    let known = known_from_bytes(&records.known()).expect("a question");
    let holds = |seed| known.contains_key(&crate::identity::public_key_of(&peer(seed)).expect("ed25519"));
    assert!(!holds(1) && holds(2) && holds(0) && holds(4001), "what was only told, and first, made room");
}

#[test]
fn questions_have_one_order() {
    let question = |keys: &[u8]| -> Vec<u8> { keys.iter().flat_map(|key| [*key; 40]).collect() };
    assert_eq!(known_from_bytes(&question(&[1, 2, 9])).expect("in order").len(), 3);
    for keys in [&[2, 1][..], &[1, 1], &[1, 3, 2]] {
        assert_eq!(known_from_bytes(&question(keys)), Err(Wrong::Unreadable));
    }
    assert_eq!(known_from_bytes(&[1; 39]), Err(Wrong::Unreadable));
    let many: Vec<u8> =
        (0..=MOST_RECORDS).flat_map(|key| [vec![0; 24], key.to_be_bytes().to_vec(), vec![0; 8]].concat()).collect();
    assert_eq!(known_from_bytes(&many), Err(Wrong::Unreadable), "more than anybody holds");
}

/// Numbers that follow from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ mixed >> 31) % sides as u64).expect("small")
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.roll(256)).expect("a byte")
    }
}

/// True bytes with something wrong in them, and bytes of no meaning at all.
fn spoilt(dice: &mut Dice, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(bytes.len().max(1));
        match dice.roll(5) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << dice.roll(8),
            1 => bytes.truncate(at),
            2 => bytes.insert(at.min(bytes.len()), dice.byte()),
            3 => bytes.extend_from_within(at.min(bytes.len())..),
            _ => bytes = (0..dice.roll(300)).map(|_| dice.byte()).collect(),
        }
    }
    bytes
}

/// Whatever comes: no panic, nothing held that its peer has not signed, and what is read is what was written.
#[test]
fn no_bytes_do_harm() {
    for seed in 0..2_000 {
        let mut dice = Dice(seed);
        let mut records = Records::new(key(0));
        let signer = u16::try_from(1 + dice.roll(3)).expect("small");
        let names = u16::try_from(1 + dice.roll(3)).expect("small");
        let many: Vec<Multiaddr> = (0..dice.roll(10)).map(|_| address(dice.roll(65_536))).collect();
        let whole = record_of(&key(signer), &peer(names), dice.0, &many);
        let is_true = signer == names && many.len() <= 8;
        assert_eq!(take(&mut records, &whole, 9).is_ok(), is_true, "seed {seed}");
        assert_eq!(records.len(), usize::from(is_true), "seed {seed}");

        let spoilt_record = spoilt(&mut dice, &whole);
        let mut others = Records::new(key(0));
        if spoilt_record != whole {
            assert!(take(&mut others, &spoilt_record, 9).is_err(), "seed {seed}");
            assert_eq!(others.len(), 0, "seed {seed}");
        }
        let known = spoilt(&mut dice, &records.known());
        if let Ok(read) = known_from_bytes(&known) {
            assert_eq!(super::wire::known_to_bytes(read.into_iter()), known, "seed {seed}");
        }
        let nobody = known_from_bytes(&[]).expect("nobody");
        let answer = spoilt(&mut dice, &records.answer(&nobody));
        if let Ok(read) = records_from_bytes(&answer) {
            assert_eq!(super::wire::records_to_bytes(read.into_iter()), answer, "seed {seed}");
        }
    }
}

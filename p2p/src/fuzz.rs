//! What strangers and files may hand to the mesh, for fuzz targets (`tests/fuzz`): each function takes any bytes, and panics
//! where a promise is broken; its seeds are what this crate itself writes.

use libp2p::futures::executor::block_on;
use libp2p::futures::io::Cursor;
use libp2p::identity::Keypair;
use libp2p::{Multiaddr, PeerId};

use crate::memory;
use crate::reach::{self, Home};
use crate::records::{Records, SIZES, known_from_bytes, records_from_bytes};
use crate::requests::{read_message, write_message};
use crate::wire::{self, Meeting};

/// First half of the name of every target's network.
const DOMAIN8: &str = "0123456789abcdef";
/// Longest message of the requests that are read here, in bytes.
const MOST: usize = 256;
/// Peers of this size of a list are far from its limit.
const FEW: usize = 3;

fn records() -> Records {
    Records::new(Keypair::ed25519_from_bytes([7; 32]).expect("32 bytes"))
}

fn envelope() -> Vec<u8> {
    memory::from_hexadecimal(include_str!("records/known-record.txt").trim()).expect("it is hexadecimal")
}

/// A record that a peer brings: where some peer says that it is.
pub fn record(bytes: &[u8]) {
    let mut records = records();
    let stranger = Keypair::ed25519_from_bytes([8; 32]).expect("32 bytes").public().to_peer_id();
    match records.take(bytes, &stranger, |_| true) {
        Ok(Some(news)) => {
            let _ = reach::hearsay(&news.addresses, &Home::default());
            assert_eq!(records.memory(), [bytes], "what is passed on is what came");
            assert!(records.take(bytes, &stranger, |_| true).is_ok_and(|news| news.is_none()), "it is no news again");
        }
        Ok(None) => {}
        Err(wrong) => assert!(!wrong.name().is_empty() && records.len() == 0, "nothing of it is held"),
    }
}

/// The record whose bytes are known.
#[must_use]
pub fn record_seeds() -> Vec<Vec<u8>> {
    vec![envelope()]
}

/// A peer's question about records.
pub fn records_question(bytes: &[u8]) {
    let Ok(known) = known_from_bytes(bytes) else { return };
    let again: Vec<u8> =
        known.iter().flat_map(|(key, sequence)| key.iter().copied().chain(sequence.to_be_bytes())).collect();
    assert_eq!(again, bytes, "a question has one encoding");
    let mut records = records();
    records.restore(&envelope()).expect("it is true");
    let answer = records.answer(&known);
    assert!(answer.len() <= SIZES.answer, "an answer within its limit");
    records_from_bytes(&answer).expect("whoever asks can read the answer");
}

/// Questions of those who know nobody, somebody, and many.
#[must_use]
pub fn records_question_seeds() -> Vec<Vec<u8>> {
    let mut records = records();
    records.restore(&envelope()).expect("it is true");
    let many = (0..20u8).flat_map(|peer| [peer; 32].into_iter().chain(u64::from(peer).to_be_bytes()));
    vec![Vec::new(), records.known(), many.collect()]
}

/// A peer's answer: records, of which each is looked at.
pub fn records_answer(bytes: &[u8]) {
    let Ok(envelopes) = records_from_bytes(bytes) else { return };
    let again: Vec<u8> = envelopes
        .iter()
        .flat_map(|it| u16::try_from(it.len()).expect("within its limit").to_be_bytes().into_iter().chain(it.to_vec()))
        .collect();
    assert_eq!(again, bytes, "an answer has one encoding");
    envelopes.into_iter().take(FEW).for_each(record);
}

/// Answers with one record, and with some that are none.
#[must_use]
pub fn records_answer_seeds() -> Vec<Vec<u8>> {
    let mut records = records();
    records.restore(&envelope()).expect("it is true");
    let answer = records.answer(&known_from_bytes(&[]).expect("nobody is known"));
    let none = [0, 3, 1, 2, 3];
    vec![answer.clone(), [&answer[..], &none, &answer].concat()]
}

/// A stream of requests: each its length, then that many bytes.
pub fn request_frame(bytes: &[u8]) {
    let mut stream = Cursor::new(bytes);
    let mut again = Cursor::new(Vec::new());
    while let Ok(message) = block_on(read_message(&mut stream, MOST)) {
        assert!(message.len() <= MOST, "no message over its limit");
        block_on(write_message(&mut again, &message, MOST)).expect("what could be read can be written");
    }
    assert!(bytes.starts_with(&again.into_inner()), "a message has one frame");
}

/// Streams of short messages.
#[must_use]
pub fn request_frame_seeds() -> Vec<Vec<u8>> {
    let mut stream = Cursor::new(Vec::new());
    for message in [&b"status"[..], b"", &[9; MOST]] {
        block_on(write_message(&mut stream, message, MOST)).expect("short");
    }
    vec![stream.into_inner()]
}

/// What a peer calls itself.
pub fn network_name(bytes: &[u8]) {
    let Ok(theirs) = std::str::from_utf8(bytes) else { return };
    for ours in [0, 1, u16::MAX] {
        match wire::meet(theirs, DOMAIN8, ours) {
            Meeting::Same => assert_eq!(wire::name(DOMAIN8, ours), theirs, "one name for each version"),
            Meeting::Neighbour(version) => {
                assert_eq!((wire::name(DOMAIN8, version).as_str(), version.abs_diff(ours)), (theirs, 1));
            }
            Meeting::TooFar(version) => {
                assert_eq!(wire::name(DOMAIN8, version), theirs);
                assert!(version.abs_diff(ours) > 1);
            }
            Meeting::Foreign => {}
        }
    }
}

/// The names of some versions.
#[must_use]
pub fn network_name_seeds() -> Vec<Vec<u8>> {
    [0, 1, 2, u16::MAX].map(|version| wire::name(DOMAIN8, version).into_bytes()).to_vec()
}

/// The address book on disk.
pub fn address_book(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut signed = Vec::new();
    let known = memory::parse(text, |record| {
        signed.push(record.to_vec());
        true
    });
    if let Ok(known) = known {
        let book: Vec<(PeerId, Vec<Multiaddr>)> =
            known.into_iter().map(|(peer, address)| (peer, vec![address])).collect();
        let again = memory::parse(&memory::text(&book, &signed), |_| true).expect("it reads what it writes");
        assert_eq!(again.len(), book.len());
        let all: Vec<Multiaddr> = again.into_iter().map(|(_, address)| address).collect();
        let _ =
            (reach::worth_telling(&all), reach::own_word(&all, all.first()), reach::hearsay(&all, &Home::default()));
    }
}

/// A book with addresses of each sort, and records.
#[must_use]
pub fn address_book_seeds() -> Vec<Vec<u8>> {
    let peer = records_peer();
    let addresses = ["/ip4/203.0.113.7/tcp/7419", "/ip6/2001:db8::1/udp/7419/quic-v1", "/dns4/boot.example/tcp/1"];
    let addresses = addresses.iter().map(|address| address.parse().expect("an address")).collect();
    let book = memory::text(&[(peer, addresses)], &[envelope()]);
    vec![memory::text(&[], &[]).into_bytes(), book.into_bytes()]
}

fn records_peer() -> PeerId {
    Keypair::ed25519_from_bytes([9; 32]).expect("32 bytes").public().to_peer_id()
}

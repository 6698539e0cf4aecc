use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest, Sha256};

use super::*;
use crate::executor::{MAX_CODE_BYTES, MAX_PIECE_BYTES};

/// What a peer does when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nature {
    Honest,
    /// It has nothing.
    Empty,
    /// It gives bytes of the right number that are others.
    Liar,
    /// It says that the code is longer than any.
    Endless,
    /// The code grows with every piece.
    Growing,
    /// It gives one piece.
    Ends,
    /// It gives less of each piece than was asked for.
    Truncates,
    /// It says that it has it, and then nothing.
    Stalls,
    Silent,
    /// It does not know the protocol.
    Deaf,
    /// It is busy every other time.
    Busy,
}

#[derive(Debug)]
struct Peer {
    nature: Nature,
    asked: AtomicUsize,
}

#[derive(Debug)]
struct Company {
    code: Vec<u8>,
    peers: BTreeMap<PeerId, Peer>,
    blamed: Mutex<Vec<(PeerId, &'static str)>>,
}

impl Company {
    fn of(code: &[u8], natures: &[Nature]) -> (PeerCode<Arc<Self>>, Arc<Self>) {
        let peer = |nature: &Nature| (PeerId::random(), Peer { nature: *nature, asked: AtomicUsize::new(0) });
        let peers = natures.iter().map(peer).collect();
        let company = Arc::new(Self { code: code.to_vec(), peers, blamed: Mutex::default() });
        let source = PeerCode { patience: Duration::from_millis(500), ..PeerCode::new(Arc::clone(&company)) };
        (source, company)
    }

    fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.code).into()
    }

    /// How often those of a nature were asked.
    fn asked(&self, nature: Nature) -> usize {
        self.peers.values().filter(|peer| peer.nature == nature).map(|peer| peer.asked.load(Ordering::SeqCst)).sum()
    }

    fn blamed(&self) -> Vec<&'static str> {
        self.blamed.lock().unwrap().iter().map(|(_, reason)| *reason).collect()
    }

    fn tells(&self, nature: Nature, question: Question, time: usize) -> Vec<u8> {
        let Question { hash, offset, count } = question;
        assert_eq!(hash, self.hash());
        let length = u32::try_from(self.code.len()).unwrap();
        let piece = &self.code[offset as usize..][..count as usize];
        let (length, piece) = match nature {
            Nature::Empty => return Vec::new(),
            Nature::Ends if offset > 0 => return Vec::new(),
            Nature::Liar => (length, piece.iter().map(|byte| !byte).collect()),
            Nature::Endless => (u32::MAX, piece.to_vec()),
            Nature::Growing => (length + u32::try_from(time).unwrap(), piece.to_vec()),
            Nature::Truncates => (length, piece[..piece.len() / 2].to_vec()),
            _ => (length, piece.to_vec()),
        };
        [&length.to_be_bytes()[..], &piece].concat()
    }
}

impl Mesh for Arc<Company> {
    fn local(&self) -> PeerId {
        p2p::peer_id_from_public_key(&[1; 32])
    }

    async fn connected(&self) -> Vec<PeerId> {
        self.peers.keys().copied().collect()
    }

    async fn ask(&self, peer: PeerId, question: Vec<u8>) -> Result<Vec<u8>, RequestError> {
        let Peer { nature, asked } = &self.peers[&peer];
        let time = asked.fetch_add(1, Ordering::SeqCst);
        match nature {
            Nature::Deaf => return Err(RequestError::Unsupported),
            Nature::Silent => std::future::pending().await,
            Nature::Stalls if time > 0 => std::future::pending().await,
            Nature::Busy if time % 2 == 1 => return Err(RequestError::Sated(Duration::from_millis(1))),
            _ => {}
        }
        Ok(self.tells(*nature, Question::decode(&question).unwrap(), time))
    }

    async fn blame(&self, peer: PeerId, reason: &'static str) {
        self.blamed.lock().unwrap().push((peer, reason));
    }
}

fn long() -> Vec<u8> {
    (0..3 * MAX_PIECE_BYTES + 17).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

#[tokio::test]
async fn whoever_has_it_gives_all_of_it() {
    for code in [b"x".to_vec(), long(), vec![3; MAX_CODE_BYTES]] {
        let (source, company) = Company::of(&code, &[Nature::Empty, Nature::Honest, Nature::Empty, Nature::Busy]);
        assert!(source.find(company.hash()).await == Some(code));
        assert!(company.blamed().is_empty());
    }
}

#[tokio::test]
async fn a_lie_is_charged_to_the_one_who_told_it_and_it_is_not_asked_again() {
    for (nature, reason) in [
        (Nature::Liar, "code_wrong"),
        (Nature::Growing, "code_malformed"),
        (Nature::Truncates, "code_malformed"),
        (Nature::Endless, "code_malformed"),
    ] {
        let (source, company) = Company::of(&long(), &[nature]);
        assert_eq!(source.find(company.hash()).await, None, "{nature:?}");
        assert_eq!(company.blamed(), [reason], "{nature:?}");
        let asked = company.asked(nature);
        assert!(asked <= 5, "{nature:?}: {asked} questions");
        assert_eq!(source.find(company.hash()).await, None);
        assert_eq!(company.asked(nature), asked, "{nature:?}");
    }
}

#[tokio::test]
async fn whoever_is_slow_or_has_it_no_more_is_charged_with_nothing_and_left_alone() {
    for nature in [Nature::Stalls, Nature::Silent, Nature::Ends, Nature::Deaf] {
        let (source, company) = Company::of(&long(), &[nature]);
        assert_eq!(source.find(company.hash()).await, None, "{nature:?}");
        let asked = company.asked(nature);
        assert_eq!(source.find(company.hash()).await, None);
        assert_eq!(company.asked(nature), asked, "{nature:?}");
        assert!(company.blamed().is_empty(), "{nature:?}");
    }
}

/// Whoever answers first, and whatever it is.
#[tokio::test]
async fn one_honest_peer_among_seven_others_is_enough() {
    let others = [
        Nature::Liar,
        Nature::Growing,
        Nature::Truncates,
        Nature::Endless,
        Nature::Stalls,
        Nature::Silent,
        Nature::Deaf,
        Nature::Honest,
    ];
    let (source, company) = Company::of(&long(), &others);
    assert_eq!(source.find(company.hash()).await, Some(long()));
    // All the bad ones together have cost no more than four times the code.
    let pieces: usize = others[..7].iter().map(|nature| company.asked(*nature)).sum();
    assert!(pieces <= 7 + 4 * 4, "{pieces} questions");
}

#[tokio::test]
async fn of_many_who_have_nothing_eight_are_asked_once() {
    let (source, company) = Company::of(&long(), &[Nature::Empty; 100]);
    assert_eq!(source.find(company.hash()).await, None);
    assert_eq!(company.asked(Nature::Empty), 8);
    let place = source.place(company.hash()).await;
    assert!(place <= 100, "{place}");
    let (alone, company) = Company::of(&long(), &[]);
    assert_eq!((alone.place(company.hash()).await, alone.find(company.hash()).await), (0, None));
}

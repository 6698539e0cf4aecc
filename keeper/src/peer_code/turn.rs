//! In which order keepers go to the URL of a code, and whom this one asks for it. The order is another one for each code, and all
//! draw it alike, so that who is asked first is who has it first. Nothing rests on it: whoever has found a name that stands first for
//! some code can be first to lie about it, which costs the others what any lie costs.

use std::collections::BTreeSet;

use p2p::PeerId;
use sha2::{Digest, Sha256};

/// Asked at a time: those whose turn at the URL comes first, who have a new code before the others...
const FIRST: usize = 4;
/// ...and others at random, any of whom has an old one.
const OTHERS: usize = 4;

/// How many of the peers come before this keeper.
pub(super) fn place(hash: &[u8; 32], local: PeerId, peers: &[PeerId]) -> usize {
    let own = rank(hash, 0, &local);
    peers.iter().filter(|peer| rank(hash, 0, peer) < own).count()
}

/// Whom to ask.
pub(super) fn choose(hash: &[u8; 32], peers: &[PeerId], salt: u64) -> Vec<PeerId> {
    let in_order = |salt, peers: &mut dyn Iterator<Item = PeerId>| {
        let ranked: BTreeSet<_> = peers.map(|peer| (rank(hash, salt, &peer), peer)).collect();
        ranked.into_iter().map(|(_, peer)| peer).collect::<Vec<_>>()
    };
    let mut chosen = in_order(0, &mut peers.iter().copied());
    let rest = chosen.split_off(chosen.len().min(FIRST));
    chosen.extend(in_order(salt, &mut rest.into_iter()).into_iter().take(OTHERS));
    chosen
}

fn rank(hash: &[u8; 32], salt: u64, peer: &PeerId) -> [u8; 32] {
    let ranked = Sha256::new().chain_update(hash).chain_update(salt.to_be_bytes()).chain_update(peer.to_bytes());
    ranked.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(number: usize) -> Vec<PeerId> {
        (0..number).map(|_| PeerId::random()).collect()
    }

    /// Whatever a keeper is not connected to, or does not ask, leaves the order of the others as it is.
    #[test]
    fn every_keeper_has_a_place_of_its_own_and_all_agree() {
        let all = peers(64);
        for hash in [[1; 32], [2; 32]] {
            let places = all.iter().map(|own| {
                let others: Vec<_> = all.iter().copied().filter(|peer| peer != own).collect();
                place(&hash, *own, &others)
            });
            assert_eq!(places.collect::<BTreeSet<_>>(), (0..64).collect());
        }
        let firsts = (0..=255).map(|code| all.iter().find(|own| place(&[code; 32], **own, &all) == 0));
        assert!(firsts.collect::<BTreeSet<_>>().len() > 32, "no keeper is first for all codes");
    }

    #[test]
    fn those_who_go_first_are_asked_and_some_others_each_time() {
        let (all, hash) = (peers(40), [3; 32]);
        let mut asked = BTreeSet::new();
        for salt in 1..200 {
            let chosen = choose(&hash, &all, salt);
            assert_eq!(chosen.len(), FIRST + OTHERS);
            for (at, peer) in chosen[..FIRST].iter().enumerate() {
                assert_eq!(place(&hash, *peer, &all), at);
            }
            asked.extend(chosen);
        }
        assert_eq!(asked.len(), 40, "everybody is asked some time");
        assert_eq!(choose(&hash, &all[..3], 1).len(), 3);
        assert!(choose(&hash, &[], 1).is_empty());
    }
}

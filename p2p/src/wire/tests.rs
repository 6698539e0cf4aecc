use super::*;

const DOMAIN: &str = "00112233aabbccdd";

#[test]
fn neighbours_stay_and_others_go() {
    let meet = |theirs: &str, ours| meet(theirs, DOMAIN, ours);
    assert_eq!(meet(&name(DOMAIN, 7), 7), Meeting::Same);
    assert_eq!(meet(&name(DOMAIN, 6), 7), Meeting::Neighbour(6));
    assert_eq!(meet(&name(DOMAIN, 8), 7), Meeting::Neighbour(8));
    assert_eq!(meet(&name(DOMAIN, 5), 7), Meeting::TooFar(5));
    assert_eq!(meet(&name(DOMAIN, u16::MAX), 7), Meeting::TooFar(u16::MAX));
    assert_eq!(meet(&name("00112233aabbccde", 7), 7), Meeting::Foreign);
}

#[test]
fn whatever_a_peer_calls_itself_is_no_version_by_chance() {
    let version = |text: &str| meet(&format!("/kpr/{DOMAIN}{text}"), DOMAIN, 1);
    for text in ["", "/", "1", "/01", "/+1", "/-1", "/1/", "/1 ", "/65537", "/99999999999999999999", "/１"] {
        assert_eq!(version(text), Meeting::Foreign, "{text:?}");
    }
    for text in ["", "/", "/ipfs/0.1.0", "kpr/00112233aabbccdd/1"] {
        assert_eq!(meet(text, DOMAIN, 1), Meeting::Foreign, "{text:?}");
    }
}

/// What peers of released versions call themselves: changing it splits a mesh that runs.
#[test]
fn the_name_is_as_it_always_was() {
    assert_eq!(name(DOMAIN, WIRE), "/kpr/00112233aabbccdd/1");
}

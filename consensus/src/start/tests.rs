use std::time::Duration;

use super::*;
use crate::facts::tests::{block, facts, facts_at, signing};
use crate::outbox::tests::texts;

fn at(second: u64) -> Time {
    Time::from_seconds(second)
}

fn peer(keeper: u16) -> PeerKey {
    PeerKey(signing(keeper).verifying_key().to_bytes())
}

fn anchors(number: u64) -> [Anchor; 1] {
    [block(number).into()]
}

#[test]
fn a_key_that_has_never_signed_signs_at_once_and_asks_nobody() {
    let (facts, mut outbox) = (facts(0, 1_000), Outbox::default());
    let mut start = Start::new(JournalState::New, 100);
    start.on_head(&facts, at(1_000), &mut outbox);
    start.peer_up(peer(1), &facts, &mut outbox);
    start.look(at(1_010), &mut outbox);
    assert!(texts(&mut outbox).is_empty() && start.signing() == Signing::Anything && start.may_lead(0, &facts.pace()));
}

#[test]
fn listening_begins_with_the_first_block_and_ends_after_two_seconds() {
    let (facts, mut outbox) = (facts(0, 1_000), Outbox::default());
    let mut start = Start::new(JournalState::Intact, 100);
    start.look(at(999), &mut outbox);
    assert!(texts(&mut outbox).is_empty() && start.signing() == Signing::NotYet && !start.may_lead(900, &facts.pace()));
    start.on_head(&facts, at(1_000), &mut outbox);
    assert_eq!(texts(&mut outbox), ["at 1002000 start"]);
    assert!(
        !start.may_lead(501, &facts.pace()) && start.may_lead(502, &facts.pace()),
        "it may have assigned in the windows before"
    );
    start.on_head(&facts, at(1_001), &mut outbox);
    start.look(at(1_001), &mut outbox);
    assert_eq!(texts(&mut outbox), ["at 1002000 start"], "looked at too early, it waits on");
    assert_eq!(start.signing(), Signing::NotYet);
    start.look(at(1_002), &mut outbox);
    assert_eq!((texts(&mut outbox), start.signing()), (vec!["listening ended".to_owned()], Signing::Anything));
}

/// Blocks older than the newest one less its confirmations end no waiting, however long they take.
#[test]
fn listening_begins_only_when_the_keeper_has_caught_up() {
    let (old, new, mut outbox) = (facts(0, 1_000), facts(0, 1_040), Outbox::default());
    let mut start = Start::new(JournalState::Intact, 100);
    start.peer_up(peer(1), &old, &mut outbox);
    start.note_newest(1_042);
    start.on_head(&old, at(1_100), &mut outbox);
    start.look(at(1_200), &mut outbox);
    assert!(texts(&mut outbox).is_empty() && start.signing() == Signing::NotYet, "42 blocks behind");
    start.on_head(&new, at(1_200), &mut outbox);
    assert_eq!(texts(&mut outbox), ["at 1202000 start", "ask a peer"]);
    start.look(at(1_202), &mut outbox);
    assert_eq!(start.signing(), Signing::Anything);
}

/// Numbers of blocks are compared with numbers of blocks: 40 confirmations of 250 ms last ten seconds, and are 40 blocks.
#[test]
fn short_blocks_are_caught_up_with() {
    for (block_ms, confirmations) in [(250, 40), (250, 3), (100, 150), (12_000, 3), (1_000, 0)] {
        let pace = Pace::of(Duration::from_millis(block_ms), confirmations);
        let (facts, mut outbox) = (facts_at(pace, 0, 1_000), Outbox::default());
        let mut start = Start::new(JournalState::Intact, 256);
        start.note_newest(1_000 + confirmations + BEHIND_MAX + 1);
        start.on_head(&facts, at(1_000), &mut outbox);
        start.look(at(1_010), &mut outbox);
        assert_eq!(start.signing(), Signing::NotYet, "{block_ms} ms: one block too far behind");
        start.note_newest(1_000 + confirmations);
        start.on_head(&facts, at(1_010), &mut outbox);
        start.look(at(1_012), &mut outbox);
        assert_eq!(start.signing(), Signing::Anything, "{block_ms} ms");
    }
}

#[test]
fn a_chain_set_back_is_caught_up_with_again() {
    let (facts, mut outbox) = (facts(0, 1_000), Outbox::default());
    let mut start = Start::new(JournalState::Intact, 100);
    start.note_newest(5_000);
    start.rewound(1_000);
    start.on_head(&facts, at(1_000), &mut outbox);
    assert_eq!(texts(&mut outbox), ["at 1002000 start"]);
}

#[test]
fn every_peer_is_asked_once_as_soon_as_the_keeper_knows_its_index() {
    let (stranger, member, mut outbox) = (facts(9, 1_000), facts(0, 1_000), Outbox::default());
    let mut start = Start::new(JournalState::Intact, 100);
    start.peer_up(peer(1), &stranger, &mut outbox);
    assert!(texts(&mut outbox).is_empty(), "it is in no committee yet");
    start.on_head(&member, at(1_000), &mut outbox);
    assert_eq!(texts(&mut outbox), ["at 1002000 start", "ask a peer"]);
    start.peer_up(peer(2), &member, &mut outbox);
    assert_eq!(texts(&mut outbox), ["ask a peer"]);
    start.look(at(1_002), &mut outbox);
    start.peer_up(peer(3), &member, &mut outbox);
    assert_eq!(texts(&mut outbox), ["listening ended"], "afterwards nobody is asked");
}

#[test]
fn without_its_journal_it_signs_only_what_is_newer_than_anything_shown() {
    let (facts, mut outbox) = (facts(0, 1_000), Outbox::default());
    let mut start = Start::new(JournalState::Lost, 100);
    start.on_head(&facts, at(1_000), &mut outbox);
    start.note_head_of_peer(1_003, &facts);
    start.note_head_of_peer(1_001, &facts);
    start.look(at(1_002), &mut outbox);
    start.note_head_of_peer(1_050, &facts);
    assert_eq!(start.signing(), Signing::Above(1_003));
    assert!(!start.signing().allows(&anchors(1_003)) && start.signing().allows(&anchors(1_004)));
    let mut lied_to = Start::new(JournalState::Lost, 100);
    lied_to.on_head(&facts, at(1_000), &mut outbox);
    lied_to.note_head_of_peer(u64::MAX, &facts);
    lied_to.look(at(1_002), &mut outbox);
    assert_eq!(lied_to.signing(), Signing::Above(1_100), "a liar silences it for as long as an anchor may be old");
}

#[test]
fn the_peers_to_ask_are_bounded() {
    let (facts, mut outbox) = (facts(9, 1_000), Outbox::default());
    let mut start = Start::new(JournalState::Intact, 100);
    for number in 0..2_000u64 {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&number.to_be_bytes());
        start.peer_up(PeerKey(key), &facts, &mut outbox);
    }
    assert_eq!(start.to_ask.len(), PEERS_MAX);
}

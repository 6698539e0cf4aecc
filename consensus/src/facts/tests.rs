use std::time::Duration;

use super::*;
use crate::committee::Member;
use crate::config::JournalState;
use crate::laws::Kept;
use crate::task::{InstanceKey, JobId, Task};
use crate::time::Time;

/// Blocks of one second, windows of two, an anchor lag of two.
pub(crate) const PACE: Pace = Pace::of(Duration::from_secs(1), 0);
pub(crate) const DOMAIN: Domain = Domain { chain_id: 31337, task_manager: Address::repeat_byte(0x11) };
/// Number and timestamp of the first block.
pub(crate) const FIRST: u64 = 900;

pub(crate) fn secret(keeper: u16) -> SecretKey {
    SecretKey::generate(&[keeper as u8 + 1; 32])
}

pub(crate) fn signing(keeper: u16) -> SigningKey {
    SigningKey::from_bytes(&[keeper as u8 + 1; 32])
}

/// Five keepers of equal stake, with keys that sign.
pub(crate) fn committee(epoch: u32, active_from: u64, table: u8) -> Committee {
    let member = |keeper: u16| Member {
        operator: Address::repeat_byte(keeper as u8 + 1),
        stake: 100,
        peer_key: PeerKey(signing(keeper).verifying_key().to_bytes()),
        key: secret(keeper).public_key(),
    };
    Committee::new(epoch, active_from, B256::repeat_byte(table), (0..5).map(member).collect()).unwrap()
}

pub(crate) fn block(second: u64) -> BlockRef {
    BlockRef { number: second, hash: B256::left_padding_from(&second.to_be_bytes()), timestamp: second }
}

/// What one keeper of five knows when the newest block is that of second `head`.
pub(crate) fn facts(keeper: u16, head: u64) -> Facts {
    facts_under(Arc::new(Kept), keeper, head)
}

/// The same at another pace.
pub(crate) fn facts_at(pace: Pace, keeper: u16, head: u64) -> Facts {
    facts_of(Arc::new(Kept), pace, keeper, head)
}

pub(crate) fn facts_under(laws: Arc<dyn Laws>, keeper: u16, head: u64) -> Facts {
    facts_of(laws, PACE, keeper, head)
}

fn facts_of(laws: Arc<dyn Laws>, pace: Pace, keeper: u16, head: u64) -> Facts {
    let config = Config {
        domain: DOMAIN,
        pace,
        anchor_age: 100,
        operator: Address::repeat_byte(keeper as u8 + 1),
        secret: secret(keeper),
        peer_key: signing(keeper),
        seed: [7; 32],
        journal: JournalState::New,
    };
    let mut facts = Facts::new(config, laws);
    facts.enter_epoch(committee(1, 1, 5));
    (FIRST..=head).for_each(|second| facts.push(block(second)));
    facts
}

pub(crate) fn task(job: u64) -> Task {
    Task { job: JobId(job), version: 1, instance: InstanceKey::from_run(0) }
}

/// A task due at second `due`, given up 64 s later.
pub(crate) fn due(job: u64, due: u64) -> DueTask {
    DueTask {
        task: task(job),
        due,
        deadline: due + 64,
        anchor: AnchorRule::ByTime,
        rank: 0,
        code_hash: B256::repeat_byte(0xcc),
        quorum_bps: 0,
        callback_gas: 100_000,
        observes: false,
    }
}

#[test]
fn the_anchor_by_time_is_the_last_block_before_the_attempt_less_the_lag_once_that_is_certain() {
    let due = due(1, 1_000);
    assert_eq!(facts(0, 998).anchor(&due, 0), None, "the next block may have the same timestamp");
    assert_eq!(facts(0, 999).anchor(&due, 0), Some(block(998)));
    assert_eq!(facts(0, 1_030).anchor(&due, 2), Some(block(1_022)), "eight and sixteen seconds later");
}

/// What was seen in a block is pinned to it at first, and where nobody agreed there to later blocks like all else.
#[test]
fn the_first_anchor_of_what_was_seen_is_the_block_it_was_seen_in() {
    let due = DueTask { anchor: AnchorRule::AtBlock(990), ..due(1, 1_000) };
    assert_eq!(facts(0, 989).anchor(&due, 0), None);
    assert_eq!(facts(0, 990).anchor(&due, 0), Some(block(990)));
    assert_eq!(
        (facts(0, 1_008).anchor(&due, 1), facts(0, 1_030).anchor(&due, 1)),
        (Some(block(1_006)), Some(block(1_006)))
    );
    let seen_late = DueTask { anchor: AnchorRule::AtBlock(1_007), ..due };
    assert_eq!(facts(0, 1_030).anchor(&seen_late, 1), None, "in block 1,006 it was not due yet");
    let mut facts = facts(0, 995);
    facts.rewind(989);
    assert_eq!(facts.anchor(&due, 0), None);
}

#[test]
fn the_committee_of_a_block_is_the_newest_one_active_at_it() {
    let mut facts = facts(0, 950);
    facts.enter_epoch(committee(2, 940, 6));
    let epoch = |facts: &Facts, block: u64| facts.committee_at(block).map(|committee| committee.epoch());
    assert_eq!((epoch(&facts, 0), epoch(&facts, 939), epoch(&facts, 940)), (None, Some(1), Some(2)));
    facts.rewind(938);
    assert_eq!(epoch(&facts, 940), Some(1), "it began in a block that is gone");
    (3..40).for_each(|epoch| facts.enter_epoch(committee(epoch, 1_000 + u64::from(epoch), 6)));
    assert_eq!(facts.committees().count(), COMMITTEES_MAX);
}

#[test]
fn leaders_are_known_one_window_ahead_and_no_earlier() {
    let mut facts = facts(0, 1_001);
    let window = PACE.window_at(Time::from_seconds(1_001));
    let line = facts.leaders(window + 1).unwrap().0;
    assert!(line.len() == 5 && facts.leaders(window + 2).is_none());
    assert_eq!(facts.view(window + 1).unwrap().order, line, "whoever only looks sees the same");
    let mut other = super::tests::facts(3, 1_001);
    assert_eq!(other.leaders(window + 1).unwrap().0, line, "and so does everybody else");
}

#[test]
fn a_leader_that_misses_two_turns_goes_to_the_end_of_the_line() {
    let mut facts = facts(0, 1_040);
    let late = |window: u64, anchor: u64, submitter: Address| LateSettlement {
        block: 1_030,
        due: window * 2,
        rule: AnchorRule::ByTime,
        anchor,
        submitter,
    };
    let drawn = facts.drawn(519).unwrap();
    let leads = |facts: &mut Facts, window: u64| facts.leaders(window).unwrap().0[0] == drawn[0];
    let windows: Vec<u64> = (490..515).filter(|&window| leads(&mut facts, window)).take(3).collect();
    let [first, second, third] = windows[..] else { panic!("it leads in three of 25 windows: {windows:?}") };
    let anchor = |window: u64| window * 2 - 2;
    let other = Address::repeat_byte(0xee);
    facts.note_late(&late(first, anchor(first), other));
    facts.note_late(&late(second, anchor(second) + 8, other));
    let itself = facts.committee_at(1_000).unwrap().member(drawn[0]).unwrap().operator;
    facts.note_late(&late(second, anchor(second), itself));
    assert_eq!(facts.leaders(519).unwrap().0, drawn, "a later attempt and its own settlement are no missed turns");
    facts.note_late(&late(third, anchor(third), other));
    assert_eq!(facts.leaders(519).unwrap().0.last(), drawn.first());
    assert_eq!(facts.drawn(519).unwrap(), drawn);
}

#[test]
fn who_stands_against_more_stake_than_agrees_is_in_doubt() {
    let mut facts = facts(0, 1_000);
    let mine = facts.committee_at(1_000).unwrap();
    let peer = |keeper: u16| PeerKey(signing(keeper).verifying_key().to_bytes());
    let other = B256::repeat_byte(9);
    facts.note_table(peer(1), 1, other);
    assert!(!facts.is_disputed(&mine), "one against one");
    facts.note_table(peer(2), 7, other);
    facts.note_table(PeerKey([9; 32]), 1, other);
    assert!(!facts.is_disputed(&mine), "another epoch and a stranger say nothing");
    facts.note_table(peer(2), 1, other);
    assert!(facts.is_disputed(&mine) && facts.is_doubtful(&mine));
    facts.note_table(peer(3), 1, mine.table_root());
    assert!(!facts.is_disputed(&mine));
}

#[test]
fn the_keeper_is_the_row_with_its_operator_and_its_keys() {
    let known = committee(1, 1, 5);
    assert_eq!(facts(3, 900).my_index(&known), Some(KeeperIndex(3)));
    let mut rows = known.members().to_vec();
    rows[3].operator = Address::repeat_byte(0x77);
    let other = Committee::new(1, 1, B256::ZERO, rows).unwrap();
    assert_eq!(facts(3, 900).my_index(&other), None);
}

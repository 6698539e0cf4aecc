use std::collections::BTreeMap;

use alloy::primitives::{Address, B256};

use super::*;
use crate::archive::{Change, Settlement};
use crate::view::{MemberView, TurnView};

fn scene() -> Scene {
    Scene::register(&mut Registry::default(), Domain { chain_id: 1, task_manager: Address::ZERO })
}

fn run(job: u64, run: u64) -> Task {
    Task { job: JobId(job), version: 2, instance: InstanceKey::from_run(run) }
}

fn entry(task: Task, change: Change) -> Entry {
    Entry { task, at: Time(7_000), change }
}

fn address(byte: u8) -> Address {
    Address::repeat_byte(byte)
}

fn settled(timestamp: u64, seconds_late: u64, submitter: Address) -> Change {
    Change::Settled(Settlement {
        block: 9,
        timestamp,
        seconds_late,
        anchor: 5,
        tx: B256::ZERO,
        submitter,
        status: 0,
        delivered: true,
    })
}

fn turn(window: u64, line: &[Address]) -> TurnView {
    let line = line.iter().map(ToString::to_string).collect();
    TurnView { window, begins_ms: window * 2_000, ends_ms: (window + 1) * 2_000, line }
}

#[test]
fn a_name_leads_back_to_its_task() {
    let hash = Task { job: JobId(u64::MAX), version: 0, instance: InstanceKey(B256::repeat_byte(0xab)) };
    for task in [run(1, 0), run(7, u64::MAX), hash] {
        assert_eq!(super::task(&key(&task)), Some(task), "{}", key(&task));
    }
    assert_eq!(key(&run(3, 42)), "3.2.42");
}

#[test]
fn nothing_is_written_while_nobody_looks_and_whoever_falls_behind_is_let_go() {
    let scene = scene();
    scene.entry(&entry(run(1, 1), Change::Signed));
    let mut reader = scene.reader().expect("there is room");
    assert_eq!(scene.readers(), (1, 0));
    for number in 0..=NEWS_MAX as u64 {
        scene.entry(&entry(run(1, number), Change::Signed));
    }
    let told = futures_util::future::FutureExt::now_or_never(reader.next());
    assert_eq!(told, Some(None), "it did not keep up");
    drop(reader);
    assert_eq!(scene.readers(), (0, 1));
}

#[test]
fn a_piece_of_news_is_one_object_with_what_belongs_to_it() {
    let scene = scene();
    let mut reader = scene.reader().expect("there is room");
    scene.entry(&entry(run(4, 5), settled(12, 3, address(1))));
    let news = futures_util::future::FutureExt::now_or_never(reader.next()).flatten().expect("it is told");
    let data: serde_json::Value = serde_json::from_str(&news.data).unwrap();
    assert_eq!((news.kind, &data["key"], &data["change"]), ("task", &"4.2.5".into(), &"settled".into()));
    assert_eq!((&data["block"], &data["seconds_late"], &data["at_ms"]), (&9.into(), &3.into(), &7_000.into()));
    assert!(!news.data.contains('\n'));
}

#[test]
fn the_oldest_tasks_are_forgotten() {
    let scene = scene();
    for number in 0..3_000 {
        scene.entry(&entry(run(1, number), Change::Due { due: number }));
    }
    scene.look(|memory| {
        assert!(memory.story(&run(1, 2_999)).is_some_and(|story| story.due == Some(2_999)));
        assert!(memory.story(&run(1, 2_999 - 1_023)).is_some());
        assert!(memory.story(&run(1, 2_999 - 1_024)).is_none());
    });
}

#[test]
fn a_task_counts_for_the_window_it_was_due_in_and_a_handover_for_both() {
    let scene = scene();
    let (a, b) = (address(1), address(2));
    let view = View { turns: vec![turn(5, &[a, b]), turn(6, &[b, a])], ..View::default() };
    scene.show(&view, None);
    // Due at 10, in window 5; at 13, in window 6; at 100, in one that nobody remembers.
    scene.entry(&entry(run(1, 1), settled(11, 1, a)));
    scene.entry(&entry(run(1, 2), settled(17, 4, a)));
    scene.entry(&entry(run(1, 3), settled(101, 1, b)));
    scene.look(|memory| {
        let turns: Vec<&Turn> = memory.turns().collect();
        assert_eq!((turns[0].settled.clone(), turns[0].seconds_late), (BTreeMap::from([(a, 1)]), 1));
        assert_eq!((turns[1].settled.clone(), turns[1].seconds_late), (BTreeMap::from([(a, 1)]), 4));
        let of = |operator| memory.tallies()[&operator].clone();
        assert_eq!((of(a).settled, of(a).took_over, of(a).left_to_others), (2, 1, 0));
        assert_eq!((of(b).settled, of(b).took_over, of(b).left_to_others), (0, 0, 1));
    });
}

#[test]
fn a_settlement_that_is_undone_counts_for_nobody_and_once_when_it_comes_again() {
    let scene = scene();
    let (a, b) = (address(1), address(2));
    scene.show(&View { turns: vec![turn(5, &[a, b])], ..View::default() }, None);
    let counted = |wanted: [(u64, u64, u64); 2], brought: &[(Address, u32)]| {
        scene.look(|memory| {
            let of = |operator| memory.tallies().get(&operator).cloned().unwrap_or_default();
            let found = [of(a), of(b)].map(|tally| (tally.settled, tally.took_over, tally.left_to_others));
            assert_eq!(found, wanted);
            let turn = memory.turns().next().expect("it is remembered");
            assert_eq!(turn.settled, brought.iter().copied().collect::<BTreeMap<_, _>>());
            assert_eq!(turn.seconds_late == 0, brought.is_empty());
        });
    };
    scene.entry(&entry(run(1, 1), settled(12, 2, b)));
    counted([(0, 0, 1), (1, 1, 0)], &[(b, 1)]);
    scene.entry(&entry(run(1, 1), Change::Reopened));
    counted([(0, 0, 0), (0, 0, 0)], &[]);
    scene.entry(&entry(run(1, 1), Change::Reopened));
    scene.entry(&entry(run(1, 1), settled(13, 3, a)));
    counted([(1, 0, 0), (0, 0, 0)], &[(a, 1)]);
    // In another block, without a word in between.
    scene.entry(&entry(run(1, 1), settled(14, 4, a)));
    counted([(1, 0, 0), (0, 0, 0)], &[(a, 1)]);
    scene.entry(&entry(run(1, 1), Change::Expired));
    counted([(0, 0, 0), (0, 0, 0)], &[]);
}

fn committee(epoch: u32) -> Arc<Committee> {
    let root = B256::from(alloy::primitives::U256::from(epoch));
    let key = consensus::bls::SecretKey::generate(&[1; 32]).public_key();
    let peer_key = consensus::committee::PeerKey([1; 32]);
    let member = consensus::committee::Member { operator: address(1), stake: 1, peer_key, key };
    Arc::new(Committee::new(epoch, 10, root, vec![member]).expect("one with stake"))
}

fn certificate(epoch: u32) -> Arc<Certificate> {
    let report = consensus::report::Report {
        task: run(1, epoch.into()),
        anchor: consensus::report::Anchor { number: 1, hash: B256::ZERO },
        input_set: B256::ZERO,
        status: consensus::task::Status::Call,
        outcome_hash: B256::ZERO,
    };
    let signature = consensus::bls::SecretKey::generate(&[1; 32]).sign(&[1; 32]);
    let signers = [KeeperIndex(0)].into_iter().collect();
    Arc::new(Certificate { epoch, reports: vec![report], signers, signature })
}

#[test]
fn a_committee_stays_while_there_is_a_certificate_to_be_checked_against_it() {
    let scene = scene();
    let known =
        || scene.look(|memory| (1..=200).filter(|epoch| memory.committee(*epoch).is_some()).collect::<Vec<u32>>());
    for epoch in 1..=20 {
        scene.show(&View::default(), Some(committee(epoch)));
        if epoch == 3 {
            scene.sight(Sight::Certified { certificate: certificate(epoch), at: Time(1) });
        }
    }
    assert_eq!(
        known(),
        std::iter::once(3).chain(13..=20).collect::<Vec<u32>>(),
        "the newest, and that of the certificate"
    );
    for epoch in 21..=200 {
        scene.show(&View::default(), Some(committee(epoch)));
        scene.sight(Sight::Certified { certificate: certificate(epoch), at: Time(1) });
    }
    assert_eq!(known(), (137..=200).collect::<Vec<u32>>(), "there is no room for more");
}

#[test]
fn a_line_that_changes_before_its_window_is_the_newer_one_and_old_windows_go() {
    let scene = scene();
    let (a, b) = (address(1), address(2));
    scene.show(&View { turns: vec![turn(5, &[a, b])], ..View::default() }, None);
    scene.show(&View { turns: vec![turn(5, &[b, a])], ..View::default() }, None);
    scene.look(|memory| assert_eq!(memory.turns().map(|turn| turn.line[0]).collect::<Vec<_>>(), [b]));
    for window in 6..1_000 {
        scene.show(&View { turns: vec![turn(window, &[a])], ..View::default() }, None);
    }
    scene.look(|memory| assert_eq!(memory.turns().count(), 240));
}

#[test]
fn who_is_connected_is_counted_and_this_keeper_always_is() {
    let scene = scene();
    let member = |operator: Address, connected| MemberView {
        operator: operator.to_string(),
        connected,
        ..MemberView::default()
    };
    let members = vec![member(address(1), false), member(address(2), true), member(address(3), false)];
    let view = View { operator: address(1).to_string(), members, ..View::default() };
    scene.show(&view, None);
    scene.show(&view, None);
    scene.look(|memory| {
        let of = |byte| (memory.tallies()[&address(byte)].looks, memory.tallies()[&address(byte)].connected);
        assert_eq!([of(1), of(2), of(3)], [(2, 2), (2, 2), (2, 0)]);
    });
}

#[test]
fn stake_that_is_gone_since_it_was_first_seen_is_lost_and_what_comes_later_is_none() {
    let scene = scene();
    for (stake, lost) in [("100", 0_u128), ("70", 30), ("", 30), ("120", 0), ("90", 30)] {
        let member = MemberView { operator: address(1).to_string(), stake: stake.to_owned(), ..MemberView::default() };
        scene.show(&View { members: vec![member], ..View::default() }, None);
        if let Ok(stake) = stake.parse() {
            scene.look(|memory| assert_eq!(memory.tallies()[&address(1)].stake_lost(stake), lost, "at {stake}"));
        }
    }
}

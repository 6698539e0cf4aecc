//! What the chain shows that makes jobs due.

use std::sync::Arc;

use consensus::task::AnchorRule;
use contracts::terms::{ConditionTerms, LogTerms, Missed};
use executor::LogEntry;

use super::*;
use crate::archive::{Change, Entry};
use crate::jobs::probe::Probed;
use crate::jobs::search::{Found, Hit, Stretch, Unread};
use crate::jobs::trigger::{SeenLog, Sighting};

pub(super) fn triggered(id: u64, trigger: TriggerTerms) -> Event {
    limited(id, trigger, Limits::default())
}

fn limited(id: u64, trigger: TriggerTerms, limits: Limits) -> Event {
    let params = Box::new(Terms { trigger, limits, ..Terms::try_from(&params()).unwrap() }.params());
    let (owner, forwarder) = (Address::ZERO, Address::ZERO);
    let event = JobEvent::Created { job_id: id, owner, forwarder, params, active_from: START + 10 };
    Event::Chain(ChainEvent::Job { block: 10, event })
}

fn log_trigger(confirmations: u16) -> TriggerTerms {
    let (emitter, topics) = (Address::repeat_byte(9), [B256::ZERO; 4]);
    TriggerTerms::Log(LogTerms { emitter, filter: 0, topics, confirmations, most_per_block: 4 })
}

/// A core of one keeper, with one job of this trigger, at block 10.
fn watching(trigger: TriggerTerms) -> Core {
    watching_within(trigger, Limits::default())
}

fn watching_within(trigger: TriggerTerms, limits: Limits) -> Core {
    let mut core = running(1);
    core.on(limited(2, trigger, limits), at(START + 10));
    core.on(
        Event::Chain(ChainEvent::Job { block: 10, event: JobEvent::Covered { job_id: 2, covered: true } }),
        at(START + 10),
    );
    core
}

fn searched(orders: &[Order]) -> Option<Stretch> {
    orders.iter().find_map(|order| if let Order::Search(stretch) = order { Some(stretch.clone()) } else { None })
}

pub(super) fn hash(number: u64) -> B256 {
    B256::from(Uint::from(number + 1))
}

fn hit(number: u64, index: u32) -> Hit {
    let entry = LogEntry {
        address: Address::repeat_byte(9),
        topics: vec![],
        data: Bytes::new(),
        block_number: number,
        block_hash: hash(number),
        transaction_hash: B256::ZERO,
        log_index: index,
    };
    Hit { job: 2, log: Arc::new(SeenLog { entry, timestamp: START + number }), ripe: START + number }
}

fn found(stretch: &Stretch, hits: Vec<Hit>) -> Event {
    Event::Searched { number: stretch.number, result: Ok(Found { hits, ..Found::default() }) }
}

/// What runs at once, by rule, rank and what was seen.
pub(super) fn run(orders: &[Order]) -> Vec<(AnchorRule, u32, u64, Option<Sighting>)> {
    let run = |order: &Order| match order {
        Order::Run { due, anchor, sighting, .. } => Some((due.anchor, due.rank, anchor.number, sighting.clone())),
        _ => None,
    };
    orders.iter().filter_map(run).collect()
}

#[test]
fn a_block_that_was_waited_for_makes_a_job_due_at_once_and_at_itself() {
    let mut core = watching(TriggerTerms::Blocks { first: 12, every: 5 });
    assert_eq!(run(&core.on(head(11), at(START + 11))), []);
    let ran = run(&core.on(head(12), at(START + 12)));
    assert!(
        matches!(&ran[..], [(AnchorRule::AtBlock(12), 0, 12, Some(Sighting::Block(block)))] if block.number == 12),
        "{ran:?}"
    );
    for number in 13..=16 {
        assert_eq!(run(&core.on(head(number), at(START + number))), []);
    }
    assert_eq!(run(&core.on(head(17), at(START + 17))).len(), 1);
}

#[test]
fn logs_make_a_job_due_in_their_order_at_their_block() {
    let mut core = watching(log_trigger(0));
    let stretch = searched(&core.on(head(11), at(START + 11))).unwrap();
    assert_eq!((stretch.from, stretch.to, stretch.end()), (11, 11, Some(hash(11))));
    let ran = run(&core.on(found(&stretch, vec![hit(11, 3), hit(11, 5)]), at(START + 11)));
    assert_eq!(
        ran.iter().map(|(rule, rank, anchor, _)| (*rule, *rank, *anchor)).collect::<Vec<_>>(),
        [(AnchorRule::AtBlock(11), 3, 11), (AnchorRule::AtBlock(11), 5, 11)]
    );
    assert_eq!(ran[1].3, Some(Sighting::Log(hit(11, 5).log)));
    let again = searched(&core.on(head(12), at(START + 12))).unwrap();
    assert_eq!((again.from, again.to), (12, 12));
}

/// Thirty-two jobs of a stranger, each with as many logs in one block as a job may have, and long ones.
#[test]
fn jobs_whose_logs_are_many_and_long_cost_others_nothing() {
    let mut core = watching(log_trigger(0));
    let strangers = 10..42;
    let covered = |job_id| {
        let event = JobEvent::Covered { job_id, covered: true };
        Event::Chain(ChainEvent::Job { block: 10, event })
    };
    for id in strangers.clone() {
        core.on(triggered(id, log_trigger(0)), at(START + 10));
        core.on(covered(id), at(START + 10));
    }
    core.on(triggered(3, TriggerTerms::Blocks { first: 12, every: 1 }), at(START + 10));
    core.on(covered(3), at(START + 10));
    let long = |job: u64, index: u32| {
        let Hit { log, ripe, .. } = hit(11, 1_000 * u32::try_from(job).unwrap() + index);
        let entry = LogEntry { data: vec![0; 4 << 10].into(), ..log.entry.clone() };
        Hit { job, log: Arc::new(SeenLog { entry, ..*log }), ripe }
    };
    let flood = strangers.flat_map(|job| (0..256).map(move |index| long(job, index)));
    let stretch = searched(&core.on(head(11), at(START + 11))).unwrap();
    let orders = core.on(found(&stretch, flood.chain([hit(11, 3)]).collect()), at(START + 11));
    let honest = |order: &Order| matches!(order, Order::Run { due, .. } if due.task.job == JobId(2));
    assert!(orders.iter().any(honest), "the honest job's log, the last one of the block");
    let crowded = notes(&orders).iter().filter(|note| matches!(note, Note::Lost { job, .. } if job.0 >= 10)).count();
    assert!(crowded > 1_000, "{crowded}");
    let checks = core.view(at(START + 11)).checks;
    let check = &checks["crowded"];
    assert!(!check.ok && check.message.contains("the newest of job 41"), "{check:?}");
    assert!(checks["load"].ok, "a stranger's jobs do not end readiness: {:?}", checks["load"]);
    let ran = run(&core.on(head(12), at(START + 12)));
    assert!(matches!(&ran[..], [(AnchorRule::AtBlock(12), 0, 12, Some(Sighting::Block(_)))]), "{ran:?}");
}

#[test]
fn what_failed_is_searched_again_and_said_when_it_lasts() {
    let mut core = watching(log_trigger(0));
    let stretch = searched(&core.on(head(11), at(START + 11))).unwrap();
    core.on(Event::Searched { number: stretch.number, result: Err("down".to_owned()) }, at(START + 11));
    let mut newest = 11;
    for second in 12..60 {
        newest += 1;
        let orders = core.on(head(newest), at(START + second));
        let next = searched(&orders).or_else(|| searched(&core.on(Event::House, at(START + second))));
        if let Some(stretch) = next {
            assert_eq!(stretch.from, 11, "nothing is left out");
            core.on(Event::Searched { number: stretch.number, result: Err("down".to_owned()) }, at(START + second));
        }
    }
    let check = &core.view(at(START + 60)).checks["logs"];
    assert!(!check.ok && check.message.contains("down"), "{check:?}");
    let stretch = (60..80).find_map(|second| searched(&core.on(Event::House, at(START + second)))).unwrap();
    assert_eq!((stretch.from, stretch.to), (11, newest));
    core.on(found(&stretch, vec![]), at(START + 80));
    assert!(core.view(at(START + 80)).checks["logs"].ok);
}

/// The log goes with its block: nothing is signed for it any more, and in another block it is another task.
#[test]
fn an_orphaned_log_is_no_task_and_its_block_s_heir_is_searched() {
    let mut core = watching(log_trigger(0));
    let stretch = searched(&core.on(head(11), at(START + 11))).unwrap();
    assert_eq!(run(&core.on(found(&stretch, vec![hit(11, 3)]), at(START + 11))).len(), 1);
    let orders = core.on(Event::Chain(ChainEvent::Rewound { number: 10 }), at(START + 12));
    assert!(steps(&orders).contains(&consensus::effect::Step::Void), "{orders:?}");
    let other = Head { number: 11, hash: B256::repeat_byte(0x77), parent: hash(10), timestamp: START + 12 };
    let stretch = searched(&core.on(Event::Chain(ChainEvent::Head(other)), at(START + 12))).unwrap();
    assert_eq!((stretch.from, stretch.end()), (11, Some(B256::repeat_byte(0x77))));
    // A node that still has the old block: its answer is about nothing that is followed.
    let orders = core.on(found(&stretch, vec![hit(11, 3)]), at(START + 12));
    assert_eq!(run(&orders), []);
    let again = (13..20).find_map(|second| searched(&core.on(Event::House, at(START + second)))).unwrap();
    assert_eq!(again.from, 11);
}

#[test]
fn what_came_while_this_keeper_was_behind_is_told_once_it_has_caught_up() {
    let mut core = watching(TriggerTerms::Blocks { first: 12, every: 1 });
    let newest = ChainEvent::Newest { number: 14, timestamp: START + 14, seen_ms: at(START + 14).0, live: true };
    core.on(Event::Chain(newest), at(START + 14));
    for number in 11..=13 {
        assert_eq!(run(&core.on(head(number), at(START + 14))), [], "others may have settled it since");
    }
    assert_eq!(run(&core.on(head(14), at(START + 14))).len(), 1);
    let ran = run(&core.on(Event::House, at(START + 15)));
    assert_eq!(ran.iter().map(|(.., anchor, _)| *anchor).collect::<Vec<_>>(), [12, 13]);
}

/// What is told after a stop of 200 blocks, of runs that five blocks lie between.
#[test]
fn of_runs_by_blocks_that_were_missed_as_many_are_made_up_for_as_the_job_wants() {
    for (missed, first) in [(Missed::All, 15), (Missed::Once, 155), (Missed::Skip, 155)] {
        let limits = Limits { missed, ..Limits::default() };
        let mut core = watching_within(TriggerTerms::Blocks { first: 15, every: 5 }, limits);
        let newest = ChainEvent::Newest { number: 210, timestamp: START + 210, seen_ms: at(START + 210).0, live: true };
        core.on(Event::Chain(newest), at(START + 210));
        let mut orders: Vec<Order> = (11..=210).flat_map(|number| core.on(head(number), at(START + 210))).collect();
        orders.extend(core.on(Event::House, at(START + 210)));
        let due = |order: &Order| match order {
            Order::Archive(Entry { task, change: Change::Due { due }, .. }) if task.job == JobId(2) => {
                Some(due - START)
            }
            _ => None,
        };
        let mut told: Vec<u64> = orders.iter().filter_map(due).collect();
        told.sort_unstable();
        assert_eq!(told, (first..=210).step_by(5).collect::<Vec<_>>(), "{missed:?}");
    }
}

pub(super) fn condition() -> TriggerTerms {
    let (target, call) = (Address::repeat_byte(8), Bytes::from_static(&[1]));
    TriggerTerms::Condition(ConditionTerms { target, call, cooldown: 3 })
}

fn probed(orders: &[Order]) -> Option<u64> {
    orders.iter().find_map(|order| if let Order::Probe { block, .. } = order { Some(block.number) } else { None })
}

fn holding(job: u64) -> Probed {
    Probed { holding: vec![job], ..Probed::default() }
}

#[test]
fn a_leader_asks_for_conditions_and_the_block_at_which_one_holds_is_its_run() {
    let mut core = watching(condition());
    let block = |number: u64| consensus::anchor::BlockRef { number, hash: hash(number), timestamp: START + number };
    assert_eq!(probed(&core.on(head(11), at(START + 11))), Some(11));
    assert_eq!(run(&core.on(Event::Probed { block: block(11), result: Ok(Probed::default()) }, at(START + 11))), []);
    assert_eq!(probed(&core.on(head(12), at(START + 12))), Some(12));
    let ran = run(&core.on(Event::Probed { block: block(12), result: Ok(holding(2)) }, at(START + 12)));
    assert_eq!(ran, [(AnchorRule::AtBlock(12), 0, 12, None)]);
    assert_eq!(probed(&core.on(head(13), at(START + 13))), None, "one run of a job at a time");
    let again = core.on(Event::Probed { block: block(12), result: Ok(holding(2)) }, at(START + 13));
    assert_eq!(run(&again), [], "an answer that nobody waits for");
}

fn reason_of(core: &Core, second: u64) -> String {
    core.view(at(second)).jobs.into_iter().find(|job| job.id == 2).unwrap().reason
}

/// Its code is there, so that nothing else is in its way.
fn ready(core: &mut Core) {
    core.on(Event::House, at(START + 10));
    let prepared = Event::Prepared { job: JobId(2), code: B256::repeat_byte(0xcc), result: Ok(()) };
    core.on(prepared, at(START + 10));
}

#[test]
fn a_condition_that_fails_is_named_with_its_job_until_it_does_not() {
    let mut core = watching(condition());
    ready(&mut core);
    let block = |number: u64| consensus::anchor::BlockRef { number, hash: hash(number), timestamp: START + number };
    let probed = |core: &mut Core, number: u64, result: Probed| {
        core.on(head(number), at(START + number));
        core.on(Event::Probed { block: block(number), result: Ok(result) }, at(START + number))
    };
    let fails = || Probed { failing: [(2, "it reverts".to_owned())].into(), ..Probed::default() };
    let said = |orders: &[Order]| {
        orders.iter().any(|order| matches!(order, Order::Note(Note::ConditionFailed { job: 2, .. })))
    };
    assert_eq!(reason_of(&core, START + 10), "");
    assert!(said(&probed(&mut core, 11, fails())));
    assert_eq!(reason_of(&core, START + 11), "condition_failed: at block 11: it reverts");
    assert!(!said(&probed(&mut core, 12, fails())), "it is said once");
    probed(&mut core, 13, Probed::default());
    assert_eq!(reason_of(&core, START + 13), "condition_failed: at block 12: it reverts", "no word of it");
    probed(&mut core, 14, Probed { idle: vec![2], ..Probed::default() });
    assert_eq!(reason_of(&core, START + 14), "");
}

#[test]
fn logs_that_no_node_gives_are_charged_to_their_job() {
    let mut core = watching(log_trigger(0));
    ready(&mut core);
    let stretch = searched(&core.on(head(11), at(START + 11))).unwrap();
    let unread = vec![Unread { job: 2, block: 11, why: "too many".to_owned() }];
    let result = Ok(Found { unread, hits: vec![hit(11, 3)], ..Found::default() });
    let orders = core.on(Event::Searched { number: stretch.number, result }, at(START + 11));
    assert_eq!(run(&orders).len(), 1, "what another node gave");
    assert_has!(&orders, Order::Note(Note::LogsUnread { job: 2, block: 11, .. }));
    let reason = reason_of(&core, START + 11);
    assert!(reason.starts_with("logs_unread: of block 11") && reason.contains("too many"), "{reason}");
    let next = searched(&core.on(head(12), at(START + 12))).unwrap();
    assert_eq!((next.from, next.to), (12, 12), "the block is done");
}

#[test]
fn a_job_whose_next_block_is_years_away_is_named() {
    let mut core = watching(TriggerTerms::Blocks { first: (1 << 40) - 1, every: u32::MAX });
    ready(&mut core);
    let reason = reason_of(&core, START + 10);
    assert!(reason.starts_with("far_off: block 1099511627775 makes it due next, "), "{reason}");
}

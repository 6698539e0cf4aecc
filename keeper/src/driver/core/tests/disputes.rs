//! Disputes: from the chain's word to what is brought on chain.

use consensus::dispute::Answer;
use consensus::report::Report;
use contracts::ReportLib;

use super::*;
use crate::chain::{BroughtResult, DisputeLog, convert};
use crate::driver::note::DisputeNote;

const RIGHT: Answer = Answer { status: Status::Call, outcome_hash: B256::repeat_byte(7) };

fn dispute(event: DisputeLog) -> Event {
    Event::Chain(ChainEvent::Dispute { block: 10, id: 3, event })
}

fn report(job_version: u32, status: u8) -> ReportLib::Report {
    ReportLib::Report {
        jobId: 1,
        jobVersion: job_version,
        instanceKey: InstanceKey::from_run(0).0,
        anchorNumber: 5,
        status,
        ..ReportLib::Report::default()
    }
}

fn disputed(job_version: u32, status: u8) -> Report {
    convert::disputed(10, &report(job_version, status), 100).expect("a report").report
}

fn opened(job_version: u32, status: u8) -> Event {
    dispute(DisputeLog::Opened { report: Box::new(report(job_version, status)), deadline: 100 })
}

fn told(orders: &[Order]) -> Vec<DisputeNote> {
    let notes = notes(orders).into_iter();
    notes.filter_map(|note| if let Note::Dispute(note) = note { Some(note) } else { None }).collect()
}

fn reran(result: Result<Answer, Abstention>) -> Event {
    Event::Reran { dispute: 3, leaf: disputed(1, 0).leaf(), result, reason: String::new() }
}

fn brought(result: BroughtResult) -> Event {
    Event::Brought { dispute: 3, result }
}

/// What comes of a block a second.
fn heads(core: &mut Core, seconds: std::ops::RangeInclusive<u64>) -> Vec<Order> {
    seconds.flat_map(|second| core.on(head(second), at(START + second))).collect()
}

/// The only keeper there is rules alone.
#[test]
fn a_disputed_task_is_run_again_ruled_on_and_paid_for() {
    let mut core = running(1);
    let now = at(START + 10);
    let orders = core.on(opened(1, 0), now);
    assert_has!(&orders, Order::Rerun { dispute: 3, report, plan: Some(_) } if report.task == task(0));
    assert_eq!(told(&orders), [DisputeNote::Opened { dispute: 3, job: JobId(1) }]);
    let orders = core.on(reran(Ok(RIGHT)), now);
    assert_has!(&orders, Order::Publish { channel: Channel::Rulings, .. });
    assert_has!(&orders, Order::Rule(ruling) if ruling.dispute == 3 && ruling.answer == RIGHT);
    assert!(core.on(brought(BroughtResult::Mined { tx: B256::ZERO }), now).len() == 1, "it is told, and waited for");
    let orders = core.on(dispute(DisputeLog::Ruled { upheld: true }), now);
    assert_has!(&orders, Order::Enforce { dispute: 3 });
    let punished = |operator| dispute(DisputeLog::Punished { operator });
    let orders = core.on(punished(operator(0)), now);
    assert_eq!(told(&orders), [DisputeNote::Punished { dispute: 3, operator: operator(0), mine: true }]);
    let orders = core.on(punished(operator(1)), now);
    assert_eq!(told(&orders), [DisputeNote::Punished { dispute: 3, operator: operator(1), mine: false }]);
    core.on(brought(BroughtResult::AllPunished), now);
    for second in 11..60 {
        let orders = [head(second), Event::Tick].map(|event| core.on(event, at(START + second)));
        assert!(!orders.iter().flatten().any(|order| matches!(order, Order::Enforce { .. } | Order::Rule(_))));
    }
    let orders = core.on(dispute(DisputeLog::Joined), at(START + 60));
    assert_has!(&orders, Order::Enforce { dispute: 3 });
}

#[test]
fn what_came_to_nothing_is_tried_again() {
    let mut core = running(1);
    let now = at(START + 10);
    core.on(opened(1, 0), now);
    let orders = core.on(reran(Err(Abstention::ChainReadFailed)), now);
    assert!(!orders.iter().any(|order| matches!(order, Order::Publish { .. })), "{orders:?}");
    assert_has!(heads(&mut core, 11..=14), Order::Rerun { dispute: 3, .. });
    assert_has!(core.on(reran(Ok(RIGHT)), at(START + 14)), Order::Rule(_));
    core.on(brought(BroughtResult::Failed { why: "no node".to_owned() }), at(START + 14));
    let is_rule = |order: &Order| matches!(order, Order::Rule(_));
    assert!(!core.on(Event::Tick, at(START + 14)).iter().any(is_rule), "not at once, there is nobody else");
    assert_has!(heads(&mut core, 15..=20), Order::Rule(_));
    assert!(core.on(dispute(DisputeLog::Expired), at(START + 20)).len() == 1);
    assert!(core.on(Event::Tick, at(START + 30)).is_empty(), "nobody needs it any more");
}

/// The job may have been changed so that nobody could run again what it did.
#[test]
fn a_version_that_the_book_does_not_know_is_left_to_the_chains_history() {
    let mut core = running(1);
    assert_has!(core.on(opened(2, 0), at(START + 10)), Order::Rerun { plan: None, .. });
    assert!(core.on(opened(1, 9), at(START + 10)).is_empty(), "no such status");
}

#[test]
fn a_keeper_that_leaves_proofs_to_others_rules_and_brings_nothing() {
    let mut core = running(1);
    core.about.challenge = false;
    core.on(opened(1, 0), at(START + 10));
    let orders = core.on(reran(Ok(RIGHT)), at(START + 10));
    assert_has!(&orders, Order::Publish { channel: Channel::Rulings, .. });
    assert!(!orders.iter().any(|order| matches!(order, Order::Rule(_))), "{orders:?}");
    let orders = core.on(dispute(DisputeLog::Ruled { upheld: true }), at(START + 10));
    assert!(!orders.iter().any(|order| matches!(order, Order::Enforce { .. })), "{orders:?}");
}

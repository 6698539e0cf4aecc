//! What is kept of each task, for people.

use std::time::Duration;

use consensus::effect::{BatchKey, JournalAnswer};
use consensus::task::Outcome;

use super::*;
use crate::archive::{Change, Run};
use crate::chain::Undelivered;

/// What was kept of a run, in its order.
fn kept(orders: &[Order], run: u64) -> Vec<Change> {
    let kept = orders.iter().filter_map(|order| match order {
        Order::Archive(entry) if entry.task == task(run) => Some(entry.change.clone()),
        _ => None,
    });
    kept.collect()
}

/// What the file holds of a run by then.
fn run_of(orders: &[Order], run: u64) -> Run {
    let mut known = Run::default();
    for order in orders {
        if let Order::Archive(entry) = order
            && entry.task == task(run)
        {
            known.apply(entry);
        }
    }
    known
}

/// Everything up to block `last`, a block a second: runs are answered at once, reports are written down at once.
fn live(core: &mut Core, last: u64, result: &Result<Outcome, Abstention>) -> Vec<Order> {
    live_saying(core, last, result, "words of the job")
}

fn live_saying(core: &mut Core, last: u64, result: &Result<Outcome, Abstention>, reason: &str) -> Vec<Order> {
    let mut all = Vec::new();
    core.on(Event::Prepared { job: JobId(1), code: B256::repeat_byte(0xcc), result: Ok(()) }, at(START + 10));
    for number in 11..=last {
        for event in [head(number), Event::House, Event::Tick] {
            let mut orders = core.on(event, at(START + number));
            while !orders.is_empty() {
                let answers: Vec<Event> = orders.iter().filter_map(|order| answer(order, result, reason)).collect();
                all.append(&mut orders);
                orders = answers.into_iter().flat_map(|event| core.on(event, at(START + number))).collect();
            }
        }
    }
    all
}

fn answer(order: &Order, result: &Result<Outcome, Abstention>, reason: &str) -> Option<Event> {
    match order {
        Order::Run { due, attempt, anchor, .. } => Some(Event::Executed {
            task: due.task,
            attempt: *attempt,
            anchor: anchor.hash,
            result: result.clone(),
            reason: reason.to_owned(),
            took: Duration::ZERO,
        }),
        Order::Persist { token, .. } => Some(Event::Persisted { token: *token, answer: JournalAnswer::Recorded }),
        _ => None,
    }
}

fn call() -> Result<Outcome, Abstention> {
    let data = Bytes::from_static(b"call");
    Ok(Outcome { status: Status::Call, data, state_after: B256::ZERO, transcript: B256::ZERO })
}

fn submitted_key(orders: &[Order]) -> BatchKey {
    let key = |order: &Order| if let Order::Submit { settlement, .. } = order { Some(settlement.key) } else { None };
    orders.iter().find_map(key).expect("something is submitted")
}

/// A committee of one: this keeper alone leads, signs and settles.
#[test]
fn a_task_is_followed_from_its_due_moment_to_its_settlement() {
    let mut core = running(1);
    let mut orders = live(&mut core, 22, &call());
    let result = SettlementResult::Mined { tx: B256::ZERO, gas_used: 122_000, settled: 2 };
    orders.extend(core.on(Event::Submitted { key: submitted_key(&orders), result }, at(START + 23)));
    orders.extend(core.on(settled(0, 24, 18, operator(0)), at(START + 24)));
    let changes = kept(&orders, 0);
    assert!(
        matches!(&changes[..], [
            Change::Due { due },
            Change::Started { attempt: 0, leader: Some(leader), .. },
            Change::Ran { result: Ok(Status::Call), reason },
            Change::Signed,
            Change::Certified,
            Change::Sent,
            Change::Paid { gas: 61_000 },
            Change::Settled(settlement),
        ] if *due == START + 20 && *leader == operator(0) && reason == "words of the job" && settlement.block == 24),
        "{changes:?}"
    );
    let run = run_of(&orders, 0);
    assert_eq!((run.state(START + 24), run.gas_of(operator(0))), ("settled", Some(61_000)));

    let failed = Event::Explained { task: task(0), why: Undelivered::OutOfGas { given: 100_000 } };
    orders.extend(core.on(failed, at(START + 25)));
    assert!(run_of(&orders, 0).undelivered.contains("ran out of its 100000 gas"));
    orders.extend(core.on(Event::Chain(ChainEvent::Rewound { number: 23 }), at(START + 26)));
    let run = run_of(&orders, 0);
    assert_eq!((run.state(START + 26), run.settled), ("reopened", None));
    orders.extend(core.on(settled(0, 24, 18, operator(0)), at(START + 27)));
    assert_eq!(run_of(&orders, 0).state(START + 27), "settled");
}

#[test]
fn what_gives_nothing_is_kept_with_its_reason_and_missed_in_the_end() {
    let mut core = running(1);
    let mut orders = live(&mut core, 20, &Err(Abstention::ChainReadFailed));
    let run = run_of(&orders, 0);
    assert_eq!((run.result.as_str(), run.reason.as_str(), run.signed), ("abstain", "words of the job", None));
    let refused = ChainEvent::Ineligible { block: 20, task_id: task(0).id().0, job_id: 1, reason: Ineligible::NotDue };
    let refused = core.on(Event::Chain(refused), at(START + 20));
    assert!(matches!(&refused[..], [Order::Archive(entry)] if matches!(entry.change, Change::Ineligible { .. })));
    for number in 21..=24 {
        orders.extend(core.on(head(number), at(START + number)));
    }
    orders.extend(core.on(Event::Tick, at(START + 20 + consensus::time::EXPIRY_SECONDS)));
    assert!(run_of(&orders, 0).is_missed(), "{:?}", kept(&orders, 0));
}

/// For the hour in which it could settle: nobody has missed it.
#[test]
fn what_is_not_made_for_the_price_of_gas_is_skipped_and_not_missed() {
    let mut core = running(1);
    let why = "gas_too_dear: at the anchor a gas costs 9 wei, and the job pays for 8 at most";
    let mut orders = live_saying(&mut core, 20, &Err(Abstention::JobInactive), why);
    assert_eq!(run_of(&orders, 0).state(START + 20), "abstained");
    orders.extend(core.on(Event::Tick, at(START + 20 + consensus::time::EXPIRY_SECONDS)));
    let run = run_of(&orders, 0);
    assert_eq!((run.state(START + 9_000), run.is_missed(), run.reason.as_str()), ("skipped", false, why));
    assert!(run.expired.is_some(), "{:?}", kept(&orders, 0));
    let counted =
        |note: &Note| matches!(note, Note::Step { step: consensus::effect::Step::Expired, result: "skipped", .. });
    assert_eq!(notes(&orders).iter().filter(|note| counted(note)).count(), 1);
    let view = core.view(at(START + 3_700));
    let shown = view.runs.iter().find(|run| (run.job_id, run.run) == (1, 0)).unwrap();
    assert_eq!((view.missed.count, shown.state.as_str(), shown.reason.as_str()), (0, "skipped", why));
}

/// Nothing of it is known but what the chain tells.
#[test]
fn what_settled_while_this_keeper_did_not_run_is_kept_too() {
    let mut core = core();
    let orders = core.on(settled(0, 5, 3, operator(3)), at(START + 500));
    let run = run_of(&orders, 0);
    assert_eq!((run.state(START + 500), run.due), ("settled", Some(START + 3)));
}

#[test]
fn gas_of_what_settled_nothing_is_nobody_s() {
    let mut core = running(1);
    let orders = live(&mut core, 22, &call());
    let result = SettlementResult::Mined { tx: B256::ZERO, gas_used: 30_000, settled: 0 };
    let orders = core.on(Event::Submitted { key: submitted_key(&orders), result }, at(START + 23));
    assert!(!orders.iter().any(|order| matches!(order, Order::Archive(_))), "{orders:?}");
}

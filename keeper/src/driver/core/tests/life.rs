//! A task's way through the core, and who is asked what on the way.

use std::time::Duration;

use consensus::effect::{JournalAnswer, Step};
use consensus::task::Outcome;

use super::*;
use crate::chain::Undelivered;

/// The order to run `run`, if it is among these.
fn ordered(orders: &[Order], run: u64) -> Option<(u8, B256)> {
    orders.iter().find_map(|order| match order {
        Order::Run { due, attempt, anchor, .. } if due.task == task(run) => Some((*attempt, anchor.hash)),
        _ => None,
    })
}

/// Run `run` of the only job, as the schedule tells it.
fn due(core: &Core, run: u64) -> consensus::task::DueTask {
    let job = core.book.job(1).expect("it is listed");
    let due = START + 20 + 2 * run;
    job.task(&crate::jobs::trigger::Run::by_time(InstanceKey::from_run(run), due), &core.about.pace).expect("known")
}

fn code_is_there() -> Event {
    Event::Prepared { job: JobId(1), code: B256::repeat_byte(0xcc), result: Ok(()) }
}

/// The only keeper of its epoch, which has the code of its only job.
fn ready() -> Core {
    let mut core = running(1);
    core.on(Event::House, at(START + 10));
    core.on(code_is_there(), at(START + 10));
    core
}

fn call() -> Result<Outcome, Abstention> {
    let data = Bytes::from_static(b"call");
    Ok(Outcome { status: Status::Call, data, state_after: B256::ZERO, transcript: B256::ZERO })
}

fn answer(run: u64, attempt: u8, anchor: B256) -> Event {
    Event::Executed {
        task: task(run),
        attempt,
        anchor,
        result: call(),
        reason: "fine".to_owned(),
        took: Duration::ZERO,
    }
}

/// Goes on with a block a second, each followed by housekeeping and a tick, until `enough`; gives all orders.
fn go_on(core: &mut Core, blocks: std::ops::RangeInclusive<u64>) -> Vec<Order> {
    let mut orders = Vec::new();
    for number in blocks {
        for event in [head(number), Event::House, Event::Tick] {
            orders.extend(core.on(event, at(START + number)));
        }
    }
    orders
}

/// A committee of one: this keeper alone leads, signs and settles.
#[test]
fn a_task_runs_is_persisted_signed_and_submitted_and_ends_with_its_settlement() {
    let mut core = running(1);
    let early = go_on(&mut core, 11..=19);
    let assigned = |order: &Order| matches!(order, Order::Publish { channel: Channel::Assignments, .. });
    assert!(!early.iter().any(assigned), "nobody is made to wait for code that may never come: {early:?}");
    core.on(code_is_there(), at(START + 19));
    let orders = go_on(&mut core, 20..=20);
    let (attempt, anchor) = ordered(&orders, 0).expect("run 0 is due");
    assert_has!(&orders, Order::Note(Note::Assigned { stage: 0, .. }));
    assert!(orders.iter().any(assigned));
    assert!(ordered(&go_on(&mut core, 21..=21), 0).is_none(), "told and run once");

    let orders = core.on(answer(0, attempt, anchor), at(START + 22));
    assert!(notes(&orders).contains(&Note::Ran { outcome: "call", took_ms: 2_000 }), "{orders:?}");
    let [token] = orders
        .iter()
        .filter_map(
            |order| if let Order::Persist { token, group } = order { Some((*token, group.len())) } else { None },
        )
        .collect::<Vec<_>>()[..]
    else {
        panic!("{orders:?}")
    };
    assert_eq!(token.1, 1, "one report");
    let published = |order: &Order| matches!(order, Order::Publish { channel: Channel::Partials, .. });
    assert!(!orders.iter().any(published), "nothing leaves before the journal has answered");

    let orders = core.on(Event::Persisted { token: token.0, answer: JournalAnswer::Recorded }, at(START + 22));
    assert!(orders.iter().any(published), "{orders:?}");
    assert!(notes(&orders).contains(&Note::Spoke { abstains: false }));
    let orders = [orders, go_on(&mut core, 23..=25)].concat();
    assert_has!(&orders, Order::Publish { channel: Channel::Certificates, .. });
    assert_has!(&orders, Order::Submit { settlement, .. } if settlement.callback_gas == [100_000]
        && settlement.code_hashes == [B256::repeat_byte(0xcc)]);
    assert!(notes(&orders).contains(&Note::Submitting));

    let orders = core.on(settled(0, 26, 18, operator(0)), at(START + 26));
    assert_eq!(steps(&orders).first(), Some(&Step::Settled));
    let rewound = core.on(Event::Chain(ChainEvent::Rewound { number: 25 }), at(START + 26));
    assert!(steps(&rewound).contains(&Step::Reopened), "{rewound:?}");
}

#[test]
fn an_answer_for_another_run_is_left_alone() {
    let mut core = ready();
    let (attempt, anchor) = ordered(&go_on(&mut core, 11..=20), 0).expect("run 0 is due");
    let wrong = [answer(1, attempt, anchor), answer(0, attempt + 1, anchor), answer(0, attempt, B256::ZERO)];
    for answer in wrong {
        let orders = core.on(answer, at(START + 20));
        assert_eq!(notes(&orders), [Note::UnaskedAnswer(JobId(1))]);
        assert_eq!(orders.len(), 1, "{orders:?}");
    }
    assert_has!(&core.on(answer(0, attempt, anchor), at(START + 20)), Order::Persist { .. });
    let orders = core.on(answer(0, attempt, anchor), at(START + 20));
    assert_eq!(notes(&orders), [Note::UnaskedAnswer(JobId(1))], "a second answer");
}

#[test]
fn an_abstention_is_said_as_one() {
    let mut core = ready();
    let (attempt, anchor) = ordered(&go_on(&mut core, 11..=20), 0).expect("run 0 is due");
    let (task, result) = (task(0), Err(Abstention::Busy));
    let orders = core.on(
        Event::Executed { task, attempt, anchor, result, reason: "busy: 16 runs".to_owned(), took: Duration::ZERO },
        at(START + 20),
    );
    let notes = notes(&orders);
    assert!(notes.contains(&Note::Ran { outcome: "abstain", took_ms: 0 }), "{notes:?}");
    assert!(notes.contains(&Note::Spoke { abstains: true }), "{notes:?}");
    assert!(!orders.iter().any(|order| matches!(order, Order::Persist { .. })), "nothing is signed by BLS");
    assert_eq!(core.view(at(START + 20)).runs.iter().find(|run| run.run == 0).unwrap().reason, "busy: 16 runs");
}

/// Else the other tasks of its batch would wait for it as long as for one that still runs.
#[test]
fn a_task_whose_job_was_reorganised_away_is_abstained_from() {
    let mut core = ready();
    go_on(&mut core, 11..=18);
    core.on(Event::Chain(ChainEvent::Rewound { number: 1 }), at(START + 18));
    for number in 2..=18 {
        core.on(head(number), at(START + 18));
    }
    let orders = go_on(&mut core, 19..=20);
    assert!(ordered(&orders, 0).is_none(), "nobody knows what it would run");
    let notes = notes(&orders);
    assert!(notes.contains(&Note::Ran { outcome: "abstain", took_ms: 0 }), "{notes:?}");
    assert!(notes.contains(&Note::Spoke { abstains: true }), "{notes:?}");
}

#[test]
fn a_settlement_known_before_its_task_counts_when_the_task_is_told() {
    let mut core = running(1);
    core.on(settled(0, 11, 9, operator(3)), at(START + 11));
    let orders = go_on(&mut core, 12..=21);
    assert_eq!(steps(&orders).first(), Some(&Step::Settled));
    assert!(ordered(&orders, 0).is_none(), "a settled task is not run");
}

#[test]
fn a_callback_that_failed_is_looked_into_and_its_cause_shown() {
    let mut core = running(1);
    go_on(&mut core, 11..=23);
    let Event::Chain(ChainEvent::Settled(ok)) = settled(0, 24, 18, operator(0)) else { panic!("a settlement") };
    let failed = Settled { delivered: false, ..ok.clone() };
    assert!(!core.on(Event::Chain(ChainEvent::Settled(ok)), at(START + 24)).iter().any(is_explain));
    let orders = core.on(Event::Chain(ChainEvent::Settled(failed.clone())), at(START + 24));
    assert!(
        matches!(orders.iter().find(|order| is_explain(order)), Some(Order::Explain { task: of, .. }) if *of == task(0))
    );
    assert!(
        !core.on(Event::Chain(ChainEvent::Settled(failed)), at(START + 25)).iter().any(is_explain),
        "not each of them"
    );
    let why = Undelivered::OutOfGas { given: 100_000 };
    let orders = core.on(Event::Explained { task: task(0), why: why.clone() }, at(START + 25));
    assert_eq!(notes(&orders), [Note::Undelivered { job: 1, why }]);
    let run = core.view(at(START + 25)).runs.into_iter().find(|run| run.run == 0).unwrap();
    assert!(run.reason.contains("ran out of its 100000 gas"), "{run:?}");
}

fn is_explain(order: &Order) -> bool {
    matches!(order, Order::Explain { .. })
}

#[test]
fn a_turn_that_another_took_late_is_a_missed_one_and_counted_once() {
    let mut core = running(1);
    go_on(&mut core, 11..=23);
    // Runs 0 and 1 were due at 20 and 22; their first anchors lie two seconds before.
    let by_other = core.on(settled(0, 24, 18, operator(2)), at(START + 24));
    assert!(notes(&by_other).contains(&Note::MissedTurn { window: (START + 20) / 2 }), "{by_other:?}");
    let again = core.on(settled(0, 24, 18, operator(2)), at(START + 24));
    assert!(!notes(&again).iter().any(|note| matches!(note, Note::MissedTurn { .. })), "one window, one turn");
    for event in [settled(1, 23, 20, operator(2)), settled(1, 27, 20, operator(0)), settled(1, 27, 24, operator(2))] {
        let orders = core.on(event, at(START + 27));
        let missed = notes(&orders).iter().any(|note| matches!(note, Note::MissedTurn { .. }));
        assert!(!missed, "in time, by itself, or at a later try: {orders:?}");
    }
}

#[test]
fn a_peer_is_asked_for_its_status_when_it_comes_and_when_the_epoch_changes() {
    let mut core = running(4);
    let asked = |orders: &[Order]| {
        let asked = |order: &Order| if let Order::AskStatus { peer } = order { Some(*peer) } else { None };
        orders.iter().filter_map(asked).collect::<Vec<_>>()
    };
    let orders = core.on(Event::PeerUp(peer(1)), at(START + 10));
    assert_eq!(asked(&orders), [peer(1)]);
    core.on(Event::PeerUp(peer(2)), at(START + 10));
    let status = |epoch| PeerStatus {
        version: "1".to_owned(),
        domain: DOMAIN.name(),
        head: 10,
        epoch,
        table_root: B256::repeat_byte(epoch as u8),
        unix_ms: at(START + 11).0,
    };
    let shown = |from, epoch| Event::Status { from, bytes: status(epoch).encode() };
    assert!(core.on(shown(peer(1), 1), at(START + 11)).is_empty());
    assert_eq!(asked(&core.on(head(11), at(START + 11))), [], "the other one is being asked");
    assert_eq!(asked(&core.on(head(12), at(START + 13))), [peer(2)], "its answer was lost");
    core.on(shown(peer(2), 1), at(START + 13));
    assert_eq!(asked(&go_on(&mut core, 13..=17)), [], "both have shown it");
    core.on(epoch(2, 4, 20), at(START + 19));
    assert_eq!(asked(&go_on(&mut core, 18..=19)), [], "nobody is in it yet");
    assert_eq!(asked(&core.on(head(20), at(START + 20))), [peer(1), peer(2)]);
    core.on(Event::PeerDown(peer(2)), at(START + 20));
    core.on(shown(peer(1), 2), at(START + 20));
    assert_eq!(asked(&go_on(&mut core, 21..=25)), []);
}

#[test]
fn clocks_that_differ_are_told_and_other_networks_are_not_listened_to() {
    let mut core = running(4);
    let status = PeerStatus {
        version: "1".to_owned(),
        domain: DOMAIN.name(),
        head: 10,
        epoch: 1,
        table_root: B256::ZERO,
        unix_ms: at(START).0,
    };
    let orders = core.on(Event::Status { from: peer(1), bytes: status.encode() }, at(START + 10));
    assert_eq!(notes(&orders), [Note::ClockOff { peer: peer(1), offset_ms: 10_000 }]);
    let other = PeerStatus { domain: "another".to_owned(), ..status };
    assert!(core.on(Event::Status { from: peer(1), bytes: other.encode() }, at(START + 10)).is_empty());
}

/// The book knows version, status and money at the anchor: a run costs no request, and one that does not come about no worker.
#[test]
fn no_node_is_asked_for_what_the_book_knows() {
    let with = |event: Option<JobEvent>| {
        let mut core = running(1);
        let event = event.map(|event| Event::Chain(ChainEvent::Job { block: 10, event }));
        event.into_iter().for_each(|event| drop(core.on(event, at(START + 10))));
        go_on(&mut core, 11..=20)
    };
    assert_has!(&with(None), Order::Run { ask: false, .. });
    let orders = with(Some(JobEvent::Covered { job_id: 1, covered: false }));
    assert!(ordered(&orders, 0).is_none(), "{orders:?}");
    assert!(steps(&orders).is_empty(), "{orders:?}");
}

/// No code is asked for, nothing is told, read or run, until somebody has funded it.
#[test]
fn nothing_is_done_for_a_job_that_cannot_pay() {
    let mut core = running(1);
    core.on(covered(10, false), at(START + 10));
    let orders = go_on(&mut core, 11..=24);
    assert!(!orders.iter().any(|order| matches!(order, Order::Prepare { .. } | Order::Run { .. })), "{orders:?}");
    assert!(steps(&orders).is_empty() && !core.engine().is_told(&due(&core, 0)), "{orders:?}");
    core.on(covered(24, true), at(START + 24));
    let orders = go_on(&mut core, 25..=25);
    assert_has!(&orders, Order::Prepare { job: JobId(1), .. });
    core.on(code_is_there(), at(START + 25));
    assert!(ordered(&go_on(&mut core, 26..=28), 4).is_some(), "the run due at second 28");
}

/// What its last money was spent on in the meantime settles nothing, and costs its gas all the same.
#[test]
fn a_certified_task_of_a_job_that_cannot_pay_any_more_is_not_brought() {
    for can_pay in [true, false] {
        let mut core = ready();
        let (attempt, anchor) = ordered(&go_on(&mut core, 11..=20), 0).expect("run 0 is due");
        let mut orders = core.on(answer(0, attempt, anchor), at(START + 22));
        let token =
            orders.iter().find_map(|order| if let Order::Persist { token, .. } = order { Some(*token) } else { None });
        core.on(covered(20, can_pay), at(START + 22));
        let recorded = Event::Persisted { token: token.expect("one"), answer: JournalAnswer::Recorded };
        orders = core.on(recorded, at(START + 22));
        orders.extend(go_on(&mut core, 23..=25));
        assert_has!(&orders, Order::Publish { channel: Channel::Certificates, .. });
        let brought = |order: &Order| matches!(order, Order::Submit { unpaid, .. } if unpaid.is_empty());
        assert_eq!(orders.iter().any(brought), can_pay, "{orders:?}");
        assert_eq!(notes(&orders).contains(&Note::Submitting), can_pay);
    }
}

/// What kept a run from taking place says nothing of its job: one that was out of money is batched with others once it is funded.
#[test]
fn only_what_lies_with_a_job_sets_it_apart() {
    use consensus::task::Abstention;
    for (why, tells) in [
        (Abstention::UnknownTask, None),
        (Abstention::CodeUnavailable, Some(true)),
        (Abstention::ChainReadFailed, Some(true)),
        (Abstention::Timeout, Some(true)),
        (Abstention::HostFailure, Some(true)),
        (Abstention::Busy, None),
        (Abstention::JournalRefused, None),
        (Abstention::JobInactive, None),
    ] {
        assert_eq!(effects::tells_of_job(Err(&why)), tells, "{}", why.name());
    }
    assert_eq!(effects::tells_of_job(Ok(())), Some(false));
}

//! Housekeeping, and what a keeper shows of itself.

use super::*;

fn shows(orders: &[Order]) -> bool {
    orders.iter().any(|order| matches!(order, Order::Show))
}

#[test]
fn housekeeping_prepares_measures_and_offers() {
    let mut core = running(1);
    let orders = core.on(Event::House, at(START + 11));
    assert_has!(&orders, Order::Prepare { job: JobId(1), .. });
    assert_has!(&orders, Order::Measure);
    assert_has!(&orders, Order::OfferSnapshot);
    assert!(shows(&orders));
    let orders = core.on(Event::House, at(START + 12));
    let repeated = |order: &Order| matches!(order, Order::Prepare { .. } | Order::Measure);
    assert!(!orders.iter().any(repeated), "{orders:?}");
    assert_has!(&core.on(Event::House, at(START + 40)), Order::Measure);
}

/// A high base fee may have been all that was in the way of a job: whoever leads has it looked at, until it can pay.
#[test]
fn a_job_that_cannot_pay_any_more_is_looked_at_by_whoever_leads() {
    // In which of these seconds, each with a block. A window has two.
    fn looks(core: &mut Core, seconds: std::ops::RangeInclusive<u64>) -> Vec<u64> {
        let looks_in = |&second: &u64| {
            core.on(head(second), at(START + second));
            let orders = core.on(Event::House, at(START + second));
            orders.iter().any(|order| matches!(order, Order::LookAgain { job: JobId(1) }))
        };
        seconds.filter(looks_in).collect()
    }
    let mut core = running(1);
    assert_eq!(looks(&mut core, 11..=12), [0_u64; 0], "it can pay");
    core.on(covered(12, false), at(START + 12));
    assert_eq!(looks(&mut core, 13..=50), [14], "one look at a time");
    core.on(Event::LookedAgain, at(START + 50));
    assert_eq!(looks(&mut core, 51..=54), [52]);
    core.on(Event::LookedAgain, at(START + 54));
    core.on(covered(54, true), at(START + 54));
    assert_eq!(looks(&mut core, 55..=58), [0_u64; 0], "it can again");
    core.on(covered(59, false), at(START + 58));
    let paused = JobEvent::Paused { job_id: 1, inactive_from: START };
    core.on(Event::Chain(ChainEvent::Job { block: 60, event: paused }), at(START + 58));
    assert_eq!(looks(&mut core, 59..=66), [0_u64; 0], "nothing of it is due any more");
    core.on(Event::Chain(ChainEvent::Rewound { number: 59 }), at(START + 60));
    assert_eq!(looks(&mut core, 60..=90), [82], "that was taken back");
    let mut follower = running(4);
    follower.on(covered(10, false), at(START + 10));
    let led = (11..100).filter(|&second| {
        follower.on(Event::LookedAgain, at(START + second));
        !looks(&mut follower, second..=second).is_empty()
    });
    assert!((1..5).contains(&led.count()), "a fourth of the windows, and seldom");
}

/// A word of what was so already moves nothing: a job at the edge would have its code asked for with every settlement.
#[test]
fn a_job_that_still_can_pay_is_no_news() {
    let mut core = running(1);
    core.on(Event::House, at(START + 11));
    core.on(covered(10, true), at(START + 11));
    let orders = core.on(Event::House, at(START + 12));
    assert!(!orders.iter().any(|order| matches!(order, Order::Prepare { .. })), "{orders:?}");
}

#[test]
fn what_is_shown_is_made_anew_when_it_changed_and_once_a_second() {
    let mut core = running(4);
    assert!(shows(&core.on(Event::House, at(START + 11))));
    let quiet = Time(at(START + 11).0 + 300);
    assert!(!shows(&core.on(Event::House, quiet)), "nothing happened");
    core.on(Event::PeerUp(peer(1)), quiet);
    assert!(shows(&core.on(Event::House, quiet)));
    assert!(!shows(&core.on(Event::House, quiet)));
    assert!(shows(&core.on(Event::House, at(START + 12))), "time goes on");
}

#[test]
fn a_job_whose_code_is_missing_says_why() {
    let mut core = running(1);
    core.on(Event::House, at(START + 11));
    let view = core.view(at(START + 11));
    assert_eq!((view.jobs[0].ready, view.jobs[0].reason.as_str()), (false, "its code is being fetched"));
    let prepared = |result: Result<(), &str>| Event::Prepared {
        job: JobId(1),
        code: params().codeHash,
        result: result.map_err(str::to_owned),
    };
    let orders = core.on(prepared(Err("code_unavailable: not found")), at(START + 11));
    let why = "code_unavailable: not found".to_owned();
    assert_eq!(notes(&orders), [Note::CodeTrouble { job: 1, why: why.clone() }]);
    assert_eq!(core.view(at(START + 11)).jobs[0].reason, why);
    core.on(Event::House, at(START + 13));
    assert!(core.on(prepared(Ok(())), at(START + 13)).is_empty());
    let view = core.view(at(START + 13));
    assert!(view.jobs[0].ready && view.jobs[0].reason.is_empty());
    assert_eq!((view.jobs[0].next_due, view.jobs[0].status.as_str()), (Some(START + 20), "active"));
}

#[test]
fn checks_say_what_is_wrong() {
    let mut core = core();
    let check = |core: &Core, name: &str, second| {
        let view = core.view(at(START + second));
        view.checks.get(name).map(|check| (check.ok, check.message.clone()))
    };
    let starts = |check: Option<(bool, String)>, ok: bool, words: &str| {
        assert!(check.as_ref().is_some_and(|check| check.0 == ok && check.1.contains(words)), "{check:?}");
    };
    starts(check(&core, "chain", 0), false, "not connected");
    core.on(Event::Chain(ChainEvent::Connection { ok: false, why: "no node answers".to_owned() }), at(START));
    starts(check(&core, "chain", 0), false, "no node answers");
    core.on(Event::Chain(ChainEvent::Connection { ok: true, why: String::new() }), at(START));
    core.on(epoch(1, 4, 1), at(START));
    core.on(head(1), at(START + 1));
    starts(check(&core, "chain", 1), true, "block 1");
    starts(check(&core, "chain", 60), false, "59 s old");
    starts(check(&core, "registered", 1), true, "keeper 0 of epoch 1");
    starts(check(&core, "mesh", 1), false, "0 of 3");
    core.on(Event::PeerUp(peer(1)), at(START + 1));
    core.on(Event::PeerUp(peer(2)), at(START + 1));
    starts(check(&core, "mesh", 1), true, "2 peers, 2 of 3");
    core.on(Event::PeerDown(peer(2)), at(START + 1));
    assert_eq!(core.members_connected(), 1);
}

/// Rule 15: two of three others show another table, which is more stake than this keeper's own.
#[test]
fn a_disputed_set_is_told_once_and_shown_while_it_lasts() {
    let mut core = running(4);
    let shown = |root| PeerStatus {
        version: "1".to_owned(),
        domain: DOMAIN.name(),
        head: 10,
        epoch: 1,
        table_root: root,
        unix_ms: at(START + 11).0,
    };
    let other = shown(B256::repeat_byte(9)).encode();
    for number in [1, 2] {
        core.on(Event::Status { from: peer(number), bytes: other.clone() }, at(START + 11));
    }
    assert!(notes(&core.on(Event::House, at(START + 11))).contains(&Note::Disputed(true)));
    assert!(!notes(&core.on(Event::House, at(START + 12))).iter().any(|note| matches!(note, Note::Disputed(_))));
    assert!(!core.view(at(START + 12)).checks["set"].ok);
    core.on(Event::Status { from: peer(1), bytes: shown(B256::repeat_byte(1)).encode() }, at(START + 12));
    assert!(notes(&core.on(Event::House, at(START + 12))).contains(&Note::Disputed(false)));
    assert!(!core.view(at(START + 12)).checks.contains_key("set"));
}

#[test]
fn a_report_that_the_contract_skipped_says_why() {
    let mut core = running(1);
    core.on(Event::House, at(START + 15));
    let (task_id, reason) = (task(0).id().0, Ineligible::Escrow);
    core.on(Event::Chain(ChainEvent::Ineligible { block: 15, task_id, job_id: 1, reason }), at(START + 15));
    let view = core.view(at(START + 15));
    assert!(view.runs.iter().any(|run| run.reason == "the contract skipped it: Escrow"), "{:?}", view.runs);
}

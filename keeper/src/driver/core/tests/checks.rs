//! What is red, with its cause and its mend.

mod room;

use consensus::effect::Step;

use super::*;
use crate::chain::cost::DataPrice;
use crate::chain::lane::Account;
use crate::chain::refusal::{Kind, Refusal};
use crate::chain::{NodeView, SnapshotResult};

fn check(core: &Core, name: &str, second: u64) -> (bool, String) {
    let view = core.view(at(START + second));
    let check = view.checks.get(name).cloned().unwrap_or_else(|| panic!("no check {name}"));
    assert!(crate::health::rules::rule(name).is_some());
    (check.ok, check.message)
}

fn assert_check(core: &Core, name: &str, second: u64, ok: bool, words: &[&str]) {
    let found = check(core, name, second);
    assert!(found.0 == ok && words.iter().all(|word| found.1.contains(word)), "{name} at {second}: {found:?}");
}

fn node(state: &'static str, head: u64) -> NodeView {
    NodeView {
        origin: "http://node:8545".to_owned(),
        state,
        head: Some(head),
        lag: Some(0),
        last_error: (state != "good").then(|| "connection refused".to_owned()),
        answers: 1,
        failures: 1,
    }
}

fn look(core: &mut Core, readings: Readings) {
    core.on(Event::Looked(Box::new(readings)), at(START + 10));
}

/// What keeper `number` says of itself at START + `second`.
fn status(core: &mut Core, number: u8, head: u64, clock_ms: i64, second: u64) {
    let now = at(START + second);
    let status = PeerStatus {
        version: "1".to_owned(),
        domain: DOMAIN.name(),
        head,
        epoch: 1,
        table_root: B256::repeat_byte(1),
        unix_ms: now.0.saturating_add_signed(clock_ms),
    };
    core.on(Event::PeerUp(peer(number)), now);
    core.on(Event::Status { from: peer(number), bytes: status.encode() }, now);
}

/// A node shows this block, made at START + `number`, as its newest one.
fn newest(core: &mut Core, number: u64) {
    let newest = ChainEvent::Newest { number, timestamp: START + number, seen_ms: at(START + number).0, live: true };
    core.on(Event::Chain(newest), at(START + number));
}

fn connected(core: &mut Core) {
    core.on(Event::Chain(ChainEvent::Connection { ok: true, why: String::new() }), at(START));
}

#[test]
fn a_journal_that_takes_nothing_is_red_until_it_does() {
    let mut core = running(4);
    look(&mut core, Readings { journal: Some("No space left on device".to_owned()), ..Readings::default() });
    assert_check(&core, "journal", 10, false, &["No space left", "free space", "nothing is signed"]);
    look(&mut core, Readings { journal: Some("Read-only file system".to_owned()), ..Readings::default() });
    assert_check(&core, "journal", 10, false, &["Read-only"]);
    look(&mut core, Readings::default());
    assert_check(&core, "journal", 10, true, &[]);
}

#[test]
fn a_journal_that_begins_above_the_chain_is_red() {
    let mut core = running(4);
    let head = core.engine.head().expect("the chain was told").number;
    newest(&mut core, head);
    look(&mut core, Readings { journal_watermark: head + 1, ..Readings::default() });
    let begins = format!("before block {}", head + 1);
    assert_check(&core, "journal", 10, false, &["nothing is signed", &begins, "--accept-empty-journal"]);
    look(&mut core, Readings { journal_watermark: head, ..Readings::default() });
    assert_check(&core, "journal", 10, true, &[]);
}

/// A keeper once told its operator to move the journal away because its node was a moment behind after a restart.
#[test]
fn a_node_that_is_behind_is_no_fault_of_the_journal() {
    let mut core = running(4);
    let head = core.engine.head().expect("the chain was told").number;
    let ahead = Readings { journal_watermark: head + 3, ..Readings::default() };
    look(&mut core, ahead.clone());
    assert_check(&core, "journal", 10, true, &[]); // what was written down before the start may be old
    newest(&mut core, head);
    assert_check(&core, "journal", 10, false, &["move journal.bin away"]);
    assert_check(&core, "journal", 60, true, &[]); // an old head may be followed by any number of blocks
    newest(&mut core, head + 3);
    look(&mut core, ahead.clone());
    assert_check(&core, "journal", 13, true, &[]);

    let mut core = running(4);
    newest(&mut core, head);
    look(&mut core, ahead);
    (1..=2).for_each(|number| status(&mut core, number, head + 400, 0, 10));
    assert_check(&core, "journal", 10, true, &[]);
    assert_check(&core, "nodes", 10, false, &["most other keepers"]);
}

#[test]
fn a_keeper_on_which_every_job_fails_is_red_until_a_run_goes_well() {
    let mut core = running(4);
    assert_check(&core, "runs", 10, true, &[]);
    let run = |core: &mut Core, number: u64, result: Result<Outcome, Abstention>, reason: &str| {
        let (task, anchor, took, reason) = (task(number), B256::repeat_byte(9), Duration::ZERO, reason.to_owned());
        core.executions.begin(task, 0, anchor, at(START + 20));
        core.on(Event::Executed { task, attempt: 0, anchor, result, reason, took }, at(START + 20));
    };
    let why = "host_failure: this keeper could not run the job: the worker ended";
    run(&mut core, 0, Err(Abstention::HostFailure), why);
    assert_check(&core, "runs", 20, false, &["job 1", "the worker ended", "`worker:`", "memory"]);
    let outcome = Outcome { status: Status::Skip, data: Bytes::new(), state_after: B256::ZERO, transcript: B256::ZERO };
    run(&mut core, 1, Ok(outcome), "");
    assert_check(&core, "runs", 20, true, &[]);
}

#[test]
fn an_epoch_that_cannot_be_written_is_red() {
    let mut core = running(4);
    for _ in 0..3 {
        let why = "insufficient funds".to_owned();
        let orders = core.on(Event::Offered(SnapshotResult::Failed { why: why.clone() }), at(START + 10));
        assert_eq!(notes(&orders), [Note::Offered(SnapshotResult::Failed { why })]);
    }
    assert_check(&core, "set", 10, false, &["overdue", "insufficient funds", "snapshot()"]);
    core.on(epoch(2, 4, 11), at(START + 10));
    assert!(!core.view(at(START + 10)).checks.contains_key("set"));
}

#[test]
fn a_wallet_that_nobody_shows_is_red() {
    let mut core = running(4);
    core.on(Event::House, at(START + 11));
    assert_check(&core, "runway", 310, true, &["not been read"]);
    assert_check(&core, "runway", 311, false, &["300 s", "rpc_urls"]);
    core.on(Event::Measured(Wallet { balance: 10_u128.pow(18), gas_price: 1 }), at(START + 311));
    assert_check(&core, "runway", 610, true, &[]);
    assert_check(&core, "runway", 611, false, &["300 s"]);
    core.on(Event::ClockSet { by_ms: 3_600_000 }, at(START + 3_900));
    assert_check(&core, "runway", 3_910, true, &[]);
}

#[test]
fn a_clock_that_most_others_contradict_is_red() {
    let mut core = running(4);
    assert_check(&core, "clock", 10, true, &["no other keeper's clock"]);
    status(&mut core, 1, 10, 45_000, 10);
    assert_check(&core, "clock", 10, true, &[]);
    status(&mut core, 2, 10, 44_000, 10);
    assert_check(&core, "clock", 10, false, &["44 s behind", "NTP"]);
    status(&mut core, 1, 10, -45_000, 11);
    status(&mut core, 2, 10, -46_000, 11);
    assert_check(&core, "clock", 11, false, &["46 s ahead of"]);
    status(&mut core, 3, 10, 0, 11);
    status(&mut core, 2, 10, 50, 11);
    assert_check(&core, "clock", 11, true, &["as most other"]);
}

#[test]
fn a_chain_of_another_time_is_told_and_followed() {
    let mut core = running(4);
    for number in 11..=16 {
        let newest =
            ChainEvent::Newest { number, timestamp: START + 3_600 + number, seen_ms: at(START + number).0, live: true };
        core.on(Event::Chain(newest), at(START + number));
    }
    assert_check(&core, "chain_time", 16, true, &["ahead of this machine's clock", "follow the chain"]);
    let never = ChainEvent::Newest { number: 17, timestamp: u64::MAX / 2_000, seen_ms: at(START + 17).0, live: true };
    core.on(Event::Chain(never.clone()), at(START + 17));
    core.on(Event::Chain(never), at(START + 17));
    assert_check(&core, "chain_time", 17, false, &[]);
}

#[test]
fn nodes_behind_most_keepers_or_all_bad_are_red() {
    let mut core = running(4);
    look(&mut core, Readings { nodes: vec![node("good", 10), node("lagging", 2)], ..Readings::default() });
    assert_check(&core, "nodes", 10, true, &["1 of 2 good", "lagging", "connection refused"]);
    look(&mut core, Readings { nodes: vec![node("failing", 10), node("wrong-chain", 2)], ..Readings::default() });
    assert_check(&core, "nodes", 10, false, &["no RPC node is good", "wrong-chain", "rpc_urls"]);
    look(&mut core, Readings { nodes: vec![node("good", 10)], ..Readings::default() });
    status(&mut core, 1, 500, 0, 10);
    assert_check(&core, "nodes", 10, true, &[]);
    status(&mut core, 2, 90, 0, 10);
    assert_check(&core, "nodes", 10, false, &["most other keepers are at 90", "rpc_urls"]);
    let orders = core.on(Event::House, at(START + 11));
    assert_has!(&orders, Order::Look { peers_head: Some(90) });
    assert_check(&core, "nodes", 41, true, &[]);
}

#[test]
fn an_old_block_is_red_unless_others_have_no_newer_one() {
    let mut core = running(4);
    connected(&mut core);
    core.on(
        Event::Chain(ChainEvent::Newest { number: 10, timestamp: START + 10, seen_ms: at(START + 10).0, live: true }),
        at(START + 10),
    );
    look(&mut core, Readings { nodes: vec![node("good", 10)], ..Readings::default() });
    assert_check(&core, "chain", 15, true, &["block 10"]);
    assert_check(&core, "chain", 60, false, &["50 s old", "rpc_urls"]);
    look(&mut core, Readings { nodes: vec![node("good", 10), node("good", 10)], ..Readings::default() });
    assert_check(&core, "chain", 60, true, &["2 nodes show no newer one"]);
    look(&mut core, Readings { nodes: vec![node("good", 10), node("lagging", 10)], ..Readings::default() });
    assert_check(&core, "chain", 60, false, &[]);
    status(&mut core, 1, 10, 0, 60);
    status(&mut core, 2, 10, 0, 60);
    assert_check(&core, "chain", 60, true, &["most other keepers"]);
    core.on(Event::Chain(ChainEvent::Connection { ok: false, why: "first".to_owned() }), at(START + 60));
    core.on(Event::Chain(ChainEvent::Connection { ok: false, why: "second".to_owned() }), at(START + 60));
    assert_check(&core, "chain", 60, false, &["second"]);
}

#[test]
fn an_account_that_cannot_send_and_an_empty_wallet_are_red() {
    let mut core = running(4);
    let refused = Account {
        last_refusal: Some(Refusal::new(Kind::InsufficientFunds, "insufficient funds for gas")),
        ..Account::default()
    };
    look(&mut core, Readings { account: refused, ..Readings::default() });
    assert_check(&core, "account", 10, false, &["insufficient funds", "send the account some coin"]);
    let wedged = Account { open: 3, oldest_seconds: 500, ..Account::default() };
    look(&mut core, Readings { account: wedged, ..Readings::default() });
    assert_check(&core, "account", 10, false, &["3 transactions are not included", "500 s"]);
    assert_check(&core, "runway", 10, true, &["not been read"]);
    core.on(Event::Measured(Wallet { balance: 1_000_000_000_000_000, gas_price: 1_000_000_000 }), at(START + 10));
    assert_check(&core, "runway", 10, false, &["0.001", "enough for 2 more", "send some to"]);
    let key = BatchKey { assignment: B256::ZERO, batch: 0 };
    let result = SettlementResult::Mined { tx: B256::ZERO, gas_used: 10_000, settled: 1 };
    core.on(Event::Submitted { key, result }, at(START + 10));
    assert_check(&core, "runway", 10, true, &["pay for 100 settlements"]);
}

/// 2,048 bytes and the envelope are a 64th of the largest transaction, a little more; data that has doubled counts.
#[test]
fn a_wallet_pays_for_the_data_of_settlements_too() {
    let mut core = running(4);
    core.on(Event::Measured(Wallet { balance: 10_u128.pow(15), gas_price: 1_000_000 }), at(START + 10));
    assert_check(&core, "runway", 10, true, &["pay for 2000 settlements"]);
    let data = DataPrice { empty: 1_000_000_000, full: 64 * 10_u128.pow(13) };
    let account = Account { data, settlement_bytes: 2_048 - 93, ..Account::default() };
    look(&mut core, Readings { account: account.clone(), ..Readings::default() });
    assert_check(&core, "runway", 10, true, &["pay for 48 settlements"]);
    look(&mut core, Readings { account: Account { settlement_bytes: 8_192, ..account }, ..Readings::default() });
    assert_check(&core, "runway", 10, false, &["enough for 12 more", "send some to"]);
}

#[test]
fn no_peers_and_an_ejection_are_red() {
    let mut core = running(4);
    assert_check(&core, "mesh", 10, false, &["0 peers, 0 of 3", "--bootnode"]);
    let registered = ChainEvent::Operator { block: 1, operator: operator(0), peer_key: Some(peer(0).0) };
    let left = ChainEvent::Operator { block: 10, operator: operator(0), peer_key: None };
    let (ejected, other) = (operator(0), operator(1));
    for event in [registered, left, ChainEvent::Ejected { block: 10, operator: other }] {
        core.on(Event::Chain(event), at(START + 10));
    }
    assert_check(&core, "registered", 10, true, &["deregistered"]);
    core.on(Event::Chain(ChainEvent::Ejected { block: 10, operator: ejected }), at(START + 10));
    assert_check(&core, "registered", 10, false, &["ejected in block 10", "keeper keys rotate"]);
    core.on(Event::Chain(ChainEvent::Rewound { number: 9 }), at(START + 10));
    assert_check(&core, "registered", 10, true, &["keeper 0 of epoch 1"]);
}

#[test]
fn missed_runs_are_counted_with_their_cause() {
    let mut core = running(4);
    core.on(Event::House, at(START + 15));
    assert_eq!(core.view(at(START + 15)).missed.count, 0);
    core.history.note_reason(&task(0), "its code cannot be fetched");
    core.history.note_step(&task(0), Step::Expired, at(START + 500));
    let missed = core.view(at(START + 500)).missed;
    assert_eq!(missed.count, 1);
    assert!(missed.newest.contains("job 1, run 0") && missed.newest.contains("cannot be fetched"), "{missed:?}");
    core.history.note_step(&task(0), Step::Settled, at(START + 501));
    assert_eq!(core.view(at(START + 501)).missed.count, 0, "late, but settled");
}

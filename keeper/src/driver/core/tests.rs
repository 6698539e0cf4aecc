//! What comes of each event.

use std::time::Duration;

use alloy::primitives::{B256, Bytes, Uint};

use consensus::bls::SecretKey;
use consensus::effect::{BatchKey, JournalAnswer, PersistToken};
use consensus::engine::{Config, JournalState};
use consensus::fault::{Reason, Verdict};
use consensus::report::Domain;
use consensus::task::{Abstention, InstanceKey, JobId, Outcome, Status};
use contracts::terms::{ActionTerms, Limits, Terms, TriggerTerms, WasmTerms};
use ed25519_dalek::SigningKey;

use super::*;
use crate::chain::{
    AccusationResult, ChainEvent, EpochSnapshot, Head, Ineligible, JobEvent, JobParams, MemberRow, Settled,
    SettlementResult,
};
use crate::driver::event::RequestTag;
use crate::driver::status::PeerStatus;

macro_rules! assert_has {
    ($orders:expr, $pattern:pat $(if $guard:expr)?) => {{
        let orders = $orders;
        assert!(orders.iter().any(|order| matches!(order, $pattern $(if $guard)?)), "{orders:?}");
    }};
}

mod archive;
mod checks;
mod conditions;
mod disputes;
mod life;
mod lookout;
mod shown;
mod time;

const PACE: Pace = Pace::of(Duration::from_secs(1), 0);
const DOMAIN: Domain = Domain { chain_id: 31_337, task_manager: Address::repeat_byte(0x11) };
/// The second that the tests begin at: a multiple of every window.
const START: u64 = 1_000_000;

fn operator(number: u8) -> Address {
    Address::repeat_byte(number + 1)
}

fn signing(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number + 1; 32])
}

fn peer(number: u8) -> PeerKey {
    PeerKey(signing(number).verifying_key().to_bytes())
}

fn secret(number: u8) -> SecretKey {
    SecretKey::generate(&[number + 1; 32])
}

fn at(second: u64) -> Time {
    Time::from_seconds(second)
}

/// The keeper numbered 0.
fn core() -> Core {
    let engine = Config {
        domain: DOMAIN,
        pace: PACE,
        anchor_age: 100,
        operator: operator(0),
        secret: secret(0),
        peer_key: signing(0),
        seed: [7; 32],
        journal: JournalState::New,
    };
    let about = About {
        chain_id: DOMAIN.chain_id,
        domain: DOMAIN.name(),
        operator: operator(0),
        peer_id: "me".to_owned(),
        peer_key: peer(0).0,
        pace: PACE,
        backfill_blocks: 10,
        challenge: true,
        #[cfg(feature = "equivocate")]
        pen: Pen { secret: secret(0), domain: DOMAIN, wrong_run: None },
    };
    Core::new(Engine::new(engine), about)
}

fn head(number: u64) -> Event {
    let hash = |number: u64| B256::from(Uint::from(number + 1));
    let (hash, parent) = (hash(number), hash(number - 1));
    Event::Chain(ChainEvent::Head(Head { number, hash, parent, timestamp: START + number }))
}

/// An epoch of the first `members` keepers, active from block `active_from` on.
fn epoch(number: u32, members: u8, active_from: u64) -> Event {
    let row = |member: u8| MemberRow {
        operator: operator(member),
        stake: 1_000,
        peer_key: peer(member).0,
        bls_key: secret(member).public_key().to_chain_bytes().to_vec(),
    };
    Event::Chain(ChainEvent::Epoch(EpochSnapshot {
        block: active_from - 1,
        epoch: number,
        active_from,
        members: (0..members).map(row).collect(),
        table_root: B256::repeat_byte(number as u8),
    }))
}

fn params() -> JobParams {
    let code =
        WasmTerms { code_url: "file:job.wasm".to_owned(), code_hash: B256::repeat_byte(0xcc), params: Bytes::new() };
    Terms {
        trigger: TriggerTerms::Interval { start: START + 20, interval: 2 },
        action: ActionTerms::Wasm(code),
        target: Address::ZERO,
        callback_gas: 100_000,
        token: Address::ZERO,
        fee: Uint::from(1),
        quorum_bps: 0,
        punctual_seconds: 0,
        limits: Limits::default(),
    }
    .params()
}

fn listed() -> Event {
    let (owner, forwarder) = (Address::ZERO, Address::ZERO);
    let params = Box::new(params());
    let event = JobEvent::Created { job_id: 1, owner, forwarder, params, active_from: START };
    Event::Chain(ChainEvent::Job { block: 2, event })
}

fn covered(block: u64, covered: bool) -> Event {
    Event::Chain(ChainEvent::Job { block, event: JobEvent::Covered { job_id: 1, covered } })
}

fn task(run: u64) -> Task {
    Task { job: JobId(1), version: 1, instance: InstanceKey::from_run(run) }
}

fn settled(run: u64, block: u64, anchor: u64, submitter: Address) -> Event {
    Event::Chain(ChainEvent::Settled(Settled {
        block,
        timestamp: START + block,
        tx: B256::ZERO,
        task_id: task(run).id().0,
        job_id: 1,
        job_version: 1,
        instance_key: InstanceKey::from_run(run).0,
        status: 0,
        seconds_late: 2,
        anchor_number: anchor,
        outcome_hash: B256::ZERO,
        delivered: true,
        submitter,
    }))
}

/// A core with one job and a committee of `members`, at block 10.
fn running(members: u8) -> Core {
    let mut core = core();
    core.on(epoch(1, members, 1), at(START + 1));
    for number in 1..=10 {
        if number == 2 {
            core.on(listed(), at(START + 2));
            core.on(covered(2, true), at(START + 2));
        }
        core.on(head(number), at(START + number));
    }
    core
}

fn notes(orders: &[Order]) -> Vec<Note> {
    let note = |order: &Order| if let Order::Note(note) = order { Some(note.clone()) } else { None };
    orders.iter().filter_map(note).collect()
}

fn steps(orders: &[Order]) -> Vec<consensus::effect::Step> {
    let step = |note| if let Note::Step { step, .. } = note { Some(step) } else { None };
    notes(orders).into_iter().filter_map(step).collect()
}

/// A head admits whom the registry names, once, and the first one asks for the proofs on disk.
#[test]
fn the_first_head_loads_evidence_and_admits() {
    let mut core = core();
    let registered = ChainEvent::Operator { block: 1, operator: operator(1), peer_key: Some(peer(1).0) };
    assert!(core.on(Event::Chain(registered), at(START)).is_empty());
    let orders = core.on(head(1), at(START));
    assert_has!(&orders, Order::Admit(keys) if *keys == [peer(1).0]);
    assert_has!(&orders, Order::LoadEvidence);
    assert_eq!(notes(&orders), [Note::Head { number: 1, timestamp: START + 1 }]);
    let orders = core.on(head(2), at(START));
    assert!(orders.iter().all(|order| matches!(order, Order::Note(Note::Head { .. }))), "{orders:?}");
    let left = ChainEvent::Operator { block: 3, operator: operator(1), peer_key: None };
    core.on(Event::Chain(left), at(START));
    assert_has!(&core.on(head(3), at(START)), Order::Admit(keys) if keys.is_empty());
    core.on(Event::Chain(ChainEvent::Rewound { number: 2 }), at(START));
    assert_has!(&core.on(head(3), at(START)), Order::Admit(keys) if *keys == [peer(1).0]);
}

#[test]
fn an_epoch_is_told_and_a_bad_one_too() {
    let mut core = core();
    assert_eq!(notes(&core.on(epoch(1, 4, 1), at(START))), [Note::Epoch { epoch: 1, members: 4 }]);
    let row = MemberRow { operator: operator(1), stake: 1, peer_key: [1; 32], bls_key: vec![0; 192] };
    let bad = EpochSnapshot { block: 5, epoch: 2, active_from: 6, members: vec![row], table_root: B256::ZERO };
    let orders = core.on(Event::Chain(ChainEvent::Epoch(bad)), at(START));
    assert!(matches!(&notes(&orders)[..], [Note::BadEpoch(why)] if why.contains("epoch 2")), "{orders:?}");
    assert_eq!(notes(&core.on(Event::Chain(ChainEvent::Rewound { number: 0 }), at(START))), [Note::Rewound(0)]);
    assert!(core.engine().committee().is_none());
}

#[test]
fn every_message_gets_one_verdict() {
    let mut core = running(4);
    let message = MessageTag(7);
    let junk = Event::Message { message, from: peer(1), channel: Channel::Partials, bytes: vec![1, 2, 3] };
    let orders = core.on(junk, at(START + 11));
    let judged = |order: &&Order| matches!(order, Order::Judge { message: MessageTag(7), verdict: Verdict::Reject(_) });
    assert_eq!(orders.iter().filter(judged).count(), 1, "{orders:?}");
    assert!(matches!(notes(&orders)[..], [Note::Judged { channel: Channel::Partials, verdict: Verdict::Reject(_) }]));
    core.judge(message, Verdict::Accept);
    assert_eq!(notes(&core.orders), [Note::SecondVerdict(Verdict::Accept)]);
    assert_eq!(core.orders.len(), 1, "the mesh does not hear of it");
}

#[test]
fn a_peer_is_charged_for_what_is_wrong_in_its_answer_and_for_nothing_else() {
    let mut core = running(4);
    let orders = core.on(Event::Answered { from: peer(1), bytes: vec![1, 2, 3] }, at(START + 11));
    let faults = |orders: &[Order]| orders.iter().filter(|order| matches!(order, Order::Fault { .. })).count();
    assert_has!(&orders, Order::Fault { peer: who, reason: Reason::Malformed } if *who == peer(1));
    assert_eq!(faults(&orders), 1, "{orders:?}");
    let nothing = consensus::codec::encode(&consensus::message::Have::default());
    let orders = core.on(Event::Answered { from: peer(1), bytes: nothing }, at(START + 11));
    assert_eq!(faults(&orders), 0, "it may not have what was asked for: {orders:?}");
}

#[test]
fn questions_are_answered() {
    let mut core = running(4);
    let bytes = consensus::codec::encode(&consensus::message::Want::SignedBy(0));
    let orders = core.on(Event::Question { request: RequestTag(3), from: peer(1), bytes }, at(START + 11));
    assert!(matches!(&orders[..], [Order::Respond { request: RequestTag(3), .. }]), "{orders:?}");
    for bytes in [vec![9], vec![0xff; 2_000]] {
        let orders = core.on(Event::Question { request: RequestTag(3), from: peer(2), bytes }, at(START + 11));
        let [Order::Fault { peer: who, .. }, Order::Respond { .. }] = &orders[..] else { panic!("{orders:?}") };
        assert_eq!(*who, peer(2), "whoever asks what nobody can read answers for it");
    }
    let orders = core.on(Event::StatusQuestion { request: RequestTag(4) }, at(START + 11));
    let [Order::Respond { request: RequestTag(4), bytes }] = &orders[..] else { panic!("{orders:?}") };
    let status = PeerStatus::decode(bytes).unwrap();
    assert_eq!((status.epoch, status.table_root, status.head), (1, B256::repeat_byte(1), 10));
    assert_eq!((status.domain, status.unix_ms), (DOMAIN.name(), at(START + 11).0));
}

#[test]
fn listening_is_told() {
    let mut core = core();
    let address = "/ip4/127.0.0.1/tcp/1".to_owned();
    let orders = core.on(Event::Listening(address.clone()), at(START));
    assert_eq!(notes(&orders), [Note::Listening(address.clone())]);
    assert_eq!(core.view(at(START)).listen, [address]);
}

#[test]
fn a_signature_of_this_key_is_recalled_learnt_or_stops_the_keeper() {
    let mut core = core();
    let recalled = |listening, known| Event::Recalled { group: Vec::new(), listening, known };
    assert!(core.on(recalled(true, true), at(START)).is_empty());
    assert!(core.on(recalled(false, true), at(START)).is_empty());
    assert!(matches!(core.on(recalled(true, false), at(START))[..], [Order::Learn { .. }]));
    assert_eq!(notes(&core.on(Event::Learnt { safe: true }, at(START))), [Note::Learnt]);
    let stops = [Event::Learnt { safe: false }, recalled(false, false)];
    for stop in stops {
        let orders = core.on(stop, at(START));
        assert!(matches!(&orders[..], [Order::Stop(why)] if why.contains("another process")), "{orders:?}");
    }
}

#[test]
fn a_submission_that_failed_is_told_to_the_engine_and_one_that_did_not_is_not() {
    let mut core = running(4);
    let key = BatchKey { assignment: B256::ZERO, batch: 0 };
    let results = [
        SettlementResult::AlreadySettled,
        SettlementResult::Mined { tx: B256::ZERO, gas_used: 5, settled: 1 },
        SettlementResult::Useless { jobs: vec![1] },
        SettlementResult::Reverted { reason: "x".to_owned() },
        SettlementResult::Failed { why: "y".to_owned() },
    ];
    for result in results {
        let orders = core.on(Event::Submitted { key, result: result.clone() }, at(START + 11));
        assert_eq!(notes(&orders), [Note::Submitted(result)]);
    }
}

#[test]
fn an_accusation_that_is_over_is_forgotten_on_disk() {
    let mut core = running(4);
    let key = B256::repeat_byte(5);
    let orders = core.on(Event::Accused { key, result: AccusationResult::TooLate }, at(START + 11));
    assert_has!(&orders, Order::ForgetEvidence(forgotten) if *forgotten == key);
    assert_eq!(notes(&orders), [Note::Accused(AccusationResult::TooLate)]);
    assert!(core.on(Event::Evidence(vec![vec![1, 2, 3]]), at(START + 11)).is_empty(), "no proof, and no panic");
}

#[test]
fn answers_that_mean_nothing_do_nothing() {
    let mut core = running(4);
    assert!(
        core.on(Event::Persisted { token: PersistToken(9), answer: JournalAnswer::Recorded }, at(START + 11))
            .is_empty()
    );
    assert!(core.on(Event::Status { from: peer(1), bytes: b"{}".to_vec() }, at(START + 11)).is_empty());
    assert!(core.on(Event::Tick, at(START + 11)).is_empty());
}

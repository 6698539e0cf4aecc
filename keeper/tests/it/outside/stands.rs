//! What stands between a keeper and its work, told to the whole core by hand: each is red under its own name, with its
//! cause, and fine again once it is mended; or the keeper goes on.

use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U256, Uint};
use consensus::Engine;
use consensus::bls::SecretKey;
use consensus::committee::PeerKey;
use consensus::engine::{Config, JournalState};
use consensus::report::Domain;
use consensus::time::{Pace, Time};
use contracts::terms::{ActionTerms, Limits, Terms, TriggerTerms, WasmTerms};
use ed25519_dalek::SigningKey;
use keeper::chain::lane::Account;
use keeper::chain::refusal::{Kind, Refusal};
use keeper::chain::{ChainEvent, EpochSnapshot, Head, JobEvent, MemberRow, NodeView, SnapshotResult};
use keeper::driver::{About, Core, Event, PeerStatus, Readings, Wallet};
use keeper::health::rules::Severity;
use keeper::view::View;

const PACE: Pace = Pace::of(Duration::from_secs(1), 0);
const DOMAIN: Domain = Domain { chain_id: 31_337, task_manager: Address::repeat_byte(0x11) };
/// The second at which everything happens: block 10.
const NOW: u64 = 1_000_010;

/// A keeper in a committee of four at block 10, and what its clock shows.
struct Keeper {
    core: Core,
    now: Time,
    readings: Readings,
}

fn signing(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number + 1; 32])
}

fn peer(number: u8) -> PeerKey {
    PeerKey(signing(number).verifying_key().to_bytes())
}

fn operator(number: u8) -> Address {
    Address::repeat_byte(number + 1)
}

impl Keeper {
    fn new() -> Self {
        let engine = Config {
            domain: DOMAIN,
            pace: PACE,
            anchor_age: 100,
            operator: operator(0),
            secret: SecretKey::generate(&[1; 32]),
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
        };
        let core = Core::new(Engine::new(engine), about);
        let mut keeper = Self { core, now: Time::from_seconds(NOW), readings: Readings::default() };
        let row = |member: u8| MemberRow {
            operator: operator(member),
            stake: 1_000,
            peer_key: peer(member).0,
            bls_key: SecretKey::generate(&[member + 1; 32]).public_key().to_chain_bytes().to_vec(),
        };
        let (members, table_root) = ((0..4).map(row).collect(), B256::repeat_byte(1));
        keeper.chain(ChainEvent::Epoch(EpochSnapshot { block: 0, epoch: 1, active_from: 1, members, table_root }));
        keeper.chain(ChainEvent::Connection { ok: true, why: String::new() });
        keeper.blocks(1..=10, 0);
        (1..4).for_each(|member| keeper.peer(member, 10, 0));
        keeper.look(|readings| readings.nodes = vec![node("good", 10)]);
        keeper.event(Event::Measured(Wallet { balance: 10_u128.pow(18), gas_price: 1 }));
        keeper
    }

    fn event(&mut self, event: Event) {
        self.core.on(event, self.now);
    }

    fn chain(&mut self, event: ChainEvent) {
        self.event(Event::Chain(event));
    }

    /// Blocks that come one a second, dated `ahead` seconds ahead of this keeper's clock.
    fn blocks(&mut self, numbers: std::ops::RangeInclusive<u64>, ahead: i64) {
        for number in numbers {
            let now = Time::from_seconds(NOW - 10 + number);
            let timestamp = (now.0 / 1_000).saturating_add_signed(ahead);
            let hash = |number: u64| B256::from(U256::from(number + 1));
            let (parent, seen_ms) = (hash(number.wrapping_sub(1)), now.0);
            self.now = now;
            self.chain(ChainEvent::Newest { number, timestamp, seen_ms, live: number > 1 });
            self.chain(ChainEvent::Head(Head { number, hash: hash(number), parent, timestamp }));
        }
    }

    /// So many jobs are listed, each with a thousand runs that can still be tried, and the schedule tells of them.
    fn due(&mut self, jobs: u64) {
        (1..=jobs).for_each(|job_id| {
            self.chain(listed(job_id));
            self.chain(ChainEvent::Job { block: 2, event: JobEvent::Covered { job_id, covered: true } });
        });
        (0..16).for_each(|_| self.event(Event::House)); // so many are told in each
    }

    /// A member of the committee says how it fares.
    fn peer(&mut self, number: u8, head: u64, clock_ms: i64) {
        let unix_ms = self.now.0.saturating_add_signed(clock_ms);
        let (version, domain, table_root) = ("1".to_owned(), DOMAIN.name(), B256::repeat_byte(1));
        let status = PeerStatus { version, domain, head, epoch: 1, table_root, unix_ms };
        self.event(Event::PeerUp(peer(number)));
        self.event(Event::Status { from: peer(number), bytes: status.encode() });
    }

    fn look(&mut self, change: impl Fn(&mut Readings)) {
        change(&mut self.readings);
        self.event(Event::Looked(Box::new(self.readings.clone())));
    }
}

fn node(state: &'static str, head: u64) -> NodeView {
    let (origin, last_error) = ("http://node:8545".to_owned(), Some("connection refused".to_owned()));
    NodeView { origin, state, head: Some(head), lag: Some(0), last_error, answers: 1, failures: 1 }
}

fn refused(kind: Kind, words: &str) -> Account {
    Account { last_refusal: Some(Refusal::new(kind, words)), ..Account::default() }
}

/// (fault, how it comes about, the check that is red, its words) and how it ends.
struct Row(&'static str, fn(&mut Keeper), &'static str, &'static [&'static str], Option<fn(&mut Keeper)>);

fn mended(keeper: &mut Keeper) {
    keeper.look(|readings| {
        *readings = Readings { nodes: vec![node("good", 10)], ..Readings::default() };
    });
}

#[rustfmt::skip]
fn table() -> Vec<Row> {
    vec![
        Row("the disk of the journal is full", |k| k.look(|r| r.journal = Some("No space left on device".into())), "journal", &["No space left", "free space"], Some(mended)),
        Row("the disk of the journal is mounted read-only after another fault", |k| {
            k.look(|r| r.journal = Some("No space left on device".into()));
            k.look(|r| r.journal = Some("Read-only file system".into()));
        }, "journal", &["Read-only file system"], Some(mended)),
        Row("the journal begins far above the chain", |k| k.look(|r| r.journal_watermark = 9_000), "journal", &["before block 9000", "--accept-empty-journal"], Some(mended)),
        Row("the disk of the record of runs is full", |k| k.look(|r| r.archive = Some("runs.sqlite cannot be used (disk full): free space on its disk".into())), "archive", &["is not recorded", "disk full", "free space"], Some(mended)),
        Row("the chain's history comes to too much", |k| k.look(|r| r.history = Some("it is more than 64 MiB".into())), "history", &["more than 64 MiB", "rpc_urls"], Some(mended)),
        Row("more happens than the disk of the record takes", |k| k.look(|r| r.records_lost = 9), "load", &["9 records turned away"], Some(|k| k.now = Time::from_seconds(NOW + 61))),
        Row("the clock is 45 s behind most other keepers'", |k| (1..4).for_each(|m| k.peer(m, 10, 45_000)), "clock", &["45 s behind", "NTP"], Some(|k| (1..4).for_each(|m| k.peer(m, 10, 20)))),
        Row("the clock is 45 s ahead of most other keepers'", |k| (1..4).for_each(|m| k.peer(m, 10, -45_000)), "clock", &["45 s ahead", "NTP"], Some(|k| (1..4).for_each(|m| k.peer(m, 10, 20)))),
        Row("no node of this keeper has the blocks that most others have", |k| (1..4).for_each(|m| k.peer(m, 400, 0)), "nodes", &["most other keepers are at 400", "rpc_urls"], Some(|k| (1..4).for_each(|m| k.peer(m, 10, 0)))),
        Row("no node is good", |k| k.look(|r| r.nodes = vec![node("failing", 10), node("contradicting", 10)]), "nodes", &["failing", "contradicting", "connection refused"], Some(mended)),
        Row("the one node stands still, and nobody knows better", |k| { k.now = Time::from_seconds(NOW + 100); }, "chain", &["100 s old", "rpc_urls"], None),
        Row("no node can be followed", |k| k.chain(ChainEvent::Connection { ok: false, why: "all of them refuse".into() }), "chain", &["all of them refuse"], Some(|k| k.chain(ChainEvent::Connection { ok: true, why: String::new() }))),
        Row("no node can be followed, by now for another reason", |k| {
            k.chain(ChainEvent::Connection { ok: false, why: "first".into() });
            k.chain(ChainEvent::Connection { ok: false, why: "second".into() });
        }, "chain", &["second"], None),
        Row("the account has no coin", |k| k.look(|r| r.account = refused(Kind::InsufficientFunds, "insufficient funds for gas")), "account", &["insufficient funds", "send the account some coin"], Some(mended)),
        Row("nodes cap what a transaction may cost", |k| k.look(|r| r.account = refused(Kind::AboveNodeFeeCap, "tx fee (1.2 ether) exceeds the configured cap")), "account", &["exceeds the configured cap", "--rpc.txfeecap"], Some(mended)),
        Row("transactions are too large", |k| k.look(|r| r.account = refused(Kind::Oversized, "oversized data")), "account", &["oversized data", "smaller outcomes"], Some(mended)),
        Row("the account is wedged", |k| k.look(|r| { r.account.open = 3; r.account.oldest_seconds = 400; }), "account", &["3 transactions are not included", "400 s"], Some(mended)),
        Row("the ledger of transactions cannot be written", |k| k.look(|r| r.account.disk = Some("No space left on device".into())), "account", &["nothing is sent", "No space left"], Some(mended)),
        Row("the wallet pays for few more settlements", |k| k.event(Event::Measured(Wallet { balance: 10_u128.pow(15), gas_price: 10_u128.pow(9) })), "runway", &["0.001", "2 more settlements", "send some to"], Some(|k| k.event(Event::Measured(Wallet { balance: 10_u128.pow(18), gas_price: 10_u128.pow(9) })))),
        Row("no node says what the wallet holds", |k| {
            k.event(Event::House);
            k.now = Time::from_seconds(NOW + 300);
        }, "runway", &["300 s", "rpc_urls"], Some(|k| k.event(Event::Measured(Wallet { balance: 10_u128.pow(18), gas_price: 10_u128.pow(9) })))),
        Row("the next epoch cannot be written", |k| (0..3).for_each(|_| k.event(Event::Offered(SnapshotResult::Failed { why: "no node takes it".into() }))), "set", &["overdue", "no node takes it", "snapshot()"], None),
        Row("there is no peer", |k| (1..4).for_each(|m| k.event(Event::PeerDown(peer(m)))), "mesh", &["0 peers", "--bootnode"], Some(|k| (1..4).for_each(|m| k.event(Event::PeerUp(peer(m)))))),
        Row("the operator was ejected", |k| {
            k.chain(ChainEvent::Operator { block: 2, operator: operator(0), peer_key: Some(peer(0).0) });
            k.chain(ChainEvent::Operator { block: 10, operator: operator(0), peer_key: None });
            k.chain(ChainEvent::Ejected { block: 10, operator: operator(0) });
        }, "registered", &["ejected in block 10", "keeper keys rotate"], Some(|k| k.chain(ChainEvent::Operator { block: 11, operator: operator(0), peer_key: Some(peer(0).0) }))),
        Row("more runs are due than a keeper can hold", |k| k.due(2_000), "load", &["tasks", "turned away", "processors"], Some(|k| k.now = Time::from_seconds(NOW + 61))),
        Row("jobs have more runs open than one job may have", |k| k.due(600), "crowded", &["600 tasks", "turned away", "The other jobs have room"], Some(|k| k.now = Time::from_seconds(NOW + 61))),
    ]
}

/// A job that has been due every second for a while: each of its runs is a task that can still be tried.
fn listed(job_id: u64) -> ChainEvent {
    let code = WasmTerms { code_url: "file:job".to_owned(), code_hash: B256::repeat_byte(0xcc), params: Bytes::new() };
    let terms = Terms {
        trigger: TriggerTerms::Interval { start: NOW - 1_000, interval: 1 },
        action: ActionTerms::Wasm(code),
        target: Address::ZERO,
        callback_gas: 100_000,
        token: Address::ZERO,
        fee: Uint::from(1),
        quorum_bps: 6_667,
        punctual_seconds: 0,
        limits: Limits::default(),
    };
    let (owner, forwarder, params) = (Address::ZERO, Address::ZERO, Box::new(terms.params()));
    ChainEvent::Job {
        block: 2,
        event: JobEvent::Created { job_id, owner, forwarder, params, active_from: NOW - 1_000 },
    }
}

/// (a chain of another time, and by how many seconds it is ahead): the keeper follows, and says so without red.
#[rustfmt::skip]
const TIMES: [(&str, i64); 4] = [
    ("the chain's time is an hour ahead", 3_600),
    ("the chain's time is an hour behind", -3_600),
    ("the clock is 45 s ahead of the chain", -45),
    ("the clock is 45 s behind the chain", 45),
];

/// What it is called, and who confirms it.
type Quiet = (&'static str, fn(&mut Keeper));

/// A chain that makes blocks on demand: an old block is fine where somebody confirms that there is none newer.
#[rustfmt::skip]
const QUIET: [Quiet; 2] = [
    ("no block for 100 s, and two nodes show none newer", |k| k.look(|r| r.nodes = vec![node("good", 10), node("good", 10)])),
    ("no block for 100 s, and most other keepers have none newer", |k| (1..4).for_each(|m| k.peer(m, 10, 0))),
];

/// A fault as a keeper that runs shows it.
pub(crate) struct Red {
    pub(crate) name: &'static str,
    pub(crate) view: View,
    pub(crate) check: &'static str,
    pub(crate) words: &'static [&'static str],
}

/// All of them: for whoever shows what a keeper shows.
pub(crate) fn red() -> Vec<Red> {
    let shown = |Row(name, fault, check, words, _): Row| {
        let mut keeper = Keeper::new();
        fault(&mut keeper);
        Red { name, view: keeper.core.view(keeper.now), check, words }
    };
    table().into_iter().map(shown).collect()
}

pub(super) fn names() -> Vec<&'static str> {
    let rows = table().into_iter().map(|row| row.0).chain(TIMES.map(|(name, _)| name));
    rows.chain(QUIET.map(|(name, _)| name)).collect()
}

#[test]
fn what_stands_in_the_way_is_red_with_its_cause_until_it_is_mended() {
    assert!(
        Keeper::new().core.view(Time::from_seconds(NOW)).ready,
        "{:?}",
        Keeper::new().core.view(Time::from_seconds(NOW))
    );
    for Row(name, fault, check, words, mend) in table() {
        let mut keeper = Keeper::new();
        fault(&mut keeper);
        let view = keeper.core.view(keeper.now);
        let found = view.checks.get(check).unwrap_or_else(|| panic!("{name}: no check {check}"));
        let stops = found.severity == Severity::Critical;
        assert!(!found.ok && view.ready != stops, "{name}: {check} is green: {found:?}");
        assert!(words.iter().all(|word| found.message.contains(word)), "{name}: {found:?}");
        if let Some(mend) = mend {
            mend(&mut keeper);
            let found = keeper.core.view(keeper.now).checks[check].clone();
            assert!(found.ok, "{name}, mended: {found:?}");
        }
    }
}

#[test]
fn a_chain_of_another_time_is_followed() {
    for (name, ahead) in TIMES {
        let mut keeper = Keeper::new();
        keeper.blocks(11..=16, ahead);
        let view = keeper.core.view(keeper.now);
        let window = (keeper.now.0 / 1_000).saturating_add_signed(ahead) / 2;
        assert!(view.window.abs_diff(window) <= 1, "{name}: window {} is not {window}", view.window);
        let (time, chain) = (&view.checks["chain_time"], &view.checks["chain"]);
        assert!(time.ok && time.message.contains("due moments follow the chain"), "{name}: {time:?}");
        assert!(chain.ok, "{name}: {chain:?}");
    }
}

#[test]
fn a_chain_that_makes_no_blocks_for_a_while_is_no_fault() {
    for (name, confirm) in QUIET {
        let mut keeper = Keeper::new();
        keeper.now = Time::from_seconds(NOW + 100);
        assert!(!keeper.core.view(keeper.now).checks["chain"].ok, "{name}");
        confirm(&mut keeper);
        let chain = keeper.core.view(keeper.now).checks["chain"].clone();
        assert!(chain.ok && chain.message.contains("makes none now"), "{name}: {chain:?}");
    }
}

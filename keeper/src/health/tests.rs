use crate::heartbeat::{KeeperView, LinkView, Reach, SILENT_MS, State};
use crate::view::WalletView;
use tokio_util::sync::CancellationToken;

use super::*;

fn health(min_balance: Option<u64>) -> Health {
    let alerts = Alerts::to(None, CancellationToken::new()).unwrap();
    Health::new(Limits { min_balance: min_balance.map(U256::from), datadir: PathBuf::from("/no/such/folder") }, alerts)
}

fn at(second: u64) -> Time {
    Time::from_seconds(1_763_900_000 + second)
}

fn view() -> View {
    let mut view = View { operator: "0xme".to_owned(), ..View::default() };
    view.set_check("mesh", true, "4 peers");
    view
}

fn keeper(operator: &str, connected: bool) -> KeeperView {
    let links = if connected { vec![LinkView { operator: "0xme".to_owned(), rtt_ms: Some(3) }] } else { Vec::new() };
    KeeperView {
        operator: operator.to_owned(),
        state: State::Fine,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        links,
        ..KeeperView::default()
    }
}

/// A mesh of this keeper and three others.
fn mesh() -> MeshView {
    let own = KeeperView { own: true, ..keeper("0xme", false) };
    let others = ["0xa", "0xb", "0xc"].map(|operator| keeper(operator, true));
    MeshView {
        listening_ms: SILENT_MS,
        operator: "0xme".to_owned(),
        keepers: [vec![own], others.to_vec()].concat(),
        ..MeshView::default()
    }
}

fn completed(change: impl Fn(&mut View, &mut MeshView)) -> View {
    let (mut view, mut mesh) = (view(), mesh());
    change(&mut view, &mut mesh);
    health(Some(1_000)).complete(&mut view, &mesh, at(0));
    view
}

#[test]
fn since_and_how_often_are_counted_while_a_check_is_red() {
    let mut health = health(None);
    for (second, failures) in [(0, 1), (1, 2), (7, 3)] {
        let mut red = view();
        red.set_check("mesh", false, "no peers");
        health.complete(&mut red, &mesh(), at(second));
        let check = &red.checks["mesh"];
        assert_eq!((check.since, check.consecutive_failures), (Some(at(0).seconds()), failures));
        assert!(!check.help.is_empty() && !red.ready);
    }
    let mut green = view();
    health.complete(&mut green, &mesh(), at(8));
    let check = &green.checks["mesh"];
    assert_eq!((check.since, check.consecutive_failures, check.help.as_str()), (None, 0, ""));
    let mut again = view();
    again.set_check("mesh", false, "no peers");
    health.complete(&mut again, &mesh(), at(9));
    assert_eq!(again.checks["mesh"].consecutive_failures, 1);
}

#[test]
fn what_turns_is_told_once_and_a_check_that_is_made_no_more_is_fine_again() {
    let mut health = health(None);
    let red: BTreeMap<String, Check> = [("set".to_owned(), Check { ok: false, ..Check::default() })].into();
    assert_eq!(health.count(&mut red.clone(), 1), [("set".to_owned(), "failing")]);
    assert!(health.count(&mut red.clone(), 2).is_empty());
    assert_eq!(health.count(&mut BTreeMap::new(), 3), [("set".to_owned(), "resolved")]);
    assert!(health.count(&mut BTreeMap::new(), 4).is_empty());
}

/// Each rule about the mesh, the wallet and the machine, by what turns it red, and words of its message.
#[test]
fn each_rule_turns_red_for_its_cause_and_says_what_to_do() {
    type Case = (&'static str, fn(&mut View, &mut MeshView), &'static str);
    let wallet = |view: &mut View, wei: &str| {
        view.wallet = Some(WalletView { balance_wei: wei.to_owned(), ..WalletView::default() });
    };
    let cases: [Case; 9] = [
        (
            "gas",
            |view, _| view.wallet = Some(WalletView { balance_wei: "999".to_owned(), ..WalletView::default() }),
            "send some to 0xme",
        ),
        ("drift", |_, mesh| mesh.clock_ahead_ms = Some(-1_500), "1500 ms behind"),
        ("fork", |_, mesh| (mesh.same_block, mesh.other_block) = (1, 2), "another chain"),
        ("silent", |_, mesh| mesh.keepers[2].state = State::Silent, "silent: 0xb"),
        ("heard", |_, mesh| mesh.keepers.iter_mut().for_each(|keeper| keeper.links.clear()), "0 of 3"),
        (
            "version",
            |_, mesh| mesh.keepers.iter_mut().for_each(|keeper| keeper.version = "99.0.0".to_owned()),
            "99.0.0",
        ),
        ("twin", |_, mesh| mesh.twin = true, "another process"),
        (
            "reachable",
            |view, mesh| {
                view.listen = vec!["/ip4/192.168.0.7/tcp/7419".to_owned()];
                mesh.reach = Reach::Private;
            },
            "--external-addr",
        ),
        (
            "reachable",
            |view, mesh| {
                view.listen = vec!["/ip4/203.0.113.7/udp/7419/quic-v1".to_owned()];
                mesh.reach = Reach::Closed;
            },
            "could not",
        ),
    ];
    for (name, change, words) in cases {
        let red = completed(change);
        let check = &red.checks[name];
        assert!(!check.ok && check.message.contains(words), "{name}: {check:?}");
        assert_eq!(check.severity, rules::rule(name).unwrap().severity, "{name}");
        assert_eq!(red.ready, check.severity == rules::Severity::Warning, "{name}: a warning takes no readiness away");
        assert_eq!(red.checks.values().filter(|check| !check.ok).count(), 1, "{name} alone: {:?}", red.checks);
    }
    let fine = completed(|view, mesh| {
        wallet(view, "1000");
        (mesh.clock_ahead_ms, mesh.same_block, mesh.other_block) = (Some(900), 2, 1);
    });
    assert!(fine.ready && fine.checks.values().all(|check| check.ok), "{:?}", fine.checks);
}

#[test]
fn a_wallet_that_lasts_less_than_three_days_is_low() {
    let mut health = health(None);
    let shown = |health: &mut Health, balance: u64, second: u64| {
        let mut view = view();
        view.wallet = Some(WalletView { balance_wei: balance.to_string(), ..WalletView::default() });
        health.complete(&mut view, &mesh(), at(second));
        view
    };
    assert!(shown(&mut health, 1_000_000, 0).checks["gas"].ok);
    let view = shown(&mut health, 900_000, 3_000);
    let wallet = view.wallet.unwrap();
    assert_eq!(wallet.spent_wei, "100000");
    assert!(wallet.runway_seconds.is_some_and(|seconds| seconds < 3 * 24 * 3_600));
    let check = &view.checks["gas"];
    assert!(!check.ok && check.message.contains("hours") && view.ready, "{check:?}");
}

#[test]
fn whoever_has_just_begun_misses_nobody() {
    let silent = completed(|_, mesh| {
        mesh.listening_ms = SILENT_MS - 1;
        mesh.keepers.iter_mut().for_each(|keeper| keeper.state = State::Silent);
    });
    assert!(!silent.checks.contains_key("silent") && !silent.checks.contains_key("heard"), "{:?}", silent.checks);
}

#[test]
fn before_anything_is_heard_nobody_is_missed() {
    let mut view = view();
    health(None).complete(&mut view, &MeshView::default(), at(0));
    assert_eq!(view.checks.keys().collect::<Vec<_>>(), ["mesh"]);
}

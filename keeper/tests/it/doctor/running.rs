//! What is wrong with a keeper that runs: whatever its core shows red is a finding of the doctor's, with the cause that the core gives and
//! the mend of the table of rules; and what its picture of the mesh shows.

use std::sync::Arc;

use keeper::health::rules::{Severity, rule};
use keeper::heartbeat::{KeeperView, LinkView, MeshView, Reach, State};
use keeper::view::View;
use serde_json::Value;

use crate::asked::{ask, serve};
use crate::keeper_process::Home;
use crate::outside::stands;

fn keeper(own: bool) -> KeeperView {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let links = vec![LinkView { operator: "0xme".to_owned(), rtt_ms: Some(3) }];
    KeeperView { own, state: State::Fine, version, links, ..KeeperView::default() }
}

/// Four keepers that hear each other.
fn mesh() -> MeshView {
    MeshView {
        operator: "0xme".to_owned(),
        clock_ahead_ms: Some(20),
        listening_ms: 100_000,
        keepers: vec![keeper(true), keeper(false), keeper(false), keeper(false)],
        ..MeshView::default()
    }
}

type Change = fn(&mut MeshView);
/// (fault, how the picture comes to show it, the check, as bad as this, words of what is found and of the mend)
type Row = (&'static str, Change, &'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const SEEN: [Row; 6] = [
    ("no other keeper is heard", |mesh| mesh.keepers.iter_mut().for_each(|keeper| keeper.state = State::Silent), "mesh", "fail", "0 of 3", "firewall"),
    ("nobody hears this keeper", |mesh| mesh.keepers.iter_mut().for_each(|keeper| keeper.links.clear()), "echo", "fail", "0 of 3", "--external-addr"),
    ("the clock is four seconds ahead of the others'", |mesh| mesh.clock_ahead_ms = Some(4_000), "clock", "fail", "4000 ms ahead", "timedatectl"),
    ("the clock drifts", |mesh| mesh.clock_ahead_ms = Some(-400), "clock", "warn", "400 ms behind", "timedatectl"),
    ("most others run another version", |mesh| mesh.keepers.iter_mut().skip(1).for_each(|keeper| keeper.version = "9.0.0".to_owned()), "version", "warn", "another version", "upgrade"),
    ("nobody can connect from elsewhere", |mesh| mesh.reach = Reach::Private, "reachability", "warn", "private", "--external-addr"),
];

pub(super) fn names() -> Vec<&'static str> {
    stands::red().into_iter().map(|red| red.name).chain(SEEN.map(|row| row.0)).collect()
}

/// What the doctor finds of a keeper that shows these.
async fn findings(home: &Arc<Home>, view: View, mesh: MeshView) -> Vec<Value> {
    let url = format!("http://{}", serve(view, mesh).await);
    let document = ask(home, &["doctor", "--json", "--api-url", &url]).await.json();
    document["checks"].as_array().unwrap().clone()
}

fn has(value: &Value, words: &str) -> bool {
    value.as_str().is_some_and(|text| text.contains(words))
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_running_keeper_shows_red_is_found_with_its_mend() {
    let home = Arc::new(Home::with_keys());
    for red in stands::red() {
        let found = findings(&home, red.view, mesh()).await;
        let rule = rule(red.check).unwrap();
        let level = if rule.severity == Severity::Critical { "fail" } else { "warn" };
        let is_it =
            |finding: &&Value| finding["check"] == "running" && has(&finding["found"], &format!("{}: ", red.check));
        let it = found.iter().find(is_it).unwrap_or_else(|| panic!("{}: {found:#?}", red.name));
        assert!(it["level"] == level && it["fix"] == rule.help, "{}: {it}", red.name);
        assert!(red.words.iter().all(|words| has(&it["found"], words)), "{}: {it}", red.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_mesh_shows_is_found_with_its_mend() {
    let home = Arc::new(Home::with_keys());
    let mut view = View { listen: vec!["/ip4/192.168.0.7/tcp/7419".to_owned()], ..View::default() };
    view.network.chain_id = 17_000;
    view.set_check("mesh", true, "3 peers");
    for (name, change, check, level, found, mend) in SEEN {
        let mut picture = mesh();
        change(&mut picture);
        let findings = findings(&home, view.clone(), picture).await;
        let is_it = |finding: &&Value| {
            finding["check"] == check
                && finding["level"] == level
                && has(&finding["found"], found)
                && has(&finding["fix"], mend)
        };
        assert_eq!(findings.iter().filter(is_it).count(), 1, "{name}: {findings:#?}");
    }
}

//! Bootnodes at each step of the way, and what a keeper that runs shows.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::places::{Answers, Place, network, node};
use super::*;
use crate::config::Bootnode;
use crate::health::rules::Severity;
use crate::heartbeat::{KeeperView, LinkView, Reach, State};
use crate::view::Check;

const TCP: &str = "/ip4/127.0.0.1/tcp/0";

/// A bootnode of a network, for as long as the token lives; its address.
async fn bootnode(domain8: &str, listen: &str) -> (String, CancellationToken) {
    let config = p2p::Config {
        listen: vec![listen.parse().unwrap()],
        domain8: domain8.to_owned(),
        role: p2p::Role::Bootnode,
        admission: p2p::Admission::Everybody,
        ..p2p::Config::default()
    };
    let (mesh, events, service) =
        p2p::build(config, &p2p::Identity::generate(), &mut p2p::Registry::default()).unwrap();
    let stop = CancellationToken::new();
    let running = stop.clone();
    tokio::spawn(async move {
        // What it has to say is of no interest, but must find an ear.
        let _events = events;
        Box::pin(service.run(running)).await;
    });
    loop {
        if let Some(address) = mesh.listeners().await.first() {
            return (address.to_string(), stop);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// 27 to 33: bootnodes, at each step of the way.
#[tokio::test]
async fn faults_of_bootnodes_are_named_with_their_step() {
    const PEER: &str = "12D3KooWR6wQxdhCMCcPYqbp3zjJ9WVFXDksfYr4ZSh7TcyLitZZ";
    let looked = |address: Option<String>| async move {
        let mut place = Place::new();
        place.settings.bootnodes = address.iter().map(|text| text.parse::<Bootnode>().unwrap()).collect();
        mesh::look(&place.subject()).await
    };
    assert_found("27 no bootnode", &looked(None).await, ("bootnode", Level::Warn, "names one", "ask whoever runs"));
    let (good, _running) = bootnode(&network().domain8(), TCP).await;
    assert_found("a good one", &looked(Some(good.clone())).await, ("bootnode", Level::Ok, "bootnode/", ""));
    let (over_quic, _running_too) = bootnode(&network().domain8(), "/ip4/127.0.0.1/udp/0/quic-v1").await;
    assert_found("a good one", &looked(Some(over_quic)).await, ("bootnode", Level::Ok, "quic-v1", ""));
    let name = looked(Some(format!("/dns4/no-such-host.invalid/tcp/7419/p2p/{PEER}"))).await;
    assert_found("28 a name that is none", &name, ("bootnode", Level::Fail, "name:", "IP"));
    let closed = looked(Some(format!("/ip4/127.0.0.1/tcp/1/p2p/{PEER}"))).await;
    assert_found("29 a closed port", &closed, ("bootnode", Level::Fail, "TCP:", "firewall"));
    let quiet = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let hole = format!("/ip4/127.0.0.1/udp/{}/quic-v1/p2p/{PEER}", quiet.local_addr().unwrap().port());
    assert_found(
        "29 a UDP port that is silent",
        &looked(Some(hole)).await,
        ("bootnode", Level::Fail, "QUIC:", "firewall"),
    );
    let answers = node(Answers::default()).await;
    let port = answers.rsplit(':').next().unwrap().to_owned();
    let web = looked(Some(format!("/ip4/127.0.0.1/tcp/{port}/p2p/{PEER}"))).await;
    assert_found("30 something else on the port", &web, ("bootnode", Level::Fail, "handshake:", "check the port"));
    let other = good.rsplit_once('/').unwrap().0.to_owned() + "/" + PEER;
    assert_found(
        "31 another peer",
        &looked(Some(other)).await,
        ("bootnode", Level::Fail, "peer id: it is 12D3", "not to be trusted"),
    );
    let (foreign, _also) = bootnode("0011223344556677", TCP).await;
    assert_found(
        "32 another network",
        &looked(Some(foreign)).await,
        ("bootnode", Level::Fail, "0011223344556677", "--network"),
    );
}

/// 33 to 38: what the keeper that runs shows.
#[test]
fn faults_that_a_running_keeper_shows_are_named() {
    let keeper = |own: bool| KeeperView {
        own,
        state: State::Fine,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        links: vec![LinkView { operator: "0xme".to_owned(), rtt_ms: None }],
        ..KeeperView::default()
    };
    let looked = |change: fn(&mut View, &mut MeshView)| {
        let mut view = View { listen: vec!["/ip4/203.0.113.7/tcp/7419".to_owned()], ..View::default() };
        let mut mesh = MeshView {
            operator: "0xme".to_owned(),
            clock_ahead_ms: Some(20),
            listening_ms: 100_000,
            ..MeshView::default()
        };
        mesh.keepers = vec![keeper(true), keeper(false), keeper(false), keeper(false)];
        change(&mut view, &mut mesh);
        running::look(&Subject { running: Some((view, mesh)), ..Place::new().subject() })
    };
    let fine = looked(|_, _| {});
    assert!(fine.iter().all(|finding| finding.level == Level::Ok) && fine.len() >= 5, "{fine:#?}");
    let red = looked(|view, _| {
        let check = Check {
            message: "no peers".to_owned(),
            severity: Severity::Critical,
            help: "keeper doctor".to_owned(),
            ..Check::default()
        };
        view.checks.insert("mesh".to_owned(), check);
    });
    assert_found("33 a red check", &red, ("running", Level::Fail, "mesh: no peers", "keeper doctor"));
    let private = looked(|_, mesh| mesh.reach = Reach::Private);
    assert_found("34 private addresses", &private, ("reachability", Level::Warn, "private", "--external-addr"));
    let closed = looked(|_, mesh| mesh.reach = Reach::Closed);
    assert_found("34 a firewall", &closed, ("reachability", Level::Warn, "three in a row", "firewall"));
    let alone = looked(|_, mesh| mesh.keepers.iter_mut().for_each(|keeper| keeper.state = State::Silent));
    assert_found("35 nobody is heard", &alone, ("mesh", Level::Fail, "0 of 3", "firewall"));
    let mute = looked(|_, mesh| mesh.keepers.iter_mut().for_each(|keeper| keeper.links.clear()));
    assert_found("36 heard by nobody", &mute, ("echo", Level::Fail, "0 of 3", "--external-addr"));
    let fast = looked(|_, mesh| mesh.clock_ahead_ms = Some(4_000));
    assert_found("37 a wrong clock", &fast, ("clock", Level::Fail, "4000 ms ahead", "timedatectl"));
    let drifting = looked(|_, mesh| mesh.clock_ahead_ms = Some(-400));
    assert_found("a clock that drifts", &drifting, ("clock", Level::Warn, "400 ms behind", "timedatectl"));
    let old = looked(|_, mesh| mesh.keepers.iter_mut().skip(1).for_each(|keeper| keeper.version = "9.0.0".to_owned()));
    assert_found("38 an old version", &old, ("version", Level::Warn, "another version", "upgrade"));
}

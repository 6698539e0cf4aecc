mod doc;
mod wanted;

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::text::downgrade;
use super::*;
use crate::api;
use crate::view::View;

#[test]
fn counters_move_their_metadata_to_the_full_name() {
    let openmetrics = "# HELP x_tasks Tasks.\n# TYPE x_tasks counter\nx_tasks_total{result=\"settled\"} 3\n# EOF\n";
    let plain = "# HELP x_tasks_total Tasks.\n# TYPE x_tasks_total counter\nx_tasks_total{result=\"settled\"} 3\n";
    assert_eq!(downgrade(openmetrics), plain);
}

#[test]
fn units_exemplars_and_foreign_types_are_translated() {
    let openmetrics = "# HELP d_seconds Time.\n# TYPE d_seconds histogram\n# UNIT d_seconds seconds\n\
                       d_seconds_bucket{le=\"1.0\"} 2 # {trace=\"a\"} 0.5\n# HELP b Build.\n# TYPE b info\nb_info{v=\"1\"} 1\n\
                       # HELP u Any.\n# TYPE u unknown\nu 7\n# EOF\n";
    let plain = "# HELP d_seconds Time.\n# TYPE d_seconds histogram\nd_seconds_bucket{le=\"1.0\"} 2\n\
                 # HELP b_info Build.\n# TYPE b_info gauge\nb_info{v=\"1\"} 1\n# HELP u Any.\n# TYPE u untyped\nu 7\n";
    assert_eq!(downgrade(openmetrics), plain);
}

/// A registry in which every series has counted something.
fn busy_registry() -> (Registry, Metrics) {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    metrics.tasks.inc(["settled"]);
    metrics.gossip_messages.inc(["partials", "reject"]);
    metrics.certificate_duration.observe(0.12);
    metrics.wallet_balance.set(1.5e18);
    (registry, metrics)
}

#[test]
fn series_show_from_the_start_and_count() {
    let (registry, metrics) = busy_registry();
    let text = plain(&registry).unwrap();
    for line in [
        "keeper_tasks_total{result=\"settled\"} 1",
        "keeper_tasks_total{result=\"expired\"} 0",
        "keeper_gossip_messages_total{topic=\"partials\",result=\"reject\"} 1",
        "keeper_certificate_duration_seconds_count 1",
        "keeper_journal_refusals_total{reason=\"conflict\"} 0",
        "keeper_wallet_balance_wei 1500000000000000000.0",
        "keeper_chain_head_block 0",
        "keeper_chain_rpc_errors_total{reason=\"no_answer\"} 0",
        "keeper_certificates_total{result=\"submitted\"} 0",
        "keeper_chain_events_total{event=\"reorg\"} 0",
    ] {
        assert!(text.lines().any(|found| found == line), "no line {line:?} in:\n{text}");
    }
    let topics =
        text.lines().filter(|line| line.starts_with("keeper_gossip_messages_total{") && line.contains("accept"));
    assert_eq!(topics.count(), topics::table().len(), "no topic that does not exist: {text}");
    assert!(text.contains("\nprocess_resident_memory_bytes "), "{text}");
    assert_eq!(metrics.tasks.get(["settled"]), 1);
}

#[test]
fn promtool_finds_nothing_to_complain_about() {
    let (registry, _metrics) = busy_registry();
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is needed: apt-get install -y --no-install-recommends prometheus");
    promtool.stdin.take().unwrap().write_all(plain(&registry).unwrap().as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

#[tokio::test]
async fn the_listener_serves_both_formats_and_both_probes() {
    let (registry, _metrics) = busy_registry();
    let (views, view) = watch::channel(Arc::new(View::default()));
    let liveness = Liveness::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let routes = router(Arc::new(registry), view, liveness.clone());
    let server = tokio::spawn(api::serve(listener, routes, shutdown.clone()));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = |path: &str| client.get(format!("http://{address}{path}"));

    let plain = get("/metrics").send().await.unwrap();
    assert!(plain.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    assert!(plain.text().await.unwrap().contains("# TYPE keeper_tasks_total counter"));
    let accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
    let openmetrics = get("/metrics").header("accept", accept).send().await.unwrap();
    assert!(openmetrics.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    assert!(openmetrics.text().await.unwrap().ends_with("# EOF\n"));

    assert_eq!(get("/ready").send().await.unwrap().status(), 503);
    let mut ready = View::default();
    ready.set_check("mesh", true, "4 peers");
    views.send(Arc::new(ready)).unwrap();
    let answer = get("/ready").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let answer: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(answer["checks"]["mesh"]["message"], "4 peers");
    liveness.tick();
    assert_eq!(get("/health").send().await.unwrap().status(), 200);

    shutdown.cancel();
    server.await.unwrap().unwrap();
}

#[test]
fn a_driver_that_does_not_tick_is_stuck() {
    let liveness = Liveness::started_ago(std::time::Duration::from_secs(60));
    assert!(liveness.stalled_for().as_secs() >= 59);
    liveness.tick();
    assert!(liveness.stalled_for().as_secs() < 5);
}

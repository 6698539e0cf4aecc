//! Done when 4: a real Prometheus scrapes a keeper, promtool finds nothing to complain about, and what is deployed to watch keepers
//! with has data.

mod monitoring;

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bootstrap::process::CommandLine;
use bootstrap::swarm::Swarm;
use bootstrap::wait::until;
use serde_json::Value;
use tests::{keepers, settled};

const PATIENCE: Duration = Duration::from_secs(90);
/// What must come out: of gossip, of tasks, of runs, of the wallet, of the process.
const SERIES: [&str; 8] = [
    "keeper_tasks_total",
    "keeper_execution_duration_seconds_count",
    "keeper_wallet_balance_wei",
    "keeper_partials_total",
    "keeper_gossip_messages_total",
    "keeper_chain_head_block",
    "gossipsub_topic_msg_recv_counts_total",
    "process_resident_memory_bytes",
];

#[tokio::test]
async fn prometheus_scrapes_gossip_and_tasks() {
    let _alone = tests::alone().await;
    let mut swarm = Swarm::start(keepers(4)).await.unwrap();
    swarm.list_examples().await.unwrap();
    settled(&mut swarm, "the first settlements", PATIENCE, |tasks| tasks.len() >= 3).await.unwrap();
    let metrics_addr = swarm.keepers[0].node().unwrap().metrics_addr;
    let client = reqwest::Client::new();
    let get = |url: String| {
        let client = client.clone();
        async move { client.get(url).send().await.unwrap().error_for_status().unwrap().text().await.unwrap() }
    };
    let text = get(format!("http://{metrics_addr}/metrics")).await;
    lint(&only_ours(&text));

    let (config, port) = configure(swarm.directory(), &metrics_addr);
    let line = CommandLine::new("prometheus", &on_path("prometheus"), &swarm.directory().join("prometheus.log"))
        .with([format!("--config.file={}", config.display())])
        .with([format!("--storage.tsdb.path={}", swarm.directory().join("tsdb").display())])
        .with([format!("--web.listen-address=127.0.0.1:{port}")]);
    let mut prometheus = swarm.setting().spawner.start(&line, false).unwrap();
    for series in SERIES {
        until(&format!("Prometheus to have {series}"), PATIENCE, || async {
            let url = format!("http://127.0.0.1:{port}/api/v1/query?query=sum({series})");
            let answer = client.get(url).send().await.map_err(|error| error.to_string())?;
            let answer: Value = answer.json().await.map_err(|error| error.to_string())?;
            let value = answer.pointer("/data/result/0/value/1").and_then(Value::as_str);
            match value.and_then(|value| value.parse::<f64>().ok()) {
                Some(value) if value > 0.0 => Ok(()),
                _ => Err(answer.to_string()),
            }
        })
        .await
        .unwrap();
    }
    monitoring::Asked { client: &client, port }.knows_what_is_deployed().await;
    prometheus.stop(Duration::from_secs(5)).await;
    assert!(!get(format!("http://{metrics_addr}/ready")).await.is_empty());
    swarm.stop().await;
}

/// Writes a scrape configuration; returns its path and a free port for Prometheus itself.
fn configure(folder: &Path, target: &str) -> (PathBuf, u16) {
    let file = folder.join("prometheus.yml");
    let rules: String = monitoring::rule_files(folder).iter().map(|file| format!("- {}\n", file.display())).collect();
    let text = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files:\n{rules}\
         scrape_configs:\n- job_name: keeper\n  static_configs:\n  - targets: ['{target}']\n    labels: {{network: local}}\n"
    );
    std::fs::write(&file, text).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    (file, port)
}

fn on_path(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{program} is missing: apt-get install prometheus"))
}

/// The lines about `keeper_` series; libp2p's own have names that promtool does not like.
fn only_ours(text: &str) -> String {
    let ours = text.lines().filter(|line| {
        let name = line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ");
        name.starts_with("keeper_")
    });
    let text: String = ours.map(|line| format!("{line}\n")).collect();
    assert!(text.lines().count() > 20, "too few keeper_ series:\n{text}");
    text
}

fn lint(text: &str) {
    let mut promtool = Command::new(on_path("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

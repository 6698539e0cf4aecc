//! What keepers show of each other without a server, and what operators ask when something is wrong.

use std::time::{Duration, Instant};

use bootstrap::swarm::Swarm;
use bootstrap::wait::until;
use serde_json::Value;
use tests::{keepers, settled};

const PATIENCE: Duration = Duration::from_secs(90);
/// A keeper that is gone is silent after a minute and a half.
const SILENCE: Duration = Duration::from_secs(150);
/// How long `keeper status` may take, and how often it is tried: other things go on on this machine.
const ANSWER: Duration = Duration::from_millis(200);
const TRIES: usize = 10;

#[tokio::test]
#[ignore = "takes three minutes"]
async fn every_keeper_shows_the_mesh_and_says_what_is_wrong() {
    let _alone = tests::alone().await;
    let mut swarm = Swarm::start(keepers(4)).await.unwrap();
    swarm.list_examples().await.unwrap();
    settled(&mut swarm, "the first settlements", PATIENCE, |tasks| tasks.len() >= 3).await.unwrap();
    for keeper in &swarm.keepers {
        let what = format!("{} to hear everybody", keeper.name());
        until(&what, PATIENCE, || async {
            let mesh: Value = keeper.get("/api/v1/mesh").await.map_err(|error| error.to_string())?;
            let rows = mesh["keepers"].as_array().cloned().unwrap_or_default();
            let heard = rows
                .iter()
                .filter(|row| row["state"] == "fine" && row["links"].as_array().is_some_and(|l| l.len() == 3));
            if heard.count() == 4 { Ok(()) } else { Err(mesh.to_string()) }
        })
        .await
        .unwrap();
    }

    let one = &swarm.keepers[0];
    let doctor: Value = serde_json::from_str(&one.run(["doctor"], &["--json"]).await.unwrap()).unwrap();
    assert_eq!(doctor["fail"], 0, "{doctor}");
    let checks = doctor["checks"].as_array().unwrap();
    let fine = |name: &str| checks.iter().any(|check| check["check"] == name && check["level"] == "ok");
    for name in
        ["config", "network", "lock", "keystores", "password", "identity", "rpc", "registered", "mesh", "echo", "clock"]
    {
        assert!(fine(name), "{name} in {doctor}");
    }
    let peers = one.run(["peers"], &[]).await.unwrap();
    assert!(peers.contains("4 of 4 keepers are heard"), "{peers}");
    let top = one.run(["top"], &["--once"]).await.unwrap();
    assert!(top.contains("ready") && top.contains("all ") && top.contains("this one"), "{top}");
    let runs: Value = serde_json::from_str(&one.run(["job", "runs"], &["1", "--json"]).await.unwrap()).unwrap();
    let run = runs["runs"].as_array().unwrap().iter().find(|run| run["state"] == "settled").unwrap()["run"].to_string();
    until("who signed the run", PATIENCE, || async {
        let said = one.run(["job", "why"], &["1", &run, "--json"]).await.map_err(|error| error.to_string())?;
        let why: Value = serde_json::from_str(&said).map_err(|error| error.to_string())?;
        let is_known = why["voices"].as_str().is_some_and(|words| words.contains("of 4 signed"));
        if is_known && ["delivered", "leader_missed"].contains(&why["cause"].as_str().unwrap_or_default()) {
            Ok(())
        } else {
            Err(said)
        }
    })
    .await
    .unwrap();

    let mut quickest = Duration::MAX;
    for _ in 0..TRIES {
        let begun = Instant::now();
        let _: Value = one.get("/v1/status").await.unwrap();
        quickest = quickest.min(begun.elapsed());
    }
    eprintln!("a status within {quickest:?}");
    assert!(quickest < ANSWER, "{quickest:?}");

    swarm.keepers[3].kill();
    let gone = swarm.keepers[3].operator().to_string();
    until("the silence of a keeper that was killed", SILENCE, || async {
        let mesh: Value = swarm.keepers[0].get("/api/v1/mesh").await.map_err(|error| error.to_string())?;
        let rows = mesh["keepers"].as_array().cloned().unwrap_or_default();
        let row = rows.iter().find(|row| row["operator"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(&gone)));
        match row.map(|row| row["state"] == "silent") {
            Some(true) => Ok(()),
            _ => Err(mesh.to_string()),
        }
    })
    .await
    .unwrap();
    let status: Value = swarm.keepers[0].get("/v1/status").await.unwrap();
    let silent = &status["checks"]["silent"];
    assert!(silent["ok"] == false && silent["severity"] == "warning", "{silent}");
    swarm.stop().await;
}

//! Issue 15, done when 3: what settled is shown by a file, which anybody checks and runs again; a wrong result is found.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bootstrap::swarm::{Options, Swarm};
use bootstrap::wait::until;
use contracts::Challenger;
use contracts::terms::DisputeStatus;
use serde_json::{Value, json};
use tests::{keepers, settled};

/// Until so much has settled that there are receipts of every job.
const PATIENCE: Duration = Duration::from_secs(240);

/// Somebody with the network's file, a keeper's data directory and nothing else.
struct Auditor {
    directory: tempfile::TempDir,
    shared: Vec<String>,
    datadir: PathBuf,
}

impl Auditor {
    fn of(swarm: &Swarm) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let datadir = swarm.keepers[0].datadir();
        // The keepers' own, or all code would be compiled once more.
        let config = directory.path().join("config.toml");
        std::fs::write(&config, format!("cache_dir = \"{}\"\n", swarm.cache_dir().display())).unwrap();
        let password = swarm.directory().join("password");
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let shared = vec![
            "--datadir".to_owned(),
            text(&datadir),
            "--config".to_owned(),
            text(&config),
            "--password-file".to_owned(),
            text(&password),
        ];
        Self { directory, shared, datadir }
    }

    fn file(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    /// Exit code, and the one document that was printed.
    async fn keeper(&self, line: &[&str]) -> (i32, Value) {
        let mut command = tokio::process::Command::new(bootstrap::swarm::keepers::binary("keeper").unwrap());
        command.args(line).args(&self.shared).arg("--json").stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.unwrap();
        let said = || (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let document = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {:?}", said()));
        (output.status.code().unwrap(), document)
    }

    async fn does(&self, line: &[&str]) -> Value {
        let (code, document) = self.keeper(line).await;
        assert_eq!(code, 0, "{line:?}: {document:#}");
        document
    }

    /// Makes the receipt of a task, in a file.
    async fn receipt(&self, network: &str, (job, key): (u64, String), name: &str) -> String {
        let (job, file) = (job.to_string(), self.file(name));
        let made = self.does(&["job", "receipt", &job, &key, "--out", &file, "--network", network]).await;
        assert_eq!(made["run_missing"], Value::Null, "{made:#}");
        file
    }
}

/// What has settled stays where it is: receipts say in which block.
fn calm(count: u16) -> Options {
    Options { rough: false, ..keepers(count) }
}

/// Jobs and instance keys of what has settled so far.
fn tasks(swarm: &Swarm) -> Vec<(u64, String)> {
    let of = |ledger: &bootstrap::swarm::ledger::Ledger| {
        let each = ledger.settlements.iter().map(|settlement| (settlement.job_id, settlement.key.to_string()));
        each.collect::<Vec<_>>()
    };
    swarm.follower().look(of)
}

/// What only the chain tells of, and another value for each.
fn lies(document: &Value) -> Vec<(&'static str, &'static str, Value)> {
    let next = |pointer: &str| json!(document.pointer(pointer).unwrap().as_u64().unwrap() + 1);
    let address = json!("0x00000000000000000000000000000000000000aa");
    let delivered = document.pointer("/settlement/delivered").unwrap().as_bool().unwrap();
    vec![
        ("/settlement/transaction", "settlement.transaction", json!(format!("0x{}", "11".repeat(32)))),
        ("/settlement/block", "settlement.block", next("/settlement/block")),
        ("/settlement/submitter", "settlement.submitter", address.clone()),
        ("/settlement/delivered", "settlement.delivered", json!(!delivered)),
        ("/settlement/late_seconds", "settlement.late_seconds", next("/settlement/late_seconds")),
        ("/committee/members/0/operator", "committee.members.0.operator", address),
        ("/committee/active_from", "committee.active_from", json!(0)),
        ("/run/anchor/timestamp", "run.anchor.timestamp", next("/run/anchor/timestamp")),
        ("/run/due", "run.due", next("/run/due")),
        ("/run/rank", "run.due", next("/run/rank")),
    ]
}

#[tokio::test]
async fn what_settled_is_shown_checked_and_run_again() {
    let _alone = tests::alone().await;
    let mut swarm = Swarm::start(calm(5)).await.unwrap();
    swarm.list_examples().await.unwrap();
    settled(&mut swarm, "two runs of every job", PATIENCE, |all| {
        (1..=3).all(|job| all.iter().filter(|each| each.job_id == job).count() >= 2)
    })
    .await
    .unwrap();
    let network = swarm.deployed().file.to_str().unwrap().to_owned();
    let auditor = Auditor::of(&swarm);
    let mut files = Vec::new();
    for (number, task) in tasks(&swarm).into_iter().take(6).enumerate() {
        files.push(auditor.receipt(&network, task, &format!("{number}.json")).await);
    }
    let named: Vec<&str> = files.iter().map(String::as_str).collect();
    // By itself; against the chain by its file, and by a node alone.
    let url = swarm.anvil().url().to_owned();
    for more in [&["--offline"][..], &["--network", &network], &["--rpc-url", &url]] {
        let held = auditor.does(&[&["cert", "verify"], &named[..], more].concat()).await;
        assert_eq!(held["receipts"].as_array().unwrap().len(), named.len());
        assert_eq!(held["receipts"][0]["not_asked"].is_null(), more[0] == "--network", "{held:#}");
        assert!(held["receipts"][0]["signed_bps"].as_u64() >= Some(6_667), "{held:#}");
    }
    // From what is in them, and on the chain.
    for (more, from) in [(&[][..], "the reads recorded"), (&["--on-chain"], "the chain")] {
        let line = [&["replay", "--network", &network], &named[..], more].concat();
        let again = auditor.does(&line).await;
        for replayed in again["replays"].as_array().unwrap() {
            assert_eq!((&replayed["same"], &replayed["from"]), (&json!(true), &json!(from)), "{again:#}");
            assert!(replayed["fuel"].as_u64() > Some(0));
        }
    }
    lies_are_refused(&auditor, &network, &files[0]).await;
    audits_find_nothing(&auditor, &network).await;
    // A chain that is gone takes neither the proof nor the run away.
    swarm.stop().await;
    auditor.does(&[&["cert", "verify", "--offline"], &named[..]].concat()).await;
}

async fn lies_are_refused(auditor: &Auditor, network: &str, file: &str) {
    let good: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let lie = auditor.file("lie.json");
    for (pointer, field, value) in lies(&good) {
        let mut document = good.clone();
        *document.pointer_mut(pointer).unwrap() = value;
        std::fs::write(&lie, document.to_string()).unwrap();
        let (code, said) = auditor.keeper(&["cert", "verify", &lie, "--network", network]).await;
        let refused = said["receipts"][0]["refused"].as_array().unwrap();
        assert!(code == 1 && refused.iter().any(|it| it["field"] == field), "{pointer}: {code} {said:#}");
        // Nothing but the chain tells.
        assert_eq!(auditor.keeper(&["cert", "verify", &lie, "--offline"]).await.0, 0, "{pointer}");
    }
    // What it used, and what it said, the run tells.
    for pointer in ["/run/end/fuel", "/run/end/memory_bytes"] {
        let mut document = good.clone();
        let slot = document.pointer_mut(pointer).unwrap();
        *slot = json!(slot.as_u64().unwrap() + 1);
        std::fs::write(&lie, document.to_string()).unwrap();
        auditor.does(&["cert", "verify", &lie, "--network", network]).await;
        let (code, said) = auditor.keeper(&["replay", &lie, "--network", network]).await;
        assert_eq!((code, &said["replays"][0]["same"]), (1, &json!(false)), "{pointer}: {said:#}");
    }
}

async fn audits_find_nothing(auditor: &Auditor, network: &str) {
    let line = ["audit", "1", "--sample", "3", "--seed", "7", "--network", network];
    let found = auditor.does(&line).await;
    let sampled = found["sampled"].as_u64().unwrap();
    assert!(sampled >= 2 && found["right"].as_u64() == Some(sampled), "{found:#}");
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn fifty_receipts_run_again_give_fifty_hashes() {
    let _alone = tests::alone().await;
    let mut swarm = Swarm::start(calm(5)).await.unwrap();
    swarm.list_examples().await.unwrap();
    settled(&mut swarm, "fifty tasks", 2 * PATIENCE, |all| all.len() >= 50).await.unwrap();
    let network = swarm.deployed().file.to_str().unwrap().to_owned();
    let auditor = Auditor::of(&swarm);
    let mut files = Vec::new();
    for (number, task) in tasks(&swarm).into_iter().take(50).enumerate() {
        files.push(auditor.receipt(&network, task, &format!("{number}.json")).await);
    }
    let named: Vec<&str> = files.iter().map(String::as_str).collect();
    let again = auditor.does(&[&["replay", "--network", &network], &named[..]].concat()).await;
    let replays = again["replays"].as_array().unwrap();
    let same = replays.iter().filter(|it| it["same"] == true && it["outcome_hash"] == it["receipt"]["outcome_hash"]);
    assert_eq!((same.count(), replays.len()), (50, 50), "{again:#}");
    auditor.does(&[&["cert", "verify", "--network", &network], &named[..]].concat()).await;
    swarm.stop().await;
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn an_audit_finds_the_wrong_result_and_has_its_signers_slashed() {
    let _alone = tests::alone().await;
    let options = Options { wrong_result: Some(4), ..calm(7) };
    let mut swarm = Swarm::start(options).await.unwrap();
    swarm.list_examples().await.unwrap();
    // Run 2 is the wrong one; nobody tells the auditor.
    settled(&mut swarm, "three runs of the first job", PATIENCE, |all| {
        (0..3).all(|run| all.iter().any(|each| (each.job_id, each.run) == (1, run)))
    })
    .await
    .unwrap();
    let network = swarm.deployed().file.to_str().unwrap().to_owned();
    let auditor = Auditor::of(&swarm);
    let line = ["audit", "1", "--sample", "10000", "--network", &network];
    let (code, found) = auditor.keeper(&line).await;
    assert_eq!((code, &found["wrong"], &found["unknown"]), (1, &json!(1), &json!(0)), "{found:#}");
    let wrong = found["tasks"].as_array().unwrap().iter().find(|task| task["verdict"] == "wrong").unwrap();
    assert_eq!((&wrong["run"], &wrong["dispute"]), (&json!(2), &Value::Null), "nothing was sent: {found:#}");
    // Its receipt holds, for a quorum did sign it; and the run gives another outcome.
    let file = auditor.file("wrong.json");
    let made = auditor.does(&["job", "receipt", "1", "2", "--out", &file, "--network", &network]).await;
    assert!(made["run_missing"].as_str().is_some_and(|why| why.contains("dispute open")), "{made:#}");
    auditor.does(&["cert", "verify", &file, "--network", &network]).await;
    let (code, replayed) = auditor.keeper(&["replay", &file, "--network", &network]).await;
    assert_eq!((code, &replayed["replays"][0]["same"]), (1, &json!(false)), "{replayed:#}");

    let (code, found) = auditor.keeper(&[&line[..], &["--broadcast"]].concat()).await;
    let disputed = found["tasks"].as_array().unwrap().iter().find(|task| task["verdict"] == "wrong").unwrap();
    let id = disputed["dispute"]["id"].as_u64();
    assert_eq!((code, id), (1, Some(1)), "{found:#}");
    let contract = Challenger::new(swarm.deployed().network.contracts.challenger, swarm.anvil().provider().clone());
    until("the ruling, and the punishment of all four", PATIENCE, || async {
        let dispute = contract.dispute(1).call().await.map_err(|error| error.to_string())?;
        let (status, punished) = (DisputeStatus::of(dispute.status), dispute.punished.count_ones());
        if status == DisputeStatus::Upheld && punished == 4 { Ok(()) } else { Err(format!("{status:?}, {punished}")) }
    })
    .await
    .unwrap();
    assert!(auditor.datadir.exists());
    swarm.stop().await;
}

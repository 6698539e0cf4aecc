//! Alerts ring on what keepers really show while something is really wrong: keepers of a running network get a fault each, are scraped
//! meanwhile, and Prometheus' own test program finds each alert quiet before and ringing after, for that keeper and not for one that
//! is well. `RECORD=1` writes what was scraped to `bootstrap/deploy/prometheus/recorded.test.yml`, which `bootstrap/deploy/test.sh` tests
//! ever after.
//!
//! | room | what |
//! |---|---|
//! | `recorder.rs` | scrapes, and writes what it has scraped as a test of rules |
//! | `faults.rs` | what goes wrong, and how it is made |

mod faults;
mod recorder;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bootstrap::swarm::{Options, Swarm};
use tests::{keepers, settled};

use faults::Faults;
use recorder::{Case, Recorder};

const KEPT: &str = "../bootstrap/deploy/prometheus/recorded.test.yml";
const PATIENCE: Duration = Duration::from_secs(180);
/// Faults that are not caused here, with the reason; `alerts.test.yml` has series made up for them.
const NOT_CAUSED: [(&str, &str); 2] = [
    (
        "KeeperEquivocation",
        "nothing that an operator can do wrong with one journal gets two results of one task before it",
    ),
    ("KeeperMeshThin", "gossip among peers that are honest and connected keeps its mesh"),
];

#[tokio::test]
#[ignore = "takes a quarter of an hour, and disks of its own: root"]
async fn each_alert_rings_while_its_fault_lasts() {
    let _alone = tests::alone().await;
    assert!(nix::unistd::geteuid().is_root(), "a disk that is full is mounted for one keeper: run it as root");
    let mut swarm = Swarm::start(keepers(7)).await.unwrap();
    swarm.list_examples().await.unwrap();
    settled(&mut swarm, "the first settlements", PATIENCE, |tasks| tasks.len() >= 3).await.unwrap();
    let mut cases = Faults::prepare(&mut swarm).await.record().await;
    swarm.stop().await;
    cases.push(contradicted().await);

    let text = recorder::document(&cases);
    let folder = tempfile::tempdir().unwrap();
    for rules in ["rules.yml", "alerts.yml"] {
        std::fs::copy(Path::new(KEPT).with_file_name(rules), folder.path().join(rules)).unwrap();
    }
    let file = folder.path().join("recorded.test.yml");
    std::fs::write(&file, &text).unwrap();
    if std::env::var_os("RECORD").is_some() {
        std::fs::write(KEPT, &text).unwrap();
    }
    every_alert_has_a_case(&cases);
    let tested =
        Command::new("promtool").args(["test", "rules"]).arg(&file).output().expect("apt-get install prometheus");
    let said = [tested.stdout, tested.stderr].concat();
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&said));
}

/// Keepers with more than two thirds of the stake certify a wrong result together: the one that is honest sees it.
async fn contradicted() -> Case {
    let mut swarm = Swarm::start(Options { wrong_result: Some(3), ..keepers(4) }).await.unwrap();
    let recorder = Recorder::start(swarm.keepers.iter().map(|keeper| (keeper.name(), keeper.datadir())), &[]);
    let calm = recorder.ticks(4).await;
    swarm.list_examples().await.unwrap();
    recorder
        .until("a quorum for another result", |seen| {
            seen.counted("keeper-1", "keeper_disputes_total", "contradicted") >= 1.0
        })
        .await;
    let rings = recorder.ticks(4).await;
    let case = recorder.stop().await.case("KeeperContradicted", "keeper-1", None, (calm, rings));
    swarm.stop().await;
    case
}

fn every_alert_has_a_case(cases: &[Case]) {
    let alerts = std::fs::read_to_string(Path::new(KEPT).with_file_name("alerts.yml")).unwrap();
    let names: Vec<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let is_known = |name: &&&str| {
        cases.iter().any(|case| case.alert == **name)
            || NOT_CAUSED.iter().any(|(known, why)| known == *name && !why.is_empty())
    };
    let missing: Vec<_> = names.iter().filter(|name| !is_known(name)).collect();
    assert!(missing.is_empty() && names.len() >= 18, "no case for {missing:?}");
}

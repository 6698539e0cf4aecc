//! What `bootstrap/deploy/systemd/keeper.service` forbids, a keeper and its workers do not do: a keeper of a swarm runs jobs under
//! strace, which stops at nothing but what the unit does not allow.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bootstrap::swarm::Swarm;
use bootstrap::swarm::keepers::binary;
use tests::{keepers, settled};

const UNIT: &str = "../bootstrap/deploy/systemd/keeper.service";
const PATIENCE: Duration = Duration::from_secs(180);
/// What is looked at though it is allowed: by whom it is asked for, and for what.
const LOOKED_AT: [&str; 6] = ["execve", "socket", "openat", "mkdir", "unlink", "rename"];

/// The values of a key of the unit, word by word, line by line.
fn values(unit: &str, key: &str) -> Vec<Vec<String>> {
    let lines = unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    lines.map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

/// A word of `SystemCallFilter=` as the names of calls: systemd itself knows its groups.
fn calls(word: &str) -> BTreeSet<String> {
    if !word.starts_with('@') {
        return BTreeSet::from([word.to_owned()]);
    }
    let output = Command::new("systemd-analyze").args(["syscall-filter", word]).output();
    let output = output.expect("systemd-analyze is missing: apt-get install systemd");
    assert!(output.status.success(), "{word}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let words = text.lines().skip(1).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    words.flat_map(calls).collect()
}

/// The calls that the unit allows: each line adds, or with `~` takes away. What is always allowed stays.
fn allowed(unit: &str) -> BTreeSet<String> {
    let mut allowed = calls("@default");
    for words in values(unit, "SystemCallFilter") {
        let takes_away = words[0].starts_with('~');
        for call in words.iter().flat_map(|word| calls(word.trim_start_matches('~'))) {
            if takes_away {
                allowed.remove(&call)
            } else {
                allowed.insert(call)
            };
        }
    }
    allowed.extend(calls("@default"));
    allowed
}

/// A program that is the keeper under strace: the trace has what is not allowed, and what is looked at.
fn traced(folder: &Path, allowed: &BTreeSet<String>) -> (PathBuf, PathBuf) {
    let (program, trace) = (folder.join("keeper-traced"), folder.join("trace"));
    let names: Vec<String> = allowed
        .iter()
        .filter(|call| !LOOKED_AT.contains(&call.as_str()))
        // strace may not know what a newer, or another, kernel has.
        .map(|call| format!("?{call}"))
        .collect();
    let script = format!(
        "#!/bin/sh\nexec strace -DD -f --seccomp-bpf -qq -y -s 512 -o {} -e 'trace=!{}' -e signal=none {} \"$@\"\n",
        trace.display(),
        names.join(","),
        binary("keeper").unwrap().display(),
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (program, trace)
}

/// Whether a line of the trace is something that the unit would have refused.
fn refused(line: &str, families: &[String], datadir: &str) -> bool {
    let Some((call, arguments)) = line.split_once(' ').and_then(|(_, rest)| rest.trim_start().split_once('(')) else {
        return false;
    };
    // What fails for another reason, such as a file that is not there, changes nothing.
    let path = arguments.split('"').nth(1).unwrap_or_default();
    let is_own = path.starts_with(datadir) || path.starts_with("/dev/") || path.starts_with("/proc/self/");
    match call {
        "execve" => false,
        "socket" => !families.iter().any(|family| arguments.starts_with(&format!("{family},"))),
        "openat" => ["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|flag| arguments.contains(flag)) && !is_own,
        "mkdir" | "unlink" | "rename" => !is_own,
        // Half of a call that another thread interrupted.
        _ if line.contains("<... ") => false,
        _ => true,
    }
}

#[tokio::test]
#[ignore = "takes a minute, and wants strace"]
async fn a_keeper_does_nothing_that_its_unit_forbids() {
    let _alone = tests::alone().await;
    let unit = fs::read_to_string(UNIT).unwrap();
    let families = values(&unit, "RestrictAddressFamilies").concat();
    let allowed = allowed(&unit);
    assert!(
        allowed.len() > 200 && families.len() == 4,
        "the unit is not read as it should be: {allowed:?} {families:?}"
    );

    let mut swarm = Swarm::start(keepers(4)).await.unwrap();
    let (program, trace) = traced(swarm.directory(), &allowed);
    let keeper = &mut swarm.keepers[0];
    assert_eq!(keeper.stop().await, Some(0));
    keeper.run_with(program);
    // As under the unit: code is compiled and kept in its own directory.
    keeper.keep_code_apart();
    keeper.join().unwrap();
    keeper.ready().await.unwrap();
    swarm.list_examples().await.unwrap();
    settled(&mut swarm, "twelve tasks", PATIENCE, |tasks| tasks.len() >= 12).await.unwrap();
    let metrics = swarm.keepers[0].node().unwrap().metrics_addr;
    let text = reqwest::get(format!("http://{metrics}/metrics")).await.unwrap().text().await.unwrap();
    let runs = text.lines().find_map(|line| line.strip_prefix("keeper_executions_total{outcome=\"call\"} "));
    let runs: f64 = runs.unwrap().parse().unwrap();
    assert!(runs > 0.0, "it ran no job:\n{text}");
    let datadir = swarm.keepers[0].datadir().display().to_string();
    swarm.keepers[0].stop().await;

    let trace = fs::read_to_string(trace).unwrap();
    let workers = trace.lines().filter(|line| line.contains("execve(") && line.contains("\"worker\"")).count();
    assert!(workers > 0, "no worker started under the trace:\n{trace}");
    let refused: Vec<&str> = trace.lines().filter(|line| refused(line, &families, &datadir)).collect();
    assert!(refused.is_empty(), "the unit would have refused:\n{}", refused.join("\n"));
    swarm.stop().await;
}

//! What the keeper that runs shows of itself and of the mesh.

use super::{Finding, Subject};
use crate::health::rules::Severity;
use crate::heartbeat::{KeeperView, MeshView, Reach, SILENT_MS, State};
use crate::keystore::is_local;
use crate::view::View;

/// A clock this far off the others' median is worth a word, and this far is wrong, in milliseconds.
const CLOCK_WARN_MS: u64 = 200;
const CLOCK_FAIL_MS: u64 = 1_000;

pub(super) fn look(subject: &Subject) -> Vec<Finding> {
    let Some((view, mesh)) = &subject.running else { return Vec::new() };
    let mut findings = checks(view);
    findings.extend(reachability(view, mesh));
    findings.extend(mesh_of(mesh));
    findings
}

/// Each check that is red; with none, one word on all.
fn checks(view: &View) -> Vec<Finding> {
    let red: Vec<Finding> = view
        .checks
        .iter()
        // Of this one there is more to say below.
        .filter(|(name, check)| !check.ok && *name != "reachable")
        .map(|(name, check)| {
            let found = format!("{name}: {}", check.message);
            match check.severity {
                Severity::Critical => Finding::fail("running", found, check.help.clone()),
                Severity::Warning => Finding::warn("running", found, check.help.clone()),
            }
        })
        .collect();
    match red.is_empty() {
        true => vec![Finding::ok(
            "running",
            format!("block {}, all {} checks are fine", view.head.number, view.checks.len()),
        )],
        false => red,
    }
}

/// Whether anybody beyond this machine's own network can find the way to it.
fn reachability(view: &View, mesh: &MeshView) -> Option<Finding> {
    let all = view.listen.len();
    if is_local(view.network.chain_id) || all == 0 {
        return None;
    }
    Some(match mesh.reach {
        Reach::Reached => Finding::ok("reachability", "others have opened connections to it"),
        Reach::Unknown => Finding::ok("reachability", "nobody has opened a connection to it yet, and somebody could"),
        Reach::Private => Finding::warn(
            "reachability",
            format!("nobody has opened a connection to it, and all {all} addresses it listens on are private ones"),
            "forward its port (UDP as well, where it listens over QUIC) and name it with --external-addr \
             /ip4/YOUR.ADDRESS/tcp/7419",
        ),
        Reach::Closed => Finding::warn(
            "reachability",
            "peers elsewhere were asked to open a connection to it, and three in a row could not",
            "let its port in through the firewall (UDP as well, where it listens over QUIC); behind a router forward it and name it with \
             --external-addr",
        ),
    })
}

fn mesh_of(mesh: &MeshView) -> Vec<Finding> {
    let others: Vec<&KeeperView> = mesh.keepers.iter().filter(|keeper| !keeper.own).collect();
    if others.is_empty() {
        return vec![Finding::ok("mesh", "no other keeper is registered")];
    }
    let heard: Vec<&&KeeperView> =
        others.iter().filter(|other| matches!(other.state, State::Fine | State::Failing)).collect();
    let found = format!("{} of {} other keepers are heard", heard.len(), others.len());
    let mut findings = vec![match heard.len() {
        0 if mesh.listening_ms < SILENT_MS => {
            Finding::warn("mesh", found, "it has just begun to listen: ask again in a minute")
        }
        0 => Finding::fail("mesh", found, "look at the bootnodes above, and at the firewall"),
        some if some * 3 <= others.len() * 2 => Finding::warn("mesh", found, "keeper peers shows who is silent"),
        _ => Finding::ok("mesh", found),
    }];
    if heard.is_empty() {
        return findings;
    }
    let echo = heard.iter().filter(|other| other.links.iter().any(|link| link.operator == mesh.operator)).count();
    let found = format!("{echo} of {} that are heard say that they are connected to this keeper", heard.len());
    findings.push(match echo {
        0 => Finding::fail(
            "echo",
            found,
            "what this keeper says does not get through: look at --listen and --external-addr",
        ),
        _ => Finding::ok("echo", found),
    });
    findings.extend(mesh.clock_ahead_ms.map(clock));
    let own = env!("CARGO_PKG_VERSION");
    let other = heard.iter().filter(|keeper| !keeper.version.is_empty() && keeper.version != own).count();
    findings.push(match other * 2 > heard.len() {
        true => Finding::warn(
            "version",
            format!("most run another version than this one ({own})"),
            "upgrade, or wait for them",
        ),
        false => Finding::ok("version", format!("{own}, as most others")),
    });
    findings
}

pub(super) fn clock(ahead_ms: i64) -> Finding {
    let side = if ahead_ms < 0 { "behind" } else { "ahead of" };
    let found = format!("this clock is {} ms {side} the other keepers' median", ahead_ms.unsigned_abs());
    let fix = "set the clock by NTP: timedatectl set-ntp true";
    match ahead_ms.unsigned_abs() {
        0..=CLOCK_WARN_MS => Finding::ok("clock", found),
        off if off <= CLOCK_FAIL_MS => Finding::warn("clock", found, fix),
        _ => Finding::fail("clock", found, fix),
    }
}

//! The checks about what is around a keeper: the mesh as heartbeats show it, its machine, its wallet.

use std::cmp::Ordering;
use std::path::Path;

use alloy::primitives::U256;
use alloy::primitives::utils::format_ether;

use super::{Alerts, Limits};
use crate::heartbeat::{KeeperView, MeshView, Reach, SILENT_MS, State};
use crate::keystore::is_local;
use crate::text::shown;
use crate::view::View;

/// A clock so far off the others' median is worth a word, in milliseconds.
const DRIFT_MS: u64 = 1_000;
/// Free bytes below which a disk is nearly full: a few minutes of journal and record.
const DISK_LOW: u64 = 512 * 1024 * 1024;
/// A wallet that lasts less is low.
const RUNWAY_LOW_SECONDS: u64 = 3 * DAY_SECONDS;
const DAY_SECONDS: u64 = 24 * 3_600;
/// Of so many heard at least, the majority says something.
const FEW: usize = 2;
/// Calls of the webhook in vain, in a row, that are worth a word: one alert's tries.
const IN_VAIN_MAX: u64 = 3;

/// What is read of the machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Machine {
    /// Bytes free on the disk of the data directory; `None` where that cannot be read.
    pub disk_free: Option<u64>,
}

impl Machine {
    /// Reads it now.
    #[must_use]
    pub fn read(datadir: &Path) -> Self {
        Self { disk_free: free_space(datadir) }
    }
}

/// Bytes that this user may still write on the disk of a path; `None` where that cannot be read.
#[must_use]
pub fn free_space(path: &Path) -> Option<u64> {
    let disk = nix::sys::statvfs::statvfs(path).ok()?;
    Some(disk.blocks_available().saturating_mul(disk.fragment_size()))
}

pub(super) fn check(view: &mut View, mesh: &MeshView, (machine, limits, alerts): (&Machine, &Limits, &Alerts)) {
    check_gas(view, limits);
    if let Some(free) = machine.disk_free {
        let message = format!("{} MiB are free where the data directory is", free >> 20);
        view.set_check("disk", free >= DISK_LOW, message);
    }
    if alerts.in_vain() >= IN_VAIN_MAX {
        let message = format!("the last {} calls of the webhook were in vain", alerts.in_vain());
        view.set_check("alerts", false, message);
    }
    check_reachable(view, mesh);
    // What follows rests on heartbeats: before the first picture there are none to miss.
    let others: Vec<&KeeperView> = mesh.keepers.iter().filter(|keeper| !keeper.own).collect();
    if others.len() == mesh.keepers.len() || others.is_empty() {
        return;
    }
    check_drift(view, mesh);
    check_fork(view, mesh);
    // Whoever has just begun has heard nobody yet, and nobody has heard it.
    if mesh.listening_ms >= SILENT_MS {
        check_silent(view, &others);
        check_heard(view, mesh, &others);
    }
    check_version(view, &others);
    if mesh.twin {
        let message =
            "another process says heartbeats with this keeper's peer key: two keepers run on one data directory's copy";
        view.set_check("twin", false, message);
    }
}

fn check_gas(view: &mut View, limits: &Limits) {
    let Some(wallet) = view.wallet.clone() else { return };
    let balance = wallet.balance_wei.parse().unwrap_or(U256::MAX);
    let coin = format_ether(balance);
    let lasts = wallet.runway_seconds.map(in_days);
    if let Some(least) = limits.min_balance.filter(|least| balance < *least) {
        let least = format_ether(least);
        let message = format!(
            "the wallet holds {coin} ether, less than alerts.min_balance ({least}): send some to {}",
            view.operator
        );
        return view.set_check("gas", false, message);
    }
    match (wallet.runway_seconds, lasts) {
        (Some(seconds), Some(lasts)) if seconds < RUNWAY_LOW_SECONDS => {
            let message = format!(
                "at what it spent lately, the wallet's {coin} ether last {lasts}: send some to {}",
                view.operator
            );
            view.set_check("gas", false, message);
        }
        (_, Some(lasts)) => view.set_check("gas", true, format!("{coin} ether last {lasts} at what was spent lately")),
        _ => view.set_check("gas", true, format!("{coin} ether, and nothing of it was spent lately")),
    }
}

/// A span in days, or hours where it is short.
pub(crate) fn in_days(seconds: u64) -> String {
    match seconds {
        0..DAY_SECONDS => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / DAY_SECONDS),
    }
}

/// On a local chain all keepers are on one machine.
fn check_reachable(view: &mut View, mesh: &MeshView) {
    if view.listen.is_empty() || is_local(view.network.chain_id) {
        return;
    }
    let addresses = view.listen.len();
    let message = match mesh.reach {
        Reach::Reached => "others have opened connections to it".to_owned(),
        Reach::Unknown => "nobody has opened a connection to it yet".to_owned(),
        Reach::Private => format!(
            "nobody has opened a connection to it, and all {addresses} addresses it listens on are private ones: forward a port and \
             name it with --external-addr"
        ),
        Reach::Closed => "peers elsewhere tried to open a connection to it, and could not: let its port in through the firewall (UDP as \
                          well, where it listens over QUIC), or forward it and name it with --external-addr"
            .to_owned(),
    };
    view.set_check("reachable", !matches!(mesh.reach, Reach::Private | Reach::Closed), message);
}

fn check_drift(view: &mut View, mesh: &MeshView) {
    if let Some(ahead) = mesh.clock_ahead_ms {
        let side = if ahead < 0 { "behind" } else { "ahead of" };
        let message = format!("this clock is {} ms {side} the median of the other keepers'", ahead.unsigned_abs());
        view.set_check("drift", ahead.unsigned_abs() <= DRIFT_MS, message);
    }
}

fn check_fork(view: &mut View, mesh: &MeshView) {
    let (same, other) = (mesh.same_block, mesh.other_block);
    if other >= FEW && other > same {
        let message = format!(
            "{other} of {} keepers show another block than this one's node at the same height: the node follows another \
             chain; add another URL to rpc_urls",
            same + other
        );
        view.set_check("fork", false, message);
    } else if same > 0 {
        view.set_check("fork", true, format!("{same} other keepers show the same blocks"));
    }
}

fn check_silent(view: &mut View, others: &[&KeeperView]) {
    let silent: Vec<&str> =
        others.iter().filter(|other| other.state == State::Silent).map(|other| &*other.operator).collect();
    let heard = others.len() - silent.len();
    let mut message = format!("{heard} of {} other keepers are heard", others.len());
    let ok = silent.len() * 3 < others.len();
    if !ok {
        let few: Vec<&str> = silent.iter().take(3).copied().collect();
        message.push_str(&format!("; silent: {}{}", few.join(", "), if silent.len() > 3 { ", ..." } else { "" }));
    }
    view.set_check("silent", ok, message);
}

/// Others say whom they are connected to: nobody of them to this keeper means that what it says may not get through.
fn check_heard(view: &mut View, mesh: &MeshView, others: &[&KeeperView]) {
    let heard = others.iter().filter(|other| matches!(other.state, State::Fine | State::Failing));
    let (mut all, mut connected) = (0_usize, 0_usize);
    for other in heard {
        all += 1;
        connected += usize::from(other.links.iter().any(|link| link.operator == mesh.operator));
    }
    if all > 0 {
        let message = format!("{connected} of {all} keepers that are heard say that they are connected to this one");
        view.set_check("heard", connected > 0, message);
    }
}

fn check_version(view: &mut View, others: &[&KeeperView]) {
    let own = env!("CARGO_PKG_VERSION");
    let said: Vec<&str> = others.iter().map(|other| &*other.version).filter(|version| !version.is_empty()).collect();
    let newer: Vec<&&str> = said.iter().filter(|version| is_newer(version, own)).collect();
    if let Some(version) = newer.first().filter(|_| newer.len() * 2 > said.len() && newer.len() >= FEW) {
        let message = format!(
            "{} of {} other keepers run a newer version ({}), this one {own}",
            newer.len(),
            said.len(),
            shown(version)
        );
        view.set_check("version", false, message);
    } else if !said.is_empty() {
        view.set_check("version", true, format!("{own}; {} of {} others run a newer one", newer.len(), said.len()));
    }
}

/// Whether a version of three numbers comes after another; what is none comes after nothing.
fn is_newer(version: &str, than: &str) -> bool {
    let numbers = |text: &str| -> Option<Vec<u64>> {
        let core = text.split(['-', '+', ' ']).next()?;
        core.split('.').map(|part| part.parse().ok()).collect()
    };
    matches!((numbers(version), numbers(than)), (Some(a), Some(b)) if a.cmp(&b) == Ordering::Greater)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for (version, than, newer) in [
            ("0.2.0", "0.1.9", true),
            ("0.10.0", "0.9.0", true),
            ("1.0.0-rc1", "0.9.0", true),
            ("0.1.0", "0.1.0", false),
            ("0.0.9", "0.1.0", false),
            ("newest", "0.1.0", false),
            ("", "0.1.0", false),
            ("99999999999999999999.0.0", "0.1.0", false),
        ] {
            assert_eq!(is_newer(version, than), newer, "{version} after {than}");
        }
    }

    #[test]
    fn a_disk_says_what_is_free_and_what_is_not_there_says_nothing() {
        assert!(free_space(Path::new("/")).is_some());
        assert_eq!(free_space(Path::new("/no/such/folder")), None);
    }
}

//! The machine: room on the disk, files that may be open, addresses that can be listened on and who else may ask there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::sys::resource::{Resource, getrlimit};
use p2p::Multiaddr;
use tokio::net::TcpListener;

use super::{Finding, Subject};
use crate::config::{API_PORT, METRICS_PORT};
use crate::health::free_space;

/// Bytes free below which the journal is at risk, and below which it is a matter of time.
const DISK_FAIL: u64 = 64 << 20;
const DISK_WARN: u64 = 1 << 30;
/// Files that a keeper with 64 peers has open at its busiest, and twice as many.
const FILES_FAIL: u64 = 256;
const FILES_WARN: u64 = 1_024;

pub(super) async fn look(subject: &Subject) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(free_space(subject.paths.data()).map(disk));
    findings.extend(getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| files(soft)));
    let settings = &subject.settings;
    let api = settings.api_addr.unwrap_or((Ipv4Addr::LOCALHOST, API_PORT).into());
    let metrics = settings.metrics_addr.unwrap_or((Ipv4Addr::LOCALHOST, METRICS_PORT).into());
    findings.push(exposure("api_addr", api));
    if subject.running.is_none() {
        findings.push(port("api_port", "--api-addr", api).await);
        findings.push(port("metrics_port", "--metrics-addr", metrics).await);
        let everywhere = p2p::Config::default().listen;
        let listen = if settings.listen.is_empty() { &everywhere } else { &settings.listen };
        for (kind, address) in listen.iter().filter_map(socket) {
            findings.push(match kind {
                Kind::Tcp => port("listen_port", "--listen", address).await,
                Kind::Udp => udp_port(address),
            });
        }
    }
    findings
}

pub(super) fn disk(free: u64) -> Finding {
    let (found, fix) =
        (format!("{} MiB free", free >> 20), "free space; the cache of job code may be deleted at any time");
    match free {
        0..DISK_FAIL => Finding::fail("disk", found, fix),
        DISK_FAIL..DISK_WARN => Finding::warn("disk", found, fix),
        _ => Finding::ok("disk", found),
    }
}

pub(super) fn files(most: u64) -> Finding {
    let found = format!("{most} files may be open");
    let fix = "ulimit -n 4096, or LimitNOFILE=4096 in the systemd unit";
    match most {
        0..FILES_FAIL => Finding::fail("open_files", found, fix),
        FILES_FAIL..FILES_WARN => Finding::warn("open_files", found, fix),
        _ => Finding::ok("open_files", found),
    }
}

/// The API tells everything and asks for no password: it is for this machine.
pub(super) fn exposure(check: &'static str, address: SocketAddr) -> Finding {
    if address.ip().is_loopback() {
        return Finding::ok(check, format!("{address}: this machine alone"));
    }
    let found = format!("{address}: whoever reaches this machine may ask it");
    Finding::warn(check, found, "--api-addr 127.0.0.1:7420, and a tunnel or a proxy with a password in front of it")
}

pub(super) async fn port(check: &'static str, flag: &str, address: SocketAddr) -> Finding {
    match TcpListener::bind(address).await {
        Ok(_) => Finding::ok(check, format!("{address} is free")),
        Err(error) => {
            let fix = format!("end the program that has it (ss -ltnp), or pass another {flag}");
            Finding::fail(check, format!("{address} cannot be listened on: {error}"), fix)
        }
    }
}

fn udp_port(address: SocketAddr) -> Finding {
    match std::net::UdpSocket::bind(address) {
        Ok(_) => Finding::ok("listen_port", format!("{address} is free over UDP")),
        Err(error) => {
            let found = format!("{address} cannot be listened on over UDP: {error}");
            Finding::fail("listen_port", found, "end the program that has it (ss -lunp), or pass another --listen")
        }
    }
}

/// What a port belongs to.
enum Kind {
    Tcp,
    Udp,
}

/// The IP address and the port of a multiaddr to listen on.
fn socket(address: &Multiaddr) -> Option<(Kind, SocketAddr)> {
    // libp2p's own parts are named in p2p alone: what is read here is its text.
    let text = address.to_string();
    let mut parts = text.split('/').skip(1);
    let (kind, host) = (parts.next()?, parts.next()?);
    let ip: IpAddr = match kind {
        "ip4" => host.parse::<Ipv4Addr>().ok()?.into(),
        "ip6" => host.parse::<Ipv6Addr>().ok()?.into(),
        _ => return None,
    };
    let kind = match parts.next()? {
        "tcp" => Kind::Tcp,
        "udp" => Kind::Udp,
        _ => return None,
    };
    Some((kind, (ip, parts.next()?.parse().ok()?).into()))
}

//! The way into the mesh: each bootnode step by step, from its name to its network.

use p2p::{Multiaddr, Probe, probe};

use super::{Finding, PATIENCE, Subject};

/// Most bootnodes that are tried.
const TRIED_MAX: usize = 16;

pub(super) async fn look(subject: &Subject) -> Vec<Finding> {
    let Some((file, network)) = &subject.network else { return Vec::new() };
    let mut findings = Vec::new();
    let mut bootnodes: Vec<Multiaddr> = subject.settings.bootnodes.iter().map(|bootnode| bootnode.0.clone()).collect();
    for text in &network.bootnodes {
        match p2p::parse_bootnode(text) {
            Ok(address) if !bootnodes.contains(&address) => bootnodes.push(address),
            Ok(_) => {}
            Err(error) => {
                let fix = format!("mend `bootnodes` in {}", file.display());
                findings.push(Finding::fail("bootnode", error.to_string(), fix));
            }
        }
    }
    if bootnodes.is_empty() && findings.is_empty() {
        let found = format!("neither --bootnode nor `bootnodes` in {} names one", file.display());
        return vec![Finding::warn("bootnode", found, "ask whoever runs the network for the address of a bootnode")];
    }
    for address in bootnodes.iter().take(TRIED_MAX) {
        findings.push(describe(address, probe(address, &network.domain8(), PATIENCE).await));
    }
    findings
}

/// At which step it failed, and what is to be done about that step.
fn describe(address: &Multiaddr, result: Probe) -> Finding {
    let fail = |step: &str, why: &str, fix: &str| Finding::fail("bootnode", format!("{address}: {step}: {why}"), fix);
    match result {
        Probe::Reached { agent } => Finding::ok("bootnode", format!("{address}: {agent}, of this network")),
        Probe::NotAdmitted => {
            let found = format!("{address}: is who it should be, and does not talk to strangers");
            Finding::warn("bootnode", found, "a keeper serves those who are registered alone: name a bootnode too")
        }
        Probe::Malformed(why) => fail("address", &why, "write it as /ip4/203.0.113.7/tcp/7419/p2p/12D3KooW..."),
        Probe::NoName(why) => {
            fail("name", &why, "the name is wrong or its name server is down: ask for the address with an IP")
        }
        Probe::NoConnection(why) => fail(
            "TCP",
            &why,
            "the bootnode is down, or a firewall is in between: allow outgoing TCP to that port, or name another",
        ),
        Probe::NoAnswer(why) => fail(
            "QUIC",
            &why,
            "the bootnode is down, or a firewall is in between: allow outgoing UDP to that port, or name its address of TCP",
        ),
        Probe::NoHandshake(why) => {
            fail("handshake", &why, "something else listens on that port: check the port, or name another bootnode")
        }
        Probe::OtherPeer(found) => {
            let why = format!("it is {found}");
            fail(
                "peer id",
                &why,
                "the bootnode has another identity now: ask for its new address; it is not to be trusted before",
            )
        }
        Probe::OtherVersion(version) => {
            let why = format!("it speaks version {version} of the wire, this keeper {}", p2p::WIRE);
            fail("version", &why, "upgrade the older of both: docs/upgrade.md")
        }
        Probe::OtherNetwork(found) => fail(
            "network",
            &format!("it is of {found}"),
            "it serves another network: name one of this network, or check --network",
        ),
    }
}

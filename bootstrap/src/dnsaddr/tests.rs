use clap::Parser;
use p2p::Identity;

use super::{DnsaddrArgs, records};

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    args: DnsaddrArgs,
}

fn parse(arguments: &[&str]) -> Result<DnsaddrArgs, String> {
    let line = std::iter::once(&"dnsaddr").chain(arguments);
    Cli::try_parse_from(line).map(|cli| cli.args).map_err(|error| error.to_string())
}

/// The peer id of a key in a folder of its own, and what `dnsaddr` says with these arguments.
fn said(arguments: &[&str]) -> (String, Result<String, String>) {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("bootnode.key");
    let peer = Identity::load_or_create(&key).unwrap().peer_id().to_string();
    let arguments: Vec<String> = arguments.iter().map(|each| each.replace("PEER", &peer)).collect();
    let mut line: Vec<&str> = arguments.iter().map(String::as_str).collect();
    line.extend(["--identity-file", key.to_str().unwrap()]);
    (peer, parse(&line).and_then(|args| records(&args).map_err(|error| format!("{error:#}"))))
}

#[test]
fn every_address_becomes_a_record_with_the_peer_id() {
    let addresses =
        ["--external", "/ip4/203.0.113.7/tcp/7419", "--external", "/dns6/boot.example/udp/7419/quic-v1/p2p/PEER"];
    let (peer, lines) = said(&[&["Boot.Example.org."][..], &addresses].concat());
    let wanted = format!(
        "_dnsaddr.boot.example.org. 300 IN TXT \"dnsaddr=/ip4/203.0.113.7/tcp/7419/p2p/{peer}\"\n\
         _dnsaddr.boot.example.org. 300 IN TXT \"dnsaddr=/dns6/boot.example/udp/7419/quic-v1/p2p/{peer}\"\n\
         ; keepers are given: --bootnode /dnsaddr/boot.example.org/p2p/{peer}\n"
    );
    assert_eq!(lines.unwrap(), wanted);
}

#[test]
fn keepers_take_the_address_that_is_printed() {
    let (_, document) = said(&["boot.example", "--external", "/ip4/203.0.113.7/tcp/7419", "--json", "--ttl", "60"]);
    let document: serde_json::Value = serde_json::from_str(&document.unwrap()).unwrap();
    assert!(p2p::parse_bootnode(document["bootnode"].as_str().unwrap()).is_ok(), "{document}");
    assert_eq!(document["ttl"], 60);
    assert_eq!(document["records"].as_array().unwrap().len(), 1);
}

#[test]
fn what_leads_nowhere_is_refused_by_name() {
    let other = format!("/ip4/203.0.113.7/tcp/7419/p2p/{}", Identity::generate().peer_id());
    let long = format!("/dns4/{}.example/tcp/7419", ["a".repeat(60).as_str(); 4].join("."));
    for (address, why) in [
        ("/ip4/0.0.0.0/tcp/7419", "leads nobody"),
        ("/ip4/127.0.0.1/tcp/7419", "leads nobody"),
        ("/ip6/::1/tcp/7419", "leads nobody"),
        ("/ip4/203.0.113.7", "no TCP port"),
        ("/ip4/203.0.113.7/tcp/0", "no TCP port"),
        ("/ip4/203.0.113.7/udp/7419", "/quic-v1"),
        (&other, "another peer"),
        (&long, "too long"),
    ] {
        let refused = said(&["boot.example", "--external", address]).1.unwrap_err();
        assert!(refused.contains(why) && refused.contains(address), "{address}: {refused}");
    }
}

#[test]
fn names_that_are_none_are_refused() {
    let long = format!("{}.example", "a".repeat(64));
    for name in ["", "localhost", "a b.example", "-a.example", "a..example", "x\"; evil.example", "ä.example", &long] {
        let refused = parse(&["--external", "/ip4/203.0.113.7/tcp/7419", "--", name]).unwrap_err();
        assert!(refused.contains("boot.example.org"), "{name}: {refused}");
    }
}

#[test]
fn without_a_key_it_says_where_keys_come_from() {
    let args = parse(&["boot.example", "--external", "/ip4/203.0.113.7/tcp/7419", "--identity-file", "/nowhere/key"]);
    let refused = format!("{:#}", records(&args.unwrap()).unwrap_err());
    assert!(refused.contains("/nowhere/key") && refused.contains("first time"), "{refused}");
}

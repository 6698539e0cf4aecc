use libp2p::{Multiaddr, PeerId};

use super::{Config, parse_bootnode};
use crate::error::ConfigError;

#[test]
fn the_default_is_valid() {
    Config::default().validate().expect("the default must start");
}

#[test]
fn a_good_bootnode_keeps_its_text() {
    let text = format!("/dns4/boot.example/tcp/7419/p2p/{}", PeerId::random());
    assert_eq!(parse_bootnode(&text).expect("well formed").to_string(), text);
    assert_eq!(parse_bootnode(&format!(" {text}\n")).expect("space around is forgiven").to_string(), text);
    let text = format!("/ip6/2001:db8::1/udp/7419/quic-v1/p2p/{}", PeerId::random());
    assert_eq!(parse_bootnode(&text).expect("well formed").to_string(), text);
}

#[test]
fn a_bootnode_without_peer_id_says_what_to_append() {
    let error = parse_bootnode("/ip4/203.0.113.7/tcp/7419").expect_err("no peer id");
    assert!(matches!(error, ConfigError::BootnodeWithoutPeerId(_)), "{error}");
    assert!(error.to_string().contains("/ip4/203.0.113.7/tcp/7419"), "{error}");
    assert!(error.to_string().contains("/p2p/<peer id>"), "{error}");
}

#[test]
fn malformed_bootnodes_are_named() {
    for text in ["", "boot.example:7419", "/ip4/999.0.0.1/tcp/1/p2p/x", "/ip4/127.0.0.1/tcp/7419/p2p/notapeer"] {
        let error = parse_bootnode(text).expect_err(text);
        assert!(error.to_string().contains(&format!("\"{text}\"")), "{error}");
    }
}

#[test]
fn a_bootnode_needs_a_port() {
    for middle in ["", "/udp/7419", "/udp/0/quic-v1", "/tcp/0", "/tcp/7419/ws", "/quic-v1"] {
        let text = format!("/ip4/127.0.0.1{middle}/p2p/{}", PeerId::random());
        let error = parse_bootnode(&text).expect_err(&text);
        assert!(matches!(error, ConfigError::BootnodeWithoutPort(_)), "{error}");
    }
}

/// The DNS has the ports; without a peer id it could name anybody.
#[test]
fn a_bootnode_may_be_a_name_for_whole_addresses() {
    let text = format!("/dnsaddr/boot.example/p2p/{}", PeerId::random());
    assert_eq!(parse_bootnode(&text).expect("well formed").to_string(), text);
    let error = parse_bootnode("/dnsaddr/boot.example").expect_err("no peer id");
    assert!(matches!(error, ConfigError::BootnodeWithoutPeerId(_)), "{error}");
    let error = parse_bootnode(&format!("/dnsaddr/boot.example/udp/7419/p2p/{}", PeerId::random()));
    assert!(matches!(error, Err(ConfigError::BootnodeWithoutPort(_))), "{error:?}");
}

#[test]
fn domain8_is_sixteen_lowercase_hexadecimal_digits() {
    for bad in ["", "0", "0x0123456789abcd", "0123456789ABCDEF", "0123456789abcdeg", "0123456789abcdef0"] {
        let config = Config { domain8: bad.to_owned(), ..Config::default() };
        assert!(matches!(config.validate(), Err(ConfigError::Domain(_))), "{bad} was accepted");
    }
}

#[test]
fn limits_are_checked() {
    let config = Config { max_peers: 1025, ..Config::default() };
    assert!(matches!(config.validate(), Err(ConfigError::TooManyPeers { .. })));
    let address: Multiaddr = format!("/ip4/127.0.0.1/tcp/1/p2p/{}", PeerId::random()).parse().expect("well formed");
    let config = Config { bootnodes: vec![address; 65], ..Config::default() };
    assert!(matches!(config.validate(), Err(ConfigError::TooManyBootnodes { .. })));
    let config = Config { sentries: vec![PeerId::random(); 65], ..Config::default() };
    assert!(matches!(config.validate(), Err(ConfigError::TooManySentries { .. })));
    let bare = "/ip4/127.0.0.1/tcp/1".parse().expect("well formed");
    let config = Config { bootnodes: vec![bare], ..Config::default() };
    assert!(matches!(config.validate(), Err(ConfigError::BootnodeWithoutPeerId(_))));
}

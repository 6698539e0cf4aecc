//! Peers in settings: where a bootnode is, and who a sentry is.

use std::str::FromStr;

use p2p::{Multiaddr, PeerId};
use serde::{Deserialize, Serialize};

/// A bootnode's address: a multiaddr that ends in `/p2p/<peer id>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bootnode(pub Multiaddr);

impl FromStr for Bootnode {
    type Err = p2p::ConfigError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        p2p::parse_bootnode(text).map(Self)
    }
}

impl TryFrom<String> for Bootnode {
    type Error = p2p::ConfigError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Bootnode> for String {
    fn from(bootnode: Bootnode) -> Self {
        bootnode.0.to_string()
    }
}

/// The peer id of a sentry: a node that may connect though it is no operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sentry(pub PeerId);

impl FromStr for Sentry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |error| format!("sentry \"{text}\" is not a peer id: {error}; write it as 12D3KooW...");
        text.trim().parse().map(Self).map_err(wrong)
    }
}

impl TryFrom<String> for Sentry {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Sentry> for String {
    fn from(sentry: Sentry) -> Self {
        sentry.0.to_string()
    }
}

//! The six gossip topics, their names on the wire and their size limits.

use libp2p::gossipsub::TopicHash;

/// Today one committee serves every job, so there is one number in every topic name.
const COMMITTEE: u32 = 0;

/// A gossip topic. On the wire it is called `kpr/<domain8>/<committee>/<letter>`; the name is inside every message,
/// hence its shortness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// `a`: what a leader opens in its window.
    Assignments,
    /// `p`: one keeper's signature on a batch.
    Partials,
    /// `c`: aggregated partials with a quorum of stake.
    Certificates,
    /// `e`: proof of misbehaviour.
    Evidence,
    /// `o`: what a keeper saw outside the chain.
    Observations,
    /// `h`: how keepers fare.
    Health,
}

impl Topic {
    /// Every topic there is.
    pub const ALL: [Self; 6] =
        [Self::Assignments, Self::Partials, Self::Certificates, Self::Evidence, Self::Observations, Self::Health];

    /// The longest message the topic carries, in bytes.
    #[must_use]
    pub const fn max_bytes(self) -> usize {
        match self {
            Self::Assignments => 64 * 1024,
            Self::Partials => 12 * 1024,
            Self::Certificates => 48 * 1024,
            Self::Evidence | Self::Observations | Self::Health => 16 * 1024,
        }
    }

    const fn letter(self) -> char {
        match self {
            Self::Assignments => 'a',
            Self::Partials => 'p',
            Self::Certificates => 'c',
            Self::Evidence => 'e',
            Self::Observations => 'o',
            Self::Health => 'h',
        }
    }

    /// The name on the wire in the network `domain8`.
    #[must_use]
    pub fn name(self, domain8: &str) -> String {
        format!("kpr/{domain8}/{COMMITTEE}/{}", self.letter())
    }

    /// The topic of that name in the network `domain8`; `None` for any other name.
    #[must_use]
    pub fn from_name(name: &str, domain8: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name(domain8) == name)
    }

    /// The topic as gossipsub knows it.
    pub(crate) fn hash(self, domain8: &str) -> TopicHash {
        TopicHash::from_raw(self.name(domain8))
    }
}

#[cfg(test)]
mod tests;

//! Gossip topics: what the caller says of each ([`crate::Config::topics`]), and the names that follow. What a topic is
//! for, and how long its messages may be, is for the caller to know.

pub(crate) mod id;

use std::sync::Arc;

use libp2p::gossipsub::TopicHash;

use crate::error::ConfigError;
pub use id::TopicId;

/// Today one committee serves every job, so there is one number in every topic name.
const COMMITTEE: u32 = 0;
/// Most topics of a node: far more than anybody has, and a bound for what peers may subscribe to.
const MOST_TOPICS: usize = 16;
/// Longest message of any topic, in bytes. A frame is held in memory whole before its topic is known.
const MOST_BYTES: usize = 1024 * 1024;

/// A gossip topic, as the caller describes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Topic {
    /// Lowercase letter, its own among the topics. On the wire the topic is called
    /// `kpr/<domain8>/<committee>/<letter>`; the name is inside every message, hence its shortness.
    pub letter: char,
    /// What it is called in logs, errors and [`crate::PeerSummary`].
    pub name: &'static str,
    /// Longest message, in bytes: 1 to 1 MiB. Longer ones are rejected before the caller sees them.
    pub max_bytes: usize,
    /// Weight of the topic in peer scores, over 0 and up to 1: how much a peer earns by being first with its messages.
    /// What is rejected costs the same in every topic.
    pub weight: f64,
}

/// The topics of one network, with their names on the wire. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Topics(Arc<[(TopicHash, Topic)]>);

impl Topics {
    /// Names the topics of the network `domain8`; they have been checked.
    pub(crate) fn new(topics: &[Topic], domain8: &str) -> Self {
        let name = |topic: &Topic| format!("kpr/{domain8}/{COMMITTEE}/{}", topic.letter);
        Self(topics.iter().map(|topic| (TopicHash::from_raw(name(topic)), *topic)).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Every topic with its name on the wire, in the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(TopicHash, Topic)> {
        self.0.iter()
    }

    pub(crate) fn get(&self, id: TopicId) -> Option<&(TopicHash, Topic)> {
        self.0.get(usize::from(id.0))
    }

    /// The topic of that name on the wire, with its id; `None` for any other name.
    pub(crate) fn find(&self, hash: &TopicHash) -> Option<(TopicId, &Topic)> {
        let ids = (0..=u8::MAX).map(TopicId);
        ids.zip(self.0.iter()).find(|(_, (known, _))| known == hash).map(|(id, (_, topic))| (id, topic))
    }
}

/// Checks the topics of a configuration.
pub(crate) fn validate(topics: &[Topic]) -> Result<(), ConfigError> {
    let wrong = |topic: &Topic, reason| Err(ConfigError::Topic { name: topic.name, reason });
    for (position, topic) in topics.iter().enumerate() {
        if position >= MOST_TOPICS {
            return wrong(topic, "there are too many topics, the most is 16");
        }
        if !topic.letter.is_ascii_lowercase() {
            return wrong(topic, "its letter is none of a to z");
        }
        if topics[..position].iter().any(|other| other.letter == topic.letter) {
            return wrong(topic, "its letter is another topic's as well");
        }
        if !(1..=MOST_BYTES).contains(&topic.max_bytes) {
            return wrong(topic, "its longest message must have 1 byte to 1 MiB");
        }
        if !(topic.weight > 0.0 && topic.weight <= 1.0) {
            return wrong(topic, "its weight must be over 0 and at most 1");
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;

//! What the mesh carries: the one place where the protocol's channels and messages meet the mesh's topics and limits.

use consensus::message::{
    ASSIGNMENT_LIMIT, CERTIFICATE_LIMIT, Channel, EVIDENCE_LIMIT, HAVE_LIMIT, OBSERVATION_LIMIT, PARTIAL_LIMIT,
    RULING_LIMIT, WANT_LIMIT,
};
use p2p::{RequestLimits, Sizes, Topic, TopicId};

use crate::heartbeat::HEARTBEAT_LIMIT;
use crate::peer_code::{ANSWER_LIMIT, QUESTION_LIMIT};

/// Every channel; its position is its topic's number.
pub const CHANNELS: [Channel; 6] = [
    Channel::Assignments,
    Channel::Partials,
    Channel::Certificates,
    Channel::Evidence,
    Channel::Rulings,
    Channel::Observations,
];
/// The topic of heartbeats, which are no matter of the protocol: they have no channel, and come after all that have.
pub const HEALTH: TopicId = TopicId(CHANNELS.len() as u8);
/// What it is called in logs and metrics.
pub const HEALTH_NAME: &str = "health";
/// What partials are called that come straight, in logs and metrics: they have no topic.
pub const STRAIGHT_NAME: &str = "straight";
/// How long a message may be that goes straight: what does is a partial.
pub const STRAIGHT_LIMIT: usize = PARTIAL_LIMIT;
/// Longest status, in bytes: a few numbers and hashes.
const STATUS_LIMIT: usize = 1024;

/// The topics of the mesh, in the order of their numbers.
pub fn table() -> Vec<Topic> {
    // Nobody is the better for being first with a heartbeat.
    let health = Topic { letter: 'h', name: HEALTH_NAME, max_bytes: HEARTBEAT_LIMIT, weight: 0.01 };
    CHANNELS.into_iter().map(describe).chain([health]).collect()
}

/// How long requests and answers may be.
pub const fn requests() -> RequestLimits {
    RequestLimits {
        status: Sizes { request: STATUS_LIMIT, answer: STATUS_LIMIT },
        want: Sizes { request: WANT_LIMIT, answer: HAVE_LIMIT },
        code: Sizes { request: QUESTION_LIMIT, answer: ANSWER_LIMIT },
    }
}

/// The topic that carries a channel.
pub const fn topic(channel: Channel) -> TopicId {
    TopicId(match channel {
        Channel::Assignments => 0,
        Channel::Partials => 1,
        Channel::Certificates => 2,
        Channel::Evidence => 3,
        Channel::Rulings => 4,
        Channel::Observations => 5,
    })
}

/// The channel that a topic carries; `None` for a number that no topic has.
pub fn channel(topic: TopicId) -> Option<Channel> {
    CHANNELS.get(usize::from(topic.0)).copied()
}

/// What a channel is called in logs and metrics.
pub fn name(channel: Channel) -> &'static str {
    describe(channel).name
}

/// Evidence and rulings weigh little: whoever is first with one has done the mesh a service, but they are rare.
fn describe(channel: Channel) -> Topic {
    let (letter, name, max_bytes, weight) = match channel {
        Channel::Assignments => ('a', "assignments", ASSIGNMENT_LIMIT, 0.5),
        Channel::Partials => ('p', "partials", PARTIAL_LIMIT, 0.5),
        Channel::Certificates => ('c', "certificates", CERTIFICATE_LIMIT, 0.5),
        Channel::Evidence => ('e', "evidence", EVIDENCE_LIMIT, 0.05),
        Channel::Rulings => ('r', "rulings", RULING_LIMIT, 0.05),
        Channel::Observations => ('o', "observations", OBSERVATION_LIMIT, 0.5),
    };
    Topic { letter, name, max_bytes, weight }
}

#[cfg(test)]
mod tests;

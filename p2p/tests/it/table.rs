//! The topics and limits that the nodes under test are given.

use p2p::{RequestLimits, Sizes, Topic, TopicId};

use crate::node::DOMAIN;

const KIB: usize = 1024;

pub(crate) const ASSIGNMENTS: TopicId = TopicId(0);
pub(crate) const PARTIALS: TopicId = TopicId(1);
pub(crate) const CERTIFICATES: TopicId = TopicId(2);
pub(crate) const EVIDENCE: TopicId = TopicId(3);

pub(crate) const TOPICS: [Topic; 4] = [
    Topic { letter: 'a', name: "assignments", max_bytes: 64 * KIB, weight: 0.5 },
    Topic { letter: 'p', name: "partials", max_bytes: 12 * KIB, weight: 0.5 },
    Topic { letter: 'c', name: "certificates", max_bytes: 48 * KIB, weight: 0.5 },
    Topic { letter: 'e', name: "evidence", max_bytes: 16 * KIB, weight: 0.05 },
];

/// Longest message that goes straight.
pub(crate) const STRAIGHT: usize = 12 * KIB;

pub(crate) const REQUESTS: RequestLimits = RequestLimits {
    status: Sizes { request: KIB, answer: KIB },
    want: Sizes { request: 16 * KIB, answer: 128 * KIB },
    code: Sizes { request: 40, answer: 129 * KIB },
};

pub(crate) const fn topic(id: TopicId) -> Topic {
    TOPICS[id.0 as usize]
}

/// What a topic is called on the wire.
pub(crate) fn wire_name(id: TopicId) -> String {
    format!("kpr/{DOMAIN}/0/{}", topic(id).letter)
}

//! Gossipsub: settings, message ids and peer scores.
//!
//! Up to 64 keepers publish to everybody they are connected to (flood publish): one hop, lowest latency. The thin mesh
//! of three carries the copies that repair a missing link.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use libp2p::gossipsub::{
    self, ConfigBuilder, MaxCountSubscriptionFilter, MessageAuthenticity, MessageId, MetricsConfig, PeerScoreParams,
    PeerScoreThresholds, TopicHash, TopicScoreParams, ValidationMode, WhitelistSubscriptionFilter,
    score_parameter_decay,
};
use libp2p::metrics::Registry;
use sha2::{Digest, Sha256};

use crate::admission::REFUSED_FOR;
use crate::error::Error;
use crate::guarded::Guarded;
use crate::intake::{Gossipsub, Intake};
use crate::metrics::Drops;
use crate::topic::{Topic, Topics};

/// One fault that the keeper reports by [`crate::Handle::fault`]: twenty of them end the connection, whatever the peer
/// has earned otherwise.
pub(crate) const PENALTY: f64 = 830.0;
/// What a registered operator starts with.
pub(crate) const OPERATOR: f64 = 20.0;
/// Invalid messages in a short time that take a peer to the graylist: past nineteen, and short of twenty by enough to
/// outweigh what it has earned otherwise.
const INVALID_TO_GRAYLIST: f64 = 19.2;
/// Below this score a peer is not heard, and disconnected.
pub(crate) const GRAYLIST: f64 = -16_000.0;
const GOSSIP: f64 = -4_000.0;
/// What broken promises weigh, squared: with 1,000 of them a peer is at the gossip threshold.
const PROMISES: f64 = GOSSIP / (900.0 * 900.0);
/// What a message that a peer did not take in time weighs, within the second: ten thousand are 1,000.
const SLOW: f64 = -0.1;
const HEARTBEAT: Duration = Duration::from_millis(700);
const MESSAGE_ID_BYTES: usize = 20;
/// What a message has around its data: field tags, lengths and the topic name. Gossipsub counts it when it receives.
const ENVELOPE_BYTES: usize = 64;
/// What a frame has around its largest message: control messages that ride along.
const FRAME_BYTES: usize = 16 * 1024;

/// Messages that one peer is asked for in a heartbeat, after it said that it has them, and as many are offered to it at
/// once. This many promises a heartbeat is the most that it can break. Gossipsub's own 5,000 would be more than fits into
/// the frame that a receiver takes, and after five of those it hears nothing more over that connection.
const MOST_ASKED_FOR: usize = 96;
/// Messages that wait to be sent to one peer. They stay in memory when it does not read.
const SEND_QUEUE: usize = 384;

/// Gossipsub behind the buckets of its peers.
pub(crate) type Behaviour = Guarded<Gossipsub, Intake>;

/// Gossipsub, subscribed to every topic.
pub(crate) fn behaviour(
    topics: &Topics,
    domain8: &str,
    registry: &mut Registry,
    drops: Drops,
) -> Result<Behaviour, Error> {
    let failed = |reason: String| Error::Setup { part: "gossipsub", reason };
    let config = settings(topics, domain8).map_err(|error| failed(error.to_string()))?;
    let hashes: HashSet<TopicHash> = topics.iter().map(|(hash, _)| hash.clone()).collect();
    let filter = MaxCountSubscriptionFilter {
        filter: WhitelistSubscriptionFilter(hashes),
        max_subscribed_topics: topics.len(),
        max_subscriptions_per_request: 4 * topics.len(),
    };
    let mut behaviour = Gossipsub::new_with_subscription_filter(MessageAuthenticity::Anonymous, config, filter)
        .map_err(|error| failed(error.to_owned()))?
        .with_metrics(registry.sub_registry_with_prefix("gossipsub"), MetricsConfig::default());
    behaviour.with_peer_score(score(topics), thresholds()).map_err(failed)?;
    for (hash, _) in topics.iter() {
        let topic = gossipsub::IdentTopic::new(hash.as_str());
        behaviour.subscribe(&topic).map_err(|error| failed(error.to_string()))?;
    }
    Ok(Guarded { inner: behaviour, guard: Intake::new(topics.clone(), drops) })
}

fn settings(topics: &Topics, domain8: &str) -> Result<gossipsub::Config, gossipsub::ConfigBuilderError> {
    let longest = topics.iter().map(|(_, topic)| topic.max_bytes).max().unwrap_or(0);
    let domain = domain8.to_owned();
    let mut builder = ConfigBuilder::default();
    builder
        // No author, number or gossip signature: 116 bytes less per message; what is inside proves itself.
        .validation_mode(ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(move |message| message_id(&domain, message.topic.as_str(), &message.data))
        // Low must not exceed the number of others even among four keepers, or every heartbeat grafts in vain.
        .mesh_n(3)
        .mesh_n_low(2)
        .mesh_n_high(6)
        .mesh_outbound_min(1)
        .gossip_lazy(6)
        .heartbeat_interval(HEARTBEAT)
        // The default of 5 seconds would leave a fresh keeper without a mesh for its first tasks.
        .heartbeat_initial_delay(Duration::from_millis(100))
        .history_length(6)
        .history_gossip(3)
        // Far longer than anything is on its way, and short enough that what a flood leaves in there is gone within a minute.
        .duplicate_cache_time(Duration::from_secs(30))
        .flood_publish(true)
        .max_transmit_size(longest + FRAME_BYTES)
        .max_ihave_messages_heartbeat(10)
        .max_control_messages_sent(MOST_ASKED_FOR)
        .connection_handler_queue_len(SEND_QUEUE)
        // A late partial is worth nothing.
        .publish_queue_duration(Duration::from_secs(2))
        .forward_queue_duration(Duration::from_millis(500))
        .prune_backoff(Duration::from_secs(20))
        .unsubscribe_backoff(Duration::from_secs(2));
    for (hash, topic) in topics.iter() {
        builder.max_transmit_size_for_topic(topic.max_bytes + ENVELOPE_BYTES, hash.clone());
    }
    builder.build()
}

/// First 20 bytes of sha256(domain8, length of the topic name, topic name, data). It covers every byte, so that
/// nothing can shadow an honest message: gossipsub remembers the id before the verdict.
fn message_id(domain8: &str, topic: &str, data: &[u8]) -> MessageId {
    let mut hash = Sha256::new();
    hash.update(domain8.as_bytes());
    hash.update((topic.len() as u64).to_be_bytes());
    hash.update(topic.as_bytes());
    hash.update(data);
    MessageId::from(&hash.finalize()[..MESSAGE_ID_BYTES])
}

/// The bounds below which a peer is first not gossiped to, then not published to, then not heard.
const fn thresholds() -> PeerScoreThresholds {
    PeerScoreThresholds {
        gossip_threshold: GOSSIP,
        publish_threshold: GOSSIP * 2.0,
        graylist_threshold: GRAYLIST,
        accept_px_threshold: 100.0,
        opportunistic_graft_threshold: 5.0,
    }
}

fn score(topics: &Topics) -> PeerScoreParams {
    let topics: HashMap<TopicHash, TopicScoreParams> =
        topics.iter().map(|(hash, topic)| (hash.clone(), topic_score(topic))).collect();
    PeerScoreParams {
        topics,
        topic_score_cap: 50.0,
        app_specific_weight: 1.0,
        // Keepers' identities are staked, and many rent from the same few clouds.
        ip_colocation_factor_weight: 0.0,
        // Promises are broken, and queues run over, where machines are busy: that takes a peer out of the meshes, and at
        // worst makes its offers unheard, but can never ban it. Below the gossip threshold no more promises are taken
        // from it, so those of the seconds that were open before are the most that can come on top.
        behaviour_penalty_weight: PROMISES,
        behaviour_penalty_threshold: 100.0,
        behaviour_penalty_decay: score_parameter_decay(Duration::from_secs(60)),
        decay_interval: Duration::from_secs(1),
        decay_to_zero: 0.01,
        // An offender that is admitted again comes back with a clean slate.
        retain_score: REFUSED_FOR.saturating_sub(Duration::from_secs(10)),
        slow_peer_weight: SLOW,
        slow_peer_threshold: 20.0,
        slow_peer_decay: 0.1,
        ..PeerScoreParams::default()
    }
}

fn topic_score(topic: &Topic) -> TopicScoreParams {
    TopicScoreParams {
        topic_weight: topic.weight,
        // Time in the mesh: at most 10 points, after an hour.
        time_in_mesh_weight: 10.0 / 300.0,
        time_in_mesh_quantum: Duration::from_secs(12),
        time_in_mesh_cap: 300.0,
        // First deliveries: at most 40 points.
        first_message_deliveries_weight: 1.0,
        first_message_deliveries_decay: score_parameter_decay(Duration::from_secs(600)),
        first_message_deliveries_cap: 40.0,
        // Too few deliveries are no fault: traffic comes in bursts and a quiet topic would punish everybody.
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        // Twenty invalid messages within minutes and the peer is not heard any more.
        invalid_message_deliveries_weight: GRAYLIST / (topic.weight * INVALID_TO_GRAYLIST * INVALID_TO_GRAYLIST),
        invalid_message_deliveries_decay: score_parameter_decay(Duration::from_secs(3600)),
        ..TopicScoreParams::default()
    }
}

#[cfg(test)]
mod tests;

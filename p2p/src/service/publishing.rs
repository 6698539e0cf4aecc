//! Messages of this node's own.

use std::time::Instant;

use libp2p::gossipsub;

use super::Service;
use crate::command::Published;
use crate::error::PublishError;
use crate::outbox::{PUBLISH_PATIENCE, Waiting};
use crate::topic::TopicId;

impl Service {
    pub(super) fn publish_or_wait(&mut self, topic: TopicId, data: Vec<u8>) -> Result<Published, PublishError> {
        if !self.publish(topic, &data)? {
            let message = Waiting { topic, data, until: Instant::now() + PUBLISH_PATIENCE };
            if !self.outbox.push(message) {
                return Err(PublishError::WaitingLineFull(self.name(topic)));
            }
            self.metrics.publishes_delayed.inc();
            return Ok(Published::Waiting);
        }
        Ok(Published::Sent)
    }

    /// What a topic is called in logs and errors.
    fn name(&self, topic: TopicId) -> &'static str {
        self.topics.get(topic).map_or("unknown", |(_, known)| known.name)
    }

    /// Publishes; false when nobody listens yet.
    fn publish(&mut self, topic: TopicId, data: &[u8]) -> Result<bool, PublishError> {
        let unknown = PublishError::UnknownTopic(topic);
        let Some((hash, known)) = self.topics.get(topic) else { return Err(unknown) };
        let Some(gossip) = self.swarm.behaviour_mut().gossip.as_mut() else { return Err(unknown) };
        match gossip.inner.publish(hash.clone(), data) {
            Ok(_) | Err(gossipsub::PublishError::Duplicate) => Ok(true),
            Err(gossipsub::PublishError::NoPeersSubscribedToTopic) => Ok(false),
            Err(gossipsub::PublishError::AllQueuesFull(peers)) => {
                self.metrics.overflows.publishes.inc();
                Err(PublishError::QueuesFull(peers))
            }
            Err(gossipsub::PublishError::MessageTooLarge) => {
                Err(PublishError::TooLarge { topic: known.name, size: data.len(), most: known.max_bytes })
            }
            Err(other) => Err(PublishError::Other(other.to_string())),
        }
    }

    /// Tries the waiting messages again and gives up on those whose time is over.
    pub(super) fn publish_waiting(&mut self, now: Instant) {
        for message in self.outbox.take() {
            match self.publish(message.topic, &message.data) {
                Ok(true) => {}
                Ok(false) if now < message.until => {
                    self.outbox.push(message);
                }
                Ok(false) => {
                    self.metrics.publishes_expired.inc();
                    let topic = self.name(message.topic);
                    tracing::warn!(topic, "nobody listens: a message was given up; check the bootnodes");
                }
                Err(error) => {
                    tracing::warn!(topic = self.name(message.topic), %error, "a waiting message was not published");
                }
            }
        }
    }
}

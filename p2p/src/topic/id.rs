//! The name of a topic within a node.

/// Names a gossip topic by its position in [`crate::Config::topics`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId(pub u8);

use super::{CHANNELS, channel, requests, table, topic};

#[test]
fn the_mesh_takes_the_table_and_the_limits() {
    p2p::Config { topics: table(), requests: requests(), ..p2p::Config::default() }.validate().unwrap();
}

#[test]
fn a_channel_and_its_topic_lead_to_each_other() {
    for (number, each) in (0..).zip(CHANNELS) {
        assert_eq!(topic(each), p2p::TopicId(number));
        assert_eq!(channel(topic(each)), Some(each));
    }
    assert_eq!(channel(super::HEALTH), None, "it is no matter of the protocol");
    let health = &table()[usize::from(super::HEALTH.0)];
    assert_eq!((health.letter, health.name), ('h', super::HEALTH_NAME));
}

/// Letters and limits are what nodes of one network must agree on.
#[test]
fn letters_and_limits_stay() {
    let table: Vec<_> = table().iter().map(|topic| (topic.letter, topic.max_bytes)).collect();
    let wanted = [('a', 65_536), ('p', 12_288), ('c', 49_152), ('e', 16_384), ('r', 256), ('o', 16_384), ('h', 3_072)];
    assert_eq!(table, wanted);
}

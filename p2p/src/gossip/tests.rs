use super::{GRAYLIST, PENALTY, message_id, score, settings, thresholds, topic_score};
use crate::topic::Topics;
use crate::topic::tests::{DOMAIN, three};

#[test]
fn gossipsub_takes_the_settings() {
    let topics = Topics::new(&three(), DOMAIN);
    let config = settings(&topics, DOMAIN).expect("valid");
    for (hash, topic) in topics.iter() {
        let most = config.max_transmit_size_for_topic(hash);
        // Data and topic name each have a tag and a length of at most three bytes.
        let needed = topic.max_bytes + hash.as_str().len() + 8;
        assert!(most >= needed, "{topic:?}: the largest message must fit its envelope");
        assert!(most < config.max_transmit_size());
    }
    score(&topics).validate().expect("valid scores");
    thresholds().validate().expect("valid thresholds");
}

#[test]
fn the_message_id_depends_on_every_part() {
    let id = message_id(DOMAIN, "kpr/a", b"data");
    assert_eq!(id.0.len(), 20);
    assert_eq!(id, message_id(DOMAIN, "kpr/a", b"data"));
    for other in [
        message_id("00112233aabbccde", "kpr/a", b"data"),
        message_id(DOMAIN, "kpr/b", b"data"),
        message_id(DOMAIN, "kpr/a", b"datb"),
        message_id(DOMAIN, "kpr/a", b"data\0"),
        message_id(DOMAIN, "kpr/", b"adata"),
        message_id(DOMAIN, "kpr/ad", b"ata"),
    ] {
        assert_ne!(id, other);
    }
}

#[test]
fn twenty_offences_silence_a_peer_and_nineteen_do_not() {
    const { assert!(-PENALTY * 20.0 <= GRAYLIST && -PENALTY * 19.0 > GRAYLIST) };
    for (topic, parameters) in three().map(|topic| (topic, topic_score(&topic))) {
        let after =
            |invalid: f64| parameters.topic_weight * parameters.invalid_message_deliveries_weight * invalid * invalid;
        assert!(after(20.0) <= GRAYLIST + 1e-6, "{topic:?}");
        assert!(after(19.0) > GRAYLIST, "{topic:?}");
    }
}

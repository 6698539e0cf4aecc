use super::{GRAYLIST, PENALTY, message_id, score, settings, thresholds};
use crate::topic::Topic;

const DOMAIN: &str = "00112233aabbccdd";

#[test]
fn gossipsub_takes_the_settings() {
    let config = settings(DOMAIN).expect("valid");
    for topic in Topic::ALL {
        let name = topic.name(DOMAIN).len();
        let most = config.max_transmit_size_for_topic(&topic.hash(DOMAIN));
        // Data and topic name each have a tag and a length of at most three bytes.
        assert!(most >= topic.max_bytes() + name + 8, "{topic:?}: the largest message must fit its envelope");
        assert!(most < config.max_transmit_size());
    }
    score(DOMAIN).validate().expect("valid scores");
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
    for (topic, parameters) in Topic::ALL.map(|topic| (topic, super::topic_score(topic))) {
        let after =
            |invalid: f64| parameters.topic_weight * parameters.invalid_message_deliveries_weight * invalid * invalid;
        assert!(after(20.0) <= GRAYLIST + 1e-6, "{topic:?}");
        assert!(after(19.0) > GRAYLIST, "{topic:?}");
    }
}

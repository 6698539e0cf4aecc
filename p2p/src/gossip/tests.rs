use super::{
    GOSSIP, GRAYLIST, HEARTBEAT, MOST_ASKED_FOR, OPERATOR, PENALTY, message_id, score, settings, thresholds,
    topic_score,
};
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

/// What gossipsub makes of so many broken promises and messages not taken (its own formulas P7 and slow peer).
fn burden(promises: f64, untaken: f64) -> f64 {
    let score = score(&Topics::new(&three(), DOMAIN));
    let broken = (promises - score.behaviour_penalty_threshold).max(0.0);
    let slow = (untaken - score.slow_peer_threshold).max(0.0);
    score.behaviour_penalty_weight * broken * broken + score.slow_peer_weight * slow
}

#[test]
fn load_alone_never_bans_whatever_a_busy_machine_leaves_undone() {
    let settings = settings(&Topics::new(&three(), DOMAIN), DOMAIN).expect("valid");
    let merit = OPERATOR + 50.0;
    // The most that a peer can still be heard with; one promise less is over the gossip threshold.
    let mut promises = 0.0;
    while merit + burden(promises, 0.0) > GOSSIP {
        promises += 1.0;
    }
    // From then on it is asked for nothing. What was asked for before falls due within the follow-up time.
    let open = (settings.iwant_followup_time().as_secs_f64() / HEARTBEAT.as_secs_f64()).ceil() + 1.0;
    let worst = promises + open * MOST_ASKED_FOR as f64;
    assert_eq!(settings.max_control_messages_sent(), MOST_ASKED_FOR);
    // Twenty thousand messages a second that it does not take are more than any keeper sends.
    let decayed = 20_000.0 / (1.0 - score(&Topics::new(&three(), DOMAIN)).slow_peer_decay);
    let most = burden(worst, decayed);
    assert!(most > GRAYLIST, "{worst} broken promises and {decayed} untaken messages come to {most}");
    assert!(burden(100.0, 20.0) >= 0.0, "what happens every day costs nothing");
    assert!(burden(1100.0, 0.0) + merit < GOSSIP, "who keeps promising what it does not have is not asked any more");
}

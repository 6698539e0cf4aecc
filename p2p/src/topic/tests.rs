use super::{MOST_BYTES, Topic, TopicId, Topics, validate};
use crate::error::ConfigError;

pub(crate) const DOMAIN: &str = "00112233aabbccdd";

pub(crate) const fn topic(letter: char, max_bytes: usize, weight: f64) -> Topic {
    Topic { letter, name: "test", max_bytes, weight }
}

pub(crate) fn three() -> [Topic; 3] {
    [topic('a', 64 * 1024, 0.5), topic('p', 12 * 1024, 0.5), topic('e', 16 * 1024, 0.05)]
}

#[test]
fn names_are_those_of_the_design() {
    let topics = Topics::new(&three(), DOMAIN);
    let names: Vec<&str> = topics.iter().map(|(hash, _)| hash.as_str()).collect();
    assert_eq!(names, ["kpr/00112233aabbccdd/0/a", "kpr/00112233aabbccdd/0/p", "kpr/00112233aabbccdd/0/e"]);
}

#[test]
fn a_name_leads_back_to_its_topic_only_in_its_own_network() {
    let topics = Topics::new(&three(), DOMAIN);
    let other = Topics::new(&three(), "0000000000000000");
    for (number, (hash, topic)) in (0..).zip(topics.iter()) {
        assert_eq!(topics.find(hash), Some((TopicId(number), topic)));
        assert_eq!(topics.get(TopicId(number)), Some(&(hash.clone(), *topic)));
        assert_eq!(other.find(hash), None);
    }
    let unknown = Topics::new(&[topic('x', 1, 1.0)], DOMAIN);
    assert_eq!(topics.find(&unknown.get(TopicId(0)).expect("the only one").0), None);
    assert_eq!(topics.get(TopicId(3)), None);
}

#[test]
fn topics_that_cannot_work_are_refused_by_name() {
    validate(&three()).expect("the usual ones");
    validate(&[]).expect("a bootnode has none");
    validate(&[topic('a', 1, 1.0), topic('b', MOST_BYTES, 0.01)]).expect("the extremes");
    let refused = |topics: &[Topic], part: &str| {
        let error = validate(topics).expect_err(part);
        assert!(matches!(error, ConfigError::Topic { name: "test", .. }), "{error}");
        assert!(error.to_string().contains(part), "{error}");
    };
    refused(&[topic('A', 1, 1.0)], "letter is none");
    refused(&[topic('a', 1, 1.0), topic('b', 1, 1.0), topic('a', 1, 1.0)], "another topic's");
    refused(&[topic('a', 0, 1.0)], "longest message");
    refused(&[topic('a', MOST_BYTES + 1, 1.0)], "longest message");
    for weight in [0.0, -1.0, 1.5, f64::NAN, f64::INFINITY] {
        refused(&[topic('a', 1, weight)], "weight");
    }
    let many: Vec<Topic> = ('a'..='q').map(|letter| topic(letter, 1, 1.0)).collect();
    refused(&many, "too many");
    validate(&many[..16]).expect("sixteen are as many as there may be");
}

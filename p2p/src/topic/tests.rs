use super::Topic;

const DOMAIN: &str = "00112233aabbccdd";

#[test]
fn names_are_those_of_the_design() {
    let names: Vec<String> = Topic::ALL.iter().map(|topic| topic.name(DOMAIN)).collect();
    assert_eq!(
        names,
        ["a", "p", "c", "e", "o", "h"].map(|letter| format!("kpr/00112233aabbccdd/0/{letter}")),
        "order and names are part of the protocol"
    );
}

#[test]
fn a_name_leads_back_to_its_topic_only_in_its_own_network() {
    for topic in Topic::ALL {
        assert_eq!(Topic::from_name(&topic.name(DOMAIN), DOMAIN), Some(topic));
        assert_eq!(Topic::from_name(&topic.name(DOMAIN), "0000000000000000"), None);
    }
    assert_eq!(Topic::from_name("kpr/00112233aabbccdd/0/x", DOMAIN), None);
    assert_eq!(Topic::from_name("kpr/00112233aabbccdd/1/a", DOMAIN), None);
    assert_eq!(Topic::from_name("", DOMAIN), None);
}

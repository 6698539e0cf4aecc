use super::*;

#[test]
fn a_message_is_judged_once() {
    let mut unjudged = Unjudged::default();
    assert!(unjudged.take_in(MessageTag(1), Way::Gossip(Channel::Evidence)));
    assert_eq!(unjudged.judged(MessageTag(1)), Some(Way::Gossip(Channel::Evidence)));
    assert_eq!(unjudged.judged(MessageTag(1)), None);
    assert_eq!(unjudged.judged(MessageTag(2)), None);
}

#[test]
fn too_many_are_turned_away() {
    let mut unjudged = Unjudged::default();
    let taken = (0..UNJUDGED_MAX as u64 + 5).filter(|&tag| unjudged.take_in(MessageTag(tag), Way::Straight));
    assert_eq!(taken.count(), UNJUDGED_MAX);
    unjudged.judged(MessageTag(0));
    assert!(unjudged.take_in(MessageTag(99_999), Way::Straight));
}

use std::time::Instant;

use super::{MOST_BYTES, MOST_MESSAGES, Outbox, Waiting};
use crate::topic::TopicId;

fn message(bytes: usize) -> Waiting {
    Waiting { topic: TopicId(0), data: vec![0; bytes], until: Instant::now() }
}

#[test]
fn the_line_is_bounded_by_count() {
    let mut outbox = Outbox::default();
    assert_eq!((0..1000).filter(|_| outbox.push(message(1))).count(), MOST_MESSAGES);
    assert_eq!(outbox.take().len(), MOST_MESSAGES);
    assert!(outbox.push(message(1)), "room again");
}

#[test]
fn the_line_is_bounded_by_bytes() {
    let mut outbox = Outbox::default();
    let accepted = (0..200).filter(|_| outbox.push(message(64 * 1024))).count();
    assert_eq!(accepted, MOST_BYTES / (64 * 1024));
    assert!(!outbox.push(message(1)));
    outbox.take();
    assert!(outbox.push(message(64 * 1024)));
}

use super::*;

fn name(number: usize) -> [u8; 32] {
    let mut name = [0; 32];
    name[..8].copy_from_slice(&number.to_be_bytes());
    name
}

#[test]
fn a_bounded_number_is_known_and_the_used_ones_stay() {
    let mut shelf = Shelf::default();
    for number in 0..MAX_CODES {
        shelf.put(name(number), Known::Ready);
    }
    assert!(shelf.get(&name(0)).is_some());
    shelf.put(name(MAX_CODES), Known::Refused(Abstain::CodeTooLarge));
    assert_eq!(shelf.by_hash.len(), MAX_CODES);
    assert_eq!(shelf.get(&name(0)), Some(Known::Ready), "used a moment ago");
    assert_eq!(shelf.get(&name(1)), None, "unused for longest");
    assert_eq!(shelf.get(&name(MAX_CODES)), Some(Known::Refused(Abstain::CodeTooLarge)));
    shelf.forget(&name(0));
    assert_eq!(shelf.get(&name(0)), None);
}

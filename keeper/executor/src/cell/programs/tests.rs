use super::*;

fn name(number: usize) -> [u8; 32] {
    [u8::try_from(number).expect("small"); 32]
}

#[test]
fn a_bounded_number_is_kept_and_the_used_ones_stay() {
    let mut programs = Programs::default();
    for number in 0..MAX_PROGRAMS {
        programs.insert(name(number), number, 1);
    }
    assert_eq!(programs.get(&name(0)), Some(0));
    programs.insert(name(MAX_PROGRAMS), MAX_PROGRAMS, 1);
    assert_eq!(programs.by_hash.len(), MAX_PROGRAMS);
    assert_eq!(programs.get(&name(0)), Some(0), "used a moment ago");
    assert_eq!(programs.get(&name(1)), None, "unused for longest");
}

#[test]
fn bytes_are_bounded_and_one_large_program_is_kept_alone() {
    let mut programs = Programs::default();
    programs.insert(name(1), 1, MAX_BYTES / 2);
    programs.insert(name(2), 2, MAX_BYTES / 2);
    assert_eq!(programs.get(&name(1)), Some(1));
    programs.insert(name(3), 3, 1);
    assert_eq!((programs.get(&name(2)), programs.get(&name(1))), (None, Some(1)));
    programs.insert(name(4), 4, MAX_BYTES + 1);
    assert_eq!((programs.by_hash.len(), programs.bytes), (1, MAX_BYTES + 1));
    programs.insert(name(4), 4, 10);
    assert_eq!((programs.by_hash.len(), programs.bytes), (1, 10), "the same program again replaces itself");
}

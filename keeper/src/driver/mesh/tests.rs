use super::*;

#[test]
fn a_handle_is_given_back_once_and_the_oldest_is_let_go() {
    let mut open = Open::default();
    let first = open.keep("first");
    let second = open.keep("second");
    assert_eq!(open.take(second), Some("second"));
    assert_eq!(open.take(second), None);
    for _ in 0..OPEN_MAX {
        open.keep("more");
    }
    assert_eq!(open.take(first), None);
    assert_eq!(open.handles.len(), OPEN_MAX);
}

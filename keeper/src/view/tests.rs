use super::*;

#[test]
fn one_failing_check_makes_the_keeper_unready() {
    let mut view = View::default();
    view.set_check("chain", true, "head 12");
    assert!(view.ready);
    view.set_check("mesh", false, "0 of 1 peers");
    assert!(!view.ready);
    view.set_check("mesh", true, "3 peers");
    assert!(view.ready);
}

#[test]
fn unknown_and_missing_fields_are_read_so_versions_can_differ() {
    let view: View = serde_json::from_str(r#"{"ready":true,"peers":4,"new_field":1}"#).unwrap();
    assert!(view.ready);
    assert_eq!(view.peers, 4);
}

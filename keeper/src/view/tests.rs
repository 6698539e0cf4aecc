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
fn runs_are_replaced_in_place_and_capped() {
    let mut view = View::default();
    for run in 0..(MAX_RUNS as u64 + 10) {
        view.put_run(RunView { task_id: format!("0x{run:064x}"), run, ..RunView::default() });
    }
    assert_eq!(view.runs.len(), MAX_RUNS);
    assert_eq!(view.runs[0].run, MAX_RUNS as u64 + 9);
    let known = view.runs[5].clone();
    view.put_run(RunView { state: "settled".into(), ..known.clone() });
    assert_eq!(view.runs.len(), MAX_RUNS);
    assert_eq!(view.runs[5].state, "settled");
}

#[test]
fn unknown_and_missing_fields_are_read_so_versions_can_differ() {
    let view: View = serde_json::from_str(r#"{"ready":true,"peers":4,"new_field":1}"#).unwrap();
    assert!(view.ready);
    assert_eq!(view.peers, 4);
}

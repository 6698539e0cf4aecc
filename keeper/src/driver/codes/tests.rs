use super::*;

const CODE: B256 = B256::repeat_byte(1);
const OTHER: B256 = B256::repeat_byte(2);

#[test]
fn a_code_is_asked_for_once_and_looked_at_again_later() {
    let mut codes = Codes::default();
    assert!(codes.wants(1, CODE, Time(0)));
    assert!(!codes.wants(1, CODE, Time(90_000)), "it is being fetched");
    assert_eq!(codes.get(1), None);
    assert!(codes.note(1, CODE, Ok(()), Time(100)));
    assert_eq!(codes.get(1), Some(&Ok(())));
    assert!(!codes.wants(1, CODE, Time(99).plus(READY_PAUSE)));
    assert!(codes.wants(1, CODE, Time(100).plus(READY_PAUSE)));
    assert_eq!(codes.get(1), Some(&Ok(())), "shown as it was until the answer comes");
    assert!(!codes.note(1, CODE, Ok(()), Time(40_000)), "no news");
}

#[test]
fn a_failure_is_tried_again_soon_and_told_once() {
    let mut codes = Codes::default();
    codes.wants(1, CODE, Time(0));
    assert!(codes.note(1, CODE, Err("not found".to_owned()), Time(0)));
    assert!(!codes.wants(1, CODE, Time(0).plus(FAILED_PAUSE - Duration::from_millis(1))));
    assert!(codes.wants(1, CODE, Time(0).plus(FAILED_PAUSE)));
    assert!(!codes.note(1, CODE, Err("not found".to_owned()), Time(0).plus(FAILED_PAUSE)), "the same again");
    assert!(codes.wants(1, CODE, Time(0).plus(2 * FAILED_PAUSE)));
    assert!(codes.note(1, CODE, Ok(()), Time(0).plus(2 * FAILED_PAUSE)));
}

#[test]
fn a_job_with_new_code_starts_over() {
    let mut codes = Codes::default();
    codes.wants(1, CODE, Time(0));
    assert!(codes.wants(1, OTHER, Time(1)));
    assert!(!codes.note(1, CODE, Ok(()), Time(2)), "an answer about the earlier code");
    assert_eq!(codes.get(1), None);
    assert!(codes.note(1, OTHER, Ok(()), Time(3)));
    assert!(!codes.note(7, CODE, Ok(()), Time(3)), "nobody asked");
}

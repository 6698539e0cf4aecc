use super::*;

const CODE: B256 = B256::repeat_byte(1);
const OTHER: B256 = B256::repeat_byte(2);

/// The jobs looked at by `now`.
fn due(codes: &mut Codes, now: Time) -> Vec<u64> {
    std::iter::from_fn(|| codes.due(now)).collect()
}

#[test]
fn a_code_is_asked_for_once_and_looked_at_again_later() {
    let mut codes = Codes::default();
    codes.job_changed(1, Time(50));
    assert!(due(&mut codes, Time(49)).is_empty());
    assert_eq!(due(&mut codes, Time(50)), [1]);
    assert!(codes.asks(1, CODE));
    assert!(due(&mut codes, Time(900_000)).is_empty(), "it is being fetched");
    assert_eq!(codes.get(1), None);
    codes.job_changed(1, Time(60));
    assert_eq!(due(&mut codes, Time(60)), [1]);
    assert!(!codes.asks(1, CODE), "it is being fetched still");
    assert!(codes.note(1, CODE, Ok(()), Time(100)));
    assert_eq!(codes.get(1), Some(&Ok(())));
    assert!(due(&mut codes, Time(99).plus(READY_PAUSE)).is_empty());
    assert_eq!(due(&mut codes, Time(100).plus(READY_PAUSE)), [1]);
    assert!(codes.asks(1, CODE));
    assert_eq!(codes.get(1), Some(&Ok(())), "shown as it was until the answer comes");
    assert!(!codes.note(1, CODE, Ok(()), Time(400_000)), "no news");
}

#[test]
fn a_failure_is_told_once_and_tried_again_after_pauses_that_double() {
    let mut codes = Codes::default();
    let mut now = Time(0);
    codes.job_changed(1, now);
    for pause in [1, 2, 4, 8, 16, 32, 64, 64] {
        assert_eq!(due(&mut codes, now), [1]);
        assert!(codes.asks(1, CODE));
        assert_eq!(codes.note(1, CODE, Err("not found".to_owned()), now), pause == 1, "the same again is no news");
        now = now.plus(Duration::from_secs(pause));
        assert!(due(&mut codes, Time(now.0 - 1)).is_empty());
    }
    assert_eq!(due(&mut codes, now), [1]);
    assert!(codes.asks(1, CODE));
    assert!(codes.note(1, CODE, Ok(()), now));
    now = now.plus(READY_PAUSE);
    assert_eq!(due(&mut codes, now), [1]);
    assert!(codes.asks(1, CODE));
    assert!(codes.note(1, CODE, Err("gone".to_owned()), now));
    assert_eq!(due(&mut codes, now.plus(FAILED_PAUSE[0])), [1], "pauses begin anew");
}

#[test]
fn a_job_with_new_code_starts_over() {
    let mut codes = Codes::default();
    assert!(codes.asks(1, CODE));
    assert!(codes.asks(1, OTHER));
    assert!(!codes.note(1, CODE, Ok(()), Time(2)), "an answer about the earlier code");
    assert_eq!(codes.get(1), None);
    assert!(codes.note(1, OTHER, Ok(()), Time(3)));
    assert!(!codes.note(7, CODE, Ok(()), Time(3)), "nobody asked");
}

use super::retry_after;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use std::time::{Duration, SystemTime};

#[test]
fn retry_after_is_read_in_both_forms_and_nonsense_is_none() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for (text, wanted) in [
        ("7", Some(Duration::from_secs(7))),
        (" 0.5 ", Some(Duration::from_millis(500))),
        ("Tue, 14 Nov 2023 22:13:50 GMT", Some(Duration::from_secs(30))),
        ("Tue, 14 Nov 2023 22:13:10 GMT", Some(Duration::ZERO)),
        ("-3", None),
        ("NaN", None),
        ("1e300", None),
        ("soon", None),
        ("", None),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
        assert_eq!(retry_after(&headers, now), wanted, "{text:?}");
    }
    assert_eq!(retry_after(&HeaderMap::new(), now), None);
}

use proptest::prelude::*;

use super::*;

#[test]
fn lengths_of_time_are_read() {
    for (text, seconds) in [("2s", 2), ("5m", 300), ("1h", 3600), ("1d", 86_400), ("7", 7)] {
        assert_eq!(parse_interval(text).unwrap(), seconds);
    }
    for wrong in ["", "0", "0s", "-1s", "1.5s", "2 s", "s", "2y", "5000000000", "100000d"] {
        assert!(parse_interval(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn moments_are_fixed_or_relative_to_the_chain() {
    assert_eq!(parse_start("1763901234").unwrap(), Start::At(1_763_901_234));
    assert_eq!(parse_start("now+10s").unwrap().at(100), 110);
    assert_eq!(Start::At(50).at(100), 50);
    for wrong in ["", "now", "now+", "tomorrow", "-5"] {
        assert!(parse_start(wrong).is_err(), "{wrong:?}");
    }
}

/// From `date --utc --date=… +%s`.
#[test]
fn dates_are_read_as_seconds() {
    for (text, seconds) in [
        ("1970-01-01T00:00:00Z", 0),
        ("2000-02-29T23:59:59Z", 951_868_799),
        ("2100-03-01T00:00:00Z", 4_107_542_400),
        ("2026-11-28T16:30:00Z", 1_795_883_400),
        ("2026-11-28t16:30:00z", 1_795_883_400),
        ("2026-11-28 18:30:00+02:00", 1_795_883_400),
        ("2026-11-28T11:00:00-05:30", 1_795_883_400),
    ] {
        assert_eq!(parse_start(text).unwrap(), Start::At(seconds), "{text}");
    }
    for wrong in [
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "2026-02-29T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00+2:00",
        "2026-01-01T00:00:00*02:00",
        "2026-01-01",
        "+026-01-01T00:00:00Z",
    ] {
        assert!(parse_start(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn bytes_are_hex_or_a_file() {
    assert_eq!(read_bytes("0x0102", "--params").unwrap().as_ref(), [1, 2]);
    assert_eq!(read_bytes("0x", "--params").unwrap().len(), 0);
    let wrong = read_bytes("xyz", "--params").unwrap_err().to_string();
    assert!(wrong.contains("--params") && wrong.contains("@FILE"), "{wrong}");
    let missing = read_bytes("@nowhere", "--params").unwrap_err();
    assert!(missing.chain().any(|cause| cause.is::<std::io::Error>()) && missing.to_string().contains("--params"));
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,40}", date in "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}[Z+-].{0,5}") {
        let _ = (parse_start(&text), parse_interval(&text), parse_start(&date));
    }
}

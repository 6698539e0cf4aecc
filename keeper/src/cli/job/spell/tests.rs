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
fn starts_are_fixed_or_relative_to_the_chain() {
    assert_eq!(parse_start("1763901234").unwrap(), Start::At(1_763_901_234));
    assert_eq!(parse_start("now+10s").unwrap().at(100), 110);
    assert_eq!(Start::At(50).at(100), 50);
    for wrong in ["", "now", "now+", "tomorrow", "-5", "now+10"] {
        let read = parse_start(wrong);
        assert_eq!(read.is_ok(), wrong == "now+10", "{wrong:?}: {read:?}");
    }
}

//! Words of the command line, for fuzz targets (`tests/fuzz`).

use super::flags::{Start, parse_interval, parse_run, parse_start};

/// A moment, a length of time, or the name of a run.
pub fn moment(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(seconds) = parse_interval(text) {
        assert!(seconds > 0, "no length of time is nothing");
    }
    if let Ok(Start::After(seconds)) = parse_start(text) {
        assert!(text.starts_with("now+") && seconds > 0);
    }
    if let Ok(run) = parse_run(text) {
        assert_eq!(parse_run(&run.to_string()).ok(), Some(run), "it reads what it writes");
    }
}

/// Moments in each spelling, and names of runs.
#[must_use]
pub fn moment_seeds() -> Vec<Vec<u8>> {
    [
        "1763901234",
        "2025-11-23T12:33:54Z",
        "2027-01-31T12:00:00+02:00",
        "now+10s",
        "5m",
        "4294967295s",
        "0x0000000000000000000000000000000000000000000000000000000000000007",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

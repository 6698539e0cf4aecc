//! What a worker has used of the processors: what it took itself, however long it had to wait for them.

use std::time::Duration;

/// The kernel counts in hundredths of a second on every architecture there is (`USER_HZ`, see proc(5)).
const TICKS_PER_SECOND: u64 = 100;

/// Processor time of a process so far; `None` where the kernel does not tell, or it is gone.
pub(super) fn time(process: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in brackets, may hold anything. Behind it come the state, field 3, and in time utime and stime, 14 and 15.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut ticks = fields.split_whitespace().skip(11).map_while(|field| field.parse::<u64>().ok());
    let used = ticks.next()?.saturating_add(ticks.next()?);
    Some(Duration::from_millis(used.saturating_mul(1_000 / TICKS_PER_SECOND)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_what_was_used_and_not_what_went_by() {
        let own = std::process::id();
        let before = time(own).expect("this process is there");
        let mut number = 1_u64;
        while time(own).expect("still there") < before + Duration::from_millis(50) {
            number = number.wrapping_mul(6_364_136_223_846_793_005).rotate_left(7);
        }
        assert!(std::hint::black_box(number) != 0);
        assert_eq!(time(0), None, "nobody");
    }
}

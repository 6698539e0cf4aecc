//! What the kernel tells of a process, in `/proc`; nothing where there is no such thing, or the process is gone.

use std::time::Duration;

/// The kernel counts in hundredths of a second on every architecture there is (`USER_HZ`, see proc(5)).
const TICKS_PER_SECOND: u64 = 100;

/// A process as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// What it calls itself, cut to 15 bytes.
    pub name: String,
    /// The id of its parent.
    pub parent: u32,
    /// Processor time that it has used itself, however long it had to wait for it.
    pub used: Duration,
    /// That of its children that have ended.
    pub used_by_ended: Duration,
}

/// Reads a process by its id.
#[must_use]
pub fn process(id: u32) -> Option<Process> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name, in brackets, may hold anything. Behind it come the state, field 3, the parent, and in time utime, stime, cutime
    // and cstime, 14 to 17.
    let (head, fields) = stat.rsplit_once(") ")?;
    let (_, name) = head.split_once(" (")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    let time = |one: usize, other: usize| {
        let ticks = ticks(one)?.saturating_add(ticks(other)?);
        Some(Duration::from_millis(ticks.saturating_mul(1_000 / TICKS_PER_SECOND)))
    };
    let parent = fields.get(1)?.parse().ok()?;
    Some(Process { name: name.to_owned(), parent, used: time(14, 15)?, used_by_ended: time(16, 17)? })
}

/// Resident memory of a process in bytes.
#[must_use]
pub fn resident(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_what_was_used_and_not_what_went_by() {
        let own = std::process::id();
        let used = || process(own).expect("this process is there").used;
        let before = used();
        let mut number = 1_u64;
        while used() < before + Duration::from_millis(50) {
            number = number.wrapping_mul(6_364_136_223_846_793_005).rotate_left(7);
        }
        assert!(std::hint::black_box(number) != 0);
        assert_eq!(process(0), None, "nobody");
    }

    #[test]
    fn a_child_is_known_by_its_name_its_parent_and_its_memory() {
        let mut child = std::process::Command::new("sleep").arg("600").spawn().expect("it starts");
        let id = child.id();
        let waiting = std::time::Instant::now();
        // Between fork and exec it still has the name of this one, and right after exec the memory of nobody yet.
        while process(id).is_none_or(|process| process.name != "sleep")
            || resident(id).is_none_or(|bytes| bytes <= 4096)
        {
            assert!(waiting.elapsed() < Duration::from_secs(30), "{:?}, {:?} bytes", process(id), resident(id));
            std::thread::yield_now();
        }
        let found = process(id).expect("it runs");
        assert_eq!(found.parent, std::process::id());
        child.kill().expect("it ends");
        child.wait().expect("it has ended");
        assert_eq!(resident(id), None);
    }
}

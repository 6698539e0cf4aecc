//! Words of the command line into values: lengths of time, moments, bytes.

use std::io::Read;
use std::path::Path;

use alloy::primitives::Bytes;
use anyhow::{Context, Result, bail, ensure};
use consensus::task::InstanceKey;
use serde_json::{Value, json};

/// Largest file read for code or parameters.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// A run as it is named on the command line: by its number, or, where it has none, by its instance key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunName(pub(crate) InstanceKey);

impl RunName {
    /// As documents have it.
    pub(crate) fn document(self) -> Value {
        self.0.run().map_or_else(|| json!(self.0.0), |number| json!(number))
    }
}

impl std::fmt::Display for RunName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.run() {
            Some(number) => number.fmt(f),
            None => self.0.0.fmt(f),
        }
    }
}

/// Reads `7`, or the 32 bytes in hexadecimal that name the run of a log or a condition.
pub(crate) fn parse_run(text: &str) -> Result<RunName> {
    let key = match text.parse() {
        Ok(number) => InstanceKey::from_run(number),
        Err(_) => InstanceKey(text.parse().ok().filter(|_| text.starts_with("0x")).with_context(|| {
            format!("{text:?} names no run: write its number, or its instance key (0x and 64 digits): see `keeper job runs --json`")
        })?),
    };
    Ok(RunName(key))
}

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// Unix seconds.
    At(u64),
    /// Seconds after the newest block's time.
    After(u64),
}

impl Start {
    /// Unix seconds, given the chain's time.
    pub(crate) fn at(self, now: u64) -> u64 {
        match self {
            Self::At(time) => time,
            Self::After(seconds) => now.saturating_add(seconds),
        }
    }
}

/// Reads `1763901234`, `2025-11-23T12:33:54Z` or `now+10s`.
pub(crate) fn parse_start(text: &str) -> Result<Start> {
    if let Some(after) = text.strip_prefix("now+") {
        return Ok(Start::After(parse_interval(after)?.into()));
    }
    let time = text.parse().ok().or_else(|| rfc3339(text));
    time.map(Start::At).with_context(|| {
        format!("{text:?} is no moment: write unix seconds, 2027-01-31T12:00:00Z (RFC 3339) or now+10s")
    })
}

/// Unix seconds of `2027-01-31T12:00:00Z` or `2027-01-31T12:00:00+02:00`; whole seconds from 1970 on.
fn rfc3339(text: &str) -> Option<u64> {
    let (date, rest) = text.split_at_checked(10)?;
    let (time, zone) = rest.strip_prefix(['T', 't', ' '])?.split_at_checked(8)?;
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = [31, 28 + i64::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = usize::try_from(month - 1).ok().and_then(|months| Some((days.get(..months)?, *days.get(months)?)))?;
    if !(1..=before.1).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let years = year - 1;
    let leaps = years / 4 - years / 100 + years / 400;
    // 719,162 days lie between the first day of year 1 and 1970
    let date = years * 365 + leaps + before.0.iter().sum::<i64>() + day - 1 - 719_162;
    let seconds = ((date * 24 + hour) * 60 + minute) * 60 + second;
    u64::try_from(seconds - offset(zone)?).ok()
}

/// Seconds that a zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let (sign, zone) = zone.split_at_checked(1)?;
    let (hours, minutes) = zone.split_once(':').filter(|(hours, minutes)| hours.len() == 2 && minutes.len() == 2)?;
    let [hours] = numbers(hours, ':')?;
    let [minutes] = numbers(minutes, ':')?;
    let ahead = (hours * 60 + minutes) * 60;
    match sign {
        _ if hours > 23 || minutes > 59 => None,
        "+" => Some(ahead),
        "-" => Some(-ahead),
        _ => None,
    }
}

/// Exactly N numbers of digits alone.
fn numbers<const N: usize>(text: &str, between: char) -> Option<[i64; N]> {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten();
    let numbers: Vec<i64> = text.split(between).map(digits).collect::<Option<_>>()?;
    numbers.try_into().ok()
}

/// Reads `2s`, `5m`, `1h`, `1d` or a bare number of seconds; at least one second.
pub(crate) fn parse_interval(text: &str) -> Result<u32> {
    let wrong = || format!("{text:?} is no length of time: write 2s, 5m, 1h or 1d");
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(place) => text.split_at(place),
        None => (text, "s"),
    };
    let factor: u32 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => bail!(wrong()),
    };
    let number: u32 = number.parse().with_context(wrong)?;
    match number.checked_mul(factor) {
        Some(seconds) if seconds > 0 => Ok(seconds),
        _ => bail!("{text:?} is out of bounds: between 1s and {} s", u32::MAX),
    }
}

/// Bytes of a flag: 0x-hex, or @FILE.
pub(crate) fn read_bytes(text: &str, flag: &str) -> Result<Bytes> {
    match text.strip_prefix('@') {
        Some(path) => Ok(read_file(Path::new(path), flag)?.into()),
        None => text.parse().with_context(|| format!("{flag} {text:?} is neither 0x-hex nor @FILE")),
    }
}

/// Reads a file that a flag names; a file that cannot be read shows as an [`std::io::Error`].
pub(crate) fn read_file(path: &Path, flag: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        .with_context(|| format!("could not read {} (named by {flag})", path.display()))?;
    ensure!(bytes.len() as u64 <= MAX_FILE_BYTES, "{} is larger than {MAX_FILE_BYTES} bytes", path.display());
    Ok(bytes)
}

/// Refuses flags that belong to another kind than the one chosen by `option`; `given` has one of every kind, if any.
pub(super) fn only(option: &str, chosen: &str, given: &[(&str, Option<&str>)]) -> Result<()> {
    for (kind, flag) in given.iter().filter(|(kind, _)| *kind != chosen) {
        if let Some(flag) = flag {
            bail!("{flag} goes with {option} {kind}, and this job has {option} {chosen}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

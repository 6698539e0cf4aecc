//! `keeper logs`: the files that `keeper join --log-dir` writes, from the oldest line to the newest.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use serde_json::{Value, json};

use super::{PREFIX, SUFFIX};
use crate::cli::{Exit, Global, WithExit};
use crate::jobs::flags::parse_interval;
use crate::text::{escaped, is_harmful};

/// Between two looks at what was added.
const PAUSE: Duration = Duration::from_millis(250);
/// Files looked at in the directory.
const MAX_FILES: usize = 4_096;

/// Flags of `keeper logs`.
#[derive(Debug, Clone, Args)]
pub struct LogsArgs {
    /// Go on with what is added, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Only the lines of the last 90s, 10m, 2h or 1d
    #[arg(long, value_name = "TIME", value_parser = |text: &str| parse_interval(text).map_err(|why| format!("{why:#}")))]
    since: Option<u32>,
}

/// A place in the log: a file, and how far it was read.
#[derive(Debug, Default)]
struct Place {
    file: PathBuf,
    bytes: u64,
}

/// Which lines are shown: a line that has no moment of its own goes with the one before it.
struct Sieve {
    from: Option<String>,
    open: bool,
}

pub(in crate::cli) async fn read(global: &Global, args: &LogsArgs) -> Result<Exit> {
    let none = || {
        anyhow!(
            "no directory for the log is set: name the one of `keeper join` by --log-dir, or as `log_dir` in the config file"
        )
    };
    let directory = global.settings()?.log_dir.ok_or_else(none).exit(Exit::Usage)?;
    let files = files(&directory)?;
    if files.is_empty() && !args.follow {
        let error = anyhow!("there is no log in {} yet: `keeper join` writes it", directory.display());
        return Err(error).exit(Exit::NotFound);
    }
    let mut sieve = Sieve { from: args.since.map(moment_before), open: args.since.is_none() };
    let mut place = Place::default();
    for file in files {
        place = Place { file, bytes: 0 };
        if show(&mut place, &mut sieve, global.json)?.is_none() {
            return Ok(Exit::Success);
        }
    }
    let shutdown = crate::shutdown::on_signal().context("could not watch for signals")?;
    while args.follow && !shutdown.is_cancelled() {
        let goes_on = show(&mut place, &mut sieve, global.json)?;
        // The next day's, once the one before has nothing more.
        match (goes_on, self::files(&directory)?.into_iter().find(|file| *file > place.file)) {
            (None, _) => break,
            (Some(0), Some(file)) => place = Place { file, bytes: 0 },
            (Some(0), None) => tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = shutdown.cancelled() => {}
            },
            _ => {}
        }
    }
    Ok(Exit::Success)
}

/// The files of the log, by their days.
fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let wrong = || format!("cannot read the directory of the log, {} (--log-dir)", directory.display());
    let entries = fs::read_dir(directory).with_context(wrong).exit(Exit::NotFound)?;
    let mut files = Vec::new();
    for entry in entries.take(MAX_FILES) {
        let path = entry.with_context(wrong)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(&format!("{PREFIX}.")) && name.ends_with(&format!(".{SUFFIX}")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Shows what a file has from a place on; how many bytes that was, or nothing if nobody reads any more.
fn show(place: &mut Place, sieve: &mut Sieve, json: bool) -> Result<Option<u64>> {
    let Ok(file) = fs::File::open(&place.file) else { return Ok(Some(0)) };
    let wrong = || format!("cannot read {}", place.file.display());
    let mut reader = BufReader::new(file);
    std::io::Seek::seek(&mut reader, std::io::SeekFrom::Start(place.bytes)).with_context(wrong)?;
    let (mut read, mut line) = (0, Vec::new());
    let mut stdout = std::io::stdout().lock();
    loop {
        line.clear();
        let bytes = reader.read_until(b'\n', &mut line).with_context(wrong)?;
        // A line that is still being written is left for later.
        if bytes == 0 || line.last() != Some(&b'\n') {
            break;
        }
        read += bytes as u64;
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if sieve.passes(text) && writeln!(stdout, "{}", shown(text, json)).is_err() {
            return Ok(None);
        }
    }
    place.bytes += read;
    Ok(Some(read))
}

/// A line as it is shown: with `--json` a document, whichever way it was written.
fn shown(line: &str, json: bool) -> String {
    if json && serde_json::from_str::<Value>(line).is_err() {
        return escaped(&json!({"line": line}).to_string());
    }
    line.chars()
        .flat_map(|letter| if is_harmful(letter) { letter.escape_default().collect() } else { vec![letter] })
        .collect()
}

impl Sieve {
    fn passes(&mut self, line: &str) -> bool {
        if let (Some(from), Some(moment)) = (&self.from, moment(line)) {
            self.open = moment >= from.as_str();
        }
        self.open
    }
}

/// When a line was written: RFC 3339 in UTC, at its beginning or as its `timestamp`.
fn moment(line: &str) -> Option<&str> {
    let text = line.strip_prefix(r#"{"timestamp":""#).unwrap_or(line);
    let moment = text.split([' ', '"']).next()?;
    let is_one = moment.len() >= 20 && moment.as_bytes()[4] == b'-' && moment.as_bytes()[10] == b'T';
    is_one.then_some(moment)
}

/// The moment so many seconds ago, as lines have it: such texts compare as their moments do.
fn moment_before(seconds: u32) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let then = now.saturating_sub(Duration::from_secs(seconds.into()));
    let moment = chrono::DateTime::from_timestamp(i64::try_from(then.as_secs()).unwrap_or(i64::MAX), 0);
    moment.map(|moment| format!("{moment:?}").trim_end_matches('Z').to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_shown_from_their_moment_on_and_go_with_the_one_before() {
        let mut sieve = Sieve { from: Some("2026-11-30T12:00:00".to_owned()), open: false };
        for (line, passes) in [
            ("2026-11-30T11:59:59.999999Z  INFO early", false),
            ("  of the early one", false),
            ("2026-11-30T12:00:00.000001Z  INFO late", true),
            ("  of the late one", true),
            (r#"{"timestamp":"2026-11-30T12:00:01.5Z","level":"INFO"}"#, true),
            (r#"{"timestamp":"2026-11-30T11:00:01.5Z","level":"INFO"}"#, false),
        ] {
            assert_eq!(sieve.passes(line), passes, "{line}");
        }
    }

    #[test]
    fn what_is_shown_moves_no_cursor_and_is_json_if_asked_for() {
        assert_eq!(shown("a \u{1b}[2J", false), "a \\u{1b}[2J");
        let document: Value = serde_json::from_str(&shown("a \u{1b}[2J", true)).unwrap();
        assert_eq!(document["line"], "a \u{1b}[2J");
        assert_eq!(shown(r#"{"timestamp":"x"}"#, true), r#"{"timestamp":"x"}"#);
    }

    #[test]
    fn an_unfinished_line_waits_and_the_next_day_follows() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
        write("keeper.2026-11-30.log", "one\ntw");
        write("keeper.2026-11-29.log", "zero\n");
        write("other.log", "no\n");
        let found = files(directory.path()).unwrap();
        assert_eq!(found.len(), 2);
        assert!(found[0].ends_with("keeper.2026-11-29.log"));
        let mut place = Place { file: found[1].clone(), bytes: 0 };
        let mut sieve = Sieve { from: None, open: true };
        assert_eq!(show(&mut place, &mut sieve, false).unwrap(), Some(4));
        assert_eq!(show(&mut place, &mut sieve, false).unwrap(), Some(0));
        write("keeper.2026-11-30.log", "one\ntwo\n");
        assert_eq!(show(&mut place, &mut sieve, false).unwrap(), Some(4));
    }
}

//! Where the log goes, how much of it, and how it looks.

mod read;

use std::ffi::OsStr;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context, Result};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use super::{Cli, Command, Exit, WithExit, environment};
use crate::config::LogFormat;
use crate::metrics::Counted;
use crate::text::{escaped, is_harmful};
pub(super) use read::LogsArgs;
pub(super) use read::read;

/// What files of the log are called: `keeper.2026-11-30.log`.
const PREFIX: &str = "keeper";
const SUFFIX: &str = "log";
/// Days that are kept.
const DAYS: usize = 7;

/// Starts logging to stderr: the flag, then the config file, then `RUST_LOG`, then `info` for join and `warn` else. In
/// colour on a terminal, plain in a file. Of libp2p's own lines one a minute of each kind. `keeper join` logs to files
/// besides, if a directory is named.
///
/// # Errors
/// When the filter cannot be read, or the directory cannot be written.
pub fn start_logs(cli: &Cli) -> Result<()> {
    let settings = match cli.global.settings() {
        // It says itself what is wrong with the config file, among all else.
        Err(_) if matches!(cli.command, Command::Doctor(_)) => cli.global.flags(),
        settings => settings?,
    };
    let fallback = if matches!(cli.command, Command::Join(_)) { "info" } else { "warn" };
    let filter = settings.log_level.or_else(|| std::env::var("RUST_LOG").ok()).unwrap_or_else(|| fallback.to_owned());
    let parsed = tracing_subscriber::EnvFilter::try_new(&filter);
    let parsed = parsed.map_err(|error| {
        anyhow::anyhow!("the log filter {filter:?} (--log-level, `log_level` or RUST_LOG) is wrong: {error}")
    });
    let looks = settings.log_format.unwrap_or_default();
    let kept = settings.log_dir.filter(|_| matches!(cli.command, Command::Join(_)));
    let kept = kept.map(|directory| files(&directory, looks)).transpose()?;
    let logs = tracing_subscriber::registry().with(parsed.exit(Exit::Usage)?).with(p2p::Quiet::default());
    logs.with(Counted).with(on_stderr(looks)).with(kept).init();
    environment::warn_of_misspelt();
    Ok(())
}

fn on_stderr<S: tracing::Subscriber + for<'a> LookupSpan<'a>>(looks: LogFormat) -> Box<dyn Layer<S> + Send + Sync> {
    // A log that nobody reads any more, or a full disk, ends no keeper: the layer would print that, and so panic.
    let lines = fmt::layer().log_internal_errors(false);
    match looks {
        LogFormat::Text => {
            let no_color = std::env::var_os("NO_COLOR");
            let coloured = in_colour(std::io::stderr().is_terminal(), no_color.as_deref());
            let writer = move || Lines { to: std::io::stderr(), coloured };
            lines.with_ansi(coloured).with_writer(writer).boxed()
        }
        LogFormat::Json => lines.json().with_writer(|| JsonLines(std::io::stderr())).boxed(),
    }
}

/// The log in files of a directory, one a day.
fn files<S: tracing::Subscriber + for<'a> LookupSpan<'a>>(
    directory: &Path,
    looks: LogFormat,
) -> Result<Box<dyn Layer<S> + Send + Sync>> {
    let wrong = || format!("cannot keep the log in {} (--log-dir, `log_dir`)", directory.display());
    let named = RollingFileAppender::builder().filename_prefix(PREFIX).filename_suffix(SUFFIX);
    let appender = named.rotation(Rotation::DAILY).max_log_files(DAYS).build(directory);
    let appender = appender.with_context(wrong).exit(Exit::Usage)?;
    let lines = fmt::layer().log_internal_errors(false).with_ansi(false);
    Ok(match looks {
        LogFormat::Text => lines.with_writer(Mutex::new(Lines { to: appender, coloured: false })).boxed(),
        LogFormat::Json => lines.json().with_writer(Mutex::new(JsonLines(appender))).boxed(),
    })
}

/// <https://no-color.org>: a variable that is set and not empty.
fn in_colour(is_terminal: bool, no_color: Option<&OsStr>) -> bool {
    is_terminal && no_color.is_none_or(OsStr::is_empty)
}

/// Passes on log lines in JSON, with what terminals act on and JSON leaves as it is spelt out.
struct JsonLines<W>(W);

impl<W: Write> Write for JsonLines<W> {
    /// Takes a whole line: the log writes each with one call.
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let (text, end) = text.strip_suffix('\n').map_or((text.as_ref(), ""), |text| (text, "\n"));
        self.0.write_all((escaped(text) + end).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// Passes on log lines, each as one line: what chain and peers say ends up in them, and could look like further lines.
struct Lines<W> {
    to: W,
    /// Whether escape characters are the log's own; it spells out those in values itself.
    coloured: bool,
}

impl<W: Write> Write for Lines<W> {
    /// Takes a whole line: the log writes each with one call.
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let (text, end) = text.strip_suffix('\n').map_or((text.as_ref(), ""), |text| (text, "\n"));
        let mut safe = String::with_capacity(line.len());
        for letter in text.chars() {
            if is_harmful(letter) && !(self.coloured && letter == '\u{1b}') {
                safe.extend(letter.escape_default());
            } else {
                safe.push(letter);
            }
        }
        safe.push_str(end);
        self.to.write_all(safe.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{Lines, in_colour};

    #[test]
    fn a_value_forges_no_line_and_moves_no_cursor() {
        let written = |coloured, line: &str| {
            let mut lines = Lines { to: Vec::new(), coloured };
            lines.write_all(line.as_bytes()).unwrap();
            String::from_utf8(lines.to).unwrap()
        };
        assert_eq!(written(false, "WARN a url=x\nINFO fine\n"), "WARN a url=x\\nINFO fine\n");
        assert_eq!(written(false, "a \u{1b}[2J \u{202e}b\r\n"), "a \\u{1b}[2J \\u{202e}b\\r\n");
        assert_eq!(written(true, "\u{1b}[33mWARN\u{1b}[0m x\u{9b}2J\n"), "\u{1b}[33mWARN\u{1b}[0m x\\u{9b}2J\n");
    }

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        assert!(in_colour(true, None) && in_colour(true, Some("".as_ref())));
        assert!(!in_colour(true, Some("1".as_ref())));
        assert!(!in_colour(false, None) && !in_colour(false, Some("".as_ref())));
    }
}

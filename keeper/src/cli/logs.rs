//! Where the log goes, how much of it, and how it looks.

use std::ffi::OsStr;
use std::io::IsTerminal;

use anyhow::Result;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::{Cli, Command, Exit, WithExit};
use crate::config::LogFormat;

/// Starts logging to stderr: the flag, then the config file, then `RUST_LOG`, then `info` for join and `warn` else. In
/// colour on a terminal, plain in a file. Of libp2p's own lines one a minute of each kind.
///
/// # Errors
/// When the filter cannot be read.
pub fn start_logs(cli: &Cli) -> Result<()> {
    let settings = cli.global.settings()?;
    let fallback = if matches!(cli.command, Command::Join(_)) { "info" } else { "warn" };
    let filter = settings.log_level.or_else(|| std::env::var("RUST_LOG").ok()).unwrap_or_else(|| fallback.to_owned());
    let parsed = tracing_subscriber::EnvFilter::try_new(&filter);
    let parsed = parsed.map_err(|error| {
        anyhow::anyhow!("the log filter {filter:?} (--log-level, `log_level` or RUST_LOG) is wrong: {error}")
    });
    let logs = tracing_subscriber::registry().with(parsed.exit(Exit::Usage)?).with(p2p::Quiet::default());
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match settings.log_format.unwrap_or_default() {
        LogFormat::Text => {
            let no_color = std::env::var_os("NO_COLOR");
            let colour = in_colour(std::io::stderr().is_terminal(), no_color.as_deref());
            logs.with(lines.with_ansi(colour)).init();
        }
        LogFormat::Json => logs.with(lines.json()).init(),
    }
    Ok(())
}

/// <https://no-color.org>: a variable that is set and not empty.
fn in_colour(is_terminal: bool, no_color: Option<&OsStr>) -> bool {
    is_terminal && no_color.is_none_or(OsStr::is_empty)
}

#[cfg(test)]
mod tests {
    use super::in_colour;

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        assert!(in_colour(true, None) && in_colour(true, Some("".as_ref())));
        assert!(!in_colour(true, Some("1".as_ref())));
        assert!(!in_colour(false, None) && !in_colour(false, Some("".as_ref())));
    }
}

//! `keeper peers`: every registered keeper, as its heartbeats show it to the keeper that is asked.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde_json::json;
use url::Url;

use super::asking::Asked;
use super::output::answer;
use super::{Exit, Global, WithExit};
use crate::heartbeat::{KeeperView, MeshView, State};
use crate::text::shown;

/// What stands above the columns.
const HEAD: [&str; 9] = ["row", "operator", "state", "heard", "head", "clock", "links", "version", "what is red"];

/// Flags of `keeper peers`.
#[derive(Debug, Clone, Default, Args)]
pub struct PeersArgs {
    /// API to ask [default: the one the data directory's keeper runs]
    #[arg(long, env = "KEEPER_API_URL", hide_env_values = true, value_name = "URL")]
    pub api_url: Option<Url>,
}

pub(super) async fn run(global: &Global, args: &PeersArgs) -> Result<Exit> {
    let asked = Asked::at(global, args.api_url.as_ref()).exit(Exit::NotReady)?;
    let mesh: MeshView = asked.read("/api/v1/mesh").await.exit(Exit::NotReady)?;
    answer(global, json!(mesh), &describe(&mesh));
    Ok(Exit::Success)
}

/// A row for each keeper, and what they come to.
pub(super) fn describe(mesh: &MeshView) -> String {
    let rows: Vec<[String; 9]> = mesh.keepers.iter().map(cells).collect();
    let mut text = table(&rows);
    let heard = mesh.count(State::Fine) + mesh.count(State::Failing);
    text.push_str(&format!("{heard} of {} keepers are heard", mesh.keepers.len()));
    if let Some(head) = mesh.median_head {
        text.push_str(&format!("; the others' median block is {head}"));
    }
    if let Some(ahead) = mesh.clock_ahead_ms {
        let side = if ahead < 0 { "behind" } else { "ahead of" };
        text.push_str(&format!("; this clock is {} ms {side} theirs", ahead.unsigned_abs()));
    }
    text.push('\n');
    text
}

fn cells(keeper: &KeeperView) -> [String; 9] {
    let none = || "-".to_owned();
    let state = match (keeper.state, keeper.stalled) {
        (State::Fine | State::Failing, true) => "stalled",
        (State::Fine, _) => "fine",
        (State::Failing, _) => "failing",
        (State::Late, _) => "late",
        (State::Silent, _) => "silent",
    };
    let heard = match keeper.heard_ms_ago {
        _ if keeper.own => "this one".to_owned(),
        Some(ago) => format!("{} ago", in_seconds(ago)),
        None => "never".to_owned(),
    };
    let head =
        if keeper.behind > 0 { format!("{} (-{})", keeper.head, keeper.behind) } else { keeper.head.to_string() };
    [
        keeper.index.map_or_else(none, |index| index.to_string()),
        shown(&keeper.operator),
        state.to_owned(),
        heard,
        head,
        keeper.clock_ahead_ms.map_or_else(none, |ahead| format!("{ahead:+} ms")),
        keeper.links.len().to_string(),
        if keeper.version.is_empty() { none() } else { shown(&keeper.version) },
        if keeper.failing.is_empty() { none() } else { shown(&keeper.failing.join(" ")) },
    ]
}

fn in_seconds(ms: u64) -> String {
    match Duration::from_millis(ms).as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

fn table(rows: &[[String; 9]]) -> String {
    let head = HEAD.map(str::to_owned);
    let mut widths = [0; 9];
    for row in [&head].into_iter().chain(rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; 9]| {
        let padded: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    [&head].into_iter().chain(rows).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_keeper_has_a_row_and_forged_words_stay_on_it() {
        let keeper =
            |operator: &str, state: State| KeeperView { operator: operator.to_owned(), state, ..KeeperView::default() };
        let mesh = MeshView {
            median_head: Some(12),
            clock_ahead_ms: Some(-40),
            keepers: vec![
                KeeperView { own: true, head: 12, index: Some(0), ..keeper("0xa", State::Fine) },
                KeeperView {
                    stalled: true,
                    head: 3,
                    behind: 9,
                    heard_ms_ago: Some(4_000),
                    ..keeper("0xb", State::Fine)
                },
                KeeperView { version: "\u{1b}[2J\nx".to_owned(), ..keeper("0xc", State::Silent) },
            ],
            ..MeshView::default()
        };
        let text = describe(&mesh);
        assert_eq!(text.lines().count(), 5, "{text}");
        assert!(!text.chars().any(|c| c != '\n' && crate::text::is_harmful(c)), "{text}");
        for words in
            ["this one", "stalled", "3 (-9)", "4 s ago", "never", "2 of 3 keepers", "block is 12", "40 ms behind"]
        {
            assert!(text.contains(words), "no {words:?} in {text}");
        }
    }
}

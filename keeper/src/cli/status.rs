//! `keeper status`: asks a running keeper's API.

use alloy::primitives::U256;
use alloy::primitives::utils::format_ether;
use anyhow::{Context, Result, ensure};
use clap::Args;
use url::Url;

use super::asking::{Asked, origin};
use super::output::{answer, rows};
use super::{Exit, Global, NodeFile, WithExit};
use crate::health::rules::Severity;
use crate::text::shown;
use crate::view::{Check, View};

/// Flags of `keeper status`.
#[derive(Debug, Clone, Default, Args)]
pub struct StatusArgs {
    /// API to ask [default: the one the data directory's keeper runs]
    #[arg(long, env = "KEEPER_API_URL", hide_env_values = true, value_name = "URL")]
    pub api_url: Option<Url>,
}

pub(super) async fn run(global: &Global, args: &StatusArgs) -> Result<Exit> {
    let asked = Asked::at(global, args.api_url.as_ref()).exit(Exit::NotReady)?;
    let document = asked.get("/v1/status").await.exit(Exit::NotReady)?;
    let view: View = serde_json::from_value(document.clone())
        .with_context(|| format!("{} answers, but not as a keeper does", origin(&asked.url)))
        .exit(Exit::NotReady)?;
    if let Some(node) = &asked.node {
        ours(node, &view).exit(Exit::NotReady)?;
    }
    answer(global, document, &describe(&view));
    Ok(if view.ready { Exit::Success } else { Exit::NotReady })
}

/// Whether the keeper that answers is the one of the data directory: another one may have got its port since it stopped.
pub(super) fn ours(node: &NodeFile, view: &View) -> Result<()> {
    // A keeper that has just started may not show its peer id yet, but it shows its operator.
    let (asked, found) = match view.peer_id.as_str() {
        "" => (&node.operator, &view.operator),
        _ => (&node.peer_id, &view.peer_id),
    };
    ensure!(
        asked == found,
        "the keeper of this data directory does not run: at {}, where it was, another one answers ({found}, not {asked}); \
         start it with `keeper join`, or name the other one's --datadir",
        node.api_addr
    );
    Ok(())
}

fn describe(view: &View) -> String {
    let place = view.epoch.index.map_or("not in the committee".to_owned(), |index| format!("row {index}"));
    let mut text = rows(&[
        ("ready", if view.ready { "yes" } else { "no" }.to_owned()),
        ("operator", view.operator.clone()),
        ("peer id", view.peer_id.clone()),
        ("network", format!("chain {}, domain {}", view.network.chain_id, view.network.domain)),
        ("head", format!("block {} at {}", view.head.number, view.head.timestamp)),
        ("epoch", format!("{} with {} keepers, {place}", view.epoch.number, view.epoch.size)),
        ("window", format!("{}, leader {}", view.window, or_dash(&view.leader))),
        ("peers", view.peers.to_string()),
        ("missed", missed(view)),
        ("wallet", wallet(view)),
    ]);
    for (name, check) in &view.checks {
        text.push_str(&shown(&line(name, check)));
        text.push('\n');
    }
    text
}

/// A check, and where it is red for how long and what to do.
fn line(name: &str, check: &Check) -> String {
    let word = match (check.ok, check.severity) {
        (true, _) => "ok  ",
        (false, Severity::Critical) => "FAIL",
        (false, Severity::Warning) => "WARN",
    };
    let help = if check.help.is_empty() { String::new() } else { format!(" [{}]", check.help) };
    let often = match check.consecutive_failures {
        0 | 1 => String::new(),
        times => format!(" ({times} times in a row)"),
    };
    format!("{word} {name}: {}{often}{help}", check.message)
}

pub(super) fn wallet(view: &View) -> String {
    let Some(wallet) = &view.wallet else { return "not read yet".to_owned() };
    let coin = wallet.balance_wei.parse::<U256>().map_or_else(|_| "?".to_owned(), format_ether);
    let lasts = match wallet.runway_seconds {
        Some(seconds) if seconds < 48 * 3_600 => format!("lasts {} hours", seconds / 3_600),
        Some(seconds) => format!("lasts {} days", seconds / (24 * 3_600)),
        None => "nothing spent lately".to_owned(),
    };
    format!("{coin} ether, {lasts}, {} settlements", wallet.settlements)
}

fn missed(view: &View) -> String {
    match view.missed.count {
        0 => "no run since the start".to_owned(),
        count => format!("{count} runs since the start; the newest: {}", view.missed.newest),
    }
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

#[cfg(test)]
mod tests;

//! `keeper status`: asks a running keeper's API.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use url::Url;

use super::output::{answer, rows};
use super::{Exit, Global, NodeFile, StatusArgs, WithExit};
use crate::text::shown;
use crate::view::View;

/// A keeper on the same machine answers within milliseconds.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Largest status document; committees and jobs are not in it.
const MAX_BYTES: usize = 1 << 20;

pub(super) async fn run(global: &Global, args: &StatusArgs) -> Result<Exit> {
    let (url, node) = match &args.api_url {
        Some(url) => (url.clone(), None),
        None => {
            let node = NodeFile::read(&global.paths()?)?;
            let url = format!("http://{}", node.api_addr).parse();
            (url.context("node.json names no usable API address").exit(Exit::NotReady)?, Some(node))
        }
    };
    let document = ask(&url).await.exit(Exit::NotReady)?;
    let view: View = serde_json::from_value(document.clone())
        .with_context(|| format!("{} answers, but not as a keeper does", origin(&url)))
        .exit(Exit::NotReady)?;
    if let Some(node) = &node {
        ours(node, &view).exit(Exit::NotReady)?;
    }
    answer(global, document, &describe(&view));
    Ok(if view.ready { Exit::Success } else { Exit::NotReady })
}

async fn ask(url: &Url) -> Result<Value> {
    let named = origin(url);
    let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build().context("no HTTP client")?;
    let route = url.join("/v1/status").with_context(|| format!("--api-url {named} cannot be extended by a route"))?;
    let mut response = client
        .get(route)
        .send()
        .await
        .map_err(reqwest::Error::without_url)
        .with_context(|| format!("no keeper answers at {named}: start one with `keeper join`, or pass --api-url"))?
        .error_for_status()
        .map_err(reqwest::Error::without_url)
        .with_context(|| format!("{named} does not answer as a keeper does"))?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.context("the answer broke off")? {
        ensure!(body.len() + chunk.len() <= MAX_BYTES, "{named} sends more than a keeper would");
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).with_context(|| format!("{named} does not answer with JSON"))
}

/// Whether the keeper that answers is the one of the data directory: another one may have got its port since it stopped.
fn ours(node: &NodeFile, view: &View) -> Result<()> {
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

/// What of a URL is shown: the rest of it may hold a password.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
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
    ]);
    for (name, check) in &view.checks {
        let line = format!("{} {name}: {}", if check.ok { "ok  " } else { "FAIL" }, check.message);
        text.push_str(&shown(&line));
        text.push('\n');
    }
    text
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

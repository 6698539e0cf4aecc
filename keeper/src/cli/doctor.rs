//! `keeper doctor`: everything that a keeper needs, looked at, whether it runs or not.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};
use url::Url;

use super::asking::Asked;
use super::output::answer;
use super::{Exit, Global};
use crate::config::Bootnode;
use crate::doctor::{Finding, Level, Subject, examine, read_settings};
use crate::heartbeat::MeshView;
use crate::keystore::write_private;
use crate::text::shown;
use crate::view::View;

/// Flags of `keeper doctor`.
#[derive(Debug, Clone, Default, Args)]
pub struct DoctorArgs {
    /// Write what was found to this file as well, to be shown to others: no key, password or path of a URL is in it
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Bootnode to try as well, as it is passed to join; repeat or separate by commas
    #[arg(
        long = "bootnode",
        env = "KEEPER_BOOTNODE",
        hide_env_values = true,
        value_name = "MULTIADDR",
        value_delimiter = ','
    )]
    pub bootnodes: Vec<Bootnode>,
    /// API of the keeper that runs [default: the one the data directory's keeper runs]
    #[arg(long, env = "KEEPER_API_URL", hide_env_values = true, value_name = "URL")]
    pub api_url: Option<Url>,
}

pub(super) async fn run(global: &Global, args: &DoctorArgs) -> Result<Exit> {
    let paths = global.paths()?;
    let config_file = global.config_file(&paths);
    let read = global.settings().map_err(|error| (error, global.flags()));
    let (mut subject, mut findings) = read_settings(read, config_file, paths, crate::driver::now().0);
    subject.settings.bootnodes.extend(args.bootnodes.iter().cloned());
    subject.running = running(global, args.api_url.as_ref(), &subject).await;
    findings.extend(examine(&subject).await);
    let worst = findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok);
    let document = document(&findings, worst);
    if let Some(path) = &args.report {
        let text = serde_json::to_vec_pretty(&document).context("the report could not be encoded")?;
        write_private(path, &text).with_context(|| format!("could not write --report {}", path.display()))?;
    }
    answer(global, document, &describe(&findings));
    Ok(if worst == Level::Fail { Exit::NotReady } else { Exit::Success })
}

/// What the keeper of this data directory shows, if it answers; another one on its port is not it.
async fn running(global: &Global, api_url: Option<&Url>, subject: &Subject) -> Option<(View, MeshView)> {
    let asked = Asked::at(global, api_url).ok()?;
    let view: View = asked.read("/v1/status").await.ok()?;
    if let Some(node) = &asked.node {
        super::status::ours(node, &view).ok()?;
    }
    let of_network = subject
        .network
        .as_ref()
        .is_none_or(|(_, network)| view.network.domain.is_empty() || view.network.domain == network.domain8());
    if !of_network {
        tracing::warn!("the keeper that answers is of another network than --network: it is left out");
        return None;
    }
    Some((view, asked.read("/api/v1/mesh").await.unwrap_or_default()))
}

fn document(findings: &[Finding], worst: Level) -> Value {
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "level": worst,
        "ok": count(Level::Ok),
        "warn": count(Level::Warn),
        "fail": count(Level::Fail),
        "checks": findings,
    })
}

fn describe(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or_default();
    let mut text = String::new();
    for Finding { check, level, found, fix } in findings {
        let word = match level {
            Level::Ok => "ok  ",
            Level::Warn => "WARN",
            Level::Fail => "FAIL",
        };
        text.push_str(&format!("{word} {check:width$}  {}\n", shown(found)));
        if !fix.is_empty() {
            text.push_str(&format!("     {:width$}  mend: {}\n", "", shown(fix)));
        }
    }
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    text.push_str(&format!(
        "{} fine, {} to look at, {} wrong\n",
        count(Level::Ok),
        count(Level::Warn),
        count(Level::Fail)
    ));
    text
}

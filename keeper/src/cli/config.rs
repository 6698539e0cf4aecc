//! `keeper config`: the settings that a keeper would run with, and where each comes from.

mod set;

use std::path::Path;

use anyhow::{Result, anyhow};
use clap::{Args, Subcommand};
use contracts::network::Network;
use serde_json::{Map, Value, json};

use super::origin::Origin;
use super::output::{answer, rows};
use super::{Exit, Global, NodeFlags, WithExit, is_missing};
use crate::config::{Config, KEYS, Settings, TEMPLATE, lines, read_capped};
use crate::keystore::Password;
use set::{SetArgs, UnsetArgs};

/// `keeper config ...`
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one, for as long as the program runs")]
pub enum ConfigCommand {
    /// Show every setting as `keeper join` with these flags would have it
    Show(ShowArgs),
    /// Read config file, network file and password file, and say whether a keeper could run with them
    Check(Box<NodeFlags>),
    /// Print a config file with every key, each at its default
    Default,
    /// Print where the config file is
    Path,
    /// Set a key of the config file; what else is in it stays as it is
    Set(SetArgs),
    /// Take a key out of the config file, so that its default holds
    Unset(UnsetArgs),
}

/// Flags of `keeper config show`.
#[derive(Debug, Clone, Args)]
pub struct ShowArgs {
    /// Say of each where it comes from: a flag, a variable, a line of a file, or the default
    #[arg(long)]
    origin: bool,
    #[command(flatten)]
    node: NodeFlags,
}

/// A setting: its key, its value, and where that stands (more than one place where they add up).
struct Row {
    key: &'static str,
    value: Value,
    origins: Vec<Origin>,
}

pub(super) fn run(global: &Global, command: ConfigCommand) -> Result<Exit> {
    match command {
        ConfigCommand::Show(args) => show(global, &args),
        ConfigCommand::Check(node) => check(global, &node),
        ConfigCommand::Default => {
            answer(global, json!({"template": TEMPLATE}), TEMPLATE);
            Ok(Exit::Success)
        }
        ConfigCommand::Set(args) => set::set(global, &args),
        ConfigCommand::Unset(args) => set::unset(global, &args),
        ConfigCommand::Path => {
            let file = global.config_file(&global.paths()?);
            answer(global, json!({"config": file, "exists": !is_missing(&file)}), &file.display().to_string());
            Ok(Exit::Success)
        }
    }
}

fn show(global: &Global, args: &ShowArgs) -> Result<Exit> {
    let file = global.config_file(&global.paths()?);
    let table = table(global, &args.node)?;
    let document = |row: &Row| {
        let origins: Vec<_> = row.origins.iter().map(Origin::document).collect();
        (row.key.to_owned(), json!({"value": row.value, "origin": origins}))
    };
    let settings: Map<String, Value> = table.iter().map(document).collect();
    let text: Vec<_> = table.iter().map(|row| (row.key, line(row, args.origin))).collect();
    answer(global, json!({"config": file, "settings": settings}), &rows(&text));
    Ok(Exit::Success)
}

fn line(row: &Row, with_origin: bool) -> String {
    let value = match &row.value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.is_empty() => "-".to_owned(),
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    let origins: Vec<_> = row.origins.iter().map(ToString::to_string).collect();
    if with_origin { format!("{value}  ({})", origins.join(", ")) } else { value }
}

/// All settings, in the order of [`KEYS`].
fn table(global: &Global, node: &NodeFlags) -> Result<Vec<Row>> {
    let paths = global.paths()?;
    let file = global.config_file(&paths);
    let settings = node.settings(global)?;
    let network = settings.network.as_deref().map(Network::load).transpose()?;
    let named = settings.network.clone();
    let merged = Settings { network: Some(named.clone().unwrap_or_default()), ..settings.clone() };
    let config = Config::merge(merged, &file, paths.cache())?;
    let values = values(&settings, &config, network.as_ref());
    let (filed, in_file) = (global.filed()?, placed(&file));
    let in_network = named.as_deref().map(placed).unwrap_or_default();
    let row = |(key, value): (&'static str, Value)| {
        let line = |places: &[(String, usize)]| places.iter().find(|(name, _)| name == key).map(|(_, line)| *line);
        let of_file = || line(&in_file).filter(|_| says(&filed, key)).map(|line| Origin::Config(file.clone(), line));
        let own = global.given.origin(key).or_else(of_file).or_else(|| elsewhere(&settings, key));
        let of_network = named.clone().zip(line(&in_network)).map(|(file, line)| Origin::Network(file, line));
        let mut origins: Vec<_> = own.into_iter().collect();
        // Bootnodes of the network file come in addition; RPC nodes give way.
        origins
            .extend(of_network.filter(|_| key == "bootnodes" || (key == "rpc_urls" && settings.rpc_urls.is_empty())));
        if origins.is_empty() {
            origins.push(Origin::Default);
        }
        Row { key, value, origins }
    };
    Ok(values.into_iter().map(row).collect())
}

fn placed(file: &Path) -> Vec<(String, usize)> {
    read_capped(file).map(|text| lines(&text)).unwrap_or_default()
}

/// Whether settings say something about a key: an empty list leaves it to the next source.
fn says(settings: &Settings, key: &str) -> bool {
    let Settings { rpc_urls, bootnodes, sentries, listen, external_addrs, .. } = settings;
    match key {
        "rpc_urls" => !rpc_urls.is_empty(),
        "bootnodes" => !bootnodes.is_empty(),
        "sentries" => !sentries.is_empty(),
        "listen" => !listen.is_empty(),
        "external_addrs" => !external_addrs.is_empty(),
        _ => true,
    }
}

/// What is read from a variable of other programs where nothing of ours says anything.
fn elsewhere(settings: &Settings, key: &str) -> Option<Origin> {
    match key {
        "log_level" if settings.log_level.is_none() => {
            std::env::var_os("RUST_LOG").map(|_| Origin::Environment("RUST_LOG"))
        }
        "password_file" if settings.password_file.is_none() => {
            Password::credential().map(|_| Origin::Environment("CREDENTIALS_DIRECTORY"))
        }
        _ => None,
    }
}

fn values(settings: &Settings, config: &Config, network: Option<&Network>) -> Vec<(&'static str, Value)> {
    let texts = |values: &[p2p::Multiaddr]| json!(values.iter().map(ToString::to_string).collect::<Vec<_>>());
    // Of a URL no more than its origin: the rest of it may hold a key.
    let own: Vec<_> = config.rpc_urls.iter().map(ToString::to_string).collect();
    let nodes = if own.is_empty() { network.map(|network| network.rpc_urls.clone()).unwrap_or_default() } else { own };
    let mut bootnodes: Vec<_> = config.bootnodes.iter().map(ToString::to_string).collect();
    bootnodes.extend(network.into_iter().flat_map(|network| network.bootnodes.clone()));
    bootnodes.dedup();
    let value = |key: &str| match key {
        "network" => json!(settings.network),
        "rpc_urls" => json!(nodes.iter().map(|url| contracts::url::origin(url)).collect::<Vec<_>>()),
        "bootnodes" => json!(bootnodes),
        "sentries" => json!(config.sentries.iter().map(ToString::to_string).collect::<Vec<_>>()),
        "listen" => texts(&config.listen),
        "external_addrs" => texts(&config.external_addrs),
        "max_peers" => json!(config.max_peers),
        "api_addr" => json!(config.api_addr),
        "metrics_addr" => json!(config.metrics_addr),
        "password_file" => json!(config.password_file.clone().or_else(Password::credential)),
        "cache_dir" => json!(config.cache_dir),
        "challenge" => json!(config.challenge),
        "region" => json!(config.region),
        "min_balance" => json!(settings.min_balance),
        "alert_webhook" => json!(settings.alert_webhook.as_ref().map(|url| contracts::url::origin(url.as_str()))),
        "log_level" => json!(settings.log_level.clone().or_else(|| std::env::var("RUST_LOG").ok())),
        "log_format" => json!(settings.log_format.unwrap_or_default()),
        _ => json!(settings.log_dir),
    };
    KEYS.iter().map(|key| (key.name, value(key.name))).collect()
}

fn check(global: &Global, node: &NodeFlags) -> Result<Exit> {
    let config = node.config(global)?;
    let network = Network::load(&config.network)?;
    for bootnode in &network.bootnodes {
        p2p::parse_bootnode(bootnode)?;
    }
    if config.api_addr == config.metrics_addr && config.api_addr.port() != 0 {
        let address = config.api_addr;
        let error = anyhow!("api_addr and metrics_addr are both {address}: give one of them another port");
        return Err(error).exit(Exit::Usage);
    }
    if let Some(file) = config.password_file.or_else(Password::credential) {
        Password::from_file(&file)?;
    }
    let file = global.config_file(&global.paths()?);
    let found = if is_missing(&file) { "not there, and not needed" } else { "fine" };
    let text = rows(&[
        ("config file", format!("{}: {found}", file.display())),
        ("network file", format!("{}: fine, chain {}", config.network.display(), network.chain_id)),
    ]);
    answer(global, json!({"ok": true, "config": file, "network": config.network, "chain_id": network.chain_id}), &text);
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests;

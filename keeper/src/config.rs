//! The settings of a keeper: flag, then environment, then `config.toml`, then the network file, then the built-in default.
//! [`KEYS`] has a row for each.
//!
//! Flags and environment arrive together (clap reads `KEEPER_*` for every flag), as [`Settings`] of the command line;
//! the file is [`Settings`] too. [`Config::merge`] puts the two together, once.

mod alerts;
pub(crate) mod edit;
mod keys;
mod peers;
pub(crate) mod presets;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use alloy::primitives::U256;
use contracts::network;
use p2p::{Multiaddr, PeerId};
use serde::Deserialize;
use url::Url;

pub use alerts::{Coin, webhook};
pub use keys::{KEYS, Key};
pub(crate) use keys::{lines, nearest};
pub use peers::{Bootnode, Sentry};

/// Port for peers.
pub const P2P_PORT: u16 = 7419;
/// Port of the API.
pub const API_PORT: u16 = 7420;
/// Port of the metrics.
pub const METRICS_PORT: u16 = 7421;
/// Largest file read as configuration, in bytes.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// What `keeper init` writes: every key, commented out, with its default.
pub const TEMPLATE: &str = include_str!("config/template.toml");

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("could not read the config file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is not a configuration.
    #[error("the config file {path} is wrong: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and what, from the TOML reader.
        reason: String,
    },
    /// A network that is named, and not known.
    #[error(
        "there is no network called \"{name}\": {known} in {folders}; put its network.toml into one of them as {name}.toml, or pass \
         --network the path of the file"
    )]
    NoPreset {
        /// Its name.
        name: String,
        /// Which there are, in words.
        known: String,
        /// Where it was looked for.
        folders: String,
    },
    /// Something that must be set is not.
    #[error("{what} is not set: pass {flag} (or {env}), or put `{key} = ...` into {path}")]
    Unset {
        /// What it is.
        what: &'static str,
        /// Its flag.
        flag: &'static str,
        /// Its variable.
        env: &'static str,
        /// Its key in the file.
        key: &'static str,
        /// The file.
        path: PathBuf,
    },
}

/// Settings from one source; what is `None` or empty there is left to the next source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The network file, written by the deployer.
    pub network: Option<PathBuf>,
    /// RPC nodes, used in place of the network file's.
    #[serde(deserialize_with = "urls")]
    pub rpc_urls: Vec<Url>,
    /// Where to find the mesh, in addition to the network file's.
    pub bootnodes: Vec<Bootnode>,
    /// Peers that may connect besides registered operators and bootnodes.
    pub sentries: Vec<Sentry>,
    /// Addresses to listen on for peers.
    pub listen: Vec<Multiaddr>,
    /// Addresses to tell peers in addition to those.
    pub external_addrs: Vec<Multiaddr>,
    /// Most peers to look for.
    pub max_peers: Option<usize>,
    /// Where the API listens.
    pub api_addr: Option<SocketAddr>,
    /// Where the metrics listen.
    pub metrics_addr: Option<SocketAddr>,
    /// File with the password of the keystores.
    pub password_file: Option<PathBuf>,
    /// Directory for job code, in place of the data directory's.
    pub cache_dir: Option<PathBuf>,
    /// Whether to prove misbehaviour of other keepers on chain.
    pub challenge: Option<bool>,
    /// Where its operator says that the keeper is, shown to the whole mesh.
    pub region: Option<String>,
    /// Coin below which the wallet is low, and the check `gas` red.
    pub min_balance: Option<Coin>,
    /// Where a change of any check is told, by POST.
    #[serde(deserialize_with = "alerts::url")]
    pub alert_webhook: Option<Url>,
    /// Log filter: `info`, or `warn,keeper=debug`.
    pub log_level: Option<String>,
    /// How logs look.
    pub log_format: Option<LogFormat>,
    /// Directory in which the log is kept besides.
    pub log_dir: Option<PathBuf>,
}

/// How logs look on stderr.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// A JSON object per line.
    Json,
}

impl Settings {
    /// Reads a config file; one that is not there is an empty one, unless it was asked for by name (`required`).
    /// Relative paths in it start at its directory.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Malformed`]: unknown keys are errors, with line and key.
    pub fn load(path: &Path, required: bool) -> Result<Self, Error> {
        let text = match read_capped(path) {
            Ok(text) => text,
            Err(error) if is_absent(&error) && !required => return Ok(Self::default()),
            Err(source) => return Err(Error::Io { path: path.to_owned(), source }),
        };
        Self::parse(&text, path)
    }

    /// Reads the text of a config file; `path` is where it stands, or is to stand.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let malformed = |reason| Error::Malformed { path: path.to_owned(), reason };
        if let Some(reason) = keys::unknown(text) {
            return Err(malformed(reason));
        }
        let mut settings: Self = toml::from_str(text).map_err(|error| malformed(network::reason(&error, text)))?;
        let directory = path.parent().unwrap_or(Path::new("."));
        let Self { network, password_file, cache_dir, log_dir, .. } = &mut settings;
        let network = network.as_mut().filter(|network| presets::name(network, directory).is_none());
        for file in network.into_iter().chain([password_file, cache_dir, log_dir].into_iter().flatten()) {
            *file = directory.join(&*file);
        }
        Ok(settings)
    }

    /// These settings, and where they say nothing, those of `next`.
    #[must_use]
    pub fn or(self, next: Self) -> Self {
        fn either<T>(first: Vec<T>, next: Vec<T>) -> Vec<T> {
            if first.is_empty() { next } else { first }
        }
        Self {
            network: self.network.or(next.network),
            rpc_urls: either(self.rpc_urls, next.rpc_urls),
            bootnodes: either(self.bootnodes, next.bootnodes),
            sentries: either(self.sentries, next.sentries),
            listen: either(self.listen, next.listen),
            external_addrs: either(self.external_addrs, next.external_addrs),
            max_peers: self.max_peers.or(next.max_peers),
            api_addr: self.api_addr.or(next.api_addr),
            metrics_addr: self.metrics_addr.or(next.metrics_addr),
            password_file: self.password_file.or(next.password_file),
            cache_dir: self.cache_dir.or(next.cache_dir),
            challenge: self.challenge.or(next.challenge),
            region: self.region.or(next.region),
            min_balance: self.min_balance.or(next.min_balance),
            alert_webhook: self.alert_webhook.or(next.alert_webhook),
            log_level: self.log_level.or(next.log_level),
            log_format: self.log_format.or(next.log_format),
            log_dir: self.log_dir.or(next.log_dir),
        }
    }

    /// The network file, or an error that says how to name one.
    ///
    /// # Errors
    /// [`Error::Unset`].
    pub fn network(&self, config_file: &Path) -> Result<&Path, Error> {
        self.network.as_deref().ok_or_else(|| Error::Unset {
            what: "the network file",
            flag: "--network FILE",
            env: "KEEPER_NETWORK",
            key: "network",
            path: config_file.to_owned(),
        })
    }
}

/// What `keeper join` runs with: every setting settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The network file.
    pub network: PathBuf,
    /// RPC nodes to use in place of the network file's; empty: use the network file's.
    pub rpc_urls: Vec<Url>,
    /// Bootnodes in addition to the network file's.
    pub bootnodes: Vec<Multiaddr>,
    /// Peers that may connect besides registered operators and bootnodes.
    pub sentries: Vec<PeerId>,
    /// Addresses to listen on for peers.
    pub listen: Vec<Multiaddr>,
    /// Addresses to tell peers in addition.
    pub external_addrs: Vec<Multiaddr>,
    /// Most peers to look for.
    pub max_peers: usize,
    /// Where the API listens.
    pub api_addr: SocketAddr,
    /// Where the metrics listen.
    pub metrics_addr: SocketAddr,
    /// File with the password; `None`: ask on the terminal.
    pub password_file: Option<PathBuf>,
    /// Directory for job code.
    pub cache_dir: PathBuf,
    /// Whether to prove misbehaviour of other keepers on chain.
    pub challenge: bool,
    /// Where its operator says that the keeper is: printable ASCII, [`REGION_MAX`] at most; may be empty.
    pub region: String,
    /// Wei below which the wallet is low.
    pub min_balance: Option<U256>,
    /// Where changes of checks are told.
    pub alert_webhook: Option<Url>,
}

impl Config {
    /// Fills in the defaults. `config_file` is for messages, `cache` the data directory's cache.
    ///
    /// # Errors
    /// [`Error::Unset`] without a network file.
    pub fn merge(settings: Settings, config_file: &Path, cache: &Path) -> Result<Self, Error> {
        let network = settings.network(config_file)?.to_owned();
        let everywhere = p2p::Config::default().listen;
        Ok(Self {
            network,
            rpc_urls: settings.rpc_urls,
            bootnodes: settings.bootnodes.into_iter().map(|bootnode| bootnode.0).collect(),
            sentries: settings.sentries.into_iter().map(|sentry| sentry.0).collect(),
            listen: if settings.listen.is_empty() { everywhere } else { settings.listen },
            external_addrs: settings.external_addrs,
            max_peers: settings.max_peers.unwrap_or(p2p::Config::default().max_peers),
            api_addr: settings.api_addr.unwrap_or((Ipv4Addr::LOCALHOST, API_PORT).into()),
            metrics_addr: settings.metrics_addr.unwrap_or((Ipv4Addr::LOCALHOST, METRICS_PORT).into()),
            password_file: settings.password_file,
            cache_dir: settings.cache_dir.unwrap_or_else(|| cache.to_owned()),
            challenge: settings.challenge.unwrap_or(true),
            region: label(settings.region.as_deref().unwrap_or_default()),
            min_balance: settings.min_balance.map(|coin| coin.0),
            alert_webhook: settings.alert_webhook,
        })
    }
}

/// A file below something that is no directory is not there either: what is wrong with that is said by whoever needs it.
fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

/// Longest region, in bytes.
pub const REGION_MAX: usize = 32;

/// A region as it may be told: what is over or not printable is left out, and said.
fn label(text: &str) -> String {
    let told: String = text.chars().filter(|c| *c == ' ' || c.is_ascii_graphic()).take(REGION_MAX).collect();
    if told != text {
        tracing::warn!(told, "the region is cut to printable ASCII of 32 characters");
    }
    told
}

/// URLs that are wrong are named by their place: they may hold a key.
fn urls<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Url>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let url = |(index, text): (usize, &String)| {
        let wrong =
            |error| serde::de::Error::custom(format!("`rpc_urls` holds no URL in place {}: {error}", index + 1));
        text.parse().map_err(wrong)
    };
    texts.iter().enumerate().map(url).collect()
}

/// The text of a small file, whatever encoding an editor left it in.
pub(crate) fn read_capped(path: &Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(std::io::Error::other(format!("it is larger than {MAX_FILE_BYTES} bytes")));
    }
    crate::text::decode(&bytes).map_err(std::io::Error::other)
}

#[cfg(test)]
mod tests;

//! The flags that every verb takes, and what follows from them.

use std::path::PathBuf;

use anyhow::Result;
use clap::{ArgAction, Args};
use contracts::network::Network;
use url::Url;

use super::origin::Given;
use crate::config::{LogFormat, Settings, presets};
use crate::keystore::{Password, is_local};
use crate::paths::Paths;

/// Flags of every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Directory for everything this keeper keeps [default: the user's XDG directories]
    #[arg(long, global = true, env = "KEEPER_DATADIR", hide_env_values = true, value_name = "DIR")]
    pub datadir: Option<PathBuf>,
    /// Config file [default: config.toml in the data directory]
    #[arg(long, global = true, env = "KEEPER_CONFIG", hide_env_values = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Network file, written by the deployer, or the name of a network
    #[arg(long, global = true, env = "KEEPER_NETWORK", hide_env_values = true, value_name = "FILE|NAME")]
    pub network: Option<PathBuf>,
    /// RPC node, in place of the network file's; repeat for fallbacks
    #[arg(
        long = "rpc-url",
        visible_alias = "rpc",
        global = true,
        env = "KEEPER_RPC_URL",
        hide_env_values = true,
        value_name = "URL",
        value_delimiter = ','
    )]
    pub rpc_urls: Vec<Url>,
    /// File whose first line is the password of the keystores
    #[arg(long, global = true, env = "KEEPER_PASSWORD_FILE", hide_env_values = true, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Print one JSON document instead of text
    #[arg(long, global = true, action = ArgAction::SetTrue)]
    pub json: bool,
    /// Log filter, such as `info` or `warn,keeper=debug` [default: info for join, else warn]
    #[arg(long, global = true, env = "KEEPER_LOG_LEVEL", hide_env_values = true, value_name = "FILTER")]
    pub log_level: Option<String>,
    /// How logs look
    #[arg(long, global = true, env = "KEEPER_LOG_FORMAT", hide_env_values = true, value_enum)]
    pub log_format: Option<LogFormat>,
    /// Directory in which `join` keeps its log besides, a file a day; `keeper logs` reads it
    #[arg(long, global = true, env = "KEEPER_LOG_DIR", hide_env_values = true, value_name = "DIR")]
    pub log_dir: Option<PathBuf>,
    /// Which settings came from where.
    #[arg(skip)]
    pub given: Given,
}

impl Global {
    /// The files of this keeper.
    ///
    /// # Errors
    /// Without `--datadir` and home directory.
    pub fn paths(&self) -> Result<Paths> {
        Ok(Paths::resolve(self.datadir.as_deref())?)
    }

    /// The config file that is read.
    #[must_use]
    pub fn config_file(&self, paths: &Paths) -> PathBuf {
        self.config.clone().unwrap_or_else(|| paths.config().to_owned())
    }

    /// Flags and environment, then the config file.
    ///
    /// # Errors
    /// When the config file cannot be read or holds unknown keys, or the network is named and not known.
    pub fn settings(&self) -> Result<Settings> {
        let mut settings = self.flags().or(self.filed()?);
        if let Some(named) = settings.network.take() {
            settings.network = Some(presets::resolve(named, &self.config_file(&self.paths()?))?);
        }
        Ok(settings)
    }

    /// What the config file says.
    ///
    /// # Errors
    /// As [`Self::settings`].
    pub fn filed(&self) -> Result<Settings> {
        Ok(Settings::load(&self.config_file(&self.paths()?), self.config.is_some())?)
    }

    /// The password of the keystores: from a file, on a local chain from the environment, or asked for (twice if it is
    /// `new`).
    ///
    /// # Errors
    /// There is none to be had, or one lies where others can read it.
    pub fn password(&self, settings: &Settings, new: bool) -> Result<Password> {
        let chain =
            settings.network.as_deref().and_then(|file| Network::load(file).ok()).map(|network| network.chain_id);
        Ok(Password::obtain(settings.password_file.as_deref(), chain.is_some_and(is_local), new)?)
    }

    /// Flags and environment alone.
    #[must_use]
    pub fn flags(&self) -> Settings {
        Settings {
            network: self.network.clone(),
            rpc_urls: self.rpc_urls.clone(),
            password_file: self.password_file.clone(),
            log_level: self.log_level.clone(),
            log_format: self.log_format,
            log_dir: self.log_dir.clone(),
            ..Settings::default()
        }
    }
}

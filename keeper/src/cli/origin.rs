//! Where each setting comes from: a flag, a variable, a line of a file, or nowhere, which is the default.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clap::parser::ValueSource;
use serde_json::{Value, json};

use crate::config::{KEYS, Key};

/// The settings that flags and variables give.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given(BTreeMap<&'static str, Origin>);

/// Where a setting's value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// On the command line.
    Flag(&'static str),
    /// In the environment.
    Environment(&'static str),
    /// In the config file.
    Config(PathBuf, usize),
    /// In the network file.
    Network(PathBuf, usize),
    /// Nowhere.
    Default,
}

impl Given {
    /// What a command line and its environment give, of all verbs it went through.
    #[must_use]
    pub fn of(matches: &ArgMatches) -> Self {
        let mut given = BTreeMap::new();
        let mut level = Some(matches);
        while let Some(matches) = level {
            for key in KEYS {
                given.extend(origin(matches, &key).map(|origin| (key.name, origin)));
            }
            level = matches.subcommand().map(|(_, below)| below);
        }
        Self(given)
    }

    /// Where a key's value stands, if a flag or a variable gives it.
    pub(super) fn origin(&self, key: &str) -> Option<Origin> {
        self.0.get(key).cloned()
    }
}

fn origin(matches: &ArgMatches, key: &Key) -> Option<Origin> {
    let source = |name: &str| matches.try_contains_id(name).ok().and_then(|_| matches.value_source(name));
    // The one setting with two flags.
    if key.name == "challenge" && source("no_challenge") == Some(ValueSource::CommandLine) {
        return Some(Origin::Flag("--no-challenge"));
    }
    match source(key.name)? {
        ValueSource::CommandLine => Some(Origin::Flag(key.flag)),
        ValueSource::EnvVariable => Some(Origin::Environment(key.env)),
        _ => None,
    }
}

impl Origin {
    /// As a document.
    pub(super) fn document(&self) -> Value {
        let (source, name, line) = match self {
            Self::Flag(flag) => ("flag", Some((*flag).to_owned()), None),
            Self::Environment(variable) => ("environment", Some((*variable).to_owned()), None),
            Self::Config(file, line) => ("config", Some(shown(file)), Some(*line)),
            Self::Network(file, line) => ("network", Some(shown(file)), Some(*line)),
            Self::Default => ("default", None, None),
        };
        json!({"source": source, "name": name, "line": line})
    }
}

fn shown(file: &Path) -> String {
    file.display().to_string()
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Environment(variable) => write!(f, "variable {variable}"),
            Self::Config(file, line) | Self::Network(file, line) => write!(f, "{}:{line}", file.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

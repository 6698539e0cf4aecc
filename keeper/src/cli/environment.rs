//! Variables that look like ours and are none: a misspelt one would be left out without a word.

use std::collections::BTreeSet;

use clap::{Command, CommandFactory};

use super::Cli;
use crate::config::nearest;

/// What all variables of this program begin with.
const PREFIX: &str = "KEEPER_";
/// Read by none of the flags.
const OTHERS: [&str; 1] = ["KEEPER_PASSWORD"];

/// Says of each variable that is much like one of ours which one may have been meant.
pub(super) fn warn_of_misspelt() {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for (name, meant) in misspelt(names) {
        tracing::warn!("the variable {name} is not read: did you mean {meant}?");
    }
}

fn misspelt(names: impl Iterator<Item = String>) -> Vec<(String, String)> {
    let mut known: BTreeSet<String> = OTHERS.map(str::to_owned).into();
    gather(&Cli::command(), &mut known);
    let unknown = names.filter(|name| name.starts_with(PREFIX) && !known.contains(name));
    let own = |name: &str| name.strip_prefix(PREFIX).unwrap_or_default().to_owned();
    let meant = |name: &String| {
        let endings: Vec<_> = known.iter().map(|known| own(known)).collect();
        nearest(&own(name), endings.iter().map(String::as_str)).map(|ending| format!("{PREFIX}{ending}"))
    };
    unknown.filter_map(|name| Some((name.clone(), meant(&name)?))).collect()
}

fn gather(command: &Command, known: &mut BTreeSet<String>) {
    known.extend(command.get_arguments().filter_map(|flag| Some(flag.get_env()?.to_string_lossy().into_owned())));
    command.get_subcommands().for_each(|below| gather(below, known));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_variable_is_told_and_others_are_let_be() {
        let names = ["KEEPER_BOOTNODES", "KEEPER_BOOTNODE", "KEEPER_PASSWORD", "KEEPER_UID", "PATH", "KEEPER_LOGLEVEL"];
        let found = misspelt(names.into_iter().map(str::to_owned));
        let found: Vec<_> = found.iter().map(|(name, meant)| (name.as_str(), meant.as_str())).collect();
        assert_eq!(found, [("KEEPER_BOOTNODES", "KEEPER_BOOTNODE"), ("KEEPER_LOGLEVEL", "KEEPER_LOG_LEVEL")]);
    }
}

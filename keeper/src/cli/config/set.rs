//! `keeper config set` and `unset`: a change of the config file that is not made if no keeper could read it afterwards.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clap::Args;
use serde_json::json;

use crate::cli::output::answer;
use crate::cli::{Exit, Global, WithExit, is_missing};
use crate::config::{self, KEYS, Key, Settings, TEMPLATE, edit, nearest, read_capped};
use crate::keystore::write_private;

/// What `keeper config set` takes.
#[derive(Debug, Clone, Args)]
pub struct SetArgs {
    /// Key of the config file, as `keeper config default` shows them
    key: String,
    /// Its value; of a list each, one after the other or with commas
    #[arg(required = true)]
    values: Vec<String>,
}

/// What `keeper config unset` takes.
#[derive(Debug, Clone, Args)]
pub struct UnsetArgs {
    /// Key of the config file
    key: String,
}

pub(super) fn set(global: &Global, args: &SetArgs) -> Result<Exit> {
    let key = known(&args.key)?;
    let is_list = key.kind.starts_with("list");
    if !is_list && args.values.len() > 1 {
        let error = anyhow!(
            "{} takes one value, and {} were given: put one with spaces in quotes",
            key.name,
            args.values.len()
        );
        return Err(error).exit(Exit::Usage);
    }
    let values = args.values.iter().map(|value| placed(key, value)).collect::<Result<Vec<_>>>()?;
    let file = global.config_file(&global.paths()?);
    let text = if is_missing(&file) { TEMPLATE.to_owned() } else { read(&file)? };
    write(&file, &edit::set(&text, key, &values))?;
    tell(global, &file, key, "is set")
}

pub(super) fn unset(global: &Global, args: &UnsetArgs) -> Result<Exit> {
    let key = known(&args.key)?;
    let file = global.config_file(&global.paths()?);
    let text = if is_missing(&file) { String::new() } else { read(&file)? };
    match edit::unset(&text, key.name) {
        Some(changed) => {
            write(&file, &changed)?;
            tell(global, &file, key, "is not set any more")
        }
        None => tell(global, &file, key, "was not set"),
    }
}

fn known(name: &str) -> Result<&'static Key> {
    KEYS.iter().find(|key| key.name == name).map_or_else(
        || {
            let hint = match nearest(name, KEYS.iter().map(|key| key.name)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "`keeper config default` shows all keys".to_owned(),
            };
            Err(anyhow!("there is no key `{}`; {hint}", crate::text::shown(name))).exit(Exit::Usage)
        },
        Ok,
    )
}

/// A path is one from here; in the file it would start at the file's own directory.
fn placed(key: &Key, value: &str) -> Result<String> {
    let is_path = ["file", "directory"].iter().any(|kind| key.kind.starts_with(kind));
    let is_name = key.name == "network" && !value.contains(['/', '.']);
    if !is_path || is_name {
        return Ok(value.to_owned());
    }
    let path: PathBuf = std::path::absolute(value).with_context(|| format!("{value:?} is no path"))?;
    Ok(path.display().to_string())
}

fn read(file: &Path) -> Result<String> {
    let text = read_capped(file).map_err(|source| config::Error::Io { path: file.to_owned(), source })?;
    // A file that is wrong already is not made better by one more line.
    Settings::parse(&text, file)?;
    Ok(text)
}

fn write(file: &Path, text: &str) -> Result<()> {
    Settings::parse(text, file).context("nothing was changed: with that no keeper could read its config file")?;
    if let Some(directory) = file.parent() {
        std::fs::create_dir_all(directory).with_context(|| format!("could not create {}", directory.display()))?;
    }
    Ok(write_private(file, text.as_bytes())?)
}

/// Without the value: it may hold a secret.
fn tell(global: &Global, file: &Path, key: &Key, what: &str) -> Result<Exit> {
    let given = global.given.origin(key.name).map(|origin| format!("; {origin} wins over it here")).unwrap_or_default();
    let text = format!(
        "{} {what} in {}{given}; a keeper that runs takes it up when it starts again\n",
        key.name,
        file.display()
    );
    answer(global, json!({"config": file, "key": key.name, "what": what}), &text);
    Ok(Exit::Success)
}

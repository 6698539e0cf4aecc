//! A TOML file as flags.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use clap::error::{ContextKind, ErrorKind};
use clap::{Arg, ArgAction, Command, ValueHint};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Word, beside, said};
use crate::cli::{Exit, WithExit};
use crate::config::read_capped;

/// What a file says for these flags; `idle`: others that it may have besides.
pub(super) fn read(path: &Path, flags: &Command, idle: &[&str]) -> Result<Vec<Word>> {
    let text = read_capped(path).or_else(|error| {
        let is_missing = error.kind() == std::io::ErrorKind::NotFound;
        let named = Err(error).context(format!("could not read {} (named by --file)", path.display()));
        named.exit(if is_missing { Exit::NotFound } else { Exit::Usage })
    })?;
    words(&text, path, flags, idle).exit(Exit::Usage)
}

pub(super) fn words(text: &str, path: &Path, flags: &Command, idle: &[&str]) -> Result<Vec<Word>> {
    let shown = path.display();
    let table = DeTable::parse(text).map_err(|error| anyhow!("{shown} is no TOML: {error}"))?;
    let mut entries: Vec<_> = table.into_inner().into_iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let mut words: Vec<Word> = Vec::new();
    for (key, value) in entries {
        let line = text.get(..key.span().start).unwrap_or_default().matches('\n').count() + 1;
        let at = |why: anyhow::Error| anyhow!("{shown}, line {line}, {}: {why:#}", key.get_ref());
        let name = key.get_ref().replace('_', "-");
        if idle.contains(&name.as_str()) {
            continue;
        }
        let word = word(&name, &value, path, flags).map_err(at)?;
        if words.iter().any(|word| word.flag == name) {
            return Err(at(anyhow!("it is there twice")));
        }
        words.extend(word);
    }
    Ok(words)
}

/// What a key says; nothing for a switch that is off.
fn word(name: &str, value: &Spanned<DeValue<'_>>, path: &Path, flags: &Command) -> Result<Option<Word>> {
    let Some(flag) = flags.get_arguments().find(|flag| flag.get_long() == Some(name)) else {
        return Err(unknown(name, flags));
    };
    let takes_several = matches!(flag.get_action(), ArgAction::Append);
    let values = match value.get_ref() {
        DeValue::Boolean(on) if !flag.get_action().takes_values() => {
            return Ok(on.then(|| Word { flag: name.to_owned(), values: Vec::new() }));
        }
        DeValue::Array(values) if takes_several => values.iter().map(Spanned::get_ref).collect(),
        DeValue::Array(_) => return Err(anyhow!("it takes one value, not a list of them")),
        one => vec![one],
    };
    let values = values.into_iter().map(|value| text_of(value, flag, path)).collect::<Result<_>>()?;
    let word = Word { flag: name.to_owned(), values };
    // Each by itself: what is wrong then is wrong with this one.
    match flags.clone().try_get_matches_from(word.line()) {
        Err(error) => Err(anyhow!("{}", wrong(&error))),
        Ok(_) => Ok(Some(word)),
    }
}

/// A value as it is typed.
fn text_of(value: &DeValue<'_>, flag: &Arg, path: &Path) -> Result<OsString> {
    let text = match value {
        DeValue::String(text) => text.as_ref().to_owned(),
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Datetime(moment) => moment.to_string(),
        other => return Err(anyhow!("a flag takes no {}: write its value in quotes", other.type_str())),
    };
    Ok(match (flag.get_value_hint(), text.strip_prefix('@')) {
        // Bytes, which may be those of a file.
        (ValueHint::FilePath, Some(named)) => {
            let mut at = OsString::from("@");
            at.push(beside(path, named));
            at
        }
        (ValueHint::AnyPath, _) => beside(path, &text),
        _ => text.into(),
    })
}

fn unknown(name: &str, flags: &Command) -> anyhow::Error {
    let asked = flags.clone().try_get_matches_from([format!("--{name}=1")]).err();
    let nearest = asked.and_then(|error| error.get(ContextKind::SuggestedArg).map(ToString::to_string));
    match nearest {
        Some(flag) => {
            let key = flag.trim_start_matches('-').split(['=', ' ']).next().unwrap_or_default().replace('-', "_");
            anyhow!("there is no such key; did you mean {key}?")
        }
        None => anyhow!("there is no such key: they are named as the flags, see --help"),
    }
}

/// What is wrong with a single value: the words of whoever reads it, where there are any.
fn wrong(error: &clap::Error) -> String {
    let possible = error.get(ContextKind::ValidValue).filter(|_| error.kind() == ErrorKind::InvalidValue);
    match (std::error::Error::source(error), possible) {
        (Some(why), _) => why.to_string(),
        (None, Some(values)) => format!("it is one of {values}"),
        (None, None) => said(error),
    }
}

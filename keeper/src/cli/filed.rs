//! Flags that a TOML file may give too, such as `job.toml`: a key for each, named as the flag, with `_` or `-` between words.
//!
//! ```text
//!  command line ──► over the file ──► over what holds already ──► one line of flags, read by clap as if it had been typed
//! ```
//!
//! What is given above takes the place of the same flag below, and of those that it cannot be given with. So what may be said,
//! what it means and what is wrong with it is said where flags are: a new flag is a new key, and nothing here knows any of them.

mod file;

use std::ffi::OsString;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, value_parser};

use super::{Exit, WithExit};

/// The flags of `T`, on the command line or in the file that `--file` names. None of them is needed before both are read.
#[derive(Debug, Clone)]
pub(super) struct Filed<T> {
    typed: Vec<Word>,
    file: Option<PathBuf>,
    flags: PhantomData<fn() -> T>,
}

/// A flag and what is given for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Its long name, without dashes.
    flag: String,
    /// One for each time it is given; none where it takes none.
    values: Vec<OsString>,
}

/// What command line and file say, together.
#[derive(Debug, Clone)]
pub(super) struct Asked<T> {
    words: Vec<Word>,
    file: Option<PathBuf>,
    flags: PhantomData<fn() -> T>,
}

/// The flags of `T` alone.
fn own<T: Args>() -> Command {
    T::augment_args(Command::new("keeper").no_binary_name(true).disable_help_flag(true).disable_version_flag(true))
}

impl<T: Args> Args for Filed<T> {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new("file").long("file").value_name("FILE").value_parser(value_parser!(PathBuf));
        let file =
            file.help("TOML file that gives any of these flags, `every = \"5m\"` for --every 5m; flags win over it");
        let flags = own::<T>();
        flags.get_arguments().fold(command.arg(file), |command, flag| command.arg(flag.clone().required(false)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<T: Args> FromArgMatches for Filed<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let typed = own::<T>().get_arguments().filter_map(|flag| Word::typed(flag, matches)).collect();
        Ok(Self { typed, file: matches.get_one("file").cloned(), flags: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Word {
    /// A flag with one value.
    pub(super) fn new(flag: &str, value: impl Into<OsString>) -> Self {
        Self { flag: flag.to_owned(), values: vec![value.into()] }
    }

    fn typed(flag: &Arg, matches: &ArgMatches) -> Option<Self> {
        let id = flag.get_id().as_str();
        if matches.value_source(id) != Some(ValueSource::CommandLine) {
            return None;
        }
        let values = matches.get_raw(id).filter(|_| flag.get_action().takes_values());
        let values = values.into_iter().flatten().map(OsString::from).collect();
        Some(Self { flag: flag.get_long()?.to_owned(), values })
    }

    /// As it is typed.
    fn line(&self) -> Vec<OsString> {
        let flag = OsString::from(format!("--{}", self.flag));
        if self.values.is_empty() {
            return vec![flag];
        }
        let mut typed = Vec::new();
        for value in &self.values {
            let mut word = flag.clone();
            word.push("=");
            word.push(value);
            typed.push(word);
        }
        typed
    }
}

/// Nothing given.
impl<T> Default for Filed<T> {
    fn default() -> Self {
        Self { typed: Vec::new(), file: None, flags: PhantomData }
    }
}

impl<T: Args> Filed<T> {
    /// The same with this file, unless `--file` has named one.
    pub(super) fn or_file(self, file: Option<PathBuf>) -> Self {
        Self { file: self.file.or(file), ..self }
    }

    /// Whether a file is named.
    pub(super) const fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// Whether nothing is given on the command line.
    pub(super) const fn is_empty(&self) -> bool {
        self.typed.is_empty()
    }

    /// The same with a flag more, unless it is given on the command line.
    pub(super) fn with(mut self, word: Word) -> Self {
        if !self.typed.iter().any(|typed| typed.flag == word.flag) {
            self.typed.push(word);
        }
        self
    }

    /// Reads the file, if one is named. `idle`: flags of another verb's that it may have besides, and that are left out here.
    ///
    /// # Errors
    /// It is not there, too large or no TOML; a key that no flag has, a value that its flag does not take. Each names file, line and
    /// key.
    pub(super) fn read(self, idle: &[&str]) -> Result<Asked<T>> {
        let mut words = self.typed;
        if let Some(path) = &self.file {
            let flags = own::<T>().mut_args(|flag| flag.required(false));
            put_below(&mut words, file::read(path, &flags, idle)?, &flags);
        }
        Ok(Asked { words, file: self.file, flags: PhantomData })
    }
}

impl<T: Args> Asked<T> {
    /// Whether one of another set's flags is given.
    pub(super) fn has_any<Of: Args>(&self) -> bool {
        let of = own::<Of>();
        self.words.iter().any(|word| of.get_arguments().any(|flag| flag.get_long() == Some(&word.flag)))
    }

    /// Whether none is given.
    pub(super) const fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// What is given for a flag.
    pub(super) fn value(&self, flag: &str) -> Option<&OsString> {
        self.words.iter().find(|word| word.flag == flag)?.values.first()
    }

    /// The flags, over those that hold already.
    ///
    /// # Errors
    /// One that is needed is not given, or two cannot be given together.
    pub(super) fn over(mut self, below: Vec<Word>) -> Result<T> {
        let flags = own::<T>();
        put_below(&mut self.words, below, &flags);
        let line = self.words.iter().flat_map(Word::line);
        let matches = flags.try_get_matches_from(line);
        let read = matches.and_then(|matches| T::from_arg_matches(&matches));
        read.map_err(|error| anyhow!("{}", self.why(&error))).exit(Exit::Usage)
    }

    fn why(&self, error: &clap::Error) -> String {
        let missing = error.get(ContextKind::InvalidArg).filter(|_| error.kind() == ErrorKind::MissingRequiredArgument);
        match (missing, &self.file) {
            (Some(flags), None) => format!("{} missing: see --help, or --file FILE", listed(flags)),
            (Some(flags), Some(file)) => {
                format!("{} missing, here as in {}, where each has its name for a key", listed(flags), file.display())
            }
            (None, _) => said(error),
        }
    }
}

#[cfg(feature = "fuzz")]
impl<T: Args> Asked<T> {
    /// What a file of this text says.
    pub(super) fn of_text(text: &str, path: &Path) -> Result<Self> {
        let flags = own::<T>().mut_args(|flag| flag.required(false));
        Ok(Self { words: file::words(text, path, &flags, &[])?, file: None, flags: PhantomData })
    }
}

/// Puts flags below others: those that are not given there, and can be given with all of them.
fn put_below(words: &mut Vec<Word>, below: Vec<Word>, flags: &Command) {
    let above = words.clone();
    let fits =
        |word: &Word| !above.iter().any(|other| other.flag == word.flag || exclude(flags, &other.flag, &word.flag));
    words.extend(below.into_iter().filter(fits));
}

/// Whether two flags cannot be given together.
fn exclude(flags: &Command, one: &str, other: &str) -> bool {
    let find = |name: &str| flags.get_arguments().find(|flag| flag.get_long() == Some(name));
    let against = |flag: &Arg, other: &Arg| {
        flags.get_arg_conflicts_with(flag).iter().any(|against| against.get_id() == other.get_id())
    };
    find(one).zip(find(other)).is_some_and(|(one, other)| against(one, other) || against(other, one))
}

/// `--target <ADDRESS> and --fee <FEE> are`
fn listed(flags: &ContextValue) -> String {
    match flags {
        ContextValue::Strings(flags) if flags.len() > 1 => format!("{} are", flags.join(" and ")),
        ContextValue::Strings(flags) => format!("{} is", flags.join("")),
        other => format!("{other} is"),
    }
}

/// What clap says, without its advice about how the command is used.
fn said(error: &clap::Error) -> String {
    let text = error.to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    first.strip_prefix("error: ").unwrap_or(first).trim_end().to_owned()
}

/// A path in a file starts at the file's own directory.
fn beside(file: &Path, path: &str) -> OsString {
    file.parent().unwrap_or(Path::new("")).join(path).into_os_string()
}

#[cfg(test)]
mod tests;

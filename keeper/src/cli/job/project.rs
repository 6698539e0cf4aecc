//! A job on its author's disk: a folder with a `job.toml`, or a component by itself.

use std::path::{Path, PathBuf};

use alloy::primitives::B256;
use anyhow::{Result, anyhow};
use clap::Args;

use super::flags::TermsFlags;
use crate::cli::filed::{Asked, Filed, Word};
use crate::cli::{Exit, WithExit};

/// What says what a job asks for.
pub(super) const TERMS_FILE: &str = "job.toml";
/// The component in a folder whose `job.toml` names none.
const COMPONENT_FILE: &str = "job.wasm";
/// Keys of a `job.toml` that say nothing about a run.
const IDLE: [&str; 2] = ["fund", "gas-fund"];
/// Where code will be, as long as nobody says: it is never asked.
const UNPUBLISHED: &str = "https://unpublished.invalid/job.wasm";

/// What decides a run, and who makes its calls.
#[derive(Debug, Clone, Args)]
pub(super) struct TrialFlags {
    #[command(flatten)]
    pub(super) terms: TermsFlags,
    /// Your own choice, once: with the owner's address it makes the one that calls the target
    #[arg(long, value_name = "32 BYTES")]
    pub(super) salt: Option<B256>,
}

/// A job on disk.
#[derive(Debug, Clone)]
pub(super) struct Project {
    /// What it asks for, and what is not said of it.
    asked: Asked<TrialFlags>,
    /// Its folder; none where a component is all there is.
    pub(super) folder: Option<PathBuf>,
}

impl Project {
    /// Reads the folder's `job.toml`, or takes a component by itself.
    ///
    /// # Errors
    /// It is not there, or says what cannot be.
    pub(super) fn open(path: &Path, flags: Filed<TrialFlags>) -> Result<Self> {
        if path.is_dir() {
            let terms = path.join(TERMS_FILE);
            let flags = flags.or_file(terms.exists().then_some(terms));
            if !flags.has_file() && flags.is_empty() {
                let none = format!(
                    "there is no {TERMS_FILE} in {}: make a job with `keeper job new DIR --template NAME`, or name a component",
                    path.display()
                );
                return Err(anyhow!(none)).exit(Exit::NotFound);
            }
            return Ok(Self { asked: flags.read(&IDLE)?, folder: Some(path.to_owned()) });
        }
        if !path.exists() {
            return Err(anyhow!("there is neither a folder nor a component {}", path.display())).exit(Exit::NotFound);
        }
        let flags = flags.with(Word::new("code", path));
        Ok(Self { asked: flags.read(&IDLE)?, folder: None })
    }

    /// The kind of its action.
    pub(super) fn action(&self) -> String {
        self.asked.value("action").map_or_else(|| "wasm".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    /// Where its component is, or is to be; none for actions without code, and for code that is published already.
    pub(super) fn component(&self) -> Option<PathBuf> {
        let is_elsewhere = self.asked.value("code").is_none() && self.asked.value("code-hash").is_some();
        if self.action() != "wasm" || is_elsewhere {
            return None;
        }
        let named = self.asked.value("code").map(PathBuf::from);
        named.or_else(|| self.folder.as_ref().map(|folder| folder.join(COMPONENT_FILE)))
    }

    /// Whether it says when it is due.
    pub(super) fn has_trigger(&self) -> bool {
        self.asked.value("trigger").is_some() || self.asked.value("every").is_some()
    }

    /// The world that its code is of: which one follows from its allow-list.
    pub(super) fn world(&self) -> &'static str {
        if self.asked.value("allow-host").is_some() { "observing-job" } else { "job" }
    }

    /// Whether it says which contract receives its calls.
    pub(super) fn has_target(&self) -> bool {
        self.asked.value("target").is_some()
    }

    /// Whether it says in which token it pays.
    pub(super) fn has_token(&self) -> bool {
        self.asked.value("token").is_some()
    }

    /// All flags, with what a run needs and nobody has said.
    ///
    /// # Errors
    /// What does not fit together.
    pub(super) fn flags(&self) -> Result<TrialFlags> {
        let nobody = alloy::primitives::Address::ZERO.to_string();
        let mut below = vec![Word::new("target", nobody), Word::new("fee", "0")];
        if !self.has_trigger() {
            below.push(Word::new("every", "1h"));
        }
        if let Some(component) = self.component() {
            below.extend([Word::new("code", component), Word::new("code-url", UNPUBLISHED)]);
        }
        self.asked.clone().over(below)
    }
}

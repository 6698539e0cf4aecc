//! `keeper job build`: from a job's sources to the component that goes on chain by its hash.

mod rust;
mod solidity;
mod tools;
mod typescript;
mod world;

use std::fs;
use std::path::{Path, PathBuf};

use alloy::primitives::B256;
use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use executor::MAX_CODE_BYTES;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::project::Project;
use crate::cli::filed::Filed;
use crate::cli::output::{answer, rows};
use crate::cli::{Exit, Global, WithExit};
use crate::jobs::flags::read_file;

/// Flags of `keeper job build`.
#[derive(Debug, Clone, Args)]
pub struct BuildArgs {
    /// A folder with a job.toml, or a component that is only to be looked at
    #[arg(value_name = "DIR|FILE.wasm", default_value = ".")]
    path: PathBuf,
    #[command(flatten)]
    pub(super) with: Toolchain,
}

/// What builds.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Toolchain {
    /// The Rust compiler, where it is not cargo's own
    #[arg(long, env = "KEEPER_RUSTC", hide_env_values = true, value_name = "FILE")]
    rustc: Option<PathBuf>,
}

/// What a folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Rust,
    TypeScript,
    Solidity,
}

impl Language {
    /// By the files that its tools need.
    fn of(folder: &Path, action: &str) -> Option<Self> {
        let has = |file: &str| folder.join(file).exists();
        match action {
            "wasm" if has("Cargo.toml") => Some(Self::Rust),
            "wasm" if has("package.json") => Some(Self::TypeScript),
            "wasm" => None,
            _ => has(solidity::COMPILER).then_some(Self::Solidity),
        }
    }
}

/// What a build has made.
#[derive(Debug, Clone)]
pub(super) enum Built {
    /// A component, in the world.
    Component(Component),
    /// Contracts, each with the size of its code in bytes.
    Contracts(Vec<(PathBuf, usize)>),
    /// There is nothing to build.
    Nothing,
}

/// A component that keepers would take.
#[derive(Debug, Clone)]
pub(super) struct Component {
    file: PathBuf,
    bytes: usize,
    hash: B256,
    /// What it imports that is not in the world: a run that calls one ends in an error.
    outside: Vec<String>,
}

pub(in crate::cli) fn build(global: &Global, args: &BuildArgs) -> Result<Exit> {
    let project = Project::open(&args.path, Filed::default())?;
    let built = make(&project, &args.with)?;
    let (document, text) = built.told();
    answer(global, document, &text);
    Ok(Exit::Success)
}

/// Builds what there is to build, and looks at what comes of it.
pub(super) fn make(project: &Project, with: &Toolchain) -> Result<Built> {
    let component = project.component();
    let Some(folder) = &project.folder else {
        let file = component.context("there is no component").exit(Exit::NotFound)?;
        return Ok(Built::Component(Component::look(&file)?));
    };
    let language = Language::of(folder, &project.action());
    match (language, component) {
        (Some(Language::Solidity), _) => Ok(Built::Contracts(solidity::compile(folder)?)),
        (Some(Language::Rust), Some(file)) => {
            replace(&file, &rust::component(folder, with.rustc.as_deref())?)?;
            Ok(Built::Component(Component::look(&file)?))
        }
        (Some(Language::TypeScript), Some(file)) => {
            replace(&file, &typescript::component(folder, project.world())?)?;
            Ok(Built::Component(Component::look(&file)?))
        }
        (None, Some(file)) if file.exists() => Ok(Built::Component(Component::look(&file)?)),
        (None, Some(_)) => {
            let none = format!(
                "{} has neither Cargo.toml nor package.json: `keeper job new` makes folders that can be built",
                folder.display()
            );
            Err(anyhow!(none)).exit(Exit::NotFound)
        }
        (_, None) => Ok(Built::Nothing),
    }
}

/// A whole file or the old one, never half of it: a keeper or a test may be reading.
fn replace(file: &Path, bytes: &[u8]) -> Result<()> {
    let named = || format!("could not write {}", file.display());
    let beside = file.with_extension("wasm.new");
    fs::write(&beside, bytes).with_context(named)?;
    fs::rename(&beside, file).with_context(named)
}

impl Component {
    fn look(file: &Path) -> Result<Self> {
        let bytes = read_file(file, "the command line").exit(Exit::NotFound)?;
        let checked = (|| {
            ensure!(
                bytes.len() <= MAX_CODE_BYTES,
                "{} has {} bytes, and keepers take no more than {MAX_CODE_BYTES}",
                file.display(),
                bytes.len()
            );
            world::outside(&bytes).with_context(|| format!("{} is nothing that keepers run", file.display()))
        })();
        let hash = B256::from_slice(&Sha256::digest(&bytes));
        Ok(Self { file: file.to_owned(), bytes: bytes.len(), hash, outside: checked.exit(Exit::Failure)? })
    }
}

impl Built {
    pub(super) fn told(&self) -> (serde_json::Value, String) {
        match self {
            Self::Component(Component { file, bytes, hash, outside }) => {
                let mut lines = vec![
                    ("component", file.display().to_string()),
                    ("size", format!("{bytes} bytes, of at most {MAX_CODE_BYTES}")),
                    ("SHA-256", format!("{hash}: this goes on chain, so publish this very file")),
                ];
                if !outside.is_empty() {
                    let list = outside.join(", ");
                    lines.push((
                        "WARNING",
                        format!("it imports {list}: a run that calls one of these ends in an error"),
                    ));
                }
                (json!({"component": file, "bytes": bytes, "hash": hash, "outside": outside}), rows(&lines))
            }
            Self::Contracts(list) => {
                let lines: Vec<_> = list
                    .iter()
                    .map(|(file, bytes)| ("contract", format!("{}, {bytes} bytes of code to deploy", file.display())))
                    .collect();
                let contracts: Vec<_> =
                    list.iter().map(|(file, bytes)| json!({"file": file, "bytes": bytes})).collect();
                (json!({"contracts": contracts}), rows(&lines))
            }
            Self::Nothing => (json!({}), "nothing to build: what this job does is in its job.toml\n".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;

//! `keeper job new`: a folder with a job in it that builds and runs as it is.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cli::output::answer;
use crate::cli::{Exit, Global, WithExit};

/// A file of a template: where it goes, and its text.
type File = (&'static str, &'static str);

/// Files that this program carries, from folders of the repository.
macro_rules! files {
    ($from:literal: $($file:literal),+ $(,)?) => {
        &[$(($file, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $from, "/", $file)))),+]
    };
}

const TOP_UP: &[File] = files!("templates/top-up": "Cargo.toml", "src/lib.rs", "job.toml", "README.md");
const HEALTH_CHECK: &[File] = files!("templates/health-check": "Cargo.toml", "src/lib.rs", "job.toml", "README.md");
const LOG_REACTION: &[File] =
    files!("templates/log-reaction": "package.json", "tsconfig.json", "src/job.ts", "job.toml", "README.md");
const PAYMENT: &[File] = files!("templates/payment": "job.toml", "README.md");
const UPKEEP: &[File] =
    files!("templates/upkeep": "package.json", "compile.mjs", "src/Upkeep.sol", "job.toml", "README.md");
const PRICE_MEDIAN: &[File] = files!("templates/price-median": "package.json", "tsconfig.json", "src/job.ts", "http.json", "job.toml", "README.md");
const WIT: &[File] = files!("wit": "job.wit", "observing.wit");
const RUST_SDK: &[File] = files!(
    "../sdk/rust": "Cargo.toml", "src/lib.rs", "src/bindings.rs", "src/chain.rs", "src/decision.rs", "src/log.rs",
);
const TYPESCRIPT_SDK: &[File] = files!(
    "../sdk/typescript": "package.json", "src/index.ts", "src/abi.ts", "src/chain.ts", "src/decision.ts", "src/hex.ts",
    "src/outside.ts", "src/world.d.ts",
);
/// What is made by building, and is nobody's to keep.
const IGNORED: &str = "/target\n/build\n/node_modules\n/job.wasm\n";

/// Flags of `keeper job new`.
#[derive(Debug, Clone, Args)]
pub struct NewArgs {
    /// Where; it must not be there, or be empty
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// What kind of job
    #[arg(long, value_name = "NAME")]
    template: Template,
}

/// `--template`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Template {
    /// Keeps an account's balance up; Rust, reads the chain
    TopUp,
    /// Watches a loan's health; Rust, asks a contract
    HealthCheck,
    /// Answers an event; TypeScript
    LogReaction,
    /// Brings the median of what several servers say on chain; TypeScript, looks outside
    PriceMedian,
    /// Makes the same call again and again; no code
    Payment,
    /// A contract that says itself when it is to be called; Solidity, as Chainlink Automation had it
    Upkeep,
}

impl Template {
    const fn files(self) -> (&'static [File], &'static [File]) {
        match self {
            Self::TopUp => (TOP_UP, RUST_SDK),
            Self::HealthCheck => (HEALTH_CHECK, RUST_SDK),
            Self::LogReaction => (LOG_REACTION, TYPESCRIPT_SDK),
            Self::PriceMedian => (PRICE_MEDIAN, TYPESCRIPT_SDK),
            Self::Payment => (PAYMENT, &[]),
            Self::Upkeep => (UPKEEP, &[]),
        }
    }

    /// What to do next.
    fn next(self, folder: &Path) -> String {
        let at = folder.display();
        let build = if self == Self::Payment { String::new() } else { format!("  keeper job build {at}\n") };
        let deploy =
            if self == Self::Upkeep { "  deploy build/Upkeep.bin, and name it as target in job.toml\n" } else { "" };
        format!(
            "made {at}; next (job.toml says what it asks for, README.md the rest):\n{build}{deploy}  keeper job test {at} --rpc http://127.0.0.1:8545\n"
        )
    }
}

pub(in crate::cli) fn new(global: &Global, args: &NewArgs) -> Result<Exit> {
    let folder = &args.folder;
    let is_taken = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => folder.exists(),
    };
    if is_taken {
        return Err(anyhow!("{} is there already, and nothing is overwritten: name another folder", folder.display()))
            .exit(Exit::Usage);
    }
    let (own, sdk) = args.template.files();
    let wit = if sdk.is_empty() { &[][..] } else { WIT };
    let mut written = Vec::new();
    let ignored = [(".gitignore", IGNORED)];
    let places = [("", own), ("", &ignored[..]), ("sdk", sdk), ("sdk/wit", wit)];
    for (place, (name, text)) in places.iter().flat_map(|(place, files)| files.iter().map(move |file| (place, file))) {
        let file = folder.join(place).join(name);
        write_new(&file, text).with_context(|| format!("could not write {}", file.display()))?;
        written.push(file);
    }
    answer(global, json!({"folder": folder, "files": written}), &args.template.next(folder));
    Ok(Exit::Success)
}

/// Writes a file that is not there.
fn write_new(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).open(file)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests;

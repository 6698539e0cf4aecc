//! Rust: cargo makes a core module for `wasm32-unknown-unknown`, and what `wit-bindgen` left in it says how it becomes a component.
//! That target knows nothing of WASI, so there is nothing in the component that keepers would not answer.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, anyhow};
use serde_json::Value;
use wit_component::ComponentEncoder;

use super::tools::run;
use crate::cli::{Exit, WithExit};

const TARGET: &str = "wasm32-unknown-unknown";
const INSTALL: &str = "install Rust, https://rustup.rs";

/// Builds the folder's component.
pub(super) fn component(folder: &Path, rustc: Option<&Path>) -> Result<Vec<u8>> {
    check_target(folder, rustc)?;
    let mut cargo = Command::new("cargo");
    cargo.current_dir(folder).args(["build", "--release", "--target", TARGET]);
    cargo.args(["--message-format", "json-render-diagnostics"]);
    if let Some(rustc) = rustc {
        cargo.env("RUSTC", rustc);
    }
    let said = run(&mut cargo, true, INSTALL)?;
    let file = module(&String::from_utf8_lossy(&said)).context("cargo made no .wasm: has the crate [lib] crate-type = [\"cdylib\"]?");
    let file = file.exit(Exit::Failure)?;
    let module = std::fs::read(&file).with_context(|| format!("could not read {file}"))?;
    encode(&module).with_context(|| format!("{file} does not become a component: does it call keeper_job::export!?"))
}

/// A component of a core module that carries its world.
pub(super) fn encode(module: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default().validate(true).module(module)?.encode()
}

/// Whether the compiler has the target's library; if not, how to come by it.
fn check_target(folder: &Path, rustc: Option<&Path>) -> Result<()> {
    let compiler = rustc.map_or(OsStr::new("rustc"), Path::as_os_str);
    let mut ask = Command::new(compiler);
    ask.current_dir(folder).args(["--print", "target-libdir", "--target", TARGET]);
    let said = run(&mut ask, true, INSTALL)?;
    let library = String::from_utf8_lossy(&said).trim().to_owned();
    let mut files = std::fs::read_dir(&library).into_iter().flatten().flatten();
    if files.any(|file| file.file_name().to_string_lossy().starts_with("libstd-")) {
        return Ok(());
    }
    let why = format!(
        "{} cannot build for WebAssembly yet: run `rustup target add {TARGET}`, or name a compiler that can with --rustc",
        Path::new(compiler).display()
    );
    Err(anyhow!(why)).exit(Exit::NotFound)
}

/// The newest module among what cargo says that it has made.
fn module(said: &str) -> Option<String> {
    let made = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let files = made.filter(|message| message["reason"] == "compiler-artifact");
    let files = files.flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default());
    files.filter_map(|file| file.as_str().map(str::to_owned)).rfind(|file| file.ends_with(".wasm"))
}

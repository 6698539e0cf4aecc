//! Rust: cargo builds for `wasm32-unknown-unknown`, and the linker of Rust's component targets makes a component of it, by what
//! `wit-bindgen` left in it. This target knows nothing of WASI, so there is nothing in the component that keepers would not answer.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use super::tools::run;
use crate::cli::{Exit, WithExit};

const TARGET: &str = "wasm32-unknown-unknown";
/// Comes with every toolchain, beside the plain linker that it starts.
const LINKER: (&str, &str) = ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-component-ld");
const INSTALL: &str = "install Rust, https://rustup.rs";

/// Builds the folder's component.
pub(super) fn component(folder: &Path, rustc: Option<&Path>) -> Result<Vec<u8>> {
    check_target(folder, rustc)?;
    let mut cargo = Command::new("cargo");
    cargo.current_dir(folder).args(["build", "--release", "--target", TARGET]);
    cargo.args(["--message-format", "json-render-diagnostics"]).env(LINKER.0, LINKER.1);
    if let Some(rustc) = rustc {
        cargo.env("RUSTC", rustc);
    }
    let said = run(&mut cargo, true, INSTALL)?;
    let none = "cargo made no .wasm: has the crate [lib] crate-type = [\"cdylib\"]?";
    let file = made(&String::from_utf8_lossy(&said)).context(none).exit(Exit::Failure)?;
    std::fs::read(&file).with_context(|| format!("could not read {file}"))
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

/// The newest component among what cargo says that it has made.
fn made(said: &str) -> Option<String> {
    let made = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let files = made.filter(|message| message["reason"] == "compiler-artifact");
    let files = files.flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default());
    files.filter_map(|file| file.as_str().map(str::to_owned)).rfind(|file| file.ends_with(".wasm"))
}

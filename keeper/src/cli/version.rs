//! `keeper version`: what this program is, and what it reads and writes.

use anyhow::Result;
use serde_json::json;

use super::output::{answer, rows};
use super::{Exit, Global};
use crate::api::SCHEMA;

pub(super) fn run(global: &Global) -> Result<Exit> {
    let (version, built) = (env!("CARGO_PKG_VERSION"), if cfg!(debug_assertions) { "debug" } else { "release" });
    let system = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    let document = json!({
        "version": version,
        "build": built,
        "system": system,
        "documents": SCHEMA,
        "journal": crate::journal::VERSION,
    });
    let text = rows(&[
        ("keeper", format!("{version} ({built}, {system})")),
        ("JSON documents", format!("schema {SCHEMA}")),
        ("journal", format!("format {}", crate::journal::VERSION)),
    ]);
    answer(global, document, &text);
    Ok(Exit::Success)
}

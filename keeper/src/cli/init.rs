//! `keeper init`: the data directory, a config file to fill in, the peer identity. Does what is missing, changes nothing.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::json;

use super::output::{answer, rows};
use super::{Exit, Global, is_missing};
use crate::config::{Settings, TEMPLATE};
use crate::keystore::write_private;

pub(super) fn run(global: &Global) -> Result<Exit> {
    let (config, identity) = make(global)?;
    let paths = global.paths()?;
    let document = json!({
        "datadir": paths.data(),
        "config": config,
        "peer_id": identity.peer_id().to_string(),
        "peer_key": format!("0x{}", alloy::hex::encode(identity.public_key())),
    });
    let text = rows(&[
        ("data directory", paths.data().display().to_string()),
        ("config file", config.display().to_string()),
        ("peer id", identity.peer_id().to_string()),
        ("next", "keeper keys new".to_owned()),
    ]);
    answer(global, document, &text);
    Ok(Exit::Success)
}

/// Makes what is missing: where the config file is, and the peer identity.
pub(super) fn make(global: &Global) -> Result<(PathBuf, p2p::Identity)> {
    let paths = global.paths()?;
    let _lock = paths.lock()?;
    let config = global.config_file(&paths);
    if is_missing(&config) {
        if let Some(directory) = config.parent() {
            std::fs::create_dir_all(directory)
                .with_context(|| format!("could not create {} for the config file", directory.display()))?;
        }
        write_private(&config, TEMPLATE.as_bytes())?;
    }
    Settings::load(&config, true)?;
    Ok((config, p2p::Identity::load_or_create(&paths.identity())?))
}

//! `keeper journal`: look at the sign-once journal, and carry it to another machine.

use std::path::{Path, PathBuf};

use alloy::hex;
use anyhow::{Context, Result, anyhow};
use clap::Subcommand;
use contracts::network::Network;
use serde_json::json;

use super::output::{answer, rows};
use super::{Exit, Global, WithExit, is_missing};
use crate::journal::interchange::{self, Owner};
use crate::journal::{Journal, Missing};
use crate::keystore::{Keystore, write_private};
use crate::paths::{DataLock, Paths};

/// `keeper journal ...`
#[derive(Debug, Subcommand)]
pub enum JournalCommand {
    /// Show whose it is and how much it holds
    Show,
    /// Write this key's signing history to a new file
    Export {
        /// JSON file to write, in the manner of EIP-3076
        file: PathBuf,
    },
    /// Add the signing history of an exported file; never forgets or lowers anything
    Import {
        /// File that `keeper journal export` wrote
        file: PathBuf,
    },
}

/// The data directory, taken for this process, and whose it is.
struct Place {
    paths: Paths,
    owner: Owner,
    _lock: DataLock,
}

impl Place {
    /// A running keeper writes its journal all the time, so nothing here works beside one.
    fn take(global: &Global) -> Result<Self> {
        let paths = global.paths()?;
        let settings = global.settings()?;
        let network = Network::load(settings.network(&global.config_file(&paths))?)?;
        let lock = paths.lock()?;
        let owner = Owner {
            key: Keystore::at(&paths.keystores()).public()?.bls.to_bytes(),
            domain: network.domain_separator(),
            chain_id: network.chain_id,
            task_manager: network.contracts.task_manager,
        };
        Ok(Self { paths, owner, _lock: lock })
    }

    fn journal(&self) -> Result<Journal> {
        let path = self.paths.journal();
        if is_missing(&path) {
            let error = anyhow!("there is no journal at {}: this data directory has signed nothing", path.display());
            return Err(error).exit(Exit::NotFound);
        }
        Ok(Journal::open(&path, self.owner.identity(), Missing::Refuse)?)
    }
}

pub(super) fn show(global: &Global) -> Result<Exit> {
    let place = Place::take(global)?;
    let journal = place.journal()?;
    let path = place.paths.journal();
    let bytes = std::fs::metadata(&path).with_context(|| format!("could not look at {}", path.display()))?.len();
    let key = hex::encode_prefixed(place.owner.key);
    let document = json!({
        "path": path,
        "bytes": bytes,
        "key": key,
        "chain_id": place.owner.chain_id,
        "task_manager": place.owner.task_manager,
        "domain": place.owner.domain,
        "reports": journal.len(),
        "watermark": journal.watermark(),
        "highest_anchor": journal.highest_anchor(),
    });
    let text = rows(&[
        ("journal", format!("{} ({bytes} bytes)", path.display())),
        ("BLS public key", key),
        ("network", format!("chain {}, TaskManager {}", place.owner.chain_id, place.owner.task_manager)),
        ("reports", journal.len().to_string()),
        ("signs from anchor", journal.watermark().to_string()),
        ("highest anchor", journal.highest_anchor().to_string()),
    ]);
    answer(global, document, &text);
    Ok(Exit::Success)
}

pub(super) fn export(global: &Global, file: &Path) -> Result<Exit> {
    if !is_missing(file) {
        let error = anyhow!("{} exists already: name a new file, an older export is never overwritten", file.display());
        return Err(error).exit(Exit::Usage);
    }
    let place = Place::take(global)?;
    let journal = place.journal()?;
    let bytes = interchange::export(&journal, &place.owner, file).exit(Exit::Data)?;
    write_private(file, &bytes).exit(Exit::Data)?;
    let document = json!({"file": file, "reports": journal.len(), "watermark": journal.watermark()});
    let text = format!(
        "{} reports and watermark {} written to {}. From now on this key must sign on one machine only: the one that \
         imports this file\n",
        journal.len(),
        journal.watermark(),
        file.display()
    );
    answer(global, document, &text);
    Ok(Exit::Success)
}

pub(super) fn import(global: &Global, file: &Path) -> Result<Exit> {
    if is_missing(file) {
        return Err(anyhow!("there is no file {}", file.display())).exit(Exit::NotFound);
    }
    let place = Place::take(global)?;
    let imported = interchange::import(&place.paths.journal(), &place.owner, file).exit(Exit::Data)?;
    let document = json!({
        "added": imported.added,
        "reports": imported.reports,
        "watermark": imported.watermark,
        "created": imported.created,
    });
    let text = format!(
        "{} reports added to {}; {} remembered, nothing below anchor {} is signed\n",
        imported.added,
        if imported.created { "a new journal" } else { "the journal" },
        imported.reports,
        imported.watermark
    );
    answer(global, document, &text);
    Ok(Exit::Success)
}

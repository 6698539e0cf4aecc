//! `keeper backup`: keys, settings and journal in one encrypted file, and back.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{answer, rows};
use super::{Code, Exit, Global, WithExit, is_missing};
use crate::backup::{Backup, Error};
use crate::keystore::{Strength, write_private};

/// `keeper backup ...`
#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Write keys, settings and journal to a new file, under the password of the keystores; what can be had again is left out
    Create {
        /// File to write
        file: PathBuf,
        /// Cheap password hashing, for local networks only
        #[arg(long)]
        light_scrypt: bool,
    },
    /// Open a backup, and check everything in it; writes nothing
    Verify {
        /// File that `keeper backup create` wrote
        file: PathBuf,
    },
    /// Bring back what is missing in the data directory; its keeper then signs only what is newer than anything it may have signed
    Restore(RestoreArgs),
}

/// Flags of `keeper backup restore`.
#[derive(Debug, Clone, Args)]
pub struct RestoreArgs {
    /// File that `keeper backup create` wrote
    file: PathBuf,
    /// Keep the journal that is there, where it knows more than the backup's
    #[arg(long)]
    keep_journal: bool,
}

pub(super) fn run(global: &Global, command: BackupCommand) -> Result<Exit> {
    match command {
        BackupCommand::Create { file, light_scrypt } => create(global, &file, light_scrypt),
        BackupCommand::Verify { file } => verify(global, &file),
        BackupCommand::Restore(args) => restore(global, &args),
    }
}

fn create(global: &Global, file: &Path, light_scrypt: bool) -> Result<Exit> {
    if !is_missing(file) {
        let error = anyhow!("{} exists already: name a new file, an older backup is never overwritten", file.display());
        return Err(error).exit(Exit::Usage);
    }
    let paths = global.paths()?;
    let settings = global.settings()?;
    // A running keeper writes its journal all the time.
    let _lock = paths.lock()?;
    let password = global.password(&settings, false)?;
    let gathered = Backup::gather(&paths, &global.config_file(&paths), settings.network.as_deref(), &password);
    let backup = told(gathered)?;
    let sealed = told(backup.seal(&password, if light_scrypt { Strength::Light } else { Strength::Standard }))?;
    write_private(file, &sealed)?;
    let (mut document, mut text) = describe(&backup);
    document["file"] = json!(file);
    document["bytes"] = json!(sealed.len());
    text.push_str(&format!(
        "written to {}, under the password of the keystores. Whoever has both is this operator; restore it only where the old \
         keeper has stopped for good\n",
        file.display()
    ));
    answer(global, document, &text);
    Ok(Exit::Success)
}

fn verify(global: &Global, file: &Path) -> Result<Exit> {
    let backup = open(global, file)?;
    let (document, text) = describe(&backup);
    answer(global, document, &(text + "it is whole, the password opens it, and both keys open with it\n"));
    Ok(Exit::Success)
}

fn restore(global: &Global, args: &RestoreArgs) -> Result<Exit> {
    let paths = global.paths()?;
    let _lock = paths.lock()?;
    let backup = open(global, &args.file)?;
    let restored = told(backup.restore(&paths, &global.config_file(&paths), args.keep_journal))?;
    let (mut document, _) = describe(&backup);
    document["written"] = json!(restored.written);
    document["kept"] = json!(restored.kept);
    let line = |what: &'static str| move |path: &PathBuf| (what, path.display().to_string());
    let written = restored.written.iter().map(line("written"));
    let lines: Vec<_> = written.chain(restored.kept.iter().map(line("kept as it was"))).collect();
    let mut text = rows(&lines);
    if restored.written.contains(&paths.journal()) {
        text.push_str(
            "The journal is as old as the backup: at its next start the keeper signs nothing up to the newest block that anybody \
             shows. Start it only where the old keeper has stopped for good\n",
        );
    }
    answer(global, document, &text);
    Ok(Exit::Success)
}

fn open(global: &Global, file: &Path) -> Result<Backup> {
    if is_missing(file) {
        return Err(anyhow!("there is no file {}", file.display())).exit(Exit::NotFound);
    }
    let password = global.password(&global.settings()?, false)?;
    told(Backup::open(file, &password))
}

fn describe(backup: &Backup) -> (Value, String) {
    let files: Vec<_> = backup.names().collect();
    let journal = backup.journal.as_ref();
    let document = json!({
        "operator": backup.keys.operator,
        "bls_public_key": alloy::hex::encode_prefixed(backup.keys.bls.to_bytes()),
        "files": files,
        "reports": journal.map(|journal| journal.reports()),
        "highest_anchor": journal.map(|journal| journal.highest_anchor()),
    });
    let known = journal.map_or("none: this key has signed nothing here".to_owned(), |journal| {
        format!("{} reports, up to anchor {}", journal.reports(), journal.highest_anchor())
    });
    let text = rows(&[("operator", backup.keys.operator.to_string()), ("files", files.join(" ")), ("journal", known)]);
    (document, text)
}

/// Gives errors of backups their codes.
fn told<T>(outcome: Result<T, Error>) -> Result<T> {
    let code = match &outcome {
        Err(Error::Malformed { .. } | Error::Unopened { .. }) => Some(Code::NotABackup),
        Err(Error::Older { .. }) => Some(Code::BackupOlder),
        Err(Error::Other { .. }) => Some(Code::BackupOfOther),
        Err(Error::Io { .. }) => Some(Code::DataUnusable),
        Err(Error::Keys(_) | Error::Journal(_)) | Ok(_) => None,
    };
    match (outcome, code) {
        // Their own errors have codes of their own.
        (Err(Error::Keys(error)), _) => Err(error.into()),
        (Err(Error::Journal(error)), _) => Err(error.into()),
        (outcome, Some(code)) => outcome.code(code),
        (outcome, None) => Ok(outcome?),
    }
}

//! `keeper keys`: make, show, bring and take the operator's keys.

mod carry;
mod remote;
mod rotate;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use super::output::{answer, rows};
use super::{Exit, Global};
use crate::keystore::{KeyKind, Keystore, Strength, others_may_read};
use crate::paths::Paths;
use remote::RemoteArgs;

/// `keeper keys ...`
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make the keys that are missing; those that are there are opened as a check
    New(StrengthFlag),
    /// Show the public keys; needs no password
    Show,
    /// List the files of keys, and what is wrong with one; needs no password
    List,
    /// Bring keys that other programs made: wallets of geth, Foundry and eigenlayer-cli, BLS12-381 keys in EIP-2335
    Import(ImportArgs),
    /// Have another program keep the wallet's key: Web3Signer (vaults, HSMs, key services of clouds) or Clef (Ledger, Trezor)
    Remote(RemoteArgs),
    /// Write one of the keys to a file of its own, encrypted under a password of its own
    Export(ExportArgs),
    /// Put the keys under another password
    Passwd(PasswdArgs),
    /// Replace the BLS key and the mesh identity of an operator that has deregistered; the old ones are kept aside
    Rotate(StrengthFlag),
}

/// How slow keystores are to open.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct StrengthFlag {
    /// Cheap password hashing, for local networks only
    #[arg(long)]
    light_scrypt: bool,
}

impl StrengthFlag {
    fn strength(self) -> Strength {
        if self.light_scrypt { Strength::Light } else { Strength::Standard }
    }
}

/// Flags of `keeper keys import`.
#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// Keystores, or files with a wallet's private key in hex; - reads one from the standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// File with the password that opens them [default: the keystores' own, else asked for]
    #[arg(long, value_name = "FILE")]
    from_password_file: Option<PathBuf>,
    #[command(flatten)]
    strength: StrengthFlag,
}

/// Flags of `keeper keys export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// Which key
    #[arg(value_enum)]
    kind: KeyKind,
    /// File to write
    file: PathBuf,
    /// File with the password that is to open it [default: asked for, twice]
    #[arg(long, value_name = "FILE")]
    new_password_file: Option<PathBuf>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    strength: StrengthFlag,
}

/// Flags of `keeper keys passwd`.
#[derive(Debug, Clone, Args)]
pub struct PasswdArgs {
    /// File with the new password [default: asked for, twice]
    #[arg(long, value_name = "FILE")]
    new_password_file: Option<PathBuf>,
    #[command(flatten)]
    strength: StrengthFlag,
}

pub(super) async fn run(global: &Global, command: KeysCommand) -> Result<Exit> {
    match command {
        KeysCommand::New(strength) => new(global, strength),
        KeysCommand::Show => print(global, &global.paths()?, None),
        KeysCommand::List => list(global),
        KeysCommand::Import(args) => carry::import(global, &args),
        KeysCommand::Remote(args) => remote::remote(global, &args).await,
        KeysCommand::Export(args) => carry::export(global, &args),
        KeysCommand::Passwd(args) => carry::passwd(global, &args),
        KeysCommand::Rotate(strength) => rotate::rotate(global, strength).await,
    }
}

pub(super) fn new(global: &Global, strength: StrengthFlag) -> Result<Exit> {
    let paths = global.paths()?;
    let settings = global.settings()?;
    let _lock = paths.lock()?;
    let keystore = Keystore::at(&paths.keystores());
    let password = global.password(&settings, keystore.public().is_err())?;
    let created = keystore.create(&password, strength.strength())?;
    p2p::Identity::load_or_create(&paths.identity())?;
    print(global, &paths, Some(created))
}

fn list(global: &Global) -> Result<Exit> {
    let paths = global.paths()?;
    let mut files: Vec<_> =
        Keystore::at(&paths.keystores()).list()?.into_iter().map(|found| (found.path, found.kind)).collect();
    files.extend(Some(paths.identity()).filter(|path| path.exists()).map(|path| (path, Some("peer"))));
    let state = |path: &PathBuf, kind: Option<&str>| match (kind, others_may_read(path)) {
        (None, _) => {
            "not used: its name begins with neither bls- nor ecdsa- nor UTC--; see `keeper keys import`".to_owned()
        }
        (_, Some(mode)) => format!("others can read it (mode {mode:04o}): chmod 600 {}", path.display()),
        _ => "fine".to_owned(),
    };
    let rows_of: Vec<_> = files.iter().map(|(path, kind)| (path, kind.unwrap_or("-"), state(path, *kind))).collect();
    let document: Vec<_> =
        rows_of.iter().map(|(path, kind, state)| json!({"file": path, "kind": kind, "state": state})).collect();
    let text: Vec<_> =
        rows_of.iter().map(|(path, kind, state)| (*kind, format!("{}: {state}", path.display()))).collect();
    let none = format!("no keys in {} yet: make some with `keeper keys new`\n", paths.data().display());
    answer(global, json!({"keys": document}), &if text.is_empty() { none } else { rows(&text) });
    Ok(Exit::Success)
}

fn print(global: &Global, paths: &Paths, created: Option<bool>) -> Result<Exit> {
    let keys = Keystore::at(&paths.keystores()).public()?;
    let identity = p2p::Identity::load(&paths.identity())?;
    let bls = format!("0x{}", alloy::hex::encode(keys.bls.to_bytes()));
    let mut document = json!({
        "operator": keys.operator,
        "bls_public_key": bls,
        "peer_id": identity.peer_id().to_string(),
        "peer_key": format!("0x{}", alloy::hex::encode(identity.public_key())),
        "files": {"bls": keys.bls_path, "ecdsa": keys.wallet_path, "peer": paths.identity()},
    });
    let mut text = rows(&[
        ("operator", keys.operator.to_string()),
        ("BLS public key", bls),
        ("peer id", identity.peer_id().to_string()),
        ("BLS keystore", keys.bls_path.display().to_string()),
        ("ECDSA keystore", keys.wallet_path.display().to_string()),
    ]);
    if let Some(created) = created {
        document["created"] = json!(created);
        text.push_str(if created {
            "Back up the data directory and the password: nobody can recover them.\n"
        } else {
            "These keys were there already, and the password opens them.\n"
        });
    }
    answer(global, document, &text);
    Ok(Exit::Success)
}

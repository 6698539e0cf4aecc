//! Keys that come from elsewhere, go elsewhere, or get another password.

use std::path::Path;

use alloy::primitives::Address;
use anyhow::Result;
use contracts::network::Network;
use serde_json::json;

use super::{ExportArgs, ImportArgs, PasswdArgs};
use crate::cli::output::{answer, rows};
use crate::cli::terminal::{Person, Terminal, confirm};
use crate::cli::{Exit, Global};
use crate::config::Settings;
use crate::keystore::{
    Error, ForeignKey, KeyKind, Keystore, OpenKey, Password, is_published, others_may_read, refuse_published,
};

/// How often a person may mistype a password before the verb gives up.
const TRIES: u32 = 3;

pub(super) fn import(global: &Global, args: &ImportArgs) -> Result<Exit> {
    let paths = global.paths()?;
    let settings = global.settings()?;
    let _lock = paths.lock()?;
    let keystore = Keystore::at(&paths.keystores());
    // All of them are looked at before a password is asked for.
    let files = args.files.iter().map(|file| ForeignKey::read(file)).collect::<Result<Vec<_>, _>>()?;
    let is_first = keystore.list()?.is_empty();
    let own = global.password(&settings, is_first)?;
    let (mut notes, mut imported) = (Vec::new(), Vec::new());
    let opened = files.iter().map(|file| open(file, args, &own)).collect::<Result<Vec<_>>>()?;
    for (file, key) in files.iter().zip(&opened) {
        notes.extend(words_on(file, key, &settings)?);
        let path = keystore.take(key, &own, args.strength.strength())?;
        imported.push((key.kind(), path));
    }
    p2p::Identity::load_or_create(&paths.identity())?;
    let document = json!({
        "imported": imported.iter().map(|(kind, path)| json!({"kind": kind, "file": path})).collect::<Vec<_>>(),
        "notes": notes,
    });
    let lines: Vec<_> = imported.iter().map(|(kind, path)| (*kind, path.display().to_string())).collect();
    let notes: String = notes.iter().map(|note| format!("{note}\n")).collect();
    answer(global, document, &(rows(&lines) + &notes));
    Ok(Exit::Success)
}

/// What there is to say of a key before it is kept, or why it is not.
fn words_on(file: &ForeignKey, key: &OpenKey, settings: &Settings) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    if let Some(mode) = others_may_read(file.path()) {
        let path = file.path().display();
        notes.push(format!("others can read {path} (mode {mode:04o}): chmod 600 {path}, or delete it"));
    }
    match key {
        OpenKey::Wallet(_, account) => notes.extend(on_account(*account, settings)?),
        OpenKey::Bls(_) => notes.push(
            "if this BLS key has ever signed for this network, bring its journal too (`keeper journal import`), and never run it \
             on two machines"
                .to_owned(),
        ),
    }
    Ok(notes)
}

fn on_account(account: Address, settings: &Settings) -> Result<Option<String>> {
    if let Some(network) = settings.network.as_deref().map(Network::load).transpose()? {
        refuse_published(account, network.chain_id)?;
    }
    let note = || {
        format!("everybody has the key of {account}: it is one of anvil's, and refused on every chain but local ones")
    };
    Ok(is_published(account).then(note))
}

/// Opens a foreign file: with the password that was named, else with the keystores' own, else a person is asked.
fn open(file: &ForeignKey, args: &ImportArgs, own: &Password) -> Result<OpenKey> {
    if !file.is_encrypted() {
        return Ok(file.open(None)?);
    }
    if let Some(named) = &args.from_password_file {
        return Ok(file.open(Some(&Password::from_file(named)?))?);
    }
    let mut outcome = file.open(Some(own));
    for _ in 0..TRIES {
        let Some(mut person) = Person::present().filter(|_| matches!(outcome, Err(Error::WrongPassword { .. }))) else {
            break;
        };
        person.say(&format!("{} has another password.", file.path().display()));
        outcome = file.open(Some(&Password::ask("Password of that file", false)?));
    }
    Ok(outcome?)
}

pub(super) fn export(global: &Global, args: &ExportArgs) -> Result<Exit> {
    let settings = global.settings()?;
    let keystore = Keystore::at(&global.paths()?.keystores());
    let question = "Whoever has the exported file and its password is this operator. A BLS key that signs on two machines is slashed.";
    confirm(Person::present().as_mut().map(|person| person as &mut dyn Terminal), args.yes, question, "export")?;
    let password = global.password(&settings, false)?;
    let new = new_password(args.new_password_file.as_deref())?;
    keystore.export(args.kind, (&password, &new), args.strength.strength(), &args.file)?;
    let format = match args.kind {
        KeyKind::Bls => "EIP-2335 version 4",
        KeyKind::Ecdsa => "Web3 Secret Storage version 3",
    };
    let text = format!("written to {} in {format}, under its own password\n", args.file.display());
    answer(global, json!({"file": args.file, "format": format}), &text);
    Ok(Exit::Success)
}

pub(super) fn passwd(global: &Global, args: &PasswdArgs) -> Result<Exit> {
    let paths = global.paths()?;
    let settings = global.settings()?;
    let _lock = paths.lock()?;
    let keystore = Keystore::at(&paths.keystores());
    let old = global.password(&settings, false)?;
    let new = new_password(args.new_password_file.as_deref())?;
    keystore.change_password(&old, &new, args.strength.strength())?;
    let text = "both keys have the new password: put it into the password file too, if there is one; backups keep the old one\n";
    answer(global, json!({"changed": true}), text);
    Ok(Exit::Success)
}

fn new_password(file: Option<&Path>) -> Result<Password, Error> {
    file.map_or_else(|| Password::ask("New password", true), Password::from_file)
}

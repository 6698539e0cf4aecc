//! `keeper keys`: make and show the operator's keys.

mod rotate;

use anyhow::Result;
use serde_json::json;

use super::output::{answer, rows};
use super::{Exit, Global};
use crate::keystore::{Keystore, Password, Strength};
use crate::paths::Paths;

pub(super) use rotate::rotate;

pub(super) fn new(global: &Global, light_scrypt: bool) -> Result<Exit> {
    let paths = global.paths()?;
    let settings = global.settings()?;
    let _lock = paths.lock()?;
    let keystore = Keystore::at(&paths.keystores());
    let password = Password::obtain(settings.password_file.as_deref(), keystore.public().is_err())?;
    let strength = if light_scrypt { Strength::Light } else { Strength::Standard };
    let created = keystore.create(&password, strength)?;
    p2p::Identity::load_or_create(&paths.identity())?;
    print(global, &paths, Some(created))
}

pub(super) fn show(global: &Global) -> Result<Exit> {
    print(global, &global.paths()?, None)
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

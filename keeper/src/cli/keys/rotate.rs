//! `keeper keys rotate`: a new BLS key and a new mesh identity under the same operator.
//!
//! Only for an operator that has left: its old key must go on signing while a committee counts on it, and a key's
//! journal must never be used with another key. The old key, identity and journal are kept in a folder of their own.

use std::path::Path;

use anyhow::{Context, Result, anyhow};

use super::print;
use crate::chain::registration;
use crate::cli::chain::Chain;
use crate::cli::operator::counts_now;
use crate::cli::{Exit, Global, WithExit};
use crate::journal::{Identity, Journal, Missing};
use crate::keystore::{Keystore, Password, Strength};

pub(in crate::cli) async fn rotate(global: &Global, light_scrypt: bool) -> Result<Exit> {
    let paths = global.paths()?;
    let settings = global.settings()?;
    let _lock = paths.lock()?;
    let keystore = Keystore::at(&paths.keystores());
    let password = Password::obtain(settings.password_file.as_deref(), false)?;
    // The new key comes under the password of the old ones.
    keystore.open(&password)?;
    let old = keystore.public()?;
    let chain = Chain::connect(global, &settings).await?;
    has_left(&chain, old.operator).await?;

    let name = alloy::hex::encode(&old.bls.to_bytes()[..4]);
    let retired = paths.data().join("retired").join(name);
    std::fs::create_dir_all(&retired).with_context(|| format!("could not make {}", retired.display()))?;
    // The key goes last: wherever this is interrupted, a key without its journal is refused by `keeper join`.
    for file in [&paths.journal(), &paths.identity(), &old.bls_path] {
        put_away(file, &retired)?;
    }
    keystore.create(&password, if light_scrypt { Strength::Light } else { Strength::Standard })?;
    p2p::Identity::load_or_create(&paths.identity())?;
    // A key this young has signed nothing: its journal begins here, since the registry knows the operator already and
    // a missing journal would mean a lost one.
    let key = keystore.public()?.bls.to_bytes();
    Journal::open(&paths.journal(), Identity::new(&key, chain.network.domain_separator()), Missing::Create)?;
    print(global, &paths, Some(true))
}

/// Refuses while anybody counts on the old key.
async fn has_left(chain: &Chain, operator: alloy::primitives::Address) -> Result<()> {
    let known = registration(&chain.provider, chain.network.contracts.keeper_registry, operator).await?;
    if known.registered {
        let error = anyhow!(
            "operator {operator} is registered with these keys: run `keeper operator deregister`, and leave the keeper \
             running until `keeper status` says that it left"
        );
        return Err(error).exit(Exit::Key);
    }
    if known.known && counts_now(chain, known.index).await? {
        let error = anyhow!(
            "the current epoch still counts on operator {operator} with these keys: leave the keeper running until \
             `keeper status` says that it left"
        );
        return Err(error).exit(Exit::Key);
    }
    Ok(())
}

/// Moves a file to a folder of the same disk; one that is not there was moved before.
fn put_away(file: &Path, folder: &Path) -> Result<()> {
    let Some(name) = file.file_name() else { return Ok(()) };
    match std::fs::rename(file, folder.join(name)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not move {} to {}", file.display(), folder.display()))
        }
        _ => Ok(()),
    }
}

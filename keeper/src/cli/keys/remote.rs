//! `keeper keys remote`: the wallet's key is another program's.

use alloy::primitives::Address;
use anyhow::{Result, anyhow};
use clap::Args;
use serde_json::json;
use url::Url;

use crate::cli::output::{answer, rows};
use crate::cli::{Exit, Global, WithExit};
use crate::keystore::{Keystore, Program, Remote};

/// Flags of `keeper keys remote`.
#[derive(Debug, Clone, Args)]
pub struct RemoteArgs {
    /// Which program
    #[arg(value_enum)]
    program: Program,
    /// Where it is asked over JSON-RPC; it signs for whoever reaches it, so keep it on this machine or behind TLS
    url: Url,
    /// The account [default: the only one that the program has]
    #[arg(long, value_name = "ADDRESS")]
    address: Option<Address>,
}

/// Asks the program whether it has the account, and writes down that it has.
pub(super) async fn remote(global: &Global, args: &RemoteArgs) -> Result<Exit> {
    let paths = global.paths()?;
    let _lock = paths.lock()?;
    let (program, url) = (args.program, args.url.clone());
    let asked = Remote::new(args.address.unwrap_or_default(), program, url.clone());
    let named = asked.named();
    let accounts = tokio::task::spawn_blocking(move || asked.accounts()).await?;
    let accounts = accounts.map_err(|why| anyhow!("{why}: start it, or look at the URL")).exit(Exit::Key)?;
    let address = chosen(args.address, &accounts, &named)?;
    let file = Keystore::at(&paths.keystores()).store_remote(&Remote::new(address, program, url))?;
    let text = rows(&[
        ("operator", address.to_string()),
        ("signed by", named.clone()),
        ("file", file.display().to_string()),
        ("next", "keeper keys new, for the BLS key".to_owned()),
    ]);
    answer(global, json!({"operator": address, "signed_by": named, "file": file}), &text);
    Ok(Exit::Success)
}

fn chosen(asked: Option<Address>, accounts: &[Address], named: &str) -> Result<Address> {
    let all = || accounts.iter().take(8).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match (asked, accounts) {
        (Some(address), _) if accounts.contains(&address) => Ok(address),
        (Some(address), _) => {
            Err(anyhow!("{named} has no key of {address}: it has {} accounts ({})", accounts.len(), all()))
                .exit(Exit::NotFound)
        }
        (None, [only]) => Ok(*only),
        (None, []) => Err(anyhow!("{named} has no account: make one there first")).exit(Exit::NotFound),
        (None, _) => Err(anyhow!("{named} has {} accounts: name one with --address ({})", accounts.len(), all()))
            .exit(Exit::Usage),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_named_where_there_are_several() {
        let [one, two] = [1, 2].map(Address::repeat_byte);
        let chosen = |asked, accounts: &[Address]| chosen(asked, accounts, "Clef at http://a");
        assert_eq!(chosen(None, &[one]).unwrap(), one);
        assert_eq!(chosen(Some(two), &[one, two]).unwrap(), two);
        for (asked, accounts, exit, words) in [
            (None, &[][..], Exit::NotFound, "make one there first"),
            (None, &[one, two], Exit::Usage, "--address"),
            (Some(two), &[one], Exit::NotFound, "no key of 0x0202"),
        ] {
            let error = chosen(asked, accounts).unwrap_err();
            assert!(Exit::of(&error) == exit && error.to_string().contains(words), "{error}");
        }
    }
}

//! `keeper keys rotate`: a new BLS key and a new mesh identity under the same operator.
//!
//! Only for an operator that has left: its old key must go on signing while a committee counts on it, and a key's
//! journal must never be used with another key. The old key, identity and journal are kept in a folder of their own.

use std::path::Path;

use alloy::primitives::Address;
use alloy::providers::Provider;
use anyhow::{Context, Result, anyhow};

use super::{StrengthFlag, print};
use crate::chain::{ChainError, ChainProvider, Most, registration};
use crate::cli::chain::Chain;
use crate::cli::operator::counts_now;
use crate::cli::{Exit, Global, WithExit};
use crate::journal::{Identity, Journal, Missing};
use crate::keystore::Keystore;

pub(super) async fn rotate(global: &Global, strength: StrengthFlag) -> Result<Exit> {
    let paths = global.paths()?;
    let settings = global.settings()?;
    let _lock = paths.lock()?;
    let keystore = Keystore::at(&paths.keystores());
    let password = global.password(&settings, false)?;
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
    keystore.create(&password, strength.strength())?;
    p2p::Identity::load_or_create(&paths.identity())?;
    // A key this young has signed nothing: its journal begins here, since the registry knows the operator already and
    // a missing journal would mean a lost one.
    let key = keystore.public()?.bls.to_bytes();
    Journal::open(&paths.journal(), Identity::new(&key, chain.network.domain_separator()), Missing::Create)?;
    print(global, &paths, Some(true))
}

/// Refuses while anybody counts on the old key.
async fn has_left(chain: &Chain, operator: Address) -> Result<()> {
    let registry = chain.network.contracts.keeper_registry;
    let (mut words, mut failure) = (Vec::new(), None);
    for provider in chain.each_node() {
        match ask(&provider, registry, operator).await {
            Ok(word) => words.push(word),
            Err(error) => failure = Some(error),
        }
    }
    match verdict(&words, chain.node_count()) {
        Verdict::Left => Ok(()),
        Verdict::Registered => Err(anyhow!(
            "operator {operator} is registered with these keys: run `keeper operator deregister`, and leave the keeper \
             running until `keeper status` says that it left"
        ))
        .exit(Exit::Key),
        Verdict::Counted => Err(anyhow!(
            "the current epoch still counts on operator {operator} with these keys: leave the keeper running until \
             `keeper status` says that it left"
        ))
        .exit(Exit::Key),
        Verdict::Undecided(few) => {
            let why = failure.map(|error| format!(" ({error})")).unwrap_or_default();
            Err(anyhow!(
                "cannot tell whether operator {operator} has left: {few}{why}; add URLs to rpc_urls, or try later"
            ))
            .exit(Exit::Chain)
        }
    }
}

/// What one node shows of the operator, and at which block.
#[derive(Clone, Copy, Debug)]
struct Word {
    registered: bool,
    counted: bool,
    head: u64,
}

async fn ask(provider: &ChainProvider, registry: Address, operator: Address) -> Result<Word, ChainError> {
    let known = registration(provider, registry, operator).await?;
    let counted = known.known && counts_now(provider, registry, known.index).await?;
    let head = provider.get_block_number().await?;
    Ok(Word { registered: known.registered, counted, head })
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Left,
    Registered,
    Counted,
    Undecided(String),
}

/// What the nodes' words come to: a key is put away only if most of them are up to date, and none of those contradicts,
/// nor one that is ahead of them.
fn verdict(words: &[Word], nodes: usize) -> Verdict {
    let most = Most::of(words, nodes, |word| word.head);
    let heard = || most.level.iter().chain(&most.ahead);
    if heard().any(|word| word.registered) {
        return Verdict::Registered;
    }
    if heard().any(|word| word.counted) {
        return Verdict::Counted;
    }
    match most.are_enough() {
        Ok(()) => Verdict::Left,
        Err(few) => Verdict::Undecided(few),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_single_node_says_that_an_operator_has_left() {
        let word = |registered, counted, head| Word { registered, counted, head };
        let (gone, here, counted) = (word(false, false, 100), word(true, true, 100), word(false, true, 100));
        assert_eq!(verdict(&[gone], 1), Verdict::Left);
        assert_eq!(verdict(&[gone, here, gone], 3), Verdict::Registered);
        assert_eq!(verdict(&[gone, counted], 2), Verdict::Counted);
        assert_eq!(
            verdict(&[gone, word(true, true, 50), gone], 3),
            Verdict::Left,
            "what a node that lags shows is over"
        );
        let far = |word| Word { head: u64::MAX, ..word };
        assert_eq!(verdict(&[far(gone), here, here], 3), Verdict::Registered, "one far ahead silences nobody");
        assert_eq!(verdict(&[far(gone), gone, gone], 3), Verdict::Left, "nor does it hold anybody up");
        assert_eq!(verdict(&[far(here), gone, gone], 3), Verdict::Registered, "it may be the one that is right");
        for (words, nodes) in [(&[gone][..], 2), (&[], 1), (&[word(false, false, 50), here, gone][..1], 3)] {
            assert!(matches!(verdict(words, nodes), Verdict::Undecided(_)), "{words:?}");
        }
    }
}

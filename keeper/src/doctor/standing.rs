//! The operator on chain: whether it is registered with the keys that are here, and what its wallet holds.

use alloy::primitives::U256;
use alloy::primitives::utils::format_ether;
use alloy::providers::Provider;

use super::{Finding, Subject};
use crate::chain::fees::Policy;
use crate::chain::{ChainConfig, ChainError, Registration, Rpc, ejection, market, registration};
use crate::keystore::Keystore;

/// What a settlement takes where none was seen yet, and how many a wallet should pay for.
const USUAL_GAS: u128 = 500_000;
const FEW: u128 = 20;
const SOME: u128 = 200;

pub(super) async fn look(subject: &Subject) -> Vec<Finding> {
    let (Some((file, network)), Ok(keys)) = (&subject.network, Keystore::at(&subject.paths.keystores()).public())
    else {
        return Vec::new();
    };
    let mut network = network.clone();
    if !subject.settings.rpc_urls.is_empty() {
        network.rpc_urls = subject.settings.rpc_urls.iter().map(ToString::to_string).collect();
    }
    let registry = network.contracts.keeper_registry;
    let rpc = match Rpc::new(&ChainConfig { network, network_file: file.clone() }) {
        Ok(rpc) => rpc,
        Err(error) => return vec![Finding::fail("rpc", error.to_string(), "mend rpc_urls")],
    };
    let provider = rpc.provider();
    let peer_key = p2p::Identity::load(&subject.paths.identity()).ok().map(|identity| identity.public_key());
    let bls_key = keys.bls.to_chain_bytes();
    let mut findings = Vec::new();
    let known = async {
        let found = registration(&provider, registry, keys.operator).await?;
        let is_gone = found.known && !found.registered;
        // A node that gives no logs leaves it open how it went.
        let ejected = if is_gone { ejection(&provider, registry, keys.operator).await.ok().flatten() } else { None };
        Ok::<_, ChainError>((found, ejected))
    };
    match tokio::time::timeout(super::PATIENCE * 2, known).await {
        Ok(Ok((found, ejected))) => findings.push(registered(&found, ejected, (peer_key, &bls_key))),
        Ok(Err(error)) => findings.push(unknown(&rpc.masked(&error.to_string()))),
        Err(_) => findings.push(unknown("no node answers in time")),
    }
    let wallet = async {
        tokio::try_join!(async { Ok::<_, ChainError>(provider.get_balance(keys.operator).await?) }, market(&provider))
    };
    if let Ok(Ok((balance, market))) = tokio::time::timeout(super::PATIENCE * 2, wallet).await {
        let tip = Policy::default().first(market).map_or(0, |fees| fees.tip);
        let price = market.base_fee.saturating_add(tip);
        findings.push(purse(balance, price, subject, &keys.operator.to_string()));
    }
    findings
}

fn unknown(why: &str) -> Finding {
    Finding::fail(
        "registered",
        format!("the registry cannot be asked: {why}"),
        "mend what is wrong with the nodes first",
    )
}

/// `ejected`: in which block. `keys`: the peer's and the BLS key of this data directory.
pub(super) fn registered(found: &Registration, ejected: Option<u64>, keys: (Option<[u8; 32]>, &[u8])) -> Finding {
    let (peer_key, bls_key) = keys;
    match (peer_key, ejected) {
        (_, Some(block)) if !found.registered => Finding::fail(
            "registered",
            format!("the operator was ejected in block {block}: its key signed two results of one task"),
            "look for another process with the same key, or an old copy of the journal, and end it; then keeper keys rotate, and \
             keeper operator register",
        ),
        _ if !found.registered && found.known => Finding::fail(
            "registered",
            "the operator is registered no more: it has left",
            "keeper operator register brings it back",
        ),
        _ if !found.registered => Finding::fail(
            "registered",
            "the operator is not registered",
            "keeper operator register, once its wallet holds coin",
        ),
        (Some(key), _) if !found.matches(&key, bls_key) => {
            let found = "the operator is registered with other keys than this data directory holds";
            Finding::fail("registered", found, "use the data directory it was registered from; or keeper keys rotate")
        }
        _ => Finding::ok("registered", format!("registered, with index {}", found.index)),
    }
}

pub(super) fn purse(balance: U256, price: u128, subject: &Subject, operator: &str) -> Finding {
    let coin = format_ether(balance);
    let settlements = u128::try_from(balance).unwrap_or(u128::MAX) / price.saturating_mul(USUAL_GAS).max(1);
    let found = format!("{coin} ether pay for some {settlements} settlements at today's price");
    let fix = format!("send coin to {operator}");
    let least = subject.settings.min_balance;
    match settlements {
        0..FEW => Finding::fail("balance", found, fix),
        FEW..SOME => Finding::warn("balance", found, fix),
        _ if least.is_some_and(|least| balance < least.0) => {
            Finding::warn("balance", format!("{found}, less than min_balance"), fix)
        }
        _ => Finding::ok("balance", found),
    }
}

//! Second opinions on numbers that one node may have made up: the gas of a call, and of a block, and how many nonces are used.
//! Too high or too low, they would end a settlement that is fine; a node that is contradicted is left.

use crate::chain::heads::{self, Latest};
use crate::chain::lane::{Call, GAS_MAX};
use crate::chain::receipt::{self, Receipt};
use crate::chain::rpc::{Node, Rpc};
use alloy::eips::BlockId;
use alloy::primitives::{Address, B256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;

/// So many times what we know a call to need at worst, no estimate is believed unasked. Rollups count the bytes in.
const FAR_ABOVE: u64 = 4;
/// Blocks with less gas than this are believed only where all nodes show them: no chain we know has them.
const SMALL_BLOCK: u64 = GAS_MAX / 2;

/// The most that one node is believed a call to need.
fn believable(call: &Call) -> u64 {
    match call.gas_floor {
        0 => GAS_MAX,
        worst => worst.saturating_mul(FAR_ABOVE).min(GAS_MAX),
    }
}

/// What a call needs: an estimate that is not believable is asked of every node, and the lowest one counts.
pub(super) async fn gas(rpc: &Rpc, call: &Call, request: &TransactionRequest, block: BlockId, estimate: u64) -> u64 {
    let most = believable(call);
    if estimate <= most {
        return estimate;
    }
    let mut estimates = Vec::new();
    for node in rpc.ranked().await.unwrap_or_default() {
        if let Ok(gas) = node.provider().estimate_gas(request.clone()).block(block).await {
            estimates.push((node, gas));
        }
    }
    let lowest = estimates.iter().map(|(_, gas)| *gas).fold(estimate, u64::min);
    if lowest <= most {
        contradicted(&estimates, |gas| gas > most, |gas| format!("it estimates {gas} gas, another node {lowest}"));
    }
    lowest
}

/// The gas of a block: one that is hardly enough for a transaction is asked of every node, and the highest one counts.
pub(super) async fn block_gas(rpc: &Rpc, latest: &Latest) -> u64 {
    if latest.gas_limit >= SMALL_BLOCK {
        return latest.gas_limit;
    }
    let mut limits = Vec::new();
    for node in rpc.ranked().await.unwrap_or_default() {
        if let Ok(theirs) = heads::latest(&node.provider()).await {
            limits.push((node, theirs.gas_limit));
        }
    }
    let highest = limits.iter().map(|(_, gas)| *gas).fold(latest.gas_limit, u64::max);
    if highest >= SMALL_BLOCK {
        let why = |gas| format!("its blocks have {gas} gas, another node's {highest}");
        contradicted(&limits, |gas| gas < SMALL_BLOCK, why);
    }
    highest
}

/// Looks in a row that show the same count, and no receipt, while something is on its way: then the others are asked. A
/// block comes in about five.
const STANDING_LOOKS: u32 = 10;
/// Hashes that one look asks other nodes for.
const HASHES_ASKED: usize = 16;

/// How long a count of nonces has stood.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    mined: u64,
    looks: u32,
}

impl Standing {
    /// Whether it is time to ask the others, `waiting` telling whether something is on its way.
    pub(super) fn note(&mut self, mined: u64, waiting: bool) -> bool {
        let looks = if waiting && mined == self.mined { self.looks.saturating_add(1) } else { 0 };
        *self = Self { mined, looks };
        looks > 0 && looks.is_multiple_of(STANDING_LOOKS)
    }
}

/// How many nonces are used by another node that shows more than the first and, so that it is not its word alone, a receipt of
/// one of these transactions; with the receipts. The first is left then: it stands still, or hides them.
pub(super) async fn used(
    rpc: &Rpc,
    first: &Node,
    account: Address,
    mined: u64,
    hashes: &[B256],
) -> Option<(u64, Vec<Receipt>)> {
    for node in rpc.others(first) {
        let provider = node.provider();
        let Ok(theirs) = provider.get_transaction_count(account).latest().await else { continue };
        if theirs <= mined {
            continue;
        }
        let mut receipts = Vec::new();
        for hash in hashes.iter().take(HASHES_ASKED) {
            receipts.extend(receipt::fetch(&provider, *hash).await.ok().flatten());
        }
        if !receipts.is_empty() {
            first.distrust("standing_count", &format!("it counts {mined} nonces of ours, another node {theirs}"));
            return Some((theirs, receipts));
        }
    }
    None
}

/// How many nonces are used, by the other nodes: the most that one of them counts. The first one is left where another that is as far
/// on the chain, at block `head`, counts fewer.
pub(super) async fn agreed(rpc: &Rpc, first: &Node, account: Address, (mined, head): (u64, u64)) -> Option<u64> {
    let (mut most, mut denied) = (None, false);
    for node in rpc.others(first) {
        let provider = node.provider();
        let Ok(latest) = heads::latest(&provider).await else { continue };
        let Ok(theirs) = provider.get_transaction_count(account).latest().await else { continue };
        if theirs >= mined {
            return Some(theirs);
        }
        denied |= latest.head.number >= head;
        most = most.max(Some(theirs));
    }
    if let Some(theirs) = most.filter(|_| denied) {
        first.distrust("lone_count", &format!("it counts {mined} nonces of ours, another node {theirs}"));
    }
    most
}

fn contradicted(words: &[(Node, u64)], is_odd: impl Fn(u64) -> bool, why: impl Fn(u64) -> String) {
    for (node, gas) in words.iter().filter(|(_, gas)| is_odd(*gas)) {
        node.distrust("absurd_gas", &why(*gas));
    }
}

//! What a run's call would change on chain, as a node traces it.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::Provider;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::chain::{ChainProvider, gas_of_transaction};
use crate::cli::chain::coin;

/// How long a trace may take: few nodes offer it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Changes that are shown.
const MAX_CHANGES: usize = 256;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    account: Address,
    /// What of the account.
    what: What,
    before: U256,
    after: U256,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Balance,
    Nonce,
    Code,
    Slot(B256),
}

/// What the call would change, in order of accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Effect {
    changes: Vec<Change>,
    /// Changes that are not shown.
    left_out: usize,
}

/// The two halves of `prestateTracer` with `diffMode`: what was, and what is. What is not there has not changed, or is zero.
#[derive(Debug, Deserialize)]
struct Diff {
    pre: BTreeMap<Address, Account>,
    post: BTreeMap<Address, Account>,
}

#[derive(Debug, Default, Deserialize)]
struct Account {
    balance: Option<U256>,
    nonce: Option<u64>,
    code: Option<Bytes>,
    #[serde(default)]
    storage: BTreeMap<B256, B256>,
}

/// Has a node trace the call.
///
/// # Errors
/// The node does not trace; in words.
pub(super) async fn trace(
    provider: &ChainProvider,
    (forwarder, target): (Address, Address),
    (data, gas): (&Bytes, u64),
    block: u64,
) -> Result<Effect, String> {
    let gas = format!("{:#x}", gas.saturating_add(gas_of_transaction(data)));
    let call = json!({"from": forwarder, "to": target, "input": data, "gas": gas});
    let how = json!({"tracer": "prestateTracer", "tracerConfig": {"diffMode": true}});
    let question = (call, format!("{block:#x}"), how);
    let traced = provider.raw_request::<_, Value>("debug_traceCall".into(), question);
    let traced = tokio::time::timeout(PATIENCE, traced).await;
    let traced = traced.map_err(|_| format!("the node did not answer debug_traceCall in {} s", PATIENCE.as_secs()))?;
    let traced = traced.map_err(|error| {
        let why: String = error.to_string().chars().take(160).collect();
        format!("the node does not answer debug_traceCall: {why}")
    })?;
    let diff: Diff = serde_json::from_value(traced)
        .map_err(|_| "the node's debug_traceCall knows no prestateTracer with diffMode".to_owned())?;
    Ok(Effect::of(diff, forwarder))
}

impl Effect {
    /// Without what the call costs its sender: that is not the forwarder's to pay.
    fn of(mut diff: Diff, sender: Address) -> Self {
        let accounts: Vec<Address> = diff.pre.keys().chain(diff.post.keys()).copied().collect();
        let mut effect = Self::default();
        for account in sorted(accounts) {
            if account == sender {
                continue;
            }
            let [pre, post] = [&mut diff.pre, &mut diff.post].map(|half| half.remove(&account).unwrap_or_default());
            effect.compare(account, &pre, &post);
        }
        effect
    }

    fn compare(&mut self, account: Address, pre: &Account, post: &Account) {
        if let Some(after) = post.balance {
            self.add(account, What::Balance, pre.balance.unwrap_or_default(), after);
        }
        if let Some(after) = post.nonce {
            self.add(account, What::Nonce, U256::from(pre.nonce.unwrap_or_default()), U256::from(after));
        }
        if let Some(code) = &post.code {
            let length = |code: &Bytes| U256::from(code.len());
            self.add(account, What::Code, pre.code.as_ref().map(length).unwrap_or_default(), length(code));
        }
        for slot in sorted(pre.storage.keys().chain(post.storage.keys()).copied().collect()) {
            let [before, after] = [pre, post].map(|half| half.storage.get(&slot).copied().unwrap_or_default());
            self.add(account, What::Slot(slot), before.into(), after.into());
        }
    }

    fn add(&mut self, account: Address, what: What, before: U256, after: U256) {
        if before == after {
            return;
        }
        if self.changes.len() >= MAX_CHANGES {
            self.left_out += 1;
            return;
        }
        self.changes.push(Change { account, what, before, after });
    }

    /// As rows for people.
    pub(super) fn rows(&self) -> Vec<String> {
        let mut rows: Vec<String> = self.changes.iter().map(Change::words).collect();
        if self.left_out > 0 {
            rows.push(format!("and {} more", self.left_out));
        }
        if rows.is_empty() {
            rows.push("nothing".to_owned());
        }
        rows
    }

    pub(super) fn document(&self) -> Value {
        let list: Vec<Value> = self.changes.iter().map(Change::document).collect();
        json!({"list": list, "left_out": self.left_out})
    }
}

impl Change {
    fn words(&self) -> String {
        let Self { account, what, before, after } = self;
        match what {
            What::Balance => format!("{account} balance {} -> {}", coin(*before), coin(*after)),
            What::Nonce => format!("{account} nonce {before} -> {after}"),
            What::Code => format!("{account} code of {before} -> {after} bytes"),
            What::Slot(slot) => format!("{account} slot {:#x} {before:#x} -> {after:#x}", U256::from_be_bytes(slot.0)),
        }
    }

    fn document(&self) -> Value {
        let Self { account, what, before, after } = self;
        let (what, slot) = match what {
            What::Balance => ("balance", None),
            What::Nonce => ("nonce", None),
            What::Code => ("code_bytes", None),
            What::Slot(slot) => ("storage", Some(slot)),
        };
        json!({"account": account, "what": what, "slot": slot, "before": before, "after": after})
    }
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list.dedup();
    list
}

#[cfg(test)]
mod tests;

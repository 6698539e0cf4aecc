//! A wallet whose key another program keeps: Web3Signer, which keeps keys in files, vaults, HSMs and the key services of clouds, or Clef,
//! which keeps them on Ledger and Trezor. Both are asked over JSON-RPC, so no key service's own library has to be built in. In the place of
//! a key the wallet's file says who has it:
//!
//! ```text
//! {"address": "0x…", "remote": {"program": "web3signer", "url": "http://127.0.0.1:9000"}}
//! ```
//!
//! What comes back is taken for nothing but a signature: it must be of the very transaction that was to be signed, by this account.

use std::path::Path;
use std::time::Duration;

use alloy::consensus::{Transaction, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy::primitives::{Address, hex};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::Error;

/// How long the program may take; a device may want a finger on it.
const PATIENCE: Duration = Duration::from_secs(20);
/// Largest answer that is read: a transaction in hex, twice as long as nodes take them.
const ANSWER_MAX: usize = 512 * 1_024;

/// Which program has the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Program {
    /// Consensys' Web3Signer.
    Web3signer,
    /// Geth's Clef.
    Clef,
}

impl Program {
    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Web3signer => "Web3Signer",
            Self::Clef => "Clef",
        }
    }

    /// The methods that list accounts, and sign.
    const fn methods(self) -> [&'static str; 2] {
        match self {
            Self::Web3signer => ["eth_accounts", "eth_signTransaction"],
            Self::Clef => ["account_list", "account_signTransaction"],
        }
    }
}

/// Where a key is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    program: Program,
    url: Url,
}

/// An account whose key another program has. `Debug` shows no more of its URL than where it leads.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remote {
    address: Address,
    remote: Place,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Remote({} at {})", self.address, self.named())
    }
}

impl Remote {
    /// An account that the program at `url` has.
    #[must_use]
    pub const fn new(address: Address, program: Program, url: Url) -> Self {
        Self { address, remote: Place { program, url } }
    }

    /// What a wallet's file says, if it says that its key is elsewhere.
    pub(super) fn of(path: &Path, text: &str) -> Result<Option<Self>, Error> {
        // A keystore has a key of its own, and what this one has it has not.
        let says = serde_json::from_str::<Value>(text).is_ok_and(|file| file.get("remote").is_some());
        let malformed =
            |error: serde_json::Error| Error::Malformed { path: path.to_owned(), reason: error.to_string() };
        says.then(|| serde_json::from_str(text).map_err(malformed)).transpose()
    }

    /// The account.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }

    /// The program, and where it is asked: of the URL its origin, for the rest may hold a secret.
    #[must_use]
    pub fn named(&self) -> String {
        format!("{} at {}", self.remote.program.name(), contracts::url::origin(self.remote.url.as_str()))
    }

    /// The accounts that the program has.
    ///
    /// # Errors
    /// It does not answer, or not so; words for people.
    pub fn accounts(&self) -> Result<Vec<Address>, String> {
        let [list, _] = self.remote.program.methods();
        let answer = self.ask(list, json!([]))?;
        serde_json::from_value(answer).map_err(|_| format!("{} does not answer {list} with addresses", self.named()))
    }

    /// Has a transaction signed.
    ///
    /// # Errors
    /// It is not signed, or another one was; words for people.
    pub(super) fn sign(&self, wanted: TxEip1559) -> Result<TxEnvelope, String> {
        let [_, sign] = self.remote.program.methods();
        let answer = self.ask(sign, json!([self.question(&wanted)]))?;
        // Clef answers with the transaction beside its bytes.
        let text = answer.as_str().or_else(|| answer["raw"].as_str()).unwrap_or_default();
        let unread = || format!("{} answers {sign} with no transaction", self.named());
        let bytes = hex::decode(text).map_err(|_| unread())?;
        let envelope = TxEnvelope::decode_2718(&mut bytes.as_slice()).map_err(|_| unread())?;
        let signed = envelope.as_eip1559().ok_or_else(unread)?;
        if *signed.tx() != wanted {
            return Err(format!("{} has signed another transaction than it was asked to", self.named()));
        }
        match signed.recover_signer() {
            Ok(signer) if signer == self.address => Ok(envelope),
            _ => Err(format!("{} has signed with another key than that of {}", self.named(), self.address)),
        }
    }

    fn question(&self, wanted: &TxEip1559) -> Value {
        json!({
            "from": self.address,
            "to": wanted.to.to(),
            "gas": quantity(wanted.gas_limit.into()),
            "maxFeePerGas": quantity(wanted.max_fee_per_gas),
            "maxPriorityFeePerGas": quantity(wanted.max_priority_fee_per_gas),
            "value": wanted.value(),
            "nonce": quantity(wanted.nonce.into()),
            "data": wanted.input,
            "input": wanted.input,
            "chainId": quantity(wanted.chain_id.into()),
            "type": "0x2",
        })
    }

    /// Asks on a thread of its own, whose runtime ends with it: whoever asks may be on any, or on none.
    fn ask(&self, method: &str, params: Value) -> Result<Value, String> {
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.map_err(|error| format!("no thread to ask {} on: {error}", self.named()))?;
                runtime.block_on(self.asked(method, params))
            });
            asking.join().unwrap_or_else(|_| Err(format!("{} could not be asked", self.named())))
        })
    }

    async fn asked(&self, method: &str, params: Value) -> Result<Value, String> {
        let named = self.named();
        let silent = |error: reqwest::Error| format!("{named} does not answer: {}", cause(&error.without_url()));
        let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().map_err(silent)?;
        let question = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let mut answer = client.post(self.remote.url.clone()).json(&question).send().await.map_err(silent)?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(silent)? {
            if body.len() + chunk.len() > ANSWER_MAX {
                return Err(format!("{named} answers with more than {ANSWER_MAX} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        let answer: Value =
            serde_json::from_slice(&body).map_err(|_| format!("{named} answers {status}, and with no JSON"))?;
        match &answer["error"] {
            Value::Null => Ok(answer["result"].clone()),
            error => {
                let words: String =
                    error["message"].as_str().unwrap_or("it does not say why").chars().take(120).collect();
                Err(format!("{named} refuses {method}: {words}"))
            }
        }
    }
}

fn quantity(number: u128) -> String {
    format!("{number:#x}")
}

fn cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests;

//! One account's transactions, one after the other: prepare, write down, send, wait, raise the fees.
//!
//! Every step can be the last one before a crash; [`Lane::clear`] takes up whatever the ledger holds.

use super::fees::Fees;
use super::nonce::{Attempt, Intent, Ledger};
use super::receipt::{self, Receipt};
use super::rpc::{ChainProvider, Rpc};
use super::{ChainError, heads};
use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::BlockId;
use alloy::eips::eip2718::Encodable2718;
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, TxKind, U256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy::transports::TransportError;
use std::time::{Duration, Instant};

/// Blocks without inclusion before the fees are raised.
const RAISE_AFTER_BLOCKS: u64 = 3;
/// Answers in a row that show the nonce used by a transaction that is not ours.
const DISPLACED_ANSWERS: u32 = 5;
/// Largest gas limit of a transaction (EIP-7825).
const MAX_GAS: u64 = 1 << 24;
/// Errors of the node, outages aside, before a call is given up.
const MAX_REFUSALS: u32 = 5;
const SHORTEST_BACKOFF: Duration = Duration::from_millis(250);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// What to call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) to: Address,
    pub(crate) input: Bytes,
    /// Least gas limit, whatever the node estimates.
    pub(crate) gas_floor: u64,
}

/// What became of a call.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// It is in a block, succeeded or not.
    Included(Receipt),
    /// The contract would revert with this data; nothing was sent.
    Refused(Bytes),
    /// Given up; a transaction that was written down stays the nonce's content.
    Failed(String),
}

/// The account, its ledger and the way to the chain.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) rpc: Rpc,
    pub(crate) provider: ChainProvider,
    pub(crate) signer: PrivateKeySigner,
    pub(crate) chain_id: u64,
    pub(crate) ledger: Ledger,
    /// Time between two looks for a receipt.
    pub(crate) poll: Duration,
    /// Longest time spent on one call.
    pub(crate) patience: Duration,
}

/// A transaction worked out but not written down.
pub(crate) enum Prepared {
    Ready(Box<Intent>),
    /// The chain went back: known transactions must be sent again first.
    Reopened,
    Refused(Bytes),
    Failed(String),
}

impl Lane {
    /// Carries a call through, trying again while the nodes cannot be reached.
    pub(crate) async fn execute(&mut self, call: &Call) -> Outcome {
        let deadline = Instant::now() + self.patience;
        let (mut backoff, mut refusals) = (SHORTEST_BACKOFF, 0);
        loop {
            let error = match self.attempt(call, deadline).await {
                Ok(Some(outcome)) => return outcome,
                Ok(None) => continue,
                Err(error @ ChainError::Ledger { .. }) => return Outcome::Failed(error.to_string()),
                Err(error) => error,
            };
            // An outage ends; a node that refuses again and again has a reason, and others wait for their turn.
            refusals += u32::from(matches!(error, ChainError::Refused(_)));
            if Instant::now() + backoff >= deadline || refusals >= MAX_REFUSALS {
                return Outcome::Failed(error.to_string());
            }
            tracing::debug!(%error, "could not send; trying again");
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(LONGEST_BACKOFF);
        }
    }

    /// One pass; `None` asks for another one.
    async fn attempt(&mut self, call: &Call, deadline: Instant) -> Result<Option<Outcome>, ChainError> {
        if let Some(outcome) = self.clear(Some(call), deadline).await? {
            return Ok(Some(outcome));
        }
        match self.prepare(call).await? {
            Prepared::Refused(data) => Ok(Some(Outcome::Refused(data))),
            Prepared::Failed(why) => Ok(Some(Outcome::Failed(why))),
            Prepared::Reopened => Ok(None),
            Prepared::Ready(intent) => {
                self.ledger.begin(*intent)?;
                self.clear(Some(call), deadline).await
            }
        }
    }

    /// Sends and waits for everything the ledger holds open. Gives back the outcome of `call` if it was among it, or a
    /// failure; `None` when all is done and none of it was `call`.
    pub(crate) async fn clear(
        &mut self,
        call: Option<&Call>,
        deadline: Instant,
    ) -> Result<Option<Outcome>, ChainError> {
        while let Some(intent) = self.ledger.first_open().cloned() {
            if let Some(why) = self.broadcast(&intent).await? {
                return Ok(Some(Outcome::Failed(why)));
            }
            let ours = call.is_some_and(|call| call.to == intent.to && call.input == intent.input);
            match self.wait(&intent, deadline).await? {
                Waited::Included(receipt) => {
                    self.ledger.close(intent.nonce)?;
                    if ours {
                        return Ok(Some(Outcome::Included(receipt)));
                    }
                }
                Waited::Displaced => {
                    tracing::warn!(nonce = intent.nonce, "another program used this account's nonce");
                    self.ledger.close(intent.nonce)?;
                }
                Waited::TooLong => {
                    let why = format!(
                        "the transaction {} with nonce {} is not included after {} s; it stays in the ledger and is sent again",
                        intent.attempts.last().map(|attempt| attempt.tx).unwrap_or_default(),
                        intent.nonce,
                        self.patience.as_secs()
                    );
                    return Ok(Some(Outcome::Failed(why)));
                }
            }
        }
        Ok(None)
    }

    /// Asks everything a transaction needs in one round trip, and signs it.
    pub(crate) async fn prepare(&mut self, call: &Call) -> Result<Prepared, ChainError> {
        let from = self.signer.address();
        let request = TransactionRequest::default().with_from(from).with_to(call.to).with_input(call.input.clone());
        // The pending block has the time of the next block: a task that is due now may not be at the newest one.
        let estimate =
            async { Ok::<_, ChainError>(self.provider.estimate_gas(request).block(BlockId::pending()).await) };
        let included = async { Ok(self.provider.get_transaction_count(from).latest().await?) };
        let balance = async { Ok(self.provider.get_balance(from).await?) };
        let (estimate, latest, included, balance) =
            tokio::try_join!(estimate, heads::latest(&self.provider), included, balance)?;
        if self.ledger.reopen(included)? {
            return Ok(Prepared::Reopened);
        }
        let estimate = match estimate {
            Ok(gas) => gas,
            Err(error) => return refusal(error),
        };
        // A callback gets at most 63/64 of what is left (EIP-150); an estimate is exact for one state only.
        let gas_limit = (estimate.saturating_add(estimate / 8)).max(call.gas_floor).min(latest.gas_limit).min(MAX_GAS);
        let fees = Fees::first(latest.base_fee);
        let cost = U256::from(fees.max_fee) * U256::from(gas_limit);
        if balance < cost {
            return Ok(Prepared::Failed(format!(
                "the account {from} has {balance} wei, this transaction may cost {cost}; send it some"
            )));
        }
        let nonce = self.ledger.free_nonce(included);
        let intent =
            Intent { nonce, to: call.to, input: call.input.clone(), gas_limit, attempts: vec![], closed: false };
        let attempts = vec![self.sign(&intent, fees)?];
        Ok(Prepared::Ready(Box::new(Intent { attempts, ..intent })))
    }

    fn sign(&self, intent: &Intent, fees: Fees) -> Result<Attempt, ChainError> {
        let transaction = TxEip1559 {
            chain_id: self.chain_id,
            nonce: intent.nonce,
            gas_limit: intent.gas_limit,
            max_fee_per_gas: fees.max_fee,
            max_priority_fee_per_gas: fees.tip,
            to: TxKind::Call(intent.to),
            input: intent.input.clone(),
            ..TxEip1559::default()
        };
        let signature = self
            .signer
            .sign_hash_sync(&transaction.signature_hash())
            .map_err(|error| ChainError::Refused(format!("the account's key cannot sign: {error}")))?;
        let envelope = TxEnvelope::from(transaction.into_signed(signature));
        Ok(Attempt::new(*envelope.tx_hash(), fees, envelope.encoded_2718().into()))
    }

    /// Sends the newest attempt; says why when the node will not take it in any case.
    pub(crate) async fn broadcast(&self, intent: &Intent) -> Result<Option<String>, ChainError> {
        let Some(attempt) = intent.attempts.last() else { return Ok(None) };
        let Err(error) = self.provider.send_raw_transaction(&attempt.raw).await else { return Ok(None) };
        let Some(payload) = error.as_error_resp() else { return Err(error.into()) };
        let words = payload.message.to_lowercase();
        tracing::debug!(tx = %attempt.tx, words, "the node did not take a transaction");
        if words.contains("insufficient funds") {
            let account = self.signer.address();
            return Ok(Some(format!("the account {account} cannot pay ({}); send it some", payload.message)));
        }
        // Known already, nonce used already, fees too low for the moment: waiting tells which, and raises the fees.
        Ok(None)
    }

    /// Waits for one of an intent's attempts, raising the fees every few blocks.
    async fn wait(&mut self, intent: &Intent, deadline: Instant) -> Result<Waited, ChainError> {
        let account = self.signer.address();
        let mut intent = intent.clone();
        let (mut raised_at, mut displaced) = (None, 0);
        while Instant::now() < deadline {
            let newest = intent.attempts.last().map(|attempt| attempt.tx).unwrap_or_default();
            let included = async { Ok(self.provider.get_transaction_count(account).latest().await?) };
            let (receipt, latest, included) =
                tokio::try_join!(receipt::fetch(&self.provider, newest), heads::latest(&self.provider), included)?;
            if let Some(receipt) = receipt {
                return Ok(Waited::Included(receipt));
            }
            if included > intent.nonce {
                for attempt in &intent.attempts {
                    if let Some(receipt) = receipt::fetch(&self.provider, attempt.tx).await? {
                        return Ok(Waited::Included(receipt));
                    }
                }
                displaced += 1;
                if displaced >= DISPLACED_ANSWERS {
                    return Ok(Waited::Displaced);
                }
            } else {
                let since = *raised_at.get_or_insert(latest.head.number);
                if latest.head.number >= since.saturating_add(RAISE_AFTER_BLOCKS) {
                    self.raise(&mut intent, latest.base_fee).await?;
                    raised_at = Some(latest.head.number);
                }
            }
            tokio::time::sleep(self.poll).await;
        }
        Ok(Waited::TooLong)
    }

    /// Sends the same content with higher fees, or once more as it is when the cap is reached.
    async fn raise(&mut self, intent: &mut Intent, base_fee: u128) -> Result<(), ChainError> {
        let raised = intent.attempts.last().and_then(|attempt| attempt.fees().raised(base_fee));
        if let Some(fees) = raised {
            self.rpc.count("fees_raised");
            let attempt = self.sign(intent, fees)?;
            self.ledger.raise(intent.nonce, attempt.clone())?;
            intent.attempts.push(attempt);
        } else {
            self.rpc.count("fee_cap_reached");
            tracing::warn!(nonce = intent.nonce, "the fee cap is reached; sending once more without raising");
        }
        if let Some(why) = self.broadcast(intent).await? {
            tracing::warn!(why, "the raised transaction was not taken");
        }
        Ok(())
    }
}

enum Waited {
    Included(Receipt),
    Displaced,
    TooLong,
}

/// A failed estimate: a revert is an answer, anything else an error.
fn refusal(error: TransportError) -> Result<Prepared, ChainError> {
    match error.as_error_resp() {
        // Code 3 is "execution error"; nodes that do not send it say "revert".
        Some(payload) if payload.code == 3 || payload.message.contains("revert") => {
            Ok(Prepared::Refused(payload.as_revert_data().unwrap_or_default()))
        }
        _ => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;

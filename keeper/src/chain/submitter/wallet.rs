//! The account's key, as the lane uses it.

use crate::chain::lane::{Draft, Sign};
use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{B256, Bytes, TxKind};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;

/// Signs EIP-1559 transactions. Its nonces follow from key and message (RFC 6979), so the same draft gives the same bytes.
#[derive(Debug)]
pub(super) struct Wallet {
    pub(super) chain_id: u64,
    pub(super) signer: PrivateKeySigner,
}

impl Sign for Wallet {
    fn sign(&self, draft: &Draft<'_>) -> Result<(B256, Bytes), String> {
        let transaction = TxEip1559 {
            chain_id: self.chain_id,
            nonce: draft.nonce,
            gas_limit: draft.gas_limit,
            max_fee_per_gas: draft.fees.max_fee,
            max_priority_fee_per_gas: draft.fees.tip,
            to: TxKind::Call(draft.to),
            input: draft.input.clone(),
            ..TxEip1559::default()
        };
        let signature = self
            .signer
            .sign_hash_sync(&transaction.signature_hash())
            .map_err(|error| format!("the account's key cannot sign: {error}"))?;
        let envelope = TxEnvelope::from(transaction.into_signed(signature));
        Ok((*envelope.tx_hash(), envelope.encoded_2718().into()))
    }
}

//! The account's key, as the lane uses it.

use crate::chain::lane::{Draft, Sign};
use crate::keystore;
use alloy::consensus::TxEip1559;
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{B256, Bytes, TxKind};

/// Signs EIP-1559 transactions. Its nonces follow from key and message (RFC 6979), so the same draft gives the same bytes. A program that
/// has the key may do otherwise: what was signed before a restart is then raised once it is due for that, and not sent again as it was.
#[derive(Debug)]
pub(super) struct Wallet {
    pub(super) chain_id: u64,
    pub(super) signer: keystore::Account,
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
        let envelope = self.signer.sign(transaction)?;
        Ok((*envelope.tx_hash(), envelope.encoded_2718().into()))
    }
}

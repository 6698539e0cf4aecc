//! Questions to contracts that are not ours, all about one block: the answers may be anything.

use alloy::eips::BlockId;
use alloy::primitives::{Address, Bytes};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use alloy_json_rpc::ErrorPayload;

use super::refusal::Refusal;
use crate::chain::{ChainError, ChainProvider, latest};

/// Gas of a view, as keepers ask.
const GAS: u64 = 10_000_000;
/// Most of a contract's own words that is repeated.
const WORDS: usize = 200;

/// The state of one block.
pub(super) struct Reader {
    provider: ChainProvider,
    block: BlockId,
}

impl Reader {
    /// Of the newest block.
    pub(super) async fn new(provider: ChainProvider) -> Result<Self, Refusal> {
        let hash = latest(&provider).await?.head.hash;
        Ok(Self { provider, block: BlockId::hash(hash) })
    }

    /// What a contract answers; `Err` are its words where it refuses.
    pub(super) async fn call(&self, to: Address, data: Bytes) -> Result<Result<Bytes, String>, Refusal> {
        let request = TransactionRequest::default().to(to).input(data.into()).gas_limit(GAS);
        match self.provider.call(request).block(self.block).await {
            Ok(answer) => Ok(Ok(answer)),
            Err(error) => match error.as_error_resp().filter(|answer| is_refusal(answer)) {
                Some(answer) => Ok(Err(answer.message.chars().take(WORDS).collect())),
                None => Err(ChainError::from(error).into()),
            },
        }
    }

    /// The answer of a registry to a question that it must know.
    pub(super) async fn ask<C: SolCall>(
        &self,
        registry: Address,
        what: &'static str,
        question: &C,
    ) -> Result<C::Return, Refusal> {
        let answer = self.call(registry, question.abi_encode().into()).await?;
        let answer = answer.map_err(|why| Refusal::RegistryRefuses { registry, what, why })?;
        C::abi_decode_returns_validate(&answer).map_err(|_| Refusal::Undecodable { registry, what })
    }

    /// The code of a target.
    pub(super) async fn code(&self, target: Address) -> Result<Bytes, Refusal> {
        let code = self.provider.get_code_at(target).block_id(self.block).await.map_err(ChainError::from)?;
        if code.is_empty() { Err(Refusal::NoTarget { target }) } else { Ok(code) }
    }
}

/// Whether it is the contract that refuses, and not the node. Some nodes bring no data with a revert that has none.
fn is_refusal(answer: &ErrorPayload) -> bool {
    answer.as_revert_data().is_some() || answer.message.to_lowercase().contains("revert")
}

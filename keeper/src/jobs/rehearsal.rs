//! What the first run of a job would do: tried at a block, before the job is listed.

use alloy::eips::BlockId;
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use contracts::terms::Terms;

use crate::chain::{Called, ChainProvider, Undelivered, call_of, reason};

/// Gas of a question to a contract.
const QUESTION_GAS: u64 = 10_000_000;

/// Where a run is tried.
#[derive(Clone, Copy, Debug)]
pub struct Stage<'a> {
    /// Asks the chain.
    pub provider: &'a ChainProvider,
    /// What the job asks for.
    pub terms: &'a Terms,
    /// Who its target would see calling.
    pub forwarder: Address,
    /// At which block.
    pub block: BlockId,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rehearsal {
    /// The target takes the call.
    Taken {
        /// Gas that the callback would use, where the node tells.
        gas: Option<u64>,
    },
    /// The target refuses it. That may be as it should be: many trust their forwarder only once they are told of it.
    Refused(Undelivered),
    /// There would be nothing to do at present; why, in words.
    Idle(String),
    /// It cannot be found out so; why, in words.
    Untried(String),
}

impl Rehearsal {
    /// The word for it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Taken { .. } => "taken",
            Self::Refused(_) => "refused",
            Self::Idle(_) => "idle",
            Self::Untried(_) => "untried",
        }
    }
}

impl std::fmt::Display for Rehearsal {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Taken { gas: Some(gas) } => write!(to, "the target takes the call, for about {gas} gas"),
            Self::Taken { gas: None } => write!(to, "the target takes the call"),
            Self::Refused(why) => write!(to, "{why}"),
            Self::Idle(why) => write!(to, "nothing to do at present: {why}"),
            Self::Untried(why) => write!(to, "not tried: {why}"),
        }
    }
}

impl Stage<'_> {
    /// Calls the target as a run would, from the forwarder and with the job's gas.
    pub async fn deliver(&self, data: &Bytes) -> Rehearsal {
        let (target, given) = (self.terms.target, u64::from(self.terms.callback_gas));
        let scarce = call_of(self.provider, (self.forwarder, target), data, Some(given), self.block).await;
        match scarce {
            Called::Went => Rehearsal::Taken { gas: self.gas_of(data).await },
            Called::Failed(data) if !data.is_empty() => {
                Rehearsal::Refused(Undelivered::Reverted { reason: reason(&data) })
            }
            Called::Failed(_) => match call_of(self.provider, (self.forwarder, target), data, None, self.block).await {
                Called::Went => Rehearsal::Refused(Undelivered::OutOfGas { given }),
                Called::Failed(data) => Rehearsal::Refused(Undelivered::Reverted { reason: reason(&data) }),
                Called::Nothing => Rehearsal::Refused(Undelivered::Unknown),
            },
            Called::Nothing => Rehearsal::Untried("the RPC node does not make the call".to_owned()),
        }
    }

    /// Asks a contract something, as nobody in particular.
    ///
    /// # Errors
    /// Why it does not answer, in words.
    pub async fn ask(&self, contract: Address, question: &Bytes) -> Result<Bytes, String> {
        let request = TransactionRequest::default()
            .with_from(Address::ZERO)
            .with_to(contract)
            .with_input(question.clone())
            .with_gas_limit(QUESTION_GAS);
        self.provider.call(request).block(self.block).await.map_err(|error| {
            let data = error.as_error_resp().and_then(|error| error.as_revert_data());
            data.map_or_else(|| error.to_string(), |data| reason(&data))
        })
    }

    /// What the callback alone would use.
    async fn gas_of(&self, data: &Bytes) -> Option<u64> {
        let request =
            TransactionRequest::default().with_from(self.forwarder).with_to(self.terms.target).with_input(data.clone());
        let all = self.provider.estimate_gas(request).block(self.block).await.ok()?;
        all.checked_sub(crate::chain::gas_of_transaction(data))
    }
}

//! Where a chain's blocks are numbered otherwise than in the EVM, or data has a fee of its own.

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, address};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol;
use alloy::sol_types::SolCall;
use serde::Serialize;
use std::time::Duration;

use super::DeployError;

/// Arbitrum's precompile that knows its blocks.
pub(super) const ARB_SYS: Address = address!("0000000000000000000000000000000000000064");
/// The OP stack's predeploy that knows what data costs.
pub const GAS_PRICE_ORACLE: Address = address!("420000000000000000000000000000000000000F");

/// Where Arbitrum's nodes, not its contracts, answer what data costs.
pub(super) const NODE_INTERFACE: Address = address!("00000000000000000000000000000000000000C8");

sol! {
    /// Asks [`GAS_PRICE_ORACLE`]: wei that a transaction of so many bytes, without its signature, pays for its data if
    /// nothing compresses.
    function getL1FeeUpperBound(uint256 unsignedTxSize) external view returns (uint256);

    function gasEstimateL1Component(address to, bool contractCreation, bytes calldata data)
        external
        returns (uint64 gasEstimateForL1, uint256 baseFee, uint256 l1BaseFeeEstimate);
}

/// What kind of chain the contracts found, or would find, themselves on: `Chain.Kind` in Solidity. Their constructors look
/// for themselves, by the same code at the same addresses, and keep what they saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChainKind {
    /// Blocks as the EVM has them, data paid as gas.
    Plain,
    /// Number and hash of a block from ArbSys, the data fee from ArbGasInfo: `block.number` is the parent chain's.
    Arbitrum,
    /// Blocks as the EVM has them, the data fee from GasPriceOracle.
    OpStack,
}

impl ChainKind {
    /// By what code there is at the addresses that only such chains fill.
    ///
    /// # Errors
    /// The node fails.
    pub async fn of<P: Provider>(provider: &P) -> Result<Self, DeployError> {
        for (address, kind) in [(ARB_SYS, Self::Arbitrum), (GAS_PRICE_ORACLE, Self::OpStack)] {
            let code = provider.get_code_at(address).await;
            let code = code.map_err(DeployError::rpc("asking what chain this is"))?;
            if !code.is_empty() {
                return Ok(kind);
            }
        }
        Ok(Self::Plain)
    }

    /// How much gas a creation takes besides execution: on Arbitrum data is paid as gas, at what the parent chain takes for
    /// it, and nothing bounds the ratio of the two prices. Half of it on top, for until the transaction is mined.
    pub(super) async fn data_gas<P: Provider>(self, provider: &P, code: &Bytes) -> Result<u64, DeployError> {
        if self != Self::Arbitrum {
            return Ok(0);
        }
        let question = gasEstimateL1ComponentCall { to: Address::ZERO, contractCreation: true, data: code.clone() };
        let request = TransactionRequest::default().with_to(NODE_INTERFACE).with_input(question.abi_encode());
        let answer = provider.call(request).await;
        let answer = answer.map_err(DeployError::rpc("asking what data costs"))?;
        let told =
            gasEstimateL1ComponentCall::abi_decode_returns(&answer).map_err(|_| DeployError::DataGas { answer })?;
        Ok(told.gasEstimateForL1.saturating_add(told.gasEstimateForL1 / 2))
    }

    /// Time between two blocks of the chain whose number `block.number` is, where that is not the chain's own: Ethereum's, of
    /// which Arbitrum's chains show the newest block they know.
    pub(super) fn parent_block_time(self) -> Option<Duration> {
        (self == Self::Arbitrum).then_some(Duration::from_secs(12))
    }

    /// What number and hash of an anchor are checked with.
    pub fn blocks(self) -> &'static str {
        match self {
            Self::Plain | Self::OpStack => "NUMBER and BLOCKHASH",
            Self::Arbitrum => "ArbSys at 0x64",
        }
    }

    /// What tells the part of a refund that is for data; none where data is paid as gas.
    pub fn data_fee(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Arbitrum => Some("ArbGasInfo at 0x6c"),
            Self::OpStack => Some("GasPriceOracle at 0x420000000000000000000000000000000000000f"),
        }
    }
}

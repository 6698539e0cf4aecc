//! The words in which real nodes and providers refuse, by which callers have to know what is meant.
//!
//! Ranges: Alchemy (dank_mids#772, ethers.js#4703), Infura (infura#237, ethers.js#4703), BSC (alpha-wallet-android#2736),
//! reth and geth (their sources). Transactions: geth, core/txpool and internal/ethapi.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Who refuses a range of blocks, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RangeWords {
    /// Names a range that would do.
    Alchemy,
    /// Counts blocks.
    Infura,
    /// Names the most.
    Reth,
    /// Names the most in other words.
    Bsc,
    /// Names nothing.
    Bare,
}

impl RangeWords {
    /// Every wording.
    pub const ALL: [Self; 5] = [Self::Alchemy, Self::Infura, Self::Reth, Self::Bsc, Self::Bare];

    /// The error for the range from `first` to `last` where `most` blocks are allowed.
    pub(crate) fn error(self, first: u64, last: u64, most: u64) -> Value {
        let wide = last.saturating_sub(first).saturating_add(1);
        let fits = first.saturating_add(most.saturating_sub(1));
        match self {
            Self::Alchemy => error(
                -32600,
                &format!(
                    "You can make eth_getLogs requests with up to a {most} block range. Based on your parameters, this \
                     block range should work: [0x{first:x}, 0x{fits:x}]"
                ),
            ),
            Self::Infura => error(-32602, &format!("range {wide} exceeds limit of {most}")),
            Self::Reth => error(-32602, &format!("query exceeds max block range {most}")),
            Self::Bsc => error(-32000, &format!("exceed maximum block range: {most}")),
            Self::Bare => error(-32600, "block range too high"),
        }
    }
}

/// More logs than a provider hands out at once; it names a range that would do.
pub(crate) fn too_many_logs(first: u64, last: u64, most: usize) -> Value {
    let half = first + last.saturating_sub(first) / 2;
    let range = format!("[0x{first:x}, 0x{half:x}]");
    error(-32005, &format!("query returned more than {most} results. Try with this block range {range}."))
}

/// A longer answer than a provider sends.
pub(crate) fn too_large(first: u64, last: u64) -> Value {
    let half = first + last.saturating_sub(first) / 2;
    error(
        -32602,
        &format!(
            "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on \
             the response size, or you can request any block range with a cap of 10K logs in the response. Based on \
             your parameters and the response size limit, this block range should work: [0x{first:x}, 0x{half:x}]"
        ),
    )
}

/// Why a node does not take a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendWords {
    /// Its nonce is used.
    NonceTooLow,
    /// Another one with its nonce waits and pays as much.
    ReplacementUnderpriced,
    /// Less than the node's smallest tip.
    Underpriced,
    /// Its fee cap is below the base fee.
    FeeCapBelowBase,
    /// It could cost more than the node lets a caller spend.
    FeeCap,
    /// More than 128 KiB.
    OversizedData,
    /// Too little gas to begin with.
    IntrinsicGas,
    /// More gas than a block has.
    BlockGasLimit,
    /// The account cannot pay.
    InsufficientFunds,
    /// The node has it already.
    AlreadyKnown,
    /// No room.
    PoolFull,
}

impl SendWords {
    /// Every wording.
    pub const ALL: [Self; 11] = [
        Self::NonceTooLow,
        Self::ReplacementUnderpriced,
        Self::Underpriced,
        Self::FeeCapBelowBase,
        Self::FeeCap,
        Self::OversizedData,
        Self::IntrinsicGas,
        Self::BlockGasLimit,
        Self::InsufficientFunds,
        Self::AlreadyKnown,
        Self::PoolFull,
    ];

    pub(crate) fn error(self) -> Value {
        let message = match self {
            Self::NonceTooLow => "nonce too low: next nonce 12, tx nonce 11",
            Self::ReplacementUnderpriced => "replacement transaction underpriced",
            Self::Underpriced => "transaction underpriced: gas tip cap 1, minimum needed 1000000",
            Self::FeeCapBelowBase => {
                "max fee per gas less than block base fee: address 0x0000000000000000000000000000000000000001, \
                 maxFeePerGas: 1, baseFee: 875000000"
            }
            Self::FeeCap => "tx fee (1.50 ether) exceeds the configured cap (1.00 ether)",
            Self::OversizedData => "oversized data: transaction size 131177, limit 131072",
            Self::IntrinsicGas => "intrinsic gas too low: gas 20000, minimum needed 21000",
            Self::BlockGasLimit => "exceeds block gas limit",
            Self::InsufficientFunds => "insufficient funds for gas * price + value: balance 0, tx cost 1, overshot 1",
            Self::AlreadyKnown => "already known",
            Self::PoolFull => "txpool is full",
        };
        error(-32000, message)
    }
}

/// An error object of JSON-RPC.
pub(crate) fn error(code: i64, message: &str) -> Value {
    json!({"code": code, "message": message})
}

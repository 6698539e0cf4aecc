//! Flags of what an operator does on chain.

use clap::Args;

/// Flags of `keeper operator stake`.
#[derive(Debug, Clone, Args)]
pub struct StakeArgs {
    /// Part of the operator's deposit that backs this network, in percent
    #[arg(long, value_name = "1-100", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub percent: u8,
}

/// Flags of `keeper operator claim`.
#[derive(Debug, Clone, Args)]
pub struct ClaimArgs {
    /// Token earned; zero is the chain's own coin
    #[arg(long, default_value = "0x0000000000000000000000000000000000000000")]
    pub token: alloy::primitives::Address,
    /// Who gets it [default: the operator]
    #[arg(long)]
    pub to: Option<alloy::primitives::Address>,
}

//! Asks a resolver whether the target is to be called, and with what: tasks that Gelato Automate kept, unchanged.
//!
//! Gelato fixed the interface (`IResolver.checker`, with arguments of the creator's as they please, and a reason as text beside
//! `false`), not the fields of the call. Here they are those of a check of `upkeep`: from the zero address, with 10,000,000 gas, at
//! gas price zero. So a resolver that looks at `tx.gasprice` finds it low at any time: what a run may cost per gas is for the
//! job's own terms to say.

use alloy::primitives::Address;
use alloy::sol_types::SolCall;
use anyhow::{Context, Result};
use clap::{Args, ValueHint};
use contracts::terms::{ActionTerms, ResolverTerms};

use super::checked::{self, Verdict};
use super::{Hands, Made, Work};
use crate::executor::{Ended, MAX_OUTCOME_BYTES, MAX_REASON_BYTES};
use crate::jobs::flags::read_bytes;
use crate::jobs::{Rehearsal, Stage};

mod abi {
    alloy::sol! {
        function checker() external view returns (bool canExec, bytes execPayload);
    }
}

const NOTHING_TO_DO: &str = "the resolver has nothing to execute";
const NO_CALL: &str = "execPayload is shorter than a function's selector";
const TOO_MUCH: &str = "execPayload longer than an outcome may be";

/// Asks the resolver.
pub(super) async fn run(hands: Hands<'_>, terms: &ResolverTerms, work: &Work) -> Made {
    checked::run(hands, work, (terms.resolver, terms.calldata.clone()), end).await
}

fn end(verdict: Verdict) -> Ended {
    match verdict {
        Verdict::No(reason) => Ended::Skip(text(&reason).unwrap_or(NOTHING_TO_DO).to_owned()),
        Verdict::Yes(payload) if payload.len() < 4 => Ended::JobError(NO_CALL.to_owned()),
        Verdict::Yes(payload) if payload.len() > MAX_OUTCOME_BYTES => Ended::JobError(TOO_MUCH.to_owned()),
        Verdict::Yes(payload) => Ended::Call(payload.to_vec()),
    }
}

/// What is beside a `false`, where it is text and not the payload that would have been executed; no more of it than a reason may have.
fn text(reason: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(reason).ok().filter(|text| !text.is_empty() && !text.contains(char::is_control))?;
    Some(&text[..text.floor_char_boundary(MAX_REASON_BYTES)])
}

pub(super) async fn rehearse(terms: &ResolverTerms, stage: &Stage<'_>) -> Rehearsal {
    checked::rehearse(stage, (terms.resolver, terms.calldata.clone()), end).await
}

pub(super) fn flags(terms: &ResolverTerms) -> Vec<(&'static str, String)> {
    vec![
        ("action", "resolver".to_owned()),
        ("resolver", terms.resolver.to_string()),
        ("checker-data", terms.calldata.to_string()),
    ]
}

pub(super) fn rows(terms: &ResolverTerms) -> Vec<(&'static str, String)> {
    vec![("resolver", terms.resolver.to_string()), ("checker data", terms.calldata.to_string())]
}

/// Flags of a resolver.
#[derive(Debug, Clone, Args)]
pub(super) struct ResolverFlags {
    /// The contract that is asked whether the target is to be called
    #[arg(long, value_name = "ADDRESS")]
    resolver: Option<Address>,
    /// What the resolver is asked with: 0x-hex, or @FILE [default: checker()]
    #[arg(long, value_name = "BYTES", value_hint = ValueHint::FilePath)]
    checker_data: Option<String>,
}

impl ResolverFlags {
    pub(super) fn given(&self) -> Option<&'static str> {
        self.resolver.map(|_| "--resolver").or_else(|| self.checker_data.as_ref().map(|_| "--checker-data"))
    }

    pub(super) fn terms(&self) -> Result<ActionTerms> {
        let resolver = self.resolver.filter(|resolver| !resolver.is_zero());
        let resolver = resolver.context("--resolver is missing: say which contract is asked, by its address")?;
        let calldata = match &self.checker_data {
            Some(bytes) => read_bytes(bytes, "--checker-data")?,
            None => abi::checkerCall {}.abi_encode().into(),
        };
        Ok(ActionTerms::Resolver(ResolverTerms { resolver, calldata }))
    }
}

#[cfg(test)]
mod tests;

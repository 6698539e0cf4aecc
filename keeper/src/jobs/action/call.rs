//! Calls the target with the same bytes every time: nothing to fetch, to run or to read, so every keeper agrees.

use anyhow::{Context, Result};
use clap::{Args, ValueHint};
use contracts::terms::{ActionTerms, CallTerms};

use crate::executor::Ended;
use crate::jobs::flags::read_bytes;
use crate::jobs::{Rehearsal, Stage};

pub(super) fn run(terms: &CallTerms) -> Ended {
    Ended::Call(terms.calldata.to_vec())
}

pub(super) async fn rehearse(terms: &CallTerms, stage: &Stage<'_>) -> Rehearsal {
    stage.deliver(&terms.calldata).await
}

pub(super) fn flags(terms: &CallTerms) -> Vec<(&'static str, String)> {
    vec![("action", "call".to_owned()), ("calldata", terms.calldata.to_string())]
}

pub(super) fn rows(terms: &CallTerms) -> Vec<(&'static str, String)> {
    vec![("calldata", terms.calldata.to_string())]
}

/// Flags of a call without code.
#[derive(Debug, Clone, Args)]
pub(super) struct CallFlags {
    /// What the target is called with: 0x-hex, or @FILE
    #[arg(long, value_name = "BYTES", value_hint = ValueHint::FilePath)]
    calldata: Option<String>,
}

impl CallFlags {
    pub(super) fn given(&self) -> Option<&'static str> {
        self.calldata.as_ref().map(|_| "--calldata")
    }

    pub(super) fn terms(&self) -> Result<ActionTerms> {
        let calldata = self.calldata.as_deref();
        let calldata =
            calldata.context("--calldata is missing: say what the target is called with, 0x-hex or @FILE")?;
        Ok(ActionTerms::Call(CallTerms { calldata: read_bytes(calldata, "--calldata")? }))
    }
}

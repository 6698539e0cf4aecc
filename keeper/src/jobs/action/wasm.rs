//! Runs code, which decides what the target is called with. Code, its cache and its sandbox belong to this action alone.

use std::path::PathBuf;

use alloy::primitives::{Address, B256};
use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueHint};
use contracts::terms::{ActionTerms, ObservingTerms, WasmTerms};
use sha2::{Digest, Sha256};
use url::Url;

use super::{Hands, Made, Used, Work};
use crate::executor::{self, AllowList, BlockReference, Code, Executor, RunRequest};
use crate::jobs::flags::{read_bytes, read_file};
use crate::jobs::trigger::{Run, Told};

pub(super) fn is_ready(executor: &Executor, terms: &WasmTerms) -> bool {
    executor.is_ready(&code(terms))
}

/// Fetches and compiles the code.
pub(super) async fn prepare(executor: &Executor, terms: &WasmTerms, owner: Address) -> Result<(), String> {
    executor.prepare(&code(terms), owner.into()).await.map_err(|why| format!("{}: {why}", why.name()))
}

/// Runs the code.
pub(super) async fn run(hands: Hands<'_>, terms: &WasmTerms, work: &Work) -> Made {
    made(hands.executor.run(request(hands, terms, work)).await, work)
}

/// What the code is told.
pub(super) fn request(hands: Hands<'_>, terms: &WasmTerms, work: &Work) -> RunRequest {
    let Work { due, anchor, plan, sighting, is_late, .. } = work;
    let task = due.task;
    let Told { sequence, trigger } = plan.trigger.told(&Run::of(due), sighting.as_ref());
    let chain_id = hands.chain_id;
    RunRequest {
        code: code(terms),
        owner: plan.owner.into(),
        job_id: task.job.0,
        task_id: task.id().0.0,
        sequence,
        trigger,
        due: due.due,
        is_late: *is_late,
        params: terms.params.to_vec(),
        reference: BlockReference { chain_id, number: anchor.number, hash: anchor.hash.0, timestamp: anchor.timestamp },
    }
}

/// A run that was made.
pub(super) fn made(run: executor::Run, work: &Work) -> Made {
    for line in &run.logs {
        tracing::debug!(job = work.due.task.job.0, "job says: {line}");
    }
    let used = Used { fuel: run.fuel, memory_bytes: run.memory_bytes, logs: run.logs };
    Made { ended: run.ended, transcript: B256::from(run.transcript_root), took: run.took, used }
}

pub(super) fn rows(terms: &WasmTerms) -> Vec<(&'static str, String)> {
    vec![("code URL", terms.code_url.clone()), ("params", terms.params.to_string())]
}

fn code(terms: &WasmTerms) -> Code {
    Code { url: terms.code_url.clone(), hash: terms.code_hash.0 }
}

pub(super) fn flags(terms: &WasmTerms) -> Vec<(&'static str, String)> {
    let WasmTerms { code_url, code_hash, params } = terms;
    vec![
        ("action", "wasm".to_owned()),
        ("code-url", code_url.clone()),
        ("code-hash", code_hash.to_string()),
        ("params", params.to_string()),
    ]
}

/// Flags of an action that runs code.
#[derive(Debug, Clone, Args)]
pub(super) struct WasmFlags {
    /// Where keepers fetch the code: https, ipfs, or for local use http, file, data
    #[arg(long)]
    code_url: Option<Url>,
    /// The code itself, to compute its hash
    #[arg(long, value_name = "FILE", conflicts_with = "code_hash")]
    code: Option<PathBuf>,
    /// SHA-256 of the code
    #[arg(long, value_name = "HASH")]
    code_hash: Option<B256>,
    /// Bytes handed to the code: 0x-hex, or @FILE [default: none]
    #[arg(long, value_name = "BYTES", value_hint = ValueHint::FilePath)]
    params: Option<String>,
    /// The hosts that the code may ask, where it looks outside the chain: api.example.com, or for local use 127.0.0.1:8080
    #[arg(long, value_name = "HOST", num_args = 1..=16, value_delimiter = ',')]
    allow_host: Option<Vec<String>>,
}

impl WasmFlags {
    pub(super) fn given(&self) -> Option<&'static str> {
        let given = [
            ("--code-url", self.code_url.is_some()),
            ("--code", self.code.is_some()),
            ("--code-hash", self.code_hash.is_some()),
            ("--params", self.params.is_some()),
            ("--allow-host", self.allow_host.is_some()),
        ];
        given.into_iter().find_map(|(flag, is_given)| is_given.then_some(flag))
    }

    pub(super) fn terms(&self) -> Result<ActionTerms> {
        let code_url = self.code_url.as_ref().context("--code-url is missing: say where keepers fetch the code")?;
        let code_hash = match (&self.code, self.code_hash) {
            (_, Some(hash)) => hash,
            (Some(path), None) => B256::from_slice(&Sha256::digest(read_file(path, "--code")?)),
            (None, None) => bail!("the code is not pinned: pass --code FILE or --code-hash HASH"),
        };
        let params = read_bytes(self.params.as_deref().unwrap_or("0x"), "--params")?;
        let code = WasmTerms { code_url: code_url.to_string(), code_hash, params };
        let Some(hosts) = self.allow_host.clone() else { return Ok(ActionTerms::Wasm(code)) };
        AllowList::new(hosts.clone()).map_err(|why| anyhow!("--allow-host: {why}"))?;
        Ok(ActionTerms::Observing(ObservingTerms { code, hosts }))
    }
}

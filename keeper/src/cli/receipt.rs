//! `keeper job receipt`: everything that shows what settled of a run, in one file. It is made of the settling transaction's
//! calldata and of what the contracts keep for ever; a keeper's record says which transaction that is, else the logs do.

mod again;
mod make;

use std::path::PathBuf;

use alloy::primitives::B256;
use anyhow::{Context, Result, anyhow};
use clap::Args;
use serde_json::{Value, json};

pub(super) use again::{Again, History, Unable, had};
pub(super) use make::{report_of, settled_in, unfit};

use super::chain::Chain;
use super::dispute::Which;
use super::output::{answer, rows};
use super::{Exit, Global, WithExit};
use crate::jobs::flags::{RunName, parse_run};
use crate::receipt::Receipt;

/// Flags of `keeper job receipt`.
#[derive(Debug, Clone, Args)]
pub struct ReceiptArgs {
    /// Job id
    job: u64,
    /// Which of its runs, counted from 0; or its instance key, as `keeper job runs --json` has it
    #[arg(value_parser = parse_run)]
    run: RunName,
    /// Version of the job; needed where the run settled under several
    #[arg(long, value_name = "VERSION")]
    job_version: Option<u32>,
    /// The transaction that settled it [default: by this keeper's record, or the chain's logs]
    #[arg(long, value_name = "HASH")]
    transaction: Option<B256>,
    /// Write it to this file, which must not be there yet [default: print it]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Do not make the run again: the receipt has neither fuel nor reads then, and of a skip or an error not the words
    #[arg(long)]
    no_run: bool,
}

pub(super) async fn make(global: &Global, args: &ReceiptArgs) -> Result<Exit> {
    let chain = Chain::connect(global, &global.settings()?).await?;
    let again = Again::new(global, &chain)?;
    let which = Which { job: args.job, run: args.run, version: args.job_version };
    let (receipt, unrun) = again.receipt(global, which, args.transaction, !args.no_run).await?;
    if let Some(why) = &unrun {
        tracing::warn!("{why}");
    }
    let Some(file) = &args.out else {
        let document = serde_json::to_value(&receipt).context("a receipt is JSON")?;
        answer(global, document, &receipt.text());
        return Ok(Exit::Success);
    };
    write(file, &receipt.text())?;
    let document = json!({"file": file, "receipt": summary(&receipt), "run_missing": unrun});
    let mut lines = described(&receipt);
    lines.push(("file", file.display().to_string()));
    if let Some(why) = unrun {
        lines.push(("without", format!("its run: {why}")));
    }
    answer(global, document, &rows(&lines));
    Ok(Exit::Success)
}

/// Where compiled code is kept: where the keeper of this data directory keeps its own.
pub(super) fn cache_of(global: &Global) -> Result<PathBuf> {
    let paths = global.paths()?;
    Ok(global.settings()?.cache_dir.unwrap_or_else(|| paths.cache().to_owned()))
}

/// Writes a file that is not there yet: receipts are kept.
fn write(file: &std::path::Path, text: &str) -> Result<()> {
    use std::io::Write;
    let written = std::fs::File::create_new(file).and_then(|mut to| to.write_all(text.as_bytes()));
    if written.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::AlreadyExists) {
        let why = format!("{} is there already: name another file with --out, or move it away", file.display());
        return Err(anyhow!(why)).exit(Exit::Usage);
    }
    written.with_context(|| format!("could not write {} (named by --out)", file.display()))
}

/// What a receipt is about, as rows for people.
pub(super) fn described(receipt: &Receipt) -> Vec<(&'static str, String)> {
    let Receipt { task, anchor, outcome, batch, settlement, .. } = receipt;
    let run = task.run.map_or_else(|| task.instance.to_string(), |run| run.to_string());
    let bytes = outcome.data.as_ref().map_or_else(|| "not kept".to_owned(), |data| format!("{} bytes", data.len()));
    let mut lines = vec![
        ("task", format!("run {run} of job {}, version {}, on chain {}", task.job, task.version, receipt.chain_id)),
        ("outcome", format!("{}, {bytes}, hash {}", outcome.status, outcome.hash)),
        ("code", outcome.code_hash.to_string()),
        ("pinned to", format!("block {}, {}", anchor.number, anchor.hash)),
        ("signed", format!("in epoch {}, batch {}", batch.epoch, batch.root)),
        ("settled", format!("in block {} by {}", settlement.block, settlement.transaction)),
    ];
    if let Some(tape) = &receipt.run {
        let (fuel, memory, reads) = (tape.ended.fuel, tape.ended.memory_bytes, tape.reads.len());
        lines.push(("used", format!("{fuel} fuel, {memory} bytes of memory, {reads} chain reads")));
    }
    lines
}

/// The same as a document.
pub(super) fn summary(receipt: &Receipt) -> Value {
    let Receipt { task, anchor, outcome, batch, settlement, .. } = receipt;
    json!({
        "chain_id": receipt.chain_id,
        "task_id": task.id,
        "job_id": task.job,
        "version": task.version,
        "instance": task.instance,
        "run": task.run,
        "anchor": anchor,
        "status": outcome.status,
        "outcome_hash": outcome.hash,
        "code_hash": outcome.code_hash,
        "epoch": batch.epoch,
        "root": batch.root,
        "transaction": settlement.transaction,
        "fuel": receipt.run.as_ref().map(|tape| tape.ended.fuel),
    })
}

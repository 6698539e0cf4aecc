//! `keeper job runs` and `keeper job watch`: what the keeper of this data directory has recorded of a job's runs. Both read its
//! file, whether it runs or not, and ask neither it nor the chain.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy::primitives::{Address, B256};
use anyhow::{Context, Result};
use clap::Args;
use consensus::task::{JobId, Task};
use consensus::time::Time;
use contracts::terms::ended;
use serde_json::{Value, json};

use super::{Exit, Global, answer};
use crate::archive::{Error, Found, Reader, Run, Settlement};
use crate::chain::convert::run_number;
use crate::cli::output::say;
use crate::shutdown;
use crate::text::shown;

/// Pause between two looks of whoever follows a job.
const PAUSE: Duration = Duration::from_millis(500);
/// Runs read in one look; what has changed besides comes with the next.
const READ_MAX: u32 = 4_096;
/// What stands above the columns.
const HEAD: [&str; 9] = ["due", "run", "state", "late", "led by", "signed", "submitted by", "gas", "delivered"];
/// How wide the columns are at least where a run is printed without knowing the next.
const WIDTHS: [usize; 9] = [20, 6, 9, 6, 11, 9, 12, 7, 0];
/// What is not there, or not known.
const NONE: &str = "-";

/// Flags of `keeper job runs`.
#[derive(Debug, Clone, Args)]
pub struct RunsArgs {
    /// Job id
    id: u64,
    /// Most runs to show, the last due first
    #[arg(long, default_value_t = 20, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Only runs that were not settled by their deadline, nor since
    #[arg(long)]
    missed: bool,
}

/// Flags of `keeper job watch`.
#[derive(Debug, Clone, Args)]
pub struct WatchArgs {
    /// Job id
    id: u64,
}

pub(in crate::cli) fn runs(global: &Global, args: &RunsArgs) -> Result<Exit> {
    let path = global.paths()?.archive();
    let reader = Reader::open(&path)?;
    let found = reader.newest(JobId(args.id), args.limit, args.missed)?;
    let (operator, now) = (reader.operator, now());
    let documents: Vec<Value> = found.iter().map(|found| document(found, operator, now)).collect();
    let text = match found.is_empty() {
        true => {
            let what = if args.missed { "missed run" } else { "run" };
            format!("no {what} of job {} is recorded in {}\n", args.id, path.display())
        }
        false => table(&found.iter().map(|found| cells(found, operator, now)).collect::<Vec<_>>()),
    };
    answer(global, json!({"job_id": args.id, "operator": operator.to_string(), "runs": documents}), &text);
    Ok(Exit::Success)
}

pub(in crate::cli) async fn watch(global: &Global, args: &WatchArgs) -> Result<Exit> {
    let path = global.paths()?.archive();
    let mut last = Reader::open(&path)?.last_change()?;
    let stop = shutdown::on_signal().context("could not watch for signals")?;
    // Whoever reads JSON needs no head; whoever reads a table sees by it that something is followed.
    if !global.json && say(global, Value::Null, &line(HEAD.map(str::to_owned), WIDTHS)).is_err() {
        return Ok(Exit::Success);
    }
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(Exit::Success),
            () = tokio::time::sleep(PAUSE) => {}
        }
        let opened = Reader::open(&path);
        let read = opened.and_then(|reader| {
            let found = reader.changed_since(JobId(args.id), last, READ_MAX)?;
            Ok((found, reader.operator))
        });
        let (found, operator) = match read {
            Ok(read) => read,
            // The keeper begins a file anew, or its disk has a bad moment.
            Err(Error::Missing { .. } | Error::Locked { .. } | Error::Disk { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        for found in found {
            last = last.max(found.changed);
            let (document, cells) = (document(&found, operator, now()), cells(&found, operator, now()));
            // Nobody reads any more (`| head`).
            if say(global, document, &line(cells, WIDTHS)).is_err() {
                return Ok(Exit::Success);
            }
        }
    }
}

/// A run as a JSON object. Moments are Unix seconds, and what ends in `_ms` is milliseconds from the due moment on, as in the
/// API; `null` is what has not happened or is not known.
fn document(found: &Found, operator: Address, now: u64) -> Value {
    let Found { task, run, .. } = found;
    let after_due = |at: Option<Time>| Some(at?.0.saturating_sub(run.due?.saturating_mul(1_000)));
    let settled = run.settled.as_ref();
    let is_call = settled.is_some_and(|settled| settled.status == ended::CALL);
    json!({
        "task_id": task.id().0.to_string(),
        "job_id": task.job.0,
        "version": task.version,
        "instance": task.instance.0.to_string(),
        "run": run_number(task.instance.0),
        "due": run.due,
        "state": run.state(now),
        "missed": run.is_missed(),
        "attempts": run.attempts,
        "first_started_ms": after_due(run.first_started),
        "last_started_ms": after_due(run.last_started),
        "anchor": settled.map(|settled| settled.anchor).or(run.anchor),
        "leader": run.leader.map(|leader| leader.to_string()),
        "led_by_this_keeper": run.leader.map(|leader| leader == operator),
        "result": (!run.result.is_empty()).then_some(&run.result),
        "reason": run.reason,
        "signed_ms": after_due(run.signed),
        "certified_ms": after_due(run.certified),
        "sent_ms": after_due(run.sent),
        "submitter": settled.map(|settled| settled.submitter.to_string()),
        "submitted_by_this_keeper": settled.map(|settled| settled.submitter == operator),
        "transaction": settled.map(|settled| settled.tx.to_string()),
        "block": settled.map(|settled| settled.block),
        "settled": settled.map(|settled| settled.timestamp),
        "late_seconds": settled.map(|settled| settled.seconds_late),
        "gas": run.gas_of(operator),
        "delivered": settled.filter(|_| is_call).map(|settled| settled.delivered),
        "undelivered": (!run.undelivered.is_empty()).then_some(&run.undelivered),
        "reopened": run.reopened,
        "expired_ms": after_due(run.expired),
    })
}

/// A run as the columns of a table.
fn cells(found: &Found, operator: Address, now: u64) -> [String; 9] {
    let Found { task, run, due, .. } = found;
    let none = || NONE.to_owned();
    let who =
        |address: Address| if address == operator { "this keeper".to_owned() } else { short(&address.to_string()) };
    let settled = run.settled.as_ref();
    [
        due.clone().or_else(|| run.due.map(|due| due.to_string())).unwrap_or_else(none),
        named(task),
        run.state(now).to_owned(),
        settled.map_or_else(none, |settled| format!("{} s", settled.seconds_late)),
        run.leader.map_or_else(none, who),
        signed(run).unwrap_or_else(none),
        settled.map_or_else(none, |settled| who(settled.submitter)),
        run.gas_of(operator).map_or_else(none, |gas| gas.to_string()),
        shown(&delivered(run)),
    ]
}

/// How long after the due moment this keeper signed it.
fn signed(run: &Run) -> Option<String> {
    let (signed, due) = (run.signed?, run.due?);
    let late = signed.0.saturating_sub(due.saturating_mul(1_000));
    Some(format!("+{}.{:02} s", late / 1_000, late % 1_000 / 10))
}

/// Whether the target took the outcome, or why not. Jobs and targets may say anything.
fn delivered(run: &Run) -> String {
    let with = |words: &str, why: &str| if why.is_empty() { words.to_owned() } else { format!("{words}: {why}") };
    match run.settled {
        Some(Settlement { status: ended::SKIP, .. }) => with("nothing to deliver", &run.reason),
        Some(Settlement { status: ended::JOB_ERROR, .. }) => with("no: the job failed", &run.reason),
        Some(Settlement { delivered: true, .. }) => "yes".to_owned(),
        Some(_) if run.undelivered.is_empty() => "no: the target did not take it".to_owned(),
        Some(_) => format!("no: {}", run.undelivered),
        None if run.expired.is_some() && run.reason.is_empty() => {
            "missed: no quorum agreed, or nobody could send it".to_owned()
        }
        None if run.is_missed() => format!("missed: {}", run.reason),
        None if run.reason.is_empty() => NONE.to_owned(),
        None => run.reason.clone(),
    }
}

/// The number of a run, or for one that has none the beginning of its key.
fn named(task: &Task) -> String {
    run_number(task.instance.0).map_or_else(|| short(&B256::to_string(&task.instance.0)), |run| run.to_string())
}

/// The ends of an address or a hash.
fn short(hex: &str) -> String {
    let end = hex.len().saturating_sub(4);
    format!("{}…{}", hex.get(..6).unwrap_or(hex), hex.get(end..).unwrap_or_default())
}

/// Rows under a head, as wide as what is in them.
fn table(rows: &[[String; 9]]) -> String {
    let head = HEAD.map(str::to_owned);
    let mut widths = [0; 9];
    for row in [&head].into_iter().chain(rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let lines = [head].into_iter().chain(rows.iter().cloned()).map(|row| line(row, widths) + "\n");
    lines.collect()
}

fn line(cells: [String; 9], widths: [usize; 9]) -> String {
    let padded: Vec<String> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
    padded.join("  ").trim_end().to_owned()
}

/// This machine's time, in Unix seconds.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests;

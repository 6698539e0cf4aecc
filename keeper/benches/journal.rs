//! Signatures per second that the journal allows: with group commit, as keepers run it, against one fdatasync for each.
//!
//! Both in one run on one disk, in turns, so that what else the machine does hits both. Arguments: `--json`.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use keeper::journal::{Answer, Identity, Journal, JournalHandle, Missing, Record};
use keeper::metrics::Metrics;
use prometheus_client::registry::Registry;
use serde_json::json;

/// Batches that wait for their signature at the same time: a busy second of a keeper with many jobs.
const CALLERS: u64 = 64;
/// Signatures per caller and turn.
const EACH: u64 = 16;
/// Turns of each kind.
const TURNS: u64 = 5;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    // Beside the build, not in the system's folder for temporary files: that one is often no disk at all.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).context("no folder to measure in")?;
    let (mut grouped, mut single) = (Vec::new(), Vec::new());
    for turn in 0..TURNS {
        let open = |name: &str| {
            let path = directory.path().join(format!("{name}-{turn}.bin"));
            Journal::open(&path, Identity::new(&[1; 96], [2; 32].into()), Missing::Create)
        };
        grouped.push(with_group_commit(&runtime, open("grouped")?)?);
        single.push(one_sync_each(open("single")?)?);
    }
    let [grouped, single] = [median(grouped), median(single)];
    let ratio = grouped / single;
    let document = json!({
        "benchmark": "journal",
        "callers": CALLERS,
        "signatures": CALLERS * EACH,
        "turns": TURNS,
        "signatures_per_second": {"group_commit": grouped.round(), "one_sync_each": single.round()},
        "ratio": (ratio * 10.0).round() / 10.0,
    });
    let text = format!(
        "journal, {CALLERS} callers: {grouped:.0} signatures/s with group commit, {single:.0} with one fdatasync each: \
         {ratio:.1} times as many"
    );
    let wants_json = std::env::args().any(|argument| argument == "--json");
    #[expect(clippy::print_stdout, reason = "the answer of a program")]
    if wants_json {
        println!("{document}");
    } else {
        println!("{text}");
    }
    Ok(())
}

/// One report per signature, each at a place of its own.
fn record(caller: u64, number: u64) -> Record {
    let mut task_id = [0; 32];
    task_id[..8].copy_from_slice(&caller.to_be_bytes());
    let mut anchor_hash = [0; 32];
    anchor_hash[..8].copy_from_slice(&number.to_be_bytes());
    Record {
        task_id: task_id.into(),
        anchor_number: number,
        anchor_hash: anchor_hash.into(),
        input_hash: [0; 32].into(),
        digest: [7; 32].into(),
    }
}

/// Signatures per second of callers that wait for their own signatures only.
fn with_group_commit(runtime: &tokio::runtime::Runtime, journal: Journal) -> Result<f64> {
    let (handle, writer) = JournalHandle::spawn(journal, Metrics::register(&mut Registry::default()));
    let started = Instant::now();
    let answers: Vec<Result<()>> = runtime.block_on(async {
        let mut callers = tokio::task::JoinSet::new();
        for caller in 0..CALLERS {
            let handle = handle.clone();
            callers.spawn(async move {
                for number in 0..EACH {
                    let outcome = handle.record(vec![record(caller, number)]).await?;
                    ensure!(outcome == Answer::Recorded, "{outcome:?}");
                }
                Ok(())
            });
        }
        callers.join_all().await
    });
    let took = started.elapsed();
    answers.into_iter().collect::<Result<Vec<()>>>()?;
    drop(handle);
    ensure!(writer.join().is_ok(), "the journal's writer panicked");
    Ok(per_second(took))
}

/// Signatures per second when each is on the disk before the next begins.
fn one_sync_each(mut journal: Journal) -> Result<f64> {
    let started = Instant::now();
    for number in 0..EACH {
        for caller in 0..CALLERS {
            let outcome = journal.record(&[record(caller, number)])?;
            ensure!(outcome == Answer::Recorded, "{outcome:?}");
        }
    }
    Ok(per_second(started.elapsed()))
}

fn per_second(took: Duration) -> f64 {
    (CALLERS * EACH) as f64 / took.as_secs_f64()
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

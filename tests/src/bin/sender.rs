//! `sender`: runs the sender of transactions against a model of the world, seed by seed. See `tests::sender`.

use std::ops::Range;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use serde_json::json;
use tests::sender::plants::{ALL, Plant};
use tests::sender::{Options, Summary, run};

/// Runs the real lane over seeded mempools, fee markets, reorganisations, lying nodes and crashes.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seeds to run, as FROM..TO; TO is not run.
    #[arg(long, value_parser = seeds, default_value = "0..1000")]
    seeds: Range<u64>,
    /// Plants a bug that must be found; `list` prints the names.
    #[arg(long)]
    plant: Option<String>,
    /// Runs this seed alone, and tells what happens.
    #[arg(long)]
    replay: Option<u64>,
}

fn seeds(text: &str) -> Result<Range<u64>> {
    let (from, to) = text.split_once("..").context("seeds are given as FROM..TO, say 0..1000")?;
    let range = from.parse()?..to.parse()?;
    anyhow::ensure!(!range.is_empty(), "no seed lies in {text}: the first number must be the smaller one");
    Ok(range)
}

#[expect(clippy::print_stdout, reason = "a command line tool")]
fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    if arguments.plant.as_deref() == Some("list") {
        ALL.iter().for_each(|plant| println!("{}", plant.name()));
        return Ok(ExitCode::SUCCESS);
    }
    let plant = arguments.plant.as_deref().map(|name| {
        Plant::from_name(name).with_context(|| format!("there is no planted bug called {name}: see --plant list"))
    });
    let options = Options {
        seeds: arguments.replay.map_or(arguments.seeds, |seed| seed..seed + 1),
        plant: plant.transpose()?,
        verbose: arguments.replay.is_some(),
    };
    let begun = Instant::now();
    let summary = run(&options, |_| false);
    let missing = if arguments.replay.is_some() { Vec::new() } else { summary.missing() };
    println!("{:#}", document(&summary));
    eprintln!("{:.1} seeds/s", summary.seeds as f64 / begun.elapsed().as_secs_f64());
    if let Some(seed) = summary.first_bad_seed() {
        let plant = arguments.plant.map(|name| format!(" --plant {name}")).unwrap_or_default();
        eprintln!("to replay: cargo run -p tests --bin sender -- --replay {seed}{plant}");
    }
    if !missing.is_empty() {
        eprintln!("never occurred in these seeds: {}; run more of them", missing.join(", "));
    }
    let good = summary.violations.is_empty() && missing.is_empty();
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn document(summary: &Summary) -> serde_json::Value {
    let violations: Vec<_> = summary
        .violations
        .iter()
        .map(|found| json!({"seed": found.seed, "at_ms": found.at, "kind": found.kind, "detail": found.detail}))
        .collect();
    json!({
        "seeds": summary.seeds,
        "contents": summary.contents,
        "events": summary.events,
        "sent": summary.sent,
        "wasted": summary.wasted,
        "faults": summary.faults,
        "violations": violations,
        "hash": format!("{:016x}", summary.hash),
    })
}

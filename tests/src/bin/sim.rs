//! `sim`: runs the protocol against faults and hostile keepers, seed by seed. See `tests::sim`.

use std::ops::Range;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use serde_json::json;
use tests::sim::plant::{self, Plant};
use tests::sim::{Options, Summary, run};

/// Runs real engines, journals and schedulers over a seeded queue of events, with faults and hostile keepers.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seeds to run, as FROM..TO; TO is not run.
    #[arg(long, value_parser = seeds, default_value = "0..100")]
    seeds: Range<u64>,
    /// Keepers in the mesh.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(4..=128))]
    keepers: u16,
    /// How many of them are hostile; they must hold less than a third of the stake.
    #[arg(long, default_value_t = 2)]
    byzantine: u16,
    /// Plants a bug that must be found; `list` prints the names.
    #[arg(long)]
    plant: Option<String>,
    /// Runs this seed alone, and tells every violation.
    #[arg(long)]
    replay: Option<u64>,
    /// Signs with blst and ed25519 in the place of the cheap stand-ins.
    #[arg(long)]
    real_crypto: bool,
    /// One JSON object on standard output.
    #[arg(long)]
    json: bool,
}

fn seeds(text: &str) -> Result<Range<u64>> {
    let (from, to) = text.split_once("..").context("seeds are given as FROM..TO, say 0..200")?;
    let range = from.parse()?..to.parse()?;
    anyhow::ensure!(!range.is_empty(), "no seed lies in {text}: the first number must be the smaller one");
    Ok(range)
}

#[expect(clippy::print_stdout, reason = "a command line tool")]
fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    if arguments.plant.as_deref() == Some("list") {
        plant::ALL.iter().for_each(|plant| println!("{}", plant.name()));
        return Ok(ExitCode::SUCCESS);
    }
    let plant = arguments.plant.as_deref().map(|name| {
        Plant::from_name(name).with_context(|| format!("there is no planted bug called {name}: see --plant list"))
    });
    anyhow::ensure!(
        arguments.byzantine * 3 < arguments.keepers,
        "--byzantine {} of --keepers {}: the protocol promises nothing from a third on",
        arguments.byzantine,
        arguments.keepers
    );
    let options = Options {
        seeds: arguments.replay.map_or(arguments.seeds.clone(), |seed| seed..seed + 1),
        keepers: usize::from(arguments.keepers),
        byzantine: usize::from(arguments.byzantine),
        plant: plant.transpose()?,
        verbose: arguments.replay.is_some(),
        real_crypto: arguments.real_crypto,
    };
    let begun = Instant::now();
    let summary = run(&options, |_| false);
    let seconds = begun.elapsed().as_secs_f64();
    let missing = if arguments.replay.is_some() { Vec::new() } else { summary.missing() };
    if arguments.json {
        println!("{}", document(&summary));
    } else {
        println!("{:#}", document(&summary));
        eprintln!("{:.1} seeds/s, {} wasted transactions", summary.seeds as f64 / seconds, summary.wasted);
    }
    if summary.unsettled > 0 {
        eprintln!("unsettled in seeds {:?}", summary.unsettled_seeds);
    }
    if let Some(seed) = summary.first_bad_seed() {
        eprintln!("to replay: {}", replay_line(&arguments, seed));
    }
    if !missing.is_empty() {
        eprintln!("never occurred in these seeds: {}; run more of them", missing.join(", "));
    }
    let good = summary.is_clean() && missing.is_empty();
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
        "tasks": summary.tasks,
        "events": summary.events,
        "faults": summary.faults,
        "actors": summary.actors,
        "violations": violations,
        "unsettled": summary.unsettled,
        "hash": format!("{:016x}", summary.hash),
    })
}

fn replay_line(arguments: &Arguments, seed: u64) -> String {
    let plant = arguments.plant.as_ref().map(|name| format!(" --plant {name}")).unwrap_or_default();
    let real = if arguments.real_crypto { " --real-crypto" } else { "" };
    let (keepers, byzantine) = (arguments.keepers, arguments.byzantine);
    format!("cargo run -p tests --bin sim -- --replay {seed} --keepers {keepers} --byzantine {byzantine}{plant}{real}")
}

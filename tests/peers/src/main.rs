//! `agg-cpu`: what a partial costs the one that aggregates, here and in EigenLayer's aggregator, in one run.
//!
//! Both sides are driven whole, in one process and one thread, with what arrives from the network: the partials of the
//! first quorum of operators. The clock runs from the first of them to the certificate.
//!
//! | | this project | eigen-services-blsaggregation 2.0.0 |
//! |---|---|---|
//! | driven through | `consensus::Engine::handle` | `ServiceHandle::process_signature` |
//! | a partial is | CBOR bytes with a compressed point | a struct with a decoded point: decoding is not counted |
//! | decoding, canonical form, subgroup check | yes | no |
//! | budgets, membership, duplicates, Merkle root | yes | membership, duplicates |
//! | signatures checked | together, once | each one |
//! | curve | BLS12-381 (about 120 bits) | BN254 (about 100 bits) |
//!
//! Where ours goes, at n = 64 on one 2-vCPU machine: 70 us of each 160 are decompression and the subgroup check of one
//! point, the rest is the one check under random weights (1.0 ms for the pairings, 1.7 ms for the weights). The aims were
//! set for points that are summed unweighted and checked as a sum; every partial is judged by itself instead.
//!
//! Sides alternate; a figure is the median of the ratios of neighbouring rounds. Times are CPU time of the process and
//! depend on the machine and its load; the ratios hardly do.

mod ours;
mod peer;

use anyhow::{Context, Result};
use clap::Parser;
use nix::time::{ClockId, clock_gettime};
use serde_json::json;

/// Rounds of each side; odd, so that there is a median.
const ROUNDS: usize = 9;

/// What is measured with one committee size.
struct Case {
    operators: usize,
    /// Tasks in one round.
    tasks: u64,
    /// How many times less CPU per partial is aimed at.
    aim: f64,
    /// A ratio below this fails the run: three quarters of what there was when it was set.
    floor: f64,
}

const CASES: [Case; 3] = [
    Case { operators: 4, tasks: 24, aim: 5.0, floor: 3.0 },
    Case { operators: 16, tasks: 8, aim: 18.0, floor: 6.0 },
    Case { operators: 64, tasks: 3, aim: 40.0, floor: 11.0 },
];

#[derive(Parser)]
#[command(about = "Leader CPU per partial against EigenLayer's aggregator")]
struct Arguments {
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// The figures of one committee size.
struct Row {
    case: &'static Case,
    quorum: usize,
    /// Medians, in microseconds of CPU per partial.
    ours: f64,
    peer: f64,
    /// Smallest, median and largest ratio of two neighbouring rounds.
    ratio: [f64; 3],
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let rows = CASES.iter().map(measure).collect::<Result<Vec<Row>>>()?;
    show(&rows, arguments.json);
    let slow = rows.iter().filter(|row| row.ratio[1] < row.case.floor);
    let slow: Vec<usize> = slow.map(|row| row.case.operators).collect();
    anyhow::ensure!(slow.is_empty(), "the ratio has fallen below its floor for n = {slow:?}");
    Ok(())
}

fn measure(case: &'static Case) -> Result<Row> {
    let &Case { operators, tasks, .. } = case;
    let quorum = (2 * operators).div_ceil(3);
    let ours = ours::Mesh::new(operators);
    let mut peer = peer::Peer::new(operators)?;
    let partials = (tasks * quorum as u64) as f64;
    let (mut our_costs, mut peer_costs) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS as u64 {
        let first = round * tasks;
        let mut total = [0; 2];
        for task in first..first + tasks {
            total[0] += ours.aggregate(task, quorum)?;
            total[1] += peer.aggregate(task, quorum)?;
        }
        // The first round warms caches and allocators.
        if round > 0 {
            our_costs.push(total[0] as f64 / 1e3 / partials);
            peer_costs.push(total[1] as f64 / 1e3 / partials);
        }
    }
    let ratios = sorted(our_costs.iter().zip(&peer_costs).map(|(ours, peer)| peer / ours).collect());
    let (our_costs, peer_costs) = (sorted(our_costs), sorted(peer_costs));
    Ok(Row {
        case,
        quorum,
        ours: our_costs[ROUNDS / 2],
        peer: peer_costs[ROUNDS / 2],
        ratio: [ratios[0], ratios[ROUNDS / 2], ratios[ROUNDS - 1]],
    })
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

fn show(rows: &[Row], as_json: bool) {
    if as_json {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                json!({
                    "n": row.case.operators, "quorum": row.quorum, "ours_us": row.ours, "peer_us": row.peer,
                    "ratio": row.ratio[1], "ratio_min": row.ratio[0], "ratio_max": row.ratio[2], "aim": row.case.aim,
                })
            })
            .collect();
        let peer = "eigen-services-blsaggregation 2.0.0";
        println!("{}", json!({ "schema": 1, "benchmark": "agg-cpu", "peer": peer, "rounds": ROUNDS, "rows": rows }));
        return;
    }
    println!("CPU per partial of a quorum, median of {ROUNDS} rounds; ratio: median (smallest to largest)");
    for row in rows {
        println!(
            "n = {:3}, quorum {:2}: ours {:7.1} us, peer {:7.1} us, ratio {:5.1} ({:.1} to {:.1}), aim {}",
            row.case.operators, row.quorum, row.ours, row.peer, row.ratio[1], row.ratio[0], row.ratio[2], row.case.aim,
        );
    }
}

/// CPU time this process has used, in nanoseconds. Everything measured runs on its one thread.
fn cpu_nanoseconds() -> Result<u64> {
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).context("reading the CPU clock of the process")?;
    Ok(u64::try_from(time.tv_sec())? * 1_000_000_000 + u64::try_from(time.tv_nsec())?)
}

//! On EigenLayer's real core, a keeper that signs two results is found out by the others and slashed without anybody's
//! help, while every task settles. Real keepers, a real mesh; run by tests/eigenlayer.sh.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use eigenlayer::DEPOSIT;
use serde_json::Value;

/// Runs a swarm to its end and returns its proof document.
fn swarm(flags: &[&str]) -> Result<Value> {
    let program = std::env::var_os("SWARM").context("SWARM names no swarm binary; start tests/eigenlayer.sh")?;
    let output = Command::new(&program)
        .args(["--once", "--json", "--eigenlayer", "--tasks", "20"])
        .args(flags)
        .env("EIGENLAYER", env!("CARGO_BIN_EXE_eigenlayer"))
        .output()
        .with_context(|| format!("SWARM={} does not start", program.display()))?;
    let log = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the swarm failed ({}):\n{log}", output.status);
    serde_json::from_slice(&output.stdout).context("the swarm printed no JSON")
}

fn stake(of: &Value) -> Result<u128> {
    of.as_str().context("a stake is a decimal string")?.parse().context("a stake is a decimal string")
}

#[test]
fn a_keeper_that_signs_two_results_loses_its_stake_on_eigenlayer() -> Result<()> {
    let proof = swarm(&["--equivocate", "1"])?;
    let tasks = &proof["tasks"];
    ensure!(tasks["settled"].as_u64() >= Some(20), "{proof:#}");
    ensure!(tasks["missed"] == 0 && tasks["duplicates"] == 0, "{proof:#}");
    let slashed = proof["slashed"].as_array().context("slashed")?;
    ensure!(slashed.len() == 1, "{proof:#}");
    let stakes = proof["stakes"].as_object().context("stakes")?;
    ensure!(stakes.len() == 5, "{proof:#}");
    // the newest epoch counts on the others alone, with all they have
    let counted = proof["counted"].as_object().context("counted")?;
    ensure!(counted.len() == 4 && slashed.iter().all(|one| !counted.contains_key(one.as_str().unwrap_or_default())), "{proof:#}");
    for (operator, stake_counted) in counted {
        ensure!(stake(stake_counted)? == DEPOSIT, "{operator}: {proof:#}");
    }
    for (operator, left) in stakes {
        let left = stake(left)?;
        // each conviction takes half of what is there
        let as_it_should = if slashed[0] == **operator { left <= DEPOSIT / 2 } else { left == DEPOSIT };
        ensure!(as_it_should, "{operator} has {left}: {proof:#}");
    }
    Ok(())
}

//! Kills leaders on their turn: after they were chosen and their task is due, before they can have submitted.

use std::time::Duration;

use alloy::primitives::Address;
use anyhow::{Context, Result};

use super::Swarm;
use super::api::Status;
use super::ledger::unix_ms;
use super::proof::{JobSpec, Kill};

/// How often the status is read around the due moment.
const EVERY: Duration = Duration::from_millis(10);
/// The leader of a window must be known this soon after the window began; a submission takes longer.
const KNOWN_WITHIN_MS: u64 = 400;
/// Time to prepare before the due moment.
const AHEAD_SECONDS: u64 = 1;

/// Kills the leader of the next window with a due task, starts it again on its data directory and waits until it is
/// ready. Returns `None` when no leader was known in time, or it is the one that is spared; the next window will do.
///
/// # Errors
/// When the victim does not come back.
pub(super) async fn strike(swarm: &mut Swarm, spared: Option<Address>) -> Result<Option<Kill>> {
    let Some(due) = next_due(&swarm.jobs, unix_ms() / 1000 + AHEAD_SECONDS) else { return Ok(None) };
    let window = due / swarm.deployed.network.window_seconds();
    let Some(victim) = leader_at(swarm, due, window).await else { return Ok(None) };
    // A keeper that somebody joined by hand is not ours to kill.
    let Some(position) = swarm.keepers.iter().position(|keeper| keeper.operator() == victim) else { return Ok(None) };
    if spared == Some(victim) {
        return Ok(None);
    }
    let keeper = &mut swarm.keepers[position];
    let after = unix_ms().saturating_sub(due * 1000);
    keeper.kill();
    swarm.progress.say(&format!("killed {}, leader of window {window}, {after} ms after due", keeper.name()));
    // Whoever is spared shows its page, and others look at it.
    if spared.is_some() {
        swarm.until_shown(&[victim], false).await?;
    }
    let keeper = &mut swarm.keepers[position];
    keeper.join()?;
    keeper.ready().await.context("the killed leader did not come back")?;
    let name = keeper.name().to_owned();
    if spared.is_some() {
        swarm.until_shown(&[victim], true).await?;
    }
    swarm.progress.say(&format!("{name} is back and ready"));
    Ok(Some(Kill { victim, due }))
}

/// The first moment from `earliest` on at which a run is due.
fn next_due(jobs: &[JobSpec], earliest: u64) -> Option<u64> {
    jobs.iter().filter_map(|job| job.next_due(earliest)).min()
}

/// Waits for the due moment and returns its window's leader, as soon as a keeper names it.
async fn leader_at(swarm: &Swarm, due: u64, window: u64) -> Option<Address> {
    let due_ms = due * 1000;
    loop {
        let now = unix_ms();
        if now > due_ms + KNOWN_WITHIN_MS {
            return None;
        }
        for keeper in &swarm.keepers {
            let Ok(status) = keeper.get::<Status>("/v1/status").await else { continue };
            let named = match status.window {
                current if current == window => status.leader,
                current if current + 1 == window => status.next_leader,
                _ => continue,
            };
            if let Ok(leader) = named.parse() {
                tokio::time::sleep(Duration::from_millis(due_ms.saturating_sub(unix_ms()))).await;
                return Some(leader);
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

#[cfg(test)]
mod tests;

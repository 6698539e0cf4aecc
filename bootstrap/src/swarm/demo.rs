//! The tour: `swarm demo` starts a network, lets tasks settle, kills a leader, cuts keepers off until there is no quorum, lets the
//! mesh heal, has a liar slashed, and stops. Each step is said in words, and seen on the page whose address is said first:
//! it goes on when the page shows who is gone, and who is back.

mod cut;
mod liar;
mod seen;

use std::time::Duration;

use alloy::primitives::Address;
use anyhow::{Result, bail};

use super::ledger::Settlement;
use super::proof::Kill;
use super::run::state;
use super::{Swarm, kill};

/// Tasks that settle before a leader is killed, and after it is back.
const FIRST: usize = 6;
const LAST: usize = 4;
/// How long so many tasks may take; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// Leaders that are killed at most until one leaves its task to another: some have sent it a moment before.
const KILLS_MAX: usize = 3;

/// What the tour has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Tasks that settled.
    pub settled: usize,
    /// The leader that was killed last.
    pub victim: Address,
    /// Who brought its task on chain.
    pub heir: Address,
    /// Tasks that were due while there was no quorum, and settled afterwards.
    pub caught_up: usize,
    /// What part of its stake a liar lost, in percent.
    pub slashed: u64,
}

/// Shows it all, a step after the other.
///
/// # Errors
/// When something does not come about in time: what, and the ends of the logs.
pub async fn demo(swarm: &mut Swarm) -> Result<Shown> {
    swarm.say_page();
    swarm
        .progress
        .say(&format!("step 1 of 6: {FIRST} tasks settle; see them fly on the page, and open one for its way"));
    let mut told = 0;
    settle(swarm, &mut told, FIRST).await?;
    swarm.progress.say("step 2 of 6: the leader of a window is killed on its turn, by SIGKILL");
    let (kill, heir) = succession(swarm, &mut told).await?;
    let Kill { victim, due } = kill;
    let name = swarm.named(victim);
    let by = swarm.named(heir);
    swarm.progress.say(&format!(
        "step 3 of 6: {name} was to bring the task due at {due}; {by} took over, and nothing was missed. {name} is back on its data directory"
    ));
    swarm.progress.say("step 4 of 6: the mesh is parted");
    let caught_up = cut::cut(swarm, &mut told).await?;
    swarm.progress.say(&format!("{caught_up} tasks were late, and none is missed"));
    swarm.progress.say("step 5 of 6: a keeper turns liar");
    let (liar, part) = liar::liar(swarm, &mut told).await?;
    swarm.progress.say(&format!("the others proved it on chain: {liar} lost {part} % of its stake, and its place"));
    swarm.progress.say(&format!("step 6 of 6: the others go on, and {LAST} more tasks settle"));
    let until = told + LAST;
    settle(swarm, &mut told, until).await?;
    let settled = swarm.follower.look(|ledger| ledger.settlements.len());
    swarm
        .progress
        .say(&format!("{settled} tasks settled, each once, by keepers that nobody coordinates; the tour is over"));
    Ok(Shown { settled, victim, heir, caught_up, slashed: part })
}

/// Kills leaders until one has left its task to another, who is given.
async fn succession(swarm: &mut Swarm, told: &mut usize) -> Result<(Kill, Address)> {
    // Whoever looks at the page looks at the first one's.
    let spared = swarm.keepers.first().map(super::Keeper::operator);
    let mut killed = 0;
    let begun = tokio::time::Instant::now();
    while killed < KILLS_MAX {
        swarm.check_alive()?;
        let Some(kill) = kill::strike(swarm, spared).await? else {
            *told = swarm.tell_news(*told);
            if begun.elapsed() > PATIENCE {
                bail!("no keeper names who leads in time\n{}", state(swarm).await);
            }
            continue;
        };
        killed += 1;
        let brought = swarm.until_brought(kill.due, told).await?;
        if let Some(heir) = brought.iter().map(|each| each.submitter).find(|submitter| *submitter != kill.victim) {
            return Ok((kill, heir));
        }
        swarm.progress.say("it had sent its task just before; another one");
    }
    bail!(
        "{KILLS_MAX} leaders were killed, and each had sent its task just before: the machine may be too slow for the tour"
    )
}

/// Waits until so many tasks have settled in all, and tells each.
async fn settle(swarm: &mut Swarm, told: &mut usize, wanted: usize) -> Result<()> {
    let begun = tokio::time::Instant::now();
    while *told < wanted {
        swarm.check_alive()?;
        *told = swarm.tell_news(*told);
        if begun.elapsed() > PATIENCE {
            bail!("{told} of {wanted} tasks have settled after {} s\n{}", PATIENCE.as_secs(), state(swarm).await);
        }
        swarm.next_block().await;
    }
    Ok(())
}

impl Swarm {
    /// Waits until what was due at a moment, in Unix seconds, is on chain, and tells what settles meanwhile.
    async fn until_brought(&mut self, due: u64, told: &mut usize) -> Result<Vec<Settlement>> {
        let begun = tokio::time::Instant::now();
        loop {
            self.check_alive()?;
            *told = self.tell_news(*told);
            let wanted = self.jobs.iter().filter(|job| job.next_due(due) == Some(due)).count();
            let of_job = |each: &Settlement| self.jobs.iter().find(|job| job.id == each.job_id);
            let is_due = |each: &&Settlement| of_job(each).and_then(|job| job.due(each.run)) == Some(due);
            let brought: Vec<Settlement> =
                self.follower.look(|ledger| ledger.settlements.iter().filter(is_due).cloned().collect());
            if brought.len() >= wanted {
                return Ok(brought);
            }
            if begun.elapsed() > PATIENCE {
                bail!("what was due at {due} is not on chain after {} s\n{}", PATIENCE.as_secs(), state(self).await);
            }
            self.next_block().await;
        }
    }
}

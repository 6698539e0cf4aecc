//! So many keepers are cut off that the others are no quorum; then the mesh heals.

use std::time::Duration;

use alloy::primitives::Address;
use anyhow::{Result, bail};
use nix::sys::signal::Signal;

use super::super::Swarm;
use super::super::ledger::{Settlement, unix_ms};
use super::super::run::state;

/// How long nobody hears of those that are cut off, at least, from the first moment on at which something is due then.
const CUT_FOR: Duration = Duration::from_secs(6);
/// Until then the page has to show them gone: nobody says goodbye, and a ping that is not answered takes its time.
const PATIENCE: Duration = Duration::from_secs(45);

/// Cuts keepers off, shows that nothing settles without a quorum, lets them back in, and waits until all that was due meanwhile has
/// settled: how many tasks that were.
pub(super) async fn cut(swarm: &mut Swarm, told: &mut usize) -> Result<usize> {
    let victims = victims(swarm.keepers.len());
    let names: Vec<&str> = swarm.keepers[victims.clone()].iter().map(super::super::Keeper::name).collect();
    swarm.progress.say(&format!(
        "{} are cut off, frozen so that nothing reaches them or comes from them: the other {} of {} are no quorum, and nothing may settle",
        names.join(" and "), swarm.keepers.len() - victims.clone().count(), swarm.keepers.len(),
    ));
    let gone: Vec<Address> = swarm.keepers[victims.clone()].iter().map(super::super::Keeper::operator).collect();
    signal(swarm, victims.clone(), Signal::SIGSTOP);
    let shown = alone(swarm, &gone, told).await;
    // Whatever was seen: nobody stays frozen.
    signal(swarm, victims, Signal::SIGCONT);
    let first = shown?;
    swarm.until_shown(&gone, true).await?;
    let missed = swarm.dues(first, unix_ms() / 1000);
    swarm
        .progress
        .say(&format!("nothing did. They are back, and what was due at {} moments is caught up", missed.len()));
    let mut caught_up = 0;
    for due in missed {
        caught_up += swarm.until_brought(due, told).await?.len();
    }
    Ok(caught_up)
}

/// Which keepers are cut off: as few as leave less than two thirds. The first is spared, for whoever looks at its page.
fn victims(keepers: usize) -> std::ops::RangeInclusive<usize> {
    1..=keepers / 3 + 1
}

fn signal(swarm: &mut Swarm, victims: std::ops::RangeInclusive<usize>, signal: Signal) {
    for keeper in &mut swarm.keepers[victims] {
        if let Some(process) = keeper.process() {
            process.signal(signal);
        }
    }
}

/// Watches those that are left until the page shows the others gone: the moment of the first task that was due among them alone, in
/// Unix seconds. None of those settles.
async fn alone(swarm: &mut Swarm, gone: &[Address], told: &mut usize) -> Result<u64> {
    // What was due before may be certified already.
    let from = unix_ms() / 1000 + 2;
    let Some(first) = swarm.jobs.iter().filter_map(|job| job.next_due(from)).min() else {
        bail!("no job of the tour has a run to come")
    };
    let mut is_shown = false;
    while !is_shown || unix_ms() / 1000 < first + CUT_FOR.as_secs() {
        swarm.next_block().await;
        *told = swarm.tell_news(*told);
        if !is_shown && swarm.shows(gone, false).await {
            is_shown = true;
            swarm.progress.say("the page shows them gone, and who is left");
        }
        if unix_ms() / 1000 > first + PATIENCE.as_secs() {
            bail!("the page does not show who is cut off after {} s\n{}", PATIENCE.as_secs(), state(swarm).await);
        }
    }
    let due = |each: &Settlement| swarm.jobs.iter().find(|job| job.id == each.job_id)?.due(each.run);
    let settled =
        swarm.follower.look(|ledger| ledger.settlements.iter().filter(|each| due(each) >= Some(first)).count());
    if settled > 0 {
        bail!("{settled} tasks that were due after {first} settled without a quorum");
    }
    Ok(first)
}

impl Swarm {
    /// The moments from `from` to `until`, in Unix seconds, at which jobs of the tour are due.
    fn dues(&self, from: u64, until: u64) -> Vec<u64> {
        let next = |from| self.jobs.iter().filter_map(|job| job.next_due(from)).min();
        std::iter::successors(next(from), |due| next(due + 1)).take_while(|due| *due <= until).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::victims;

    #[test]
    fn those_left_are_no_quorum_and_one_more_would_be() {
        for keepers in 3..=64 {
            let left = keepers - victims(keepers).count();
            assert!(left * 3 < keepers * 2, "{left} of {keepers}");
            assert!((left + 1) * 3 >= keepers * 2, "{left} of {keepers}");
            assert!(*victims(keepers).end() < keepers, "{keepers}");
        }
    }
}

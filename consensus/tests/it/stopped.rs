//! All keepers stopped for a while: what came due meanwhile is caught up with, in order.

use consensus::task::{JobId, Task};

use super::network::{Faults, Network, START};

const FIVE: [u128; 5] = [100; 5];
/// Seconds after the start at which all stop, and at which they come back.
const STOP: u64 = 20;
const BACK: u64 = 220;

fn second(network: &Network) -> u64 {
    network.now.seconds() - START
}

/// A network that was stopped, whose keepers come back one by one, so many seconds after each other.
fn stopped(seed: u64, faults: Faults, jobs: &[(u64, u64)], apart: u64) -> Network {
    let mut network = Network::new(seed, &FIVE, faults);
    for &(job, interval) in jobs {
        network.job(job, 6, interval, 300 / interval);
    }
    network.run_until(STOP + 1, |network| second(network) >= STOP);
    (0..FIVE.len()).for_each(|keeper| network.crash(keeper));
    for keeper in 0..FIVE.len() {
        let at = BACK + apart * keeper as u64;
        network.run_until(at + 1, |network| second(network) >= at);
        network.start(keeper);
    }
    network
}

/// The runs of a job in the order in which they settled.
fn runs(network: &Network, job: u64) -> Vec<u64> {
    let of_job = |task: &&Task| task.job == JobId(job);
    network.order.iter().filter(of_job).map(|task| task.instance.run().unwrap()).collect()
}

fn is_in_order(runs: &[u64]) -> bool {
    runs.windows(2).all(|pair| pair[0] < pair[1])
}

#[test]
fn what_came_due_while_all_were_stopped_settles_in_order() {
    for (seed, apart) in (0..8).zip([0, 0, 0, 2, 3, 5, 8, 13]) {
        let faults = Faults { loss: 5, delay: 60, ..Faults::default() };
        let jobs = [(1, 8), (2, 10), (3, 30), (4, 3)];
        let mut network = stopped(seed, faults, &jobs, apart);
        network.run_until(420, |network| network.all_settled());
        for (job, _) in jobs {
            assert!(is_in_order(&runs(&network, job)), "seed {seed}: job {job}: {:?}", runs(&network, job));
        }
        eprintln!("all settled {} s after the last keeper was back", second(&network) - BACK - 4 * apart);
    }
}

/// All of it within two catch-ups, and a run that is due then is as quick as ever.
#[test]
fn catching_up_takes_half_a_minute_and_leaves_nobody_behind() {
    let mut network = stopped(1, Faults::default(), &[(1, 8), (2, 5)], 0);
    let missed = |network: &Network, job, interval| {
        let due = 1 + (second(network) - 6) / interval;
        due as usize - runs(network, job).len()
    };
    network.run_until(BACK + 40, |network| missed(network, 1, 8) == 0 && missed(network, 2, 5) == 0);
    let caught_up = second(&network);
    while second(&network) < caught_up + 30 {
        let next = second(&network) + 1;
        network.run_until(next + 1, |network| second(network) >= next);
        assert!(missed(&network, 1, 8) <= 1 && missed(&network, 2, 5) <= 1, "{next}: {:?}", network.order);
    }
    eprintln!("caught up after {} s", caught_up - BACK);
    assert!([1, 2].iter().all(|job| is_in_order(&runs(&network, *job))));
}

/// A run on which keepers do not agree holds up the later ones of its job for a minute at most.
#[test]
fn what_nobody_agrees_on_is_not_waited_for_for_ever() {
    let run = |keeper: usize, job: JobId| {
        let differing = ["a", "b", "c", "d", "e"][keeper];
        (job == JobId(9)).then_some(Ok(differing))
    };
    let mut network = stopped(2, Faults { run, ..Faults::default() }, &[(9, 40), (1, 8)], 0);
    let others = |network: &Network| runs(network, 1).len();
    network.run_until(360, |network| others(network) == 37);
    assert!(is_in_order(&runs(&network, 1)) && runs(&network, 9).is_empty());
}

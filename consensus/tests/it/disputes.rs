//! Disputes in a mesh of real engines (rule 18).

use consensus::task::{Abstention, JobId};

use super::network::{Faults, Network, right_answer};

const FIVE: [u128; 5] = [100; 5];

/// One ruling by one keeper, who has the wrong punished too, or the next in line.
#[test]
fn a_dispute_is_ruled_on_once_and_rightly() {
    for (seed, right) in [(1, true), (2, false)] {
        let mut network = Network::new(seed, &FIVE, Faults::default());
        network.dispute(7, right);
        network.run_until(20, |network| !network.ruled.is_empty());
        let (_, ruling) = &network.ruled[0];
        assert_eq!((ruling.dispute, ruling.answer), (7, right_answer(&network.disputed, "done")));
        assert!(ruling.signers.count() >= 4, "{ruling:?}");
        network.end_dispute(7, !right);
        network.run_until(60, |network| network.now.seconds() >= super::network::START + 30);
        assert_eq!(network.ruled.len(), 1, "nobody else brought it before the chain had it");
        assert_eq!(network.enforced.is_empty(), right, "enforced by {:?}", network.enforced);
        assert!(network.rejected.is_empty(), "{:?}", network.rejected);
    }
}

/// One keeper is down, and three in ten messages are lost.
#[test]
fn rulings_lost_and_keepers_away_hold_it_up_but_not_for_ever() {
    for seed in 0..8 {
        let faults = Faults { loss: 30, delay: 80, ..Faults::default() };
        let mut network = Network::new(seed, &FIVE, faults);
        network.crash(2);
        network.dispute(7, false);
        network.run_until(400, |network| !network.ruled.is_empty());
        assert_eq!(network.ruled[0].1.answer, right_answer(&network.disputed, "done"));
        assert_eq!(network.ruled[0].1.signers.count(), 4);
    }
}

#[test]
fn without_four_fifths_of_one_mind_there_is_no_ruling() {
    fn run(k: usize, _: JobId) -> Option<Result<&'static str, Abstention>> {
        [None, Some(Ok("a lie")), Some(Err(Abstention::ChainReadFailed))][k.min(2)]
    }
    let mut network = Network::new(3, &[100, 21, 100 - 21], Faults { run, ..Faults::default() });
    network.dispute(7, false);
    network.run_until(200, |network| network.now.seconds() >= super::network::START + 150);
    assert!(network.ruled.is_empty() && network.rejected.is_empty(), "{:?} {:?}", network.ruled, network.rejected);
}

//! The simulator finds what is planted, finds nothing else, and gives the same run for the same seed.

use super::plants::{ALL, Plant};
use super::*;

/// A planted bug must be caught within so many seeds.
const SEEDS_MAX: u64 = 2_000;

fn options(seeds: Range<u64>) -> Options {
    Options { seeds, plant: None, verbose: false }
}

#[test]
fn nothing_goes_wrong_in_the_first_seeds() {
    let summary = run(&options(0..300), |_| false);
    assert!(summary.violations.is_empty(), "{:#?}", summary.violations);
    assert!(summary.missing().is_empty(), "never occurred: {:?}", summary.missing());
}

#[test]
fn every_planted_bug_is_caught() {
    for &plant in ALL {
        let planted = Options { plant: Some(plant), ..options(0..SEEDS_MAX) };
        let summary = run(&planted, |summary| !summary.violations.is_empty());
        let kinds: std::collections::BTreeSet<_> = summary.violations.iter().map(|found| found.kind).collect();
        let seed = summary.first_bad_seed();
        eprintln!("{}: caught by seed {seed:?}: {kinds:?}", plant.name());
        let seed = seed.unwrap_or_else(|| panic!("{} stays hidden in {SEEDS_MAX} seeds", plant.name()));
        let clean = run(&options(seed..seed + 1), |_| false);
        assert!(clean.violations.is_empty(), "seed {seed} fails without the bug too: {:?}", clean.violations);
        assert_eq!(Plant::from_name(plant.name()), Some(plant));
    }
}

#[test]
fn a_seed_gives_the_same_run_whatever_ran_before_it() {
    let hash = |seed: u64| run(&options(seed..seed + 1), |_| false).hash;
    let first = hash(5);
    assert_ne!(first, hash(6));
    assert_eq!(first, hash(5));
}

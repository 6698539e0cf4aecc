//! The simulator finds what is planted, finds nothing else, and gives the same run for the same seed.

use super::*;

/// A planted bug must be caught within so many seeds.
const SEEDS_MAX: u64 = 2_000;

fn options(seeds: Range<u64>) -> Options {
    Options { seeds, keepers: 7, byzantine: 2, plant: None, verbose: false, real_crypto: false }
}

fn hash_of(seed: u64, options: &Options) -> u64 {
    run(&Options { seeds: seed..seed + 1, ..options.clone() }, |_| false).hash
}

/// A mesh that is large enough for partials to go straight.
fn larger(seeds: Range<u64>) -> Options {
    Options { keepers: 12, byzantine: 3, ..options(seeds) }
}

/// Runs seeds until the planted bug shows, and tells by which one and how.
fn is_caught(plant: Plant) {
    let options = match plant {
        Plant::NeverFallsBack | Plant::BelievesSums => larger,
        _ => options,
    };
    let summary = run(&Options { plant: Some(plant), ..options(0..SEEDS_MAX) }, |summary| !summary.is_clean());
    let seed = summary.first_bad_seed();
    let kinds: std::collections::BTreeSet<_> = summary.violations.iter().map(|found| found.kind).collect();
    eprintln!("{}: caught by seed {seed:?}: {kinds:?}, {} unsettled", plant.name(), summary.unsettled);
    let seed = seed.unwrap_or_else(|| panic!("{} stays hidden in {SEEDS_MAX} seeds", plant.name()));
    let clean = run(&options(seed..seed + 1), |_| false);
    assert!(clean.is_clean(), "seed {seed} fails without the bug too: {:?}", clean.violations);
}

macro_rules! caught {
    ($($name:ident: $plant:ident,)*) => {
        const TESTED: &[Plant] = &[$(Plant::$plant),*];
        $(#[test]
        fn $name() {
            is_caught(Plant::$plant);
        })*
    };
}

caught! {
    signing_before_persisting_is_caught: SignBeforePersist,
    forgetting_the_journal_is_caught: ForgetJournal,
    a_quorum_off_by_one_is_caught: QuorumOffByOne,
    counting_a_signer_twice_is_caught: DuplicateSigner,
    a_stale_epoch_is_caught: StaleEpoch,
    an_unordered_line_of_leaders_is_caught: UnorderedLeaders,
    never_falling_back_to_single_reports_is_caught: NoSingles,
    a_silent_leader_that_stalls_a_window_is_caught: SilentLeaderStalls,
    unverified_partials_are_caught: UnverifiedPartials,
    a_settlement_that_stays_settled_is_caught: NoReopening,
    an_ignored_table_root_is_caught: TableRootIgnored,
    an_order_dropped_by_the_loop_is_caught: OrderDropped,
    an_answer_taken_for_another_runs_is_caught: AnswerOfAnotherRun,
    a_task_of_an_orphaned_block_that_stays_due_is_caught: KeepsOrphaned,
    forgetting_what_was_seen_on_the_way_is_caught: ForgetsWaiting,
    searching_each_block_number_once_is_caught: SearchesOnce,
    taking_a_log_before_its_time_is_caught: ShallowLogs,
    taking_a_leaders_word_for_a_condition_is_caught: BelievesLeaders,
    deciding_on_what_a_few_saw_is_caught: SmallSets,
    never_gossiping_what_went_straight_is_caught: NeverFallsBack,
    believing_what_came_straight_is_caught: BelievesSums,
}

#[test]
fn every_planted_bug_has_a_test() {
    assert_eq!(TESTED, plant::ALL);
}

#[test]
fn nothing_goes_wrong_in_the_first_seeds() {
    let summary = run(&options(0..8), |_| false);
    assert!(summary.is_clean(), "{:?}, unsettled in {:?}", summary.violations, summary.unsettled_seeds);
    assert!(summary.tasks >= 8 * 50, "a seed has at least 50 tasks: {}", summary.tasks);
}

#[test]
fn nothing_goes_wrong_in_a_larger_mesh() {
    let summary = run(&Options { keepers: 16, byzantine: 5, ..options(0..5) }, |_| false);
    assert!(summary.is_clean(), "{:?}, unsettled in {:?}", summary.violations, summary.unsettled_seeds);
}

#[test]
fn nothing_goes_wrong_with_real_signatures() {
    let summary = run(&Options { real_crypto: true, keepers: 4, byzantine: 1, ..options(0..1) }, |_| false);
    assert!(summary.is_clean(), "{:?}, unsettled in {:?}", summary.violations, summary.unsettled_seeds);
}

#[test]
fn a_seed_gives_the_same_run_whatever_ran_before_it() {
    let first = hash_of(5, &options(0..0));
    assert_ne!(first, hash_of(6, &options(0..0)));
    assert_eq!(first, hash_of(5, &options(0..0)));
}

/// The file was written by another process in another build; this one may be optimised or not. So the runs depend on no
/// address, no hash map, no build.
#[test]
fn a_seed_gives_the_same_run_in_every_process_and_build() {
    let path = "vectors/simulator.json";
    let seven = (0..4).map(|seed| (seed, hash_of(seed, &options(0..0))));
    let sixteen = Options { keepers: 16, byzantine: 5, ..options(0..0) };
    let all: BTreeMap<String, String> = seven
        .map(|(seed, hash)| (format!("seed {seed}, 7 keepers, 2 hostile"), hash))
        .chain([("seed 0, 16 keepers, 5 hostile".to_owned(), hash_of(0, &sixteen))])
        .map(|(name, hash)| (name, format!("{hash:016x}")))
        .collect();
    let made = serde_json::to_string_pretty(&all).expect("a map of strings") + "\n";
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(path, &made).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    let filed = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(made, filed, "the runs changed; if the protocol or the simulator did, run with UPDATE_VECTORS=1");
}

/// With enough honest stake every dispute is ruled on, and rightly: wrong results are upheld against, results of runs that never were
/// too, right ones confirmed.
#[test]
fn disputes_are_ruled_on_rightly_where_honest_keepers_have_four_fifths() {
    let summary = run(&Options { byzantine: 1, ..options(0..40) }, |_| false);
    assert!(summary.is_clean(), "{:?}", summary.violations);
    let [disputes, wrong, made_up] = ["dispute", "wrong_certificate", "made_up_run"]
        .map(|fault| summary.faults.get(fault).copied().unwrap_or_default());
    let is_mixed = wrong > 0 && made_up > 0 && disputes > wrong + made_up;
    assert!(is_mixed, "{disputes} disputes, {wrong} of wrong results, {made_up} of runs that never were");
}

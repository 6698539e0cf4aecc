//! Every target over the checked-in corpus and mutations of it. `FUZZ_SEED` and `FUZZ_RUNS` choose others;
//! `UPDATE_CORPUS=1` writes the corpus anew, from what our encoders write.

use std::env;
use std::sync::Once;

use fuzz::mutate::{Draw, mutated};
use fuzz::{TARGETS, corpus};

/// Mutations of each target where nobody says how many.
const RUNS: u64 = 2_000;
/// Most bytes of the whole corpus: it is small on purpose, for it is read in every run of the tests.
const MOST_BYTES: usize = 300 * 1024;

fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// Writes the corpus anew where that is asked for, once, before anything is read of it.
fn prepare() {
    static WRITTEN: Once = Once::new();
    WRITTEN.call_once(|| {
        if env::var_os("UPDATE_CORPUS").is_some() {
            TARGETS.iter().for_each(|target| corpus::write(target).expect("the corpus is writable"));
        }
    });
}

#[test]
fn nothing_breaks_a_promise() {
    prepare();
    let (seed, runs) = (number("FUZZ_SEED", 1), number("FUZZ_RUNS", RUNS));
    eprintln!("FUZZ_SEED={seed} FUZZ_RUNS={runs}");
    for target in TARGETS {
        let inputs = corpus::inputs(target).unwrap_or_default();
        assert!(!inputs.is_empty(), "no corpus for {}: UPDATE_CORPUS=1 makes one", target.name);
        let begun = std::time::Instant::now();
        inputs.iter().for_each(|bytes| (target.run)(bytes));
        let mut draw = Draw::new(seed, target.name);
        // A conversation with real signatures takes milliseconds.
        let runs = if target.name == "engine" { runs / 50 } else { runs };
        for run in 0..runs {
            let bytes = mutated(&inputs, target.longest, &mut draw);
            let ended = std::panic::catch_unwind(|| (target.run)(&bytes));
            assert!(ended.is_ok(), "{} breaks at run {run} with FUZZ_SEED={seed}: {bytes:02x?}", target.name);
        }
        eprintln!("{:>18} {:>9.1} us each", target.name, begun.elapsed().as_secs_f64() * 1e6 / (runs + 1) as f64);
    }
}

/// What our own encoders write is read, and the corpus is of today's encoders: a changed format shows here.
#[test]
fn the_corpus_is_what_encoders_write() {
    prepare();
    let mut size = 0;
    for target in TARGETS {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{} has no seeds", target.name);
        seeds.iter().for_each(|bytes| (target.run)(bytes));
        for (number, bytes) in seeds.iter().enumerate() {
            assert!(bytes.len() <= target.longest, "{}: seed {number} has {} bytes", target.name, bytes.len());
            let path = corpus::folder(target).join(format!("written-{number:02}"));
            let filed = std::fs::read(&path).unwrap_or_default();
            assert!(filed == *bytes, "{} is another one now; if that is meant: UPDATE_CORPUS=1", path.display());
        }
        size += corpus::inputs(target).expect("it was just read").iter().map(Vec::len).sum::<usize>();
    }
    assert!(size <= MOST_BYTES, "the corpus has {size} bytes, more than {MOST_BYTES}");
}

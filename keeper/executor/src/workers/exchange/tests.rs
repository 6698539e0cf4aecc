use super::*;
use crate::wire::{Confinement, End, Hello};

fn done() -> Output {
    Output { end: End::Timeout, fuel: 0, memory_bytes: 0, logs: vec![] }
}

fn all() -> Vec<Said> {
    vec![
        Said::Hello(Hello { engine: String::new(), confinement: Confinement::default() }),
        Said::Compiled(vec![]),
        Said::Invalid("why".into()),
        Said::Loaded,
        Said::Missing,
        Said::Read(ChainRead::TooLong([0; 32])),
        Said::Done(done()),
        Said::Unloadable("why".into()),
    ]
}

#[test]
fn a_run_goes_the_ways_that_are_drawn() {
    let mut ready = Exchange::new();
    assert_eq!(ready.on(Said::Read(ChainRead::TooLong([1; 32]))), Ok(Next::Answer(ChainRead::TooLong([1; 32]))));
    assert_eq!(ready.on(Said::Done(done())), Ok(Next::End(done())));

    let mut cold = Exchange::new();
    assert_eq!(cold.on(Said::Missing), Ok(Next::Load));
    assert_eq!(cold.on(Said::Loaded), Ok(Next::Run));
    assert_eq!(cold.on(Said::Read(ChainRead::TooLong([1; 32]))), Ok(Next::Answer(ChainRead::TooLong([1; 32]))));
    assert_eq!(cold.on(Said::Done(done())), Ok(Next::End(done())));

    for said in [Said::Invalid("why".into()), Said::Unloadable("why".into())] {
        let mut unloadable = Exchange::new();
        assert_eq!(unloadable.on(Said::Missing), Ok(Next::Load));
        assert_eq!(unloadable.on(said), Ok(Next::Unloadable("why".into())));
    }
}

/// Every arm: what may be said in each phase, by its place in [`all`]; the rest is a fault.
#[test]
fn anything_else_is_a_fault() {
    let allowed = [(Phase::Asked, vec![4, 5, 6]), (Phase::Loading, vec![2, 3, 7]), (Phase::AskedAgain, vec![5, 6])];
    for (phase, good) in allowed.into_iter().chain([(Phase::Over, vec![])]) {
        for (place, said) in all().into_iter().enumerate() {
            let ended = Exchange { phase, asked: 0 }.on(said);
            assert_eq!(ended.is_ok(), good.contains(&place), "{phase:?} {place}: {ended:?}");
        }
    }
}

#[test]
fn reads_before_the_code_is_missing_and_reads_without_end_are_faults() {
    let read = || Said::Read(ChainRead::TooLong([0; 32]));
    let mut liar = Exchange::new();
    liar.on(read()).expect("a read");
    assert!(liar.on(Said::Missing).is_err(), "a run that had begun has its code");
    let mut endless = Exchange::new();
    for _ in 0..MAX_ASKED {
        endless.on(read()).expect("its fuel may have paid for it");
    }
    assert!(endless.on(read()).is_err());
}

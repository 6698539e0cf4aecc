//! From when on what a job asks for counts.

use super::*;

/// Whoever starts reads the job's events before the blocks in which logs are still looked for: what was there before the job, or
/// before its version, is not its.
#[test]
fn what_was_seen_before_a_version_began_makes_none_of_its_runs_due() {
    let mut book = JobBook::default();
    list(&mut book, 10, &created(1, 5, 1));
    book.apply(20, &updated(1, 2, params(5, 1)));
    book.apply(30, &covered(1, false));
    book.apply(35, &covered(1, true));
    book.head(50);
    let seen = |book: &JobBook, block: u64| {
        let run = |_: &Plan| Some(Run::at_block(InstanceKey(B256::repeat_byte(9)), 600, block, 0));
        book.task_at(1, block, &PACE, run).map(|due| due.task.version)
    };
    let versions: Vec<_> = [9, 10, 19, 20, 31, 49, 50].map(|block| seen(&book, block)).to_vec();
    assert_eq!(versions, [None, None, None, Some(2), Some(2), Some(2), Some(2)]);
}

/// The contract has closed all minutes up to the first whole one after the listing, or after the notice of new terms. Whoever ran one
/// of them would have it refused, and it would count as missed.
#[test]
fn minutes_count_from_when_the_contract_says_whenever_the_book_hears_of_it() {
    let every_minute = || triggered(&TriggerTerms::Cron { pattern: "* * * * *".to_owned() });
    let mut book = JobBook::default();
    // Listed at 119, in a block that this book hears of late, as after a restart: its newest head may be of any time.
    list(&mut book, 5, &listed_from(1, every_minute(), 120));
    book.head(900);
    assert_eq!(dues(&book, 0, 180), [(1, 1, 120), (1, 1, 180)], "none before");
    // Given other terms at 200 with a notice of 30 s.
    book.apply(1_000, &updated_from(1, 2, every_minute(), 240));
    assert_eq!(dues(&book, 0, 300), [(1, 2, 240), (1, 2, 300)], "none within the notice");
    book.apply(1_100, &JobEvent::Resumed { job_id: 1, version: 3, active_from: 360 });
    assert_eq!(dues(&book, 0, 420), [(1, 3, 360), (1, 3, 420)]);
}

#[test]
fn what_has_no_rhythm_of_its_own_makes_no_run_due_within_the_notice() {
    let log = TriggerTerms::Log(LogTerms {
        emitter: Address::repeat_byte(9),
        filter: 0,
        topics: [B256::ZERO; 4],
        confirmations: 0,
        most_per_block: 1,
    });
    let condition =
        TriggerTerms::Condition(ConditionTerms { target: Address::repeat_byte(9), call: Bytes::new(), cooldown: 1 });
    for trigger in [log, condition] {
        let mut book = JobBook::default();
        book.head(1);
        list(&mut book, 5, &listed_from(1, triggered(&trigger), 1_000));
        let seen = |book: &JobBook, block: u64, due: u64| {
            let run = |_: &Plan| Some(Run::at_block(InstanceKey(B256::repeat_byte(9)), due, block, 0));
            book.task_at(1, block, &PACE, run).map(|due| due.task.version)
        };
        assert_eq!([999, 1_000].map(|due| seen(&book, 5, due)), [None, Some(1)], "{trigger:?}: listed at 1,000");
        book.apply(20, &updated_from(1, 2, triggered(&trigger), 2_030));
        assert_eq!([2_000, 2_029, 2_030].map(|due| seen(&book, 20, due)), [None, None, Some(2)], "{trigger:?}");
    }
}

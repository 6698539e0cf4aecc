use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, Uint};
use consensus::task::{AnchorRule, InstanceKey, JobId};
use consensus::time::Time;
use contracts::terms::{ActionTerms, CallTerms, ConditionTerms, Limits, LogTerms, Terms, TriggerTerms};

use super::*;
use crate::chain::JobEvent;

fn listed(triggers: &[TriggerTerms]) -> JobBook {
    let mut book = JobBook::default();
    for (id, trigger) in (1..).zip(triggers) {
        let terms = Terms {
            trigger: trigger.clone(),
            action: ActionTerms::Call(CallTerms { calldata: Bytes::from_static(&[1]) }),
            target: Address::repeat_byte(1),
            callback_gas: 100_000,
            token: Address::ZERO,
            fee: Uint::from(1),
            quorum_bps: 6_667,
            punctual_seconds: 0,
            limits: Limits::default(),
        };
        let (owner, forwarder) = (Address::repeat_byte(2), Address::repeat_byte(3));
        let params = Box::new(terms.params());
        book.apply(5, &JobEvent::Created { job_id: id, owner, forwarder, params, active_from: 0 });
        book.apply(5, &JobEvent::Covered { job_id: id, covered: true });
    }
    book.head(1);
    book
}

fn log(confirmations: u16) -> TriggerTerms {
    let topics = [B256::ZERO; 4];
    TriggerTerms::Log(LogTerms {
        emitter: Address::repeat_byte(9),
        filter: 0,
        topics,
        confirmations,
        most_per_block: 1,
    })
}

fn condition(cooldown: u32) -> TriggerTerms {
    let (target, call) = (Address::repeat_byte(8), Bytes::from_static(&[1]));
    TriggerTerms::Condition(ConditionTerms { target, call, cooldown })
}

fn block(number: u64) -> BlockRef {
    BlockRef { number, hash: B256::with_last_byte(number as u8), timestamp: 1_000 + number }
}

const NOW: Time = Time(1_000_000);

fn next(searches: &mut Searches, book: &JobBook, now: Time) -> Option<(u64, u64, u64, bool)> {
    let stretch = searches.next(book, 0, now, |number| Some(block(number)))?;
    assert_eq!(stretch.end(), Some(block(stretch.to).hash), "of the branch that is followed");
    Some((stretch.number, stretch.from, stretch.to, stretch.one().is_some()))
}

#[test]
fn each_block_is_searched_once_and_those_of_a_stop_together() {
    let book = listed(&[log(0)]);
    let mut searches = Searches::default();
    searches.head(100, 30, &book, 0);
    assert_eq!(next(&mut searches, &book, NOW), Some((1, 70, 100, false)), "what a stop may have left");
    searches.head(101, 0, &book, 0);
    assert_eq!(next(&mut searches, &book, NOW), None, "one at a time");
    assert!(searches.ended(1, Ok(0), NOW));
    assert_eq!(next(&mut searches, &book, NOW), Some((2, 101, 101, true)), "one block by its hash");
    assert!(!searches.ended(1, Ok(0), NOW), "an answer of before");
    assert!(searches.ended(2, Ok(0), NOW));
    assert_eq!(next(&mut searches, &book, NOW), None);
}

#[test]
fn what_failed_is_tried_again_ever_more_slowly_and_said() {
    let book = listed(&[log(0)]);
    let mut searches = Searches::default();
    searches.head(100, 0, &book, 0);
    let mut now = NOW;
    for number in 1..=10 {
        assert_eq!(next(&mut searches, &book, now), Some((number, 100, 100, true)));
        assert!(!searches.ended(number, Err("down".to_owned()), now));
        assert_eq!(next(&mut searches, &book, now), None);
        now = now.plus(Duration::from_secs(10));
    }
    assert!(searches.next(&book, 0, now, |number| Some(block(number))).unwrap().is_stuck, "job by job from now on");
    assert!(!searches.ended(11, Err("down".to_owned()), now));
    now = now.plus(Duration::from_secs(10));
    let why = searches.trouble(now).unwrap();
    assert!(why.contains("down") && why.contains("1 blocks") && why.contains("rpc_urls"), "{why}");
    assert_eq!(next(&mut searches, &book, now), Some((12, 100, 100, true)));
    assert!(searches.ended(12, Ok(0), now));
    assert_eq!(searches.trouble(now), None);
}

#[test]
fn orphaned_blocks_are_searched_again_and_answers_about_them_are_none() {
    let book = listed(&[log(0)]);
    let mut searches = Searches::default();
    searches.head(100, 10, &book, 0);
    assert_eq!(next(&mut searches, &book, NOW), Some((1, 90, 100, false)));
    assert!(searches.ended(1, Ok(0), NOW));
    searches.head(101, 0, &book, 0);
    assert_eq!(next(&mut searches, &book, NOW), Some((2, 101, 101, true)));
    searches.rewind(97);
    assert!(!searches.ended(2, Ok(0), NOW), "its block is orphaned");
    assert_eq!(next(&mut searches, &book, NOW), None, "nothing in their place yet");
    searches.head(98, 0, &book, 0);
    assert_eq!(next(&mut searches, &book, NOW), Some((3, 98, 98, true)));
}

#[test]
fn jobs_that_want_more_blocks_on_top_are_searched_for_further_back() {
    let book = listed(&[log(0), log(4), log(4)]);
    let mut searches = Searches::default();
    searches.head(100, 0, &book, 2);
    let stretches: Vec<_> = std::iter::from_fn(|| {
        let stretch = searches.next(&book, 2, NOW, |number| Some(block(number)))?;
        searches.ended(stretch.number, Ok(0), NOW);
        Some((stretch.depth, stretch.to, stretch.wanted.iter().map(|wanted| wanted.job).collect::<Vec<_>>()))
    })
    .collect();
    assert_eq!(stretches, [(0, 100, vec![1]), (2, 98, vec![2, 3])]);
}

/// Whoever has the blocks of one depth fail would else hold up all jobs that wait for more blocks.
#[test]
fn depths_take_turns_and_one_that_fails_holds_up_no_other() {
    let book = listed(&[log(0), log(4)]);
    let mut searches = Searches::default();
    searches.head(100, 0, &book, 0);
    let (mut now, mut deeper) = (NOW, Vec::new());
    for head in 101..=140 {
        while let Some(stretch) = searches.next(&book, 0, now, |number| Some(block(number))) {
            let result = if stretch.depth == 0 { Err("no node answers".to_owned()) } else { Ok(0) };
            deeper.extend((stretch.depth == 4).then_some(stretch.to));
            searches.ended(stretch.number, result, now);
        }
        now = now.plus(Duration::from_secs(1));
        searches.head(head, 0, &book, 0);
    }
    assert_eq!(deeper, (96..=135).collect::<Vec<u64>>(), "each block in its time");
    let why = searches.trouble(now).unwrap();
    assert!(why.contains("no node answers") && why.contains("the logs of 41 blocks"), "{why}");
}

#[test]
fn jobs_whose_logs_were_too_many_are_asked_about_by_themselves_for_a_while() {
    let book = listed(&vec![log(0); 20]);
    let mut searches = Searches::default();
    let apart = |searches: &mut Searches, head: u64, now: Time| -> Vec<u64> {
        searches.head(head, 0, &book, 0);
        let stretch = searches.next(&book, 0, now, |number| Some(block(number))).unwrap();
        searches.ended(stretch.number, Ok(0), now);
        stretch.wanted.iter().filter(|wanted| wanted.apart).map(|wanted| wanted.job).collect()
    };
    assert_eq!(apart(&mut searches, 100, NOW), [0_u64; 0]);
    searches.set_apart(3, NOW);
    assert_eq!(apart(&mut searches, 101, NOW), [3]);
    (1..=20).for_each(|job| searches.set_apart(job, NOW.plus(Duration::from_secs(300))));
    let later = NOW.plus(Duration::from_secs(899));
    assert_eq!(apart(&mut searches, 102, later), (1..=16).collect::<Vec<u64>>(), "few enough to ask for each");
    assert_eq!(apart(&mut searches, 103, NOW.plus(Duration::from_secs(900))), [0_u64; 0]);
}

#[test]
fn where_blocks_hold_more_than_is_taken_at_once_fewer_are_searched_next() {
    let book = listed(&[log(0)]);
    let mut searches = Searches::default();
    searches.head(1_000, 999, &book, 0);
    let mut asked = Vec::new();
    for left in [255, 0, 0, 2, 0] {
        let (number, from, to, _) = next(&mut searches, &book, NOW).unwrap();
        asked.push((from, to));
        assert!(searches.ended(number, Ok(left), NOW));
    }
    assert_eq!(asked, [(1, 256), (2, 2), (3, 4), (5, 8), (7, 8)], "none is left out");
}

#[test]
fn nothing_is_searched_for_jobs_that_are_not_due_by_logs_or_cannot_pay() {
    let mut book = listed(&[TriggerTerms::Interval { start: 1, interval: 1 }, log(0)]);
    book.apply(6, &JobEvent::Covered { job_id: 2, covered: false });
    let mut searches = Searches::default();
    searches.head(100, 50, &book, 0);
    assert_eq!(next(&mut searches, &book, NOW), None);
}

fn at(job: u64, number: u64) -> Task {
    Task { job: JobId(job), version: 1, instance: InstanceKey(block(number).hash) }
}

#[test]
fn a_condition_is_asked_about_unless_a_run_is_open_or_it_rests() {
    let book = listed(&[condition(3), condition(1)]);
    let mut conditions = Conditions::default();
    let asked = |conditions: &mut Conditions, number, open: &[Task]| {
        let questions = conditions.ask(&block(number), &book, NOW, |task| open.contains(task));
        let jobs: Option<Vec<u64>> = questions.map(|questions| questions.iter().map(|question| question.job).collect());
        conditions.answered(block(number).hash);
        jobs
    };
    assert_eq!(asked(&mut conditions, 10, &[]), Some(vec![1, 2]));
    conditions.note_told(at(1, 10), 10, |_| true);
    assert_eq!(asked(&mut conditions, 11, &[at(1, 10)]), Some(vec![2]), "one run of a job at a time");
    conditions.note_settled(JobId(1), 1, 12);
    assert_eq!(asked(&mut conditions, 14, &[]), Some(vec![2]), "it rests");
    assert_eq!(asked(&mut conditions, 15, &[]), Some(vec![1, 2]));
    conditions.rewind(11);
    assert_eq!(asked(&mut conditions, 13, &[]), Some(vec![1, 2]), "the settlement is orphaned");
}

#[test]
fn one_block_is_asked_about_at_a_time_and_patience_ends() {
    let book = listed(&[condition(1)]);
    let mut conditions = Conditions::default();
    assert!(conditions.ask(&block(10), &book, NOW, |_| false).is_some());
    assert!(conditions.ask(&block(11), &book, NOW, |_| false).is_none());
    assert!(!conditions.answered(block(11).hash) && conditions.answered(block(10).hash));
    assert!(conditions.ask(&block(11), &book, NOW, |_| false).is_some());
    let later = NOW.plus(Duration::from_secs(20));
    assert!(conditions.ask(&block(12), &book, later, |_| false).is_some(), "nobody answers for ever");
}

#[test]
fn the_number_of_a_block_makes_jobs_due_when_it_is_confirmed() {
    let book = listed(&[TriggerTerms::Blocks { first: 10, every: 5 }, log(0)]);
    let pace = Pace::of(Duration::from_secs(2), 3);
    let lookout = Lookout::default();
    let seen = |number| lookout.of_number(&block(number), &book, &pace);
    assert!(seen(9).is_empty() && seen(11).is_empty());
    let (due, sighting) = seen(15).pop().unwrap();
    assert_eq!((due.task.instance, due.due), (InstanceKey::from_run(1), 1_015 + 6));
    assert_eq!((due.anchor, sighting), (AnchorRule::AtBlock(15), Some(Sighting::Block(block(15)))));
}

#[test]
fn what_is_remembered_goes_with_its_task() {
    let mut lookout = Lookout::default();
    let seen = |lookout: &Lookout| (1..=3).filter(|&job| lookout.sighting(&at(job, 7)).is_some()).collect::<Vec<_>>();
    assert!((1..=3).all(|job| lookout.remember(at(job, 7), Sighting::Block(block(7)))));
    assert!(lookout.put_off(waiting(3)));
    lookout.forget(|task| task.job.0 < 2, |_| true);
    assert_eq!(seen(&lookout), [1, 3], "one is open, and one waits for room");
    assert_eq!(lookout.take_waiting(), [waiting(3)]);
    lookout.put_back(waiting(3));
    lookout.rewind(6);
    lookout.forget(|task| task.job.0 < 2, |_| true);
    assert_eq!((seen(&lookout), lookout.take_waiting()), (vec![1], vec![]), "its block is orphaned");
}

/// A task that rests on block 7.
fn waiting(job: u64) -> DueTask {
    let anchor = AnchorRule::AtBlock(7);
    let (code_hash, quorum_bps, callback_gas) = (B256::ZERO, 6_667, 100_000);
    let task = at(job, 7);
    DueTask { task, due: 1, deadline: 2, anchor, rank: 0, code_hash, quorum_bps, callback_gas, observes: false }
}

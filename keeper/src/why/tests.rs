use alloy::primitives::{Address, B256};
use consensus::time::Time;

use super::*;
use crate::archive::Settlement;

const NOW: u64 = 1_800_000_000;

fn job() -> JobState {
    JobState { exists: true, status: "active".to_owned(), can_pay: true, schedule_known: true, ..JobState::default() }
}

/// A run that was due ten seconds ago, and began here.
fn run() -> Run {
    Run { due: Some(NOW - 10), attempts: 1, leader: Some(Address::repeat_byte(1)), ..Run::default() }
}

fn settled(status: u8, submitter: u8, delivered: bool) -> Run {
    let settlement = Settlement {
        block: 9,
        timestamp: NOW - 8,
        seconds_late: 2,
        anchor: 7,
        tx: B256::repeat_byte(0x77),
        submitter: Address::repeat_byte(submitter),
        status,
        delivered,
    };
    Run { settled: Some(settlement), certified: Some(Time(1)), ..run() }
}

fn facts(job: JobState, run: Option<Run>) -> Facts {
    Facts { job: Some(job), run, heard: Some((3, 5)), now: NOW }
}

fn abstaining(reason: &str) -> Run {
    Run { result: "abstain".to_owned(), reason: reason.to_owned(), ..run() }
}

fn dear() -> Run {
    abstaining("gas_too_dear: at the anchor a gas costs 9 wei, and the job pays for 8 at most")
}

type Row = (Facts, Cause, &'static str, &'static str);

fn with(change: fn(&mut JobState)) -> JobState {
    let mut job = job();
    change(&mut job);
    job
}

fn signed() -> Run {
    Run { signed: Some(Time(1)), result: "call".to_owned(), ..run() }
}

fn saying(voices: &str) -> Run {
    Run { voices: voices.to_owned(), ..signed() }
}

fn late(run: Run) -> Run {
    Run { due: Some(NOW - 4_000), ..run }
}

fn row(job: JobState, run: impl Into<Option<Run>>, cause: Cause, what: &'static str, mend: &'static str) -> Row {
    (facts(job, run.into()), cause, what, mend)
}

/// Ways 1 to 6: what keeps a job's tasks from running at all.
fn jobs() -> Vec<Row> {
    let troubled = |trouble: &str| JobState { trouble: trouble.to_owned(), ..job() };
    let unknown = "trigger 9 is of a kind that this program does not know";
    let fails = "condition_failed: at block 7: the call fails: it cannot pay, no code there";
    let unread = "logs_unread: of block 7 no node gives its logs";
    let far = "far_off: block 99 makes it due next, 9 years from now";
    let hash = "what the job's URL serves does not have the SHA-256 hash the job registered";
    let to_come = Run { due: Some(NOW + 30), ..run() };
    vec![
        row(job(), to_come, Cause::NotDue, "in 30 s", "wait"),
        row(with(|job| job.next_due = Some(NOW + 9)), None, Cause::NotDue, "in 9 s", "wait"),
        row(job(), None, Cause::NotDue, "no run of the job is due", "keeper job show"),
        row(with(|job| job.status = "paused".to_owned()), None, Cause::Paused, "paused", "keeper job resume"),
        row(with(|job| job.can_pay = false), run(), Cause::NoFunds, "cannot pay", "keeper job fund"),
        row(job(), dear(), Cause::TooDear, "waits for a lower price", "--most-gas-price"),
        row(job(), Run { expired: Some(Time(2)), ..late(dear()) }, Cause::TooDear, "left out", "--most-gas-price"),
        row(job(), abstaining("job_inactive"), Cause::NoFunds, "paused or could not pay", "keeper job fund"),
        row(with(|job| job.status = "cancelled".to_owned()), None, Cause::Ended, "cancelled", "keeper job create"),
        row(JobState::default(), None, Cause::NoJob, "no job of this number", "keeper job list"),
        row(troubled(fails), None, Cause::ConditionFailed, "no code there", "--condition"),
        row(troubled(fails), run(), Cause::UnderWay, "running", "keeper job watch"),
        row(troubled(unread), None, Cause::LogsUnread, "block 7", "--topics"),
        row(troubled(far), None, Cause::NotDue, "9 years", "keeper job update"),
        row(troubled(unknown), None, Cause::BrokenJob, "trigger 9", "keeper job update"),
        row(troubled("the job's code is not available: 404"), run(), Cause::NoCode, "404", "publish"),
        row(job(), abstaining(hash), Cause::NoCode, "hash", "publish"),
    ]
}

/// Ways 7 to 13: what becomes of a task that is due.
fn runs() -> Vec<Row> {
    let failed = Run { reason: "out of fuel".to_owned(), ..settled(ended::JOB_ERROR, 1, false) };
    let poor = Run { certified: Some(Time(1)), refused: "a.example: insufficient funds".to_owned(), ..signed() };
    let skipped = Run { reason: "the contract skipped it: AnchorTooOld".to_owned(), ..signed() };
    let unsent = Run { certified: Some(Time(1)), expired: Some(Time(2)), ..late(signed()) };
    let undelivered = Run { undelivered: "it reverted: paused()".to_owned(), ..settled(ended::CALL, 1, false) };
    let expired = Run { expired: Some(Time(2)), ..late(run()) };
    let split = saying("2 of 5 signed; signed another result: 0x0303…0303");
    let few = saying("2 of 5 signed; not heard: 0x0505…0505");
    vec![
        row(job(), failed, Cause::JobFailed, "out of fuel", "keeper job test"),
        row(job(), split, Cause::Disagreement, "0x0303", "rpc_urls"),
        row(job(), few, Cause::NoQuorum, "3 of 5 keepers are heard", "keeper peers"),
        row(job(), settled(ended::CALL, 2, true), Cause::LeaderMissed, "0x0101", "keeper doctor"),
        row(job(), poor, Cause::Refused, "insufficient funds", "keeper doctor"),
        row(job(), skipped, Cause::Refused, "AnchorTooOld", "tried again"),
        row(job(), unsent, Cause::Refused, "nobody brought it", "keeper doctor"),
        row(job(), undelivered, Cause::TargetReverted, "paused()", "callback gas"),
        row(with(|job| job.missed = "skip".to_owned()), expired, Cause::MissedPolicy, "missed = skip", "--missed all"),
        row(job(), Run { attempts: 0, ..late(run()) }, Cause::MissedPolicy, "nobody began it", "keeper peers"),
    ]
}

/// What is no failure, or passes, or is not known.
fn others() -> Vec<Row> {
    vec![
        row(job(), settled(ended::CALL, 1, true), Cause::Delivered, "2 s after", ""),
        row(job(), settled(ended::SKIP, 1, false), Cause::Skipped, "nothing to do", ""),
        row(job(), Run { reopened: 1, ..signed() }, Cause::Reopened, "reorganisation", "again"),
        row(job(), abstaining("busy"), Cause::Abstained, "busy", "keeper doctor"),
        row(job(), run(), Cause::UnderWay, "running", "keeper job watch"),
        (Facts { now: NOW, ..Facts::default() }, Cause::Unknown, "nothing of it is recorded", "ask a keeper"),
    ]
}

/// Each way in which a task can fail, by what is known of it; with words of what is said, and of the mend.
fn table() -> Vec<Row> {
    [jobs(), runs(), others()].into_iter().flatten().collect()
}

#[test]
fn each_way_to_fail_has_its_cause_and_its_mend() {
    for (facts, cause, what, mend) in table() {
        let because = explain(&facts);
        assert_eq!(because.cause, cause, "{because:?} of {facts:?}");
        assert!(because.what.contains(what) && because.mend.contains(mend), "{because:?}");
    }
}

#[test]
fn every_cause_stands_in_the_table_and_has_a_name_of_its_own() {
    let mut causes: Vec<Cause> = table().into_iter().map(|(_, cause, ..)| cause).collect();
    causes.sort_unstable();
    causes.dedup();
    assert_eq!(causes.len(), 23, "{causes:?}");
    let mut names: Vec<&str> = causes.iter().map(|cause| cause.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 23);
}

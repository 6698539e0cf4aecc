//! `keeper job why` of tasks that failed: the real program, the record as a keeper writes it, jobs on a real chain, and the words of a keeper
//! that runs where only one could know. Each way to fail has its cause and its mend.

use std::path::Path;
use std::sync::Arc;

use alloy::primitives::{Address, B256};
use consensus::task::{Abstention, InstanceKey, JobId, Status, Task};
use consensus::time::Time;
use contracts::terms::ended;
use keeper::archive::{ArchiveHandle, Change, Entry, Owner, Settlement};
use keeper::heartbeat::MeshView;
use keeper::view::{JobView, View};
use serde_json::{Value, json};

use crate::asked::{ask, serve};
use crate::keeper_process::{Home, Said};
use crate::on_chain::{Anvil, document, operator};

/// Who leads, and who settles.
const LEADER: Address = Address::repeat_byte(0x11);
const OTHER: Address = Address::repeat_byte(0x22);

/// Jobs of the chain, in the order in which they are made: each is as its name says.
const GOOD: u64 = 1;
const PAUSED: u64 = 2;
const ENDED: u64 = 3;
const POOR: u64 = 4;
const SKIPPING: u64 = 5;
/// Nobody made it.
const NONE: u64 = 99;

/// (way to fail, the job, what was recorded of its run, the cause, words of what happened and of the mend)
struct Row {
    name: &'static str,
    job: u64,
    record: Vec<Change>,
    /// What a keeper that runs says of the job: `status`, `reason`, seconds until its next run.
    told: Option<(&'static str, &'static str, i64)>,
    cause: &'static str,
    what: &'static str,
    mend: &'static str,
}

fn row(name: &'static str, job: u64, record: Vec<Change>, [cause, what, mend]: [&'static str; 3]) -> Row {
    Row { name, job, record, told: None, cause, what, mend }
}

fn told(name: &'static str, by: (&'static str, &'static str, i64), [cause, what, mend]: [&'static str; 3]) -> Row {
    Row { name, job: GOOD, record: Vec::new(), told: Some(by), cause, what, mend }
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn due(seconds_ago: i64) -> Change {
    Change::Due { due: now().saturating_add_signed(-seconds_ago) }
}

/// It was due ten seconds ago and began here.
fn begun() -> Vec<Change> {
    vec![due(10), Change::Started { attempt: 0, anchor: 7, leader: Some(LEADER) }]
}

fn with(more: impl IntoIterator<Item = Change>) -> Vec<Change> {
    begun().into_iter().chain(more).collect()
}

fn ran(status: Status) -> Change {
    Change::Ran { result: Ok(status), reason: String::new() }
}

fn abstained(why: Abstention, reason: &str) -> Change {
    Change::Ran { result: Err(why), reason: reason.to_owned() }
}

fn settled(status: u8, submitter: Address, delivered: bool) -> Change {
    let tx = B256::repeat_byte(0x77);
    Change::Settled(Settlement {
        block: 9,
        timestamp: now() - 8,
        seconds_late: 2,
        anchor: 7,
        tx,
        submitter,
        status,
        delivered,
    })
}

fn voices(words: &str) -> Change {
    Change::Voices { words: words.to_owned() }
}

const HASH: &str =
    "what the job's URL serves does not have the SHA-256 hash the job registered on chain; publish that very file";

#[rustfmt::skip]
fn table() -> Vec<Row> {
    let failed = Change::Ran { result: Ok(Status::JobError), reason: "out of fuel".to_owned() };
    let reverted = Change::Undelivered { why: "it reverted: paused()".to_owned() };
    let refused = Change::Refused { why: "http://node: insufficient funds for gas".to_owned() };
    let too_old = Change::Ineligible { reason: "AnchorTooOld".to_owned() };
    let unread = abstained(Abstention::ChainReadFailed, "a chain read failed: header not found; check the RPC node of this keeper");
    vec![
        row("its moment has not come", GOOD, vec![due(-600)], ["not_due", "it is due in", "wait for it"]),
        row("there is no such job", NONE, Vec::new(), ["no_job", "no job of this number", "keeper job list"]),
        row("the job is paused", PAUSED, Vec::new(), ["paused", "none of its runs comes due", "keeper job resume"]),
        row("the job was cancelled", ENDED, Vec::new(), ["ended", "cancelled", "keeper job create"]),
        row("the job cannot pay", POOR, Vec::new(), ["no_funds", "cannot pay for a run in full", "keeper job fund"]),
        row("the job could not pay at its block", GOOD, with([abstained(Abstention::JobInactive, "")]), ["no_funds", "job_inactive", "keeper job fund"]),
        told("nobody knows the job's trigger", ("active", "trigger 9 is of a kind that this program does not know", -1), ["broken_job", "trigger 9", "keeper job update"]),
        told("the job's code is nowhere", ("active", "the job's code is not available: 404 Not Found", -1), ["no_code", "404", "publish the very file"]),
        told("the job is done with", ("active", "", -1), ["not_due", "no run of the job is due any more", "keeper job show"]),
        told("the next run is to come", ("active", "", 600), ["not_due", "it is due in", "wait for it"]),
        row("the code is another one", GOOD, with([abstained(Abstention::CodeUnavailable, HASH)]), ["no_code", "SHA-256", "publish the very file"]),
        row("the code fails", GOOD, with([failed, settled(ended::JOB_ERROR, LEADER, false)]), ["job_failed", "out of fuel", "keeper job test"]),
        row("keepers got different results", GOOD, with([ran(Status::Call), Change::Signed, voices("2 of 4 signed; signed another result: 0x3333…3333")]), ["disagreement", "0x3333…3333", "rpc_urls"]),
        row("too few keepers were heard", GOOD, with([ran(Status::Call), Change::Signed, voices("2 of 4 signed; not heard: 0x4444…4444")]), ["no_quorum", "0x4444…4444", "keeper peers"]),
        row("this keeper's node could not be read", GOOD, with([unread]), ["abstained", "header not found", "rpc_urls"]),
        row("the leader did not bring it", GOOD, with([settled(ended::CALL, OTHER, true)]), ["leader_missed", "0x2222", "keeper doctor"]),
        row("a node refused the transaction", GOOD, with([ran(Status::Call), Change::Signed, Change::Certified, refused]), ["refused", "insufficient funds", "keeper doctor"]),
        row("the contract skipped it", GOOD, with([ran(Status::Call), Change::Signed, too_old]), ["refused", "AnchorTooOld", "tried again by itself"]),
        row("nobody brought it", GOOD, [due(4_000)].into_iter().chain([ran(Status::Call), Change::Signed, Change::Certified, Change::Expired]).collect(), ["refused", "nobody brought it", "wallets"]),
        row("the target reverted", GOOD, with([settled(ended::CALL, LEADER, false), reverted]), ["target_reverted", "paused()", "callback gas"]),
        row("its deadline passed", SKIPPING, vec![due(4_000), Change::Expired], ["missed_policy", "missed = skip", "--missed all"]),
        row("nobody began it", GOOD, vec![due(4_000)], ["missed_policy", "nobody began it", "keeper peers"]),
        row("a reorganisation undid it", GOOD, with([settled(ended::CALL, LEADER, true), Change::Reopened]), ["reopened", "reorganisation", "settle it again"]),
        row("nothing of it is known", GOOD, Vec::new(), ["unknown", "nothing of it is recorded", "ask a keeper that ran then"]),
    ]
}

/// Makes the jobs, each as its name says.
fn make_jobs(home: &Home, network: &str, target: &str) {
    let create = |fund: &str, missed: &str| {
        let base = ["job", "create", "--broadcast", "--target", target, "--fee", "1gwei", "--every", "1h"];
        let call = ["--action", "call", "--calldata", "0xd09de08a", "--fund", fund, "--missed", missed];
        document(home, network, &[&base[..], &call].concat());
    };
    for (fund, missed) in [("1ether", "all"), ("1ether", "all"), ("1ether", "all"), ("1", "all"), ("1ether", "skip")] {
        create(fund, missed);
    }
    for (verb, job) in [("pause", PAUSED), ("cancel", ENDED)] {
        document(home, network, &["job", verb, &job.to_string(), "--broadcast"]);
    }
}

/// Writes down what happened to each run; its number is its row's.
fn record(home: &Home, rows: &[Row]) {
    let owner = Owner { domain: B256::repeat_byte(1), operator: operator(home) };
    let (handle, thread) = ArchiveHandle::spawn(home.data().join("runs.sqlite"), owner);
    for (number, row) in (0..).zip(rows) {
        let task = Task { job: JobId(row.job), version: 1, instance: InstanceKey::from_run(number) };
        for change in &row.record {
            handle.note(Entry { task, at: Time::from_seconds(now()), change: change.clone() });
        }
    }
    drop(handle);
    thread.join().unwrap();
}

async fn why(home: &Arc<Home>, network: &Path, number: usize, row: &Row) -> Said {
    let (job, run) = (row.job.to_string(), number.to_string());
    let line = ["job", "why", &job, &run, "--json", "--network", network.to_str().unwrap()];
    let Some((status, reason, next)) = row.told else { return ask(home, &line).await };
    let next_due = u64::try_from(next).ok().map(|seconds| now() + seconds);
    let job =
        JobView { id: row.job, status: status.to_owned(), reason: reason.to_owned(), next_due, ..JobView::default() };
    let view = View { jobs: vec![job], ..View::default() };
    let url = format!("http://{}", serve(view, MeshView::default()).await);
    ask(home, &[&line[..], &["--api-url", &url]].concat()).await
}

fn has(value: &Value, words: &str) -> bool {
    value.as_str().is_some_and(|text| text.contains(words))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_fail_is_told_with_its_cause_and_its_mend() {
    let anvil = Anvil::start().await;
    let home = Home::with_keys();
    let network = home.path("network.toml");
    anvil.deployment.network.save(&network).unwrap();
    anvil.give(operator(&home), 10).await;
    let target = anvil.deployment.examples.unwrap().counter.to_string();
    make_jobs(&home, network.to_str().unwrap(), &target);
    // What was announced holds from later on.
    anvil.ask("evm_mine", json!([])).await;
    let rows = table();
    record(&home, &rows);
    let home = Arc::new(home);
    let (mut failures, mut causes) = (Vec::new(), std::collections::BTreeSet::new());
    for (number, row) in rows.iter().enumerate() {
        let said = why(&home, &network, number, row).await;
        let code = if row.cause == "no_job" { 4 } else { 0 };
        let found = said.json();
        let is_told = found["cause"] == row.cause && has(&found["what"], row.what) && has(&found["mend"], row.mend);
        if said.code != code || !is_told {
            failures.push(format!("{}: not {} but {found}", row.name, row.cause));
        }
        causes.insert(row.cause);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(causes.len() >= 12, "{causes:?}");
    eprintln!("{} ways to fail, {} causes", rows.len(), causes.len());
}

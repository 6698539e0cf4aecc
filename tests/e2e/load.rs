//! How much five keepers on one machine can do, and what it costs each: measurements of `tests/bench.sh load`.
//!
//! The component is trivial, so what is measured is the way of a task through the mesh and onto the chain.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy::primitives::Bytes;
use bootstrap::swarm::ledger::unix_ms;
use bootstrap::swarm::proof::Percentiles;
use bootstrap::swarm::{JobRequest, Swarm, code_hash, cost};
use bootstrap::wait::until;
use contracts::terms::{ActionTerms, TriggerTerms, WasmTerms};
use tests::hostile::{INCREMENT, component};
use tests::workers::{Usage, usage};
use tests::{keepers, settled};

/// Seconds between the runs of a job, in turn: 300 such jobs are 96 tasks a second.
const INTERVALS: [u32; 4] = [2, 3, 4, 5];
/// Jobs more at each step of the search, and how many there are at most.
const STEP: usize = 100;
const MOST_JOBS: usize = 800;
/// How long a step is watched.
const WATCHED: u64 = 60;
/// How long after the last run that is counted the last settlement may come.
const PATIENCE: Duration = Duration::from_secs(60);
/// What keeps up settles the last runs about as fast as the first: a queue that grows is no load that holds.
const LATER_MS: u64 = 2_000;
/// The bound on a keeper with 10,000 jobs.
const MOST_MEMORY: u64 = 200 << 20;

#[tokio::test]
#[ignore = "a measurement: tests/bench.sh load"]
async fn the_most_tasks_a_second_that_hold() {
    let _alone = tests::alone().await;
    let mut stage = Stage::new().await;
    let mut most = None;
    for jobs in (STEP..=MOST_JOBS).step_by(STEP) {
        stage.list(STEP, |number| (first_second(), INTERVALS[number % INTERVALS.len()])).await;
        let measured = stage.watch(WATCHED).await;
        eprintln!("{jobs} jobs: {measured}");
        if !measured.holds() {
            break;
        }
        most = Some((jobs, measured.a_second));
    }
    let (jobs, a_second) = most.expect("not even the first step holds");
    eprintln!("the most that holds: {jobs} jobs, {a_second:.0} tasks a second");
    stage.swarm.stop().await;
}

#[tokio::test]
#[ignore = "a measurement: tests/bench.sh load"]
async fn three_hundred_jobs_for_ten_minutes_miss_nothing() {
    let _alone = tests::alone().await;
    let mut stage = Stage::new().await;
    stage.list(300, |number| (first_second(), INTERVALS[number % INTERVALS.len()])).await;
    let measured = stage.watch(600).await;
    eprintln!("300 jobs for ten minutes: {measured}");
    assert!(measured.holds());
    stage.swarm.stop().await;
}

#[tokio::test]
#[ignore = "a measurement: tests/bench.sh load"]
async fn ten_thousand_jobs_of_ten_minutes_miss_nothing_in_200_mib() {
    const EVERY: u32 = 600;
    let _alone = tests::alone().await;
    let mut stage = Stage::new().await;
    // Each second of the ten minutes has its share; listing them takes a few of them.
    let start = unix_ms() / 1000 + u64::from(EVERY);
    stage.list(10_000, |number| (start + number as u64 % u64::from(EVERY), EVERY)).await;
    let wait = Duration::from_secs((start + PATIENCE.as_secs()).saturating_sub(unix_ms() / 1000));
    settled(&mut stage.swarm, "the first of the runs", wait, |tasks| !tasks.is_empty()).await.unwrap();
    let measured = stage.watch(EVERY.into()).await;
    eprintln!("10,000 jobs of ten minutes: {measured}");
    assert!(measured.holds() && measured.memory < MOST_MEMORY);
    stage.swarm.stop().await;
}

/// A first due moment that leaves time for listing and fetching.
fn first_second() -> u64 {
    unix_ms() / 1000 + 60
}

struct Stage {
    swarm: Swarm,
    terms: WasmTerms,
}

/// What was seen while a load was watched.
struct Measured {
    a_second: f64,
    due: usize,
    missed: usize,
    doubled: usize,
    /// Milliseconds from due to settled: of all, and the median of the first and of the last quarter.
    late: Percentiles,
    first: u64,
    last: u64,
    /// Of a core, the mean of all keepers, workers included.
    core: f64,
    /// Bytes resident, the largest of all keepers: its own, and its workers'.
    memory: u64,
    workers: u64,
}

impl Measured {
    fn holds(&self) -> bool {
        (self.missed, self.doubled) == (0, 0) && self.last <= self.first + LATER_MS
    }
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:.1} tasks a second, {} due, {} missed, {} settled twice; due to settled p50 {} ms, p99 {} ms (median of the \
             first quarter {} ms, of the last {} ms); a keeper: {:.2} of a core, {} MiB and {} MiB of workers",
            self.a_second,
            self.due,
            self.missed,
            self.doubled,
            self.late.p50.unwrap_or(0),
            self.late.p99.unwrap_or(0),
            self.first,
            self.last,
            self.core,
            self.memory >> 20,
            self.workers >> 20
        )
    }
}

impl Stage {
    async fn new() -> Self {
        let swarm = Swarm::start(keepers(5)).await.unwrap();
        let code = component(INCREMENT);
        let code_hash = code_hash(&code);
        let code_url = swarm.code_server().serve("load.wasm", code);
        Self { swarm, terms: WasmTerms { code_url, code_hash, params: Bytes::new() } }
    }

    /// Lists jobs: job `number` is due first then, and every so many seconds after that.
    async fn list(&mut self, count: usize, when: impl Fn(usize) -> (u64, u32)) {
        let target = self.swarm.target();
        let request = |number: usize| {
            let (start, interval) = when(number);
            JobRequest {
                name: format!("load {number}"),
                trigger: TriggerTerms::Interval { start, interval },
                action: ActionTerms::Wasm(self.terms.clone()),
                target,
                creator: None,
            }
        };
        let requests: Vec<JobRequest> = (0..count).map(request).collect();
        for some in requests.chunks(STEP) {
            self.swarm.list(some).await.unwrap();
        }
    }

    /// Watches for so many seconds, from when all jobs have been due once or, where that takes long, from now.
    async fn watch(&mut self, seconds: u64) -> Measured {
        let starts = self.swarm.jobs().iter().filter_map(|job| job.due(0));
        let now = unix_ms() / 1000;
        let from = starts.filter(|start| *start < now + PATIENCE.as_secs()).max().unwrap_or(0).max(now) + 1;
        let to = from + seconds;
        self.moment(from).await;
        let before = self.usages();
        self.moment(to).await;
        let after = self.usages();
        // Missed is what the counts below say; here it is only waited for.
        let runs = self.runs(from, to);
        let _ = settled(&mut self.swarm, "the last of the runs", PATIENCE, |tasks| {
            let done = tasks.iter().filter(|each| runs.contains_key(&(each.job_id, each.run)));
            done.count() >= runs.len()
        })
        .await;
        self.swarm.check_alive().unwrap();
        eprintln!("{}", cost(&self.swarm).await.unwrap().words());
        self.measured(&runs, (from, to), &before, &after)
    }

    fn measured(&self, runs: &Runs, (from, to): (u64, u64), before: &[Usage], after: &[Usage]) -> Measured {
        let mut late: BTreeMap<(u64, u64), u64> = BTreeMap::new();
        let mut doubled = 0;
        self.swarm.follower().look(|ledger| {
            for each in &ledger.settlements {
                let run = (each.job_id, each.run);
                let Some(due) = runs.get(&run) else { continue };
                doubled += usize::from(late.insert(run, each.seen_ms.saturating_sub(due * 1000)).is_some());
            }
        });
        let quarter = (to - from).div_ceil(4);
        let median = |part: std::ops::Range<u64>| {
            let of_part = late.iter().filter(|(run, _)| part.contains(&runs[run])).map(|(_, late)| *late);
            Percentiles::of(of_part.collect()).p50.unwrap_or(u64::MAX)
        };
        let used = before.iter().zip(after).map(|(before, after)| after.time.saturating_sub(before.time));
        let seconds = (to - from) as f64;
        Measured {
            a_second: runs.len() as f64 / seconds,
            due: runs.len(),
            missed: runs.len() - late.len(),
            doubled,
            first: median(from..from + quarter),
            last: median(to - quarter..to),
            late: Percentiles::of(late.into_values().collect()),
            core: used.sum::<Duration>().as_secs_f64() / seconds / after.len() as f64,
            memory: after.iter().map(|usage| usage.keeper).max().unwrap_or(0),
            workers: after.iter().map(|usage| usage.workers).max().unwrap_or(0),
        }
    }

    fn usages(&self) -> Vec<Usage> {
        self.swarm.keepers.iter().map(|keeper| usage(keeper).unwrap()).collect()
    }

    /// The runs that are due within a time, and when.
    fn runs(&self, from: u64, to: u64) -> Runs {
        let jobs = self.swarm.jobs().iter();
        jobs.flat_map(|job| {
            let numbers = job.runs_until(from - 1)..job.runs_until(to - 1);
            numbers.filter_map(|run| Some(((job.id, run), job.due(run)?)))
        })
        .collect()
    }

    /// Waits until it is so late.
    async fn moment(&self, second: u64) {
        until("the moment", Duration::from_secs(700), || async {
            let left = second.saturating_sub(unix_ms() / 1000);
            if left == 0 { Ok(()) } else { Err(format!("{left} s")) }
        })
        .await
        .unwrap();
    }
}

/// Due moments (unix seconds) by job and run.
type Runs = BTreeMap<(u64, u64), u64>;

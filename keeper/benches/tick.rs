//! What a million scheduled jobs cost, 10,000 of them due a second: the keeper's schedule against a task of its own for each, asleep
//! until it is due. `tests/bench.sh tick`.
#![expect(clippy::print_stdout, reason = "a measurement")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy::primitives::{Address, Bytes, Uint};
use consensus::time::Pace;
use contracts::terms::{ActionTerms, CallTerms, Limits, Terms, TriggerTerms};
use keeper::chain::JobEvent;
use keeper::jobs::{JobBook, Schedule};
use tokio::time::Instant;

const JOBS: u64 = 1_000_000;
/// Of ten jobs eight are due again and again, each at a second of its own in this many: 10,000 a second.
const EVERY: u32 = 80;
/// The others are due once within a day, or each day at a minute of it.
const DAY: u64 = 86_400;
/// So many seconds are watched.
const WATCHED: u64 = 20;
/// Steps of the lateness that is told apart, in microseconds, and how many.
const STEP: u64 = 100;
const STEPS: usize = 100_000;
/// What is asked of the schedule: at most this part of the memory.
const PART: usize = 10;

/// Counts what is allocated.
struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "an allocator is unsafe to write; it hands everything on to the system's")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(place, layout) }
    }
}

/// How late what was due came, by steps.
struct Lateness(Vec<AtomicU32>);

impl Lateness {
    fn new() -> Self {
        Self((0..STEPS).map(|_| AtomicU32::new(0)).collect())
    }

    fn note(&self, late: Duration) {
        let step = usize::try_from(late.as_micros() as u64 / STEP).unwrap_or(STEPS).min(STEPS - 1);
        self.0[step].fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self) -> u64 {
        self.0.iter().map(|count| u64::from(count.load(Ordering::Relaxed))).sum()
    }

    /// The least that so many of 1,000 do not exceed, in milliseconds.
    fn of_thousand(&self, part: u64) -> f64 {
        let wanted = (self.count() * part).div_ceil(1_000);
        let mut seen = 0;
        let step = self.0.iter().position(|count| {
            seen += u64::from(count.load(Ordering::Relaxed));
            seen >= wanted
        });
        (step.unwrap_or(0) as u64 * STEP) as f64 / 1_000.0
    }
}

/// What was measured of one of the two.
struct Measured {
    late: Arc<Lateness>,
    bytes: usize,
}

impl Measured {
    fn words(&self) -> String {
        format!(
            "{} runs, late p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms; {:.1} MiB",
            self.late.count(),
            self.late.of_thousand(500),
            self.late.of_thousand(990),
            self.late.of_thousand(999),
            self.bytes as f64 / f64::from(1 << 20)
        )
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("runtime");
    let start = unix().as_secs() - 10 * u64::from(EVERY);
    let schedule = runtime.block_on(async move { tokio::spawn(scheduled(start)).await }).expect("the schedule");
    println!("schedule     {}", schedule.words());
    let tasks = runtime.block_on(asleep(start));
    println!("sleep_until  {}", tasks.words());
    let [ours, theirs] = [&schedule, &tasks].map(|measured| measured.late.of_thousand(999));
    let part = tasks.bytes as f64 / schedule.bytes as f64;
    println!("{JOBS} jobs: {:.2} of the lateness at p99.9, a {part:.0}th of the memory", ours / theirs);
    assert!(ours <= theirs, "the schedule is later at p99.9 than a task for each job");
    assert!(schedule.bytes * PART <= tasks.bytes, "the schedule takes more than a tenth of the memory");
}

fn unix() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970")
}

/// When a job is due.
fn trigger(job: u64, start: u64) -> TriggerTerms {
    match job % 10 {
        0 => TriggerTerms::Once { moment: start + job % DAY },
        1 => TriggerTerms::Cron { pattern: format!("{} {} * * *", job / 10 % 60, job / 600 % 24) },
        _ => TriggerTerms::Interval { start: start + job / 10 % u64::from(EVERY), interval: EVERY },
    }
}

/// A book with all jobs.
fn book(start: u64) -> JobBook {
    let mut book = JobBook::of(usize::MAX);
    for job_id in 0..JOBS {
        let terms = Terms {
            trigger: trigger(job_id, start),
            action: ActionTerms::Call(CallTerms { calldata: Bytes::new() }),
            target: Address::ZERO,
            callback_gas: 0,
            token: Address::ZERO,
            fee: Uint::from(1),
            quorum_bps: 0,
            punctual_seconds: 0,
            limits: Limits::default(),
        };
        let (owner, forwarder, params) = (Address::ZERO, Address::ZERO, Box::new(terms.params()));
        book.apply(1, &JobEvent::Created { job_id, owner, forwarder, params, active_from: 0 });
        book.apply(1, &JobEvent::Covered { job_id, covered: true });
    }
    book
}

/// What the keeper does: its schedule is asked when a second begins.
async fn scheduled(start: u64) -> Measured {
    let (book, pace) = (book(start), Pace::of(Duration::from_secs(1), 0));
    let late = Arc::new(Lateness::new());
    let before = BYTES.load(Ordering::Relaxed);
    let mut schedule = Schedule::default();
    schedule.all_changed();
    // What is in reach at first is told at once, and says nothing.
    while schedule.take(&book, unix().as_secs(), u64::MAX, &pace).is_some() {}
    let first = unix().as_secs() + 1;
    let mut bytes = 0;
    for second in first..first + WATCHED {
        let begins = Instant::now() + Duration::from_secs(second).saturating_sub(unix());
        tokio::time::sleep_until(begins).await;
        while schedule.take(&book, second, u64::MAX, &pace).is_some() {
            late.note(begins.elapsed());
        }
        bytes = bytes.max(BYTES.load(Ordering::Relaxed) - before);
    }
    Measured { late, bytes }
}

/// A task for each job, which sleeps until it is due, and again.
async fn asleep(start: u64) -> Measured {
    let late = Arc::new(Lateness::new());
    let before = BYTES.load(Ordering::Relaxed);
    let (now, origin) = (unix(), Instant::now());
    let first = now.as_secs() + 30;
    let mut tasks = Vec::with_capacity(JOBS as usize);
    for job in 0..JOBS {
        let (mut due, every) = match trigger(job, start) {
            TriggerTerms::Interval { start, interval } => {
                let every = u64::from(interval);
                (start + (first - start).div_ceil(every) * every, every)
            }
            _ => (first + 1 + job % DAY, DAY),
        };
        let late = Arc::clone(&late);
        tasks.push(tokio::spawn(async move {
            loop {
                let moment = origin + Duration::from_secs(due).saturating_sub(now);
                tokio::time::sleep_until(moment).await;
                late.note(moment.elapsed());
                due += every;
            }
        }));
    }
    let handles = tasks.capacity() * size_of::<tokio::task::JoinHandle<()>>();
    let bytes = BYTES.load(Ordering::Relaxed) - before - handles;
    println!("{JOBS} tasks are asleep {:.1} s after the first was made", origin.elapsed().as_secs_f64());
    tokio::time::sleep_until(origin + Duration::from_secs(first + WATCHED).saturating_sub(now)).await;
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    Measured { late, bytes }
}

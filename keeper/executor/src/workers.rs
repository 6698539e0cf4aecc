//! The keeper's side of its workers: a few that run jobs, one at a time each, and one of its own for every compilation.
//!
//! Idle workers wait in a stack: the one used last is used next, so that a quiet keeper has one, and those at the bottom are let
//! go when they have not been needed for a while.

mod compiler;
mod complaints;
mod exchange;
mod nursery;
mod worker;

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::Role;
use crate::limits::Limits;
use crate::outside::Outside;
use crate::processes::process;
use crate::transcript::Transcript;
use crate::turns::{Bounds, Turns, customer};
use crate::wire::{End, Hello, Input, MAX_RUNNING, Order, Output};
pub(crate) use compiler::{Compilation, Compiler};
use exchange::{Exchange, Next};
use nursery::Nursery;
pub use nursery::WorkerProgram;
pub(crate) use worker::Broken;
use worker::Worker;

/// What a run may take above its own watchdog before its worker is given up: the watchdog's resolution, and a busy machine.
const GRACE: Duration = Duration::from_secs(2);
/// How long a worker may take to load compiled code.
const LOAD_PATIENCE: Duration = Duration::from_secs(10);
/// A run that takes so much makes its job slow: slow jobs leave a worker to the others.
const SLOW: Duration = Duration::from_millis(250);
/// Runs that may wait, of all jobs and of one.
const MAX_WAITING: [usize; 2] = [4096, 64];
/// How long a worker that is not the only idle one may stay idle.
const IDLE: Duration = Duration::from_secs(60);

/// The workers that run jobs.
#[derive(Debug)]
pub(crate) struct Workers {
    nursery: Nursery,
    /// Runs that run: jobs take turns.
    turns: Arc<Turns>,
    idle: Mutex<Vec<(Worker, Instant)>>,
    /// What the first worker said: every other must be of the same engine.
    hello: OnceCell<Hello>,
    lost: AtomicU64,
}

/// A run as a worker needs to know it.
#[derive(Debug)]
pub(crate) struct Assigned {
    /// SHA-256 of the component.
    pub(crate) hash: [u8; 32],
    pub(crate) limits: Limits,
    pub(crate) input: Input,
    /// Whether what is on time runs before it.
    pub(crate) is_late: bool,
}

/// Why a run has no end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unfinished {
    /// The worker is gone.
    Worker(Broken),
    /// Too many runs wait, of this job or of all.
    Busy,
    /// The compiled code is no longer in the cache.
    NoCode,
    /// The compiled code is in the cache and no worker can load it.
    Unloadable(String),
}

impl<T: Into<Broken>> From<T> for Unfinished {
    fn from(broken: T) -> Self {
        Self::Worker(broken.into())
    }
}

impl Workers {
    /// No worker is started before the first is needed. At most `concurrent` run at one time.
    pub(crate) fn new(program: WorkerProgram, concurrent: usize) -> io::Result<Self> {
        Ok(Self {
            nursery: Nursery::open(program)?,
            turns: Turns::new(Bounds {
                places: concurrent,
                slow_places: (concurrent - 1).max(1),
                places_each: concurrent,
                slow: SLOW,
                waiting: MAX_WAITING[0],
                waiting_each: MAX_WAITING[1],
            }),
            idle: Mutex::default(),
            hello: OnceCell::new(),
            lost: AtomicU64::new(0),
        })
    }

    /// A compiler beside these workers.
    pub(crate) fn compiler(&self) -> Compiler {
        Compiler::new(self.nursery.clone())
    }

    /// What the workers of this keeper are, by the first one's hello.
    pub(crate) async fn hello(&self) -> Result<&Hello, Broken> {
        let first = async {
            let worker = Worker::start(&self.nursery, Role::Run).await?;
            let hello = worker.hello().clone();
            let confined = hello.confinement;
            if !(confined.seccomp && confined.landlock) {
                let (seccomp, landlock) = (confined.seccomp, confined.landlock);
                tracing::warn!(seccomp, landlock, "this kernel cannot confine workers in every way; limits hold");
            }
            self.put_back(worker);
            Ok(hello)
        };
        self.hello.get_or_try_init(|| first).await
    }

    /// Whether one more line about job code may be logged in this minute.
    pub(crate) fn may_log(&self) -> bool {
        self.nursery.quota().lets(Instant::now())
    }

    /// The processes that live, and those that died or had to be killed so far.
    pub(crate) fn live(&self) -> BTreeMap<u32, Role> {
        self.nursery.live()
    }

    /// Workers that died or had to be killed in a run.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Makes one run on one worker, with chain reads answered through `transcript`, requests through `outside`, where it may make
    /// any, and the compiled code from `code`, if the worker does not have it, and tells what the run took by itself. A worker that does not do as it should is ended.
    pub(crate) async fn run<C>(
        &self,
        assigned: &Assigned,
        (transcript, outside): (&mut Transcript, &mut Option<Outside>),
        code: impl Fn() -> C,
    ) -> Result<(Output, Duration), Unfinished>
    where
        C: Future<Output = Option<Vec<u8>>>,
    {
        let mut turn =
            self.turns.take_for(customer(assigned.input.job_id), assigned.is_late).await.ok_or(Unfinished::Busy)?;
        turn.begin();
        loop {
            let (mut worker, was_idle) = self.take().await?;
            // Whoever asked may go away in the midst of it: then the worker is dropped with this future, and ends.
            let (mut before, began) = (None, Instant::now());
            let ended = run_on(&mut worker, assigned, (transcript, outside), &code, &mut before).await;
            let Err(Unfinished::Worker(broken)) = &ended else {
                // On a busy machine every run takes long: what counts is what this one took, or kept its worker waiting for.
                let used = processor_time(worker.id()).zip(before).and_then(|(now, before)| now.checked_sub(before));
                let took = used
                    .map(|used| used + transcript.waited() + outside.as_ref().map_or(Duration::ZERO, Outside::waited));
                if let Some(took) = took {
                    turn.took(took);
                }
                self.put_back(worker);
                return ended.map(|output| (output, took.unwrap_or_else(|| began.elapsed())));
            };
            self.lost.fetch_add(1, Ordering::Relaxed);
            let (id, mute) = (worker.id(), worker.link().heard_nothing());
            let status = worker.end().await;
            if self.nursery.quota().lets(Instant::now()) {
                tracing::warn!(worker = id, job = assigned.input.job_id, ?status, "lost a worker in a run: {broken}");
            }
            // One that had died while it was idle is no try.
            if !(was_idle && mute && *broken == Broken::Ended) {
                return ended.map(|output| (output, began.elapsed()));
            }
        }
    }

    /// Runs of quick jobs that no worker was free for in time.
    pub(crate) fn unserved(&self) -> u64 {
        self.turns.unserved()
    }

    /// A worker, and whether it has been idle.
    async fn take(&self) -> Result<(Worker, bool), Broken> {
        let engine = self.hello().await?.engine.clone();
        if let Some((worker, _)) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok((worker, true));
        }
        let worker = Worker::start(&self.nursery, Role::Run).await?;
        if worker.hello().engine != engine {
            return Err(Broken::Fault("its engine is another one than that of the worker before it".to_owned()));
        }
        Ok((worker, false))
    }

    fn put_back(&self, worker: Worker) {
        let now = Instant::now();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push((worker, now));
        // One at a time is enough: whoever used the others comes by here too.
        if idle.len() > 1 && now.duration_since(idle[0].1) > IDLE {
            drop(idle.remove(0));
        }
    }
}

/// Processor time that a worker has used so far; `None` where the kernel does not tell, or it is gone.
fn processor_time(worker: u32) -> Option<Duration> {
    process(worker).map(|process| process.used)
}

/// The exchange of one run. `before` is what its worker had used of the processors when it began, its code loaded: that is no
/// fault of a job whose code a worker sees for the first time.
async fn run_on<C>(
    worker: &mut Worker,
    assigned: &Assigned,
    (transcript, outside): (&mut Transcript, &mut Option<Outside>),
    code: &impl Fn() -> C,
    before: &mut Option<Duration>,
) -> Result<Output, Unfinished>
where
    C: Future<Output = Option<Vec<u8>>>,
{
    let number = random()?;
    let (hash, limits) = (assigned.hash, assigned.limits);
    let run = Order::Run { hash, limits, input: assigned.input.clone() };
    let id = worker.id();
    let link = worker.link();
    link.begin();
    *before = processor_time(id);
    let mut deadline = Instant::now() + limits.wall_clock;
    let mut exchange = Exchange::new();
    link.say(number, &run, deadline + GRACE).await?;
    loop {
        let said = link.hear(number, MAX_RUNNING, deadline + GRACE).await?;
        match exchange.on(said)? {
            Next::Load => {
                let code = code().await.ok_or(Unfinished::NoCode)?;
                deadline = Instant::now() + LOAD_PATIENCE;
                link.say(number, &Order::Load { hash, code }, deadline).await?;
            }
            Next::Run => {
                *before = processor_time(id);
                deadline = Instant::now() + limits.wall_clock;
                link.say(number, &run, deadline + GRACE).await?;
            }
            Next::Answer(read) => {
                let answer = transcript.read(&read, deadline).await;
                link.say(number, &Order::Answer(answer), deadline + GRACE).await?;
            }
            Next::Fetch(request) => {
                let Some(outside) = outside else {
                    return Err(Broken::Fault("a request in a run that does not look outside".to_owned()).into());
                };
                let answer = outside.fetch(&request, deadline).await;
                link.say(number, &Order::Answer(Some(answer)), deadline + GRACE).await?;
            }
            Next::Unloadable(why) => return Err(Unfinished::Unloadable(why)),
            Next::End(output) => {
                // A run whose chain read has no answer has no result; and only such a run ends for want of one.
                let signed = matches!(output.end, End::Call(_) | End::Skip(_) | End::JobError(_) | End::Seen(_));
                return match transcript.failure() {
                    Some(_) if signed => Err(Broken::Fault("a result without the chain's answer".to_owned()).into()),
                    None if output.end == End::Unanswered => {
                        Err(Broken::Fault("an answer that it had was missing".to_owned()).into())
                    }
                    _ => Ok(output),
                };
            }
        }
    }
}

/// Names an exchange: nobody can say anything for it before it has begun.
fn random() -> Result<u64, Broken> {
    getrandom::u64().map_err(|error| Broken::NotStarted(format!("the system gives no random numbers: {error}")))
}

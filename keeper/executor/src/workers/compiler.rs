//! Compilations: each in a process of its own, bounded in time and memory, in two lanes.
//!
//! ```text
//!   by turns  ──► quick lane  ── 3 s are over ──► slow lane ──► 20 s of processor time are used: given up
//!                    │  the slow lane is free: the process just goes on
//!                    │  it is not: it is ended, and begins again when its turn comes
//! ```
//!
//! So code that takes long to compile holds up other such code, and what takes a moment waits a moment.

use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::nursery::Nursery;
use super::random;
use super::worker::{Broken, Worker};
use crate::Role;
use crate::turns::{Bounds, Customer, Turns};
use crate::wire::{MAX_COMPILING, Order, Said};

/// Compilations that may wait in each lane, of all owners and of one.
const MAX_WAITING: [usize; 2] = [1024, 64];
/// Time in the quick lane.
const QUICK: Duration = Duration::from_secs(3);
/// Processor time a compilation may take. The example jobs, 1.6 MB with an interpreter in each, take 6.4 to 8.8 s on a virtual
/// machine whose two cores are shared (`cost_of_an_interpreted_job` measures it). A compiler has one thread: where a core is free
/// for it, that is its time by the clock too.
const LIMIT: Duration = Duration::from_secs(20);
/// Time by the clock after which one that got no processor is ended.
const PATIENCE: Duration = Duration::from_secs(60);
/// A component with a function that does nothing, to see whether code can be compiled and loaded here. It is no job.
const PROBE: [u8; 34] =
    *b"\0asm\x0d\0\x01\0\x01\x18\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x04\x01\x02\0\x0b";
/// How often its processor time is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// How a compilation ended.
#[derive(Debug)]
pub(crate) enum Compilation {
    /// Native code.
    Done(Vec<u8>),
    /// It will never compile here, and why.
    Never(String),
    /// It ended as it does where there is no more memory. Once that may be the machine's fault; twice it is the code's.
    Aborted(String),
    /// Something else ended the compiler, which says nothing of the code.
    Killed(String),
    /// Another time it may compile.
    Failed(String),
    /// Too many wait already.
    Busy,
}

/// Compiles components.
#[derive(Debug)]
pub(crate) struct Compiler {
    nursery: Nursery,
    quick: Arc<Turns>,
    slow: Arc<Turns>,
    started: AtomicU64,
}

impl Compiler {
    pub(super) fn new(nursery: Nursery) -> Self {
        let one = || {
            Turns::new(Bounds {
                places: 1,
                slow_places: 1,
                places_each: 1,
                slow: QUICK,
                waiting: MAX_WAITING[0],
                waiting_each: MAX_WAITING[1],
            })
        };
        Self { nursery, quick: one(), slow: one(), started: AtomicU64::new(0) }
    }

    /// Compilers started so far.
    pub(crate) fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    /// Whether code can be compiled and loaded on this machine; if not, why.
    pub(crate) async fn check(&self) -> Result<(), String> {
        let started = Worker::start(&self.nursery, Role::Compile).await;
        let mut worker = started.map_err(|broken| broken.to_string())?;
        match exchange(&mut worker, &Order::Compile(PROBE.to_vec())).await {
            // That it is no job shows once it is compiled and loaded.
            Ok(Said::Invalid(_)) => Ok(()),
            Ok(Said::Unloadable(why)) => Err(why),
            Ok(said) => Err(format!("a compiler answered with {}", said.name())),
            // The machine is busy.
            Err(Broken::Silent) => Ok(()),
            Err(Broken::Ended) => Err(told(worker.end().await)),
            Err(broken) => Err(broken.to_string()),
        }
    }

    /// Compiles a component for `engine`, when it is its owner's turn. Only then is it read, so that those who wait take no memory.
    pub(crate) async fn compile<C>(&self, component: impl Fn() -> C, engine: &str, owner: Customer) -> Compilation
    where
        C: Future<Output = Option<Vec<u8>>>,
    {
        let gone = || Compilation::Failed("its component is no longer in the cache".to_owned());
        let Some(quick) = self.quick.take(owner).await else { return Compilation::Busy };
        let Some(order) = component().await.map(Order::Compile) else { return gone() };
        let mut attempt = Box::pin(self.attempt(&order, engine));
        tokio::select! {
            end = &mut attempt => return end,
            () = tokio::time::sleep(QUICK) => {}
        }
        if let Some(_slow) = self.slow.take_at_once(owner) {
            drop(quick);
            return attempt.await;
        }
        // Its process ends here.
        drop(attempt);
        drop((quick, order));
        let Some(_slow) = self.slow.take(owner).await else { return Compilation::Busy };
        let Some(order) = component().await.map(Order::Compile) else { return gone() };
        self.attempt(&order, engine).await
    }

    async fn attempt(&self, order: &Order, engine: &str) -> Compilation {
        self.started.fetch_add(1, Ordering::Relaxed);
        let mut worker = match Worker::start(&self.nursery, Role::Compile).await {
            Ok(worker) if worker.hello().engine == engine => worker,
            Ok(_) => return Compilation::Failed("the compiler's engine is not that of the workers".to_owned()),
            Err(broken) => return Compilation::Failed(broken.to_string()),
        };
        let compiler = worker.id();
        let said = tokio::select! {
            said = exchange(&mut worker, order) => said,
            () = used_up(compiler) => return Compilation::Never(format!(
                "its compilation takes more than {} s; publish simpler code", LIMIT.as_secs()
            )),
        };
        match said {
            Ok(Said::Compiled(code)) => Compilation::Done(code),
            Ok(Said::Invalid(why)) => Compilation::Never(why),
            Ok(Said::Unloadable(why)) => {
                Compilation::Failed(format!("it is compiled and cannot be loaded on this machine: {why}"))
            }
            Ok(said) => Compilation::Killed(format!("the compiler answered with {}", said.name())),
            Err(Broken::Silent) => {
                Compilation::Failed("its compilation gets too little of this machine's processor".to_owned())
            }
            Err(Broken::Ended) => died(worker.end().await),
            Err(broken) => Compilation::Killed(broken.to_string()),
        }
    }
}

async fn exchange(worker: &mut Worker, order: &Order) -> Result<Said, Broken> {
    let (number, deadline) = (random()?, Instant::now() + PATIENCE);
    worker.link().say(number, order, deadline).await?;
    worker.link().hear(number, MAX_COMPILING, deadline).await
}

/// Returns when a compiler has used up its processor time: it will not be done with less another time. One that gets little says
/// something of the machine, not of its code.
async fn used_up(compiler: u32) {
    while processor_time(compiler).is_none_or(|used| used < LIMIT) {
        tokio::time::sleep(LOOK).await;
    }
}

/// What the end of a compiler says of its code: a signal that a process brings on itself comes from the code, any other from
/// outside. It aborts or panics where it gets no more memory, because of its limit or because the machine has none.
fn died(status: Option<ExitStatus>) -> Compilation {
    use std::os::unix::process::ExitStatusExt;
    /// The exit code of a Rust program that panicked.
    const PANICKED: i32 = 101;
    let own = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGXCPU, libc::SIGSYS];
    let aborted =
        status.is_some_and(|status| status.signal() == Some(libc::SIGABRT) || status.code() == Some(PANICKED));
    let brought_on = status.is_some_and(|status| status.signal().is_some_and(|signal| own.contains(&signal)));
    let told = told(status);
    if aborted {
        Compilation::Aborted(format!("compiling it takes more memory than a keeper gives, or than there is ({told})"))
    } else if brought_on {
        Compilation::Never(format!("compiling it ends the compiler ({told})"))
    } else {
        Compilation::Killed(format!("its compiler was ended from outside ({told})"))
    }
}

fn told(status: Option<ExitStatus>) -> String {
    status.map_or_else(|| "it ended in an unknown way".to_owned(), |status| status.to_string())
}

/// Processor time of a process in user and kernel mode.
fn processor_time(process: u32) -> Option<Duration> {
    /// The unit of times in /proc, the same on every Linux.
    const TICKS_PER_SECOND: u64 = 100;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The program's name may hold anything, blanks and brackets included; what follows it does not.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests;

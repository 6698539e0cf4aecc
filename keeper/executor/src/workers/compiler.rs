//! Compilations: each in a process of its own, bounded in time and memory, in two lanes.
//!
//! ```text
//!   queue (64) ──► quick lane ── 3 s are over ──► slow lane ──► 20 s of processor time are used: refused for good
//!                    │  the slow lane is free: the process       60 s are over: the machine is too busy, another time
//!                    │  just goes on
//!                    │  it is not: it is ended, and begins again when its turn comes
//! ```
//!
//! Only processor time says something of the code: on a busy machine an honest job must not be refused for good.
//! So code that takes long to compile holds up other such code, and what takes a moment waits a moment.

use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::nursery::Nursery;
use super::random;
use super::worker::{Broken, Worker};
use crate::Role;
use crate::cell::COMPILE_CPU_SECONDS;
use crate::wire::{MAX_COMPILING, Order, Said};

/// Compilations that may wait.
const QUEUE: usize = 64;
/// Time in the quick lane.
const QUICK: Duration = Duration::from_secs(3);
/// Longest wait for a compilation, whatever processor time it got.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// What is said of a compilation that never got the processor time to end.
const TOO_BUSY: &str = "its compilation had too little of this machine's processor; it is tried again";

/// How a compilation ended.
#[derive(Debug)]
pub(crate) enum Compilation {
    /// Native code.
    Done(Vec<u8>),
    /// It will never compile here, and why.
    Never(String),
    /// Something else ended the compiler. Once says nothing of the code.
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
    queue: Semaphore,
    quick: Semaphore,
    slow: Semaphore,
    started: AtomicU64,
}

impl Compiler {
    pub(super) fn new(nursery: Nursery) -> Self {
        let one = || Semaphore::new(1);
        Self { nursery, queue: Semaphore::new(QUEUE), quick: one(), slow: one(), started: AtomicU64::new(0) }
    }

    /// Compilers started so far.
    pub(crate) fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    /// Compiles a component for `engine`.
    pub(crate) async fn compile(&self, component: Vec<u8>, engine: &str) -> Compilation {
        let Ok(_place) = self.queue.try_acquire() else { return Compilation::Busy };
        let closing = |_| Compilation::Failed("the executor is closing".to_owned());
        let order = Order::Compile(component);
        let quick = match self.quick.acquire().await.map_err(closing) {
            Ok(lane) => lane,
            Err(closing) => return closing,
        };
        let mut attempt = Box::pin(self.attempt(&order, engine));
        tokio::select! {
            end = &mut attempt => return end,
            () = tokio::time::sleep(QUICK) => {}
        }
        if let Ok(_slow) = self.slow.try_acquire() {
            drop(quick);
            return attempt.await;
        }
        // Its process ends here.
        drop(attempt);
        drop(quick);
        match self.slow.acquire().await.map_err(closing) {
            Ok(_slow) => self.attempt(&order, engine).await,
            Err(closing) => closing,
        }
    }

    async fn attempt(&self, order: &Order, engine: &str) -> Compilation {
        self.started.fetch_add(1, Ordering::Relaxed);
        let mut worker = match Worker::start(&self.nursery, Role::Compile).await {
            Ok(worker) if worker.hello().engine == engine => worker,
            Ok(_) => return Compilation::Failed("the compiler's engine is not that of the workers".to_owned()),
            Err(broken) => return Compilation::Failed(broken.to_string()),
        };
        match exchange(&mut worker, order).await {
            Ok(Said::Compiled(code)) => Compilation::Done(code),
            Ok(Said::Invalid(why)) => Compilation::Never(why),
            Ok(said) => Compilation::Killed(format!("the compiler answered with {}", said.name())),
            Err(Broken::Silent) => Compilation::Failed(TOO_BUSY.to_owned()),
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

/// What the end of a compiler says of its code: a signal that a process brings on itself comes from the code, as does a panic;
/// any other comes from outside.
fn died(status: Option<ExitStatus>) -> Compilation {
    use std::os::unix::process::ExitStatusExt;
    /// The exit code of a Rust program that panicked.
    const PANICKED: i32 = 101;
    let own = [libc::SIGABRT, libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGSYS];
    if status.is_some_and(|status| status.signal() == Some(libc::SIGXCPU)) {
        return Compilation::Never(format!(
            "its compilation takes more than {COMPILE_CPU_SECONDS} s of processor time; publish simpler code"
        ));
    }
    let told = status.map_or_else(|| "in an unknown way".to_owned(), |status| status.to_string());
    let brought_on = status.is_some_and(|status| {
        status.code() == Some(PANICKED) || status.signal().is_some_and(|signal| own.contains(&signal))
    });
    if brought_on {
        Compilation::Never(format!("compiling it takes more memory than a keeper gives, or ends the compiler ({told})"))
    } else {
        Compilation::Killed(format!("its compiler was ended from outside ({told})"))
    }
}

#[cfg(test)]
mod tests;

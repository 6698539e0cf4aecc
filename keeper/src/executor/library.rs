//! The jobs' programs: found in memory, else on disk, else fetched and compiled, once whoever asks.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::cache::CodeCache;
use super::fetch::Fetcher;
use super::sandbox::{Program, Sandbox};
use super::{Abstain, Code};

/// Programs kept in memory; the one unused for longest goes first. Disk has the rest.
const MAX_PROGRAMS: usize = 64;
/// Failures remembered.
const MAX_FLIGHTS: usize = 1024;
/// Pause after a failure before code is tried again; doubles with every further failure up to the second figure.
const BACKOFF: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(60)];
/// How long to wait for another process that works on the same code. The lock only saves work: after this, go on without.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);

/// Prepares programs and keeps them.
#[derive(Debug)]
pub(super) struct Library {
    sandbox: Arc<Sandbox>,
    cache: Arc<CodeCache>,
    fetcher: Fetcher,
    programs: Mutex<Programs>,
    flights: Mutex<HashMap<Code, Flight>>,
    /// One compilation at a time, which by itself uses all cores.
    compiling: Semaphore,
}

/// Whoever holds the lock prepares the code; the others wait and find the outcome.
type Flight = Arc<tokio::sync::Mutex<Option<Failure>>>;

#[derive(Debug, Clone)]
struct Failure {
    reason: Abstain,
    retry_at: Instant,
    pause: Duration,
}

#[derive(Debug, Default)]
struct Programs {
    by_hash: HashMap<[u8; 32], (Program, u64)>,
    clock: u64,
}

impl Library {
    pub(super) fn new(sandbox: Arc<Sandbox>, cache: CodeCache, fetcher: Fetcher) -> Self {
        Self {
            sandbox,
            cache: Arc::new(cache),
            fetcher,
            programs: Mutex::default(),
            flights: Mutex::default(),
            compiling: Semaphore::new(1),
        }
    }

    /// The program, if it is in memory.
    pub(super) fn get(&self, hash: &[u8; 32]) -> Option<Program> {
        self.programs.lock().unwrap_or_else(PoisonError::into_inner).get(hash)
    }

    /// The program, prepared when it is not in memory. While a failed preparation rests, its reason is returned at once.
    pub(super) async fn prepare(&self, code: &Code) -> Result<Program, Abstain> {
        if let Some(program) = self.get(&code.hash) {
            return Ok(program);
        }
        let flight = self.flight(code);
        let mut failure = flight.lock().await;
        if let Some(program) = self.get(&code.hash) {
            return Ok(program);
        }
        if let Some(failure) = failure.as_ref().filter(|failure| failure.retry_at > Instant::now()) {
            return Err(failure.reason.clone());
        }
        match self.obtain(code).await {
            Ok(program) => {
                self.programs.lock().unwrap_or_else(PoisonError::into_inner).insert(code.hash, program.clone());
                self.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(code);
                Ok(program)
            }
            Err(reason) => {
                let next = Failure::after(failure.as_ref(), reason.clone(), Instant::now());
                tracing::warn!(%reason, retry_s = next.pause.as_secs(), "a job's code cannot be prepared");
                *failure = Some(next);
                Err(reason)
            }
        }
    }

    fn flight(&self, code: &Code) -> Flight {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if flights.len() >= MAX_FLIGHTS && !flights.contains_key(code) {
            // Forgetting failures costs a retry; flights that someone waits for stay.
            flights.retain(|_, flight| Arc::strong_count(flight) > 1);
        }
        Arc::clone(flights.entry(code.clone()).or_default())
    }

    async fn obtain(&self, code: &Code) -> Result<Program, Abstain> {
        if let Some(program) = self.load_compiled(code.hash).await? {
            return Ok(program);
        }
        let _lock = self.lock(code.hash).await;
        // The process that had the lock may have done the work.
        if let Some(program) = self.load_compiled(code.hash).await? {
            return Ok(program);
        }
        let component = self.component(code).await?;
        self.compile(code.hash, component).await
    }

    async fn load_compiled(&self, hash: [u8; 32]) -> Result<Option<Program>, Abstain> {
        let (sandbox, cache) = (Arc::clone(&self.sandbox), Arc::clone(&self.cache));
        blocking(move || {
            let Some(compiled) = cache.compiled(&hash, sandbox.compatibility()) else { return Ok(None) };
            sandbox.load(&compiled).map(Some).map_err(|error| Abstain::CodeInvalid(format!("{error:#}")))
        })
        .await
    }

    /// The machine-wide lock on one code; `None` when it cannot be had, which costs double work at most.
    async fn lock(&self, hash: [u8; 32]) -> Option<File> {
        let give_up = Instant::now() + LOCK_PATIENCE;
        loop {
            match self.cache.try_lock(&hash) {
                Ok(Some(file)) => return Some(file),
                Ok(None) if Instant::now() < give_up => tokio::time::sleep(Duration::from_millis(50)).await,
                Ok(None) => return None,
                Err(error) => {
                    tracing::warn!(%error, "cannot lock the code cache; another keeper may compile the same code");
                    return None;
                }
            }
        }
    }

    async fn component(&self, code: &Code) -> Result<Vec<u8>, Abstain> {
        let (cache, hash) = (Arc::clone(&self.cache), code.hash);
        if let Some(bytes) = blocking(move || Ok(cache.component(&hash))).await? {
            return Ok(bytes);
        }
        let bytes = self.fetcher.fetch(code).await?;
        let cache = Arc::clone(&self.cache);
        blocking(move || {
            if let Err(error) = cache.keep_component(&hash, &bytes) {
                tracing::warn!(%error, "cannot keep a component in the code cache");
            }
            Ok(bytes)
        })
        .await
    }

    async fn compile(&self, hash: [u8; 32], component: Vec<u8>) -> Result<Program, Abstain> {
        let _turn =
            self.compiling.acquire().await.map_err(|_| Abstain::HostFailure("the executor is closing".into()))?;
        let (sandbox, cache) = (Arc::clone(&self.sandbox), Arc::clone(&self.cache));
        blocking(move || {
            let started = std::time::Instant::now();
            let invalid = |error: wasmtime::Error| Abstain::CodeInvalid(first_line(&format!("{error:#}")));
            let compiled = sandbox.compile(&component).map_err(invalid)?;
            let program = sandbox.load(&compiled).map_err(invalid)?;
            let milliseconds = started.elapsed().as_millis();
            tracing::info!(hash = alloy::hex::encode(hash), bytes = component.len(), milliseconds, "compiled a job");
            if let Err(error) = cache.keep_compiled(&hash, sandbox.compatibility(), &compiled) {
                tracing::warn!(%error, "cannot keep compiled code in the code cache");
            }
            Ok(program)
        })
        .await
    }
}

impl Failure {
    /// A failure now, after the failure before it.
    fn after(last: Option<&Self>, reason: Abstain, now: Instant) -> Self {
        let pause = last.map_or(BACKOFF[0], |last| (last.pause * 2).min(BACKOFF[1]));
        Self { reason, retry_at: now + pause, pause }
    }
}

impl Programs {
    fn get(&mut self, hash: &[u8; 32]) -> Option<Program> {
        self.clock += 1;
        let (program, used) = self.by_hash.get_mut(hash)?;
        *used = self.clock;
        Some(program.clone())
    }

    fn insert(&mut self, hash: [u8; 32], program: Program) {
        if self.by_hash.len() >= MAX_PROGRAMS && !self.by_hash.contains_key(&hash) {
            let oldest = self.by_hash.iter().min_by_key(|(_, (_, used))| *used).map(|(hash, _)| *hash);
            oldest.and_then(|hash| self.by_hash.remove(&hash));
        }
        self.clock += 1;
        self.by_hash.insert(hash, (program, self.clock));
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Abstain> + Send + 'static) -> Result<T, Abstain> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Abstain::HostFailure(format!("a worker of the executor failed: {error}"))))
}

/// A compiler's message, short enough for a log line.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}

#[cfg(test)]
mod tests;

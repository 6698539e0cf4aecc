//! The jobs' codes: compiled on disk, else fetched and compiled, once whoever asks; or refused, for good.

mod flight;
mod lending;
mod shelf;

use std::collections::HashMap;
use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use crate::cache::{CodeCache, Found};
use crate::fetch::NotFetched;
use crate::origins::{Had, Origins};
use crate::turns::Customer;
use crate::workers::{Compilation, Compiler, Workers};
use crate::{Abstain, Code, Piece};
use flight::{Flight, Setback};
use lending::Lending;
use shelf::{Known, Shelf};

/// Codes on their way, and failures remembered.
const MAX_FLIGHTS: usize = 8192;
/// How long to wait for another process that works on the same code. The lock only saves work: after this, go on without.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);

/// Prepares codes and knows which are ready.
#[derive(Debug)]
pub(crate) struct Library {
    cache: Arc<CodeCache>,
    origins: Origins,
    lending: Arc<Lending>,
    workers: Arc<Workers>,
    compiler: Compiler,
    shelf: Mutex<Shelf>,
    /// Whoever holds a flight's lock prepares the code; the others wait and find the outcome.
    flights: Mutex<HashMap<Code, Arc<tokio::sync::Mutex<Flight>>>>,
    refused: AtomicU64,
}

impl Library {
    pub(crate) fn new(workers: Arc<Workers>, cache: CodeCache, origins: Origins) -> Self {
        let compiler = workers.compiler();
        let (lending, shelf, flights) = (Arc::default(), Mutex::default(), Mutex::default());
        let (cache, refused) = (Arc::new(cache), AtomicU64::new(0));
        Self { cache, origins, lending, workers, compiler, shelf, flights, refused }
    }

    /// Whether compiled code is at hand.
    pub(crate) fn is_ready(&self, hash: &[u8; 32]) -> bool {
        self.shelf().get(hash) == Some(Known::Ready)
    }

    /// Whether code can be compiled and loaded on this machine; if not, why.
    pub(crate) async fn check(&self) -> Result<(), String> {
        self.compiler.check().await
    }

    /// Compilers started so far.
    pub(crate) fn compilations(&self) -> u64 {
        self.compiler.started()
    }

    /// Codes found to be refused for good so far.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How often codes came from where so far.
    pub(crate) fn had(&self) -> Had {
        self.origins.had()
    }

    /// A piece of a component that this keeper runs, if it is on disk.
    pub(crate) async fn piece(&self, hash: [u8; 32], offset: u32, count: usize) -> Option<Piece> {
        let (lending, cache) = (Arc::clone(&self.lending), Arc::clone(&self.cache));
        blocking(move || Ok(lending.piece(&cache, &hash, offset, count))).await.ok()?
    }

    /// Makes code ready. While a failed preparation rests, its reason is returned at once; a refusal always is.
    pub(crate) async fn prepare(&self, code: &Code, owner: Customer) -> Result<(), Abstain> {
        if let Some(known) = self.shelf().get(&code.hash) {
            return known.into();
        }
        let flight = self.flight(code);
        let flight = flight.lock_owned().await;
        self.fly(code, owner, flight).await
    }

    /// The same, but what has begun goes on when the caller gives up. One task for each code: others wait in their own
    /// futures, which end with them, however many ask for code that takes long to come.
    pub(crate) async fn prepare_for_all(self: &Arc<Self>, code: &Code, owner: Customer) -> Result<(), Abstain> {
        if let Some(known) = self.shelf().get(&code.hash) {
            return known.into();
        }
        let flight = self.flight(code);
        let Ok(held) = Arc::clone(&flight).try_lock_owned() else {
            let flight = flight.lock_owned().await;
            return self.fly(code, owner, flight).await;
        };
        let (library, code) = (Arc::clone(self), code.clone());
        let flying = tokio::spawn(async move { library.fly(&code, owner, held).await });
        flying.await.unwrap_or_else(|error| Err(Abstain::HostFailure(format!("preparing it failed: {error}"))))
    }

    async fn fly(&self, code: &Code, owner: Customer, mut flight: OwnedMutexGuard<Flight>) -> Result<(), Abstain> {
        if let Some(known) = self.shelf().get(&code.hash) {
            return known.into();
        }
        if let Some(reason) = flight.resting(Instant::now()) {
            return Err(reason);
        }
        let known = match self.obtain(code, owner).await {
            Ok(()) => Known::Ready,
            Err(setback) => {
                let suspect = matches!(setback, Setback::Suspect(_));
                let (reason, for_good) = flight.failed(setback, Instant::now());
                if !for_good {
                    return Err(reason);
                }
                if suspect {
                    self.keep_refusal(code.hash, &reason).await;
                }
                // The number of all is in the metrics.
                if self.workers.may_log() {
                    tracing::warn!(%reason, hash = alloy::hex::encode(code.hash), "a job's code is refused for good");
                }
                self.refused.fetch_add(1, Ordering::Relaxed);
                Known::Refused(reason)
            }
        };
        self.shelf().put(code.hash, known.clone());
        self.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(code);
        known.into()
    }

    /// Compiled code of a code that is ready. `None` when it is no longer on disk: then it is not ready either.
    pub(crate) async fn compiled(&self, hash: [u8; 32]) -> Option<Vec<u8>> {
        let engine = self.workers.hello().await.ok()?.engine.clone();
        let cache = Arc::clone(&self.cache);
        let found = tokio::task::spawn_blocking(move || cache.find(&hash, &engine)).await;
        if let Ok(Found::Compiled(code)) = found {
            return Some(code);
        }
        self.shelf().forget(&hash);
        None
    }

    /// No worker can load what the cache has: away with it.
    pub(crate) async fn discard(&self, hash: [u8; 32]) {
        self.shelf().forget(&hash);
        if let Ok(hello) = self.workers.hello().await {
            self.cache.discard(&hash, &hello.engine);
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flight(&self, code: &Code) -> Arc<tokio::sync::Mutex<Flight>> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if flights.len() >= MAX_FLIGHTS && !flights.contains_key(code) {
            // Forgetting failures costs a retry each, so not all at once; flights that someone waits for stay.
            let mut left = MAX_FLIGHTS / 8;
            flights.retain(|_, flight| {
                let stays = left == 0 || Arc::strong_count(flight) > 1;
                left -= usize::from(!stays);
                stays
            });
        }
        Arc::clone(flights.entry(code.clone()).or_default())
    }

    async fn obtain(&self, code: &Code, owner: Customer) -> Result<(), Setback> {
        self.lending.know(code.hash);
        let broken = |broken: crate::workers::Broken| Setback::ForNow(Abstain::HostFailure(broken.to_string()));
        let engine = self.workers.hello().await.map_err(broken)?.engine.clone();
        if self.is_on_disk(code.hash, &engine).await? {
            return Ok(());
        }
        let _lock = self.lock(code.hash).await;
        // The process that had the lock may have done the work.
        if self.is_on_disk(code.hash, &engine).await? {
            return Ok(());
        }
        if !self.has_component(code.hash).await {
            self.fetch(code, owner).await?;
        }
        self.compile(code.hash, owner, &engine).await
    }

    async fn is_on_disk(&self, hash: [u8; 32], engine: &str) -> Result<bool, Setback> {
        let (cache, engine) = (Arc::clone(&self.cache), engine.to_owned());
        match blocking(move || Ok(cache.find(&hash, &engine))).await.map_err(Setback::ForNow)? {
            Found::Compiled(_) => Ok(true),
            Found::Refused(why) => Err(Setback::ForGood(Abstain::CodeInvalid(why))),
            Found::Nothing => Ok(false),
        }
    }

    /// The machine-wide lock on one code; `None` when it cannot be had, which costs double work at most.
    async fn lock(&self, hash: [u8; 32]) -> Option<File> {
        let give_up = Instant::now() + LOCK_PATIENCE;
        let mut pause = Duration::from_millis(50);
        loop {
            match self.cache.try_lock(&hash) {
                Ok(Some(file)) => return Some(file),
                Ok(None) if Instant::now() < give_up => {
                    tokio::time::sleep(pause).await;
                    pause = (2 * pause).min(Duration::from_secs(1));
                }
                Ok(None) => return None,
                Err(error) => {
                    tracing::warn!(%error, "cannot lock the code cache; another keeper may compile the same code");
                    return None;
                }
            }
        }
    }

    /// Whether the component is on disk. Its content is checked when it is read.
    async fn has_component(&self, hash: [u8; 32]) -> bool {
        self.component(hash).await.is_some()
    }

    async fn component(&self, hash: [u8; 32]) -> Option<Vec<u8>> {
        let cache = Arc::clone(&self.cache);
        blocking(move || Ok(cache.component(&hash))).await.ok()?
    }

    /// Fetches the component into the cache.
    async fn fetch(&self, code: &Code, owner: Customer) -> Result<(), Setback> {
        let bytes = self.origins.get(code, owner).await.map_err(|NotFetched { reason, is_final }| {
            // The number of all is in the metrics.
            if reason != Abstain::Busy && self.workers.may_log() {
                tracing::warn!(%reason, hash = alloy::hex::encode(code.hash), "a job's code can be had nowhere");
            }
            if is_final { Setback::OfThisUrl(reason) } else { Setback::ForNow(reason) }
        })?;
        let (cache, hash) = (Arc::clone(&self.cache), code.hash);
        let failed = |error| Abstain::HostFailure(format!("cannot keep a component in the code cache: {error}"));
        blocking(move || cache.keep_component(&hash, &bytes).map_err(failed)).await.map_err(Setback::ForNow)
    }

    async fn compile(&self, hash: [u8; 32], owner: Customer, engine: &str) -> Result<(), Setback> {
        let started = Instant::now();
        let compiled = match self.compiler.compile(|| self.component(hash), engine, owner).await {
            Compilation::Done(compiled) => compiled,
            Compilation::Never(why) => {
                let reason = Abstain::CodeInvalid(why);
                self.keep_refusal(hash, &reason).await;
                return Err(Setback::ForGood(reason));
            }
            Compilation::Aborted(why) => return Err(Setback::Suspect(why)),
            // A compiler that something ended from outside says nothing about the code: the system ends whatever takes the
            // most memory, on every machine of one size at once. The code rests, longer each time, and is never refused for it.
            Compilation::Killed(why) | Compilation::Failed(why) => {
                return Err(Setback::ForNow(Abstain::HostFailure(why)));
            }
            Compilation::Busy => return Err(Setback::ForNow(Abstain::Busy)),
        };
        let milliseconds = started.elapsed().as_millis();
        tracing::info!(hash = alloy::hex::encode(hash), milliseconds, "compiled a job");
        let (cache, engine) = (Arc::clone(&self.cache), engine.to_owned());
        let kept = blocking(move || {
            let failed = |error| Abstain::HostFailure(format!("cannot keep compiled code in the cache: {error}"));
            cache.keep_compiled(&hash, &engine, &compiled).map_err(failed)
        });
        kept.await.map_err(Setback::ForNow)
    }

    /// Writes down that a code is refused, so that it is not compiled again after a restart.
    async fn keep_refusal(&self, hash: [u8; 32], reason: &Abstain) {
        let Abstain::CodeInvalid(why) = reason.clone() else { return };
        let Ok(hello) = self.workers.hello().await else { return };
        let (cache, engine) = (Arc::clone(&self.cache), hello.engine.clone());
        let kept = blocking(move || Ok(cache.keep_refusal(&hash, &engine, &why))).await;
        if let Ok(Err(error)) = kept {
            tracing::warn!(%error, "cannot keep a refusal in the code cache");
        }
    }
}

impl From<Known> for Result<(), Abstain> {
    fn from(known: Known) -> Self {
        match known {
            Known::Ready => Ok(()),
            Known::Refused(reason) => Err(reason),
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Abstain> + Send + 'static) -> Result<T, Abstain> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Abstain::HostFailure(format!("a thread of the executor failed: {error}"))))
}

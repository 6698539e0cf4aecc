//! What is seen of the mesh as it works, for the page: news for whoever looks now, and a bounded memory for whoever looks a
//! moment later. Nothing of the protocol reads it.
//!
//! ```text
//!   Core ── Order::Archive, Order::Witness, View ──► driver ──► Scene ──┬──► news (a ring of 1024) ──► each open page
//!                                                                      └──► memory: the newest tasks, certificates,
//!                                                                           leader turns, what each operator did
//! ```
//!
//! While no page is open no news is written at all. A page that does not keep up with the ring is let go and counted; it
//! comes back by itself and reads everything anew. All times are the chain's, in milliseconds since the Unix epoch.

mod memory;
mod news;
mod tally;
mod turns;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use consensus::certificate::Certificate;
use consensus::committee::{Committee, KeeperIndex};
use consensus::report::Domain;
use consensus::task::{InstanceKey, JobId, Outcome, Task};
use consensus::time::Time;
use p2p::Registry;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};

use crate::archive::Entry;
use crate::chain::convert;
use crate::view::View;

pub use memory::{Certified, Mark, Memory, Said, Story};
pub use news::News;
pub use tally::Tally;
pub use turns::Turn;

/// News that wait for the slowest page before it is let go.
const NEWS_MAX: usize = 1_024;
/// Pages that are served at once; further ones are told to come again.
pub const READERS_MAX: usize = 16;

/// Something that is seen and not part of the record on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// A keeper has spoken in a batch; by its own word, as its signature may not have been checked yet.
    Heard {
        /// The batch's tasks.
        tasks: Vec<Task>,
        /// Who.
        keeper: KeeperIndex,
        /// Whether it signs nothing.
        abstains: bool,
        /// When.
        at: Time,
    },
    /// A quorum's certificate is at hand, and verifies.
    Certified {
        /// The certificate.
        certificate: Arc<Certificate>,
        /// When.
        at: Time,
    },
    /// What this keeper's own run of a task gave.
    Outcome {
        /// The task.
        task: Task,
        /// The outcome.
        outcome: Outcome,
    },
}

/// The scene; clones share it.
#[derive(Clone, Debug)]
pub struct Scene {
    memory: Arc<Mutex<Memory>>,
    news: broadcast::Sender<News>,
    places: Arc<Semaphore>,
    readers: Gauge,
    dropped: Counter,
    /// The EIP-712 domain that certificates are signed under.
    pub domain: Domain,
}

/// One page that is being told the news.
#[derive(Debug)]
pub struct Reader {
    news: broadcast::Receiver<News>,
    dropped: Counter,
    readers: Gauge,
    _place: OwnedSemaphorePermit,
}

impl Scene {
    /// An empty scene, whose series are registered.
    #[must_use]
    pub fn register(registry: &mut Registry, domain: Domain) -> Self {
        let (readers, dropped) = (Gauge::<i64>::default(), Counter::<u64, AtomicU64>::default());
        let series = registry.sub_registry_with_prefix("keeper");
        series.register("page_readers", "Open pages that are told the news", readers.clone());
        series.register("page_readers_dropped", "Open pages that did not keep up and were let go", dropped.clone());
        let (news, _) = broadcast::channel(NEWS_MAX);
        let (memory, places) = (Arc::default(), Arc::new(Semaphore::new(READERS_MAX)));
        Self { memory, news, places, readers, dropped, domain }
    }

    /// Takes in what goes into the record on disk.
    pub fn entry(&self, entry: &Entry) {
        self.remember(|memory| memory.entry(entry));
        self.tell(|| Some(News::of_entry(entry)));
    }

    /// Takes in what does not.
    pub fn sight(&self, sight: Sight) {
        self.tell(|| News::of_sight(&sight));
        self.remember(|memory| memory.sight(sight));
    }

    /// Takes in how the keeper stands: who is connected, who leads.
    pub fn show(&self, view: &View, committee: Option<Arc<Committee>>) {
        self.remember(|memory| memory.show(view, committee));
    }

    /// Looks at what is remembered.
    pub fn look<T>(&self, read: impl FnOnce(&Memory) -> T) -> T {
        read(&self.locked())
    }

    /// A place among the pages that are told the news; none where all are taken.
    #[must_use]
    pub fn reader(&self) -> Option<Reader> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        self.readers.inc();
        let (dropped, readers) = (self.dropped.clone(), self.readers.clone());
        Some(Reader { news: self.news.subscribe(), dropped, readers, _place: place })
    }

    /// Pages that are told the news, and those that were let go since the start.
    #[must_use]
    pub fn readers(&self) -> (i64, u64) {
        (self.readers.get(), self.dropped.get())
    }

    fn tell(&self, news: impl FnOnce() -> Option<News>) {
        if self.news.receiver_count() > 0
            && let Some(news) = news()
        {
            let _ = self.news.send(news);
        }
    }

    fn remember(&self, change: impl FnOnce(&mut Memory)) {
        change(&mut self.locked());
    }

    /// Nothing panics while it is held; if something did, what is remembered is only shown.
    fn locked(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// The next news; `None` once this page is let go, because it did not keep up.
    pub async fn next(&mut self) -> Option<News> {
        match self.news.recv().await {
            Ok(news) => Some(news),
            Err(broadcast::error::RecvError::Lagged(_)) => {
                self.dropped.inc();
                None
            }
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.readers.dec();
    }
}

/// A task's name in the API: job, version and instance with dots between, the instance as a number where it is one, in hex with
/// `0x` where it is not.
#[must_use]
pub fn key(task: &Task) -> String {
    format!("{}.{}.{}", task.job.0, task.version, instance(task))
}

/// The last part of a task's name.
#[must_use]
pub fn instance(task: &Task) -> String {
    convert::run_number(task.instance.0).map_or_else(|| task.instance.0.to_string(), |run| run.to_string())
}

/// The task with this name, if it is one.
#[must_use]
pub fn task(key: &str) -> Option<Task> {
    let mut parts = key.split('.');
    let (job, version, instance) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
    let instance = match instance.strip_prefix("0x") {
        Some(_) => InstanceKey(instance.parse().ok()?),
        None => InstanceKey::from_run(instance.parse().ok()?),
    };
    parts.next().is_none().then_some(Task { job: JobId(job), version, instance })
}

#[cfg(test)]
mod tests;

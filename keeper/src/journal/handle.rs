//! The journal's async front: a bounded queue into one writer thread, which syncs once for all groups that wait.

use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot, watch};

use super::{Answer, Error, Journal, Record, Storage};
use crate::metrics::Metrics;

/// Requests that may wait; beyond that callers wait.
const QUEUE: usize = 256;
/// Groups that share one sync.
const MAX_GROUPS_PER_SYNC: usize = 64;

/// A cloneable front of the journal. The writer ends, and releases the journal's lock, when the last one is dropped.
#[derive(Debug, Clone)]
pub struct JournalHandle {
    requests: mpsc::Sender<Request>,
    shown: watch::Receiver<Shown>,
}

/// What is shown of a journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Shown {
    trouble: Option<String>,
    watermark: u64,
}

impl Shown {
    fn of<S: Storage>(journal: &Journal<S>) -> Self {
        Self { trouble: journal.trouble().map(str::to_owned), watermark: journal.watermark() }
    }
}

#[derive(Debug)]
enum Request {
    Mend,
    Record { group: Vec<Record>, since: Instant, answer: oneshot::Sender<Result<Answer, Error>> },
    Knows { group: Vec<Record>, answer: oneshot::Sender<bool> },
}

impl JournalHandle {
    /// Moves `journal` into its writer thread. Join the thread after dropping the handles to know that it is closed.
    ///
    /// # Panics
    /// When the operating system cannot start a thread.
    #[must_use]
    pub fn spawn<S: Storage>(journal: Journal<S>, metrics: Metrics) -> (Self, JoinHandle<()>) {
        let (requests, queue) = mpsc::channel(QUEUE);
        let (show, shown) = watch::channel(Shown::of(&journal));
        let writer = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write(journal, queue, &metrics, &show))
            .expect("a keeper that cannot start its threads cannot run");
        (Self { requests, shown }, writer)
    }

    /// Records the reports of one batch, all or none; answers when they are on stable storage. Only then may the batch
    /// be signed.
    ///
    /// # Errors
    /// As [`Journal::record`], and [`Error::Stopped`]; on an error nothing may be signed.
    pub async fn record(&self, group: Vec<Record>) -> Result<Answer, Error> {
        let (answer, answered) = oneshot::channel();
        let request = Request::Record { group, since: Instant::now(), answer };
        self.requests.send(request).await.map_err(|_| Error::Stopped)?;
        answered.await.map_err(|_| Error::Stopped)?
    }

    /// Whether its thread is gone: nothing will ever be recorded any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    /// Why nothing can be recorded, if a write has failed; has it tried again then.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let trouble = self.shown.borrow().trouble.clone();
        if trouble.is_some() {
            // When the queue is full, somebody waits for the journal anyway.
            let _ = self.requests.try_send(Request::Mend);
        }
        trouble
    }

    /// The first anchor that is not refused for its age. Beyond the newest block, nothing can be signed.
    #[must_use]
    pub fn watermark(&self) -> u64 {
        self.shown.borrow().watermark
    }

    /// Whether all of these reports were recorded before, or are too old to be remembered.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub async fn knows(&self, group: Vec<Record>) -> Result<bool, Error> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(Request::Knows { group, answer }).await.map_err(|_| Error::Stopped)?;
        answered.await.map_err(|_| Error::Stopped)
    }
}

/// A group that waits for its sync.
struct Waiting {
    group: Vec<Record>,
    since: Instant,
    answer: oneshot::Sender<Result<Answer, Error>>,
}

/// The writer thread: takes what waits, writes it with one sync, answers. Ends when all handles are gone.
fn write<S: Storage>(
    mut journal: Journal<S>,
    mut queue: mpsc::Receiver<Request>,
    metrics: &Metrics,
    show: &watch::Sender<Shown>,
) {
    while let Some(first) = queue.blocking_recv() {
        let mut next = Some(first);
        let mut waiting = Vec::new();
        while let Some(request) = next {
            match request {
                Request::Mend => mend(&mut journal),
                Request::Record { group, since, answer } => waiting.push(Waiting { group, since, answer }),
                Request::Knows { group, answer } => {
                    flush(&mut journal, std::mem::take(&mut waiting), metrics);
                    let _ = answer.send(group.iter().all(|record| journal.knows(record)));
                }
            }
            next = if waiting.len() < MAX_GROUPS_PER_SYNC { queue.try_recv().ok() } else { None };
        }
        flush(&mut journal, waiting, metrics);
        // After the answers, so that nobody waits for it who need not.
        if let Err(error) = journal.trim()
            && !matches!(error, Error::Poisoned { .. })
        {
            tracing::error!(%error, "the journal could not be trimmed: nothing is signed until it can be written again");
        }
        let now = Shown::of(&journal);
        show.send_if_modified(|shown| std::mem::replace(shown, now.clone()) != now);
    }
}

fn mend<S: Storage>(journal: &mut Journal<S>) {
    if journal.trouble().is_some() && journal.mend().is_ok() {
        tracing::info!("the journal can be written again: signing goes on");
    }
}

fn flush<S: Storage>(journal: &mut Journal<S>, waiting: Vec<Waiting>, metrics: &Metrics) {
    let (oversized, waiting): (Vec<_>, Vec<_>) =
        waiting.into_iter().partition(|one| one.group.len() > super::MAX_GROUP);
    for one in oversized {
        let _ = one.answer.send(Err(Error::GroupTooLarge { len: one.group.len() }));
    }
    if waiting.is_empty() {
        return;
    }
    let groups: Vec<&[Record]> = waiting.iter().map(|one| one.group.as_slice()).collect();
    match journal.record_all(&groups) {
        Ok(outcomes) => {
            for (one, outcome) in waiting.into_iter().zip(outcomes) {
                if outcome == Answer::Recorded {
                    metrics.journal_sync_duration.observe(one.since.elapsed().as_secs_f64());
                }
                // A caller that gave up waiting does not sign; its reports stay recorded, which is safe.
                let _ = one.answer.send(Ok(outcome));
            }
        }
        Err(error) => {
            for one in waiting {
                let _ = one.answer.send(Err(error.clone()));
            }
        }
    }
}

//! The async front.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use prometheus_client::registry::Registry;

use super::*;
use crate::metrics::Metrics;

fn metrics() -> Metrics {
    Metrics::register(&mut Registry::default())
}

/// A storage whose syncs wait for a door to be opened, and are counted.
#[derive(Debug, Clone, Default)]
struct SlowStorage {
    door: Arc<(Mutex<bool>, Condvar)>,
    syncs: Arc<AtomicUsize>,
}

impl SlowStorage {
    fn open_door(&self) {
        *self.door.0.lock().unwrap() = true;
        self.door.1.notify_all();
    }
}

impl Storage for SlowStorage {
    fn read(&mut self, _limit: u64) -> std::io::Result<Option<Vec<u8>>> {
        Ok(None)
    }
    fn append(&mut self, _bytes: &[u8]) -> std::io::Result<()> {
        Ok(())
    }
    fn sync(&mut self) -> std::io::Result<()> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        let mut open = self.door.0.lock().unwrap();
        while !*open {
            open = self.door.1.wait(open).unwrap();
        }
        Ok(())
    }
    fn replace(&mut self, _bytes: &[u8]) -> std::io::Result<()> {
        Ok(())
    }
}

fn slow() -> (SlowStorage, JournalHandle, std::thread::JoinHandle<()>) {
    let storage = SlowStorage::default();
    let journal = Journal::open_in(storage.clone(), Path::new("journal.bin"), identity(), Missing::Create).unwrap();
    let (handle, writer) = JournalHandle::spawn(journal, metrics());
    (storage, handle, writer)
}

#[test]
fn where_a_journal_begins_is_shown_from_the_start() {
    let storage = SlowStorage::default();
    storage.open_door();
    let above = Missing::CreateAbove(90);
    let journal = Journal::open_in(storage, Path::new("journal.bin"), identity(), above).unwrap();
    let (handle, writer) = JournalHandle::spawn(journal, metrics());
    assert_eq!(handle.watermark(), 90);
    drop(handle);
    writer.join().unwrap();
}

/// Nothing was signed any more, and the keeper was green.
#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_is_gone_is_seen() {
    let (storage, handle, writer) = slow();
    assert!(!handle.is_closed());
    let door = Arc::clone(&storage.door);
    let poisoning = std::thread::spawn(move || {
        let _held = door.0.lock().unwrap();
        panic!("whoever takes this lock next panics too");
    });
    poisoning.join().unwrap_err();
    assert!(matches!(handle.record(vec![record(1, 1, 1)]).await, Err(Error::Stopped)));
    writer.join().unwrap_err();
    assert!(handle.is_closed());
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_after_the_sync_and_waiting_groups_share_one() {
    let (storage, handle, writer) = slow();
    let first = tokio::spawn({
        let handle = handle.clone();
        async move { handle.record(vec![record(1, 1, 1)]).await }
    });
    while storage.syncs.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!first.is_finished());
    // These arrive while the disk is busy; polled once, each of them is in the queue.
    let mut waiting: Vec<_> = (2..32).map(|task| Box::pin(handle.record(vec![record(task, 1, 1)]))).collect();
    for future in &mut waiting {
        assert!(poll_once(future.as_mut()).await.is_none());
    }
    storage.open_door();
    for future in waiting {
        assert_eq!(future.await, Ok(Answer::Recorded));
    }
    assert_eq!(first.await.unwrap(), Ok(Answer::Recorded));
    assert_eq!(storage.syncs.load(Ordering::SeqCst), 2, "one for the first, one for the thirty that waited");
    drop(handle);
    writer.join().unwrap();
}

/// Polls a future once; `None` while it is not done.
async fn poll_once<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    std::future::poll_fn(|context| match std::pin::Pin::new(&mut future).poll(context) {
        std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

#[tokio::test]
async fn refusals_go_through() {
    let (_directory, path, mut journal) = fresh();
    journal.prune(5).unwrap();
    let (handle, writer) = JournalHandle::spawn(journal, metrics());
    assert_eq!(handle.record(vec![record(1, 5, 1)]).await, Ok(Answer::Recorded));
    assert_eq!(refused(handle.record(vec![record(1, 5, 2)]).await.unwrap()).len(), 1);
    assert_eq!(refused(handle.record(vec![record(1, 4, 1)]).await.unwrap()).len(), 1);
    let oversized = vec![record(1, 9, 1); MAX_GROUP + 1];
    assert_eq!(handle.record(oversized).await, Err(Error::GroupTooLarge { len: MAX_GROUP + 1 }));
    drop(handle);
    writer.join().unwrap();
    assert_eq!(Journal::open(&path, identity(), Missing::Refuse).unwrap().watermark(), 5);
}

/// A disk that is full while the flag says so.
#[derive(Debug, Clone, Default)]
struct FullStorage(Arc<std::sync::atomic::AtomicBool>);

impl FullStorage {
    fn write(&self) -> std::io::Result<()> {
        if self.0.load(Ordering::SeqCst) { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl Storage for FullStorage {
    fn read(&mut self, _limit: u64) -> std::io::Result<Option<Vec<u8>>> {
        Ok(None)
    }
    fn append(&mut self, _bytes: &[u8]) -> std::io::Result<()> {
        self.write()
    }
    fn sync(&mut self) -> std::io::Result<()> {
        Ok(())
    }
    fn replace(&mut self, _bytes: &[u8]) -> std::io::Result<()> {
        self.write()
    }
}

#[tokio::test]
async fn after_a_failed_write_nothing_is_signed_until_the_disk_takes_a_new_copy() {
    let disk = FullStorage::default();
    let journal = Journal::open_in(disk.clone(), Path::new("journal.bin"), identity(), Missing::Create).unwrap();
    let (handle, _writer) = JournalHandle::spawn(journal, metrics());
    assert_eq!(handle.trouble(), None);
    disk.0.store(true, Ordering::SeqCst);
    assert!(matches!(handle.record(vec![record(1, 5, 1)]).await, Err(Error::Io { .. })));
    assert!(matches!(handle.record(vec![record(1, 5, 1)]).await, Err(Error::Poisoned { .. })));
    assert!(handle.trouble().is_some(), "and tries again");
    assert!(matches!(handle.record(vec![record(2, 5, 1)]).await, Err(Error::Poisoned { .. })), "it is full still");
    disk.0.store(false, Ordering::SeqCst);
    assert!(handle.trouble().is_some());
    assert_eq!(handle.record(vec![record(2, 5, 1)]).await, Ok(Answer::Recorded));
    let other = handle.record(vec![record(1, 5, 2)]).await.unwrap();
    assert_eq!(refused(other).len(), 1, "what it could not write then, it knows all the same");
    assert!(handle.knows(vec![record(1, 5, 1)]).await.unwrap());
    assert_eq!(handle.trouble(), None);
}

use alloy::primitives::keccak256;

use super::*;

/// Kept and forgotten by tasks of their own, the second could come first, and the proof stayed for ever.
#[tokio::test]
async fn what_is_forgotten_at_once_is_forgotten_in_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let (handle, thread) = EvidenceHandle::spawn(EvidenceStore::at(directory.path()));
    for number in 0..200_u32 {
        let proof = number.to_be_bytes().to_vec();
        let key = keccak256(&proof);
        handle.keep(proof);
        handle.forget(key);
    }
    handle.keep(b"stays".to_vec());
    assert_eq!(handle.load().await, [b"stays".to_vec()]);
    handle.keep(b"last".to_vec());
    drop(handle);
    thread.join().unwrap();
    assert_eq!(EvidenceStore::at(directory.path()).load().len(), 2, "what waits at the end is done");
}

/// The loop asks, and must not wait for a disk.
#[tokio::test]
async fn a_queue_that_is_full_holds_nobody_up() {
    let (requests, mut queue) = mpsc::channel(1);
    let handle = EvidenceHandle { requests };
    handle.keep(b"one".to_vec());
    handle.keep(b"two".to_vec());
    assert!(matches!(queue.try_recv(), Ok(Request::Keep(bytes)) if bytes == b"one"));
    assert!(queue.try_recv().is_err());
    drop(queue);
    assert!(handle.load().await.is_empty());
}

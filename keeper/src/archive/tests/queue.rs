//! The way from the loop to the file.

use super::*;
use crate::archive::ArchiveHandle;

#[test]
fn what_finds_no_room_is_counted_and_nobody_waits() {
    let (_directory, path) = place();
    let (handle, writer, entries) = ArchiveHandle::make(path.clone(), OWNER, Bounds::default(), 16);
    (0..20).for_each(|run| handle.note(due(task(1, run), run)));
    assert_eq!((handle.lost(), handle.trouble()), (4, None));
    drop(handle);
    writer.run(&entries);
    assert_eq!(runs_in(&path, 1).len(), 16);
}

#[test]
fn a_thread_that_has_ended_is_told() {
    let (_directory, path) = place();
    let (handle, _, entries) = ArchiveHandle::make(path, OWNER, Bounds::default(), 16);
    drop(entries);
    handle.note(due(task(1, 0), 0));
    assert_eq!(handle.lost(), 1);
    assert!(handle.trouble().is_some_and(|why| why.contains("start the keeper again")));
}

#[test]
fn all_of_it_is_in_the_file_when_the_thread_has_ended() {
    let (_directory, path) = place();
    let (handle, thread) = ArchiveHandle::spawn(path.clone(), OWNER);
    let other = handle.clone();
    (0..500).for_each(|run| handle.note(due(task(1, run), run)));
    other.note(due(task(1, 500), 500));
    drop((handle, other));
    thread.join().unwrap();
    assert_eq!(runs_in(&path, 1).len(), 501);
}

/// What it costs: a thousand tasks a second, each with all that happens to it, are a few transactions a second.
#[test]
fn a_thousand_tasks_are_two_transactions() {
    let (_directory, path) = place();
    let (handle, mut writer, entries) = ArchiveHandle::make(path.clone(), OWNER, Bounds::default(), 8_192);
    for run in 0..1_000 {
        let task = task(run % 10, run);
        let started = Change::Started { attempt: 0, anchor: run, leader: Some(OWNER.operator) };
        let settled = Change::Settled(settlement(12, OWNER.operator));
        let paid = Change::Paid { gas: 13_000 };
        handle.note(due(task, 10));
        for change in [started, Change::Signed, Change::Certified, Change::Sent, paid, settled] {
            handle.note(entry(task, 11, change));
        }
    }
    assert_eq!(handle.lost(), 0);
    drop(handle);
    let begun = std::time::Instant::now();
    let mut transactions = 0;
    while writer.gather(&entries) {
        writer.write();
        transactions += 1;
    }
    writer.write();
    eprintln!("7,000 entries about 1,000 tasks: {:?}", begun.elapsed());
    assert!(transactions <= 2, "{transactions}");
    assert_eq!(runs_in(&path, 7).len(), 100);
}

//! What found no room, or was turned away.

use super::*;

#[test]
fn what_is_turned_away_is_red_for_a_minute() {
    let mut core = running(4);
    assert_check(&core, "load", 10, true, &[]);
    core.shed(Load::Tasks, 1, at(START + 10));
    assert_eq!(notes(&core.orders), [Note::Shed { load: Load::Tasks, number: 1 }]);
    assert_check(&core, "load", 10, false, &["1 tasks turned away", "processors"]);
    assert_check(&core, "load", 71, true, &[]);
}

#[test]
fn what_the_mesh_had_no_room_for_is_red_for_a_minute() {
    let mut core = running(4);
    let lost = |messages, questions, commands, publishes| {
        let overflow = p2p::Overflow { messages, questions, commands, publishes };
        Event::Looked(Box::new(Readings { overflow, ..Readings::default() }))
    };
    let orders = core.on(lost(3, 0, 0, 0), at(START + 10));
    assert_eq!(notes(&orders), [Note::Shed { load: Load::Messages, number: 3 }]);
    assert_check(&core, "load", 10, false, &["3 messages turned away"]);
    core.on(lost(5, 2, 1, 4), at(START + 20));
    let words = ["5 messages and 2 questions and 1 commands and 4 publishes"];
    assert_check(&core, "load", 20, false, &words);
    assert!(notes(&core.on(lost(5, 2, 1, 4), at(START + 30))).is_empty());
    assert_check(&core, "load", 79, false, &words);
    assert_check(&core, "load", 80, true, &[]);
    core.on(Event::Looked(Box::new(Readings { runs_unserved: 7, ..Readings::default() })), at(START + 90));
    assert_check(&core, "load", 90, false, &["7 runs turned away", "more processors"]);
}

#[test]
fn a_record_that_cannot_be_written_is_red_and_what_found_no_room_in_it_for_a_minute() {
    let mut core = running(4);
    assert_check(&core, "archive", 10, true, &[]);
    let full = |lost| {
        let why = Some("runs.sqlite cannot be used (disk full): free space on its disk, or mend it".to_owned());
        Event::Looked(Box::new(Readings { archive: why, records_lost: lost, ..Readings::default() }))
    };
    core.on(full(0), at(START + 10));
    assert_check(&core, "archive", 10, false, &["is not recorded", "disk full", "free space"]);
    let orders = core.on(full(3), at(START + 11));
    assert_eq!(notes(&orders), [Note::Shed { load: Load::Records, number: 3 }]);
    assert_check(&core, "load", 11, true, &[]); // red already, under the name of its cause
    core.on(Event::Looked(Box::new(Readings { records_lost: 3, ..Readings::default() })), at(START + 12));
    assert_check(&core, "archive", 12, true, &[]);
    let orders = core.on(Event::Looked(Box::new(Readings { records_lost: 5, ..Readings::default() })), at(START + 13));
    assert_eq!(notes(&orders), [Note::Shed { load: Load::Records, number: 2 }]);
    assert_check(&core, "load", 13, false, &["2 records turned away"]);
    assert_check(&core, "load", 73, true, &[]);
}

/// Whatever found no room in the book is missing until the next start, for nobody tells of it again.
#[test]
fn a_full_job_book_is_red_until_a_start_that_finds_room() {
    let listed = |job_id| {
        let (owner, forwarder, params) = (Address::ZERO, Address::ZERO, Box::new(params()));
        let created = JobEvent::Created { job_id, owner, forwarder, params, active_from: START };
        Event::Chain(ChainEvent::Job { block: 1, event: created })
    };
    let is_missing = |core: &Core, job| core.book.job(job).is_none();
    let mut core = running(4);
    let mut job = 100;
    while !is_missing(&core, job) || job == 100 {
        job += 1;
        core.on(listed(job), at(START + 10));
    }
    let orders = core.on(listed(job + 1), at(START + 10));
    assert_eq!(notes(&orders), [Note::Shed { load: Load::Jobs, number: 1 }]);
    assert_check(&core, "load", 10, false, &["2 jobs turned away", "lists jobs without end"]);
    assert_check(&core, "load", 100_000, false, &["2 jobs turned away"]);

    // One that is over makes room, but only for what is told after that.
    let over = JobEvent::Cancelled { job_id: 101, inactive_from: START };
    core.on(Event::Chain(ChainEvent::Job { block: 11, event: over }), at(START + 11));
    core.on(listed(job + 2), at(START + 10_000));
    assert!(!is_missing(&core, job + 2) && is_missing(&core, 101) && is_missing(&core, job));
    assert_check(&core, "load", 10_000, false, &["2 jobs turned away"]);
    let mut again = running(4);
    again.on(listed(job), at(START + 10_000));
    assert!(!is_missing(&again, job));
    assert_check(&again, "load", 10_000, true, &[]);
}

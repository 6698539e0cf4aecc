//! What keepers say of a dispute, and whose words count.

use super::*;

#[test]
fn rulings_are_judged() {
    let mut desk = Desk::open(0);
    let judged = |verdict| (Fate::Judged(verdict), Vec::<String>::new());
    let good = said(1, 1, RIGHT);
    let table: [(&str, Ruling, Fate); 10] = [
        ("of another dispute", Ruling { dispute: 8, ..good.clone() }, Fate::Early(Awaits::Dispute(8))),
        (
            "of another report",
            Ruling { report: ByteArray::new([9; 32]), ..good.clone() },
            Fate::Judged(Verdict::Ignore(Reason::UnknownContext)),
        ),
        (
            "of another committee",
            Ruling { table: ByteArray::new([9; 32]), ..good.clone() },
            Fate::Judged(Verdict::Ignore(Reason::UnknownContext)),
        ),
        ("of an epoch to come", Ruling { epoch: 2, ..good.clone() }, Fate::Early(Awaits::Epoch(2))),
        ("without status", Ruling { status: 3, ..good.clone() }, Fate::Judged(Verdict::Reject(Reason::OutOfBounds))),
        ("of no member", Ruling { keeper: 5, ..good.clone() }, Fate::Judged(Verdict::Reject(Reason::NotMember))),
        (
            "with no point",
            Ruling { signature: ByteArray::new([0; 48]), ..good.clone() },
            Fate::Judged(Verdict::Reject(Reason::InvalidPoint)),
        ),
        (
            "in another's name",
            Ruling { keeper: 2, ..good.clone() },
            Fate::Judged(Verdict::Reject(Reason::InvalidSignature)),
        ),
        (
            "with another answer",
            Ruling { status: 1, ..good.clone() },
            Fate::Judged(Verdict::Reject(Reason::InvalidSignature)),
        ),
        ("right", good.clone(), ACCEPTED),
    ];
    for (what, ruling, fate) in table {
        assert_eq!(desk.take(&ruling), (fate, vec![]), "{what}");
    }
    assert_eq!(desk.take(&good), judged(Verdict::Ignore(Reason::Duplicate)));
    assert_eq!(desk.take(&said(1, 1, WRONG)).0, ACCEPTED, "what it found first may have been wrong");
    assert_eq!(desk.take(&said(1, 1, answer(3))).0, ACCEPTED);
    assert_eq!(desk.take(&said(1, 1, answer(4))), judged(Verdict::Ignore(Reason::Conflicting)), "but not for ever");
    assert_eq!(desk.take(&said(2, 1, RIGHT)), (ACCEPTED, vec![]), "nobody else's false word shut it out");
    desk.on(DisputeEvent::Ended { upheld: false, block: 1_000 }, NOW);
    assert_eq!(desk.take(&said(3, 1, RIGHT)), judged(Verdict::Ignore(Reason::OutOfWindow)), "it is over");
}

/// A new committee rules anew, and what the one before it says still counts.
#[test]
fn a_ruling_is_said_again_under_every_new_epoch_and_now_and_then() {
    let mut desk = Desk::open(0);
    assert_eq!(desk.on(reran(Ok(RIGHT)), NOW), ["send ruling"]);
    assert_eq!(desk.look(NOW.plus(AGAIN - Duration::from_millis(1))), NOTHING);
    assert_eq!(desk.look(NOW.plus(AGAIN)), ["send ruling"]);
    desk.facts.enter_epoch(committee(2, 1_010, 6));
    let now = NOW.plus(AGAIN);
    assert_eq!(desk.look(now), ["send ruling"]);
    assert_eq!(desk.look(now), NOTHING);
    for keeper in [1, 2] {
        assert_eq!(desk.take(&said(keeper, 1, RIGHT)), (ACCEPTED, vec![]));
        assert_eq!(desk.take(&said(keeper, 2, RIGHT)), (ACCEPTED, vec![]));
    }
    desk.facts.enter_epoch(committee(3, 1_020, 7));
    assert_eq!(desk.look(now), ["send ruling"]);
    let late = Fate::Judged(Verdict::Ignore(Reason::OutOfWindow));
    assert_eq!(desk.take(&said(3, 1, RIGHT)), (late, vec![]), "of the first epoch nothing is kept any more");
    assert_eq!(desk.take(&said(3, 2, RIGHT)).0, ACCEPTED);
}

/// The contract takes no ruling of an epoch before the one in which the dispute was opened.
#[test]
fn earlier_epochs_do_not_rule() {
    let mut desk = Desk { disputes: Disputes::default(), facts: facts(0, 1_000), outbox: Outbox::default(), now: NOW };
    desk.facts.enter_epoch(committee(2, 1_010, 6));
    desk.on(disputed(), NOW);
    let old = Fate::Judged(Verdict::Ignore(Reason::OutOfWindow));
    assert_eq!(desk.take(&said(1, 1, RIGHT)).0, old);
    assert_eq!(desk.take(&said(1, 2, RIGHT)).0, ACCEPTED);
}

/// Another report may have had the number, or the epoch's number another committee, before a reorganisation.
#[test]
fn what_was_of_another_chain_counts_for_nothing() {
    let mut desk = Desk::open(0);
    let other = DisputeEvent::Reran { leaf: B256::repeat_byte(9), result: Ok(WRONG) };
    assert_eq!(desk.on(other, NOW), NOTHING, "a run for another report");
    assert_eq!(desk.on(reran(Ok(RIGHT)), NOW), ["send ruling"]);
    for keeper in [1, 2] {
        assert_eq!(desk.take(&said(keeper, 1, RIGHT)).0, ACCEPTED);
    }
    desk.facts.enter_epoch(committee(1, 1, 6));
    assert_eq!(desk.look(NOW), ["send ruling"], "to the committee in its place");
    let ignored = Fate::Judged(Verdict::Ignore(Reason::UnknownContext));
    assert_eq!(desk.take(&said(3, 1, RIGHT)), (ignored, vec![]), "its signer sees the committee that was");
    let ruling = Ruling { table: ByteArray::new([6; 32]), ..said(3, 1, RIGHT) };
    assert_eq!(desk.take(&ruling), (ACCEPTED, vec![]), "two of five, not four");
}

/// A moment's bad answer of a node must not keep a keeper at odds with all others, nor the ruling from being made.
#[test]
fn what_more_stake_says_otherwise_is_run_again() {
    let first = Desk::open(0).line()[0];
    let mut desk = Desk::open(first);
    let others: Vec<u16> = (0..5).filter(|other| *other != first).collect();
    desk.on(reran(Ok(WRONG)), NOW);
    assert_eq!(desk.take(&said(others[0], 1, RIGHT)).0, ACCEPTED);
    assert_eq!(desk.look(NOW.plus(AGAIN)), ["send ruling"], "one against one");
    assert_eq!(desk.take(&said(others[1], 1, RIGHT)).0, ACCEPTED);
    assert_eq!(desk.take(&said(others[2], 1, WRONG)).0, ACCEPTED, "another one with a bad node");
    assert_eq!(desk.take(&said(others[3], 1, RIGHT)).0, ACCEPTED);
    let mut now = NOW.plus(AGAIN * 2);
    assert_eq!(desk.look(now), ["rerun for 7"]);
    assert_eq!(desk.on(reran(Err(Abstention::ChainReadFailed)), now), ["send ruling"], "it stays with what it found");
    for pause in [AGAIN * 2, AGAIN * 4] {
        assert_eq!(
            desk.look(now.plus(pause - Duration::from_secs(1))),
            ["send ruling"],
            "it doubts itself less and less often"
        );
        now = now.plus(pause + AGAIN);
        assert_eq!(desk.look(now), ["rerun for 7"]);
        desk.on(reran(Ok(WRONG)), now);
    }
    now = now.plus(AGAIN * 10);
    assert_eq!(desk.look(now), ["rerun for 7"]);
    assert_eq!(desk.on(reran(Ok(RIGHT)), now), ["send ruling"]);
    desk.now = NOW; // whose leaders are known
    let (fate, brought) = desk.take(&said(others[2], 1, RIGHT));
    assert_eq!(fate, ACCEPTED);
    assert_eq!(brought, ["send ruling", "rule on 7 by 5"], "who was wrong before counts too");
}

#[test]
fn a_keeper_that_is_no_member_or_doubts_its_set_says_nothing() {
    let mut stranger = Desk::open(5);
    assert_eq!(stranger.on(reran(Ok(RIGHT)), NOW), NOTHING);
    let mut desk = Desk::open(0);
    let peers: Vec<_> = committee(1, 1, 5).members().iter().skip(1).map(|member| member.peer_key).collect();
    for peer in peers {
        desk.facts.note_table(peer, 1, B256::repeat_byte(9));
    }
    assert_eq!(desk.on(reran(Ok(RIGHT)), NOW), NOTHING);
}

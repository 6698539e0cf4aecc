mod speech;

use alloy_primitives::B256;
use serde_bytes::ByteArray;

use super::*;
use crate::disputes::Disputes;
use crate::facts::tests::{DOMAIN, FIRST, block, committee, facts, secret, task};
use crate::fault::{Awaits, Fate, Reason, Verdict};
use crate::message::Ruling;
use crate::outbox::tests::texts;
use crate::report::{Anchor, Report};
use crate::task::{Abstention, Status};

const ID: u64 = 7;
const NOW: Time = Time(1_000_500);
const RIGHT: Answer = answer(1);
const WRONG: Answer = answer(2);

const fn answer(outcome: u8) -> Answer {
    Answer { status: Status::Call, outcome_hash: B256::repeat_byte(outcome) }
}

fn report() -> Report {
    let anchor = Anchor { number: 990, hash: block(990).hash };
    let Answer { status, outcome_hash } = WRONG;
    Report { task: task(1), anchor, input_set: B256::ZERO, status, outcome_hash }
}

fn disputed() -> DisputeEvent {
    DisputeEvent::Opened(Disputed { block: 1_000, report: report(), deadline: 1_100 })
}

fn reran(result: Result<Answer, Abstention>) -> DisputeEvent {
    DisputeEvent::Reran { leaf: report().leaf(), result }
}

/// What a keeper of five says.
fn said(keeper: u16, epoch: u32, answer: Answer) -> Ruling {
    let digest = DOMAIN.ruling_digest(epoch, ID, report().leaf(), answer);
    Ruling {
        dispute: ID,
        report: ByteArray::new(report().leaf().0),
        table: ByteArray::new([epoch as u8 + 4; 32]),
        epoch,
        keeper,
        status: answer.status as u8,
        outcome_hash: ByteArray::new(answer.outcome_hash.0),
        signature: ByteArray::new(secret(keeper).sign(digest.as_slice()).to_bytes()),
    }
}

/// One keeper's disputes, with what it knows.
struct Desk {
    disputes: Disputes,
    facts: Facts,
    outbox: Outbox,
    now: Time,
}

impl Desk {
    /// A keeper at block 1,000, in which a report was disputed.
    fn open(keeper: u16) -> Self {
        let mut desk =
            Self { disputes: Disputes::default(), facts: facts(keeper, 1_000), outbox: Outbox::default(), now: NOW };
        assert_eq!(desk.on(disputed(), NOW), ["rerun for 7"]);
        desk
    }

    /// What comes of an event, but for the moments to look again.
    fn on(&mut self, event: DisputeEvent, now: Time) -> Vec<String> {
        self.now = now;
        self.disputes.handle(ID, event, &mut self.facts, now, &mut self.outbox);
        self.done()
    }

    fn look(&mut self, now: Time) -> Vec<String> {
        self.now = now;
        self.disputes.look(ID, &mut self.facts, now, &mut self.outbox);
        self.done()
    }

    fn done(&mut self) -> Vec<String> {
        let all = texts(&mut self.outbox).into_iter();
        all.filter(|text| !text.starts_with("at ") && !text.starts_with("with next block")).collect()
    }

    fn take(&mut self, ruling: &Ruling) -> (Fate, Vec<String>) {
        let Some(committee) = self.facts.committee_of(ruling.epoch).cloned() else {
            return (Fate::Early(Awaits::Epoch(ruling.epoch)), Vec::new());
        };
        let fate = self.disputes.glance(ruling, &committee, &self.facts).unwrap_or_else(|| {
            Fate::Judged(self.disputes.take(ruling, &committee, &mut self.facts, self.now, &mut self.outbox))
        });
        (fate, self.done())
    }

    /// Who brings what has to be brought, by stage.
    fn line(&mut self) -> Vec<u16> {
        let (line, _) = self.facts.leaders(self.facts.pace().window_at(NOW)).unwrap();
        line.into_iter().map(|index| index.0).collect()
    }
}

const ACCEPTED: Fate = Fate::Judged(Verdict::Accept);
const NOTHING: [&str; 0] = [];

fn stage(number: u32) -> Time {
    NOW.plus(crate::facts::tests::PACE.stage() * number)
}

/// The leader whose turn it is brings what four of five say, and the next one a stage later.
#[test]
fn what_four_of_five_say_is_brought_by_the_line_of_leaders() {
    let line = Desk::open(0).line();
    for (place, &keeper) in line.iter().enumerate() {
        let mut desk = Desk::open(keeper);
        assert_eq!(desk.on(reran(Ok(RIGHT)), NOW), ["send ruling"]);
        let others: Vec<u16> = (0..5).filter(|other| *other != keeper).collect();
        assert_eq!(desk.take(&said(others[0], 1, RIGHT)), (ACCEPTED, vec![]));
        assert_eq!(
            desk.take(&said(others[1], 1, WRONG)),
            (ACCEPTED, vec![]),
            "another word is heard, and counts apart"
        );
        assert_eq!(desk.take(&said(others[2], 1, RIGHT)), (ACCEPTED, vec![]));
        let (fate, mut brought) = desk.take(&said(others[3], 1, RIGHT));
        assert_eq!(fate, ACCEPTED);
        for turn in 1..=u32::try_from(place).unwrap() {
            assert_eq!(brought, NOTHING, "keeper {keeper} waits for {turn} others");
            brought = desk.look(stage(turn));
        }
        assert_eq!(brought, ["rule on 7 by 4"]);
        assert_eq!(desk.look(stage(place as u32).plus(Duration::from_millis(1))), NOTHING, "once in a turn");
    }
}

/// Who could not run it brings what the others say all the same.
#[test]
fn nobody_needs_an_answer_of_its_own_to_bring_what_others_say() {
    let first = Desk::open(0).line()[0];
    let mut desk = Desk::open(first);
    assert_eq!(desk.on(reran(Err(Abstention::ChainReadFailed)), NOW), NOTHING);
    let others: Vec<u16> = (0..5).filter(|other| *other != first).collect();
    let brought: Vec<String> = others.iter().flat_map(|&other| desk.take(&said(other, 1, RIGHT)).1).collect();
    assert_eq!(brought, ["rule on 7 by 4"]);
    assert_eq!(desk.on(DisputeEvent::SendingFailed, NOW), NOTHING, "its turn is up");
    assert_eq!(desk.look(stage(4)), ["rule on 7 by 4", "rerun for 7"], "the line goes round");
}

#[test]
fn a_run_that_fails_is_tried_again_at_growing_pauses_until_the_dispute_ends() {
    let mut desk = Desk::open(0);
    let mut now = NOW;
    for pause in [4, 8, 16, 32, 64, 128, 256, 256] {
        assert_eq!(desk.on(reran(Err(Abstention::ChainReadFailed)), now), NOTHING);
        let next = now.plus(Duration::from_secs(pause));
        assert_eq!(desk.look(Time(next.0 - 1)), NOTHING);
        assert_eq!(desk.look(next), ["rerun for 7"]);
        now = next;
    }
    desk.on(reran(Err(Abstention::Busy)), now);
    assert_eq!(desk.look(now), NOTHING);
    assert_eq!(desk.look(Time(1_000)), ["rerun for 7"], "so long a pause is of a clock that was set back");
    desk.on(reran(Err(Abstention::Busy)), now);
    (1_001..=1_101).for_each(|second| desk.facts.push(block(second)));
    assert_eq!(desk.look(now.plus(Duration::from_secs(10_000))), NOTHING, "after the deadline nothing is taken");
    assert_eq!(desk.on(reran(Ok(RIGHT)), now), NOTHING);
}

#[test]
fn what_was_upheld_is_enforced_until_nobody_is_left_and_again_when_others_join() {
    let line = Desk::open(0).line();
    let upheld = DisputeEvent::Ended { upheld: true, block: 1_000 };
    let mut second = Desk::open(line[1]);
    assert_eq!(second.on(upheld, NOW), NOTHING);
    assert_eq!(second.look(stage(1)), ["enforce 7"], "the first in line has not, or there was more to do");
    let mut desk = Desk::open(line[0]);
    assert_eq!(desk.on(upheld, NOW), ["enforce 7"]);
    assert_eq!(desk.on(DisputeEvent::AllPunished, NOW), NOTHING);
    assert_eq!(desk.look(stage(5)), NOTHING);
    assert_eq!(desk.look(NOW.plus(LOOK_AGAIN)), NOTHING, "the window's leaders are not known so far ahead");
    let mut again = Desk::open(line[0]);
    again.on(upheld, NOW.plus(Duration::from_secs(3)));
    again.on(DisputeEvent::AllPunished, NOW.plus(Duration::from_secs(3)));
    assert_eq!(again.look(NOW), ["enforce 7"], "looked at again now and then, and when the clock was set back");
    again.on(DisputeEvent::AllPunished, NOW);
    again.disputes.rewound(1_000, &mut again.facts, NOW, &mut again.outbox);
    assert_eq!(again.done(), ["enforce 7"], "and after a reorganisation");
    assert_eq!(desk.on(DisputeEvent::Joined { block: 1_000 }, NOW), ["enforce 7"]);
    assert_eq!(desk.on(reran(Ok(RIGHT)), NOW), NOTHING, "a ruling is of no use any more");
    (1_001..=1_101).for_each(|second| desk.facts.push(block(second)));
    assert_eq!(desk.look(stage(5)), NOTHING, "not for ever");
}

#[test]
fn what_an_orphaned_block_held_is_undone() {
    let mut desk = Desk::open(0);
    desk.on(reran(Ok(RIGHT)), NOW);
    desk.facts.push(block(1_001));
    desk.on(DisputeEvent::Ended { upheld: false, block: 1_001 }, NOW);
    assert_eq!(desk.look(NOW.plus(AGAIN)), NOTHING);
    desk.facts.rewind(1_000);
    desk.disputes.rewound(1_000, &mut desk.facts, NOW.plus(AGAIN), &mut desk.outbox);
    assert_eq!(desk.done(), ["send ruling"], "it is open again");
    desk.disputes.rewound(999, &mut desk.facts, NOW, &mut desk.outbox);
    assert_eq!(desk.done(), NOTHING);
    assert_eq!(desk.take(&said(1, 1, RIGHT)).0, Fate::Early(Awaits::Dispute(ID)), "it was never opened");
}

/// Looked at too early, or when nothing can be done, it never asks to be looked at again at once: that would be for ever.
#[test]
fn every_moment_it_waits_for_is_still_to_come() {
    let far = NOW.plus(Duration::from_secs(100_000));
    let events = [
        disputed(),
        reran(Err(Abstention::Busy)),
        reran(Ok(RIGHT)),
        DisputeEvent::Ended { upheld: true, block: 1_000 },
        DisputeEvent::AllPunished,
        DisputeEvent::Joined { block: 1_000 },
        DisputeEvent::SendingFailed,
        DisputeEvent::Ended { upheld: false, block: 1_000 },
    ];
    for keeper in [0, 5] {
        for head in [None, Some(1_000)] {
            for order in 0..events.len() {
                let mut facts = head.map_or_else(|| facts(keeper, FIRST - 1), |head| facts(keeper, head));
                let (mut disputes, mut outbox) = (Disputes::default(), Outbox::default());
                for step in 0..2 * events.len() {
                    let (event, now) = (events[(order + step) % events.len()], if step % 2 == 0 { NOW } else { far });
                    for id in 1..=6 {
                        disputes.handle(id, event, &mut facts, now, &mut outbox);
                    }
                    for item in outbox.take() {
                        let at_once = matches!(item, crate::outbox::Item::At(at, _) if at <= now);
                        assert!(!at_once, "keeper {keeper}, head {head:?}, {event:?} at {now:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn many_disputes_run_a_few_at_a_time_and_the_rest_in_turn() {
    let (mut disputes, mut facts, mut outbox) = (Disputes::default(), facts(0, 1_000), Outbox::default());
    let mut on = |id, event| {
        disputes.handle(id, event, &mut facts, NOW, &mut outbox);
        texts(&mut outbox).into_iter().filter(|text| text.starts_with("rerun")).collect::<Vec<_>>()
    };
    for id in 1..=4 {
        assert_eq!(on(id, disputed()), [format!("rerun for {id}")]);
    }
    assert_eq!(on(1, disputed()), NOTHING, "told twice");
    for id in 5..=256 {
        assert_eq!(on(id, disputed()), NOTHING);
    }
    for id in 1..=100 {
        assert_eq!(on(id, reran(Ok(RIGHT))), [format!("rerun for {}", id + 4)]);
    }
    on(200, DisputeEvent::Ended { upheld: false, block: 1_000 });
    assert_eq!(on(257, disputed()), NOTHING, "in the place of one that is over");
    assert_eq!(on(258, disputed()), NOTHING, "in that of the oldest");
    assert_eq!(on(101, reran(Ok(RIGHT))), ["rerun for 105"]);
}

//! A whole engine, and whatever its peers may tell it in the course of some seconds: gossip, answers, questions.
//!
//! ```text
//! input   frames       frame   kind 1 | from 1 | length 2 | body       big endian
//! kind    0 to 5: gossip, of a channel each | 6: an answer | 7: a question | 8: time passes, tenths of seconds in `from`
//!         9: a partial that comes straight
//! ```
//!
//! Around keeper 0 the world is friendly: its runs end at once, its journal works, the chain has a block every second.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, keccak256};
use consensus::anchor::BlockRef;
use consensus::codec;
use consensus::effect::{JournalAnswer, SignRecord};
use consensus::message::{Channel, HAVE_LIMIT, Have, MessageTag, Source};
use consensus::task::{AnchorRule, DueTask, InstanceKey, JobId, Outcome, Status, Task};
use consensus::time::{Pace, Time};
use consensus::{Config, Effect, Engine, Input, JournalState};

use crate::mesh::{COMMITTEE, DOMAIN, KEEPERS, peer, peer_key, secret};

/// The world begins here, in Unix seconds.
const START: u64 = 1_000_000;
const PACE: Pace = Pace::of(Duration::from_secs(1), 0);
const CODE: B256 = B256::repeat_byte(0xcc);
const CHANNELS: [Channel; 6] = [
    Channel::Assignments,
    Channel::Partials,
    Channel::Certificates,
    Channel::Evidence,
    Channel::Observations,
    Channel::Rulings,
];
const ANSWER: u8 = 6;
const QUESTION: u8 = 7;
const TIME: u8 = 8;
const STRAIGHT: u8 = 9;
/// Tenths of seconds that pass at the most in one input: ten times what the tasks take.
const MOST_TENTHS: u32 = 600;

/// One keeper in its friendly world.
struct Keeper {
    engine: Engine,
    now: Time,
    messages: u64,
    judged: BTreeSet<u64>,
    journal: BTreeMap<(B256, B256, B256), B256>,
}

impl Keeper {
    fn new(keeper: u16) -> Self {
        let number = keeper.to_le_bytes()[0];
        let engine = Engine::new(Config {
            domain: DOMAIN,
            pace: PACE,
            anchor_age: 100,
            operator: Address::repeat_byte(number + 1),
            secret: secret(keeper),
            peer_key: peer(keeper),
            seed: [number; 32],
            journal: JournalState::New,
        });
        let (messages, judged, journal) = (0, BTreeSet::new(), BTreeMap::new());
        let mut new = Self { engine, now: Time::from_seconds(START), messages, judged, journal };
        new.handle(Input::Epoch(COMMITTEE.clone()));
        (START - 10..=START).for_each(|second| drop(new.handle(Input::Head(block(second)))));
        tasks().for_each(|due| drop(new.handle(Input::Due(due))));
        new
    }

    /// Takes something in, and lets the world answer what it does about it; returns what it tells others.
    fn handle(&mut self, input: Input) -> Vec<(Channel, Vec<u8>)> {
        let mut inputs = VecDeque::from([input]);
        let mut said = Vec::new();
        while let Some(input) = inputs.pop_front() {
            for effect in self.engine.handle(input, self.now) {
                match effect {
                    Effect::Broadcast { channel, bytes } => said.push((channel, bytes)),
                    other => inputs.extend(self.answer(other)),
                }
            }
        }
        said
    }

    fn answer(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Execute { due, attempt, anchor } => {
                let (task, anchor, took) = (due.task, anchor.hash, Duration::from_millis(3));
                Some(Input::Executed { task, attempt, anchor, result: Ok(outcome(task, b"done")), took })
            }
            Effect::Observe { due, attempt, anchor } => {
                let result = Ok(Bytes::from_static(b"seen"));
                Some(Input::Observed { task: due.task, attempt, anchor: anchor.hash, result })
            }
            Effect::Decide { due, attempt, inputs, .. } => {
                let all: Vec<u8> = inputs.seen.iter().flat_map(|seen| seen.bytes.to_vec()).collect();
                let result = Ok(outcome(due.task, &all));
                Some(Input::Decided { task: due.task, attempt, inputs: inputs.hash, result })
            }
            Effect::Persist { token, records } => Some(Input::Persisted { token, answer: self.persist(&records) }),
            Effect::Judge {
                source: Source::Gossip(MessageTag(tag)) | Source::Straight(MessageTag(tag), _), ..
            } => {
                assert!(self.judged.insert(tag), "message {tag} got two verdicts");
                None
            }
            Effect::Submit(settlement) => {
                settlement.certificate.verify(&COMMITTEE, &DOMAIN, 0).expect("nothing else is sent to the chain");
                None
            }
            Effect::Keep(evidence) => {
                evidence.verify(&COMMITTEE, &DOMAIN).expect("nothing else is held against anybody");
                None
            }
            _ => None,
        }
    }

    /// As the journal: a second report at one place is refused.
    fn persist(&mut self, records: &[SignRecord]) -> JournalAnswer {
        let place = |record: &SignRecord| (record.task.0, record.anchor_hash, record.input_set);
        let refused = |record: &SignRecord| self.journal.get(&place(record)).is_some_and(|it| *it != record.report);
        let refusals: Vec<usize> =
            records.iter().enumerate().filter(|(_, record)| refused(record)).map(|(at, _)| at).collect();
        if !refusals.is_empty() {
            return JournalAnswer::Refused(refusals);
        }
        self.journal.extend(records.iter().map(|record| (place(record), record.report)));
        JournalAnswer::Recorded
    }

    fn receive(&mut self, channel: Channel, from: u16, bytes: Vec<u8>) -> Vec<(Channel, Vec<u8>)> {
        self.messages += 1;
        self.handle(Input::Received { message: MessageTag(self.messages), from: peer_key(from), channel, bytes })
    }

    fn receive_straight(&mut self, from: u16, bytes: Vec<u8>) {
        self.messages += 1;
        self.handle(Input::Straight { message: MessageTag(self.messages), from: peer_key(from), bytes });
    }

    /// A tenth of a second passes.
    fn pass(&mut self) -> Vec<(Channel, Vec<u8>)> {
        self.now = Time(self.now.0 + 100);
        let mut said = Vec::new();
        if self.now.0.is_multiple_of(1_000) {
            said.extend(self.handle(Input::Head(block(self.now.seconds()))));
        }
        if self.engine.next_timeout().is_some_and(|at| at <= self.now) {
            said.extend(self.handle(Input::Tick));
        }
        said
    }
}

fn block(second: u64) -> BlockRef {
    BlockRef { number: second - (START - 11), hash: keccak256(second.to_be_bytes()), timestamp: second }
}

/// Two tasks due together, and one that looks outside.
fn tasks() -> impl Iterator<Item = DueTask> {
    [(1, 3, false), (2, 3, false), (3, 5, true)].into_iter().map(|(job, after, observes)| DueTask {
        task: Task { job: JobId(job), version: 1, instance: InstanceKey::from_run(0) },
        due: START + after,
        deadline: PACE.deadline(START + after),
        anchor: AnchorRule::ByTime,
        rank: 0,
        code_hash: CODE,
        quorum_bps: 0,
        callback_gas: 100_000,
        observes,
    })
}

fn outcome(task: Task, said: &[u8]) -> Outcome {
    let data = Bytes::from([said, task.id().0.as_slice()].concat());
    Outcome { status: Status::Call, data, state_after: B256::ZERO, transcript: B256::ZERO }
}

/// Keeper 0, and what an input has others tell it.
pub fn engine(bytes: &[u8]) {
    let mut keeper = Keeper::new(0);
    let mut tenths = MOST_TENTHS;
    let mut rest = bytes;
    while let Some(([kind, from, high, low], after)) = rest.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let (body, after) = after.split_at(length);
        rest = after;
        let peer = u16::from(*from) % KEEPERS;
        match *kind {
            kind @ ..ANSWER => drop(keeper.receive(CHANNELS[usize::from(kind)], peer, body.to_vec())),
            ANSWER => drop(keeper.handle(Input::Answered { from: peer_key(peer), bytes: body.to_vec() })),
            QUESTION => {
                let answer = keeper.engine.answer(body);
                codec::decode::<Have>(&answer, HAVE_LIMIT).expect("whoever asks can read the answer");
            }
            TIME => {
                let passing = u32::from(*from).min(tenths);
                tenths -= passing;
                (0..passing).for_each(|_| drop(keeper.pass()));
            }
            STRAIGHT => keeper.receive_straight(peer, body.to_vec()),
            _ => {}
        }
    }
}

fn frame(kind: u8, from: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("a message is far shorter");
    [&[kind, from][..], &length.to_be_bytes(), body].concat()
}

/// What keeper 0 hears while four of them certify three tasks; the same with questions; with what it heard as answers; and with
/// partials that come straight.
#[must_use]
pub fn engine_seeds() -> Vec<Vec<u8>> {
    let mut keepers: Vec<Keeper> = (0..KEEPERS).map(Keeper::new).collect();
    let (mut heard, mut answers, mut straight) = (Vec::new(), Vec::new(), Vec::new());
    let mut said: VecDeque<(u16, (Channel, Vec<u8>))> = VecDeque::new();
    for _ in 0..90 {
        heard.extend(frame(TIME, 1, &[]));
        answers.extend(frame(TIME, 1, &[]));
        straight.extend(frame(TIME, 1, &[]));
        for (k, keeper) in (0..).zip(&mut keepers) {
            said.extend(keeper.pass().into_iter().map(|message| (k, message)));
        }
        while let Some((from, (channel, bytes))) = said.pop_front() {
            for (to, keeper) in (0..).zip(&mut keepers).filter(|(to, _)| *to != from) {
                if to == 0 {
                    let kind = CHANNELS.iter().position(|it| *it == channel).unwrap_or_default();
                    let [kind, from] = [kind, from.into()].map(|number| u8::try_from(number).expect("few"));
                    heard.extend(frame(kind, from, &bytes));
                    straight.extend(frame(if channel == Channel::Partials { STRAIGHT } else { kind }, from, &bytes));
                    answers.extend(frame(ANSWER, from, &answer_with(channel, &bytes)));
                }
                said.extend(keeper.receive(channel, from, bytes.clone()).into_iter().map(|message| (to, message)));
            }
        }
    }
    let questions: Vec<u8> = crate::mesh::want_seeds().iter().flat_map(|want| frame(QUESTION, 1, want)).collect();
    let asked = [&heard[..heard.len() / 2], &questions].concat();
    vec![heard, asked, answers, straight]
}

/// A peer's answer that holds one message.
fn answer_with(channel: Channel, bytes: &[u8]) -> Vec<u8> {
    let one = || vec![serde_bytes::ByteBuf::from(bytes)];
    let mut have = Have { head: 9, ..Have::default() };
    match channel {
        Channel::Assignments => have.assignments = one(),
        Channel::Partials => have.partials = one(),
        Channel::Observations => have.observations = one(),
        _ => have.certificate = one().pop(),
    }
    codec::encode(&have)
}

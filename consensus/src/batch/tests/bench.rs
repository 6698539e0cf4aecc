//! One keeper's batch with all that it looks at.

use alloy_primitives::{B256, Bytes};
use serde_bytes::{ByteArray, ByteBuf};

use super::*;
use crate::anchor::BlockRef;
use crate::certificate::batch_root;
use crate::effect::{JournalAnswer, PersistToken};
use crate::facts::tests::{DOMAIN, block, due, facts, secret, signing, task};
use crate::message::{Finding, MessageTag};
use crate::outbox::tests::texts;
use crate::session::Event as SessionEvent;
use crate::task::{Outcome, Status};

/// All tasks are due at this second, in the last moment of window 500, whose leader assigned the batch.
pub(super) const DUE: u64 = 1_001;
pub(super) const WINDOW: u64 = 500;
/// When the batch is forgotten, as the outbox shows it.
pub(super) const END: &str = "at 1032000 batch";

pub(super) struct Bench {
    pub(super) facts: Facts,
    pub(super) sessions: Sessions,
    pub(super) batch: Batch,
    pub(super) outbox: Outbox,
    pub(super) line: Vec<KeeperIndex>,
    /// Whether the batch has said that it has found its basis.
    pub(super) founded: bool,
}

/// The batch of `jobs` tasks as the keeper at this place in the line sees it; `head` is its newest block.
pub(super) fn bench_at(place: usize, jobs: u64, head: u64) -> Bench {
    let line = facts(0, 1_200).leaders(WINDOW).unwrap().0;
    let facts = facts(line[place].0, head);
    let tasks: Vec<Task> = (1..=jobs).map(task).collect();
    let key = BatchKey { assignment: B256::repeat_byte(1), batch: 0 };
    let batch =
        Batch::new(key, tasks, 0, Place { window: WINDOW, stage: 0, leader: line[0], came: at(998_000) }, vec![]);
    let (mut sessions, mut outbox) = (Sessions::default(), Outbox::default());
    (1..=jobs).for_each(|job| assert!(sessions.learn(due(job, DUE), &facts, at(990_000), &mut outbox)));
    outbox.take();
    Bench { facts, sessions, batch, outbox, line, founded: false }
}

/// The same, with the tasks running, and their anchor certain.
pub(super) fn running(place: usize, jobs: u64) -> Bench {
    let mut bench = bench_at(place, jobs, 1_100);
    (1..=jobs).for_each(|job| bench.tell(job, SessionEvent::Look));
    bench
}

/// The same, with all outcomes at hand.
pub(super) fn executed(place: usize, jobs: u64) -> Bench {
    let mut bench = running(place, jobs);
    (1..=jobs).for_each(|job| bench.tell(job, SessionEvent::Executed(0, anchor().hash, Ok(outcome(1)))));
    bench
}

/// The same, with this keeper's partial sent, and its signature that of the first one in line.
pub(super) fn spoken(place: usize, jobs: u64) -> Bench {
    let mut bench = executed(place, jobs);
    bench.look(DUE * 1000);
    bench.persisted(DUE * 1000, JournalAnswer::Recorded);
    bench
}

pub(super) fn at(millisecond: u64) -> Time {
    Time(millisecond)
}

pub(super) fn anchor() -> BlockRef {
    block(DUE - 2)
}

pub(super) fn outcome(kind: u8) -> Outcome {
    let data = Bytes::from(vec![kind]);
    Outcome { status: Status::Call, data, state_after: B256::ZERO, transcript: B256::ZERO }
}

pub(super) fn finding(kind: u8) -> Finding {
    let outcome = outcome(kind);
    Finding::reported(outcome.status, outcome.hash(due(1, DUE).code_hash))
}

impl Bench {
    pub(super) fn tell(&mut self, job: u64, event: SessionEvent) {
        self.sessions.handle(task(job), event, &self.facts, at(DUE * 1000), &mut self.outbox);
        self.outbox.take();
    }

    /// The same keeper before a batch of one of its tasks alone.
    pub(super) fn of_task(mut self, job: u64) -> Self {
        let (key, place) = (BatchKey { batch: 1, ..self.batch.key }, self.batch.place);
        self.batch = Batch::new(key, vec![task(job)], 0, place, vec![]);
        self
    }

    pub(super) fn look_while(&mut self, signing: Signing, now: u64) -> Vec<String> {
        self.batch.look(&mut self.facts, &mut self.sessions, signing, at(now), &mut self.outbox);
        let mut said = texts(&mut self.outbox);
        self.founded |= said.first().is_some_and(|text| text == "basis found");
        said.retain(|text| text != "basis found");
        said
    }

    pub(super) fn look(&mut self, now: u64) -> Vec<String> {
        self.look_while(Signing::Anything, now)
    }

    pub(super) fn persisted(&mut self, now: u64, answer: JournalAnswer) -> Vec<String> {
        assert!(self.batch.awaits(PersistToken(1)) && !self.batch.awaits(PersistToken(2)));
        self.batch.persisted(&answer, &self.facts, &mut self.sessions, at(now), &mut self.outbox);
        texts(&mut self.outbox)
    }

    /// A partial of the keeper at a place in the line, truly signed; the place is the number of the message.
    pub(super) fn take(&mut self, place: usize, findings: &[Finding], now: u64) -> (Fate, Vec<String>) {
        self.take_signed_by(place, place, findings, now)
    }

    /// A partial in the name of the keeper at a place in the line, signed by another one.
    pub(super) fn take_signed_by(
        &mut self,
        signer: usize,
        place: usize,
        findings: &[Finding],
        now: u64,
    ) -> (Fate, Vec<String>) {
        let partial = self.partial(signer, place, findings);
        self.take_from(&partial, Source::Gossip(MessageTag(place as u64)), now)
    }

    /// A partial as it came.
    pub(super) fn take_from(&mut self, partial: &Partial, source: Source, now: u64) -> (Fate, Vec<String>) {
        let bytes = codec::encode(partial);
        let (facts, outbox) = (&mut self.facts, &mut self.outbox);
        let fate = self.batch.take((partial, &bytes), source, facts, &self.sessions, at(now), outbox);
        (fate, texts(&mut self.outbox))
    }

    /// The partial of the keeper at a place in the line, signed by another one.
    pub(super) fn partial(&self, signer: usize, place: usize, findings: &[Finding]) -> Partial {
        let (keeper, signer) = (self.line[place].0, self.line[signer].0);
        let basis = Basis::find(&self.batch.tasks, (0, &[]), &self.facts, &self.sessions);
        let reports = basis.and_then(|basis| basis.reports(findings));
        let mut partial = Partial {
            assignment: ByteArray::new([1; 32]),
            batch: 0,
            keeper,
            root: ByteArray::new([0; 32]),
            findings: findings.to_vec(),
            execution_tag: ByteArray::new([0; 32]),
            signature: ByteBuf::new(),
        };
        partial.signature = ByteBuf::from(match reports {
            Some(reports) => {
                partial.root = ByteArray::new(batch_root(&reports).0);
                secret(signer).sign(DOMAIN.batch_digest(1, batch_root(&reports)).as_slice()).to_bytes().to_vec()
            }
            None => crate::bls::sign(&signing(signer), partial.abstention_hash(&DOMAIN)).to_vec(),
        });
        partial
    }

    pub(super) fn certificate(&self) -> Arc<Certificate> {
        let Phase::Certified { certificate, .. } = &self.batch.phase else {
            panic!("{:?}", self.batch.phase);
        };
        Arc::clone(certificate)
    }

    pub(super) fn phase(&self) -> &'static str {
        match self.batch.phase {
            Phase::Collecting => "collecting",
            Phase::Refused => "refused",
            Phase::Failed { .. } => "failed",
            Phase::Certified { failed: None, .. } => "certified",
            Phase::Certified { failed: Some(_), .. } => "certified after it failed",
        }
    }
}

//! All planned batches that are remembered, by name.

mod unknown;

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::B256;

use crate::agenda::Wake;
use crate::batch::{Batch, Place, Standing};
use crate::certificate::Certificate;
use crate::committee::KeeperIndex;
use crate::effect::{Effect, JournalAnswer, PersistToken};
use crate::facts::Facts;
use crate::message::{Assignment, BatchKey};
use crate::outbox::Outbox;
use crate::session::{Event, Session};
use crate::sessions::Sessions;
use crate::start::Signing;
use crate::task::Task;
use crate::time::Time;

use unknown::Unknown;

/// The batches.
#[derive(Clone, Debug, Default)]
pub(crate) struct Batches {
    all: BTreeMap<BatchKey, Batch>,
    unknown: Unknown,
}

impl Batches {
    /// Opens the batches of an assignment that has been checked, or made here.
    pub(crate) fn open(
        &mut self,
        (hash, assignment): (B256, &Assignment),
        facts: &Facts,
        sessions: &mut Sessions,
        now: Time,
        outbox: &mut Outbox,
    ) {
        let leader = KeeperIndex(assignment.leader);
        let place = Place { window: assignment.window, stage: assignment.stage, leader, came: now };
        for (number, planned) in (0u8..).zip(&assignment.batches) {
            let key = BatchKey { assignment: hash, batch: number };
            let tasks: Vec<Task> = planned.tasks.iter().map(|&task| task.into()).collect();
            let unknown: Vec<Task> = tasks.iter().filter(|task| sessions.get(task).is_none()).copied().collect();
            let has_room = self.unknown.note(key, leader, unknown.clone());
            if has_room && !unknown.is_empty() {
                outbox.effect(Effect::Unknown(unknown));
            }
            self.all.insert(key, Batch::new(key, tasks, planned.attempt, place, planned.inputs.clone()));
            match self.all.get_mut(&key) {
                Some(batch) if !has_room => batch.stand(Standing::Unsound, facts, sessions, now, outbox),
                _ => self.have_stand(key, facts, sessions, now, outbox),
            }
        }
    }

    /// Has a batch take its place among those of its tasks, if its leader may assign it (rule 4).
    fn have_stand(&mut self, key: BatchKey, facts: &Facts, sessions: &mut Sessions, now: Time, outbox: &mut Outbox) {
        let Some(batch) = self.all.get(&key) else {
            return;
        };
        let rivals = |other: &Batch| {
            other.key() != key && other.place().leader == batch.place().leader && other.attempt() == batch.attempt()
        };
        let others =
            |session: &Session| session.batches().filter_map(|key| self.all.get(&key)).filter(|b| rivals(b)).count();
        let standing = batch.standing(&facts.pace(), sessions, others);
        if let Some(batch) = self.all.get_mut(&key) {
            batch.stand(standing, facts, sessions, now, outbox);
            if batch.is_refused() {
                self.unknown.forget(key);
            }
        }
    }

    /// A task has become known: the batches that list it may find their basis, or have listed what they may not.
    pub(crate) fn learn(&mut self, task: Task, facts: &Facts, sessions: &mut Sessions, now: Time, outbox: &mut Outbox) {
        self.unknown.known(task).into_iter().for_each(|key| self.have_stand(key, facts, sessions, now, outbox));
    }

    /// Whether a batch lists this task, which is not known here.
    pub(crate) fn lists_unknown(&self, task: &Task) -> bool {
        self.unknown.lists(task)
    }

    /// Has a batch look at its state.
    pub(crate) fn look(
        &mut self,
        key: BatchKey,
        facts: &mut Facts,
        sessions: &mut Sessions,
        (signing, now): (Signing, Time),
        outbox: &mut Outbox,
    ) {
        if let Some(batch) = self.all.get_mut(&key) {
            batch.look(facts, sessions, signing, now, outbox);
        }
    }

    /// The journal has answered.
    pub(crate) fn persisted(
        &mut self,
        (token, answer): (PersistToken, &JournalAnswer),
        facts: &Facts,
        sessions: &mut Sessions,
        now: Time,
        outbox: &mut Outbox,
    ) {
        if let Some(batch) = self.all.values_mut().find(|batch| batch.awaits(token)) {
            batch.persisted(answer, facts, sessions, now, outbox);
        }
    }

    /// A batch has found its basis: what a quorum has said of just that before certifies it, and its tasks, now.
    pub(crate) fn recall_certificate(
        &mut self,
        key: BatchKey,
        facts: &Facts,
        sessions: &mut Sessions,
        now: Time,
        outbox: &mut Outbox,
    ) {
        if let Some(batch) = self.all.get_mut(&key)
            && let Some(certificate) = batch.known_certificate(sessions)
            && batch.adopt_certificate(&certificate, now, outbox)
        {
            for &task in batch.tasks() {
                sessions.handle(task, Event::Certified, facts, now, outbox);
            }
        }
    }

    /// A certificate came from the mesh: batches of just its reports take it up.
    pub(crate) fn adopt_certificate(
        &mut self,
        certificate: &Arc<Certificate>,
        sessions: &Sessions,
        now: Time,
        outbox: &mut Outbox,
    ) {
        let first = certificate.reports.first().and_then(|report| sessions.get(&report.task));
        for key in first.into_iter().flat_map(|session| session.batches()) {
            if let Some(batch) = self.all.get_mut(&key) {
                batch.adopt_certificate(certificate, now, outbox);
            }
        }
    }

    /// The blocks above `number` are orphaned.
    pub(crate) fn rewound(&mut self, number: u64, outbox: &mut Outbox) {
        self.all.values_mut().for_each(|batch| batch.rewound(number, outbox));
    }

    /// Has all of them looked at: something that concerns each has changed.
    pub(crate) fn wake_all(&self, now: Time, outbox: &mut Outbox) {
        self.all.keys().for_each(|&key| outbox.wake(now, Wake::Batch(key)));
    }

    /// One batch.
    pub(crate) fn get(&self, key: &BatchKey) -> Option<&Batch> {
        self.all.get(key)
    }

    /// One batch, to take in what concerns it.
    pub(crate) fn get_mut(&mut self, key: &BatchKey) -> Option<&mut Batch> {
        self.all.get_mut(key)
    }

    /// All of them, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Batch> {
        self.all.values()
    }

    /// Lets go of a batch; true if it was the last one of its assignment.
    pub(crate) fn forget(&mut self, key: &BatchKey) -> bool {
        self.unknown.forget(*key);
        self.all.remove(key);
        let of_assignment = |batch: u8| BatchKey { assignment: key.assignment, batch };
        self.all.range(of_assignment(0)..=of_assignment(u8::MAX)).next().is_none()
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }
}

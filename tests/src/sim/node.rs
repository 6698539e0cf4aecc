//! One keeper in the simulator: the real core, the real journal on a disk that can fail, and its place in the world.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::B256;
use consensus::Engine;
use consensus::anchor::BlockRef;
use consensus::bls::PUBLIC_KEY_BYTES;
use consensus::effect::{JournalAnswer, PersistToken};
use consensus::engine::{Config, JournalState};
use consensus::input::MessageTag;
use consensus::task::{Abstention, Outcome, Task};
use consensus::time::{EXPIRY_SECONDS, Pace};
use keeper::archive::{Entry, Run};
use keeper::driver::{About, Core, RequestTag};
use keeper::journal::{self, Identity, Journal, Missing, Record};

use super::actor::Actor;
use super::disk::{Disk, Failure};
use super::doubt::Doubt;
use super::keys::{DOMAIN, Keys};
use super::plant::{Old, Plant, Planted};
use super::role::Role;

/// A gossip message that awaits its verdict.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unjudged {
    pub(super) since: u64,
    pub(super) author: usize,
}

/// A run that ended.
#[derive(Clone, Debug)]
pub(super) struct Ran {
    pub(super) task: Task,
    pub(super) attempt: u8,
    pub(super) anchor: B256,
    pub(super) result: Result<Outcome, Abstention>,
    pub(super) took: Duration,
}

/// A keeper.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// `None` while it is down.
    pub(super) core: Option<Box<Core>>,
    /// Counts starts and crashes; what was meant for an earlier life is dropped.
    pub(super) life: u64,
    pub(super) actor: Option<Actor>,
    pub(super) disk: Disk,
    journal: Option<Journal<Disk>>,
    /// Groups that wait for the journal's next write.
    pub(super) waiting: Vec<(PersistToken, Vec<Record>)>,
    /// The chain as this keeper's watcher has told it, from block 1 on.
    pub(super) held: Vec<BlockRef>,
    pub(super) unjudged: BTreeMap<MessageTag, Unjudged>,
    /// Who asked what this keeper is about to answer, and whether for its status.
    pub(super) questions: BTreeMap<RequestTag, (usize, bool)>,
    /// What it has been shown of the others' operator sets.
    pub(super) doubt: Doubt,
    /// A run whose answer is about to be mixed up with that of another one, by a planted bug.
    pub(super) mixed_up: Option<Ran>,
    /// Evidence on disk.
    pub(super) evidence: Vec<Vec<u8>>,
    /// What is recorded of each task, on disk.
    pub(super) archive: BTreeMap<Task, Run>,
    /// So many blocks of its history are read without their heads, as a watcher does at its start.
    pub(super) history: usize,
    /// When it is woken next, in true time.
    pub(super) wake: Option<u64>,
    /// Hash of the newest block it was shown, and when it looked last, in true time.
    pub(super) newest: (B256, u64),
    /// Its RPC node answers nothing until then.
    pub(super) outage_until: u64,
    /// Its RPC node is so many blocks behind, until then.
    pub(super) lag: (u64, u64),
    /// The highest block it has searched for logs in this life; a planted bug searches none below it again.
    pub(super) searched: u64,
    /// Executions so far, over all lives.
    pub(super) runs: u64,
    starts: u64,
}

impl Node {
    /// A keeper that has never run.
    pub(super) fn new(role: Option<Role>) -> Self {
        Self { actor: role.map(Actor::new), ..Self::default() }
    }

    /// Starts with nothing but what is on disk.
    pub(super) fn start(
        &mut self,
        keys: &Keys,
        (pace, is_old): (Pace, bool),
        index: usize,
        bug: Option<Plant>,
    ) -> Result<(), String> {
        self.disk.fail(None);
        if bug == Some(Plant::ForgetJournal) && self.starts > 0 {
            self.disk.wipe();
        }
        let identity = Identity::new(&[index as u8; PUBLIC_KEY_BYTES], DOMAIN.separator());
        let path = Path::new("journal.bin");
        let journal = Journal::open_in(self.disk.clone(), path, identity, Missing::Create);
        self.journal = Some(journal.map_err(|error| error.to_string())?);
        let journal = if self.starts == 0 { JournalState::New } else { JournalState::Intact };
        self.starts += 1;
        self.life += 1;
        let config = Config {
            domain: DOMAIN,
            pace,
            anchor_age: 100,
            operator: keys.operator,
            secret: keys.secret.clone(),
            peer_key: keys.signing.clone(),
            seed: [index as u8; 32],
            journal,
        };
        let engine = match bug {
            _ if is_old => Engine::with_laws(config, Arc::new(Old)),
            Some(bug) => Engine::with_laws(config, Planted::laws(bug, index)),
            None => Engine::new(config),
        };
        let about = About {
            chain_id: DOMAIN.chain_id,
            domain: DOMAIN.name(),
            operator: keys.operator,
            peer_id: format!("keeper {index}"),
            peer_key: keys.peer.0,
            pace,
            backfill_blocks: EXPIRY_SECONDS,
            challenge: true,
        };
        self.core = Some(Box::new(Core::new(engine, about)));
        Ok(())
    }

    /// Dies. `mid_write` lets it die between a write of the journal and its sync. Returns the bytes lost.
    pub(super) fn crash(&mut self, mid_write: bool, kept: u64) -> usize {
        let groups: Vec<_> = std::mem::take(&mut self.waiting);
        if let Some(journal) = self.journal.as_mut().filter(|_| mid_write) {
            self.disk.fail(Some(Failure::Death));
            let groups: Vec<&[Record]> = groups.iter().map(|(_, group)| group.as_slice()).collect();
            // Nobody is left to hear the answer.
            let _ = journal.record_all(&groups);
        }
        let lost = self.disk.lose_unsynced(kept);
        let (actor, disk, evidence) = (self.actor.take(), self.disk.clone(), std::mem::take(&mut self.evidence));
        let archive = std::mem::take(&mut self.archive);
        let (life, runs, starts) = (self.life + 1, self.runs, self.starts);
        let (outage_until, lag) = (self.outage_until, self.lag);
        *self = Self { life, actor, disk, evidence, archive, runs, starts, outage_until, lag, ..Self::default() };
        lost
    }

    /// Records what happened to a task, as the file does.
    pub(super) fn record(&mut self, entry: &Entry) {
        self.archive.entry(entry.task).or_default().apply(entry);
    }

    /// Writes what waits, with one sync; tells what the journal says to each group, and whether the disk failed.
    pub(super) fn flush(&mut self) -> (Vec<(PersistToken, JournalAnswer)>, bool) {
        let waiting = std::mem::take(&mut self.waiting);
        let Some(journal) = self.journal.as_mut() else {
            return (Vec::new(), false);
        };
        let groups: Vec<&[Record]> = waiting.iter().map(|(_, group)| group.as_slice()).collect();
        match journal.record_all(&groups) {
            Ok(outcomes) => {
                let answers = outcomes.into_iter().map(JournalAnswer::from);
                (waiting.iter().map(|(token, _)| *token).zip(answers).collect(), false)
            }
            Err(_) => (waiting.iter().map(|(token, _)| (*token, JournalAnswer::Failed)).collect(), true),
        }
    }

    /// Whether the journal knows all of these.
    pub(super) fn knows(&self, group: &[Record]) -> bool {
        self.journal.as_ref().is_none_or(|journal| group.iter().all(|record| journal.knows(record)))
    }

    /// Writes what the mesh remembers; whether it is on disk now.
    pub(super) fn learn(&mut self, group: &[Record]) -> bool {
        let learnt = self.journal.as_mut().map(|journal| journal.record(group));
        matches!(learnt, Some(Ok(journal::Answer::Recorded)))
    }
}

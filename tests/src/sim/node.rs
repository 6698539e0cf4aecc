//! One keeper in the simulator: the real engine, the real journal on a disk that can fail, the real job book, and what
//! stands between them in the place of `keeper/src/driver.rs`.

use std::collections::BTreeMap;
use std::path::Path;

use consensus::Engine;
use consensus::anchor::BlockRef;
use consensus::bls::PUBLIC_KEY_BYTES;
use consensus::effect::{PersistToken, SignRecord};
use consensus::engine::{Config, JournalState};
use consensus::input::MessageTag;
use consensus::plant::{self, Plant};
use consensus::task::Task;
use consensus::time::Pace;
use keeper::jobs::JobBook;
use keeper::journal::{Identity, Journal, Missing, Outcome, Record};

use super::actor::{Actor, Role};
use super::disk::{Disk, Failure};
use super::plan::{DOMAIN, Keys};

/// A gossip message that awaits its verdict.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unjudged {
    pub(super) since: u64,
    pub(super) author: usize,
}

/// A keeper.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// `None` while it is down.
    pub(super) engine: Option<Box<Engine>>,
    /// Counts starts and crashes; what was meant for an earlier life is dropped.
    pub(super) life: u64,
    pub(super) actor: Option<Actor>,
    pub(super) book: JobBook,
    pub(super) disk: Disk,
    journal: Option<Journal<Disk>>,
    /// Groups that wait for the journal's next write.
    pub(super) waiting: Vec<(PersistToken, Vec<Record>)>,
    /// The chain as this keeper's watcher has told it, from block 1 on.
    pub(super) held: Vec<BlockRef>,
    /// Settlements as the watcher has told them, by block.
    pub(super) settled: BTreeMap<Task, u64>,
    pub(super) unjudged: BTreeMap<MessageTag, Unjudged>,
    /// Evidence on disk.
    pub(super) evidence: Vec<Vec<u8>>,
    /// When it is woken next, in true time.
    pub(super) wake: Option<u64>,
    /// Its RPC node answers nothing until then.
    pub(super) outage_until: u64,
    /// Its RPC node is so many blocks behind, until then.
    pub(super) lag: (u64, u64),
    /// Up to when tasks were told to the engine, in its own Unix seconds.
    pub(super) told: u64,
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
    pub(super) fn start(&mut self, keys: &Keys, pace: Pace, index: usize) -> Result<(), String> {
        self.disk.fail(None);
        if plant::is(Plant::ForgetJournal) && self.starts > 0 {
            self.disk.wipe();
        }
        let identity = Identity::new(&[index as u8; PUBLIC_KEY_BYTES], DOMAIN.separator());
        let path = Path::new("journal.bin");
        let journal = Journal::open_in(self.disk.clone(), path, identity, Missing::Create);
        self.journal = Some(journal.map_err(|error| error.to_string())?);
        let journal = if self.starts == 0 { JournalState::New } else { JournalState::Intact };
        self.starts += 1;
        self.life += 1;
        self.engine = Some(Box::new(Engine::new(Config {
            domain: DOMAIN,
            pace,
            operator: keys.operator,
            secret: keys.secret.clone(),
            peer_key: keys.signing.clone(),
            seed: [index as u8; 32],
            journal,
        })));
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
        let (life, runs, starts) = (self.life + 1, self.runs, self.starts);
        let (outage_until, lag) = (self.outage_until, self.lag);
        *self = Self { life, actor, disk, evidence, runs, starts, outage_until, lag, ..Self::default() };
        lost
    }

    /// Writes what waits, with one sync; tells of each group whether it may be signed, and whether the disk failed.
    pub(super) fn flush(&mut self) -> (Vec<(PersistToken, bool)>, bool) {
        let waiting = std::mem::take(&mut self.waiting);
        let Some(journal) = self.journal.as_mut() else {
            return (Vec::new(), false);
        };
        let groups: Vec<&[Record]> = waiting.iter().map(|(_, group)| group.as_slice()).collect();
        match journal.record_all(&groups) {
            Ok(outcomes) => {
                let safe = outcomes.iter().map(|outcome| *outcome == Outcome::Recorded);
                (waiting.iter().map(|(token, _)| *token).zip(safe).collect(), false)
            }
            Err(_) => (waiting.iter().map(|(token, _)| (*token, false)).collect(), true),
        }
    }

    /// What the driver does with signatures of its own key that come back from the mesh: false if it must stop.
    pub(super) fn recall(&mut self, records: &[SignRecord], listening: bool) -> bool {
        let group: Vec<Record> = records.iter().map(record).collect();
        let Some(journal) = self.journal.as_mut() else {
            return true;
        };
        group.iter().all(|record| journal.knows(record))
            || (listening && matches!(journal.record(&group), Ok(Outcome::Recorded)))
    }
}

/// A report on its way to the journal, as the driver writes it.
pub(super) fn record(record: &SignRecord) -> Record {
    Record {
        task_id: record.task.0,
        anchor_number: record.anchor_number,
        anchor_hash: record.anchor_hash,
        input_hash: record.input_set,
        digest: record.report,
    }
}

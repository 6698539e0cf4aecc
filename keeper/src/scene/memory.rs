//! What is remembered of the newest tasks, bounded by number and by bytes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use alloy::primitives::{Address, Bytes};
use consensus::certificate::Certificate;
use consensus::committee::Committee;
use consensus::task::{Outcome, Status, Task};
use consensus::time::Time;

use super::{Sight, Tally, Turn, turns::Turns};
use crate::archive::{Change, Entry, Settlement};
use crate::view::View;

/// Tasks whose stories are remembered.
const STORIES_MAX: usize = 1_024;
/// Bytes of an outcome that are shown.
const OUTCOME_MAX: usize = 1_024;
/// Reports in all certificates that are remembered; one has 256 at most.
const REPORTS_MAX: usize = 8_192;
/// Committees of the newest epochs that are remembered, whether there is a certificate of theirs or not.
const COMMITTEES_NEWEST: usize = 8;
/// Committees that are remembered in all: those of certificates, which are checked against them, come on top.
const COMMITTEES_MAX: usize = 64;
/// Operators whose deeds are counted, for as long as this keeper runs.
const OPERATORS_MAX: usize = 1_024;

/// All of it.
#[derive(Debug, Default)]
pub struct Memory {
    stories: BTreeMap<Task, Story>,
    /// The tasks in the order in which they were first heard of.
    order: VecDeque<Task>,
    /// The newest last.
    certificates: VecDeque<Certified>,
    reports: usize,
    committees: VecDeque<Arc<Committee>>,
    tallies: BTreeMap<Address, Tally>,
    turns: Turns,
}

/// What was seen of one task.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// When it was due, in Unix seconds.
    pub due: Option<u64>,
    /// Who has spoken, in the order in which that was heard; one mark a keeper.
    pub marks: Vec<Mark>,
    /// When this keeper's run of it ended.
    pub ran: Option<Time>,
    /// What that gave.
    pub said: Option<Said>,
    /// For whom its settlement counts, so that it can be taken back.
    brought: Option<Brought>,
}

/// A settlement that counts.
#[derive(Clone, Copy, Debug)]
struct Brought {
    due: u64,
    submitter: Address,
    /// Who was first to lead its window.
    led: Address,
}

/// A keeper has spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its row in the committee of its epoch.
    pub keeper: u16,
    /// When it was heard.
    pub at: Time,
    /// Whether it signs nothing.
    pub abstains: bool,
}

/// What a run gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// How it ended.
    pub status: Status,
    /// Calldata, or words; as much of it as is shown.
    pub data: Bytes,
    /// Bytes of all of it.
    pub bytes: usize,
}

/// A certificate and when it came.
#[derive(Clone, Debug)]
pub struct Certified {
    /// It.
    pub certificate: Arc<Certificate>,
    /// When it was at hand.
    pub at: Time,
}

impl Memory {
    /// What was seen of a task.
    #[must_use]
    pub fn story(&self, task: &Task) -> Option<&Story> {
        self.stories.get(task)
    }

    /// The newest certificate that a task is in.
    #[must_use]
    pub fn certificate(&self, task: &Task) -> Option<&Certified> {
        let of_task = |certified: &&Certified| certified.certificate.reports.iter().any(|report| report.task == *task);
        self.certificates.iter().rev().find(of_task)
    }

    /// The committee of an epoch.
    #[must_use]
    pub fn committee(&self, epoch: u32) -> Option<&Arc<Committee>> {
        self.committees.iter().find(|committee| committee.epoch() == epoch)
    }

    /// What each operator did since this keeper started, by its address.
    #[must_use]
    pub fn tallies(&self) -> &BTreeMap<Address, Tally> {
        &self.tallies
    }

    /// The windows that were led, the newest last, and the one that is not yet begun.
    pub fn turns(&self) -> impl DoubleEndedIterator<Item = &Turn> {
        self.turns.iter()
    }

    pub(super) fn entry(&mut self, entry: &Entry) {
        match &entry.change {
            Change::Due { due } => self.open(entry.task).due = Some(*due),
            Change::Ran { .. } => self.open(entry.task).ran = Some(entry.at),
            Change::Settled(settled) => self.settled(entry.task, settled),
            // A reorganisation undid it, perhaps while nobody looked.
            Change::Reopened | Change::Expired => self.undone(&entry.task),
            _ => {}
        }
    }

    pub(super) fn sight(&mut self, sight: Sight) {
        match sight {
            Sight::Heard { tasks, keeper, abstains, at } => {
                let mark = Mark { keeper: keeper.0, at, abstains };
                let mut due = None;
                let mut is_new = false;
                for task in tasks {
                    let story = self.open(task);
                    due = due.or(story.due);
                    match story.marks.iter_mut().find(|known| known.keeper == mark.keeper) {
                        // It has thought better of it, or had something to say after all.
                        Some(known) => known.abstains = known.abstains && mark.abstains,
                        None => {
                            story.marks.push(mark);
                            is_new = true;
                        }
                    }
                }
                if let Some(operator) = self.newest(keeper).filter(|_| is_new) {
                    let late_ms = due.map(|due| at.0.saturating_sub(due.saturating_mul(1_000)));
                    self.tally(operator).spoke(late_ms, abstains);
                }
            }
            Sight::Certified { certificate, at } => self.certified(certificate, at),
            Sight::Outcome { task, outcome } => self.open(task).said = Some(said(outcome)),
        }
    }

    pub(super) fn show(&mut self, view: &View, committee: Option<Arc<Committee>>) {
        self.turns.show(&view.turns);
        for member in &view.members {
            if let Ok(operator) = member.operator.parse() {
                let is_here = member.connected || member.operator == view.operator;
                self.tally(operator).seen(is_here, member.stake.parse().unwrap_or_default());
            }
        }
        if let Some(committee) = committee
            && self.committees.back().is_none_or(|newest| newest.table_root() != committee.table_root())
        {
            self.committees.retain(|known| known.epoch() != committee.epoch());
            self.committees.push_back(committee);
            self.forget_committees();
        }
    }

    fn settled(&mut self, task: Task, settled: &Settlement) {
        // In another block than before.
        self.undone(&task);
        let Settlement { submitter, seconds_late, timestamp, .. } = *settled;
        // What was due before this keeper looked is told again at its start, and counts for nobody.
        let due = timestamp.saturating_sub(seconds_late);
        let Some(led) = self.turns.settled(due, submitter, seconds_late) else { return };
        self.tally(submitter).settled(led == submitter);
        if led != submitter {
            self.tally(led).left_to_others();
        }
        self.open(task).brought = Some(Brought { due, submitter, led });
    }

    /// A settlement counts for nobody any more.
    fn undone(&mut self, task: &Task) {
        let brought = self.stories.get_mut(task).and_then(|story| story.brought.take());
        let Some(Brought { due, submitter, led }) = brought else { return };
        self.turns.undone(due, submitter);
        self.tally(submitter).undone(led == submitter);
        if led != submitter {
            self.tally(led).left_to_nobody();
        }
    }

    /// Forgets the oldest committees, but for those that certificates at hand are checked against, as long as there is room.
    fn forget_committees(&mut self) {
        let wanted: BTreeSet<u32> = self.certificates.iter().map(|known| known.certificate.epoch).collect();
        let mut older = self.committees.len().saturating_sub(COMMITTEES_NEWEST);
        self.committees.retain(|committee| {
            let is_newest = older == 0;
            older = older.saturating_sub(1);
            is_newest || wanted.contains(&committee.epoch())
        });
        while self.committees.len() > COMMITTEES_MAX {
            self.committees.pop_front();
        }
    }

    /// The same certificate comes twice where a keeper makes it and hears of it, with other signers perhaps: the first one stays.
    fn certified(&mut self, certificate: Arc<Certificate>, at: Time) {
        let is_known = |known: &Certified| known.certificate.reports == certificate.reports;
        if self.certificates.iter().rev().any(is_known) {
            return;
        }
        if let Some(committee) = self.committee(certificate.epoch).cloned() {
            for (index, member) in (0_u16..).zip(committee.members()).filter(|(_, member)| member.stake > 0) {
                let signed = certificate.signers.contains(consensus::committee::KeeperIndex(index));
                self.tally(member.operator).certified(signed);
            }
        }
        self.reports += certificate.reports.len();
        self.certificates.push_back(Certified { certificate, at });
        while self.reports > REPORTS_MAX
            && let Some(oldest) = self.certificates.pop_front()
        {
            self.reports -= oldest.certificate.reports.len();
        }
    }

    /// The operator of a row in the newest committee.
    fn newest(&self, keeper: consensus::committee::KeeperIndex) -> Option<Address> {
        Some(self.committees.back()?.member(keeper)?.operator)
    }

    /// The story of a task, which may begin with this.
    fn open(&mut self, task: Task) -> &mut Story {
        if !self.stories.contains_key(&task) {
            self.order.push_back(task);
            while self.order.len() > STORIES_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.stories.remove(&oldest);
            }
        }
        self.stories.entry(task).or_default()
    }

    /// Those that come beyond the most are counted together under the zero address.
    fn tally(&mut self, operator: Address) -> &mut Tally {
        let is_full = self.tallies.len() >= OPERATORS_MAX && !self.tallies.contains_key(&operator);
        self.tallies.entry(if is_full { Address::ZERO } else { operator }).or_default()
    }
}

fn said(outcome: Outcome) -> Said {
    let Outcome { status, data, .. } = outcome;
    // A copy, so that the rest of a long outcome is not kept with it.
    Said { status, bytes: data.len(), data: Bytes::copy_from_slice(&data[..data.len().min(OUTCOME_MAX)]) }
}

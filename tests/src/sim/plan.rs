//! What a seed holds: who is hostile and how, which jobs there are, and which faults strike whom and when.

mod draw;
mod nature;
mod strikes;

use std::collections::BTreeMap;
use std::time::Duration;

use alloy::primitives::B256;
use consensus::committee::Committee;
use consensus::laws::GOSSIP_MAX;
use consensus::task::{AnchorRule, DueTask, InstanceKey, JobId, Status, Task};
use consensus::time::Pace;
use keeper::chain::JobParams;

use super::disk::Failure;
use super::keys::Keys;
use super::random::Random;
use super::role::Role;
use draw::{draw_committees, draw_jobs, draw_links};
pub(super) use nature::{ASKED, EMITTER, EVENT, Nature, Rhythm};

/// The moment zero of a run, in Unix seconds: a multiple of every window.
pub(super) const START: u64 = 1_000_000;
/// Blocks on the chain before that.
pub(super) const PRELUDE: u64 = 30;
/// First moment a task is due, in seconds after the start.
pub(super) const FIRST_DUE: u64 = 6;
/// When the faults end: after 21 windows with tasks.
pub(super) const HEAL: u64 = 48;
/// From when on nothing of the attack is left: the last keeper that it struck is up, and has listened.
pub(super) const CALM: u64 = HEAL + 9;
/// Last moment a task can be due.
pub(super) const LAST_DUE: u64 = 66;
/// The job that waits for a condition.
pub(super) const CONDITION: u64 = 8;
/// The hash of every job's code.
pub(super) const CODE: B256 = B256::repeat_byte(0xcc);
/// How a job behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conduct {
    /// Every honest run gives the same call.
    Calls,
    /// Every honest run skips.
    Skips,
    /// Every run gives something else: it never settles, and must hold up no other job.
    Differs,
}

/// A job as the chain lists it.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) params: JobParams,
    pub(super) conduct: Conduct,
    pub(super) rhythm: Rhythm,
}

/// A stretch of time in which some keepers do not reach some others, in milliseconds after the start.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    pub(super) from: u64,
    pub(super) to: u64,
    /// Keepers on one side.
    pub(super) side: Vec<bool>,
    /// Whether the other direction works.
    pub(super) one_way: bool,
}

/// How the links behave during the attack, in thousandths and milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Links {
    pub(super) loss: u64,
    pub(super) duplication: u64,
    /// Share of messages that take up to [`Links::slow_by`], and so are overtaken by others.
    pub(super) slow: u64,
    pub(super) slow_by: u64,
    pub(super) delay: u64,
}

/// What a disputed result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// Right.
    Right,
    /// One that a quorum certified and that no run gives.
    Wrong,
    /// One of a run that a quorum made up: there was no such log.
    MadeUp,
}

/// What strikes a keeper, or the chain.
#[derive(Clone, Copy, Debug)]
pub(super) enum Strike {
    Crash {
        keeper: usize,
        down: u64,
    },
    Storage {
        keeper: usize,
        failure: Failure,
    },
    /// The keeper's RPC node answers nothing for so long.
    Outage {
        keeper: usize,
        length: u64,
    },
    /// The keeper's RPC node is so many blocks behind for so long.
    Lag {
        keeper: usize,
        blocks: u64,
        length: u64,
    },
    Reorganise {
        depth: usize,
    },
    /// Somebody disputes a result.
    Dispute(Claim),
}

/// Everything a seed decides before its run starts.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) pace: Pace,
    pub(super) committees: Vec<Committee>,
    pub(super) roles: Vec<Option<Role>>,
    /// Keepers whose RPC node lies; they count as hostile.
    pub(super) misled: Vec<bool>,
    /// Keepers whose RPC node shows every epoch with another table; they count as hostile too, for they sign nothing.
    pub(super) deceived: Vec<bool>,
    /// Keepers of an older version, in a mesh that goes straight: they gossip their partials, and take none straight.
    pub(super) old: Vec<bool>,
    pub(super) jobs: Vec<Job>,
    pub(super) nature: Nature,
    pub(super) links: Links,
    pub(super) cuts: Vec<Cut>,
    /// By the time after the start, in milliseconds.
    pub(super) strikes: Vec<(u64, Strike)>,
    /// How far each keeper's clock is off during the attack, in milliseconds.
    pub(super) skews: Vec<i64>,
    /// In thousandths: how often a keeper dies right after it has said something.
    pub(super) ambush: u64,
    /// Whether hostile keepers fall silent when the faults end; else they go on.
    pub(super) quiet: bool,
}

impl Plan {
    pub(super) fn draw(random: &mut Random, keys: &[Keys], byzantine: usize) -> Self {
        let keepers = keys.len();
        let confirmations = [0, 0, 2][random.below(3) as usize];
        let pace = Pace::of(Duration::from_secs(1), confirmations);
        let mut order: Vec<usize> = (0..keepers).collect();
        random.shuffle(&mut order);
        let mut roles = vec![None; keepers];
        let (mut misled, mut deceived) = (vec![false; keepers], vec![false; keepers]);
        for &keeper in order.iter().take(byzantine) {
            match random.below(Role::ALL.len() as u64 + 4) as usize {
                role if role < Role::ALL.len() => roles[keeper] = Some(Role::ALL[role]),
                lie if lie < Role::ALL.len() + 2 => misled[keeper] = true,
                _ => deceived[keeper] = true,
            }
        }
        let hostile: Vec<bool> = (0..keepers).map(|k| roles[k].is_some() || misled[k] || deceived[k]).collect();
        let committees = draw_committees(random, keys, &hostile);
        let mut plan = Self {
            pace,
            committees,
            roles,
            misled,
            deceived,
            old: vec![false; keepers],
            jobs: draw_jobs(random),
            nature: Nature::default(),
            links: draw_links(random),
            cuts: Vec::new(),
            strikes: Vec::new(),
            skews: vec![0; keepers],
            ambush: 0,
            quiet: random.chance(500),
        };
        plan.draw_cuts(random);
        plan.draw_strikes(random);
        plan.draw_nature(random);
        plan.draw_versions(random);
        plan
    }

    /// In every fourth larger mesh half of the keepers are not upgraded yet.
    fn draw_versions(&mut self, random: &mut Random) {
        if self.old.len() > GOSSIP_MAX && random.chance(250) {
            self.old.iter_mut().for_each(|old| *old = random.chance(500));
        }
    }

    /// Every task that is certain beforehand, with what the contract knows of it, and whether it must settle.
    pub(super) fn tasks(&self) -> BTreeMap<Task, (DueTask, Conduct)> {
        let runs = self.jobs.iter().flat_map(|job| (0..).map_while(move |run| self.task(job, run)));
        runs.map(|(due, conduct)| (due.task, (due, conduct))).collect()
    }

    fn task(&self, job: &Job, run: u64) -> Option<(DueTask, Conduct)> {
        let (due, anchor) = match job.rhythm {
            Rhythm::Interval { first, interval } => (START + first + run * interval, AnchorRule::ByTime),
            Rhythm::Blocks { first, every } => {
                let number = first + run * every;
                (self.pace.confirmed_seconds + moment_of(number), AnchorRule::AtBlock(number))
            }
            Rhythm::Logs(_) | Rhythm::Condition { .. } => return None,
        };
        let due = DueTask {
            task: Task { job: JobId(job.id), version: 1, instance: InstanceKey::from_run(run) },
            due,
            deadline: self.pace.deadline(due),
            anchor,
            rank: 0,
            code_hash: CODE,
            quorum_bps: job.params.quorumBps,
            callback_gas: job.params.callbackGas,
            observes: job.observes(),
        };
        (due.due <= START + LAST_DUE).then_some((due, job.conduct))
    }

    /// A job by its number.
    pub(super) fn job(&self, id: u64) -> Option<&Job> {
        self.jobs.get(usize::try_from(id.checked_sub(1)?).ok()?)
    }
}

/// When a block is mined, in Unix seconds: a reorganisation changes nothing about that.
pub(super) fn moment_of(number: u64) -> u64 {
    START + number - PRELUDE
}

/// The block in which a job is listed: one after the other, where no reorganisation of the run can reach.
pub(super) fn listed_in(job: &Job) -> u64 {
    4 + job.id
}

/// The status an honest run of a job ends with.
pub(super) fn status(conduct: Conduct) -> Status {
    if conduct == Conduct::Skips { Status::Skip } else { Status::Call }
}

//! What a seed holds: who is hostile and how, which jobs there are, and which faults strike whom and when.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, Bytes, Uint, keccak256};
use consensus::bls::SecretKey;
use consensus::committee::{Committee, Member, PeerKey};
use consensus::report::Domain;
use consensus::task::{DueTask, InstanceKey, JobId, Status, Task};
use consensus::time::Pace;
use contracts::terms::{ActionTerms, Terms, TriggerTerms, WasmTerms};
use ed25519_dalek::SigningKey;
use keeper::chain::JobParams;

use super::actor::Role;
use super::disk::Failure;
use super::random::Random;

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
/// The hash of every job's code.
pub(super) const CODE: B256 = B256::repeat_byte(0xcc);
/// The network of all runs.
pub(super) const DOMAIN: Domain = Domain { chain_id: 31337, task_manager: Address::repeat_byte(0x11) };

/// A keeper's keys; made once per run of the program.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub(super) secret: SecretKey,
    pub(super) signing: SigningKey,
    pub(super) peer: PeerKey,
    pub(super) operator: Address,
}

impl Keys {
    pub(super) fn of(keeper: usize) -> Self {
        let mut entropy = [0x5a; 32];
        entropy[..8].copy_from_slice(&(keeper as u64).to_be_bytes());
        let signing = SigningKey::from_bytes(&entropy);
        let peer = PeerKey(signing.verifying_key().to_bytes());
        let operator = Address::from_word(keccak256(entropy));
        Self { secret: SecretKey::generate(&entropy), signing, peer, operator }
    }
}

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
    first: u64,
    interval: u64,
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
}

/// Everything a seed decides before its run starts.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) pace: Pace,
    pub(super) committees: Vec<Committee>,
    pub(super) roles: Vec<Option<Role>>,
    /// Keepers whose RPC node lies; they count as hostile.
    pub(super) misled: Vec<bool>,
    pub(super) jobs: Vec<Job>,
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
        let pace = Pace { block_seconds: 1, confirmations };
        let mut order: Vec<usize> = (0..keepers).collect();
        random.shuffle(&mut order);
        let mut roles = vec![None; keepers];
        let mut misled = vec![false; keepers];
        for &keeper in order.iter().take(byzantine) {
            match random.below(Role::ALL.len() as u64 + 2) as usize {
                role if role < Role::ALL.len() => roles[keeper] = Some(Role::ALL[role]),
                _ => misled[keeper] = true,
            }
        }
        let hostile: Vec<bool> = (0..keepers).map(|k| roles[k].is_some() || misled[k]).collect();
        let committees = draw_committees(random, keys, &hostile);
        let mut plan = Self {
            pace,
            committees,
            roles,
            misled,
            jobs: draw_jobs(random),
            links: draw_links(random),
            cuts: Vec::new(),
            strikes: Vec::new(),
            skews: vec![0; keepers],
            ambush: 0,
            quiet: random.chance(500),
        };
        plan.draw_cuts(random);
        plan.draw_strikes(random);
        plan
    }

    /// Every task there will be, with what the contract knows of it, and whether it must settle.
    pub(super) fn tasks(&self) -> BTreeMap<Task, (DueTask, Conduct)> {
        let mut tasks = BTreeMap::new();
        for job in &self.jobs {
            for run in 0.. {
                let due = START + job.first + run * job.interval;
                if due > START + LAST_DUE {
                    break;
                }
                let task = Task { job: JobId(job.id), version: 1, instance: InstanceKey::from_run(run) };
                let deadline = self.pace.attempt_due(due, consensus::message::ATTEMPTS_MAX);
                let (quorum_bps, callback_gas) = (job.params.quorumBps, job.params.callbackGas);
                tasks.insert(
                    task,
                    (DueTask { task, due, deadline, code_hash: CODE, quorum_bps, callback_gas }, job.conduct),
                );
            }
        }
        tasks
    }

    fn draw_cuts(&mut self, random: &mut Random) {
        let keepers = self.roles.len();
        for one_way in [false, true] {
            if !random.chance(400) {
                continue;
            }
            for _ in 0..random.between(1, 2) {
                let from = random.between(FIRST_DUE * 1000, (HEAL - 6) * 1000);
                let to = (from + random.between(1_000, 12_000)).min(HEAL * 1000);
                let share = random.between(100, 500);
                let side = (0..keepers).map(|_| random.chance(share)).collect();
                self.cuts.push(Cut { from, to, side, one_way });
            }
        }
    }

    fn draw_strikes(&mut self, random: &mut Random) {
        let keepers = self.roles.len() as u64;
        let moment = |random: &mut Random| random.between(3_000, HEAL * 1000 - 500);
        let some = |random: &mut Random, share: u64| (keepers * share / 100).max(1).min(random.between(1, keepers));
        let mut strikes = Vec::new();
        if random.chance(500) {
            self.ambush = random.between(0, 12);
            for _ in 0..some(random, 60) {
                let (keeper, down) = (random.below(keepers) as usize, random.between(50, 6_000));
                strikes.push((moment(random), Strike::Crash { keeper, down }));
            }
        }
        if random.chance(80) {
            // The whole mesh at once.
            let at = moment(random);
            (0..keepers as usize).for_each(|keeper| {
                strikes.push((at, Strike::Crash { keeper, down: 100 + 300 * (at + keeper as u64) % 1_500 }));
            });
        }
        if random.chance(300) {
            for _ in 0..some(random, 30) {
                let failures = [Failure::Write, Failure::ShortWrite, Failure::Sync];
                let failure = failures[random.below(3) as usize];
                strikes.push((moment(random), Strike::Storage { keeper: random.below(keepers) as usize, failure }));
            }
        }
        if random.chance(300) {
            for _ in 0..some(random, 40) {
                let (keeper, length) = (random.below(keepers) as usize, random.between(1_000, 15_000));
                strikes.push((moment(random), Strike::Outage { keeper, length }));
            }
        }
        if random.chance(300) {
            for _ in 0..some(random, 30) {
                let (keeper, length) = (random.below(keepers) as usize, random.between(1_000, 10_000));
                strikes.push((moment(random), Strike::Lag { keeper, blocks: random.between(1, 5), length }));
            }
        }
        if random.chance(400) {
            for _ in 0..random.between(1, 4) {
                let deepest = if self.pace.confirmations == 0 { 3 } else { self.pace.confirmations };
                let depth = random.between(1, deepest) as usize;
                strikes.push((moment(random), Strike::Reorganise { depth }));
            }
        }
        if random.chance(300) {
            for _ in 0..some(random, 25) {
                let keeper = random.below(keepers) as usize;
                self.skews[keeper] = random.between(0, 120_000) as i64 - 60_000;
            }
        }
        self.strikes = strikes;
    }
}

/// Stakes change from epoch to epoch, sometimes by a member that leaves for an epoch; the honest keepers alone always
/// hold a quorum, so a third of the stake or more is never hostile.
fn draw_committees(random: &mut Random, keys: &[Keys], hostile: &[bool]) -> Vec<Committee> {
    let spread = if random.chance(500) { 40 } else { 0 };
    let first = [3, PRELUDE + random.between(8, 20), PRELUDE + random.between(24, 46)];
    let epochs = random.between(1, 3) as usize;
    let mut committees = Vec::new();
    for (epoch, &active_from) in (1u32..).zip(first.iter().take(epochs)) {
        let mut stakes: Vec<u128> = keys.iter().map(|_| 1_000 + u128::from(random.below(10 * spread + 1))).collect();
        let away = random.below(keys.len() as u64) as usize;
        let stays = stakes[away];
        if epoch > 1 && random.chance(500) {
            stakes[away] = 0;
        }
        if !honest_quorum(&stakes, hostile) {
            stakes[away] = stays;
        }
        while !honest_quorum(&stakes, hostile) {
            for (stake, _) in stakes.iter_mut().zip(hostile).filter(|(_, hostile)| **hostile) {
                *stake = *stake * 9 / 10;
            }
        }
        let members = keys.iter().zip(&stakes).map(|(keys, &stake)| Member {
            operator: keys.operator,
            stake,
            peer_key: keys.peer,
            key: keys.secret.public_key(),
        });
        let root = keccak256(epoch.to_be_bytes());
        #[expect(clippy::expect_used, reason = "the stakes are small and not all zero")]
        committees.push(Committee::new(epoch, active_from, root, members.collect()).expect("a committee"));
    }
    committees
}

fn honest_quorum(stakes: &[u128], hostile: &[bool]) -> bool {
    let total: u128 = stakes.iter().sum();
    let honest: u128 = stakes.iter().zip(hostile).filter(|(_, hostile)| !**hostile).map(|(stake, _)| stake).sum();
    honest * 10_000 >= total * 6_667 && (total - honest) * 3 < total
}

/// Two jobs on one beat, so that batches come about, and others of every conduct between them.
fn draw_jobs(random: &mut Random) -> Vec<Job> {
    let beats: [(u64, Conduct); 5] = [
        (2, Conduct::Calls),
        (2, Conduct::Calls),
        (random.between(3, 5), Conduct::Calls),
        (random.between(4, 6), Conduct::Skips),
        (2 * random.between(3, 5), Conduct::Differs),
    ];
    let jobs = beats.iter().enumerate().map(|(position, &(interval, conduct))| {
        let id = position as u64 + 1;
        let first = FIRST_DUE + if position < 2 { 0 } else { random.below(3) };
        let code = WasmTerms { code_url: String::new(), code_hash: CODE, params: Bytes::new() };
        let terms = Terms {
            trigger: TriggerTerms::Interval { start: START + first, interval: interval as u32 },
            action: ActionTerms::Wasm(code),
            target: Address::repeat_byte(id as u8),
            callback_gas: 100_000,
            token: Address::ZERO,
            fee: Uint::from(1),
            quorum_bps: if position == 2 && random.chance(300) { 6_667 } else { 0 },
            punctual_seconds: 0,
        };
        let params = terms.params();
        Job { id, params, conduct, first, interval }
    });
    jobs.collect()
}

fn draw_links(random: &mut Random) -> Links {
    let share =
        |random: &mut Random, odds: u64, most: u64| if random.chance(odds) { random.between(1, most) } else { 0 };
    Links {
        loss: share(random, 600, 300),
        duplication: share(random, 500, 200),
        slow: share(random, 500, 200),
        slow_by: random.between(200, 4_000),
        delay: random.between(5, 150),
    }
}

/// The status an honest run of a job ends with.
pub(super) fn status(conduct: Conduct) -> Status {
    if conduct == Conduct::Skips { Status::Skip } else { Status::Call }
}

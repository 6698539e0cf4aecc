//! The proof document: what the swarm achieved, computed from job specs, chain logs and observed times alone.
//!
//! Pure: everything comes in as data. `due` follows from the job specs and what makes jobs due on chain, `settled`, `leaders` and
//! `duplicates` from the chain's logs, so no keeper is trusted about how well it did.

mod due;
mod gas;
mod latency;

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256, U256};
use contracts::terms::ended;
use serde::Serialize;

use super::dispute::Disputes;
pub use super::jobs::JobSpec;
use super::ledger::{Ledger, Settlement};
use super::reorganiser::Reorganisations;
pub(super) use due::due_until;
use due::{asked_of, due_of};
pub use gas::{Cost, Gas};
use latency::latency;
pub use latency::{Latency, Percentiles};

/// One SIGKILL of a leader on its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kill {
    /// Operator address of the victim.
    pub victim: Address,
    /// The due moment (unix seconds) whose tasks it had to lead.
    pub due: u64,
}

/// Everything the document is made of.
#[derive(Debug, Clone)]
pub struct Facts {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// How many keepers there are.
    pub keepers: usize,
    /// Contract addresses by their names in `network.toml`.
    pub contracts: BTreeMap<String, Address>,
    /// Path of `network.toml`.
    pub network: String,
    /// The jobs that were listed.
    pub jobs: Vec<JobSpec>,
    /// What the chain says.
    pub ledger: Ledger,
    /// Per task: the least milliseconds from due to a certificate that any keeper reported.
    pub certified_ms: BTreeMap<B256, u64>,
    /// Leaders that were killed.
    pub kills: Vec<Kill>,
    /// What was done to the chain.
    pub reorganisations: Reorganisations,
    /// Keepers that were made to sign two results.
    pub equivocators: Vec<Address>,
    /// Keepers that were made to certify a wrong result.
    pub wrong: Vec<Address>,
    /// How disputes ended.
    pub disputes: Disputes,
    /// Stake taken, by operator.
    pub slashed: BTreeMap<Address, U256>,
    /// Stake left at the end, by operator.
    pub stakes: BTreeMap<Address, U256>,
    /// Stake that the newest epoch counts on, by operator.
    pub counted: BTreeMap<Address, U256>,
    /// Wei that jobs gave back to those who sent settlements.
    pub refunded: U256,
    /// Runs due after this moment (unix seconds) are not counted: they had no time to settle.
    pub cutoff: u64,
    /// The target whose counter is compared.
    pub target: Address,
    /// Its counter for the first job, read at the end.
    pub counter: u64,
}

/// The document; `schema` 1. Keys may be added, none change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the keys are the documentation; bootstrap/README.md explains them")]
pub struct Proof {
    pub schema: u32,
    pub chain_id: u64,
    pub keepers: usize,
    pub contracts: BTreeMap<String, Address>,
    pub network: String,
    pub jobs: Vec<JobProof>,
    pub tasks: Tasks,
    pub batches: Batches,
    pub leaders: BTreeMap<String, u64>,
    pub kills: usize,
    pub takeovers: usize,
    pub reorganisations: Reorganisations,
    pub disputes: Disputes,
    pub slashed: Vec<String>,
    /// Stake left, in the staked asset's smallest unit (decimal).
    pub stakes: BTreeMap<String, String>,
    /// Of that, what the newest epoch counts on; whoever is missing counts for nothing.
    pub counted: BTreeMap<String, String>,
    #[serde(skip)]
    innocent: usize,
    #[serde(skip)]
    unpunished: usize,
    /// Keepers that certified a wrong result and lost nothing.
    #[serde(skip)]
    forgiven: usize,
    /// Whether the wrong result was not ruled wrong, or a right one was.
    #[serde(skip)]
    misjudged: bool,
    /// Tasks that ended otherwise than what made them due asks for.
    #[serde(skip)]
    otherwise: usize,
    pub latency_ms: Latency,
    pub gas: Gas,
    pub target: Target,
}

/// One job of the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the keys are the documentation")]
pub struct JobProof {
    pub id: u64,
    pub name: String,
    pub trigger: String,
    pub action: String,
    pub due: u64,
    pub settled: u64,
    pub skipped: u64,
    pub undelivered: u64,
}

/// What became of the tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the keys are the documentation")]
pub struct Tasks {
    pub due: u64,
    pub settled: u64,
    pub skipped: u64,
    pub missed: i64,
    pub duplicates: u64,
    pub wasted_tx: usize,
    /// Settled, but the target did not accept the call.
    pub undelivered: u64,
    /// Settled or skipped, though nothing on the chain made it due: a log that was orphaned, say.
    pub undue: u64,
}

/// Settled batches; `max`: most tasks settled in one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the keys are the documentation")]
pub struct Batches {
    pub count: usize,
    pub max: u64,
}

/// The contract that the first example job calls, and how often it was called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the keys are the documentation")]
pub struct Target {
    pub address: Address,
    pub counter: u64,
}

impl Proof {
    /// Works the document out.
    #[must_use]
    pub fn new(facts: &Facts) -> Self {
        let first = first_settlements(facts);
        let settled: Vec<&Counted> = first.iter().filter(|each| each.settlement.status == ended::CALL).collect();
        let due: u64 = facts.jobs.iter().map(|job| due_until(job, &facts.ledger, facts.cutoff)).sum();
        let (done, skipped) = (settled.len() as u64, (first.len() - settled.len()) as u64);
        let mut leaders = BTreeMap::new();
        for each in &settled {
            *leaders.entry(each.settlement.submitter.to_checksum(None)).or_default() += 1;
        }
        let undue = first.iter().filter(|each| each.due.is_none()).count() as u64;
        let tasks = Tasks {
            due,
            settled: done,
            skipped,
            missed: due.cast_signed() - (done + skipped - undue).cast_signed(),
            undue,
            duplicates: duplicates(&facts.ledger),
            wasted_tx: facts.ledger.transactions.iter().filter(|each| each.settled == 0).count(),
            undelivered: settled.iter().filter(|each| is_refused(each.settlement)).count() as u64,
        };
        let batches = &facts.ledger.batches;
        Self {
            schema: 1,
            chain_id: facts.chain_id,
            keepers: facts.keepers,
            contracts: facts.contracts.clone(),
            network: facts.network.clone(),
            jobs: facts.jobs.iter().map(|job| job_proof(job, &first, facts)).collect(),
            tasks,
            batches: Batches { count: batches.len(), max: batches.iter().copied().max().unwrap_or(0) },
            leaders,
            kills: facts.kills.len(),
            takeovers: facts.kills.iter().filter(|kill| was_taken_over(kill, &first)).count(),
            reorganisations: facts.reorganisations,
            disputes: facts.disputes,
            slashed: facts.slashed.keys().map(|operator| operator.to_checksum(None)).collect(),
            stakes: decimals(&facts.stakes),
            counted: decimals(&facts.counted),
            innocent: facts.slashed.keys().filter(|operator| !is_guilty(facts, operator)).count(),
            unpunished: facts.equivocators.iter().filter(|operator| !was_punished(facts, operator)).count(),
            forgiven: facts.wrong.iter().filter(|operator| !lost_stake(facts, operator)).count(),
            misjudged: facts.disputes.upheld != u64::from(!facts.wrong.is_empty()),
            otherwise: first.iter().filter(|each| each.is_otherwise).count(),
            latency_ms: latency(facts, &first),
            gas: Gas::new(&facts.ledger, facts.refunded),
            target: Target { address: facts.target, counter: facts.counter },
        }
    }

    /// What the document says is wrong; empty when every promise held. `counted` is the job whose calls the target
    /// counts.
    #[must_use]
    pub fn broken_promises(&self, counted: u64) -> Vec<String> {
        let mut broken = Vec::new();
        let tasks = &self.tasks;
        if tasks.missed != 0 {
            let due = tasks.due;
            broken.push(format!("{} of {due} due tasks did not settle as the job specs promise", tasks.missed));
        }
        if tasks.duplicates != 0 {
            broken.push(format!("{} tasks settled more than once", tasks.duplicates));
        }
        if tasks.undue != 0 {
            broken.push(format!("{} tasks settled that nothing on the chain made due", tasks.undue));
        }
        let refused = self.jobs.iter().filter(|job| !self.may_be_stale(job)).map(|job| job.undelivered).sum::<u64>();
        if refused != 0 {
            broken.push(format!("the target refused {refused} settled calls"));
        }
        if self.otherwise != 0 {
            broken.push(format!("{} logs were called for that are to be skipped, or skipped", self.otherwise));
        }
        if self.innocent != 0 {
            broken.push(format!("{} keepers were slashed that signed nothing twice or wrong", self.innocent));
        }
        if self.unpunished != 0 {
            broken.push(format!("{} keepers signed two results and kept their stake or their place", self.unpunished));
        }
        if self.forgiven != 0 {
            broken.push(format!("{} keepers certified a wrong result and kept their stake", self.forgiven));
        }
        if self.misjudged {
            broken.push("a wrong result was not ruled wrong, or a right one was".to_owned());
        }
        let settled = self.jobs.iter().find(|job| job.id == counted).map_or(0, |job| job.settled);
        if self.target.counter != settled {
            let counter = self.target.counter;
            broken.push(format!("the target counts {counter} calls of job {counted}, the chain's logs {settled}"));
        }
        broken
    }
}

impl Proof {
    /// Whether what a job's target is called with may be stale when it comes: it said itself what it wants next, at an anchor, and
    /// where runs are late several have the same one.
    fn may_be_stale(&self, job: &JobProof) -> bool {
        job.action == "resolver" && (self.reorganisations.count > 0 || self.kills > 0)
    }
}

fn decimals(stakes: &BTreeMap<Address, U256>) -> BTreeMap<String, String> {
    stakes.iter().map(|(who, stake)| (who.to_checksum(None), stake.to_string())).collect()
}

fn is_guilty(facts: &Facts, operator: &Address) -> bool {
    facts.equivocators.contains(operator) || facts.wrong.contains(operator)
}

fn lost_stake(facts: &Facts, operator: &Address) -> bool {
    facts.slashed.get(operator).is_some_and(|taken| !taken.is_zero())
}

/// Whether an operator lost stake, has less than an honest one has now, and is counted on no more.
fn was_punished(facts: &Facts, operator: &Address) -> bool {
    let left = facts.stakes.get(operator);
    lost_stake(facts, operator) && left < facts.stakes.values().max() && !facts.counted.contains_key(operator)
}

/// The first settlement of a task that is counted.
struct Counted<'a> {
    settlement: &'a Settlement,
    /// Nothing where it was not due at all.
    due: Option<u64>,
    /// Whether it ended otherwise than what made it due asks for.
    is_otherwise: bool,
}

/// Every task's first settlement, runs due after the cutoff left out.
fn first_settlements(facts: &Facts) -> Vec<Counted<'_>> {
    let mut seen = BTreeSet::new();
    let mut counted = Vec::new();
    for settlement in &facts.ledger.settlements {
        let Some(job) = facts.jobs.iter().find(|job| job.id == settlement.job_id) else { continue };
        // A run that was not due counts from the first moment on: more settles then than is due.
        let due = due_of(job, &facts.ledger, settlement);
        if due.is_none_or(|due| due <= facts.cutoff) && seen.insert(settlement.task_id) {
            let asked = asked_of(job, &facts.ledger, settlement);
            let is_otherwise = asked.is_some_and(|status| status != settlement.status);
            counted.push(Counted { settlement, due, is_otherwise });
        }
    }
    counted
}

fn is_refused(each: &Settlement) -> bool {
    each.status == ended::CALL && !each.delivered
}

fn duplicates(ledger: &Ledger) -> u64 {
    let distinct: BTreeSet<B256> = ledger.settlements.iter().map(|each| each.task_id).collect();
    (ledger.settlements.len() - distinct.len()) as u64
}

fn job_proof(job: &JobSpec, first: &[Counted<'_>], facts: &Facts) -> JobProof {
    let ours = || first.iter().map(|each| each.settlement).filter(|each| each.job_id == job.id);
    JobProof {
        id: job.id,
        name: job.name.clone(),
        trigger: job.words(),
        action: job.action.to_owned(),
        due: due_until(job, &facts.ledger, facts.cutoff),
        settled: ours().filter(|each| each.status == ended::CALL).count() as u64,
        skipped: ours().filter(|each| each.status != ended::CALL).count() as u64,
        undelivered: ours().filter(|each| is_refused(each)).count() as u64,
    }
}

/// Whether a task due when the leader was killed was settled by somebody else.
fn was_taken_over(kill: &Kill, first: &[Counted<'_>]) -> bool {
    first.iter().any(|each| each.due == Some(kill.due) && each.settlement.submitter != kill.victim)
}

#[cfg(test)]
mod tests;

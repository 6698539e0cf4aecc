//! `keeper audit`: takes a sample of what settled of a job, runs it again, and disputes what is wrong. Whoever signed something
//! wrong is slashed for it; whoever finds it out first gets the bond back and a part of what was taken.

use std::collections::BTreeMap;

use alloy::primitives::{B256, U256, keccak256};
use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;
use anyhow::{Result, anyhow};
use clap::Args;
use consensus::task::InstanceKey;
use contracts::TaskManager::{TaskSettled, TasksSkipped};
use contracts::{Challenger, SettledTask};
use serde_json::{Value, json};

use super::chain::Chain;
use super::dispute::{Opened, RunArgs, input_of, press};
use super::output::{answer, rows};
use super::receipt::{Again, Unable, had, report_of};
use super::{Exit, Global, WithExit};
use crate::chain::{ChainError, certified};
use crate::jobs::flags::RunName;
use crate::jobs::trial::Unmade;
use crate::receipt::status_name;

/// Settlements that a sample is drawn from: the newest ones.
const SETTLED_MAX: usize = 10_000;

/// Flags of `keeper audit`.
#[derive(Debug, Clone, Args)]
pub struct AuditArgs {
    /// Job id
    job: u64,
    /// How many settled tasks to run again
    #[arg(long, default_value_t = 20, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    sample: u32,
    /// Which: the same number draws the same of the same tasks [default: another one each time]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Only what settled since this block [default: what can be disputed still]
    #[arg(long, value_name = "BLOCK")]
    since: Option<u64>,
    /// Open a dispute, against its bond, where a result is wrong; without this it only says so
    #[arg(long)]
    broadcast: bool,
}

/// What came of one task.
struct Looked {
    settled: SettledTask,
    tx: B256,
    verdict: Verdict,
    /// What became of the dispute about it.
    dispute: Option<Result<Opened, String>>,
}

enum Verdict {
    Right,
    Wrong {
        status: &'static str,
        hash: B256,
    },
    /// It was not to be run, for this reason: nothing could be right.
    NotDue(String),
    /// It could not be run again; says nothing about it.
    Unknown(String),
}

pub(super) async fn run(global: &Global, args: &AuditArgs) -> Result<Exit> {
    let chain = Chain::connect(global, &global.settings()?).await?;
    let challenger = Challenger::new(chain.network.contracts.challenger, &chain.provider);
    let provable: u64 = challenger.provableBlocks().call().await.map_err(ChainError::from)?.saturating_to();
    let newest = chain.newest().await?.number;
    // A dispute takes time, too: see the contract.
    let since = args.since.unwrap_or_else(|| newest.saturating_sub(provable / 2));
    let all = settled_since(&chain, args.job, since).await?;
    let count = all.len();
    if count == 0 {
        let why =
            format!("nothing of job {} has settled since block {since}: --since BLOCK looks further back", args.job);
        return Err(anyhow!(why)).exit(Exit::NotFound);
    }
    let seed = args.seed.unwrap_or_else(rand_seed);
    let again = Again::new(global, &chain)?;
    let mut looked = Vec::new();
    for (settled, tx) in sample(all, args.sample as usize, seed) {
        let verdict = look(&again, &chain, &settled, tx).await?;
        looked.push(Looked { settled, tx, verdict, dispute: None });
    }
    if args.broadcast {
        for wrong in looked.iter_mut().filter(|looked| looked.verdict.is_wrong()) {
            // One that cannot be opened must not keep others from it.
            let opened = press(global, &wrong.run_args(), true).await; // its state was just read
            wrong.dispute = Some(opened.map_err(|error| format!("{error:#}")));
        }
    }
    Ok(tell(global, args, (seed, since, count), &looked))
}

/// What settled of a job since a block, each task once, with its transaction.
async fn settled_since(chain: &Chain, job: u64, since: u64) -> Result<Vec<(SettledTask, B256)>> {
    let manager = chain.network.contracts.task_manager;
    let of = |signature: B256| Filter::new().address(manager).event_signature(signature);
    let mut found = BTreeMap::new();
    for filter in [of(TaskSettled::SIGNATURE_HASH).topic1(U256::from(job)), of(TasksSkipped::SIGNATURE_HASH)] {
        let full = chain.newest_log(&filter, since, |log| {
            let tx = log.transaction_hash.filter(|_| log.address() == manager)?;
            let tasks = contracts::settled_tasks(&log.inner.data).unwrap_or_default();
            for task in tasks.into_iter().filter(|task| task.job_id == job) {
                found.entry(task.task_id).or_insert((task, tx));
            }
            (found.len() >= SETTLED_MAX).then_some(())
        });
        full.await?;
    }
    Ok(found.into_values().collect())
}

/// So many of them, drawn by the seed, in the order of their anchors.
fn sample(all: Vec<(SettledTask, B256)>, count: usize, seed: u64) -> Vec<(SettledTask, B256)> {
    let mut drawn = all;
    drawn.sort_by_cached_key(|(task, _)| keccak256([&seed.to_be_bytes(), task.task_id.as_slice()].concat()));
    drawn.truncate(count);
    drawn.sort_by_key(|(task, _)| (task.anchor_number, task.task_id));
    drawn
}

/// Another number each time: whoever signs something wrong must not know what is looked at.
fn rand_seed() -> u64 {
    let mut bytes = [0; 8];
    // Without the system's randomness a sample by the clock is better than none.
    if getrandom::fill(&mut bytes).is_err() {
        return crate::driver::now().0;
    }
    // What JSON's numbers hold with every reader.
    u64::from_be_bytes(bytes) >> 11
}

async fn look(again: &Again<'_>, chain: &Chain, settled: &SettledTask, tx: B256) -> Result<Verdict> {
    let shown = certified(&input_of(chain, tx).await?, settled);
    let report = match shown.map(|shown| report_of(&shown.statement.report)) {
        Ok(Some(report)) => report,
        Ok(None) => return Ok(Verdict::Unknown("it has a status that does not exist".to_owned())),
        Err(why) => return Ok(Verdict::Unknown(format!("transaction {tx} does not show what was certified: {why}"))),
    };
    let recorded = async {
        let trial = again.history.trial(&report).await?;
        if let Some(too_dear) = trial.too_dear(&chain.provider).await {
            had(Err(Unmade::NotNow(too_dear)))?;
        }
        let code_hash = trial.code_hash();
        let (made, _) = again.record(trial).await?;
        let outcome = made.outcome().ok_or_else(|| Unable::new(Exit::Failure, "it ends without a result"))?;
        Ok::<_, Unable>((outcome.status, outcome.hash(code_hash)))
    };
    Ok(match recorded.await {
        Ok((status, hash)) if (status, hash) == (report.status, report.outcome_hash) => Verdict::Right,
        Ok((status, hash)) => Verdict::Wrong { status: status_name(status), hash },
        Err(unable) if unable.denies => Verdict::NotDue(unable.why),
        Err(unable) => Verdict::Unknown(unable.why),
    })
}

impl Verdict {
    const fn is_wrong(&self) -> bool {
        matches!(self, Self::Wrong { .. } | Self::NotDue(_))
    }
}

impl Looked {
    fn run(&self) -> RunName {
        RunName(InstanceKey(self.settled.instance_key))
    }

    /// What `keeper dispute open` takes.
    fn run_args(&self) -> RunArgs {
        RunArgs {
            job: self.settled.job_id,
            run: self.run(),
            job_version: Some(self.settled.job_version),
            outcome: Some(self.settled.outcome_hash),
        }
    }

    fn document(&self) -> Value {
        let (verdict, why, found) = match &self.verdict {
            Verdict::Right => ("right", None, None),
            Verdict::Wrong { status, hash } => ("wrong", None, Some((status, hash))),
            Verdict::NotDue(why) => ("wrong", Some(why), None),
            Verdict::Unknown(why) => ("unknown", Some(why), None),
        };
        json!({
            "run": self.run().document(),
            "version": self.settled.job_version,
            "task_id": self.settled.task_id,
            "transaction": self.tx,
            "anchor": self.settled.anchor_number,
            "outcome_hash": self.settled.outcome_hash,
            "verdict": verdict,
            "why": why,
            "run_again": found.map(|(status, hash)| json!({"status": status, "outcome_hash": hash})),
            "dispute": self.dispute.as_ref().and_then(|dispute| dispute.as_ref().ok()).map(|opened| &opened.document),
            "dispute_failed": self.dispute.as_ref().and_then(|dispute| dispute.as_ref().err()),
        })
    }

    /// What there is to say of it; nothing of what is right.
    fn line(&self) -> Option<(&'static str, String)> {
        let run = self.run();
        let (job, version, said) = (self.settled.job_id, self.settled.job_version, self.settled.outcome_hash);
        let found = match &self.verdict {
            Verdict::Right => return None,
            Verdict::Unknown(why) => return Some(("unknown", format!("run {run}: {why}"))),
            Verdict::NotDue(why) => why.clone(),
            Verdict::Wrong { status, hash } => format!("gives {status}, {hash}"),
        };
        let open = format!("keeper dispute open --job {job} --run {run} --job-version {version} --outcome {said}");
        let next = match &self.dispute {
            Some(Ok(opened)) => format!("dispute {} is open: keeper dispute show {}", opened.id, opened.id),
            Some(Err(why)) => format!("a dispute could not be opened: {why}"),
            None => format!("nothing was sent; --broadcast would: {open}"),
        };
        Some(("WRONG", format!("run {run} settled with outcome {said}, and {found}; {next}")))
    }
}

fn tell(global: &Global, args: &AuditArgs, (seed, since, count): (u64, u64, usize), looked: &[Looked]) -> Exit {
    let of = |wanted: fn(&Verdict) -> bool| looked.iter().filter(|looked| wanted(&looked.verdict)).count();
    let right = of(|verdict| matches!(verdict, Verdict::Right));
    let wrong = of(Verdict::is_wrong);
    let unknown = looked.len() - right - wrong;
    let document = json!({
        "job_id": args.job,
        "since": since,
        "seed": seed,
        "settled": count,
        "sampled": looked.len(),
        "right": right,
        "wrong": wrong,
        "unknown": unknown,
        "tasks": looked.iter().map(Looked::document).collect::<Vec<_>>(),
    });
    let mut lines = vec![
        ("job", args.job.to_string()),
        ("sample", format!("{} of {count} tasks that settled since block {since}, by seed {seed}", looked.len())),
        ("verdict", format!("{right} right, {wrong} wrong, {unknown} that could not be run again")),
    ];
    lines.extend(looked.iter().filter_map(Looked::line));
    answer(global, document, &rows(&lines));
    if wrong > 0 {
        Exit::Failure
    } else if unknown == looked.len() {
        Exit::Chain
    } else {
        Exit::Success
    }
}

#[cfg(test)]
mod tests;

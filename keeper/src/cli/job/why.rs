//! `keeper job why`: why a run did not come to what it should, from what this keeper has recorded, from the keeper that runs, and
//! where none does, from the chain.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use consensus::task::JobId;
use contracts::terms::{JobStatus, Terms};
use serde_json::{Value, json};
use url::Url;

use super::{Exit, Global, existing, newest_params};
use crate::archive::{Found, Reader};
use crate::chain::convert::run_number;
use crate::cli::asking::Asked;
use crate::cli::chain::Chain;
use crate::cli::output::{answer, rows};
use crate::heartbeat::{MeshView, State};
use crate::view::JobView;
use crate::why::{Because, Cause, Facts, JobState, explain};

/// How long the chain is asked where no keeper runs.
const PATIENCE: Duration = Duration::from_secs(10);
/// Runs that are looked through for the one that is meant.
const LOOKED_MAX: u32 = 10_000;

/// Flags of `keeper job why`.
#[derive(Debug, Clone, Args)]
pub struct WhyArgs {
    /// Job id
    id: u64,
    /// Number of the run, or the beginning of its key (0x...) [default: the last one that did not settle, else the last]
    run: Option<String>,
    /// API of the keeper to ask [default: the one the data directory's keeper runs]
    #[arg(long, env = "KEEPER_API_URL", hide_env_values = true, value_name = "URL")]
    api_url: Option<Url>,
}

pub(in crate::cli) async fn why(global: &Global, args: &WhyArgs) -> Result<Exit> {
    let mut notes = Vec::new();
    let found = match recorded(global, args) {
        Ok(found) => found,
        Err(error) => {
            notes.push(error.to_string());
            None
        }
    };
    let (mut job, heard) = asked(global, args).await;
    if job.is_none() {
        job = match tokio::time::timeout(PATIENCE, on_chain(global, args.id)).await {
            Ok(Ok(job)) => Some(job),
            Ok(Err(error)) => {
                notes.push(format!("no keeper runs here, and the chain could not be asked: {error}"));
                None
            }
            Err(_) => {
                notes.push("no keeper runs here, and the chain did not answer in time".to_owned());
                None
            }
        };
    }
    // Asked of the job as such, what keeps it from being seen to be due is news, and a run that settled is not.
    let is_news = args.run.is_none() && job.as_ref().is_some_and(JobState::is_unseen);
    let found = found.filter(|found| !is_news || found.run.settled.is_none());
    let now = crate::driver::now().seconds();
    let facts = Facts { job, run: found.as_ref().map(|found| found.run.clone()), heard, now };
    let because = explain(&facts);
    answer(
        global,
        document(args, found.as_ref(), &because, &notes, now),
        &describe(args, found.as_ref(), &because, (&notes, now)),
    );
    Ok(if because.cause == Cause::NoJob { Exit::NotFound } else { Exit::Success })
}

/// The run that is meant, as it is recorded.
fn recorded(global: &Global, args: &WhyArgs) -> Result<Option<Found>> {
    let found = Reader::open(&global.paths()?.archive())?.newest(JobId(args.id), LOOKED_MAX, false)?;
    Ok(match &args.run {
        Some(wanted) => found.into_iter().find(|found| is_meant(found, wanted)),
        None => {
            let now = crate::driver::now().seconds();
            let is_open = |found: &Found| found.run.settled.is_none() && found.run.due.is_none_or(|due| due <= now);
            let place = found.iter().position(is_open);
            let due = place.or_else(|| found.iter().position(|found| found.run.due.is_none_or(|due| due <= now)));
            due.and_then(|place| found.into_iter().nth(place))
        }
    })
}

fn is_meant(found: &Found, wanted: &str) -> bool {
    let key = found.task.instance.0;
    match wanted.parse::<u64>() {
        Ok(number) => run_number(key) == Some(number),
        Err(_) => {
            wanted.len() >= 6
                && (key.to_string().starts_with(wanted) || found.task.id().0.to_string().starts_with(wanted))
        }
    }
}

/// What the keeper that runs says of the job, and whom it hears.
async fn asked(global: &Global, args: &WhyArgs) -> (Option<JobState>, Option<(usize, usize)>) {
    let Ok(asked) = Asked::at(global, args.api_url.as_ref()) else { return (None, None) };
    let Ok(jobs) = asked.get("/v1/jobs").await else { return (None, None) };
    let jobs: Vec<JobView> = serde_json::from_value(jobs["jobs"].clone()).unwrap_or_default();
    let heard = asked.read::<MeshView>("/api/v1/mesh").await.ok();
    let heard = heard.map(|mesh| (mesh.count(State::Fine) + mesh.count(State::Failing), mesh.keepers.len()));
    // It forgets jobs that are over: of those the chain tells more.
    let job = jobs.into_iter().find(|job| job.id == args.id).map(|job| JobState {
        exists: true,
        can_pay: !job.reason.starts_with("it cannot pay"),
        status: job.status,
        next_due: job.next_due,
        schedule_known: true,
        trouble: job.reason,
        missed: String::new(),
    });
    (job, heard)
}

/// The job as the contract keeps it.
async fn on_chain(global: &Global, id: u64) -> Result<JobState> {
    let chain = Chain::connect_to_read(global, &global.settings()?).await?;
    let (job, _) = match existing(&chain, id).await {
        Ok(found) => found,
        Err(error) if Exit::of(&error) == Exit::NotFound => return Ok(JobState::default()),
        Err(error) => return Err(error),
    };
    let terms = newest_params(&chain, id).await.ok().flatten().map(|params| Terms::try_from(&params));
    let missed = terms.as_ref().and_then(|terms| terms.as_ref().ok()).map(|terms| format!("{:?}", terms.limits.missed));
    Ok(JobState {
        exists: true,
        status: JobStatus::of(&job).name().to_owned(),
        can_pay: job.covered,
        trouble: terms.and_then(Result::err).map(|error| error.to_string()).unwrap_or_default(),
        missed: missed.unwrap_or_default().to_lowercase(),
        ..JobState::default()
    })
}

fn document(args: &WhyArgs, found: Option<&Found>, because: &Because, notes: &[String], now: u64) -> Value {
    let run = found.map(|found| &found.run);
    let settled = run.and_then(|run| run.settled);
    json!({
        "job_id": args.id,
        "run": found.and_then(|found| run_number(found.task.instance.0)),
        "instance": found.map(|found| found.task.instance.0.to_string()),
        "cause": because.cause.name(),
        "what": because.what,
        "mend": because.mend,
        "state": run.map(|run| run.state(now)),
        "due": run.and_then(|run| run.due),
        "attempts": run.map(|run| run.attempts),
        "leader": run.and_then(|run| run.leader).map(|leader| leader.to_string()),
        "result": run.map(|run| &run.result),
        "reason": run.map(|run| &run.reason),
        "voices": run.map(|run| &run.voices),
        "certified": run.map(|run| run.certified.is_some()),
        "sent_by_this_keeper": run.map(|run| run.sent.is_some()),
        "refused": run.map(|run| &run.refused),
        "submitter": settled.map(|settled| settled.submitter.to_string()),
        "transaction": settled.map(|settled| settled.tx.to_string()),
        "notes": notes,
    })
}

fn describe(args: &WhyArgs, found: Option<&Found>, because: &Because, (notes, now): (&[String], u64)) -> String {
    let mut lines = vec![("job", args.id.to_string())];
    if let Some(Found { task, run, due, .. }) = found {
        let named = run_number(task.instance.0).map_or_else(|| task.instance.0.to_string(), |run| run.to_string());
        lines.push(("run", named));
        lines.extend(due.clone().map(|due| ("due", due)));
        lines.push(("state", format!("{}, after {} tries here", run.state(now), run.attempts)));
        lines.extend(run.leader.map(|leader| ("led by", leader.to_string())));
        let words =
            [("ran", &run.result), ("reason", &run.reason), ("keepers", &run.voices), ("sending", &run.refused)];
        lines.extend(
            words.into_iter().filter(|(_, words)| !words.is_empty()).map(|(name, words)| (name, words.clone())),
        );
        lines.extend(run.settled.map(|settled| ("submitted by", format!("{}, in {}", settled.submitter, settled.tx))));
    }
    lines.push(("why", because.what.clone()));
    if !because.mend.is_empty() {
        lines.push(("mend", because.mend.clone()));
    }
    lines.extend(notes.iter().map(|note| ("note", note.clone())));
    rows(&lines)
}

//! Jobs in words.

use alloy::primitives::U256;
use contracts::IJobManager::Job;
use contracts::terms::{ActionTerms, JobStatus, TriggerTerms};
use serde_json::{Value, json};

use super::money;
use crate::jobs::trigger::Trigger;
use crate::text::shown;

/// A trigger that this program does not know.
const UNKNOWN: &str = "unknown";

/// A job as a JSON object.
pub(super) fn job_document(id: u64, job: &Job) -> Value {
    json!({
        "id": id,
        "version": job.version,
        "status": status(job),
        "trigger": trigger(job),
        "action": ActionTerms::name_of(job),
        "owner": job.owner,
        "target": job.target,
        "forwarder": job.forwarder,
        "start": job.start,
        "interval": job.interval,
        "inactive_from": job.inactiveFrom,
        "code_hash": job.codeHash,
        "callback_gas": job.callbackGas,
        "token": job.token,
        "fee": job.fee.to_string(),
        "escrow": job.escrow.to_string(),
        "quorum_bps": job.quorumBps,
        "punctual_seconds": job.punctualSeconds,
        "failures": job.failures,
    })
}

/// A job as a line of `job list`.
pub(super) fn job_line(id: u64, job: &Job) -> String {
    let escrow = money(job.token, U256::from(job.escrow));
    let (action, trigger) = (ActionTerms::name_of(job), trigger(job));
    let line = format!("{id}  {}  {action} {trigger}  target {}  escrow {escrow}", status(job), job.target);
    shown(&line) + "\n"
}

/// A job as rows of `job show`.
pub(super) fn job_rows(id: u64, job: &Job) -> Vec<(&'static str, String)> {
    vec![
        ("job", format!("{id}, version {}", job.version)),
        ("status", status(job).to_owned()),
        ("trigger", trigger(job)),
        ("action", ActionTerms::name_of(job).to_owned()),
        ("owner", job.owner.to_string()),
        ("target", job.target.to_string()),
        ("forwarder", job.forwarder.to_string()),
        ("code hash", if job.codeHash.is_zero() { "none".to_owned() } else { job.codeHash.to_string() }),
        ("fee", money(job.token, U256::from(job.fee))),
        ("quorum", format!("{}.{:02} %", job.quorumBps / 100, job.quorumBps % 100)),
        ("failures", job.failures.to_string()),
    ]
}

/// When a job runs, in words.
pub(super) fn trigger(job: &Job) -> String {
    TriggerTerms::kept(job).map_or_else(|| UNKNOWN.to_owned(), |terms| trigger_of(&terms))
}

/// The same, of what is asked for.
pub(super) fn trigger_of(terms: &TriggerTerms) -> String {
    Trigger::new(terms).map_or_else(|| UNKNOWN.to_owned(), |trigger| trigger.to_string())
}

pub(super) fn status(job: &Job) -> &'static str {
    JobStatus::of(job).name()
}

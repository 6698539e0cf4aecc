//! Jobs in words.

use alloy::primitives::U256;
use contracts::IJobManager::{Job, JobParams, Limits};
use contracts::terms::{ActionTerms, JobStatus, Missed, TriggerTerms};
use serde_json::{Value, json};

use super::price::date;
use crate::cli::chain::gwei;
use crate::cli::currency::Currency;
use crate::jobs::action::rows;
use crate::jobs::trigger::Trigger;
use crate::text::shown;

/// What this program does not know.
const UNKNOWN: &str = "unknown";

/// A job as a JSON object; `now` in unix seconds.
pub(super) fn job_document(id: u64, job: &Job, now: u64) -> Value {
    json!({
        "id": id,
        "version": job.version,
        "status": status(job),
        "over": is_over(job, now),
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
        "gas": job.gas.to_string(),
        "deposit": job.deposit.to_string(),
        "can_pay": job.covered,
        "quorum_bps": job.quorumBps,
        "punctual_seconds": job.punctualSeconds,
        "until": job.limits.until,
        "most_runs": job.limits.mostRuns,
        "most_gas_price_wei": job.limits.mostGasPrice.to_string(),
        "missed": missed(&job.limits),
        "failures": job.failures,
    })
}

/// A job as a line of `job list`.
pub(super) fn job_line(id: u64, job: &Job, currency: &Currency, now: u64) -> String {
    let escrow = currency.show(U256::from(job.escrow));
    let (action, trigger) = (ActionTerms::name_of(job), trigger(job));
    let unpaid = if job.covered || JobStatus::of(job) == JobStatus::Cancelled { "" } else { "  cannot pay" };
    let over = if is_over(job, now) && JobStatus::of(job) == JobStatus::Active { ", over" } else { "" };
    let line =
        format!("{id}  {}{over}  {action} {trigger}  target {}  escrow {escrow}{unpaid}", status(job), job.target);
    shown(&line) + "\n"
}

/// A job as rows of `job show`.
pub(super) fn job_rows(
    id: u64,
    job: &Job,
    params: Option<&JobParams>,
    currency: &Currency,
    now: u64,
) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("job", format!("{id}, version {}", job.version)),
        ("status", status(job).to_owned()),
        ("trigger", params.map_or_else(|| trigger(job), |params| trigger_in(job, params))),
        ("action", ActionTerms::name_of(job).to_owned()),
        ("owner", job.owner.to_string()),
        ("target", job.target.to_string()),
        ("forwarder", job.forwarder.to_string()),
        ("code hash", if job.codeHash.is_zero() { "none".to_owned() } else { job.codeHash.to_string() }),
        ("fee", currency.show(U256::from(job.fee))),
        ("quorum", format!("{}.{:02} %", job.quorumBps / 100, job.quorumBps % 100)),
        ("failures", job.failures.to_string()),
    ];
    if let Currency::Token(token) = currency {
        rows.push(("pays in", token.to_string()));
    }
    rows.extend(limits(job));
    if job.inactiveFrom != 0 {
        let is = if is_over(job, now) { "was" } else { "is" };
        rows.push(("last moment", format!("{is} {}, {}", job.inactiveFrom, date(job.inactiveFrom))));
    }
    rows
}

/// Where a job stops by itself, as far as that is anywhere.
fn limits(job: &Job) -> impl Iterator<Item = (&'static str, String)> {
    let Limits { until, mostRuns: most_runs, mostGasPrice: price, .. } = job.limits;
    let all = [
        (until != 0, "until", date(until)),
        (most_runs != 0, "most runs", most_runs.to_string()),
        (price != 0, "gas price", format!("up to {}", gwei(U256::from(price)))),
        (job.limits.missed != Missed::All as u8, "missed", missed(&job.limits).to_owned()),
    ];
    all.into_iter().filter_map(|(is_set, name, value)| is_set.then_some((name, value)))
}

fn missed(limits: &Limits) -> &'static str {
    Missed::from_number(limits.missed).map_or(UNKNOWN, Missed::name)
}

/// Whether no run of it is due any more.
fn is_over(job: &Job, now: u64) -> bool {
    job.inactiveFrom != 0 && job.inactiveFrom < now
}

/// What a job's action brings, as more rows of `job show`.
pub(super) fn action_rows(params: &JobParams) -> Vec<(&'static str, String)> {
    ActionTerms::decode(params).map_or_else(|_| vec![("params", params.params.to_string())], |terms| rows(&terms))
}

/// When a job runs, in words; of some kinds the contract knows no more than the kind.
pub(super) fn trigger(job: &Job) -> String {
    TriggerTerms::kept(job).map_or_else(|| TriggerTerms::name_of(job).to_owned(), |terms| trigger_of(&terms))
}

/// The same, with what its owner asked for.
pub(super) fn trigger_in(job: &Job, params: &JobParams) -> String {
    let asked = || TriggerTerms::decode(params.trigger, &params.triggerData).ok();
    TriggerTerms::kept(job).or_else(asked).map_or_else(|| UNKNOWN.to_owned(), |terms| trigger_of(&terms))
}

/// The same, of what is asked for.
pub(super) fn trigger_of(terms: &TriggerTerms) -> String {
    Trigger::new(terms).map_or_else(|_| UNKNOWN.to_owned(), |trigger| trigger.to_string())
}

pub(super) fn status(job: &Job) -> &'static str {
    JobStatus::of(job).name()
}

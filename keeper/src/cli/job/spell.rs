//! Jobs in words.

use alloy::primitives::U256;
use contracts::IJobManager::{Job, JobParams};
use contracts::terms::{ActionTerms, JobStatus, TriggerTerms};
use serde_json::{Value, json};

use super::money;
use crate::jobs::action::rows;
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
        "gas": job.gas.to_string(),
        "deposit": job.deposit.to_string(),
        "can_pay": job.covered,
        "quorum_bps": job.quorumBps,
        "punctual_seconds": job.punctualSeconds,
        "failures": job.failures,
    })
}

/// A job as a line of `job list`.
pub(super) fn job_line(id: u64, job: &Job) -> String {
    let escrow = money(job.token, U256::from(job.escrow));
    let (action, trigger) = (ActionTerms::name_of(job), trigger(job));
    let unpaid = if job.covered || JobStatus::of(job) == JobStatus::Cancelled { "" } else { "  cannot pay" };
    let line = format!("{id}  {}  {action} {trigger}  target {}  escrow {escrow}{unpaid}", status(job), job.target);
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

/// What a job's action brings, as more rows of `job show`.
pub(super) fn action_rows(params: &JobParams) -> Vec<(&'static str, String)> {
    ActionTerms::decode(params).map_or_else(|_| vec![("params", params.params.to_string())], |terms| rows(&terms))
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

/// How many runs what is set aside pays for, each at the most that it may cost: its fee, and its gas in wei. None while the
/// contract says that the job cannot pay: then no keeper runs it, whatever is there.
pub(super) fn runs_left(job: &Job, fee: U256, gas: U256) -> U256 {
    let (escrow, for_gas) = (U256::from(job.escrow), U256::from(job.gas));
    if !job.covered {
        return U256::ZERO;
    }
    let of = |amount: U256, cost: U256| amount.checked_div(cost).unwrap_or(U256::MAX);
    if job.token.is_zero() { of(escrow, fee.saturating_add(gas)) } else { of(escrow, fee).min(of(for_gas, gas)) }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, aliases::U96};

    use super::*;

    #[test]
    fn runs_left_are_those_that_can_be_paid_in_full() {
        let left = |job: &Job| runs_left(job, U256::from(10), U256::from(90)).to::<u64>();
        let coin = Job { escrow: 999, covered: true, ..Job::default() };
        assert_eq!(left(&coin), 9);
        assert_eq!(left(&Job { covered: false, ..coin.clone() }), 0, "a job that nobody runs");
        let token = Job { token: Address::repeat_byte(1), gas: U96::from(270), ..coin };
        assert_eq!(left(&token), 3, "gas ends first");
        assert_eq!(left(&Job { escrow: 25, ..token }), 2, "fees do");
    }
}

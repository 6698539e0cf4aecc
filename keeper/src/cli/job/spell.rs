//! Jobs in words, and words of the flags into numbers.

use alloy::primitives::U256;
use anyhow::{Context, Result, bail};
use contracts::IJobManager::Job;
use serde_json::{Value, json};

use super::money;

/// When a job first runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// Unix seconds.
    At(u64),
    /// Seconds after the newest block's time.
    After(u64),
}

impl Start {
    /// Unix seconds, given the chain's time.
    pub(super) fn at(self, now: u64) -> u64 {
        match self {
            Self::At(time) => time,
            Self::After(seconds) => now.saturating_add(seconds),
        }
    }
}

/// Reads `1763901234` or `now+10s`.
pub(super) fn parse_start(text: &str) -> Result<Start> {
    if let Some(after) = text.strip_prefix("now+") {
        return Ok(Start::After(parse_interval(after)?.into()));
    }
    let time = text.parse().with_context(|| format!("{text:?} is no start: write unix seconds or now+10s"))?;
    Ok(Start::At(time))
}

/// Reads `2s`, `5m`, `1h`, `1d` or a bare number of seconds; at least one second.
pub(super) fn parse_interval(text: &str) -> Result<u32> {
    let wrong = || format!("{text:?} is no length of time: write 2s, 5m, 1h or 1d");
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(place) => text.split_at(place),
        None => (text, "s"),
    };
    let factor: u32 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => bail!(wrong()),
    };
    let number: u32 = number.parse().with_context(wrong)?;
    match number.checked_mul(factor) {
        Some(seconds) if seconds > 0 => Ok(seconds),
        _ => bail!("{text:?} is out of bounds: between 1s and {} s", u32::MAX),
    }
}

/// A job as a JSON object.
pub(super) fn job_document(id: u64, job: &Job) -> Value {
    json!({
        "id": id,
        "version": job.version,
        "status": status(job.status),
        "trigger": trigger(job),
        "action": action(job.action),
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
    format!(
        "{id}  {}  {} {}  target {}  escrow {escrow}\n",
        status(job.status),
        action(job.action),
        trigger(job),
        job.target
    )
}

/// A job as rows of `job show`.
pub(super) fn job_rows(id: u64, job: &Job) -> Vec<(&'static str, String)> {
    vec![
        ("job", format!("{id}, version {}", job.version)),
        ("status", status(job.status).to_owned()),
        ("trigger", trigger(job)),
        ("action", action(job.action).to_owned()),
        ("owner", job.owner.to_string()),
        ("target", job.target.to_string()),
        ("forwarder", job.forwarder.to_string()),
        ("code hash", job.codeHash.to_string()),
        ("fee", money(job.token, U256::from(job.fee))),
        ("quorum", format!("{}.{:02} %", job.quorumBps / 100, job.quorumBps % 100)),
        ("failures", job.failures.to_string()),
    ]
}

fn trigger(job: &Job) -> String {
    match job.trigger {
        0 => format!("every {} s from {}", job.interval, job.start),
        1 => "cron".to_owned(),
        2 => "one-shot".to_owned(),
        3 => "blocks".to_owned(),
        4 => "log".to_owned(),
        5 => "condition".to_owned(),
        other => format!("trigger {other}"),
    }
}

fn action(action: u8) -> &'static str {
    match action {
        0 => "wasm",
        1 => "upkeep",
        2 => "resolver",
        3 => "call",
        _ => "unknown",
    }
}

pub(super) fn status(status: u8) -> &'static str {
    match status {
        1 => "active",
        2 => "paused",
        3 => "cancelled",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests;

//! What came of a trial, for people and as a document.

use std::path::Path;
use std::time::Duration;

use alloy::primitives::Bytes;
use executor::{Abstain, Ended, Limits, MAX_CHAIN_READS};
use serde_json::{Value, json};

use super::effect::Effect;
use super::ground::{Forwarder, Whose};
use super::looks::Looks;
use super::{CodeFile, calldata};
use crate::cli::chain::gwei;
use crate::cli::job::price::{Price, date};
use crate::cli::output::{answer, rows};
use crate::cli::{Exit, Global};
use crate::jobs::Rehearsal;
use crate::jobs::action::Made;
use crate::jobs::tape::{Ending, Read, Tape};
use crate::jobs::trial::{Trial, Unmade};
use crate::jobs::trigger::Trigger;

/// Calldata that is shown to people, in bytes, and a line of the log, in characters; a document has all of it.
const MAX_SHOWN: usize = 256;
/// Lines of the log that are shown to people.
const MAX_LINES: usize = 50;
const MIB: u64 = 1 << 20;

/// A trial and all that came of it.
pub(in crate::cli::job) struct Report {
    pub(super) trial: Trial,
    made: Result<Made, Unmade>,
    elapsed: Duration,
    reads: Vec<Read>,
    pub(super) code: Option<CodeFile>,
    /// Whether anybody has said when the job is due.
    pub(super) is_due_by_word: bool,
    pub(super) delivery: Option<Delivery>,
    pub(super) price: Option<Priced>,
    /// Why keepers would not run it at that block, for the price of gas.
    pub(super) too_dear: Option<String>,
    /// Where a run made again is not what it was.
    pub(super) differences: Option<Vec<String>>,
    /// What five keepers saw, where the job looks outside.
    pub(super) looks: Option<Looks>,
    /// What it was to end in.
    pub(super) expected: Option<String>,
}

/// The price, how many runs there are in 30 days and a year where anybody knows, and whether the contracts have told it.
pub(super) type Priced = (Price, Option<(u64, u64)>, bool);

/// What became of the call.
pub(super) struct Delivery {
    pub(super) forwarder: Forwarder,
    pub(super) rehearsal: Rehearsal,
    pub(super) effect: Option<Result<Effect, String>>,
    /// Whether there is a contract at the target; a call to an account without code goes through and does nothing.
    pub(super) has_code: bool,
}

impl Delivery {
    pub(super) fn gas(&self) -> Option<u64> {
        if let Rehearsal::Taken { gas } = self.rehearsal { gas } else { None }
    }
}

impl Report {
    pub(super) const fn new(trial: Trial, made: Result<Made, Unmade>, elapsed: Duration, reads: Vec<Read>) -> Self {
        let (code, delivery, price, too_dear, looks) = (None, None, None, None, None);
        let (differences, expected, is_due_by_word) = (None, None, false);
        Self {
            trial,
            made,
            elapsed,
            reads,
            code,
            is_due_by_word,
            delivery,
            price,
            too_dear,
            looks,
            differences,
            expected,
        }
    }

    /// What the target would be called with.
    pub(super) fn calldata(&self) -> Option<Bytes> {
        calldata(&self.made)
    }

    /// The word for how it ended.
    pub(in crate::cli::job) const fn outcome(&self) -> &'static str {
        match &self.made {
            Err(Unmade::Never(_)) => "not_run",
            Err(Unmade::NotNow(_)) => "not_due",
            Ok(made) => match made.ended {
                Ended::Call(_) => "call",
                Ended::Skip(_) => "skip",
                Ended::JobError(_) => "error",
                Ended::Abstain(_) => "abstain",
            },
        }
    }

    /// What was asked for; else a call that the target takes, a skip, or nothing due is as it should be.
    pub(super) fn exit(&self) -> Exit {
        if let Some(expected) = &self.expected {
            return if expected == self.outcome() { Exit::Success } else { Exit::Failure };
        }
        let is_refused = self.delivery.as_ref().is_some_and(|it| matches!(it.rehearsal, Rehearsal::Refused(_)));
        match &self.made {
            Err(Unmade::NotNow(_)) => Exit::Success,
            Err(Unmade::Never(_)) => Exit::Failure,
            Ok(_) if is_refused => Exit::Failure,
            Ok(made) => match &made.ended {
                Ended::Call(_) | Ended::Skip(_) => Exit::Success,
                Ended::Abstain(Abstain::RpcFailure(_)) => Exit::Chain,
                Ended::Abstain(Abstain::CodeUnavailable(_)) => Exit::NotFound,
                Ended::Abstain(Abstain::Timeout) => Exit::Timeout,
                Ended::JobError(_) | Ended::Abstain(_) => Exit::Failure,
            },
        }
    }

    /// The run on tape; none where it has no result, which need not be the same again.
    pub(super) fn tape(&self) -> Option<Tape> {
        let made = self.made.as_ref().ok().filter(|made| !matches!(made.ended, Ended::Abstain(_)))?;
        let ended = Ending::of(made);
        Some(Tape { trial: self.trial.clone(), reads: self.reads.clone(), ended })
    }

    pub(super) fn tell(&self, global: &Global, recorded: Option<&Path>) {
        let mut text = rows(&self.lines());
        if let Some(file) = recorded {
            text +=
                &rows(&[("recorded", format!("in {}: --replay makes this run again without a chain", file.display()))]);
        }
        answer(global, self.document(recorded), &text);
    }

    /// Why it ended so, where it did not end in a call.
    fn reason(&self) -> Option<String> {
        match &self.made {
            Err(unmade) => Some(unmade.to_string()),
            Ok(made) => match &made.ended {
                Ended::Call(_) => None,
                Ended::Skip(why) | Ended::JobError(why) => Some(why.clone()),
                Ended::Abstain(why) => Some(why.to_string()),
            },
        }
    }

    fn abstention(&self) -> Option<&'static str> {
        match &self.made.as_ref().ok()?.ended {
            Ended::Abstain(why) => Some(why.name()),
            _ => None,
        }
    }

    /// As rows for people.
    pub(in crate::cli::job) fn lines(&self) -> Vec<(&'static str, String)> {
        let anchor = self.trial.anchor;
        let mut lines = vec![("outcome", self.ending())];
        lines.push(("block", format!("{} of {}, {}", anchor.number, date(anchor.timestamp), anchor.hash)));
        let trigger = Trigger::new(&self.trial.terms.trigger).map_or_else(|_| "?".to_owned(), |it| it.to_string());
        let when = if self.is_due_by_word {
            format!(", {trigger}")
        } else {
            ", for nobody said when: --every, --cron …".to_owned()
        };
        lines.push(("due", date(self.trial.run.due) + &when));
        if let Some(CodeFile { file, bytes, hash }) = &self.code {
            lines.push(("code", format!("{}, {bytes} bytes, SHA-256 {hash}", file.display())));
        }
        lines.extend(self.looks.iter().flat_map(Looks::lines));
        if let Ok(made) = &self.made {
            add_logs(&made.used.logs, &mut lines);
            if self.code.is_some() {
                lines.push(("used", self.used(made)));
            }
            if !self.reads.is_empty() {
                let reads = self.reads.len();
                lines.push(("reads", format!("{reads} of at most {MAX_CHAIN_READS}, root {}", made.transcript)));
            }
        }
        self.add_delivery(&mut lines);
        self.add_price(&mut lines);
        if let Some(why) = &self.too_dear {
            lines.push(("not run", why.clone()));
        }
        match self.differences.as_deref() {
            Some([]) => lines.push(("replay", "the same, byte for byte".to_owned())),
            Some(differences) => lines.extend(differences.iter().map(|it| ("DIFFERS", it.clone()))),
            None => {}
        }
        if let Some(expected) = self.expected.as_deref().filter(|expected| *expected != self.outcome()) {
            lines.push(("DIFFERS", format!("the run was to end in {expected}")));
        }
        lines
    }

    pub(super) fn ending(&self) -> String {
        let outcome = self.outcome();
        match (self.calldata(), self.reason(), self.abstention()) {
            (Some(data), ..) => {
                let more = if data.len() > MAX_SHOWN { "…" } else { "" };
                let shown = data.slice(..data.len().min(MAX_SHOWN));
                format!("{outcome} {shown}{more} ({} bytes)", data.len())
            }
            (None, Some(why), Some(name)) => format!("{outcome}, {name}: {why}"),
            (None, Some(why), None) => format!("{outcome}: {why}"),
            (None, None, _) => outcome.to_owned(),
        }
    }

    fn used(&self, made: &Made) -> String {
        let Limits { fuel, memory_bytes, wall_clock } = Limits::default();
        let percent = made.used.fuel.saturating_mul(1_000).div_ceil(fuel.max(1));
        let memory = made.used.memory_bytes.saturating_mul(10).div_ceil(MIB);
        format!(
            "{} fuel ({}.{} % of a run's), {}.{} of {} MiB, {} ms of {} ms; {} ms with getting the code ready",
            made.used.fuel,
            percent / 10,
            percent % 10,
            memory / 10,
            memory % 10,
            memory_bytes as u64 / MIB,
            made.took.as_millis(),
            wall_clock.as_millis(),
            self.elapsed.as_millis()
        )
    }

    fn add_delivery(&self, lines: &mut Vec<(&'static str, String)>) {
        let Some(Delivery { forwarder, rehearsal, effect, has_code }) = &self.delivery else {
            if self.calldata().is_some() && self.differences.is_none() {
                lines.push(("target", "none is named, so nothing was called: --target ADDRESS".to_owned()));
            }
            return;
        };
        let doubt = match (rehearsal, forwarder.whose) {
            (Rehearsal::Refused(_), Whose::StandIn) => "; it may ask who calls, and that is a stand-in here",
            _ if !has_code => "; WARNING: there is no contract, so that does nothing",
            _ => "",
        };
        lines.push(("target", format!("{}: {rehearsal}{doubt}", self.trial.terms.target)));
        lines.push(("called from", forwarder.words()));
        match effect {
            Some(Ok(effect)) => lines.extend(effect.rows().into_iter().map(|row| ("changes", row))),
            Some(Err(why)) => lines.push(("changes", format!("not known: {why}"))),
            None => {}
        }
    }

    fn add_price(&self, lines: &mut Vec<(&'static str, String)>) {
        let Some((price, counted, is_told)) = &self.price else { return };
        let basis = if *is_told { "" } else { "; a guess, for --network tells what else a run costs" };
        lines.push(("a run", format!("{} at {} for a gas{basis}", price.words(1), gwei(price.gas_price))));
        let Some((month, year)) = counted.filter(|_| self.is_due_by_word) else {
            lines.push(("in 30 days", "as often as it happens".to_owned()));
            return;
        };
        for (span, runs) in [("in 30 days", month), ("in a year", year)] {
            lines.push((span, format!("{runs} runs: {}", price.words(runs))));
        }
    }

    /// As a document.
    pub(in crate::cli::job) fn document(&self, recorded: Option<&Path>) -> Value {
        let (anchor, run) = (self.trial.anchor, self.trial.run);
        let made = self.made.as_ref().ok();
        let limits = Limits::default();
        let code = self.code.as_ref();
        json!({
            "outcome": self.outcome(),
            "calldata": self.calldata(),
            "reason": self.reason(),
            "abstention": self.abstention(),
            "chain_id": self.trial.chain_id,
            "block": {"number": anchor.number, "hash": anchor.hash, "timestamp": anchor.timestamp},
            "trigger": self.trial.terms.trigger.name(),
            "action": self.trial.terms.action.name(),
            "due": run.due,
            "instance_key": run.instance.0,
            "task": self.trial.task().id().0,
            "code": code.map(|it| json!({"file": it.file, "bytes": it.bytes, "hash": it.hash})),
            "fuel": made.map(|made| made.used.fuel),
            "most_fuel": limits.fuel,
            "memory_bytes": made.map(|made| made.used.memory_bytes),
            "most_memory_bytes": limits.memory_bytes,
            "took_ms": made.map(|made| made.took.as_millis()),
            "elapsed_ms": self.elapsed.as_millis(),
            "logs": made.map(|made| &made.used.logs),
            "reads": self.reads.len(),
            "transcript_root": made.map(|made| made.transcript),
            "delivery": self.delivery.as_ref().map(Delivery::document),
            "price": self.price.as_ref().map(price_document),
            "too_dear": self.too_dear,
            "recorded": recorded,
            "differences": self.differences,
            "looks": self.looks.as_ref().map(Looks::document),
            "expected": self.expected,
        })
    }
}

impl Delivery {
    fn document(&self) -> Value {
        let Forwarder { address, whose } = self.forwarder;
        json!({
            "outcome": self.rehearsal.name(),
            "says": self.rehearsal.to_string(),
            "gas": self.gas(),
            "target_has_code": self.has_code,
            "called_from": address,
            "is_stand_in": whose == Whose::StandIn,
            "changes": self.effect.as_ref().and_then(|effect| effect.as_ref().ok()).map(Effect::document),
            "changes_unknown": self.effect.as_ref().and_then(|effect| effect.as_ref().err()),
        })
    }
}

/// What the code said, as far as people read it; a document has all of it.
fn add_logs(logs: &[String], lines: &mut Vec<(&'static str, String)>) {
    let shown = |line: &String| ("log", line.chars().take(MAX_SHOWN).collect());
    lines.extend(logs.iter().take(MAX_LINES).map(shown));
    if logs.len() > MAX_LINES {
        lines.push(("log", format!("and {} lines more: --json has all", logs.len() - MAX_LINES)));
    }
}

fn price_document((price, counted, is_told): &(Price, Option<(u64, u64)>, bool)) -> Value {
    json!({
        "token": price.currency.address(),
        "fee": price.fee.to_string(),
        "gas_price_wei": price.gas_price.to_string(),
        "usual_gas_wei": price.usual_gas.to_string(),
        "most_gas_wei": is_told.then(|| price.most_gas.to_string()),
        "runs_in_30_days": counted.map(|(month, _)| month),
        "runs_in_year": counted.map(|(_, year)| year),
    })
}

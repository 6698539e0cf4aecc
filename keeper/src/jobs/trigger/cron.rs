//! Due at the minutes that a cron pattern names, in UTC: run k has the minute k = due / 60 for its instance key.
//!
//! Which minutes those are is not for the contract to say but for a quorum of keepers, so all must read a pattern alike: five
//! fields of numbers, names, `*`, `,`, `-` and `/`, read by one pinned version of `croner`. What it knows besides (`L`, `W`,
//! `#`, `?`, seconds, years, nicknames) is refused. As in Vixie's cron a day fits if either of two restricted day fields fits.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use clap::Args;
use consensus::task::InstanceKey;
use contracts::terms::{Limits, TriggerTerms};
use croner::Cron as Pattern;
use croner::parser::{CronParser, Seconds, Year};

use super::kind::{Earliest, Kind, Run, Sighting, Told};

const MINUTE: u64 = 60;
/// Longest pattern, in characters; the contract's limit.
const PATTERN_MAX: usize = 120;
/// The 29th of February comes after eight years at the latest, on one weekday of seven after 40: what does not fire within
/// so many days of this one, of 2026, never does.
const HORIZON_DAYS: u64 = 41 * 366;
const SOME_DAY: u64 = 1_767_225_600;
/// Most runs that are counted, to find the last of them.
const COUNTED_MAX: u32 = 100_000;

/// A cron pattern.
#[derive(Clone, Debug)]
pub struct Cron {
    text: Arc<str>,
    pattern: Arc<Pattern>,
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Cron {}

impl Cron {
    /// The minutes of a pattern; what is wrong with it if it is none, or never fires.
    pub(super) fn new(text: &str) -> Result<Self> {
        ensure!(text.len() <= PATTERN_MAX, "the cron pattern has more than {PATTERN_MAX} characters");
        let is_plain =
            |letter: char| letter.is_ascii_digit() || " *,-/".contains(letter) || letter.is_ascii_alphabetic();
        ensure!(text.chars().all(is_plain), "a cron pattern is made of numbers, names and the signs * , - /");
        ensure!(
            text.split(' ').count() == 5 && text.split(' ').all(|field| !field.is_empty()),
            "a cron pattern has five fields with one space between them: minute hour day month weekday, such as \"0 9 * * 1-5\""
        );
        let letters = text.split(|letter: char| !letter.is_ascii_alphabetic()).filter(|word| !word.is_empty());
        for word in letters {
            ensure!(
                NAMES.contains(&word.to_ascii_uppercase().as_str()),
                "{word:?} names no month and no weekday: JAN or MON are such names"
            );
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let pattern = parser.parse(text).with_context(|| format!("{text:?} is no cron pattern"))?;
        let cron = Self { text: text.into(), pattern: Arc::new(pattern) };
        ensure!(cron.first(SOME_DAY).is_some(), "{text:?} never fires");
        Ok(cron)
    }

    /// The first fitting minute at `from` or later.
    fn minute(&self, from: u64) -> Option<Run> {
        let from = from.checked_next_multiple_of(MINUTE)?;
        let moment: DateTime<Utc> = DateTime::from_timestamp(i64::try_from(from).ok()?, 0)?;
        let found = self.pattern.find_next_occurrence(&moment, true).ok()?;
        let due = u64::try_from(found.timestamp()).ok()?;
        (due >= from && due - from <= HORIZON_DAYS * 86_400)
            .then(|| Run::by_time(InstanceKey::from_run(due / MINUTE), due))
    }
}

const NAMES: [&str; 19] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC", "MON", "TUE", "WED", "THU",
    "FRI", "SAT", "SUN",
];

impl Kind for Cron {
    fn first(&self, from: u64) -> Option<Run> {
        self.minute(from)
    }

    fn after(&self, run: &Run) -> Option<Run> {
        self.minute(run.due.checked_add(1)?)
    }

    fn due(&self, instance: &InstanceKey) -> Option<u64> {
        let due = instance.run()?.checked_mul(MINUTE)?;
        self.minute(due).map(|run| run.due).filter(|found| *found == due)
    }

    fn period(&self) -> Option<u32> {
        Some(60)
    }

    fn told(&self, run: &Run, _: Option<&Sighting>) -> Told {
        Told { sequence: run.instance.run().unwrap_or(0), trigger: executor::Trigger::Time(run.due) }
    }

    fn words(&self) -> String {
        format!("at \"{}\" UTC", self.text)
    }

    fn flags(&self) -> Vec<(&'static str, String)> {
        vec![("trigger", "cron".to_owned()), ("cron", self.text.to_string())]
    }

    fn renewed(&self, _: Earliest) -> Option<TriggerTerms> {
        Some(TriggerTerms::Cron { pattern: self.text.to_string() })
    }

    /// The chain knows minutes, not which of them fit, so it counts no runs: the job ends with the last of them.
    fn limits(&self, asked: Limits, from: u64) -> Result<Limits> {
        let Some(after_first) = asked.most_runs.checked_sub(1) else { return Ok(asked) };
        ensure!(
            asked.most_runs <= COUNTED_MAX,
            "--most-runs is {}, and of a cron pattern no more than {COUNTED_MAX} are counted: say when it ends with --until",
            asked.most_runs
        );
        let mut runs = std::iter::successors(self.first(from), |run| self.after(run));
        let last = runs.nth(after_first as usize).context("--most-runs is more than there ever are")?.due;
        let until = if asked.until == 0 { last } else { last.min(asked.until) };
        Ok(Limits { until, most_runs: 0, ..asked })
    }
}

/// Flags of a cron pattern.
#[derive(Debug, Clone, Args)]
pub(super) struct CronFlags {
    /// When it runs, in UTC: minute hour day month weekday, such as "0 9 * * 1-5"
    #[arg(long, value_name = "PATTERN")]
    cron: Option<String>,
}

impl CronFlags {
    pub(super) fn given(&self) -> Option<&'static str> {
        self.cron.as_ref().map(|_| "--cron")
    }

    pub(super) fn terms(&self) -> Result<TriggerTerms> {
        let missing = "--cron is missing: say when the job runs, such as --cron \"0 9 * * 1-5\"";
        let pattern = self.cron.as_deref().context(missing)?;
        Cron::new(pattern).context("--cron")?;
        Ok(TriggerTerms::Cron { pattern: pattern.to_owned() })
    }
}

//! Scrapes keepers as Prometheus does, and writes what it has scraped as a test of rules.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bootstrap::swarm::api;
use bootstrap::swarm::ledger::unix_ms;
use tokio::task::JoinHandle;

/// Between two scrapes.
pub(super) const EVERY: Duration = Duration::from_secs(3);
/// What stands in the file between two scrapes, in seconds: alerts wait for minutes, and a test should not.
const STRETCHED: u64 = 15;
/// Of an alert that waits for a day; what is further apart is stale to Prometheus in between.
const STRETCHED_FAR: u64 = 300;
/// Scrapes that stand for a day then.
pub(super) const DAY: usize = 24 * 3_600 / STRETCHED_FAR as usize;
const PATIENCE: Duration = Duration::from_secs(240);
const ALERTS: &str = include_str!("../../../bootstrap/deploy/prometheus/alerts.yml");
const RULES: &str = include_str!("../../../bootstrap/deploy/prometheus/rules.yml");

/// A series of one keeper: the words that name it, its keeper left out.
type Series = String;

/// What was scraped so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Unix seconds of the first scrape.
    began: u64,
    pub(super) ticks: usize,
    /// By keeper and series, a value for each scrape; none where it was not there.
    values: BTreeMap<(String, Series), Vec<Option<f64>>>,
}

/// An alert, and the stretch of scrapes in which its fault was caused.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) alert: &'static str,
    /// For which keeper it rings.
    keeper: String,
    /// Scrapes at which it is quiet, and at which it rings.
    quiet: usize,
    rings: usize,
    seen: Seen,
    /// A keeper that is well.
    well: Option<String>,
}

/// Scrapes for as long as it is there.
pub(super) struct Recorder {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Recorder {
    /// Watches these keepers, by their names and data directories, and some that are found by an address.
    pub(super) fn start<'a>(keepers: impl Iterator<Item = (&'a str, PathBuf)>, more: &[(String, PathBuf)]) -> Self {
        let keepers: Vec<(String, PathBuf)> =
            keepers.map(|(name, path)| (name.to_owned(), path)).chain(more.iter().cloned()).collect();
        let seen = Arc::new(Mutex::new(Seen { began: unix_ms() / 1_000, ..Seen::default() }));
        let writing = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let client = reqwest::Client::builder().timeout(EVERY / 2).build().expect("a client");
            let mut ticks = tokio::time::interval(EVERY);
            loop {
                ticks.tick().await;
                let mut scraped = Vec::new();
                for (name, datadir) in &keepers {
                    scraped.push((name.clone(), scrape(&client, datadir).await));
                }
                writing.lock().expect("nobody panicked").note(scraped);
            }
        });
        Self { seen, task }
    }

    fn look<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().expect("nobody panicked"))
    }

    /// Waits for so many scrapes more; the number of the last.
    pub(super) async fn ticks(&self, count: usize) -> usize {
        let wanted = self.look(|seen| seen.ticks) + count;
        self.until(&format!("{count} scrapes"), |seen| seen.ticks >= wanted).await
    }

    /// Waits until something was scraped; the number of the scrape.
    pub(super) async fn until(&self, what: &str, is_there: impl Fn(&Seen) -> bool) -> usize {
        self.until_within(PATIENCE, what, is_there).await
    }

    pub(super) async fn until_within(&self, patience: Duration, what: &str, is_there: impl Fn(&Seen) -> bool) -> usize {
        let begun = Instant::now();
        loop {
            let (yes, ticks) = self.look(|seen| (is_there(seen), seen.ticks));
            if yes {
                return ticks.saturating_sub(1);
            }
            assert!(begun.elapsed() < patience, "{what}: not within {patience:?}");
            tokio::time::sleep(EVERY / 6).await;
        }
    }

    /// Ends the scrapes.
    pub(super) async fn stop(self) -> Seen {
        self.task.abort();
        let _ = self.task.await;
        self.seen.lock().expect("nobody panicked").clone()
    }
}

impl Seen {
    /// A stretch of it as the case of an alert.
    pub(super) fn case(
        &self,
        alert: &'static str,
        keeper: &str,
        well: Option<&str>,
        (quiet, rings): (usize, usize),
    ) -> Case {
        Case { alert, keeper: keeper.to_owned(), quiet, rings, seen: self.clone(), well: well.map(str::to_owned) }
    }

    /// The newest value of a keeper's series with this name and these words among its labels.
    pub(super) fn newest(&self, keeper: &str, name: &str, label: &str) -> Option<f64> {
        let is_meant = |(of, series): &(String, Series)| {
            of == keeper && series.split('{').next() == Some(name) && series.contains(label)
        };
        let found = self.values.iter().find(|(key, _)| is_meant(key))?;
        found.1.last().copied().flatten()
    }

    pub(super) fn counted(&self, keeper: &str, name: &str, label: &str) -> f64 {
        self.newest(keeper, name, label).unwrap_or_default()
    }

    fn note(&mut self, scraped: Vec<(String, Option<BTreeMap<Series, f64>>)>) {
        for (keeper, found) in scraped {
            let up = ("up{job=\"keeper\"}".to_owned(), f64::from(u8::from(found.is_some())));
            for (series, value) in found.into_iter().flatten().chain([up]) {
                let values = self.values.entry((keeper.clone(), series)).or_default();
                values.resize(self.ticks, None);
                values.push(Some(value));
            }
        }
        self.ticks += 1;
        self.values.values_mut().for_each(|values| values.resize(self.ticks, None));
    }
}

/// The series of a keeper that rules ask for; none if it does not answer.
async fn scrape(client: &reqwest::Client, datadir: &std::path::Path) -> Option<BTreeMap<Series, f64>> {
    let address = api::node(datadir).ok()?.metrics_addr;
    let answer = client.get(format!("http://{address}/metrics")).send().await.ok()?.error_for_status().ok()?;
    let (text, wanted) =
        (answer.text().await.ok()?, names(ALERTS).into_iter().chain(names(RULES)).collect::<BTreeSet<_>>());
    let line = |line: &str| {
        let (series, value) = line.rsplit_once(' ')?;
        let name = series.split('{').next()?;
        let is_wanted = wanted.contains(name) && !name.ends_with("_bucket");
        Some((series.to_owned(), value.parse().ok()?)).filter(|_| is_wanted)
    };
    Some(text.lines().filter(|text| !text.starts_with('#')).filter_map(line).collect())
}

/// The names of keepers' series in a text.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("keeper_")).map(str::to_owned).collect()
}

/// The expression of an alert, and of the recording rules that it rests on.
fn asked_by(alert: &str) -> String {
    let part = ALERTS.split("- alert: ").find(|part| part.lines().next() == Some(alert)).expect("the alert is there");
    let expression = part.lines().find_map(|line| line.trim().strip_prefix("expr: ")).expect("it has an expression");
    let rests = |rule: &&str| rule.lines().next().is_some_and(|name| expression.contains(name));
    let rules = RULES.split("- record: ").skip(1).filter(rests);
    [expression].into_iter().chain(rules).collect::<Vec<_>>().join("\n")
}

/// All cases as a file for `promtool test rules`.
pub(super) fn document(cases: &[Case]) -> String {
    let mut text = format!(
        "# What keepers of a running network showed while something was wrong with one of them: scraped by tests/e2e/alerts.rs, which\n\
         # writes this file (RECORD=1 tests/run.sh alerts). A scrape was made every {} s, and stands here for {STRETCHED} s, or {STRETCHED_FAR} s\n\
         # where an alert waits for a day; times of blocks are stretched alike.\n\
         rule_files: [rules.yml, alerts.yml]\nevaluation_interval: {STRETCHED}s\ntests:\n",
        EVERY.as_secs()
    );
    for case in cases {
        case.write(&mut text);
    }
    text
}

impl Case {
    fn write(&self, text: &mut String) {
        let far = if self.alert == "KeeperVersionSkew" { STRETCHED_FAR } else { STRETCHED };
        let expressions = asked_by(self.alert);
        let is_asked = |series: &str| {
            let name = series.split('{').next().unwrap_or_default();
            let words = expressions.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            words.into_iter().any(|word| word == name)
        };
        let _ = writeln!(text, "  - name: {}, {}\n    interval: {far}s\n    input_series:", self.alert, self.keeper);
        for ((keeper, series), values) in &self.seen.values {
            if is_asked(series) && (*keeper == self.keeper || Some(keeper) == self.well.as_ref()) {
                let labelled = with_instance(series, keeper);
                let _ = writeln!(
                    text,
                    "      - series: '{labelled}'\n        values: '{}'",
                    self.values(series, values, far)
                );
            }
        }
        text.push_str("    promql_expr_test:\n");
        let alert = self.alert;
        let expr = format!("group by (alertname, instance) (ALERTS{{alertname=\"{alert}\",alertstate=\"firing\"}})");
        let rings = format!("[{{labels: '{{alertname=\"{alert}\",instance=\"{}\"}}', value: 1}}]", self.keeper);
        for (tick, samples) in [(self.quiet, "[]"), (self.rings, rings.as_str())] {
            let _ = writeln!(
                text,
                "      - expr: '{expr}'\n        eval_time: {}s\n        exp_samples: {samples}",
                tick as u64 * far
            );
        }
    }

    /// The values up to where it rings, equal ones in a row drawn together.
    fn values(&self, series: &str, values: &[Option<f64>], far: u64) -> String {
        let stretch = |value: f64| match series.starts_with("keeper_chain_head_timestamp_seconds") {
            true => (value - self.seen.began as f64) * far as f64 / EVERY.as_secs_f64(),
            false => value,
        };
        let shown: Vec<String> = values
            .iter()
            .take(self.rings + 1)
            .map(|value| value.map_or_else(|| "_".to_owned(), |value| number(stretch(value))))
            .collect();
        let mut runs: Vec<(&str, usize)> = Vec::new();
        for value in &shown {
            match runs.last_mut() {
                Some((last, more)) if last == value => *more += 1,
                _ => runs.push((value, 0)),
            }
        }
        let run = |(value, more): (&str, usize)| match (value, more) {
            (_, 0) => value.to_owned(),
            ("_", more) => format!("_x{}", more + 1),
            (value, more) => format!("{value}x{more}"),
        };
        runs.into_iter().map(run).collect::<Vec<_>>().join(" ")
    }
}

fn number(value: f64) -> String {
    if value.is_infinite() { "1e12".to_owned() } else { format!("{value}") }
}

fn with_instance(series: &str, keeper: &str) -> String {
    let own = format!("instance=\"{keeper}\",network=\"local\"");
    match series.split_once('{') {
        Some((name, labels)) => format!("{name}{{{own},{labels}"),
        None => format!("{series}{{{own}}}"),
    }
}

//! A run of a job that looks outside, as five keepers with equal stakes make it: each looks by itself, at the web or at a file that
//! stands in for it, and what they saw is decided on. Five may all be heard or any four of them, so that is tried too.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use alloy::primitives::{B256, keccak256};
use anyhow::{Context, Result, anyhow};
use consensus::committee::KeeperIndex;
use consensus::inputs::{InputSet, Seen};
use executor::{
    Abstain, Ended, Executor, Fetching, Look, Observation, Web, WebAnswer, WebRequest, WebResponse, seen as encoding,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::{Exit, WithExit};
use crate::jobs::action::{Made, Used};
use crate::jobs::flags::read_file;
use crate::jobs::tape::Ending;
use crate::jobs::trial::{Trial, Unmade};

/// Keepers that look.
const KEEPERS: u16 = 5;
/// As many as must have seen something: more than two thirds.
const ENOUGH: usize = 4;
/// Each one's share of the stake, in billionths.
const SHARE: u32 = 200_000_000;
/// Bytes of a value that are shown to people.
const MAX_SHOWN: usize = 64;

/// What stands in for the web: answers by URL, one for each keeper, round and round.
#[derive(Debug)]
pub(super) struct Fixtures {
    pages: BTreeMap<String, Vec<Page>>,
    keeper: AtomicUsize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    url: String,
    answers: Vec<Page>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    #[serde(default = "fine")]
    status: u16,
    #[serde(default)]
    body: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// timeout, too-large, or why there is no answer.
    error: Option<String>,
}

const fn fine() -> u16 {
    200
}

impl Fixtures {
    /// Reads a file: `[{"url": "https://…", "answers": [{"body": "…"}, {"status": 500}, {"error": "timeout"}]}]`.
    pub(super) fn read(file: &Path) -> Result<Arc<Self>> {
        let bytes = read_file(file, "--http").exit(Exit::NotFound)?;
        let entries: Vec<Entry> = serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is no list of URLs and their answers, see docs/jobs.md", file.display()))
            .exit(Exit::Usage)?;
        if let Some(empty) = entries.iter().find(|entry| entry.answers.is_empty()) {
            return Err(anyhow!("{}: {} has no answers", file.display(), empty.url)).exit(Exit::Usage);
        }
        let pages = entries.into_iter().map(|entry| (entry.url, entry.answers)).collect();
        Ok(Arc::new(Self { pages, keeper: AtomicUsize::new(0) }))
    }

    fn answer(&self, request: &WebRequest) -> WebAnswer {
        let Some(pages) = self.pages.get(&request.url) else {
            return WebAnswer::Failed(format!("the file of --http has no answer for {}", request.url));
        };
        let page = pages[self.keeper.load(Ordering::Relaxed) % pages.len()].clone();
        match page.error.as_deref() {
            Some("timeout") => WebAnswer::Timeout,
            Some("too-large") => WebAnswer::TooLarge,
            Some(why) => WebAnswer::Failed(why.to_owned()),
            None => WebAnswer::Response(WebResponse {
                status: page.status,
                headers: page.headers.into_iter().collect(),
                body: page.body.into_bytes(),
            }),
        }
    }
}

impl Web for Fixtures {
    fn fetch<'a>(&'a self, _: u64, request: &'a WebRequest) -> Fetching<'a> {
        Box::pin(std::future::ready(self.answer(request)))
    }

    fn allows_private(&self) -> bool {
        true
    }
}

/// What five keepers saw, and what depends on which of them are heard.
#[derive(Debug)]
pub(super) struct Looks {
    looks: Vec<Result<Look, Unmade>>,
    /// The ends without one of them that are others than with all.
    without: Vec<(u16, String)>,
    /// Whether that was tried: there are none too few.
    is_tried: bool,
}

impl Looks {
    /// Has five keepers look, and gives the trial with what they saw, if that is enough.
    pub(super) async fn make(trial: &Trial, executor: &Executor, web: Option<&Fixtures>) -> (Self, Option<Trial>) {
        let mut looks = Vec::new();
        for keeper in 0..KEEPERS {
            web.iter().for_each(|web| web.keeper.store(keeper.into(), Ordering::Relaxed));
            looks.push(trial.observe(executor).await);
        }
        let seen: Vec<Seen> = (0..).zip(&looks).filter_map(|(keeper, look)| seen_of(keeper, look)).collect();
        let mut found = Self { looks, without: Vec::new(), is_tried: seen.len() == usize::from(KEEPERS) };
        if seen.len() < ENOUGH {
            return (found, None);
        }
        let of_all = Trial { inputs: Some(set_of(&seen)), ..trial.clone() };
        if found.is_tried {
            let all = end_of(&of_all, executor).await;
            for keeper in 0..KEEPERS {
                let rest: Vec<Seen> = seen.iter().filter(|one| one.keeper.0 != keeper).cloned().collect();
                let end = end_of(&Trial { inputs: Some(set_of(&rest)), ..trial.clone() }, executor).await;
                if end != all {
                    found.without.push((keeper, end));
                }
            }
        }
        (found, Some(of_all))
    }

    /// The end of a run that was not made.
    pub(super) fn too_few(&self) -> Made {
        let seen = self.looks.iter().filter(|look| look.as_ref().is_ok_and(|look| look.seen.is_ok())).count();
        let why = format!("{seen} of {KEEPERS} keepers saw something, and it takes {ENOUGH} to decide");
        let (ended, used) = (Ended::Abstain(Abstain::HostFailure(why)), Used::default());
        Made { ended, transcript: B256::ZERO, took: std::time::Duration::ZERO, used }
    }

    /// As rows for people.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        const NAMES: [&str; KEEPERS as usize] = ["keeper 0", "keeper 1", "keeper 2", "keeper 3", "keeper 4"];
        let mut lines = Vec::new();
        for (name, look) in NAMES.into_iter().zip(&self.looks) {
            lines.push((name, words_of(look)));
            let logs = look.iter().flat_map(|look| look.logs.iter().take(8));
            lines.extend(logs.map(|line| ("its log", line.chars().take(256).collect())));
        }
        let all: Vec<_> = self.looks.iter().flatten().filter_map(|look| look.seen.as_ref().ok()).collect();
        let agree = all.windows(2).all(|pair| pair[0] == pair[1]);
        lines
            .push(("seen", if agree { "the same by all who saw something" } else { "not the same by all" }.to_owned()));
        for (keeper, end) in &self.without {
            lines.push(("DEPENDS", format!("without keeper {keeper} it ends in {end}")));
        }
        if self.is_tried && self.without.is_empty() {
            lines.push(("decided", "alike by any four of the five".to_owned()));
        }
        lines
    }

    /// As a document.
    pub(super) fn document(&self) -> Value {
        let one = |look: &Result<Look, Unmade>| match look {
            Ok(look) => json!({
                "seen": look.seen.as_ref().ok().map(|bytes| items(bytes)),
                "why": look.seen.as_ref().err().map(|_| words_of_end(look)),
                "fuel": look.fuel,
                "memory_bytes": look.memory_bytes,
                "took_ms": look.took.as_millis(),
                "logs": look.logs,
            }),
            Err(unmade) => json!({"why": unmade.to_string()}),
        };
        let without: Vec<_> =
            self.without.iter().map(|(keeper, end)| json!({"without": keeper, "outcome": end})).collect();
        json!({"keepers": self.looks.iter().map(one).collect::<Vec<_>>(), "differs": without})
    }
}

fn seen_of(keeper: u16, look: &Result<Look, Unmade>) -> Option<Seen> {
    let bytes = look.as_ref().ok()?.seen.as_ref().ok()?.clone().into();
    Some(Seen { keeper: KeeperIndex(keeper), share: SHARE, bytes })
}

/// A set as a leader might list it; its name is none that any mesh would give it.
fn set_of(seen: &[Seen]) -> Arc<InputSet> {
    let parts: Vec<u8> = seen.iter().flat_map(|one| keccak256(&one.bytes).0).collect();
    Arc::new(InputSet { hash: keccak256(parts), seen: seen.to_vec() })
}

async fn end_of(trial: &Trial, executor: &Executor) -> String {
    match trial.make(executor).await {
        Ok(made) => Ending::of(&made).words(),
        Err(unmade) => unmade.to_string(),
    }
}

fn words_of(look: &Result<Look, Unmade>) -> String {
    match look {
        Err(unmade) => unmade.to_string(),
        Ok(look) => match &look.seen {
            Ok(bytes) => {
                let items = encoding::decode(bytes).unwrap_or_default();
                let shown: Vec<String> = items.iter().take(16).map(shown).collect();
                if shown.is_empty() { "saw nothing".to_owned() } else { shown.join(", ") }
            }
            Err(_) => words_of_end(look),
        },
    }
}

fn words_of_end(look: &Look) -> String {
    match &look.seen {
        Err(Ended::Abstain(why)) => why.to_string(),
        Err(Ended::JobError(why) | Ended::Skip(why)) => why.clone(),
        Err(Ended::Call(_)) | Ok(_) => String::new(),
    }
}

fn items(bytes: &[u8]) -> Vec<Value> {
    let items = encoding::decode(bytes).unwrap_or_default();
    items.iter().map(|item| json!({"key": item.key, "value": alloy::hex::encode_prefixed(&item.value)})).collect()
}

/// A key and its value: text where it can be read, a number where it is a word of the chain's, else bytes.
fn shown(item: &Observation) -> String {
    let key: String = item.key.chars().filter(|letter| !letter.is_control()).take(MAX_SHOWN).collect();
    let text = std::str::from_utf8(&item.value).ok().filter(|text| text.chars().all(|letter| !letter.is_control()));
    let value = match (text, <[u8; 32]>::try_from(item.value.as_slice())) {
        (_, Ok(word)) => alloy::primitives::U256::from_be_bytes(word).to_string(),
        (Some(text), _) if !text.is_empty() => text.chars().take(MAX_SHOWN).collect(),
        _ => alloy::hex::encode_prefixed(&item.value[..item.value.len().min(MAX_SHOWN)]),
    };
    format!("{key} = {value}")
}

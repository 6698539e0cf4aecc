//! Due when a contract emits a log that fits: the log's place has the instance key, keccak256(block hash, transaction hash,
//! log index), so the same log in another block is another run.

use std::sync::Arc;

use alloy::primitives::{Address, B256, keccak256};
use anyhow::{Context, Result, ensure};
use clap::Args;
use consensus::task::InstanceKey;
use contracts::terms::{Limits, LogTerms, Missed, TriggerTerms};

use super::kind::{Earliest, Kind, Run, SeenLog, Sighting, Told};
use crate::executor::{self, LogEntry};

/// Most blocks that a job may have on top of a log before it is due: the contract takes an anchor 100 blocks back, and settling
/// takes a few.
const CONFIRMATIONS_MAX: u16 = 64;
/// Most runs that one block may make due: a batch's.
const PER_BLOCK_MAX: u16 = 256;

/// Which logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(Arc<LogTerms>);

impl LogFilter {
    /// The logs that these terms name; `None` where they name none, or more than can be.
    pub(super) fn new(terms: &LogTerms) -> Option<Self> {
        let blank = |(place, topic): (usize, &B256)| terms.filter & (1 << place) != 0 || topic.is_zero();
        let makes_sense = !terms.emitter.is_zero()
            && terms.filter < 16
            && terms.topics.iter().enumerate().all(blank)
            && terms.confirmations <= CONFIRMATIONS_MAX
            && (1..=PER_BLOCK_MAX).contains(&terms.most_per_block);
        makes_sense.then(|| Self(Arc::new(terms.clone())))
    }

    /// The contract whose logs they are.
    #[must_use]
    pub fn emitter(&self) -> Address {
        self.0.emitter
    }

    /// The topic that is asked for at each place.
    pub fn topics(&self) -> impl Iterator<Item = Option<B256>> {
        self.0.topics.iter().enumerate().map(|(place, topic)| (self.0.filter & (1 << place) != 0).then_some(*topic))
    }

    /// Whether a log of the emitter with these topics is one.
    #[must_use]
    pub fn takes(&self, emitter: Address, topics: &[B256]) -> bool {
        emitter == self.0.emitter
            && self
                .topics()
                .enumerate()
                .all(|(place, asked)| asked.is_none_or(|asked| topics.get(place) == Some(&asked)))
    }

    /// Blocks on top of a log's block, its own confirmations among them, before it makes the job due.
    #[must_use]
    pub fn confirmations(&self) -> u64 {
        self.0.confirmations.into()
    }

    /// Most runs that one block makes due: of more logs the first ones.
    #[must_use]
    pub fn most_per_block(&self) -> usize {
        self.0.most_per_block.into()
    }

    /// The run that a log makes due; `due` is when that is acted on, in Unix seconds.
    #[must_use]
    pub fn run(&self, log: &SeenLog, due: u64) -> Run {
        let LogEntry { block_number, block_hash, transaction_hash, log_index, .. } = &log.entry;
        let place = [block_hash.as_slice(), transaction_hash.as_slice(), &log_index.to_be_bytes()].concat();
        Run::at_block(InstanceKey(keccak256(place)), due, *block_number, *log_index)
    }
}

impl Kind for LogFilter {
    fn told(&self, run: &Run, sighting: Option<&Sighting>) -> Told {
        let trigger = match sighting {
            Some(Sighting::Log(log)) => executor::Trigger::Log(Box::new(log.entry.clone())),
            _ => executor::Trigger::Time(run.due),
        };
        Told { sequence: 0, trigger }
    }

    fn words(&self) -> String {
        let topics = self.topics().map(|topic| topic.map_or_else(|| "any".to_owned(), |topic| topic.to_string()));
        let mut topics: Vec<String> = topics.collect();
        while topics.last().is_some_and(|topic| topic == "any") {
            topics.pop();
        }
        let topics = if topics.is_empty() { "any topics".to_owned() } else { format!("topics {}", topics.join(", ")) };
        format!("at logs of {} with {topics}, {} blocks later", self.0.emitter, self.0.confirmations)
    }

    fn flags(&self) -> Vec<(&'static str, String)> {
        let LogTerms { emitter, confirmations, most_per_block, .. } = *self.0;
        let topics = self.topics().map(|topic| topic.map_or_else(|| "any".to_owned(), |topic| topic.to_string()));
        vec![
            ("trigger", "log".to_owned()),
            ("emitter", emitter.to_string()),
            ("topics", topics.collect::<Vec<_>>().join(",")),
            ("log-confirmations", confirmations.to_string()),
            ("most-per-block", most_per_block.to_string()),
        ]
    }

    fn renewed(&self, _: Earliest) -> Option<TriggerTerms> {
        Some(TriggerTerms::Log(LogTerms::clone(&self.0)))
    }

    /// A log says something of its own: the next one does not stand for it.
    fn limits(&self, asked: Limits, _: u64) -> Result<Limits> {
        ensure!(
            asked.missed != Missed::Once,
            "--missed is once, and no log stands for those before it: `all` makes up for each, `skip` for none"
        );
        Ok(asked)
    }
}

/// Flags of logs.
#[derive(Debug, Clone, Args)]
pub(super) struct LogFlags {
    /// The contract whose logs make it due
    #[arg(long, value_name = "ADDRESS")]
    emitter: Option<Address>,
    /// The log's topics in their order, the first being the event's: 32 bytes each, or any
    #[arg(long, value_name = "TOPIC", value_parser = parse_topic, num_args = 1..=4, value_delimiter = ',')]
    topics: Option<Vec<Topic>>,
    /// Blocks on top of a log before it makes the job due [default: as the network has it]
    #[arg(long, value_name = "BLOCKS")]
    log_confirmations: Option<u16>,
    /// Most runs that one block makes due; of more logs the first ones [default: 16]
    #[arg(long, value_name = "NUMBER")]
    most_per_block: Option<u16>,
}

/// A topic, or any.
type Topic = Option<B256>;

fn parse_topic(text: &str) -> Result<Topic> {
    match text {
        "any" => Ok(None),
        _ => text.parse().map(Some).with_context(|| format!("{text:?} is no topic: write 32 bytes in hex, or any")),
    }
}

const PER_BLOCK: u16 = 16;

impl LogFlags {
    pub(super) fn given(&self) -> Option<&'static str> {
        let given = [
            ("--emitter", self.emitter.is_some()),
            ("--topics", self.topics.is_some()),
            ("--log-confirmations", self.log_confirmations.is_some()),
            ("--most-per-block", self.most_per_block.is_some()),
        ];
        given.into_iter().find_map(|(flag, is_given)| is_given.then_some(flag))
    }

    pub(super) fn terms(&self) -> Result<TriggerTerms> {
        let emitter = self.emitter.context("--emitter is missing: say whose logs make the job due")?;
        let confirmations = self.log_confirmations.unwrap_or_default();
        ensure!(
            confirmations <= CONFIRMATIONS_MAX,
            "--log-confirmations is {confirmations}: at most {CONFIRMATIONS_MAX}"
        );
        let most_per_block = self.most_per_block.unwrap_or(PER_BLOCK);
        ensure!(
            (1..=PER_BLOCK_MAX).contains(&most_per_block),
            "--most-per-block is {most_per_block}: between 1 and {PER_BLOCK_MAX}"
        );
        let mut terms = LogTerms { emitter, filter: 0, topics: [B256::ZERO; 4], confirmations, most_per_block };
        for (place, topic) in self.topics.iter().flatten().enumerate().take(terms.topics.len()) {
            if let Some(topic) = topic {
                terms.filter |= 1 << place;
                terms.topics[place] = *topic;
            }
        }
        ensure!(LogFilter::new(&terms).is_some(), "--emitter is the zero address, which emits nothing");
        Ok(TriggerTerms::Log(terms))
    }
}

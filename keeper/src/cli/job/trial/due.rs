//! Which run of a job is tried: the one that is due at a block, or nearest to it, and what was seen that makes it due.

use std::sync::Arc;

use alloy::primitives::{B256, Bytes, keccak256};
use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use anyhow::{Context, Result, anyhow, ensure};
use clap::{Args, ValueHint};
use consensus::anchor::BlockRef;
use consensus::task::InstanceKey;
use contracts::terms::TriggerTerms;
use executor::{LogEntry, MAX_CHAIN_BYTES, entry};

use super::ground::Ground;
use crate::chain::ChainError;
use crate::cli::job::flags::{Now, TermsFlags};
use crate::cli::{Exit, WithExit};
use crate::jobs::flags::{Start, parse_start, read_bytes};
use crate::jobs::trigger::{LogFilter, Run, SeenLog, Sighting, Trigger, Watch};

/// Blocks in which a log is looked for.
const LOOKED_BACK: u64 = 1_000;

/// Which run.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli::job) struct Moment {
    /// The block that the run is pinned to [default: the newest confirmed one]
    #[arg(long, value_name = "NUMBER")]
    pub(super) block: Option<u64>,
    /// The first run due at this moment or later: unix seconds, RFC 3339, or now+1h by the block's clock
    #[arg(long, value_name = "MOMENT", value_parser = parse_start)]
    due: Option<Start>,
    /// The transaction whose log makes it due [default: the newest log that fits]
    #[arg(long, value_name = "HASH", conflicts_with_all = ["log_data", "log_topics"])]
    tx: Option<B256>,
    /// Data of a log that is made up: 0x-hex, or @FILE
    #[arg(long, value_name = "BYTES", value_hint = ValueHint::FilePath)]
    log_data: Option<String>,
    /// Topics of a log that is made up [default: those that the trigger asks for]
    #[arg(long, value_name = "TOPIC", num_args = 1..=4, value_delimiter = ',')]
    log_topics: Option<Vec<B256>>,
}

/// A run, the block it is pinned to, and what was seen.
pub(super) type Due = (Run, BlockRef, Option<Sighting>);

/// The trigger, with moments in relation to the block; those that are past are as good.
pub(super) fn trigger_of(flags: &TermsFlags, block: &BlockRef) -> Result<TriggerTerms> {
    let now = Now { time: block.timestamp, block: block.number };
    let past = Now { time: 0, block: 0 };
    flags.trigger(now).or_else(|error| flags.trigger(past).map_err(|_| error))
}

impl Moment {
    /// The run to try.
    pub(super) async fn find(&self, ground: &Ground, trigger: &Trigger, block: BlockRef) -> Result<Due> {
        self.fit(trigger).exit(Exit::Usage)?;
        let acted_on = |timestamp: u64| timestamp.saturating_add(ground.confirmed_seconds());
        match trigger.watch() {
            Watch::Time => {
                let from = self.due.map_or(block.timestamp, |due| due.at(block.timestamp));
                let run = trigger.first(from).or_else(|| trigger.first(0));
                Ok((run.context("the trigger has no run at all").exit(Exit::NotFound)?, block, None))
            }
            Watch::Blocks(blocks) => {
                // A block that is none of its own is taken for the first.
                let due = acted_on(block.timestamp);
                let first = || Run::at_block(InstanceKey::from_run(0), due, block.number, 0);
                let run = blocks.at(block.number, due).unwrap_or_else(first);
                Ok((run, block, Some(Sighting::Block(block))))
            }
            Watch::Condition(condition) => Ok((condition.run(&block, acted_on(block.timestamp)), block, None)),
            Watch::Logs(filter) => {
                let (log, block) = match self.made_up(filter, &block).exit(Exit::Usage)? {
                    Some(log) => (log, block),
                    None => self.seen(ground, filter, &block).await?,
                };
                let run = filter.run(&log, acted_on(block.timestamp));
                Ok((run, block, Some(Sighting::Log(Arc::new(log)))))
            }
        }
    }

    /// Refuses what belongs to another kind of trigger.
    fn fit(&self, trigger: &Trigger) -> Result<()> {
        let is_log = matches!(trigger.watch(), Watch::Logs(_));
        let is_time = matches!(trigger.watch(), Watch::Time);
        let given = [self.tx.is_some(), self.log_data.is_some(), self.log_topics.is_some()];
        ensure!(is_log || given == [false; 3], "--tx, --log-data and --log-topics go with --trigger log");
        ensure!(
            is_time || self.due.is_none(),
            "--due goes with runs that are known ahead (interval, cron, once): what is seen in a block is due with it, see --block"
        );
        Ok(())
    }

    /// A log as if the block had it.
    fn made_up(&self, filter: &LogFilter, block: &BlockRef) -> Result<Option<SeenLog>> {
        if self.log_data.is_none() && self.log_topics.is_none() {
            return Ok(None);
        }
        let data = self.log_data.as_deref().map_or(Ok(Bytes::new()), |data| read_bytes(data, "--log-data"))?;
        ensure!(
            data.len() <= MAX_CHAIN_BYTES / 8,
            "--log-data has {} bytes: at most {}",
            data.len(),
            MAX_CHAIN_BYTES / 8
        );
        let asked: Vec<_> = filter.topics().collect();
        let length = asked.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        let topics = || asked.iter().take(length).map(|topic| topic.unwrap_or_default()).collect();
        let topics = self.log_topics.clone().unwrap_or_else(topics);
        ensure!(
            filter.takes(filter.emitter(), &topics),
            "--log-topics are not those that the trigger waits for (--topics)"
        );
        let entry = LogEntry {
            address: filter.emitter(),
            topics,
            data,
            block_number: block.number,
            block_hash: block.hash,
            transaction_hash: keccak256("a log that was made up"),
            log_index: 0,
        };
        Ok(Some(SeenLog { entry, timestamp: block.timestamp }))
    }

    /// The transaction's log, or the newest one up to the block; and its block.
    async fn seen(&self, ground: &Ground, filter: &LogFilter, block: &BlockRef) -> Result<(SeenLog, BlockRef)> {
        let provider = &ground.chain.provider;
        let logs = if let Some(tx) = self.tx {
            let receipt = provider.get_transaction_receipt(tx).await.map_err(ChainError::from)?;
            let receipt = receipt.with_context(|| format!("the node has no transaction {tx}")).exit(Exit::NotFound)?;
            receipt.inner.logs().to_vec()
        } else {
            let from = block.number.saturating_sub(LOOKED_BACK - 1);
            let mut asked = Filter::new().address(filter.emitter()).from_block(from).to_block(block.number);
            for (place, topic) in asked.topics.iter_mut().zip(filter.topics()) {
                *place = topic.map(Into::into).unwrap_or_default();
            }
            provider.get_logs(&asked).await.map_err(ChainError::from)?
        };
        let fits = |log: &LogEntry| filter.takes(log.address, &log.topics);
        let mut found: Vec<LogEntry> = logs.into_iter().filter_map(entry).filter(fits).collect();
        found.sort_by_key(|log| (log.block_number, log.log_index));
        let log = if self.tx.is_some() { found.into_iter().next() } else { found.pop() };
        let none = || match self.tx {
            Some(tx) => anyhow!("transaction {tx} has no log that fits the trigger"),
            None => anyhow!(
                "no log fits the trigger in the {LOOKED_BACK} blocks up to {}: emit one, name another --block, or have one made up with --log-data",
                block.number
            ),
        };
        let entry = log.ok_or_else(none).exit(Exit::NotFound)?;
        let block = ground.at(entry.block_number).await?;
        Ok((SeenLog { entry, timestamp: block.timestamp }, block))
    }
}

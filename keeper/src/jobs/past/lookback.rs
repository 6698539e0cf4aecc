//! What made a run due that may be an hour old: its log, looked for from the report's anchor back, or its block; and whether it is
//! certain that there was none. One node that shows none may have lost it, or lie: it takes two that have the anchor.

use std::sync::Arc;

use alloy::primitives::{B256, U64, keccak256};
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};
use consensus::anchor::BlockRef;
use consensus::task::InstanceKey;
use consensus::time::EXPIRY_SECONDS;

use super::{Past, WasDue};
use crate::chain::{ChainError, ChainProvider, head_at};
use crate::jobs::search::{Stretch, Wanted, search};
use crate::jobs::trigger::{LogFilter, Sighting};

/// Blocks that are searched at once.
const STRETCH: u64 = if cfg!(test) { 300 } else { 1_000 };
/// How long before its anchor a run may have come due, in seconds: keepers give it up after an hour, and a few minutes more cost little.
const LOOKED_BACK_SECONDS: u64 = EXPIRY_SECONDS + 600;
/// Nodes that must deny something before it never was.
const DENIALS: usize = 2;

/// What nodes are asked to deny.
enum Asked<'a> {
    /// The log that makes this run, in the blocks from this one to the anchor.
    Log(&'a LogFilter, &'a InstanceKey, u64),
    /// The block with this hash.
    Block(B256),
}

impl Past {
    /// The run of a log, however long before its anchor: where blocks are short an hour has more of them than a number could name.
    pub(super) async fn of_log(
        &self,
        filter: &LogFilter,
        instance: &InstanceKey,
        anchor: &BlockRef,
    ) -> Result<WasDue, ChainError> {
        let mut to = anchor.number;
        loop {
            let from = to.saturating_sub(STRETCH - 1);
            if let Some(found) = self.found_in(filter, instance, (from, to), anchor).await? {
                return Ok(found);
            }
            if from == 0 || self.is_too_old(from.saturating_add(filter.confirmations()), anchor).await? {
                let asked = Asked::Log(filter, instance, from);
                return Ok(match self.is_denied(&asked, anchor).await? {
                    true => WasDue::Never("no such log made it due in the hour before its anchor"),
                    false => WasDue::Unknown("its log is not found, and no two nodes say that there was none"),
                });
            }
            to = from - 1;
        }
    }

    /// The run of a log of these blocks, if it is there. Logs of so many blocks may be more than is taken at once.
    async fn found_in(
        &self,
        filter: &LogFilter,
        instance: &InstanceKey,
        (from, to): (u64, u64),
        anchor: &BlockRef,
    ) -> Result<Option<WasDue>, ChainError> {
        let followed = (to == anchor.number).then_some((to, anchor.hash));
        let mut stretch = Stretch {
            number: 0,
            from,
            to,
            followed: Arc::new(followed.into_iter().collect()),
            is_stuck: false,
            depth: filter.confirmations().saturating_sub(self.pace.confirmations),
            wanted: [Wanted { job: 0, filter: filter.clone(), apart: false }].into(),
        };
        loop {
            let found = search(&self.rpc, &stretch).await?;
            let mut runs = found.hits.into_iter().map(|hit| (filter.run(&hit.log, self.acted_on(hit.ripe)), hit.log));
            if let Some((run, log)) = runs.find(|(run, _)| run.instance == *instance) {
                return Ok(Some(WasDue::Yes(run, Some(Sighting::Log(log)))));
            }
            if found.left == 0 {
                return Ok(None);
            }
            stretch.from = to + 1 - found.left;
        }
    }

    /// Whether what was deep enough with this block is over by the anchor. Times are compared, not numbers: blocks come as they come.
    async fn is_too_old(&self, number: u64, anchor: &BlockRef) -> Result<bool, ChainError> {
        if number >= anchor.number {
            return Ok(false);
        }
        let ripe = head_at(&self.rpc.provider(), number).await?.timestamp;
        Ok(self.acted_on(ripe).saturating_add(LOOKED_BACK_SECONDS) < anchor.timestamp)
    }

    /// The block with this hash that is on the way to the anchor, or why there is none; `None` where that is not certain.
    pub(super) async fn block_before(
        &self,
        hash: B256,
        anchor: &BlockRef,
    ) -> Result<Result<BlockRef, Option<&'static str>>, ChainError> {
        let Some(block) = block_of(&self.rpc.provider(), hash).await? else {
            let is_denied = self.is_denied(&Asked::Block(hash), anchor).await?;
            return Ok(Err(is_denied.then_some("there is no such block")));
        };
        if block.number > anchor.number {
            return Ok(Err(Some("its block comes after its anchor")));
        }
        let is_there = head_at(&self.rpc.provider(), block.number).await?.hash == hash;
        Ok(if is_there { Ok(block) } else { Err(Some("its block is not on the chain of its anchor")) })
    }

    /// Whether enough nodes that have the anchor say that there is no such thing, and none shows it.
    async fn is_denied(&self, asked: &Asked<'_>, anchor: &BlockRef) -> Result<bool, ChainError> {
        let mut denials = 0;
        for provider in self.rpc.witnesses().await? {
            let denied = match asked {
                Asked::Log(filter, instance, from) => lacks_log(&provider, filter, instance, *from, anchor).await,
                Asked::Block(hash) => lacks_block(&provider, *hash, anchor).await,
            };
            match denied {
                Ok(true) => denials += 1,
                Ok(false) => return Ok(false),
                // It says nothing about it; another one may.
                Err(error) => tracing::debug!(%error, "a node was asked whether a run was due"),
            }
            if denials == DENIALS {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether a node that has the anchor has no log in the blocks up to it that makes this run.
async fn lacks_log(
    provider: &ChainProvider,
    filter: &LogFilter,
    instance: &InstanceKey,
    first: u64,
    anchor: &BlockRef,
) -> Result<bool, ChainError> {
    let mut asked = Filter::new().address(filter.emitter());
    for (place, topic) in filter.topics().enumerate() {
        asked.topics[place] = topic.into_iter().collect::<Vec<_>>().into();
    }
    let (mut from, mut most) = (first, STRETCH);
    while from <= anchor.number {
        let to = from.saturating_add(most - 1).min(anchor.number);
        let found = provider.get_logs(&asked.clone().from_block(from).to_block(to)).await.map_err(ChainError::from);
        let mut logs = match found {
            Err(ChainError::TooMuch(_)) if from < to => {
                most = (to - from).div_ceil(2);
                continue;
            }
            found => found?,
        };
        logs.retain(|log| filter.takes(log.address(), log.topics()));
        logs.sort_by_key(|log| (log.block_number, log.log_index));
        if let Some(place) = logs.iter().position(|log| key_of(log) == Some(*instance)) {
            // Of more than the job takes of a block those at the end are none of its runs.
            let before = logs[..place].iter().filter(|log| log.block_number == logs[place].block_number);
            return Ok(before.count() >= filter.most_per_block());
        }
        (from, most) = (to + 1, (most * 2).min(STRETCH));
    }
    has_anchor(provider, anchor).await
}

/// Whether a node that has the anchor does not know this block.
async fn lacks_block(provider: &ChainProvider, hash: B256, anchor: &BlockRef) -> Result<bool, ChainError> {
    Ok(block_of(provider, hash).await?.is_none() && has_anchor(provider, anchor).await?)
}

/// Whether a node is on the chain that is asked about: one on another branch has nothing to say.
async fn has_anchor(provider: &ChainProvider, anchor: &BlockRef) -> Result<bool, ChainError> {
    let head = head_at(provider, anchor.number).await?;
    let elsewhere = || ChainError::unbelievable("other_block", format!("block {} is another one", anchor.number));
    if head.hash == anchor.hash { Ok(true) } else { Err(elsewhere()) }
}

/// The key of the run that a log makes.
fn key_of(log: &Log) -> Option<InstanceKey> {
    let index = u32::try_from(log.log_index?).ok()?;
    let place = [log.block_hash?.as_slice(), log.transaction_hash?.as_slice(), &index.to_be_bytes()].concat();
    Some(InstanceKey(keccak256(place)))
}

/// The block with this hash, if a node has it.
async fn block_of(provider: &ChainProvider, hash: B256) -> Result<Option<BlockRef>, ChainError> {
    #[derive(Debug, serde::Deserialize)]
    struct Header {
        number: U64,
        timestamp: U64,
    }
    let header: Option<Header> = provider.raw_request("eth_getBlockByHash".into(), (hash, false)).await?;
    Ok(header.map(|header| BlockRef { number: header.number.to(), hash, timestamp: header.timestamp.to() }))
}

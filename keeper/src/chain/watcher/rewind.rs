//! Going back: reorganisations, and chains that were set back as a whole (`evm_revert`, a chain started anew).

use super::{Interrupt, Watcher, send};
use crate::chain::heads::{self, HELD_BLOCKS};
use crate::chain::snapshot;
use crate::chain::{ChainError, ChainEvent, Head};
use alloy::providers::Provider;
use tokio::sync::mpsc;

impl Watcher {
    /// Goes back to the last block that still stands, because `head` is not the continuation of what is held.
    pub(super) async fn rewind(&mut self, events: &mpsc::Sender<ChainEvent>, head: Head) -> Result<(), Interrupt> {
        let Some(last) = self.held.last() else {
            if self.history_is_void(events, head).await? {
                return Ok(());
            }
            let detail = format!("block {} does not follow the history below it, which still stands", head.number);
            return Err(ChainError::unbelievable("not_linked", detail).into());
        };
        let from = last.number.min(head.number);
        let ancestor = heads::common_ancestor(&self.provider, &self.held, from).await?;
        if ancestor == Some(from) {
            let detail = format!("block {} contradicts block {from}, which still stands", head.number);
            return Err(ChainError::unbelievable("not_linked", detail).into());
        }
        let Some(number) = ancestor else { return self.start_over(events).await };
        self.rpc.count("reorg");
        tracing::warn!(number, orphaned = last.number - number, "the chain was reorganised");
        self.newest.forget();
        self.back_to(events, number).await
    }

    /// Whether the chain does not have the block that history was read up to, while nothing above it is held: a node made
    /// it up. Then everything is told anew.
    ///
    /// # Errors
    /// Another good node does have it: this one is not to be believed.
    pub(super) async fn history_is_void(
        &mut self,
        events: &mpsc::Sender<ChainEvent>,
        newest: Head,
    ) -> Result<bool, Interrupt> {
        let Some(end) = self.held.end_of_history().filter(|end| end.number <= newest.number) else { return Ok(false) };
        if heads::at(&self.provider, end.number).await?.hash == end.hash {
            return Ok(false);
        }
        if let Some(other) = self.rpc.others(&self.node).into_iter().next()
            && heads::at(&other.provider(), end.number).await.is_ok_and(|theirs| theirs.hash == end.hash)
        {
            let detail = format!("its block {} is not the one that {} has too", end.number, other.origin());
            return Err(ChainError::unbelievable("unconfirmed_history", detail).into());
        }
        self.start_over(events).await?;
        Ok(true)
    }

    /// Every block held is void, or the history was: everything is told anew.
    ///
    /// # Errors
    /// The node shows another chain by now, or one without our contracts: then all is kept for when ours is back.
    pub(super) async fn start_over(&mut self, events: &mpsc::Sender<ChainEvent>) -> Result<(), Interrupt> {
        self.checked.clear();
        let (file, expected) = (self.config.network_file.display(), self.config.network.chain_id);
        let found = self.provider.get_chain_id().await.map_err(ChainError::from)?;
        if found != expected {
            let why = format!("the node serves chain {found} by now, {file} says {expected}");
            return Err(ChainError::WrongChainId(why).into());
        }
        snapshot::check_contracts(&self.provider, &self.config).await?;
        self.rpc.count("deep_reorg");
        tracing::error!(held = HELD_BLOCKS, "no block held still stands; starting over from the deploy block");
        self.newest.forget();
        self.held.clear();
        self.history_epoch = None;
        self.drop_digest();
        self.doubts.rewind(0);
        self.next = self.config.network.deploy_block;
        send(events, ChainEvent::Rewound { number: self.next.saturating_sub(1) }).await
    }

    /// The newest block has been below what was seen before for a while. Where no node shows more, the chain was set back.
    pub(super) async fn set_back(&mut self, events: &mpsc::Sender<ChainEvent>, latest: Head) -> Result<(), Interrupt> {
        self.rpc.survey().await;
        let seen = self.newest.head().map_or(0, |newest| newest.number);
        if self.rpc.others_show(&self.node, seen) {
            // This node is behind, and the survey has noted it.
            self.rpc.count("node_behind");
            return Ok(());
        }
        let syncing: serde_json::Value =
            self.provider.raw_request("eth_syncing".into(), Vec::<u8>::new()).await.unwrap_or_default();
        if syncing.is_object() {
            let detail = format!("it is still syncing, at block {}; block {seen} was seen before", latest.number);
            return Err(ChainError::unbelievable("node_syncing", detail).into());
        }
        tracing::warn!(newest = latest.number, before = seen, "the chain was set back");
        self.rpc.count("set_back");
        let (Some(first), Some(last)) = (self.held.first(), self.held.last()) else {
            // History was read beyond the chain's end: what its blocks will hold is still to be told.
            if self.held.end_of_history().is_some_and(|end| end.number > latest.number) {
                return self.start_over(events).await;
            }
            self.newest.forget();
            return Ok(());
        };
        if latest.number >= last.number {
            self.newest.forget();
            return Ok(());
        }
        // Blocks that stand are kept: nothing above them is known to be there.
        if latest.number > first.number && self.held.get(latest.number).is_some_and(|held| held.hash == latest.hash) {
            self.newest.forget();
            return self.back_to(events, latest.number).await;
        }
        if latest.number > first.number {
            return self.rewind(events, latest).await;
        }
        self.start_over(events).await
    }
}

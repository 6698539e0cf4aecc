//! Going back: reorganisations, and chains that were set back as a whole (`evm_revert`, a chain started anew).

use super::{Interrupt, Watcher, send};
use crate::chain::heads::{self, HELD_BLOCKS};
use crate::chain::{ChainError, ChainEvent, Head};
use alloy::providers::Provider;
use tokio::sync::mpsc;

impl Watcher {
    /// Goes back to the last block that still stands, because `head` is not the continuation of what is held.
    pub(super) async fn rewind(&mut self, events: &mpsc::Sender<ChainEvent>, head: Head) -> Result<(), Interrupt> {
        let Some(last) = self.held.last() else { return Ok(()) };
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

    /// Every block held is void: everything is told anew.
    async fn start_over(&mut self, events: &mpsc::Sender<ChainEvent>) -> Result<(), Interrupt> {
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

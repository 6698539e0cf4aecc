//! What every machine reads and none of them decides: what the chain has shown so far, and who this keeper is.
//!
//! Everything that follows from the chain alone is worked out here and nowhere else: the anchor of an attempt, the
//! committee of an anchor, the leaders of a window. So keepers that have seen the same blocks come to the same answers.

mod links;
pub(crate) mod tables;

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::{Address, B256};
use ed25519_dalek::SigningKey;

use crate::aggregator::Weights;
use crate::anchor::{BlockRef, ChainView};
use crate::bls::{PublicKey, SecretKey, Signature, sign};
use crate::committee::{Committee, KeeperIndex, PeerKey};
use crate::config::Config;
use crate::laws::Laws;
use crate::leader::turns::MissedTurns;
use crate::leader::{self, Lines, Window};
use crate::report::{Anchor, Domain};
use crate::task::{AnchorRule, DueTask};
use crate::time::Pace;

/// Committees kept: an anchor is at most 256 blocks old, and about 100 s where blocks are that short, so few epochs can matter.
const COMMITTEES_MAX: usize = 16;

/// A task that was settled late: if it could have been settled in time, its window's leader has missed a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LateSettlement {
    /// Number of the block.
    pub block: u64,
    /// When the task was due, in Unix seconds.
    pub due: u64,
    /// By which rule its anchor was found.
    pub rule: AnchorRule,
    /// The block its report was pinned to: later attempts are late without anybody's fault.
    pub anchor: u64,
    /// Who sent the transaction.
    pub submitter: Address,
}

/// Who leads a window.
#[derive(Clone, Debug)]
pub struct WindowView {
    /// The window.
    pub window: u64,
    /// Its leaders by stage.
    pub order: Vec<KeeperIndex>,
    /// The committee they were drawn from.
    pub committee: Arc<Committee>,
}

/// The leaders of a window by stage, with the committee they were drawn from.
pub(crate) type Line = (Vec<KeeperIndex>, Arc<Committee>);

/// The facts as one keeper knows them.
#[derive(Debug)]
pub(crate) struct Facts {
    domain: Domain,
    pace: Pace,
    operator: Address,
    secret: SecretKey,
    peer_key: SigningKey,
    /// What its row must hold; to derive them from the secrets takes a multiplication on the curve each.
    public: (PeerKey, PublicKey),
    weights: Weights,
    laws: Arc<dyn Laws>,
    chain: ChainView,
    committees: BTreeMap<u32, Arc<Committee>>,
    missed: MissedTurns,
    lines: Lines,
    tables: tables::Tables,
    links: links::Links,
}

impl Facts {
    /// A keeper that knows itself and nothing of the chain.
    pub(crate) fn new(config: Config, laws: Arc<dyn Laws>) -> Self {
        Self {
            domain: config.domain,
            pace: config.pace,
            operator: config.operator,
            public: (PeerKey(config.peer_key.verifying_key().to_bytes()), config.secret.public_key()),
            secret: config.secret,
            peer_key: config.peer_key,
            weights: Weights::new(config.seed),
            laws,
            chain: ChainView::default(),
            committees: BTreeMap::new(),
            missed: MissedTurns::default(),
            lines: Lines::default(),
            tables: tables::Tables::default(),
            links: links::Links::default(),
        }
    }

    /* -------- what happens to them -------- */

    /// The next block at the confirmation depth.
    pub(crate) fn push(&mut self, block: BlockRef) {
        self.chain.push(block);
    }

    /// Blocks above `number` are gone, and with them the epochs that began in them (rule 17).
    pub(crate) fn rewind(&mut self, number: u64) {
        self.chain.rewind(number);
        self.missed.rewind(number);
        self.committees.retain(|_, committee| committee.active_from() <= number + 1);
    }

    /// A committee, active from its first block on.
    pub(crate) fn enter_epoch(&mut self, committee: Committee) {
        self.committees.insert(committee.epoch(), Arc::new(committee));
        while self.committees.len() > COMMITTEES_MAX {
            self.committees.pop_first();
        }
    }

    /// A leader that left a task to others for a full stage, though it could be settled at its first attempt, has missed
    /// its turn (rule 3).
    pub(crate) fn note_late(&mut self, late: &LateSettlement) {
        let window = self.pace.window_of(late.due);
        let first_anchor = self.anchor_by(late.rule, late.due, 0);
        let Some((order, committee)) = self.leaders(window) else {
            return;
        };
        let leader = order.first().and_then(|&index| Some((index, committee.member(index)?)));
        if let Some((index, member)) = leader
            && first_anchor.is_some_and(|anchor| anchor.number == late.anchor)
            && member.operator != late.submitter
        {
            self.missed.note(Window(window), index, late.block);
        }
    }

    /// How far the chain's time is ahead of the keeper's clock; tells whether that is news.
    pub(crate) fn set_ahead(&mut self, ahead_ms: i64) -> bool {
        std::mem::replace(&mut self.pace.ahead_ms, ahead_ms) != ahead_ms
    }

    /// A peer has shown the table of its current epoch (rule 15). Tells whether a doubt ends with that: who has kept silent
    /// for it may speak.
    pub(crate) fn note_table(&mut self, peer: PeerKey, epoch: u32, table_root: B256) -> bool {
        let Some(index) = self.committees().find_map(|committee| committee.index_of(peer)) else {
            return false;
        };
        let before: Vec<_> = self.committees().filter(|committee| self.is_disputed(committee)).cloned().collect();
        self.tables.note(index, epoch, table_root);
        before.iter().any(|committee| !self.is_disputed(committee))
    }

    /* -------- what follows from the chain -------- */

    /// The newest block at the confirmation depth.
    pub(crate) fn head(&self) -> Option<BlockRef> {
        self.chain.head()
    }

    /// A block at the confirmation depth.
    pub(crate) fn block(&self, number: u64) -> Option<BlockRef> {
        self.chain.at(number)
    }

    /// The block with this hash.
    pub(crate) fn block_of(&self, hash: B256) -> Option<BlockRef> {
        self.chain.with_hash(hash)
    }

    /// The block that an attempt at a task is pinned to, once it is certain (rule 1).
    pub(crate) fn anchor(&self, due: &DueTask, attempt: u8) -> Option<BlockRef> {
        self.anchor_by(due.anchor, due.due, attempt)
    }

    fn anchor_by(&self, rule: AnchorRule, due: u64, attempt: u8) -> Option<BlockRef> {
        match rule {
            AnchorRule::AtBlock(number) if attempt == 0 => self.chain.at(number),
            AnchorRule::ByTime => self.chain.last_up_to(self.pace.anchor_limit(due, attempt)),
            // It was due in no block before the one that made it due.
            AnchorRule::AtBlock(number) => {
                let anchor = self.chain.last_up_to(self.pace.anchor_limit(due, attempt));
                anchor.filter(|anchor| anchor.number >= number)
            }
        }
    }

    /// The committee of the epoch active at a block (rule 2); `None` before the first epoch.
    pub(crate) fn committee_at(&self, block: u64) -> Option<Arc<Committee>> {
        let block = self.laws.epoch_block(block);
        self.committees.values().rev().find(|committee| committee.active_from() <= block).cloned()
    }

    /// The committee of an epoch, if it is not too old.
    pub(crate) fn committee_of(&self, epoch: u32) -> Option<&Arc<Committee>> {
        self.committees.get(&epoch)
    }

    /// All committees that can matter still, the newest first.
    pub(crate) fn committees(&self) -> impl Iterator<Item = &Arc<Committee>> {
        self.committees.values().rev()
    }

    /// The leaders of a window, once the seed block is certain: as drawn, but for those that the chain shows missing
    /// turns, who come last (rule 3).
    pub(crate) fn leaders(&mut self, window: u64) -> Option<Line> {
        let (drawn, committee, block) = self.drawn_with_block(window)?;
        Some((self.missed.reorder(&drawn, block), committee))
    }

    /// The leaders of a window as they were drawn. A keeper that has seen less of the chain may know of fewer missed turns,
    /// so this order is right as well.
    pub(crate) fn drawn(&mut self, window: u64) -> Option<Vec<KeeperIndex>> {
        self.drawn_with_block(window).map(|(drawn, ..)| drawn)
    }

    fn drawn_with_block(&mut self, window: u64) -> Option<(Vec<KeeperIndex>, Arc<Committee>, u64)> {
        let (block, committee) = self.seed_block(window)?;
        let drawn = self.lines.order(self.domain.separator(), Window(window), block.hash, &committee);
        Some((self.laws.line(drawn), committee, block.number))
    }

    /// [`Self::leaders`] for whoever only looks: a line that is not remembered is drawn and forgotten again.
    pub(crate) fn view(&self, window: u64) -> Option<WindowView> {
        let (block, committee) = self.seed_block(window)?;
        let known = self.lines.known(Window(window), block.hash, &committee).map(<[_]>::to_vec);
        let draw = || leader::draw(self.domain.separator(), Window(window), block.hash, &committee);
        let drawn = self.laws.line(known.unwrap_or_else(draw));
        Some(WindowView { window, order: self.missed.reorder(&drawn, block.number), committee })
    }

    /// The block that a window's line is drawn from, and its committee.
    fn seed_block(&self, window: u64) -> Option<(BlockRef, Arc<Committee>)> {
        let block = self.chain.last_up_to(self.pace.seed_limit(window))?;
        Some((block, self.committee_at(block.number)?))
    }

    /// Whether the chain holds a block, as far as it is remembered.
    pub(crate) fn holds(&self, anchor: &Anchor) -> bool {
        self.chain.holds(anchor)
    }

    /// Whether more stake contradicts a committee of this keeper than agrees with it, its own included (rule 15).
    pub(crate) fn is_disputed(&self, committee: &Committee) -> bool {
        self.tables.dispute(committee, self.my_index(committee))
    }

    /// Whether this keeper must not sign under a committee, because it is disputed.
    pub(crate) fn is_doubtful(&self, committee: &Committee) -> bool {
        self.laws.heeds_doubt() && self.is_disputed(committee)
    }

    /* -------- who this keeper is -------- */

    /// This keeper's index in a committee: its operator's row, if the row holds the very keys it signs with.
    pub(crate) fn my_index(&self, committee: &Committee) -> Option<KeeperIndex> {
        let (peer, key) = self.public;
        let index = committee.index_of(peer)?;
        let member = committee.member(index)?;
        let mine = member.operator == self.operator && member.key == key;
        mine.then_some(index)
    }

    /// Signs a digest for the mesh with the BLS key.
    pub(crate) fn sign(&self, digest: B256) -> Signature {
        self.secret.sign(digest.as_slice())
    }

    /// Signs a hash with the peer key.
    pub(crate) fn sign_as_peer(&self, hash: B256) -> [u8; 64] {
        sign(&self.peer_key, hash)
    }

    /// The peer key, for messages that sign themselves.
    pub(crate) fn peer_key(&self) -> &SigningKey {
        &self.peer_key
    }

    /// The next random weight of batch verification.
    pub(crate) fn draw_weight(&mut self) -> u64 {
        self.weights.draw()
    }

    /// Chain and contract everything signed is bound to.
    pub(crate) fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The chain's pace.
    pub(crate) fn pace(&self) -> Pace {
        self.pace
    }

    /// What this keeper holds itself to.
    pub(crate) fn laws(&self) -> &Arc<dyn Laws> {
        &self.laws
    }
}

#[cfg(test)]
pub(crate) mod tests;

//! How many blocks of logs one node answers for at once: shrinks when it refuses, grows again slowly.

/// Most blocks asked for at once, and where every node starts.
pub(super) const MOST_BLOCKS: u64 = 2_000;
/// Full answers before a wider question is tried; doubled each time that fails, up to the second.
const PATIENCE: u32 = 16;
const PATIENCE_MAX: u32 = 4_096;
/// What is left of a refused range when the node does not say how much it wants: half when it spoke of a cap…
const OF_A_CAP: u64 = 2;
/// …and less when its words could mean anything.
const OF_AN_ERROR: u64 = 8;

/// One node's width.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    blocks: u64,
    /// The width before it was last widened, until a question that wide was answered.
    tried: Option<u64>,
    full_answers: u32,
    patience: u32,
}

impl Default for Span {
    fn default() -> Self {
        Self { blocks: MOST_BLOCKS, tried: None, full_answers: 0, patience: PATIENCE }
    }
}

impl Span {
    pub(super) fn blocks(&self) -> u64 {
        self.blocks
    }

    /// A question about so many blocks was answered.
    pub(super) fn answered(&mut self, blocks: u64) {
        if blocks < self.blocks {
            return;
        }
        if self.tried.take().is_some() {
            // Wider went well: the cap is gone, or was further up.
            self.patience = (self.patience / 2).max(PATIENCE);
        }
        self.full_answers += 1;
        if self.full_answers >= self.patience && self.blocks < MOST_BLOCKS {
            self.full_answers = 0;
            self.tried = Some(self.blocks);
            self.blocks = (self.blocks + (self.blocks / 2).max(1)).min(MOST_BLOCKS);
        }
    }

    /// A question about so many blocks was refused; `proposed`: what the node would answer for. Nothing narrower than one
    /// block can be asked.
    pub(super) fn refused(&mut self, blocks: u64, proposed: Option<u64>, spoke_of_a_cap: bool) {
        if blocks > self.blocks {
            // Asked before it was narrowed: nothing new.
            return;
        }
        if let Some(before) = self.tried.take() {
            self.patience = (self.patience * 2).min(PATIENCE_MAX);
            self.blocks = before;
        } else {
            let part = if spoke_of_a_cap { OF_A_CAP } else { OF_AN_ERROR };
            self.blocks = proposed.unwrap_or(blocks / part).clamp(1, blocks.saturating_sub(1).max(1));
        }
        self.full_answers = 0;
    }
}

#[cfg(test)]
mod tests;

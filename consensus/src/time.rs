//! Time as data: the protocol never reads a clock, and every span it waits is here with its reason.

/// Milliseconds since the Unix epoch, as the keeper's own clock tells. Only liveness depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Time(pub u64);

impl Time {
    /// The moment `seconds` after the Unix epoch; the end of time if that does not fit.
    pub fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// This moment and `milliseconds` more.
    pub fn plus(self, milliseconds: u64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }
}

/// How long a message that could become right is kept without a verdict. Gossip forgets it after six heartbeats.
pub const HOLD: u64 = 1_000;
/// How long partials wait for company before their signatures are checked; a quorum does not wait.
pub const VERIFY_DELAY: u64 = 5;
/// How long the leader goes on collecting once it has a quorum: each further signer saves about 1,900 gas.
pub const GRACE: u64 = 100;
/// How long after quorum a leader whose own partial is missing counts as silent (the mesh delivers in a third of it).
pub const FAST_SKIP: u64 = 300;
/// How long after a task is due, or its batch has failed, each further stage waits before it assigns the task itself.
pub const SILENCE: u64 = 400;
/// How long a keeper that has signed waits for a quorum before it asks a peer what it lacks, and between questions.
pub const REPAIR: u64 = 1_000;
/// How long a keeper listens at its start before it signs: peers answer what it signed before within this time.
pub const LISTEN: u64 = 2_000;

/// The spans that follow from the chain's pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Seconds between two blocks.
    pub block_seconds: u64,
    /// Blocks on top of a block before it is acted on.
    pub confirmations: u64,
}

impl Pace {
    /// Length of a window in seconds: one block, but at least 2 s.
    pub fn window_seconds(&self) -> u64 {
        self.block_seconds.max(2)
    }

    /// How far before its due moment a task's anchor lies, so that it is fixed by then even if a block comes late.
    pub fn lag_seconds(&self) -> u64 {
        (self.confirmations + 2).saturating_mul(self.block_seconds)
    }

    /// Seconds between two attempts at a task: four windows.
    pub fn retry_seconds(&self) -> u64 {
        self.window_seconds() * 4
    }

    /// How long a submitter has before the next in line takes over, in milliseconds.
    pub fn stage(&self) -> u64 {
        (2 * self.block_seconds * 1000 + 2 * FAST_SKIP + 400).max(2_000)
    }

    /// How long tasks and batches are remembered after they are over, for latecomers, in milliseconds: 15 windows, in
    /// which a line of submitters gets several turns.
    pub fn retention(&self) -> u64 {
        self.window_seconds() * 15_000
    }

    /// When attempt `attempt` at a task due at `due` starts, in seconds.
    pub fn attempt_due(&self, due: u64, attempt: u8) -> u64 {
        due.saturating_add(u64::from(attempt).saturating_mul(self.retry_seconds()))
    }

    /// The anchor of an attempt is the last block with a timestamp up to this one.
    pub fn anchor_limit(&self, due: u64, attempt: u8) -> u64 {
        self.attempt_due(due, attempt).saturating_sub(self.lag_seconds())
    }

    /// The leader seed of a window is taken from the last block with a timestamp up to this one: the start of the
    /// window before it, less the time the block needs to be confirmed by then.
    pub fn seed_limit(&self, window: u64) -> u64 {
        let start = window.saturating_sub(1).saturating_mul(self.window_seconds());
        start.saturating_sub(self.confirmations.saturating_mul(self.block_seconds))
    }
}

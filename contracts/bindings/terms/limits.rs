//! Where a job stops by itself.

/// What becomes of runs that came due while nobody could make them, `IJobManager.Missed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Missed {
    /// Each is made up for, in order, for as long as it may settle.
    #[default]
    All = 0,
    /// The newest alone: one is given up when the next is due, and not before a minute has passed.
    Once = 1,
    /// None: one is given up a minute after it was due.
    Skip = 2,
}

impl Missed {
    /// The policy of this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::All),
            1 => Some(Self::Once),
            2 => Some(Self::Skip),
            _ => None,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Once => "once",
            Self::Skip => "skip",
        }
    }
}

/// Where a job stops by itself, and what it does not pay for. The default has no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// No run due after this moment is made, in Unix seconds; zero: the job has no end.
    pub until: u64,
    /// So many runs of a version are made at most; zero: as many as come due.
    pub most_runs: u32,
    /// No run is made at a block with a higher base fee, in wei; zero: whatever gas costs.
    pub most_gas_price: u64,
    /// What becomes of runs that were missed.
    pub missed: Missed,
}

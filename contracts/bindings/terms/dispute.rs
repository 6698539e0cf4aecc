//! Where disputes stand.

/// Where a dispute stands, `IChallenger.DisputeStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum DisputeStatus {
    /// There is no such dispute.
    None = 0,
    /// Nobody has ruled on it yet.
    Open = 1,
    /// The report was wrong: its signers are to be punished.
    Upheld = 2,
    /// The report was right.
    Rejected = 3,
    /// Nobody ruled in time.
    Expired = 4,
}

impl DisputeStatus {
    /// The status of this number; [`Self::None`] also for one that is not known.
    #[must_use]
    pub const fn of(number: u8) -> Self {
        match number {
            1 => Self::Open,
            2 => Self::Upheld,
            3 => Self::Rejected,
            4 => Self::Expired,
            _ => Self::None,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "unknown",
            Self::Open => "open",
            Self::Upheld => "upheld",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }
}

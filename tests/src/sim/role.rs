//! The ways in which keepers are hostile.

/// How a keeper is hostile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Signs two results, and shows one to one half of the mesh and the other to the other.
    Equivocator,
    /// Sends signatures, certificates, assignments and evidence that nobody made.
    Forger,
    /// Says nothing and answers nobody.
    Silent,
    /// Says everything, seconds late.
    Late,
    /// Sends again what others said before, some of it in another wrapping.
    Replayer,
    /// As a leader, gives two assignments one number and each half of the mesh one of them.
    SplitBrain,
    /// As a leader, assigns, takes the partials, and submits nothing.
    Swallower,
    /// As a leader, leaves a job out.
    Censor,
    /// Speaks in the name of others.
    Impersonator,
    /// Sends junk of every kind.
    Flooder,
    /// Runs nothing and signs what others found.
    Copier,
    /// As a leader, lists every task beside ones that do not exist, for all attempts to come; and does so before its time.
    Spoiler,
    /// As a leader, lists every task as often as an assignment holds.
    Crowder,
    /// As a leader, lists conditions at blocks where they do not hold.
    Alarmist,
}

impl Role {
    pub(super) const ALL: [Self; 14] = [
        Self::Equivocator,
        Self::Forger,
        Self::Silent,
        Self::Late,
        Self::Replayer,
        Self::SplitBrain,
        Self::Swallower,
        Self::Censor,
        Self::Impersonator,
        Self::Flooder,
        Self::Copier,
        Self::Spoiler,
        Self::Crowder,
        Self::Alarmist,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Equivocator => "equivocator",
            Self::Forger => "forger",
            Self::Silent => "silent",
            Self::Late => "late",
            Self::Replayer => "replayer",
            Self::SplitBrain => "split_brain_leader",
            Self::Swallower => "swallowing_leader",
            Self::Censor => "censoring_leader",
            Self::Impersonator => "impersonator",
            Self::Flooder => "flooder",
            Self::Copier => "result_copier",
            Self::Spoiler => "spoiling_leader",
            Self::Crowder => "crowding_leader",
            Self::Alarmist => "alarming_leader",
        }
    }
}

//! Whether this keeper's operator counts, why not, and how to mend it: told in the `registered` check and in the log.

use consensus::time::Pace;

use super::admission::Change;
use crate::view::Check;

/// What the chain shows of this keeper's operator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    /// Number of the current epoch, and the first block it is active at; `None` before the first.
    pub(super) epoch: Option<(u32, u64)>,
    /// This keeper's row in it, if the row has stake and holds this keeper's keys.
    pub(super) index: Option<u16>,
    /// What the operator did last: registered, or left.
    pub(super) latest: Option<Change>,
    /// This keeper's peer key.
    pub(super) peer_key: [u8; 32],
    /// Whether tasks pinned to the last epoch that counted on this keeper may still be under way.
    pub(super) finishing: bool,
    /// Block in which it was convicted last.
    pub(super) ejected: Option<u64>,
}

/// Where the operator of a keeper stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The registry does not know it.
    Unregistered,
    /// Registered with a peer key that this keeper does not hold.
    OtherKeys,
    /// Registered, and not in a committee yet.
    Waiting,
    /// Registered before the epoch was written, and without a row that counts.
    NotCounted(u32),
    /// It counts.
    Serving { index: u16, epoch: u32 },
    /// Deregistered, but the epoch still counts on it.
    Leaving { index: u16, epoch: u32 },
    /// Deregistered, and its last epoch is just over.
    Finishing(u32),
    /// Deregistered, and no epoch counts on it any more.
    Left(u32),
    /// Convicted in this block, and not registered since.
    Ejected(u64),
}

impl Standing {
    pub(super) fn of(facts: &Facts) -> Self {
        let Facts { epoch, index, latest, peer_key, finishing, ejected } = *facts;
        let (epoch, active_from) = epoch.unwrap_or_default();
        let registered = latest.map(|change| (change.block, change.peer_key));
        // The conviction takes the registration away in the same block.
        if let (Some(block), Some((left, None))) = (ejected, registered)
            && block >= left
        {
            return Self::Ejected(block);
        }
        match (index, registered) {
            (Some(index), Some((_, None))) => Self::Leaving { index, epoch },
            (Some(index), _) => Self::Serving { index, epoch },
            (None, None) => Self::Unregistered,
            (None, Some((_, None))) if finishing => Self::Finishing(epoch),
            (None, Some((_, None))) => Self::Left(epoch),
            (None, Some((_, Some(registered)))) if registered != peer_key => Self::OtherKeys,
            // An epoch is active from the block after the one that wrote it.
            (None, Some((block, _))) if block.saturating_add(1) < active_from => Self::NotCounted(epoch),
            (None, Some(_)) => Self::Waiting,
        }
    }

    /// Whether this keeper signs, and what to say about it.
    pub(super) fn check(self) -> Check {
        let (ok, message) = match self {
            Self::Serving { index, epoch } => (true, format!("keeper {index} of epoch {epoch}")),
            Self::Leaving { index, epoch } => (
                true,
                format!("keeper {index} of epoch {epoch}, deregistered: leave it running until that epoch is over"),
            ),
            Self::Finishing(epoch) => {
                (false, format!("deregistered: epoch {epoch} does not count on it; finishing the last tasks"))
            }
            Self::Left(epoch) => (
                false,
                format!(
                    "left: epoch {epoch} does not count on it and it signs nothing; stop it, or come back with \
                     `keeper operator register`"
                ),
            ),
            Self::Ejected(block) => (
                false,
                format!(
                    "ejected in block {block}: its key signed two results of one task, and counts no more. Stop it, look \
                     for another process with the same key or an old copy of the journal, then `keeper keys rotate` and \
                     `keeper operator register`"
                ),
            ),
            Self::Waiting => (false, "registered: it counts from the next epoch on".to_owned()),
            Self::NotCounted(epoch) => (
                false,
                format!(
                    "registered, but not counted in epoch {epoch}: its stake is too low, or its BLS key is another one \
                     than this data directory holds; see `keeper operator status`"
                ),
            ),
            Self::OtherKeys => {
                (false, "registered with another peer key: use the data directory it was registered from".to_owned())
            }
            Self::Unregistered => (
                false,
                "not in the current epoch with these keys: run `keeper operator register`, and wait for the next epoch"
                    .to_owned(),
            ),
        };
        Check { ok, message, ..Check::default() }
    }
}

/// Where the operator stands, from look to look.
#[derive(Debug, Default)]
pub(super) struct Post {
    /// What was told last.
    told: Option<Standing>,
    /// When the newest block came at which this keeper counted, in seconds of the chain.
    last_counted: Option<u64>,
    /// Block in which the operator was convicted last.
    ejected: Option<u64>,
}

impl Post {
    /// Whether tasks pinned to the last epoch that counted on this keeper may be under way at `head`, in seconds of the chain.
    pub(super) fn is_finishing(&self, head: u64, pace: &Pace) -> bool {
        self.last_counted.is_some_and(|last| head <= last.saturating_add(last_tasks(pace)))
    }

    /// The operator was convicted.
    pub(super) fn eject(&mut self, block: u64) {
        self.ejected = Some(block);
    }

    /// The block in which it was.
    pub(super) fn ejected(&self) -> Option<u64> {
        self.ejected
    }

    /// Blocks above `number` are orphaned; what stands in their place is told anew.
    pub(super) fn rewind(&mut self, number: u64) {
        self.ejected = self.ejected.filter(|block| *block <= number);
    }

    /// Takes note of where the operator stands at `head`, in seconds of the chain, 0 before its first block; what is to be told
    /// if that is news. Another epoch is news enough when it comes.
    pub(super) fn note(&mut self, standing: Standing, head: u64) -> Option<Check> {
        if matches!(standing, Standing::Serving { .. } | Standing::Leaving { .. }) {
            self.last_counted = Some(head);
        }
        if head == 0 || self.told == Some(standing) {
            return None;
        }
        let counted = matches!(self.told, Some(Standing::Serving { .. }));
        self.told = Some(standing);
        let same = counted && matches!(standing, Standing::Serving { .. });
        (!same).then(|| standing.check())
    }
}

/// Seconds after an epoch in which the tasks pinned to it are still signed and tried again: the time from an anchor to its
/// due moment, and that between two attempts.
fn last_tasks(pace: &Pace) -> u64 {
    pace.lag_seconds().saturating_add(pace.retry_seconds())
}

#[cfg(test)]
mod tests;

//! This keeper's offers to write the next epoch's table: one that fails may be chance, several in a row are not, and meanwhile
//! whoever joins, leaves or changes its stake or keys waits.

use crate::chain::SnapshotResult;

/// Offers that fail in a row, each in another window that this keeper leads, before it is said.
const FEW: u32 = 3;

/// The failures since an offer did what it should, or an epoch was written.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    failures: u32,
    newest: String,
}

impl Snapshots {
    /// An offer ended.
    pub(super) fn note(&mut self, result: &SnapshotResult) {
        match result {
            SnapshotResult::Mined { .. } | SnapshotResult::NotNeeded => *self = Self::default(),
            SnapshotResult::Reverted { reason: why } | SnapshotResult::Failed { why } => {
                self.failures = self.failures.saturating_add(1);
                self.newest.clone_from(why);
            }
        }
    }

    /// An epoch was written, by whomever.
    pub(super) fn written(&mut self) {
        *self = Self::default();
    }

    /// What is wrong and how to mend it, if offers fail again and again.
    pub(super) fn trouble(&self) -> Option<String> {
        (self.failures >= FEW).then(|| {
            format!(
                "the next epoch is overdue: this keeper could not write it {} times in a row ({}), and changes of the operator \
                 set wait for it; look at the checks `account`, `nodes` and `runway`, or call snapshot() of the registry by hand",
                self.failures, self.newest
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_that_fail_in_a_row_are_told_until_one_does_not() {
        let failed = |why: &str| SnapshotResult::Failed { why: why.to_owned() };
        let mined = SnapshotResult::Mined { tx: alloy::primitives::B256::ZERO, gas_used: 1 };
        let mut snapshots = Snapshots::default();
        for end in [mined, SnapshotResult::NotNeeded] {
            snapshots.note(&failed("first"));
            snapshots.note(&SnapshotResult::Reverted { reason: "second".to_owned() });
            assert_eq!(snapshots.trouble(), None);
            snapshots.note(&failed("no node takes it"));
            let said = snapshots.trouble().expect("three");
            assert!(
                said.contains("3 times") && said.contains("no node takes it") && said.contains("snapshot()"),
                "{said}"
            );
            snapshots.note(&end);
            assert_eq!(snapshots.trouble(), None);
        }
        (0..3).for_each(|_| snapshots.note(&failed("x")));
        snapshots.written();
        assert_eq!(snapshots.trouble(), None, "another keeper has done it");
    }
}

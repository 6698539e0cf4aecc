//! Tasks that batches list and this keeper does not know, or not yet: which batches are to look again once it does.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::B256;

use crate::committee::KeeperIndex;
use crate::message::BatchKey;
use crate::task::Task;

/// Most of them in all batches of one leader. A keeper that is behind hears of tasks before it knows them; of more than that
/// only from a leader that makes them up.
const UNKNOWN_MAX: usize = 8_192;

/// The tasks, by batch and the other way round.
#[derive(Clone, Debug, Default)]
pub(super) struct Unknown {
    listings: BTreeMap<BatchKey, (KeeperIndex, Vec<Task>)>,
    listing: BTreeSet<(Task, BatchKey)>,
    of_leader: BTreeMap<KeeperIndex, usize>,
}

impl Unknown {
    /// A leader's batch lists these; false, and nothing noted, if it has listed too many already.
    pub(super) fn note(&mut self, key: BatchKey, leader: KeeperIndex, tasks: Vec<Task>) -> bool {
        let listed = self.of_leader.get(&leader).copied().unwrap_or_default();
        if listed + tasks.len() > UNKNOWN_MAX {
            return false;
        }
        if !tasks.is_empty() {
            self.of_leader.insert(leader, listed + tasks.len());
            self.listing.extend(tasks.iter().map(|&task| (task, key)));
            self.listings.insert(key, (leader, tasks));
        }
        true
    }

    /// Whether a batch lists a task.
    pub(super) fn lists(&self, task: &Task) -> bool {
        self.listing_of(*task).next().is_some()
    }

    fn listing_of(&self, task: Task) -> impl Iterator<Item = BatchKey> {
        let first = BatchKey { assignment: B256::ZERO, batch: 0 };
        let last = BatchKey { assignment: B256::repeat_byte(0xff), batch: u8::MAX };
        self.listing.range((task, first)..=(task, last)).map(|(_, key)| *key)
    }

    /// A task is known now: the batches that list it.
    pub(super) fn known(&mut self, task: Task) -> Vec<BatchKey> {
        let keys: Vec<BatchKey> = self.listing_of(task).collect();
        for &key in &keys {
            self.listing.remove(&(task, key));
            if let Some((leader, tasks)) = self.listings.get_mut(&key) {
                let (leader, before) = (*leader, tasks.len());
                tasks.retain(|other| *other != task);
                let gone = before - tasks.len();
                if tasks.is_empty() {
                    self.listings.remove(&key);
                }
                self.give_back(leader, gone);
            }
        }
        keys
    }

    /// A batch is gone, or refused.
    pub(super) fn forget(&mut self, key: BatchKey) {
        if let Some((leader, tasks)) = self.listings.remove(&key) {
            for &task in &tasks {
                self.listing.remove(&(task, key));
            }
            self.give_back(leader, tasks.len());
        }
    }

    fn give_back(&mut self, leader: KeeperIndex, places: usize) {
        if let Some(listed) = self.of_leader.get_mut(&leader) {
            *listed = listed.saturating_sub(places);
            if *listed == 0 {
                self.of_leader.remove(&leader);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::task;

    fn key(number: u8) -> BatchKey {
        BatchKey { assignment: B256::repeat_byte(number), batch: number }
    }

    #[test]
    fn a_task_that_comes_to_be_known_names_its_batches_once() {
        let mut unknown = Unknown::default();
        assert!(unknown.note(key(1), KeeperIndex(0), vec![task(1), task(2)]));
        assert!(unknown.note(key(2), KeeperIndex(1), vec![task(2), task(3)]));
        assert!(unknown.lists(&task(3)) && !unknown.lists(&task(4)));
        assert_eq!(unknown.known(task(2)), [key(1), key(2)]);
        assert_eq!(unknown.known(task(2)), []);
        unknown.forget(key(1));
        assert_eq!(unknown.known(task(1)), [], "its batch is gone");
        assert_eq!(unknown.known(task(3)), [key(2)]);
        assert!(unknown.listings.is_empty() && unknown.listing.is_empty() && unknown.of_leader.is_empty());
    }

    #[test]
    fn a_leader_lists_so_many_and_no_more_and_another_one_as_many() {
        let mut unknown = Unknown::default();
        let many = |from: u64| (from..from + 64).map(task).collect::<Vec<_>>();
        let taken = (0..=u8::MAX).filter(|&number| unknown.note(key(number), KeeperIndex(0), many(u64::from(number))));
        assert_eq!(taken.count(), UNKNOWN_MAX / 64);
        assert!(!unknown.note(key(200), KeeperIndex(0), vec![task(1)]), "not one more");
        assert!(unknown.note(key(200), KeeperIndex(0), vec![]), "what is known finds its place");
        assert!(unknown.note(key(201), KeeperIndex(1), many(0)), "another leader's are its own");
        unknown.forget(key(0));
        assert!(unknown.note(key(0), KeeperIndex(0), many(0)), "the places of what is gone are free");
    }
}

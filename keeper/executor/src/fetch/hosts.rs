//! At most two requests to one host at a time, and one for each owner.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::turns::{Bounds, Customer, Turn, Turns};

/// What one host is asked.
const BOUNDS: Bounds =
    Bounds { places: 2, slow_places: 2, places_each: 1, slow: Duration::MAX, waiting: 4096, waiting_each: 256 };

/// The hosts that are being asked, or waited for.
#[derive(Debug, Default)]
pub(super) struct Hosts(Mutex<HashMap<String, Arc<Turns>>>);

/// Leave to ask a host.
#[derive(Debug)]
pub(super) struct Visit {
    hosts: Arc<Hosts>,
    name: String,
    turn: Option<Turn>,
}

impl Hosts {
    /// Waits until a host may be asked. `None`: too many wait for it.
    pub(super) async fn visit(self: &Arc<Self>, name: String, owner: Customer) -> Option<Visit> {
        let host = {
            let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(hosts.entry(name.clone()).or_insert_with(|| Turns::new(BOUNDS)))
        };
        // Made before the wait, so that whoever goes away in it leaves nothing behind.
        let mut visit = Visit { hosts: Arc::clone(self), name, turn: None };
        visit.turn = Some(host.take(owner).await?);
        Some(visit)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.turn = None;
        let mut hosts = self.hosts.0.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.get(&self.name).is_some_and(|host| Arc::strong_count(host) == 1) {
            hosts.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn two_at_a_time_one_each_and_nothing_stays_behind() {
        let hosts = Arc::<Hosts>::default();
        let visit = |name: &str, owner| {
            let (hosts, name) = (Arc::clone(&hosts), name.to_owned());
            tokio::spawn(async move { hosts.visit(name, [owner; 20]).await })
        };
        let first = visit("a", 1).await.expect("no panic").expect("a place");
        let again = visit("a", 1);
        let other = visit("a", 2).await.expect("no panic").expect("a place");
        let elsewhere = visit("b", 1).await.expect("no panic").expect("a place");
        assert!(!again.is_finished());
        drop(first);
        drop(again.await.expect("no panic").expect("a place"));
        drop(other);
        assert_eq!(hosts.0.lock().expect("no panic").keys().collect::<Vec<_>>(), ["b"]);
        drop(elsewhere);
    }
}

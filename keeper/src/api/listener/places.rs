//! How many connections each address has: one that opens many leaves the others their room.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Connections of one address at once.
const OF_ONE: usize = 8;
/// The same of this machine: supervisor, scraper, swarm and the operator share one address, and each of ten pages in browsers of
/// their own opens six connections while it loads.
const OF_LOOPBACK: usize = 96;
/// Whoever has an IPv6 address has all that share its first half.
const V6_HALF: u128 = u128::MAX << 64;

/// Counts them; clones share the count.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    taken: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

/// One connection's place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    whose: IpAddr,
}

impl Places {
    /// A place for a connection of this address, if it has not got all of its own.
    pub(super) fn take(&self, address: IpAddr) -> Option<Place> {
        let whose = holder(address);
        let most = if whose.is_loopback() { OF_LOOPBACK } else { OF_ONE };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(whose).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place { places: self.clone(), whose })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.whose) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.whose);
            }
        }
    }
}

fn holder(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => Ipv6Addr::from_bits(address.to_bits() & V6_HALF).into(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_takes_its_own_places_and_no_others() {
        let places = Places::default();
        let take = |address: &str| places.take(address.parse().expect("an address"));
        for (address, same, most) in [
            ("203.0.113.7", "::ffff:203.0.113.7", OF_ONE),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", OF_ONE),
            ("127.0.0.1", "127.0.0.1", OF_LOOPBACK),
            ("::1", "::1", OF_LOOPBACK),
        ] {
            let mut held: Vec<_> = (0..most).map(|_| take(address).expect("there is room")).collect();
            assert!(take(address).is_none() && take(same).is_none(), "{address} has all of its own");
            assert!(take("203.0.113.8").is_some() && take("2001:db8:0:2::1").is_some(), "others have theirs");
            held.pop();
            assert!(take(same).is_some(), "what {address} gives back can be taken again");
        }
        assert!(places.taken.lock().expect("no panic").is_empty(), "nothing is kept of those that are gone");
    }
}

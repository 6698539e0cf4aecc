//! Which way a frame takes, whether it gets there, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::Order;

/// An Ethernet address.
type Address = [u8; 6];
/// Most addresses that are remembered: there are few ports, with one each.
const MOST_ADDRESSES: usize = 1024;

/// The wires between all ports.
#[derive(Debug)]
pub struct Wire {
    ports: usize,
    /// Behind which port an address is, by the frames that came from there.
    places: BTreeMap<Address, usize>,
    delay: Duration,
    jitter: Duration,
    loss: u8,
    cut: BTreeSet<(usize, usize)>,
    /// When the last frame of a way arrives: none overtakes it.
    last: BTreeMap<(usize, usize), Instant>,
    random: u64,
}

impl Wire {
    /// Wires that neither lose nor delay.
    #[must_use]
    pub const fn new(ports: usize, seed: u64) -> Self {
        Self {
            ports,
            places: BTreeMap::new(),
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: 0,
            cut: BTreeSet::new(),
            last: BTreeMap::new(),
            random: seed,
        }
    }

    /// From now on.
    pub fn obey(&mut self, order: &Order) {
        match order {
            Order::Delay(delay, jitter) => (self.delay, self.jitter) = (*delay, *jitter),
            Order::Loss(percent) => self.loss = *percent,
            Order::Cut(from, into) => {
                self.cut.extend(from.iter().flat_map(|&one| into.iter().map(move |&other| (one, other))));
            }
            Order::Heal => self.cut.clear(),
        }
    }

    /// The ports at which a frame arrives, and when.
    pub fn take(&mut self, from: usize, frame: &[u8], now: Instant) -> Vec<(usize, Instant)> {
        let Some((target, rest)) = frame.split_first_chunk::<6>() else { return Vec::new() };
        let Some((source, _)) = rest.split_first_chunk::<6>() else { return Vec::new() };
        if self.places.len() < MOST_ADDRESSES {
            self.places.insert(*source, from);
        }
        let known = self.places.get(target).copied();
        let others = (0..self.ports).filter(|to| *to != from && known.is_none_or(|known| known == *to));
        let others: Vec<usize> = others.collect();
        others.into_iter().filter_map(|to| Some((to, self.arrival(from, to, now)?))).collect()
    }

    fn arrival(&mut self, from: usize, to: usize, now: Instant) -> Option<Instant> {
        if self.cut.contains(&(from, to)) || self.below(100) < u64::from(self.loss) {
            return None;
        }
        let jitter = u64::try_from(self.jitter.as_micros()).unwrap_or(u64::MAX);
        let spread = Duration::from_micros(self.below(2 * jitter + 1));
        let at = now + (self.delay + spread).saturating_sub(self.jitter);
        let at = self.last.get(&(from, to)).map_or(at, |last| at.max(*last));
        self.last.insert((from, to), at);
        Some(at)
    }

    /// A number below `bound`: splitmix64, by Sebastiano Vigna.
    fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ self.random >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % bound.max(1)
    }
}

#[cfg(test)]
mod tests;

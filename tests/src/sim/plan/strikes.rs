//! What fails when: links that are cut, and what strikes keepers and chain.

use super::{Claim, Cut, FIRST_DUE, HEAL, Plan, Strike};
use crate::sim::disk::Failure;
use crate::sim::random::Random;

impl Plan {
    pub(super) fn draw_cuts(&mut self, random: &mut Random) {
        let keepers = self.roles.len();
        for one_way in [false, true] {
            if !random.chance(400) {
                continue;
            }
            for _ in 0..random.between(1, 2) {
                let from = random.between(FIRST_DUE * 1000, (HEAL - 6) * 1000);
                let to = (from + random.between(1_000, 12_000)).min(HEAL * 1000);
                let share = random.between(100, 500);
                let side = (0..keepers).map(|_| random.chance(share)).collect();
                self.cuts.push(Cut { from, to, side, one_way });
            }
        }
    }

    pub(super) fn draw_strikes(&mut self, random: &mut Random) {
        let keepers = self.roles.len() as u64;
        let moment = |random: &mut Random| random.between(3_000, HEAL * 1000 - 500);
        let some = |random: &mut Random, share: u64| (keepers * share / 100).max(1).min(random.between(1, keepers));
        let mut strikes = Vec::new();
        if random.chance(500) {
            self.ambush = random.between(0, 12);
            for _ in 0..some(random, 60) {
                let (keeper, down) = (random.below(keepers) as usize, random.between(50, 6_000));
                strikes.push((moment(random), Strike::Crash { keeper, down }));
            }
        }
        if random.chance(80) {
            // The whole mesh at once.
            let at = moment(random);
            (0..keepers as usize).for_each(|keeper| {
                strikes.push((at, Strike::Crash { keeper, down: 100 + 300 * (at + keeper as u64) % 1_500 }));
            });
        }
        if random.chance(300) {
            for _ in 0..some(random, 30) {
                let failures = [Failure::Write, Failure::ShortWrite, Failure::Sync];
                let failure = failures[random.below(3) as usize];
                strikes.push((moment(random), Strike::Storage { keeper: random.below(keepers) as usize, failure }));
            }
        }
        if random.chance(300) {
            for _ in 0..some(random, 40) {
                let (keeper, length) = (random.below(keepers) as usize, random.between(1_000, 15_000));
                strikes.push((moment(random), Strike::Outage { keeper, length }));
            }
        }
        if random.chance(300) {
            for _ in 0..some(random, 30) {
                let (keeper, length) = (random.below(keepers) as usize, random.between(1_000, 10_000));
                strikes.push((moment(random), Strike::Lag { keeper, blocks: random.between(1, 5), length }));
            }
        }
        if random.chance(400) {
            for _ in 0..random.between(1, 4) {
                let deepest = if self.pace.confirmations == 0 { 3 } else { self.pace.confirmations };
                let depth = random.between(1, deepest) as usize;
                strikes.push((moment(random), Strike::Reorganise { depth }));
            }
        }
        if random.chance(300) {
            for _ in 0..some(random, 25) {
                let keeper = random.below(keepers) as usize;
                self.skews[keeper] = random.between(0, 120_000) as i64 - 60_000;
            }
        }
        if random.chance(300) {
            for _ in 0..random.between(1, 3) {
                let at = random.between((FIRST_DUE + 4) * 1000, HEAL * 1000);
                let claim = match random.below(1_000) {
                    0..300 => Claim::Wrong,
                    300..600 => Claim::MadeUp,
                    _ => Claim::Right,
                };
                strikes.push((at, Strike::Dispute(claim)));
            }
        }
        self.strikes = strikes;
    }
}

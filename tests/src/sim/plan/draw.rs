//! The operator sets, the jobs and the links of a seed.

use alloy::primitives::keccak256;
use consensus::committee::{Committee, Member};
use contracts::terms::TriggerTerms;

use super::nature::terms;
use super::{Conduct, FIRST_DUE, Job, Links, PRELUDE, Rhythm, START};
use crate::sim::keys::Keys;
use crate::sim::random::Random;

/// Stakes change from epoch to epoch, sometimes by a member that leaves for an epoch; the honest keepers alone always
/// hold a quorum, so a third of the stake or more is never hostile.
pub(super) fn draw_committees(random: &mut Random, keys: &[Keys], hostile: &[bool]) -> Vec<Committee> {
    let spread = if random.chance(500) { 40 } else { 0 };
    let first = [3, PRELUDE + random.between(8, 20), PRELUDE + random.between(24, 46)];
    let epochs = random.between(1, 3) as usize;
    let mut committees = Vec::new();
    for (epoch, &active_from) in (1u32..).zip(first.iter().take(epochs)) {
        let mut stakes: Vec<u128> = keys.iter().map(|_| 1_000 + u128::from(random.below(10 * spread + 1))).collect();
        let away = random.below(keys.len() as u64) as usize;
        let stays = stakes[away];
        if epoch > 1 && random.chance(500) {
            stakes[away] = 0;
        }
        if !honest_quorum(&stakes, hostile) {
            stakes[away] = stays;
        }
        while !honest_quorum(&stakes, hostile) {
            for (stake, _) in stakes.iter_mut().zip(hostile).filter(|(_, hostile)| **hostile) {
                *stake = *stake * 9 / 10;
            }
        }
        let members = keys.iter().zip(&stakes).map(|(keys, &stake)| Member {
            operator: keys.operator,
            stake,
            peer_key: keys.peer,
            key: keys.secret.public_key(),
        });
        let root = keccak256(epoch.to_be_bytes());
        #[expect(clippy::expect_used, reason = "the stakes are small and not all zero")]
        committees.push(Committee::new(epoch, active_from, root, members.collect()).expect("a committee"));
    }
    committees
}

fn honest_quorum(stakes: &[u128], hostile: &[bool]) -> bool {
    let total: u128 = stakes.iter().sum();
    let honest: u128 = stakes.iter().zip(hostile).filter(|(_, hostile)| !**hostile).map(|(stake, _)| stake).sum();
    honest * 10_000 >= total * 6_667 && (total - honest) * 3 < total
}

/// Two jobs on one beat, so that batches come about, and others of every conduct between them.
pub(super) fn draw_jobs(random: &mut Random) -> Vec<Job> {
    let beats: [(u64, Conduct); 5] = [
        (2, Conduct::Calls),
        (2, Conduct::Calls),
        (random.between(3, 5), Conduct::Calls),
        (random.between(4, 6), Conduct::Skips),
        (2 * random.between(3, 5), Conduct::Differs),
    ];
    let jobs = beats.iter().enumerate().map(|(position, &(interval, conduct))| {
        let id = position as u64 + 1;
        let first = FIRST_DUE + if position < 2 { 0 } else { random.below(3) };
        let trigger = TriggerTerms::Interval { start: START + first, interval: interval as u32 };
        let quorum_bps = if position == 2 && random.chance(300) { 6_667 } else { 0 };
        let params = terms(id, trigger, quorum_bps).params();
        Job { id, params, conduct, rhythm: Rhythm::Interval { first, interval } }
    });
    jobs.collect()
}

pub(super) fn draw_links(random: &mut Random) -> Links {
    let share =
        |random: &mut Random, odds: u64, most: u64| if random.chance(odds) { random.between(1, most) } else { 0 };
    Links {
        loss: share(random, 600, 300),
        duplication: share(random, 500, 200),
        slow: share(random, 500, 200),
        slow_by: random.between(200, 4_000),
        delay: random.between(5, 150),
    }
}

use super::{Look, Newest};
use crate::chain::Head;
use alloy::primitives::B256;
use std::time::{Duration, Instant};

fn head(number: u64, fork: u8) -> Head {
    Head {
        number,
        hash: B256::from(
            [number.to_be_bytes(), [fork; 8], [0; 8], [0; 8]].concat()[..]
                .try_into()
                .map(|bytes: [u8; 32]| bytes)
                .expect("32"),
        ),
        parent: B256::ZERO,
        timestamp: number,
    }
}

#[test]
fn what_a_newest_block_means_depends_on_those_before() {
    let start = Instant::now();
    // Milliseconds, block, fork, and what it shows.
    let looks = [
        (0, 10, 0, Look::New { live: false }),
        (200, 10, 0, Look::Same),
        (900, 11, 0, Look::New { live: true }),
        (1_000, 11, 1, Look::New { live: true }),
        (1_100, 9, 0, Look::Behind),
        (1_300, 11, 1, Look::Same),
        (1_500, 9, 0, Look::Behind),
        (11_400, 9, 0, Look::Behind),
        (11_500, 9, 0, Look::SetBack),
        (11_600, 10, 1, Look::SetBack),
        (11_700, 12, 1, Look::New { live: true }),
        // A chain that makes blocks on demand: minutes of nothing are nothing.
        (300_000, 12, 1, Look::Same),
        (300_100, 13, 1, Look::New { live: true }),
        // An outage: nobody knows when this one came.
        (400_000, 90, 1, Look::New { live: false }),
    ];
    let mut newest = Newest::new(Duration::from_secs(1));
    for (after, number, fork, wanted) in looks {
        let seen = newest.look(head(number, fork), start + Duration::from_millis(after));
        assert_eq!(seen, wanted, "block {number} of fork {fork} after {after} ms");
    }
    newest.forget();
    assert_eq!(newest.look(head(3, 0), start + Duration::from_secs(401)), Look::New { live: false });
}

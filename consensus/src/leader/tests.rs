use super::*;
use crate::committee::tests::committee_of;

#[test]
fn everybody_with_stake_is_drawn_once() {
    let committee = committee_of(&[5, 0, 1, 9, 2]);
    let mut drawn = order(B256::repeat_byte(1), &committee);
    assert_eq!(drawn.len(), 4);
    drawn.sort();
    assert_eq!(drawn, [0, 2, 3, 4].map(KeeperIndex));
}

#[test]
fn the_order_is_a_known_function_of_the_seed() {
    let committee = committee_of(&[1, 2, 3, 4, 5]);
    let domain = B256::repeat_byte(9);
    let first = seed(domain, committee.table_root(), Window(100), B256::repeat_byte(4));
    assert_eq!(order(first, &committee), order(first, &committee));
    let other = seed(domain, committee.table_root(), Window(101), B256::repeat_byte(4));
    assert_ne!(first, other);
    // Known answer, so that another implementation can check itself against this one.
    assert_eq!(order(first, &committee).iter().map(|i| i.0).collect::<Vec<_>>(), KNOWN_ORDER);
}

const KNOWN_ORDER: [u16; 5] = [3, 4, 1, 2, 0];

#[test]
fn first_place_follows_stake() {
    let committee = committee_of(&[1, 3]);
    let led = (0..4000u64)
        .filter(|&w| {
            let seed = seed(B256::ZERO, committee.table_root(), Window(w), B256::ZERO);
            order(seed, &committee)[0] == KeeperIndex(1)
        })
        .count();
    assert!((2880..3120).contains(&led), "3 of 4 shares led {led} of 4000 windows");
}

#[test]
fn a_large_committee_has_sixteen_stages() {
    let committee = committee_of(&[7; 40]);
    let drawn = order(B256::repeat_byte(3), &committee);
    assert_eq!(drawn.len(), STAGES_MAX);
}

#[test]
fn a_line_is_drawn_anew_when_its_block_or_its_committee_is_another_one() {
    let (domain, window) = (B256::repeat_byte(9), Window(100));
    // Another table has another root.
    let other = Committee::new(2, 1, B256::repeat_byte(0x77), committee_of(&[8, 1, 1]).members().to_vec()).unwrap();
    let committees = [committee_of(&[5, 6, 7]), other];
    let mut lines = Lines::default();
    for (block, committee) in [(1, 0), (2, 0), (1, 0), (1, 1), (1, 0)] {
        let (block, committee) = (B256::repeat_byte(block), &committees[committee]);
        let line = lines.order(domain, window, block, committee);
        assert_eq!(line, draw(domain, window, block, committee));
        assert_eq!(lines.known(window, block, committee), Some(line.as_slice()));
    }
    assert_eq!(lines.known(window, B256::repeat_byte(2), &committees[0]), None);
    for other in 0..2 * LINES_MAX as u64 {
        lines.order(domain, Window(other), B256::ZERO, &committees[0]);
    }
    assert_eq!(lines.0.len(), LINES_MAX);
}
